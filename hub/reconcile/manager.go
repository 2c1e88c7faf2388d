package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// ErrUnknownCluster is the answer about a cluster without registration.
var ErrUnknownCluster = errors.New("no such cluster is registered")

// Agents is how write-backs reach a cluster.
type Agents interface {
	// Send hands a write-back to the cluster's agent. done is called exactly
	// once, possibly before Send returns: with the agent's result, or with an
	// error when no agent is connected or the stream ended first.
	Send(cluster string, wb *akohubv1.WriteBack, done func(*akohubv1.WriteBackResult, error))
}

// Config is what a Manager needs.
type Config struct {
	Logger hclog.Logger
	// Controllers returns the Avi Controller of a name; empty: the default.
	Controllers func(name string) (Controller, error)
	Agents      Agents
	// Registerer takes the metrics; nil: none are registered.
	Registerer prometheus.Registerer
	// Clock tells the time; nil: time.Now.
	Clock func() time.Time
}

// Manager runs one worker for each registered cluster. A mirror lives as long as
// its registration, longer than any stream that feeds it.
type Manager struct {
	cfg       Config
	lanes     *lanes
	claims    *claims
	namesakes *namesakes
	sharing   *sharing
	metrics   *metrics

	mu      sync.Mutex
	running map[string]*running
	ctx     context.Context
	wg      sync.WaitGroup
}

type running struct {
	worker *worker
	// controller is the name that the worker was started with.
	controller string
	stop       context.CancelFunc
	done       chan struct{}
}

// New returns a Manager without clusters. Its workers live until ctx ends.
func New(ctx context.Context, cfg Config) *Manager {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Manager{cfg: cfg, lanes: newLanes(), claims: newClaims(), namesakes: newNamesakes(), sharing: newSharing(cfg.Clock), metrics: newMetrics(cfg.Registerer), running: map[string]*running{}, ctx: ctx}
}

// Register starts a cluster's worker, or hands a changed registration to it.
func (m *Manager) Register(reg *v1alpha1.Cluster) error {
	name := reg.Metadata.Name
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.running[name]
	if ok && old.controller == reg.Spec.Controller {
		m.namesakes.join(name, old.worker.ctl.Name(), reg)
		old.worker.register(reg)
		return nil
	}
	ctl, err := m.cfg.Controllers(reg.Spec.Controller)
	if err != nil {
		return fmt.Errorf("registration of cluster %q: %w", name, err)
	}
	mir := mirror.New(name)
	if ok {
		// What is wanted goes to another controller now: a new worker starts
		// with nothing but the mirror, whose every object is dirty to it.
		mir = old.worker.mirror
		old.stop()
		<-old.done
		m.claims.leave(name)
	}
	ctx, stop := context.WithCancel(m.ctx)
	r := &running{
		worker:     newWorker(name, reg, m.cfg, mir, ctl, m.lanes, m.claims, m.metrics),
		controller: reg.Spec.Controller,
		stop:       stop,
		done:       make(chan struct{}),
	}
	r.worker.namesakes, r.worker.shared = m.namesakes, m.sharing.answers(ctl.Name())
	m.namesakes.join(name, ctl.Name(), reg)
	m.running[name] = r
	m.claims.join(name, ctl.Name(), r.worker.kick)
	m.wg.Go(func() {
		defer close(r.done)
		r.worker.run(ctx)
	})
	return nil
}

// Unregister stops a cluster's worker and forgets its mirror. Nothing is deleted
// on the controller.
func (m *Manager) Unregister(name string) {
	m.mu.Lock()
	r, ok := m.running[name]
	delete(m.running, name)
	m.mu.Unlock()
	if !ok {
		return
	}
	r.stop()
	<-r.done
	m.claims.leave(name)
	m.namesakes.leave(name)
	m.metrics.forget(name)
}

// Wait returns when all workers have ended, after the Manager's context has.
func (m *Manager) Wait() { m.wg.Wait() }

// Mirror returns the mirror of a registered cluster.
func (m *Manager) Mirror(cluster string) (*mirror.Mirror, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.running[cluster]
	if !ok {
		return nil, false
	}
	return r.worker.mirror, true
}

// Connected tells a cluster's worker that its agent is (again) there, so that
// what could not be told is told.
func (m *Manager) Connected(cluster string) {
	w, err := m.worker(cluster)
	if err != nil {
		return
	}
	w.mu.Lock()
	w.connected = true
	w.mu.Unlock()
	w.kick()
}

// Disconnected tells a cluster's worker that its agent has gone, so that its
// standing says what it waits for.
func (m *Manager) Disconnected(cluster string) {
	if w, err := m.worker(cluster); err == nil {
		w.kick()
	}
}

// Statuses returns the standing of every cluster, sorted by name.
func (m *Manager) Statuses() []Status {
	m.mu.Lock()
	workers := make([]*worker, 0, len(m.running))
	for _, r := range m.running {
		workers = append(workers, r.worker)
	}
	m.mu.Unlock()
	out := make([]Status, 0, len(workers))
	for _, w := range workers {
		out = append(out, w.snapshot())
	}
	slices.SortFunc(out, func(a, b Status) int { return strings.Compare(a.Cluster, b.Cluster) })
	return out
}

// Plan reads the controller again and returns what would be written for a
// cluster now, whatever its mode.
func (m *Manager) Plan(ctx context.Context, cluster string) (plan.Plan, error) {
	w, err := m.worker(cluster)
	if err != nil {
		return plan.Plan{}, err
	}
	return w.planNow(ctx)
}

// Approve lets the held plan of a cluster pass, once.
func (m *Manager) Approve(cluster string) error {
	w, err := m.worker(cluster)
	if err != nil {
		return err
	}
	return w.approve()
}

func (m *Manager) worker(cluster string) (*worker, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.running[cluster]
	if !ok {
		return nil, fmt.Errorf("cluster %q: %w", cluster, ErrUnknownCluster)
	}
	return r.worker, nil
}
