package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/akohub/akohub/pkg/identity"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// hub is a double of the hub: it speaks the protocol over real TLS and leaves
// every answer to the test.
type hub struct {
	akohubv1.UnimplementedAgentServiceServer
	t        *testing.T
	pki      string
	addr     string
	server   *grpc.Server
	sessions chan *hubSession
	refuse   func() error
}

// hubSession is one session as the hub sees it.
type hubSession struct {
	t      *testing.T
	stream grpc.BidiStreamingServer[akohubv1.SessionRequest, akohubv1.SessionResponse]
	hello  *akohubv1.Hello
	in     chan *akohubv1.SessionRequest
	// stop ends the session from the hub's side.
	stop chan error
	over chan struct{}

	mu       sync.Mutex
	seq      uint64
	autoAck  bool
	autoBeat bool
	beats    int
}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{t: t, pki: filepath.Join(t.TempDir(), "pki"), sessions: make(chan *hubSession, 8)}
	if err := identity.InitDir(h.pki, []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := identity.IssueClusterInDir(h.pki, "east"); err != nil {
		t.Fatal(err)
	}
	h.start("127.0.0.1:0")
	t.Cleanup(func() { h.server.Stop() })
	return h
}

func (h *hub) start(addr string) {
	h.t.Helper()
	conf, err := identity.ServerTLS(filepath.Join(h.pki, identity.CACertFile),
		filepath.Join(h.pki, identity.HubCertFile), filepath.Join(h.pki, identity.HubKeyFile))
	if err != nil {
		h.t.Fatal(err)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	h.server = grpc.NewServer(grpc.Creds(credentials.NewTLS(conf)))
	akohubv1.RegisterAgentServiceServer(h.server, h)
	go func() { _ = h.server.Serve(ln) }()
}

func (h *hub) clientTLS() (*tls.Config, error) {
	return identity.ClientTLS(filepath.Join(h.pki, identity.CACertFile),
		filepath.Join(h.pki, "clusters/east.crt"), filepath.Join(h.pki, "clusters/east.key"))
}

func (h *hub) Session(stream grpc.BidiStreamingServer[akohubv1.SessionRequest, akohubv1.SessionResponse]) error {
	if h.refuse != nil {
		if err := h.refuse(); err != nil {
			return err
		}
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if first.GetSeq() != 1 || first.GetHello() == nil {
		return status.Errorf(codes.InvalidArgument, "first message %v", first)
	}
	s := &hubSession{
		t: h.t, stream: stream, hello: first.GetHello(), seq: 1,
		in: make(chan *akohubv1.SessionRequest, 4096), stop: make(chan error, 2), over: make(chan struct{}),
		autoAck: true, autoBeat: true,
	}
	defer close(s.over)
	h.sessions <- s
	go s.receive()
	select {
	case err := <-s.stop:
		return err
	case <-stream.Context().Done():
		return stream.Context().Err()
	}
}

func (s *hubSession) receive() {
	for {
		m, err := s.stream.Recv()
		if err != nil {
			close(s.in)
			if errors.Is(err, io.EOF) {
				s.stop <- nil // the agent said good-bye
			}
			return
		}
		s.mu.Lock()
		s.seq++
		if m.GetSeq() != s.seq {
			s.t.Errorf("message number %d after %d", m.GetSeq(), s.seq-1)
		}
		ack, beat := s.autoAck, s.autoBeat
		s.mu.Unlock()
		if b := m.GetHeartbeat(); b != nil {
			s.mu.Lock()
			s.beats++
			s.mu.Unlock()
			if beat {
				s.send(&akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_Heartbeat{Heartbeat: b}})
			}
		} else {
			s.in <- m
		}
		if ack {
			s.ack(m.GetSeq())
		}
	}
}

func (s *hubSession) set(ack, beat bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.autoAck, s.autoBeat = ack, beat
}

func (s *hubSession) heartbeats() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beats
}

func (s *hubSession) send(m *akohubv1.SessionResponse) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.stream.Send(m) // a lost stream shows in what the test waits for
}

const epoch = "epoch-1"

func (s *hubSession) ack(seq uint64) {
	s.send(&akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_Ack{Ack: &akohubv1.Ack{Seq: seq, Epoch: epoch}}})
}

func (s *hubSession) welcome(limits *akohubv1.Limits, kinds ...*akohubv1.WatchKind) {
	s.send(&akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_Welcome{Welcome: &akohubv1.Welcome{
		Protocol: &akohubv1.ProtocolVersion{Major: 1}, Epoch: epoch, ClusterName: "east", Limits: limits,
		WatchPlan: &akohubv1.WatchPlan{
			Kinds: kinds, AnnotationPrefixes: []string{"ako.vmware.com/"}, SecretKeys: []string{"tls.crt", "tls.key"},
		},
	}}})
}

