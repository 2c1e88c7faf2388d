package intake

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"github.com/akohub/akohub/pkg/identity"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func TestClientsWithoutAKnownCertificateAreRefused(t *testing.T) {
	h := newHub(t, nil)
	other := must[*identity.CA](t)(identity.NewCA("other"))
	hubPair := must[identity.KeyPair](t)(identity.IssueHub(h.ca, "127.0.0.1"))
	for _, tc := range []struct {
		name string
		conn *grpc.ClientConn
		code codes.Code
		log  []string
	}{
		{"authority unknown", h.dial(other, "a"), codes.Unavailable, []string{"TLS handshake", "unknown authority"}},
		{"no certificate", h.dialWith(), codes.Unavailable, []string{"TLS handshake", "didn't provide a certificate"}},
		{"the hub's own certificate", h.dialWith(must[tls.Certificate](t)(tls.X509KeyPair(hubPair.CertPEM, hubPair.KeyPEM))), codes.Unavailable, []string{"TLS handshake"}},
		{"unknown cluster", h.dial(h.ca, "c"), codes.PermissionDenied, []string{"agent refused", "cluster=c", "not registered"}},
		// A prefix of a registered name is another name.
		{"prefix", h.dial(h.ca, "aa"), codes.PermissionDenied, []string{"agent refused", "cluster=aa"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			stream, err := akohubv1.NewAgentServiceClient(tc.conn).Session(ctx)
			if err == nil {
				_, err = stream.Recv()
			}
			if status.Code(err) != tc.code {
				t.Errorf("error %v, want %s", err, tc.code)
			}
			h.logs(tc.log...)
		})
	}
	if got := h.noted(); got != "" {
		t.Errorf("connections noted: %s", got)
	}
}

func TestEnrollAndRenewAreUnimplemented(t *testing.T) {
	h := newHub(t, nil)
	c := akohubv1.NewAgentServiceClient(h.dial(h.ca, "a"))
	if _, err := c.Enroll(t.Context(), &akohubv1.EnrollRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("Enroll: %v", err)
	}
	if _, err := c.Renew(t.Context(), &akohubv1.RenewRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("Renew: %v", err)
	}
}

func TestSessionFillsTheMirror(t *testing.T) {
	h := newHub(t, nil)
	a := h.connect("a")
	a.snapshot(1, ingress("x", "1", "h"), ingress("y", "2", "h"))
	if !h.synced("a", kinds.Ingress) || h.objects("a") != 2 {
		t.Fatalf("mirror: %+v", h.mirror("a").Summary())
	}
	a.records(ingress("z", "3", "h"), &akohubv1.Record{Kind: kinds.Ingress, Namespace: "default", Name: "x", Uid: "1", Deleted: true})
	a.acked()
	if got := h.objects("a"); got != 2 {
		t.Errorf("%d objects", got)
	}
	a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Heartbeat{Heartbeat: &akohubv1.Heartbeat{Id: 42}}})
	if got := a.next("Heartbeat").GetHeartbeat().GetId(); got != 42 {
		t.Errorf("heartbeat %d", got)
	}
	// A message of a newer agent.
	a.send(&akohubv1.SessionRequest{})
	a.acked()
	if got := testutil.ToFloat64(h.svc.metrics.unknown); got != 1 {
		t.Errorf("%v unknown messages counted", got)
	}
	st := h.svc.Status("a")
	if !st.Connected || st.AgentVersion != "0.1" || st.KubernetesVersion != "v1.35" || st.ClusterUID != "uid-1" || !strings.HasPrefix(st.RemoteAddr, "127.0.0.1:") || st.Since.IsZero() {
		t.Errorf("status %+v", st)
	}
	if h.objects("b") != 0 || h.svc.Status("b").Connected {
		t.Error("cluster b has something of a")
	}
	if err := a.stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	h.logs("agent closed its stream", "cluster=a")
	h.eventually("disconnected", func() bool { return !h.svc.Status("a").Connected })
	if h.synced("a", kinds.Ingress) || h.objects("a") != 2 {
		t.Errorf("mirror after the end: %+v", h.mirror("a").Summary())
	}
}

