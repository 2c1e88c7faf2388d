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
	left       *prometheus.GaugeVec
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
		left: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "akohub_offboarding_left", Help: "What is left of a cluster in mode offboard: objects on Avi (where=avi), and Kubernetes objects that show its addresses (where=kubernetes). Both 0: it is offboarded.",
		}, []string{"cluster", "where"}),
	}
	if r != nil {
		r.MustRegister(m.steps, m.writeBacks, m.cycles, m.left)
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

// removal shows what is left of a cluster, once that is known.
func (m *metrics) removal(cluster string, r Removal) {
	if !r.Looked {
		return
	}
	m.left.WithLabelValues(cluster, "avi").Set(float64(r.Objects))
	m.left.WithLabelValues(cluster, "kubernetes").Set(float64(r.Statuses))
}

func (m *metrics) forgetRemoval(cluster string) {
	m.left.DeletePartialMatch(prometheus.Labels{"cluster": cluster})
}

// forget drops the series of a cluster that is no longer registered.
func (m *metrics) forget(cluster string) {
	l := prometheus.Labels{"cluster": cluster}
	m.steps.DeletePartialMatch(l)
	m.writeBacks.DeletePartialMatch(l)
	m.cycles.DeletePartialMatch(l)
	m.left.DeletePartialMatch(l)
}
