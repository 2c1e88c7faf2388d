// Package intake is the hub's side of the stream to the agents.
//
// In come the sessions of agents: records, snapshot marks, kind states and
// answers, from clusters whose name is in the verified client certificate and
// nowhere else. What they say goes into the mirror of that cluster, one session
// at a time. Out go acknowledgements, the watch plan and the write-backs that
// others hand to Send.
//
// A message that no correct agent sends ends its stream with a reason, in the
// status that the agent gets and in the log; what the mirror had stays. The
// package decides nothing about Avi, reads no registration file, and never
// looks into the bodies of records.
package intake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Registration is what intake needs to know of a registered cluster.
type Registration struct {
	// Limits are the bounds of its session; nil: those of Config.
	Limits *akohubv1.Limits
}

// Registry knows the registered clusters.
type Registry interface {
	// Lookup says whether a cluster is registered, and how.
	Lookup(cluster string) (Registration, bool)
	// Watch returns a channel that is closed when the registration of a
	// cluster is next added, changed or removed.
	Watch(cluster string) <-chan struct{}
}

// Config is what a Service needs.
type Config struct {
	// Logger and Registerer may be nil.
	Logger     hclog.Logger
	Registerer prometheus.Registerer

	Registry Registry
	// Mirror returns the mirror of a registered cluster. It outlives streams:
	// the same one must be returned for as long as the hub runs.
	Mirror func(cluster string) *mirror.Mirror
	// Plan returns what a registered cluster's agent must watch. It is asked
	// at the start of a session, after a change of the registration, and by
	// RefreshPlan.
	Plan func(cluster string) *akohubv1.WatchPlan

	// HubVersion is told to agents, for people.
	HubVersion string
	// Epoch identifies this run of the hub.
	Epoch string

	// Limits bound a session; nil: DefaultLimits.
	Limits *akohubv1.Limits
	// MaxSnapshots is how many clusters may send a snapshot at the same time;
	// 0: 4.
	MaxSnapshots int
	// MaxWriteBacks is how many write-backs may wait for one cluster; 0: 8192.
	MaxWriteBacks int
	// HelloTimeout is how long an agent has for its first message; 0: 10 s.
	HelloTimeout time.Duration
	// SnapshotStall is how long an admitted snapshot may go without a record;
	// 0: 2 min.
	SnapshotStall time.Duration
	// WriteBackTimeout is how long an agent has to answer a write-back; 0: 1 min.
	WriteBackTimeout time.Duration
	// AckDelay is how long an acknowledgement waits for more to acknowledge;
	// 0: 10 ms.
	AckDelay time.Duration

	// ClusterFromPeer returns the name of the calling cluster; nil: PeerCluster.
	ClusterFromPeer func(context.Context) (string, error)
	// OnConnect and OnDisconnect are told of sessions, in order a cluster; they
	// may be nil and must not block.
	OnConnect    func(cluster string)
	OnDisconnect func(cluster string, err error)
}

// Errors that Send reports.
var (
	ErrNotConnected = errors.New("no agent of the cluster is connected")
	ErrQueueFull    = errors.New("too many write-backs wait for the agent")
	ErrNoAnswer     = errors.New("the agent did not answer the write-back in time")
)

// Service implements akohub.v1.AgentService.
type Service struct {
	akohubv1.UnimplementedAgentServiceServer

	cfg       Config
	log       hclog.Logger
	metrics   *metrics
	admission *admission
	sessions  atomic.Uint64

	mu       sync.Mutex
	clusters map[string]*clusterState
	closing  chan struct{}
	closed   bool
}

// clusterState is what a Service keeps of a cluster, guarded by Service.mu.
type clusterState struct {
	// current owns the cluster's mirror.
	current *session
	status  ConnectionStatus
}

// ConnectionStatus says how the connection to an agent stands.
type ConnectionStatus struct {
	Connected bool
	// Since is when the session began, or when the last one ended.
	Since             time.Time
	RemoteAddr        string
	AgentVersion      string
	KubernetesVersion string
	// ClusterUID is the UID of the cluster's namespace kube-system.
	ClusterUID string
	// LastError is why the last session ended or was refused.
	LastError     string
	LastErrorTime time.Time
}

var _ akohubv1.AgentServiceServer = (*Service)(nil)

// New returns a Service. Registry, Mirror and Plan must be set.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.ClusterFromPeer == nil {
		cfg.ClusterFromPeer = PeerCluster
	}
	if cfg.Limits == nil {
		cfg.Limits = DefaultLimits()
	}
	orInt(&cfg.MaxSnapshots, 4)
	orInt(&cfg.MaxWriteBacks, 8192)
	orDuration(&cfg.HelloTimeout, 10*time.Second)
	orDuration(&cfg.SnapshotStall, 2*time.Minute)
	orDuration(&cfg.WriteBackTimeout, time.Minute)
	orDuration(&cfg.AckDelay, 10*time.Millisecond)
	s := &Service{
		cfg:       cfg,
		log:       cfg.Logger.Named("intake"),
		admission: newAdmission(cfg.MaxSnapshots),
		clusters:  make(map[string]*clusterState),
		closing:   make(chan struct{}),
	}
	s.metrics = newMetrics(cfg.Registerer, s.admission)
	return s
}

