package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Version of the protocol that the hub speaks.
const (
	protocolMajor = 1
	protocolMinor = 0
)

// missedHeartbeats is after how many of them, without any message, a stream is
// given up.
const missedHeartbeats = 3

// session is one stream. Its run goroutine alone reads and changes the fields
// below the channels; a receiver hands it messages, a sender empties out.
type session struct {
	svc     *Service
	stream  grpc.BidiStreamingServer[akohubv1.SessionRequest, akohubv1.SessionResponse]
	cluster string
	remote  string
	log     hclog.Logger
	limits  *akohubv1.Limits
	mirror  *mirror.Mirror
	out     *outbox

	ctx    context.Context
	cancel context.CancelCauseFunc
	in     chan *akohubv1.SessionRequest
	ended  chan error
	replan chan struct{}
	// released is closed when the session has let go of the mirror.
	released chan struct{}

	seq     uint64
	acked   uint64
	plan    *akohubv1.WatchPlan
	snaps   map[string]*openSnapshot
	waiting []string // kinds whose snapshot waits for admission, in order
	ticket  *ticket  // nil: none asked for
	holder  string   // kind whose snapshot is admitted; empty: none
	ackAt   *time.Timer
	idle    *time.Timer
}

// openSnapshot is one that has begun and not ended.
type openSnapshot struct {
	id       uint64
	need     []uint32
	answered bool
	progress time.Time
}

func newSession(s *Service, stream grpc.BidiStreamingServer[akohubv1.SessionRequest, akohubv1.SessionResponse],
	cluster, remote string, log hclog.Logger, limits *akohubv1.Limits) *session {
	ctx, cancel := context.WithCancelCause(stream.Context())
	return &session{
		svc: s, stream: stream, cluster: cluster, remote: remote, log: log, limits: limits,
		out:      newOutbox(s.cfg.Epoch, s.cfg.MaxWriteBacks),
		ctx:      ctx,
		cancel:   cancel,
		in:       make(chan *akohubv1.SessionRequest),
		ended:    make(chan error, 1),
		replan:   make(chan struct{}, 1),
		released: make(chan struct{}),
		snaps:    make(map[string]*openSnapshot),
	}
}

// fail ends the session from outside, with a status error.
func (x *session) fail(err error) { x.cancel(err) }

func (x *session) heartbeat() time.Duration {
	if ms := x.limits.GetHeartbeatIntervalMs(); ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return time.Duration(DefaultLimits().GetHeartbeatIntervalMs()) * time.Millisecond
}

// run serves the stream until it ends, and returns the reason as a status
// error, or nil when the agent has closed it.
func (x *session) run(changed <-chan struct{}) error {
	defer x.cancel(nil)
	go x.receive()
	hello, err := x.hello()
	if err != nil {
		return x.reason(err)
	}
	if x.mirror = x.svc.cfg.Mirror(x.cluster); x.mirror == nil {
		return status.Errorf(codes.PermissionDenied, "the registration of cluster %q was removed", x.cluster)
	}
	before := x.svc.Status(x.cluster).ClusterUID
	err = x.svc.take(x.ctx, x, ConnectionStatus{
		Connected: true, Since: time.Now(), RemoteAddr: x.remote,
		AgentVersion: clip(hello.GetAgentVersion()), KubernetesVersion: clip(hello.GetKubernetesVersion()),
		ClusterUID: clip(hello.GetClusterUid()),
	})
	if err != nil {
		return x.reason(err)
	}
	// The reason that others are told; this one if serving panics.
	end := errors.New("internal error of the hub")
	defer func() { x.release(end) }()
	if uid := hello.GetClusterUid(); before != "" && before != uid {
		x.log.Warn("the cluster is another one than before", "uid", clip(uid), "before", before)
	}
	x.begin(hello)
	err = x.reason(x.serve(changed))
	if end = err; end == nil {
		end = errors.New("the agent closed its stream")
	}
	return err
}

// begin welcomes the agent.
func (x *session) begin(hello *akohubv1.Hello) {
	x.svc.metrics.connected.Inc()
	x.plan = x.svc.cfg.Plan(x.cluster)
	x.log.Info("agent connected", "agent_version", clip(hello.GetAgentVersion()), "kubernetes_version", clip(hello.GetKubernetesVersion()),
		"protocol", fmt.Sprintf("%d.%d", hello.GetProtocol().GetMajor(), hello.GetProtocol().GetMinor()),
		"resumes", hello.GetLastEpoch() == x.svc.cfg.Epoch)
	// The first answer always finds place.
	_ = x.out.answer(&akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_Welcome{Welcome: &akohubv1.Welcome{
		Protocol:    &akohubv1.ProtocolVersion{Major: protocolMajor, Minor: protocolMinor},
		HubVersion:  x.svc.cfg.HubVersion,
		Epoch:       x.svc.cfg.Epoch,
		ClusterName: x.cluster,
		WatchPlan:   x.plan,
		Limits:      x.limits,
	}}})
	go x.send()
	if f := x.svc.cfg.OnConnect; f != nil {
		f(x.cluster)
	}
}

