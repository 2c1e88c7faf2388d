package watch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Defaults of Config.
const (
	DefaultRecheck = 30 * time.Second
	DefaultHold    = 30 * time.Second
)

// Config is what a Manager works with.
type Config struct {
	Clients   Clients
	Discovery discovery.DiscoveryInterface
	Log       hclog.Logger
	// Reporter records Events on objects that cannot be sent; may be nil.
	Reporter Reporter
	// Observer is told states and sizes; may be nil.
	Observer Observer
	// Recheck is how often, give or take half, the API server is asked for a
	// kind that it does not serve; 0: DefaultRecheck.
	Recheck time.Duration
	// Hold is how long bodies of a fresh list are kept for a hub that has not
	// yet said what it lacks; 0: DefaultHold.
	Hold time.Duration
}

// Manager runs the kinds of a watch plan.
type Manager struct {
	cfg     Config
	numbers atomic.Uint64

	// secrets is the source of Secrets, nil while the plan has none. Kinds ask
	// for it while mu is held by whoever waits for them to end.
	secrets atomic.Pointer[secrets]
	refs    *refs

	mu      sync.Mutex
	running map[string]*running
	order   []string // of the plan
	sink    Sink
	closed  bool
}

// running is a kind at work.
type running struct {
	// what identifies the configuration that it runs with.
	config string
	kind   *kind
	stop   func() // ends it and waits
}

// NewManager makes a manager that watches nothing yet. Close ends it.
func NewManager(cfg Config) *Manager {
	if cfg.Recheck <= 0 {
		cfg.Recheck = DefaultRecheck
	}
	if cfg.Hold <= 0 {
		cfg.Hold = DefaultHold
	}
	m := &Manager{cfg: cfg, running: map[string]*running{}}
	m.refs = newRefs(func(keys []key) {
		if s := m.secrets.Load(); s != nil {
			s.mark(keys)
		}
	})
	return m
}

// Apply makes the manager watch what the plan says. Kinds whose part of the
// plan is unchanged go on undisturbed, with their index; others are stopped or
// begun anew. maxRecord is the largest record, in bytes, that may be sent.
func (m *Manager) Apply(plan *akohubv1.WatchPlan, maxRecord int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	want := map[string]*akohubv1.WatchKind{}
	var order []string
	for _, w := range plan.GetKinds() {
		name := kinds.Of(w.GetGroup(), w.GetResource())
		if _, twice := want[name]; twice || w.GetResource() == "" {
			m.cfg.Log.Warn("watch plan names a kind twice or without a resource; ignored", "kind", name, "version", w.GetVersion())
			continue
		}
		want[name] = w
		order = append(order, name)
	}
	m.order = order
	config := func(name string) string { return fingerprint(plan, want[name], name, maxRecord) }

	for name, r := range m.running {
		switch {
		case want[name] == nil:
			r.stop()
			delete(m.running, name)
			if name == kinds.Secret {
				m.secrets.Store(nil)
			}
			m.refs.forget(name)
		case r.config != config(name):
			r.stop()
			delete(m.running, name)
		}
	}
	// Before anything is listed: a Secret must not be taken for unwanted only
	// because a kind that refers to it has not started.
	for _, name := range order {
		if m.running[name] == nil && refersToSecrets(name) {
			m.refs.expect(name)
		}
	}
	var extra []key
	for _, n := range plan.GetExtraSecrets() {
		extra = append(extra, key{n.GetNamespace(), n.GetName()})
	}
	m.refs.setExtra(extra)
	for _, name := range order {
		if m.running[name] == nil {
			m.running[name] = m.start(want[name], plan, name, config(name), maxRecord)
		}
	}
}

