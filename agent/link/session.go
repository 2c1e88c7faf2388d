package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

var (
	// errProtocol is wrapped when the hub breaks or does not speak our protocol.
	errProtocol = errors.New("protocol error")
	errSilent   = errors.New("no message from the hub for three heartbeats")
	errNoAnswer = errors.New("the hub did not answer in time")
	errStopped  = errors.New("the agent stops")
)

type stream = grpc.BidiStreamingClient[akohubv1.SessionRequest, akohubv1.SessionResponse]

// session is one connected session.
type session struct {
	*Link
	stream   stream
	box      *outbox
	epoch    string
	limits   limits
	cancel   context.CancelCauseFunc
	seq      uint64 // of the last message sent; the sender's alone
	acked    atomic.Uint64
	ackWake  chan struct{}
	listener listener
}

type limits struct {
	batchBytes  int
	recordBytes int
	unacked     uint64
	heartbeat   time.Duration
}

func limitsOf(l *akohubv1.Limits) limits {
	out := limits{
		batchBytes:  int(l.GetMaxBatchBytes()),
		recordBytes: int(l.GetMaxRecordBytes()),
		unacked:     uint64(l.GetMaxUnacked()),
		heartbeat:   time.Duration(l.GetHeartbeatIntervalMs()) * time.Millisecond,
	}
	if out.batchBytes <= 0 {
		out.batchBytes = defaultBatchBytes
	}
	// A record that fills more than a batch could never leave.
	if room := out.batchBytes - batchOverhead - recordOverhead; out.recordBytes <= 0 || out.recordBytes > room {
		out.recordBytes = max(room, 1)
	}
	if out.unacked == 0 {
		out.unacked = defaultUnacked
	}
	if out.heartbeat <= 0 {
		out.heartbeat = defaultHeartbeat
	}
	return out
}

// listener tells since when the session has been waiting for the hub. While a
// message is being dealt with the hub is not to blame for the silence.
type listener struct {
	mu    sync.Mutex
	busy  bool
	since time.Time
}

func (l *listener) set(busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy, l.since = busy, time.Now()
}

func (l *listener) silence() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy {
		return 0
	}
	return time.Since(l.since)
}

// session connects and stays until the session ends. It returns how long the
// session was up, zero if there was no Welcome.
func (l *Link) session(parent context.Context) (up time.Duration, err error) {
	tlsConfig, err := l.cfg.TLS()
	if err != nil {
		return 0, fmt.Errorf("prepare connection: %w", err)
	}
	conn, err := grpc.NewClient(l.cfg.Hub,
		grpc.WithTransportCredentials(credentials.NewTLS(tlsConfig)),
		grpc.WithUserAgent(l.cfg.UserAgent),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return 0, fmt.Errorf("prepare connection: %w", err)
	}
	defer func() { _ = conn.Close() }()

	// Not ended by the parent at once: there is a clean end first.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	defer cancel(nil)
	s := &session{Link: l, cancel: cancel, ackWake: make(chan struct{}, 1)}

	welcome, err := s.open(parent, ctx, conn)
	if err != nil {
		return 0, l.clarify(parent, causeOf(ctx, err))
	}
	started := time.Now()
	l.cfg.Log.Info("connected to the hub", "hub", l.cfg.Hub, "cluster", welcome.GetClusterName(),
		"hub_version", welcome.GetHubVersion(), "epoch", welcome.GetEpoch())
	l.cfg.Observer.Connected(true)
	defer l.cfg.Observer.Connected(false)

	err = s.run(parent, ctx, welcome)
	return max(time.Since(started), 1), causeOf(ctx, err)
}

// causeOf prefers our own reason to end a stream over the error that the
// stream shows for it.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// open sends Hello and waits for Welcome.
func (s *session) open(parent, ctx context.Context, conn *grpc.ClientConn) (*akohubv1.Welcome, error) {
	timer := time.AfterFunc(welcomeTimeout, func() { s.cancel(errNoAnswer) })
	defer timer.Stop()
	stop := context.AfterFunc(parent, func() { s.cancel(errStopped) })
	defer stop()

	hello := s.cfg.Hello(ctx)
	hello.Protocol = &akohubv1.ProtocolVersion{Major: ProtocolMajor, Minor: ProtocolMinor}
	hello.LastEpoch = s.lastEpoch
	var err error
	if s.stream, err = akohubv1.NewAgentServiceClient(conn).Session(ctx); err != nil {
		return nil, err
	}
	s.seq = 1
	err = s.stream.Send(&akohubv1.SessionRequest{
		Seq: s.seq, Message: &akohubv1.SessionRequest_Hello{Hello: hello},
	})
	// After io.EOF the reason is what Recv returns.
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	first, err := s.stream.Recv()
	if err != nil {
		return nil, err
	}
	w := first.GetWelcome()
	if w == nil {
		return nil, fmt.Errorf("%w: the hub's first message is %T, not Welcome", errProtocol, first.GetMessage())
	}
	if major := w.GetProtocol().GetMajor(); major != ProtocolMajor {
		return nil, fmt.Errorf("%w: the hub speaks version %d of the protocol, this agent %d", errProtocol, major, ProtocolMajor)
	}
	return w, nil
}