// release lets go of everything that the session has taken.
func (x *session) release(err error) {
	if x.ticket != nil {
		x.svc.admission.give(x.ticket)
		x.ticket = nil
	}
	x.mirror.Disconnected()
	for _, done := range x.out.close(fmt.Errorf("stream ended: %w", err)) {
		x.svc.metrics.writeBacks.WithLabelValues("lost").Inc()
		done(nil, fmt.Errorf("write-back to cluster %s: stream ended: %w", x.cluster, err))
	}
	x.svc.metrics.connected.Dec()
	if f := x.svc.cfg.OnDisconnect; f != nil {
		f(x.cluster, err)
	}
	x.svc.release(x)
	close(x.released)
}

// reason turns what ended a session into what the agent and the log are told.
func (x *session) reason(err error) error {
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, context.Canceled), status.Code(err) == codes.Canceled:
		return status.Error(codes.Canceled, "the connection was lost")
	}
	st := status.Convert(err)
	return status.Error(st.Code(), clip(st.Message()))
}

func clip(s string) string {
	const limit = 512
	if len(s) <= limit {
		return s
	}
	return fmt.Sprintf("%.*s…", limit, s)
}

func (x *session) receive() {
	for {
		msg, err := x.stream.Recv()
		if err != nil {
			// gRPC says Internal of bytes that are no message, also to the agent.
			if status.Code(err) == codes.Internal {
				err = status.Errorf(codes.InvalidArgument, "a message could not be decoded: %s", status.Convert(err).Message())
			}
			x.ended <- err
			return
		}
		select {
		case x.in <- msg:
		case <-x.ctx.Done():
			x.ended <- context.Cause(x.ctx)
			return
		}
	}
}

// why says what ended the session's context: the hub, or else the stream. gRPC
// itself ends a stream on a message that it cannot take, and the receiver is
// then the one to know the reason.
func (x *session) why() error {
	if cause := context.Cause(x.ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return <-x.ended
}

func (x *session) send() {
	for {
		msg := x.out.next(time.Now())
		if msg == nil {
			select {
			case <-x.out.wake:
				continue
			case <-x.ctx.Done():
				return
			}
		}
		if err := x.stream.Send(msg); err != nil {
			// The stream is over, and the receiver is told why.
			return
		}
	}
}

// hello waits for the first message, which must be Hello.
func (x *session) hello() (*akohubv1.Hello, error) {
	timeout := time.NewTimer(x.svc.cfg.HelloTimeout)
	defer timeout.Stop()
	var msg *akohubv1.SessionRequest
	select {
	case msg = <-x.in:
	case err := <-x.ended:
		return nil, err
	case <-x.ctx.Done():
		return nil, x.why()
	case <-x.svc.closing:
		return nil, errClosing()
	case <-timeout.C:
		return nil, status.Errorf(codes.DeadlineExceeded, "no Hello within %s", x.svc.cfg.HelloTimeout)
	}
	if msg.GetSeq() != 1 {
		return nil, status.Errorf(codes.FailedPrecondition, "the first message has number %d instead of 1", msg.GetSeq())
	}
	x.seq = 1
	hello := msg.GetHello()
	if hello == nil {
		return nil, status.Errorf(codes.InvalidArgument, "the first message is %s instead of Hello", nameOf(msg))
	}
	if major := hello.GetProtocol().GetMajor(); major != protocolMajor {
		return nil, status.Errorf(codes.FailedPrecondition, "the agent speaks protocol %d.%d, this hub %d.%d: the major versions must be equal",
			major, hello.GetProtocol().GetMinor(), protocolMajor, protocolMinor)
	}
	return hello, nil
}

func errClosing() error { return status.Error(codes.Unavailable, "the hub is shutting down") }

// serve handles messages and events until one of them ends the session.
func (x *session) serve(changed <-chan struct{}) error {
	x.ackAt = time.NewTimer(time.Hour)
	x.ackAt.Stop()
	defer x.ackAt.Stop()
	limit := missedHeartbeats * x.heartbeat()
	x.idle = time.NewTimer(limit)
	defer x.idle.Stop()
	tick := time.NewTicker(x.heartbeat())
	defer tick.Stop()
	// Hello is acknowledged like any other message.
	x.acknowledge()
	for {
		var admitted <-chan struct{}
		if x.ticket != nil && x.holder == "" {
			admitted = x.ticket.ready
		}
		var err error
		select {
		case <-x.ctx.Done():
			return x.why()
		case <-x.svc.closing:
			return errClosing()
		case err = <-x.ended:
			return err
		case msg := <-x.in:
			x.idle.Reset(limit)
			err = x.handle(msg)
		case <-x.ackAt.C:
			x.flush()
		case <-admitted:
			err = x.admit()
		case <-changed:
			changed = x.svc.cfg.Registry.Watch(x.cluster)
			if _, ok := x.svc.cfg.Registry.Lookup(x.cluster); !ok {
				return status.Errorf(codes.PermissionDenied, "the registration of cluster %q was removed", x.cluster)
			}
			err = x.refreshPlan()
		case <-x.replan:
			err = x.refreshPlan()
		case <-x.idle.C:
			return status.Errorf(codes.DeadlineExceeded, "no message within %s", limit)
		case now := <-tick.C:
			err = x.checkTime(now)
		}
		if err != nil {
			return err
		}
	}
}

// checkTime gives up what takes too long.
func (x *session) checkTime(now time.Time) error {
	for _, done := range x.out.expire(now.Add(-x.svc.cfg.WriteBackTimeout)) {
		x.svc.metrics.writeBacks.WithLabelValues("unanswered").Inc()
		done(nil, fmt.Errorf("write-back to cluster %s: %w", x.cluster, ErrNoAnswer))
	}
	if snap := x.snaps[x.holder]; snap != nil && now.Sub(snap.progress) > x.svc.cfg.SnapshotStall {
		// Others wait for the place that it holds.
		return status.Errorf(codes.DeadlineExceeded, "snapshot %d of %s has stood still for %s", snap.id, x.holder, x.svc.cfg.SnapshotStall)
	}
	return nil
}

// refreshPlan pushes the watch plan if it has changed.
func (x *session) refreshPlan() error {
	p := x.svc.cfg.Plan(x.cluster)
	if proto.Equal(p, x.plan) {
		return nil
	}
	old := x.plan
	x.plan = p
	x.log.Info("watch plan changed", "kinds", len(p.GetKinds()))
	for _, k := range old.GetKinds() {
		// What is still under way of the kind ends in endOfKind.
		if kind := kinds.Of(k.GetGroup(), k.GetResource()); x.snaps[kind] == nil {
			if err := x.endOfKind(kind); err != nil {
				return err
			}
		}
	}
	return x.answer(&akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_WatchPlan{WatchPlan: p}})
}