// fingerprint identifies everything that a kind's records depend on.
func fingerprint(plan *akohubv1.WatchPlan, w *akohubv1.WatchKind, name string, maxRecord int) string {
	part := &akohubv1.WatchPlan{
		Kinds:              []*akohubv1.WatchKind{w},
		AnnotationPrefixes: plan.GetAnnotationPrefixes(),
	}
	if name == kinds.Secret {
		part.SecretKeys = plan.GetSecretKeys()
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(part)
	if err != nil {
		// Cannot be: the parts arrived encoded. A wrong guess only lists anew.
		return err.Error()
	}
	var size [8]byte
	for i := range size {
		size[i] = byte(maxRecord >> (8 * i))
	}
	return string(raw) + string(size[:])
}

func (m *Manager) start(w *akohubv1.WatchKind, plan *akohubv1.WatchPlan, name, config string, maxRecord int) *running {
	conv := &converter{kind: name, annotations: plan.GetAnnotationPrefixes(), secretKeys: plan.GetSecretKeys()}
	k := newKind(name, m.cfg.Log)
	k.reporter, k.observer = m.cfg.Reporter, m.cfg.Observer
	k.numbers, k.maxRecord, k.holdFor = &m.numbers, maxRecord, m.cfg.Hold
	k.ensure = func(ctx context.Context, keys []key) {
		if s := m.secrets.Load(); s != nil {
			s.ensure(ctx, keys)
		}
	}
	if refersToSecrets(name) {
		k.refs = m.refs
	}
	refl := &reflector{
		gvr: gvrOf(w), disco: m.cfg.Discovery, recheck: m.cfg.Recheck, log: k.log,
	}
	var l lister
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	if name == kinds.Secret && w.GetVersion() == "v1" {
		s := newSecrets(k.log)
		s.k, s.refs, s.body = k, m.refs, conv.secret
		s.get = func(ctx context.Context, k key) (*corev1.Secret, error) {
			return m.cfg.Clients.Kubernetes.CoreV1().Secrets(k.namespace).Get(ctx, k.name, metav1.GetOptions{})
		}
		l = secretMetadata(m.cfg.Clients.Metadata, w)
		s.names = l.convert
		refl.target = s
		m.secrets.Store(s)
		wg.Go(func() { s.run(ctx, k.relist) })
	} else {
		l = listerFor(m.cfg.Clients, w, conv)
		refl.target = kindTarget{k: k, convert: l.convert}
		refl.relist = k.relist
	}
	l = selecting(l, w)
	refl.example, refl.list, refl.watch, refl.client = l.example, l.list, l.watch, l.client

	wg.Go(func() { k.run(ctx) })
	if m.sink != nil {
		k.join(ctx, m.sink)
	}
	wg.Go(func() { refl.run(ctx) })
	return &running{config: config, kind: k, stop: func() { cancel(); wg.Wait() }}
}

// Attach makes a session the one that all kinds speak to. Kinds that are
// complete begin a snapshot in it at once, in the plan's order as far as they
// are free to. The session detaches itself by being done.
func (m *Manager) Attach(ctx context.Context, s Sink) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sink = s
	for _, name := range m.order {
		m.running[name].kind.join(ctx, s)
	}
}

// Detach forgets the session, so that kinds started later do not speak to it.
func (m *Manager) Detach() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sink = nil
}

// Need passes on what the hub lacks of a snapshot. It never blocks on the
// session.
func (m *Manager) Need(n *akohubv1.SnapshotNeed) {
	m.mu.Lock()
	r := m.running[n.GetKind()]
	m.mu.Unlock()
	if r == nil {
		m.cfg.Log.Debug("hub asked for a snapshot of a kind that is not watched", "kind", n.GetKind())
		return
	}
	r.kind.need(need{snapshot: n.GetSnapshot(), buckets: n.GetBuckets()})
}

// Close stops everything and waits for it.
func (m *Manager) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	var wg sync.WaitGroup
	for _, r := range m.running {
		wg.Go(r.stop)
	}
	wg.Wait()
	clear(m.running)
	m.order = nil
}

// join hands a session to the kind's goroutine.
func (k *kind) join(ctx context.Context, s Sink) {
	select {
	case k.sessions <- s:
	case <-s.Done():
	case <-ctx.Done():
	}
}