func TestResumeSendsNoRecords(t *testing.T) {
	h := newHub(t, func(c *Config) { c.MaxSnapshots = 1 })
	recs := func() []*akohubv1.Record {
		return []*akohubv1.Record{ingress("x", "1", "h"), ingress("y", "2", "h")}
	}
	a := h.connect("a")
	a.snapshot(1, recs()...)
	a.cancel()
	h.eventually("unsynced", func() bool { return !h.synced("a", kinds.Ingress) })
	h.logs("stream closed", "connection was lost", "cluster=a")
	h.mirror("a").TakeDirty()

	// Another cluster holds the only place for snapshots; a resume needs none.
	b := h.connect("b")
	b.begin(kinds.Ingress, 1, digestOf(recs()...))
	b.next("SnapshotNeed")
	a = h.connect("a")
	if need := a.snapshot(1, recs()...); len(need.GetBuckets()) != 0 {
		t.Errorf("need %v", need)
	}
	if !h.synced("a", kinds.Ingress) {
		t.Error("not synced")
	}
	if got := h.mirror("a").TakeDirty(); len(got) != 1 || got[0].Ref.Name != "" {
		t.Errorf("dirty %v", got)
	}
}

func TestBadMessagesEndTheStreamAndKeepTheMirror(t *testing.T) {
	small := DefaultLimits()
	small.MaxRecordBytes, small.MaxBatchBytes = 1000, 2000
	big := func(name string, n int) *akohubv1.Record {
		r := ingress(name, "1", "h")
		r.GetIngress().GetRules()[0].Host = strings.Repeat("h", n)
		return r
	}
	for _, tc := range []struct {
		name string
		send func(*agent)
		code codes.Code
		says string
	}{
		{"gap", func(a *agent) { a.seq++; a.records(ingress("z", "3", "h")) }, codes.FailedPrecondition, "number 8 follows 6"},
		{"repeated number", func(a *agent) { a.seq--; a.records(ingress("z", "3", "h")) }, codes.FailedPrecondition, "number 6 follows 6"},
		{"second hello", func(a *agent) { a.hello() }, codes.InvalidArgument, "second Hello"},
		{"record too big", func(a *agent) { a.records(ingress("z", "3", "h"), big("big", 1000)) }, codes.ResourceExhausted, `"big" has 1`},
		{"batch too big", func(a *agent) { a.records(big("z1", 800), big("z2", 800), big("z3", 800)) }, codes.ResourceExhausted, "a batch has 2"},
		{"message too big", func(a *agent) { a.records(big("huge", 5<<20)) }, codes.ResourceExhausted, "larger than max"},
		{"record without name", func(a *agent) { a.records(ingress("z", "3", "h"), ingress("", "4", "h")) }, codes.InvalidArgument, "name is empty"},
		{"body of another kind", func(a *agent) {
			r := ingress("z", "3", "h")
			r.Kind = kinds.Service
			a.records(r)
		}, codes.InvalidArgument, "type Ingress"},
		{"record of no snapshot", func(a *agent) {
			r := ingress("z", "3", "h")
			r.Snapshot = 77
			a.records(r)
		}, codes.FailedPrecondition, "snapshot 77"},
		{"bucket digests missing", func(a *agent) {
			a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_SnapshotBegin{SnapshotBegin: &akohubv1.SnapshotBegin{Kind: kinds.Ingress, Snapshot: 2}}})
		}, codes.InvalidArgument, "0 bucket digests"},
		{"end without begin", func(a *agent) { a.end(kinds.Ingress, 9, digestOf(), 0) }, codes.FailedPrecondition, "end of snapshot 9"},
		{"wrong digest", func(a *agent) {
			d := digestOf(ingress("x", "1", "h"))
			a.begin(kinds.Ingress, 2, d)
			a.next("SnapshotNeed")
			a.end(kinds.Ingress, 2, d, 1)
		}, codes.FailedPrecondition, "digest differ"},
		{"kind state without kind", func(a *agent) { a.state("", akohubv1.KindState_AVAILABILITY_WATCHED) }, codes.InvalidArgument, "kind is empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHub(t, func(c *Config) { c.Limits = small })
			a := h.connect("a")
			a.snapshot(1, ingress("x", "1", "h"), ingress("y", "2", "h"))
			a.send(&akohubv1.SessionRequest{})
			a.acked()
			other := h.connect("b")
			h.mirror("a").TakeDirty()

			tc.send(a)
			a.refused(tc.code, tc.says)
			h.logs("stream closed", "cluster=a", fmt.Sprintf("code=%s", tc.code))
			if h.objects("a") != 2 || h.mirror("a").TakeDirty() != nil {
				t.Errorf("mirror: %+v", h.mirror("a").Summary())
			}
			if st := h.svc.Status("a"); st.Connected || !strings.Contains(st.LastError, tc.says) || st.LastErrorTime.IsZero() {
				t.Errorf("status %+v", st)
			}
			// The hub goes on, with others and with this one.
			other.records(ingress("z", "3", "h"))
			other.acked()
			h.connect("a").snapshot(1, ingress("x", "1", "h"), ingress("y", "2", "h"))
		})
	}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}