// endOfKind makes a kind unknown if the watch plan no longer has it.
func (x *session) endOfKind(kind string) error {
	if planned(x.plan, kind) {
		return nil
	}
	return invalid(x.mirror.SetKindState(kind, akohubv1.KindState_AVAILABILITY_UNSPECIFIED, "not in the watch plan"))
}

func (x *session) answer(m *akohubv1.SessionResponse) error {
	if err := x.out.answer(m); err != nil {
		return status.Error(codes.ResourceExhausted, err.Error())
	}
	return nil
}

// acknowledge sees to it that the last message is acknowledged: soon, so that
// one acknowledgement stands for many messages, but well before the agent has
// to wait for it.
func (x *session) acknowledge() {
	window := uint64(x.limits.GetMaxUnacked())
	if x.seq-x.acked >= max(1, window/4) {
		x.flush()
		return
	}
	if x.seq == x.acked+1 {
		x.ackAt.Reset(x.svc.cfg.AckDelay)
	}
}

func (x *session) flush() {
	x.ackAt.Stop()
	x.acked = x.seq
	x.out.acknowledge(x.seq)
}

// askAdmission takes a place in the queue if a snapshot waits.
func (x *session) askAdmission() {
	if x.ticket == nil && len(x.waiting) > 0 {
		x.ticket = x.svc.admission.ask()
	}
}

// admit answers the first waiting snapshot.
func (x *session) admit() error {
	if len(x.waiting) == 0 {
		// Given up in the meantime.
		x.svc.admission.give(x.ticket)
		x.ticket = nil
		return nil
	}
	x.holder = x.waiting[0]
	x.waiting = x.waiting[1:]
	return x.answerNeed(x.holder)
}

func (x *session) answerNeed(kind string) error {
	snap := x.snaps[kind]
	snap.answered = true
	snap.progress = time.Now()
	x.log.Debug("snapshot admitted", "kind", kind, "snapshot", snap.id, "buckets", len(snap.need))
	return x.answer(&akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_SnapshotNeed{
		SnapshotNeed: &akohubv1.SnapshotNeed{Kind: kind, Snapshot: snap.id, Buckets: snap.need}}})
}

// finish forgets the open snapshot of a kind and passes its place on.
func (x *session) finish(kind, result string) {
	if x.snaps[kind] == nil {
		return
	}
	delete(x.snaps, kind)
	x.svc.metrics.snapshots.WithLabelValues(result).Inc()
	x.waiting = slices.DeleteFunc(x.waiting, func(k string) bool { return k == kind })
	if x.holder == kind {
		x.holder = ""
		x.svc.admission.give(x.ticket)
		x.ticket = nil
	}
	x.askAdmission()
}