func (s *hubSession) need(b *akohubv1.SnapshotBegin, buckets ...uint32) {
	s.send(&akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_SnapshotNeed{
		SnapshotNeed: &akohubv1.SnapshotNeed{Kind: b.GetKind(), Snapshot: b.GetSnapshot(), Buckets: buckets}}})
}

func allBuckets() []uint32 {
	out := make([]uint32, 64)
	for i := range out {
		out[i] = uint32(i)
	}
	return out
}

// next returns the next message that is not a heartbeat.
func (s *hubSession) next() *akohubv1.SessionRequest {
	s.t.Helper()
	select {
	case m, ok := <-s.in:
		if !ok {
			s.t.Fatal("the stream ended")
		}
		return m
	case <-time.After(patience):
		s.t.Fatal("no message from the agent")
	}
	return nil
}

// until returns the first message that f accepts, and hands others to rest.
func (s *hubSession) until(f func(*akohubv1.SessionRequest) bool, rest func(*akohubv1.SessionRequest)) *akohubv1.SessionRequest {
	s.t.Helper()
	for {
		m := s.next()
		if f(m) {
			return m
		}
		if rest != nil {
			rest(m)
		}
	}
}

func (h *hub) session() *hubSession {
	h.t.Helper()
	select {
	case s := <-h.sessions:
		return s
	case <-time.After(patience):
		h.t.Fatal("the agent did not connect")
	}
	return nil
}

// observer counts what the link tells.
type observer struct {
	mu       sync.Mutex
	attempts int
	records  int
	up       bool
}

func (o *observer) Attempt()          { o.mu.Lock(); defer o.mu.Unlock(); o.attempts++ }
func (o *observer) Connected(up bool) { o.mu.Lock(); defer o.mu.Unlock(); o.up = up }
func (o *observer) Sent(n int, _ bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.records += n
}

// writer carries out write-backs as the test says.
type writer struct {
	do func(*akohubv1.WriteBack) *akohubv1.WriteBackResult
}

func (w writer) Write(_ context.Context, b *akohubv1.WriteBack, done func(*akohubv1.WriteBackResult)) error {
	done(w.do(b))
	return nil
}

// run runs a link until the test ends, or until the returned function is
// called; pauses between sessions are recorded, not slept.
func run(t *testing.T, h *hub, cfg Config) (stop func(), waits func() []time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var bounds []time.Duration
	cfg.Hub, cfg.TLS = h.addr, h.clientTLS
	cfg.Hello = func(context.Context) *akohubv1.Hello { return &akohubv1.Hello{AgentVersion: "test", ClusterUid: "uid"} }
	if cfg.Observer == nil {
		cfg.Observer = &observer{}
	}
	if cfg.Log == nil {
		cfg.Log = hclog.New(&hclog.LoggerOptions{Name: "agent", Level: hclog.Debug, Output: testOutput{t}})
	}
	cfg.Jitter = func(d time.Duration) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		bounds = append(bounds, d)
		return d
	}
	cfg.Sleep = func(ctx context.Context, _ time.Duration) {
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		New(cfg).Run(ctx)
	}()
	stop = func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("the link did not stop")
		}
	}
	t.Cleanup(stop)
	return stop, func() []time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return append([]time.Duration(nil), bounds...)
	}
}

type testOutput struct{ t *testing.T }

func (o testOutput) Write(p []byte) (int, error) {
	o.t.Logf("%s", p)
	return len(p), nil
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func describe(m *akohubv1.SessionRequest) string {
	switch x := m.GetMessage().(type) {
	case *akohubv1.SessionRequest_Batch:
		out := "batch"
		for _, r := range x.Batch.GetRecords() {
			out += fmt.Sprintf(" %s/%s", r.GetKind(), r.GetName())
			if r.GetDeleted() {
				out += "!"
			}
			if r.GetSnapshot() != 0 {
				out += "*"
			}
		}
		return out
	case *akohubv1.SessionRequest_SnapshotBegin:
		return "begin " + x.SnapshotBegin.GetKind()
	case *akohubv1.SessionRequest_SnapshotEnd:
		return "end " + x.SnapshotEnd.GetKind()
	case *akohubv1.SessionRequest_SnapshotAbort:
		return "abort " + x.SnapshotAbort.GetKind()
	case *akohubv1.SessionRequest_KindState:
		return "state " + x.KindState.GetKind() + " " + x.KindState.GetAvailability().String()
	case *akohubv1.SessionRequest_WriteBackResult:
		return fmt.Sprintf("result %d", x.WriteBackResult.GetId())
	}
	return fmt.Sprintf("%T", m.GetMessage())
}