func orInt(v *int, def int) {
	if *v <= 0 {
		*v = def
	}
}

func orDuration(v *time.Duration, def time.Duration) {
	if *v <= 0 {
		*v = def
	}
}

// Close ends all sessions and refuses new ones, so that a grpc.Server can be
// stopped gracefully. It does not wait for them.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
}

// Session implements akohub.v1.AgentService.
func (s *Service) Session(stream grpc.BidiStreamingServer[akohubv1.SessionRequest, akohubv1.SessionResponse]) error {
	ctx := stream.Context()
	remote := ""
	if p, ok := peer.FromContext(ctx); ok {
		remote = p.Addr.String()
	}
	log := s.log.With("session", s.sessions.Add(1), "remote", remote)
	cluster, err := s.cfg.ClusterFromPeer(ctx)
	if err != nil {
		s.metrics.closed.WithLabelValues(codes.Unauthenticated.String()).Inc()
		log.Warn("agent refused", "reason", err)
		return status.Errorf(codes.Unauthenticated, "the client certificate names no cluster: %v", err)
	}
	log = log.With("cluster", cluster)
	// Watched before looked up, so that no change falls in between.
	changed := s.cfg.Registry.Watch(cluster)
	reg, ok := s.cfg.Registry.Lookup(cluster)
	if !ok {
		s.metrics.closed.WithLabelValues(codes.PermissionDenied.String()).Inc()
		log.Warn("agent refused", "reason", "the cluster is not registered")
		return status.Errorf(codes.PermissionDenied, "cluster %q is not registered with this hub", cluster)
	}
	limits := reg.Limits
	if limits == nil {
		limits = s.cfg.Limits
	}
	x := newSession(s, stream, cluster, remote, log, limits)
	err = x.run(changed)
	s.metrics.closed.WithLabelValues(status.Code(err).String()).Inc()
	s.noteEnd(cluster, err)
	if err == nil {
		log.Info("agent closed its stream")
	} else {
		log.Warn("stream closed", "code", status.Code(err).String(), "reason", status.Convert(err).Message())
	}
	return err
}

// noteEnd keeps the reason of an ended session for people, as long as the
// cluster is registered.
func (s *Service) noteEnd(cluster string, err error) {
	_, registered := s.cfg.Registry.Lookup(cluster)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[cluster]
	if !registered {
		if c != nil && c.current == nil {
			delete(s.clusters, cluster)
		}
		return
	}
	if err == nil {
		return
	}
	if c == nil {
		c = &clusterState{}
		s.clusters[cluster] = c
	}
	c.status.LastError = status.Convert(err).Message()
	c.status.LastErrorTime = time.Now()
}

// take makes a session the one that owns its cluster's mirror. An older session
// is closed first, and take returns when that has let go: so no late message of
// it can reach the mirror.
func (s *Service) take(ctx context.Context, x *session, st ConnectionStatus) error {
	for {
		s.mu.Lock()
		c := s.clusters[x.cluster]
		if c == nil {
			c = &clusterState{}
			s.clusters[x.cluster] = c
		}
		old := c.current
		if old == nil {
			st.LastError, st.LastErrorTime = c.status.LastError, c.status.LastErrorTime
			c.current, c.status = x, st
			s.mu.Unlock()
			return nil
		}
		s.mu.Unlock()
		old.fail(status.Errorf(codes.Aborted, "replaced by a newer session of the cluster, from %s", x.remote))
		select {
		case <-old.released:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// release ends a session's ownership.
func (s *Service) release(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clusters[x.cluster]; c != nil && c.current == x {
		c.current = nil
		c.status.Connected = false
		c.status.Since = time.Now()
	}
}

func (s *Service) session(cluster string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clusters[cluster]; c != nil {
		return c.current
	}
	return nil
}

// Status says how the connection to a cluster's agent stands.
func (s *Service) Status(cluster string) ConnectionStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clusters[cluster]; c != nil {
		return c.status
	}
	return ConnectionStatus{}
}

// Send hands a write-back to the cluster's agent; its id is chosen here. done is
// called exactly once, possibly before Send returns: with the agent's answer, or
// with an error when no agent is connected, the stream ends first, the queue is
// full or the agent does not answer. It must not block.
//
// A write-back that waits is overtaken by a newer one of the same parts for the
// same object: only the newer is sent, and both learn its result. Objects do not
// wait for each other, and each has one write-back under way at a time.
func (s *Service) Send(cluster string, wb *akohubv1.WriteBack, done func(*akohubv1.WriteBackResult, error)) {
	x := s.session(cluster)
	if x == nil {
		done(nil, fmt.Errorf("write-back to cluster %s: %w", cluster, ErrNotConnected))
		return
	}
	if err := x.out.write(wb, done); err != nil {
		done(nil, fmt.Errorf("write-back to cluster %s: %w", cluster, err))
	}
}

// RefreshPlan asks for the watch plan of a cluster anew and pushes it to its
// agent if it differs.
func (s *Service) RefreshPlan(cluster string) {
	if x := s.session(cluster); x != nil {
		select {
		case x.replan <- struct{}{}:
		default:
		}
	}
}
