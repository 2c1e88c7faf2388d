package link

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/akohub/akohub/agent/watch"
	"github.com/akohub/akohub/pkg/identity"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script stands for the kinds: it hands each session to the test.
type script struct {
	mu       sync.Mutex
	plans    []*akohubv1.WatchPlan
	detached int
	sessions chan watch.Sink
	needs    chan *akohubv1.SnapshotNeed
}

func newScript() *script {
	return &script{sessions: make(chan watch.Sink, 8), needs: make(chan *akohubv1.SnapshotNeed, 64)}
}

func (s *script) Apply(p *akohubv1.WatchPlan, _ int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans = append(s.plans, p)
}
func (s *script) Attach(_ context.Context, k watch.Sink) { s.sessions <- k }
func (s *script) Detach() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.detached++
}
func (s *script) Need(n *akohubv1.SnapshotNeed) { s.needs <- n }

func (s *script) applied() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.plans)
}

func (s *script) sink(t *testing.T) watch.Sink {
	t.Helper()
	select {
	case k := <-s.sessions:
		return k
	case <-time.After(patience):
		t.Fatal("no session")
	}
	return nil
}

func TestHelloAndNeed(t *testing.T) {
	h, k := newHub(t), newScript()
	run(t, h, Config{Kinds: k})
	s := h.session()
	if s.hello.GetAgentVersion() != "test" || s.hello.GetProtocol().GetMajor() != ProtocolMajor || s.hello.GetLastEpoch() != "" {
		t.Errorf("hello %v", s.hello)
	}
	s.welcome(nil)
	k.sink(t)
	s.need(&akohubv1.SnapshotBegin{Kind: "nodes", Snapshot: 3}, 1, 2)
	select {
	case n := <-k.needs:
		if n.GetKind() != "nodes" || n.GetSnapshot() != 3 || len(n.GetBuckets()) != 2 {
			t.Errorf("need %v", n)
		}
	case <-time.After(patience):
		t.Fatal("the need was not passed on")
	}
	s.send(&akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_WatchPlan{WatchPlan: &akohubv1.WatchPlan{}}})
	eventually(t, "a new plan is applied", func() bool { return k.applied() == 2 })
}

func TestWindow(t *testing.T) {
	h, k := newHub(t), newScript()
	run(t, h, Config{Kinds: k})
	s := h.session()
	s.set(false, false)
	const window = 8
	s.welcome(&akohubv1.Limits{MaxUnacked: window, HeartbeatIntervalMs: 100_000})
	sink := k.sink(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			// A state is a message of its own.
			it := watch.Item{State: &akohubv1.KindState{Kind: "a", Message: fmt.Sprint(i)}}
			if err := sink.Put(context.Background(), "a", it); err != nil {
				t.Error(err)
			}
		}
	}()
	<-done
	// Hello counts, and a quarter of the window is kept for heartbeats.
	for range window - 1 - window/4 {
		s.next()
	}
	select {
	case m := <-s.in:
		t.Fatalf("%s beyond the window", describe(m))
	case <-time.After(200 * time.Millisecond):
	}
	s.ack(3)
	for range 3 {
		s.next()
	}
	select {
	case m := <-s.in:
		t.Fatalf("%s beyond the window after an acknowledgement", describe(m))
	case <-time.After(200 * time.Millisecond):
	}
}

