package agent

import (
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/akohub/akohub/agent/link"
	"github.com/akohub/akohub/agent/watch"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// metrics counts what the parts do. It implements their observers.
type metrics struct {
	attempts   prometheus.Counter
	connected  prometheus.Gauge
	records    prometheus.Counter
	messages   *prometheus.CounterVec
	kindState  *prometheus.GaugeVec
	objects    *prometheus.GaugeVec
	writeBacks *prometheus.CounterVec

	up atomic.Bool
}

var (
	_ link.Observer  = (*metrics)(nil)
	_ watch.Observer = (*metrics)(nil)
)

func newMetrics(reg prometheus.Registerer, version string) *metrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "akohub", Subsystem: "agent", Name: name, Help: help}
	}
	m := &metrics{
		attempts:  prometheus.NewCounter(prometheus.CounterOpts(opts("connect_attempts_total", "Attempts to open a session with the hub."))),
		connected: prometheus.NewGauge(prometheus.GaugeOpts(opts("connected", "1 while there is a session with the hub."))),
		records:   prometheus.NewCounter(prometheus.CounterOpts(opts("records_sent_total", "Records sent to the hub."))),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts(opts("messages_sent_total",
			"Messages sent to the hub, by whether they are batches of records.")), []string{"type"}),
		kindState: prometheus.NewGaugeVec(prometheus.GaugeOpts(opts("kind_state",
			"1 for the state in which a kind of the watch plan is.")), []string{"kind", "state"}),
		objects: prometheus.NewGaugeVec(prometheus.GaugeOpts(opts("objects", "Objects in the index, by kind.")), []string{"kind"}),
		writeBacks: prometheus.NewCounterVec(prometheus.CounterOpts(opts("write_backs_total",
			"Write-backs carried out for the hub, by outcome.")), []string{"outcome"}),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts(opts("info", "The agent's release; always 1.")), []string{"version"})
	info.WithLabelValues(version).Set(1)
	if reg != nil {
		reg.MustRegister(m.attempts, m.connected, m.records, m.messages, m.kindState, m.objects, m.writeBacks, info)
	}
	return m
}

func (m *metrics) isConnected() bool { return m.up.Load() }

// Attempt implements link.Observer.
func (m *metrics) Attempt() { m.attempts.Inc() }

// Connected implements link.Observer.
func (m *metrics) Connected(up bool) {
	m.up.Store(up)
	m.connected.Set(boolean(up))
}

// Sent implements link.Observer.
func (m *metrics) Sent(records int, batch bool) {
	m.records.Add(float64(records))
	kind := "other"
	if batch {
		kind = "batch"
	}
	m.messages.WithLabelValues(kind).Inc()
}

// KindState implements watch.Observer.
func (m *metrics) KindState(kind string, a akohubv1.KindState_Availability) {
	for value, name := range akohubv1.KindState_Availability_name {
		if value == 0 {
			continue
		}
		labels := []string{kind, label(name, "AVAILABILITY_")}
		if a == akohubv1.KindState_AVAILABILITY_UNSPECIFIED {
			m.kindState.DeleteLabelValues(labels...)
			continue
		}
		m.kindState.WithLabelValues(labels...).Set(boolean(int32(a) == value))
	}
	if a == akohubv1.KindState_AVAILABILITY_UNSPECIFIED {
		m.objects.DeleteLabelValues(kind)
	}
}

// Indexed implements watch.Observer.
func (m *metrics) Indexed(kind string, objects int) {
	m.objects.WithLabelValues(kind).Set(float64(objects))
}

func (m *metrics) writtenBack(o akohubv1.WriteBackResult_Outcome) {
	m.writeBacks.WithLabelValues(label(o.String(), "OUTCOME_")).Inc()
}

func label(enum, prefix string) string { return strings.ToLower(strings.TrimPrefix(enum, prefix)) }

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