// run works until the stream ends, and returns why it did.
func (s *session) run(parent, ctx context.Context, w *akohubv1.Welcome) error {
	s.epoch = w.GetEpoch()
	s.limits = limitsOf(w.GetLimits())
	s.box = newOutbox(namesOf(w.GetWatchPlan()))
	s.listener.set(false)

	var wg sync.WaitGroup
	defer s.cfg.Kinds.Detach()
	defer wg.Wait()
	defer s.cancel(nil)
	defer s.box.close()

	wg.Go(func() { s.send(ctx) })
	wg.Go(func() { s.beat(ctx) })
	s.cfg.Kinds.Apply(w.GetWatchPlan(), s.limits.recordBytes)
	// A kind that is still leaving an earlier session must not keep us from
	// listening.
	wg.Go(func() { s.cfg.Kinds.Attach(ctx, s.box) })
	// A clean end: say that nothing more comes, and give the hub a moment.
	stop := context.AfterFunc(parent, func() {
		s.box.close()
		time.AfterFunc(farewell, func() { s.cancel(errStopped) })
	})
	defer stop()
	return s.receive(ctx)
}

func namesOf(p *akohubv1.WatchPlan) []string {
	out := make([]string, 0, len(p.GetKinds()))
	for _, k := range p.GetKinds() {
		out = append(out, kinds.Of(k.GetGroup(), k.GetResource()))
	}
	return out
}

// receive deals with the hub's messages. Nothing here waits for the sender:
// the acknowledgements that let it go on arrive here.
func (s *session) receive(ctx context.Context) error {
	for {
		s.listener.set(false)
		m, err := s.stream.Recv()
		s.listener.set(true)
		if err != nil {
			return err
		}
		switch m := m.GetMessage().(type) {
		case *akohubv1.SessionResponse_Ack:
			err = s.ack(m.Ack)
		case *akohubv1.SessionResponse_SnapshotNeed:
			s.cfg.Kinds.Need(m.SnapshotNeed)
		case *akohubv1.SessionResponse_WriteBack:
			err = s.writeBack(ctx, m.WriteBack)
		case *akohubv1.SessionResponse_WatchPlan:
			s.cfg.Log.Info("the hub changed the watch plan", "kinds", len(m.WatchPlan.GetKinds()))
			s.box.setOrder(namesOf(m.WatchPlan))
			s.cfg.Kinds.Apply(m.WatchPlan, s.limits.recordBytes)
		case *akohubv1.SessionResponse_Heartbeat:
			// That something arrived is all it says.
		case *akohubv1.SessionResponse_Welcome:
			err = fmt.Errorf("%w: a second Welcome", errProtocol)
		default:
			s.cfg.Log.Debug("ignoring a message of a newer hub")
		}
		if err != nil {
			s.cancel(err)
			return err
		}
	}
}

func (s *session) ack(a *akohubv1.Ack) error {
	if a.GetEpoch() != s.epoch {
		return fmt.Errorf("%w: acknowledgement of epoch %q in a session of epoch %q", errProtocol, a.GetEpoch(), s.epoch)
	}
	s.lastEpoch = s.epoch
	if a.GetSeq() > s.acked.Load() {
		s.acked.Store(a.GetSeq())
		signal(s.ackWake)
	}
	return nil
}

func (s *session) writeBack(ctx context.Context, w *akohubv1.WriteBack) error {
	err := s.cfg.Writer.Write(ctx, w, func(r *akohubv1.WriteBackResult) {
		r.Id = w.GetId()
		if !s.box.putResult(r) {
			s.cancel(fmt.Errorf("%w: the hub sends write-backs and takes no results", errProtocol))
		}
	})
	if err != nil {
		return fmt.Errorf("take write-back: %w", err)
	}
	return nil
}

// send is the one goroutine that writes to the stream.
func (s *session) send(ctx context.Context) {
	for {
		m := s.next()
		if m == nil {
			select {
			case <-s.box.wake:
			case <-s.ackWake:
			case <-s.box.Done():
				_ = s.stream.CloseSend()
				return
			case <-ctx.Done():
				return
			}
			continue
		}
		s.seq++
		m.Seq = s.seq
		if err := s.stream.Send(m); err != nil {
			// The reason is what Recv returns.
			return
		}
		b := m.GetBatch()
		s.cfg.Observer.Sent(len(b.GetRecords()), b != nil)
	}
}

// next returns a message that may go now. Of the hub's window a little is kept
// for heartbeats, so that a hub that is slow to acknowledge still hears us.
func (s *session) next() *akohubv1.SessionRequest {
	ahead := s.seq - min(s.acked.Load(), s.seq)
	reserve := min(uint64(missedHeartbeats), s.limits.unacked/4)
	switch {
	case ahead < s.limits.unacked-reserve:
		return s.box.take(s.limits.batchBytes)
	case ahead < s.limits.unacked:
		return s.box.takeHeartbeat()
	}
	return nil
}

// beat sends heartbeats and gives a silent hub up.
func (s *session) beat(ctx context.Context) {
	t := time.NewTicker(s.limits.heartbeat)
	defer t.Stop()
	for id := uint64(1); ; id++ {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		case <-s.box.Done():
			return
		}
		if s.listener.silence() > missedHeartbeats*s.limits.heartbeat {
			s.cancel(errSilent)
			return
		}
		s.box.putHeartbeat(id)
	}
}
