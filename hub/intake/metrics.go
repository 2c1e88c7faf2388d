package intake

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	connected  prometheus.Gauge
	closed     *prometheus.CounterVec
	records    *prometheus.CounterVec
	snapshots  *prometheus.CounterVec
	pruned     prometheus.Counter
	unknown    prometheus.Counter
	writeBacks *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, a *admission) *metrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "akohub", Subsystem: "intake", Name: name, Help: help}
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return register(reg, prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels))
	}
	m := &metrics{
		connected:  register(reg, prometheus.NewGauge(prometheus.GaugeOpts(opts("sessions", "Sessions of agents that are open.")))),
		closed:     counter("sessions_closed_total", "Sessions that ended or were refused, by gRPC status code.", "code"),
		records:    counter("records_total", "Records taken into mirrors, by what they are.", "type"),
		snapshots:  counter("snapshots_total", "Snapshots, by how they ended.", "result"),
		pruned:     register(reg, prometheus.NewCounter(prometheus.CounterOpts(opts("pruned_objects_total", "Objects dropped at the end of snapshots.")))),
		unknown:    register(reg, prometheus.NewCounter(prometheus.CounterOpts(opts("unknown_messages_total", "Messages of a newer agent that were ignored.")))),
		writeBacks: counter("write_backs_total", "Write-backs, by outcome.", "outcome"),
	}
	register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("snapshots_waiting", "Clusters whose snapshot waits for admission.")),
		func() float64 { return float64(a.queued()) }))
	return m
}

// register registers a collector, or returns the one of that name which is
// registered already. Without a registry the collector still counts.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	if reg == nil {
		return c
	}
	if err := reg.Register(c); err != nil {
		var already prometheus.AlreadyRegisteredError
		if errors.As(err, &already) {
			if existing, ok := already.ExistingCollector.(C); ok {
				return existing
			}
		}
	}
	return c
}
