package reconcile

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/akohub/akohub/hub/plan"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

type metrics struct {
	steps      *prometheus.CounterVec
	writeBacks *prometheus.CounterVec
	cycles     *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "akohub_plan_steps_total", Help: "Steps of plans that were carried out, by cluster, operation and result.",
		}, []string{"cluster", "op", "result"}),
		writeBacks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "akohub_write_backs_total", Help: "Write-backs that agents were asked for, by cluster and outcome.",
		}, []string{"cluster", "outcome"}),
		cycles: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "akohub_reconcile_seconds", Help: "Duration of a reconcile cycle in seconds, by cluster.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"cluster"}),
	}
	if r != nil {
		r.MustRegister(m.steps, m.writeBacks, m.cycles)
	}
	return m
}

func (m *metrics) cycle(cluster string, took time.Duration) {
	m.cycles.WithLabelValues(cluster).Observe(took.Seconds())
}

func (m *metrics) step(cluster string, op plan.Op, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.steps.WithLabelValues(cluster, string(op), result).Inc()
}

func (m *metrics) writeBack(cluster string, o akohubv1.WriteBackResult_Outcome, err error) {
	outcome := strings.ToLower(strings.TrimPrefix(o.String(), "OUTCOME_"))
	if err != nil {
		outcome = "lost"
	}
	m.writeBacks.WithLabelValues(cluster, outcome).Inc()
}

// forget drops the series of a cluster that is no longer registered.
func (m *metrics) forget(cluster string) {
	l := prometheus.Labels{"cluster": cluster}
	m.steps.DeletePartialMatch(l)
	m.writeBacks.DeletePartialMatch(l)
	m.cycles.DeletePartialMatch(l)
}