func (rawCodec) Unmarshal(mem.BufferSlice, any) error { return nil }

var _ encoding.CodecV2 = rawCodec{}

func TestGarbageEndsTheStream(t *testing.T) {
	h := newHub(t, nil)
	for name, garbage := range map[string][]byte{
		"no message": {0xff, 0xff, 0xff, 0xff},
		// SessionRequest.batch.records.name of bytes that are not UTF-8.
		"not UTF-8": {0x08, 0x01, 0x22, 0x05, 0x0a, 0x03, 0x1a, 0x01, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			stream, err := h.dial(h.ca, "a").NewStream(ctx, &akohubv1.AgentService_ServiceDesc.Streams[0], akohubv1.AgentService_Session_FullMethodName, grpc.ForceCodecV2(rawCodec{}))
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.SendMsg(&garbage); err != nil {
				t.Fatal(err)
			}
			var in []byte
			if err := stream.RecvMsg(&in); status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "failed to unmarshal") {
				t.Errorf("error %v", err)
			}
		})
	}
	h.logs("stream closed", "cluster=a", "code=InvalidArgument", "could not be decoded", "wire-format")
	h.logs("stream closed", "cluster=a", "code=InvalidArgument", "could not be decoded", "UTF-8")
}

func TestHello(t *testing.T) {
	for _, tc := range []struct {
		name string
		send func(*agent)
		code codes.Code
		says string
	}{
		{"never", func(*agent) {}, codes.DeadlineExceeded, "no Hello within"},
		{"something else first", func(a *agent) { a.records(ingress("x", "1", "h")) }, codes.InvalidArgument, "Batch instead of Hello"},
		{"wrong number", func(a *agent) { a.seq = 4; a.hello() }, codes.FailedPrecondition, "number 5 instead of 1"},
		{"other major version", func(a *agent) {
			a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Hello{Hello: &akohubv1.Hello{Protocol: &akohubv1.ProtocolVersion{Major: 2, Minor: 1}}}})
		}, codes.FailedPrecondition, "speaks protocol 2.1, this hub 1.0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHub(t, func(c *Config) { c.HelloTimeout = 500 * time.Millisecond })
			good := h.connect("a")
			a := h.open("a")
			tc.send(a)
			a.refused(tc.code, tc.says)
			h.logs("stream closed", "cluster=a", tc.says)
			// Whoever is not welcomed replaces nobody.
			good.records(ingress("x", "1", "h"))
			good.acked()
			if got := h.noted(); got != "+a" {
				t.Errorf("connections noted: %s", got)
			}
		})
	}
}

func TestRemovedRegistrationEndsTheStream(t *testing.T) {
	h := newHub(t, nil)
	a := h.connect("a")
	b := h.connect("b")
	h.reg.set("a", nil)
	a.refused(codes.PermissionDenied, `registration of cluster "a" was removed`)
	h.logs("stream closed", "cluster=a", "registration", "removed")
	b.records(ingress("x", "1", "h"))
	b.acked()
	again := h.open("a")
	again.refused(codes.PermissionDenied, "not registered")
	if st := h.svc.Status("a"); st != (ConnectionStatus{}) {
		t.Errorf("status of a removed cluster: %+v", st)
	}
	h.reg.set("a", &Registration{})
	h.connect("a")
}

