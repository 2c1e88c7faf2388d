package avi

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of all controllers share their names and differ in a label; each
// client registers its own part with constant labels.
type metrics struct {
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	logins   *prometheus.CounterVec
	inFlight prometheus.Gauge
	steps    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, controller string, rate func() float64) (*metrics, error) {
	labels := prometheus.Labels{"controller": controller}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "akohub_avi_requests_total", Help: "Requests to the Avi Controller by method, object type and status code (0: no answer).",
			ConstLabels: labels,
		}, []string{"method", "type", "code"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "akohub_avi_request_seconds", Help: "Time from sending a request to the Avi Controller to the end of its answer.",
			ConstLabels: labels, Buckets: prometheus.ExponentialBuckets(0.002, 2, 14),
		}, []string{"method"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "akohub_avi_logins_total", Help: "Logins to the Avi Controller by result.",
			ConstLabels: labels,
		}, []string{"result"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "akohub_avi_requests_in_flight", Help: "Requests to the Avi Controller that wait for an answer.",
			ConstLabels: labels,
		}),
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "akohub_avi_steps_total", Help: "Steps of plans by operation, object type and result.",
			ConstLabels: labels,
		}, []string{"op", "type", "result"}),
	}
	if reg == nil {
		return m, nil
	}
	limit := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "akohub_avi_request_rate_limit", Help: "Requests a second that the hub allows itself at the moment.",
		ConstLabels: labels,
	}, rate)
	for _, c := range []prometheus.Collector{m.requests, m.latency, m.logins, m.inFlight, m.steps, limit} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) request(method, typ string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, typ, strconv.Itoa(status)).Inc()
	m.latency.WithLabelValues(method).Observe(took.Seconds())
}

func (m *metrics) login(err error) {
	result := "ok"
	if err != nil {
		result = string(ClassOf(err))
	}
	m.logins.WithLabelValues(result).Inc()
}