func TestHeartbeatsGoOnWhileTheWindowIsFull(t *testing.T) {
	h, k := newHub(t), newScript()
	run(t, h, Config{Kinds: k})
	s := h.session()
	s.set(false, true)
	s.welcome(&akohubv1.Limits{MaxUnacked: 8, HeartbeatIntervalMs: 50})
	sink := k.sink(t)
	for i := range 20 {
		if err := sink.Put(t.Context(), "a", watch.Item{State: &akohubv1.KindState{Kind: "a", Message: fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a heartbeat comes", func() bool { return s.heartbeats() > 0 })
}

func TestSilentHubIsGivenUp(t *testing.T) {
	h, k := newHub(t), newScript()
	run(t, h, Config{Kinds: k})
	s := h.session()
	s.set(false, false)
	s.welcome(&akohubv1.Limits{HeartbeatIntervalMs: 50})
	first := k.sink(t)
	// The connection is fine, but no word comes over it.
	h.session().welcome(nil)
	<-first.Done()
	if err := first.Put(t.Context(), "a", rec("a", "1", true)); err == nil {
		t.Error("a session that is over took a record")
	}
	k.sink(t)
}

func TestHeartbeatsKeepASessionAlive(t *testing.T) {
	h, k := newHub(t), newScript()
	run(t, h, Config{Kinds: k})
	s := h.session()
	s.set(false, true)
	s.welcome(&akohubv1.Limits{HeartbeatIntervalMs: 50})
	sink := k.sink(t)
	eventually(t, "ten heartbeats", func() bool { return s.heartbeats() >= 10 })
	select {
	case <-sink.Done():
		t.Error("the session ended")
	default:
	}
}

func TestChangesGoBeforeSnapshots(t *testing.T) {
	h, k := newHub(t), newScript()
	run(t, h, Config{Kinds: k})
	s := h.session()
	s.set(false, false)
	s.welcome(&akohubv1.Limits{MaxUnacked: 3, MaxBatchBytes: 512, HeartbeatIntervalMs: 100_000},
		&akohubv1.WatchKind{Resource: "a"}, &akohubv1.WatchKind{Resource: "b"})
	sink := k.sink(t)
	item := func(kind, name string, fresh bool) watch.Item {
		it := rec(kind, name, fresh)
		it.Record.Uid = strings.Repeat("x", 300) // one to a batch
		return it
	}
	for i := range 10 {
		if err := sink.Put(t.Context(), "a", item("a", fmt.Sprint(i), false)); err != nil {
			t.Fatal(err)
		}
	}
	s.next()
	s.next() // the window is full
	if err := sink.Put(t.Context(), "b", item("b", "news", true)); err != nil {
		t.Fatal(err)
	}
	s.ack(2)
	if got := describe(s.next()); got != "batch b/news" {
		t.Errorf("first %q", got)
	}
	s.set(true, true)
	s.ack(4)
	for i := 2; i < 10; i++ {
		if got, want := describe(s.next()), fmt.Sprintf("batch a/%d*", i); got != want {
			t.Errorf("then %q, want %q", got, want)
		}
	}
}

func TestResumeNamesTheEpoch(t *testing.T) {
	h, k := newHub(t), newScript()
	run(t, h, Config{Kinds: k})
	s := h.session()
	s.welcome(nil)
	k.sink(t)
	s.ack(1)
	s.need(&akohubv1.SnapshotBegin{Kind: "x", Snapshot: 1}) // the ack was dealt with before this
	<-k.needs
	s.stop <- status.Error(codes.Aborted, "made room for another")
	if got := h.session().hello.GetLastEpoch(); got != epoch {
		t.Errorf("last epoch %q", got)
	}
}

func TestWriteBack(t *testing.T) {
	h, k := newHub(t), newScript()
	run(t, h, Config{Kinds: k, Writer: writer{func(b *akohubv1.WriteBack) *akohubv1.WriteBackResult {
		return &akohubv1.WriteBackResult{Outcome: akohubv1.WriteBackResult_OUTCOME_APPLIED, Message: b.GetObject().GetName()}
	}}})
	s := h.session()
	s.welcome(nil)
	s.send(&akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_WriteBack{
		WriteBack: &akohubv1.WriteBack{Id: 9, Object: &akohubv1.ObjectRef{Name: "web"}}}})
	r := s.next().GetWriteBackResult()
	if r.GetId() != 9 || r.GetMessage() != "web" || r.GetOutcome() != akohubv1.WriteBackResult_OUTCOME_APPLIED {
		t.Errorf("result %v", r)
	}
}

func TestProtocolErrorsEndTheSession(t *testing.T) {
	tests := map[string]func(*hubSession){
		"acknowledgement of another epoch": func(s *hubSession) {
			s.welcome(nil)
			s.send(&akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_Ack{Ack: &akohubv1.Ack{Seq: 1, Epoch: "other"}}})
		},
		"second Welcome": func(s *hubSession) { s.welcome(nil); s.welcome(nil) },
		"no Welcome":     func(s *hubSession) { s.ack(1) },
		"version": func(s *hubSession) {
			s.send(&akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_Welcome{Welcome: &akohubv1.Welcome{
				Protocol: &akohubv1.ProtocolVersion{Major: 2}, Epoch: epoch}}})
		},
	}
	for name, do := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			var out syncBuffer
			stop, _ := run(t, h, Config{Kinds: newScript(), Log: hclog.New(&hclog.LoggerOptions{Output: &out})})
			s := h.session()
			do(s)
			<-s.over
			h.session()
			stop()
			if !strings.Contains(out.String(), "protocol error") {
				t.Errorf("the log does not say so:\n%s", out.String())
			}
		})
	}
}