func TestNewerSessionReplacesTheOlder(t *testing.T) {
	h := newHub(t, nil)
	old := h.connect("a")
	old.snapshot(1, ingress("x", "1", "h"))
	cur := h.connect("a")
	old.refused(codes.Aborted, "replaced by a newer session")
	h.logs("stream closed", "cluster=a", "replaced")
	if h.synced("a", kinds.Ingress) {
		t.Error("the newer session has the older one's snapshot")
	}
	old.records(ingress("late", "9", "h"))
	cur.records(ingress("y", "2", "h"))
	cur.acked()
	if got := h.objects("a"); got != 2 {
		t.Errorf("%d objects", got)
	}
	if got := h.noted(); got != "+a -a +a" {
		t.Errorf("connections noted: %s", got)
	}
	if !h.svc.Status("a").Connected {
		t.Error("not connected")
	}
}

func TestSilenceEndsTheStream(t *testing.T) {
	limits := DefaultLimits()
	limits.HeartbeatIntervalMs = 100
	h := newHub(t, func(c *Config) { c.Limits = limits })
	a := h.connect("a")
	began := time.Now()
	// One heartbeat puts the end off.
	a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Heartbeat{Heartbeat: &akohubv1.Heartbeat{Id: 1}}})
	a.refused(codes.DeadlineExceeded, "no message within 300ms")
	if d := time.Since(began); d < 300*time.Millisecond {
		t.Errorf("ended after %s", d)
	}
}

func TestWatchPlanIsPushed(t *testing.T) {
	h := newHub(t, nil)
	a := h.connect("a")
	a.snapshot(1, ingress("x", "1", "h"))
	h.svc.RefreshPlan("a") // nothing new: nothing is sent
	h.setPlan(DefaultPlan(PlanOptions{Pods: true}))
	h.reg.set("a", &Registration{})
	p := a.next("WatchPlan").GetWatchPlan()
	if !planned(p, kinds.Pod) || !planned(p, kinds.Ingress) || !h.synced("a", kinds.Ingress) {
		t.Errorf("plan %v", p)
	}
	// A kind that is no longer watched is unknown; its objects stay.
	h.setPlan(&akohubv1.WatchPlan{Kinds: []*akohubv1.WatchKind{{Version: "v1", Resource: "services"}}})
	h.svc.RefreshPlan("a")
	a.next("WatchPlan")
	if h.synced("a", kinds.Ingress) || h.objects("a") != 1 {
		t.Errorf("mirror %+v", h.mirror("a").Summary())
	}
	// Also when its snapshot was under way.
	if a.snapshot(2, ingress("x", "1", "h")); h.synced("a", kinds.Ingress) {
		t.Error("synced though not in the plan")
	}
}

func TestCloseEndsSessions(t *testing.T) {
	h := newHub(t, nil)
	a := h.connect("a")
	h.svc.Close()
	a.refused(codes.Unavailable, "shutting down")
	h.open("b").refused(codes.Unavailable, "shutting down")
}

func TestPanicEndsOneSession(t *testing.T) {
	h := newHub(t, func(c *Config) {
		plan := c.Plan
		c.Plan = func(cluster string) *akohubv1.WatchPlan {
			if cluster == "b" {
				panic("no plan")
			}
			return plan(cluster)
		}
	})
	a := h.connect("a")
	for range 2 {
		b := h.open("b")
		b.hello()
		b.refused(codes.Internal, "internal error of the hub")
	}
	h.logs("panic while serving a call", "no plan")
	a.records(ingress("x", "1", "h"))
	a.acked()
}

func TestAcksAreCoalescedWithinTheWindow(t *testing.T) {
	limits := DefaultLimits()
	limits.MaxUnacked = 40
	h := newHub(t, func(c *Config) { c.Limits, c.AckDelay = limits, time.Hour })
	a := h.connect("a")
	for range 9 { // with Hello a quarter of the window
		a.records()
	}
	if got := a.next("Ack").GetAck().GetSeq(); got != 10 {
		t.Errorf("first ack of %d", got)
	}
}