func TestNewerHubIsUnderstood(t *testing.T) {
	h, k := newHub(t), newScript()
	run(t, h, Config{Kinds: k})
	s := h.session()
	s.welcome(nil)
	s.send(&akohubv1.SessionResponse{}) // a member that this agent does not know
	s.need(&akohubv1.SnapshotBegin{Kind: "x", Snapshot: 1})
	select {
	case <-k.needs:
	case <-time.After(patience):
		t.Fatal("the session did not go on")
	}
}

func TestBackoff(t *testing.T) {
	h := newHub(t)
	h.refuse = func() error { return status.Error(codes.PermissionDenied, `cluster "east" is not registered`) }
	var out syncBuffer
	stop, waits := run(t, h, Config{Kinds: newScript(), Log: hclog.New(&hclog.LoggerOptions{Output: &out})})
	eventually(t, "eight attempts", func() bool { return len(waits()) >= 8 })
	stop()
	want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}
	for i, w := range want {
		if got := waits()[i]; got != w*time.Second {
			t.Errorf("wait %d is up to %s, want %s", i, got, w*time.Second)
		}
	}
	if !strings.Contains(out.String(), "refused this agent's certificate") || !strings.Contains(out.String(), "is not registered") {
		t.Errorf("the log does not say why:\n%s", out.String())
	}
}

func TestStrangersAreNamed(t *testing.T) {
	h := newHub(t)
	strange := filepath.Join(t.TempDir(), "pki")
	if err := identity.InitDir(strange, []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := identity.IssueClusterInDir(strange, "east"); err != nil {
		t.Fatal(err)
	}
	ours := h.pki
	for _, tt := range []struct{ name, ca, cert, want string }{
		{"our certificate", ours, strange, "the hub refused this agent's certificate"},
		{"the hub's certificate", strange, ours, "the hub's certificate is not trusted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out syncBuffer
			l := New(Config{
				Hub: h.addr, Kinds: newScript(), Observer: &observer{},
				Hello: func(context.Context) *akohubv1.Hello { return &akohubv1.Hello{} },
				Log:   hclog.New(&hclog.LoggerOptions{Output: &out}),
			})
			conf, err := identity.ClientTLS(filepath.Join(tt.ca, "ca.crt"),
				filepath.Join(tt.cert, "clusters/east.crt"), filepath.Join(tt.cert, "clusters/east.key"))
			if err != nil {
				t.Fatal(err)
			}
			l.cfg.TLS = func() (*tls.Config, error) { return conf, nil }
			up, err := l.session(t.Context())
			if err == nil || up != 0 {
				t.Fatalf("a session came about: %v", err)
			}
			l.logEnd(err, up, 0)
			if !strings.Contains(out.String(), tt.want) {
				t.Errorf("log: %s", out.String())
			}
		})
	}
}

func TestCleanStop(t *testing.T) {
	h, k := newHub(t), newScript()
	stop, _ := run(t, h, Config{Kinds: k})
	s := h.session()
	s.welcome(nil)
	k.sink(t)
	// The hub ends its side when it sees the end of ours; the connection is not
	// just cut, and nobody waits for the farewell to run out.
	before := time.Now()
	stop()
	if d := time.Since(before); d > farewell*8/10 {
		t.Errorf("stopping took %s", d)
	}
	if k.detached != 1 {
		t.Errorf("detached %d times", k.detached)
	}
}

func TestStopWhileConnecting(t *testing.T) {
	h := newHub(t)
	stop, _ := run(t, h, Config{Kinds: newScript()})
	h.session() // no Welcome
	before := time.Now()
	stop()
	if d := time.Since(before); d > 5*time.Second {
		t.Errorf("stopping took %s", d)
	}
}

func TestCauseOf(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	plain := errors.New("x")
	if err := causeOf(ctx, plain); !errors.Is(err, plain) {
		t.Error(err)
	}
	cancel(errSilent)
	if err := causeOf(ctx, plain); !errors.Is(err, errSilent) {
		t.Error(err)
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
