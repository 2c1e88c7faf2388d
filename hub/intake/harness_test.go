package intake

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/digest"
	"github.com/akohub/akohub/pkg/identity"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// patience bounds every wait of the tests.
const patience = 10 * time.Second

// registry is a Registry that tests change.
type registry struct {
	mu       sync.Mutex
	clusters map[string]Registration
	watchers map[string]chan struct{}
}

func (r *registry) Lookup(cluster string) (Registration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reg, ok := r.clusters[cluster]
	return reg, ok
}

func (r *registry) Watch(cluster string) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.watchers[cluster] == nil {
		r.watchers[cluster] = make(chan struct{})
	}
	return r.watchers[cluster]
}

func (r *registry) set(cluster string, reg *Registration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if reg == nil {
		delete(r.clusters, cluster)
	} else {
		r.clusters[cluster] = *reg
	}
	if c := r.watchers[cluster]; c != nil {
		close(c)
		delete(r.watchers, cluster)
	}
}

// buffer is a log that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// hub is a served Service.
type hub struct {
	t       *testing.T
	svc     *Service
	addr    string
	ca      *identity.CA
	reg     *registry
	log     *buffer
	metrics *prometheus.Registry

	mu      sync.Mutex
	mirrors map[string]*mirror.Mirror
	plan    *akohubv1.WatchPlan
	events  []string
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// newHub serves clusters "a" and "b" over loopback, with a heartbeat so slow
// that tests which want it fast must say so.
func newHub(t *testing.T, edit func(*Config)) *hub {
	t.Helper()
	h := &hub{
		t: t, log: &buffer{}, metrics: prometheus.NewRegistry(),
		ca:      must[*identity.CA](t)(identity.NewCA("test")),
		reg:     &registry{clusters: map[string]Registration{"a": {}, "b": {}}, watchers: map[string]chan struct{}{}},
		mirrors: map[string]*mirror.Mirror{},
		plan:    DefaultPlan(PlanOptions{}),
	}
	logger := hclog.New(&hclog.LoggerOptions{Output: h.log, Level: hclog.Debug})
	cfg := Config{
		Logger: logger, Registerer: h.metrics, Registry: h.reg, HubVersion: "test", Epoch: "epoch-1",
		Mirror: h.mirror,
		Plan: func(string) *akohubv1.WatchPlan {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.plan
		},
		OnConnect:    func(c string) { h.note("+" + c) },
		OnDisconnect: func(c string, _ error) { h.note("-" + c) },
	}
	if edit != nil {
		edit(&cfg)
	}
	h.svc = New(cfg)
	pair := must[identity.KeyPair](t)(identity.IssueHub(h.ca, "127.0.0.1"))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(h.ca.CertPEM)
	server := NewServer(&tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{must[tls.Certificate](t)(tls.X509KeyPair(pair.CertPEM, pair.KeyPEM))},
		ClientCAs:    pool,
	}, logger, h.metrics)
	akohubv1.RegisterAgentServiceServer(server, h.svc)
	lis := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	h.addr = lis.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(lis) }()
	t.Cleanup(func() {
		h.svc.Close()
		server.GracefulStop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if t.Failed() {
			t.Logf("log of the hub:\n%s", h.log)
		}
	})
	return h
}

func (h *hub) note(event string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, event)
}

func (h *hub) noted() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.events, " ")
}

func (h *hub) setPlan(p *akohubv1.WatchPlan) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.plan = p
}

func (h *hub) mirror(cluster string) *mirror.Mirror {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mirrors[cluster] == nil {
		h.mirrors[cluster] = mirror.New(cluster)
	}
	return h.mirrors[cluster]
}

func (h *hub) objects(cluster string) int { return h.mirror(cluster).Summary().Objects }

func (h *hub) synced(cluster, kind string) (ok bool) {
	h.mirror(cluster).Read(func(v mirror.View) { ok = v.Synced(kind) })
	return ok
}

// eventually waits for a condition.
func (h *hub) eventually(what string, ok func() bool) {
	h.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			h.t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// logs waits until a line of the log has all the given parts.
func (h *hub) logs(parts ...string) {
	h.t.Helper()
	h.eventually(fmt.Sprintf("log line with %q", parts), func() bool {
	lines:
		for line := range strings.Lines(h.log.String()) {
			for _, p := range parts {
				if !strings.Contains(line, p) {
					continue lines
				}
			}
			return true
		}
		return false
	})
}

// dial connects with a certificate of a cluster, signed by an authority.
func (h *hub) dial(ca *identity.CA, cluster string) *grpc.ClientConn {
	h.t.Helper()
	pair := must[identity.KeyPair](h.t)(identity.IssueCluster(ca, cluster))
	return h.dialWith(must[tls.Certificate](h.t)(tls.X509KeyPair(pair.CertPEM, pair.KeyPEM)))
}

func (h *hub) dialWith(certs ...tls.Certificate) *grpc.ClientConn {
	h.t.Helper()
	conf := &tls.Config{MinVersion: tls.VersionTLS13}
	if len(certs) > 0 {
		// Also when the hub did not ask for one of this authority.
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certs[0], nil }
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(h.ca.CertPEM)
	conf.RootCAs = pool
	conn, err := grpc.NewClient(h.addr, grpc.WithTransportCredentials(credentials.NewTLS(conf)))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// agent is the other side of a stream, driven by a test.
type agent struct {
	h      *hub
	conn   *grpc.ClientConn
	stream grpc.BidiStreamingClient[akohubv1.SessionRequest, akohubv1.SessionResponse]
	cancel context.CancelFunc
	seq    uint64
}

// open starts a stream without saying anything.
func (h *hub) open(cluster string) *agent {
	h.t.Helper()
	return h.openOn(h.dial(h.ca, cluster))
}

func (h *hub) openOn(conn *grpc.ClientConn) *agent {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	h.t.Cleanup(cancel)
	stream, err := akohubv1.NewAgentServiceClient(conn).Session(ctx)
	if err != nil {
		h.t.Fatalf("Session: %v", err)
	}
	return &agent{h: h, conn: conn, stream: stream, cancel: cancel}
}

// connect starts a stream up to the Welcome.
func (h *hub) connect(cluster string) *agent {
	h.t.Helper()
	a := h.open(cluster)
	a.hello()
	w := a.next("Welcome").GetWelcome()
	if w.GetClusterName() != cluster || w.GetEpoch() == "" || len(w.GetWatchPlan().GetKinds()) == 0 || w.GetLimits().GetMaxUnacked() == 0 {
		h.t.Fatalf("Welcome: %v", w)
	}
	return a
}

func (a *agent) hello() {
	a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Hello{Hello: &akohubv1.Hello{
		Protocol: &akohubv1.ProtocolVersion{Major: 1, Minor: 7}, AgentVersion: "0.1", KubernetesVersion: "v1.35", ClusterUid: "uid-1"}}})
}

// send gives a message its number. Whether the stream still lives shows in next
// or refused.
func (a *agent) send(m *akohubv1.SessionRequest) {
	a.seq++
	m.Seq = a.seq
	_ = a.stream.Send(m)
}

func (a *agent) records(recs ...*akohubv1.Record) {
	a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Batch{Batch: &akohubv1.Batch{Records: recs}}})
}

func (a *agent) begin(kind string, id uint64, d *digest.Set) {
	a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_SnapshotBegin{SnapshotBegin: &akohubv1.SnapshotBegin{
		Kind: kind, Snapshot: id, Count: d.Count(), BucketDigests: d.BucketDigests()}}})
}

func (a *agent) end(kind string, id uint64, d *digest.Set, off uint64) {
	a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_SnapshotEnd{SnapshotEnd: &akohubv1.SnapshotEnd{
		Kind: kind, Snapshot: id, Count: d.Count(), Digest: d.Digest() + off}}})
}

func (a *agent) abort(kind string, id uint64) {
	a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_SnapshotAbort{SnapshotAbort: &akohubv1.SnapshotAbort{Kind: kind, Snapshot: id, Reason: "test"}}})
}

func (a *agent) state(kind string, s akohubv1.KindState_Availability) {
	a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_KindState{KindState: &akohubv1.KindState{Kind: kind, Availability: s, Message: "test"}}})
}

// snapshot sends a whole snapshot of Ingresses and waits until it is taken.
func (a *agent) snapshot(id uint64, recs ...*akohubv1.Record) *akohubv1.SnapshotNeed {
	a.h.t.Helper()
	d := digestOf(recs...)
	a.begin(kinds.Ingress, id, d)
	need := a.next("SnapshotNeed").GetSnapshotNeed()
	wanted := map[uint32]bool{}
	for _, b := range need.GetBuckets() {
		wanted[b] = true
	}
	for _, r := range recs {
		if wanted[uint32(digest.BucketOf(r.GetNamespace(), r.GetName()))] {
			r.Snapshot = id
			a.records(r)
		}
	}
	a.end(kinds.Ingress, id, d, 0)
	a.acked()
	return need
}

// next returns the next message of a type, passing over acks and heartbeats.
func (a *agent) next(name string) *akohubv1.SessionResponse {
	a.h.t.Helper()
	for {
		m, err := a.stream.Recv()
		if err != nil {
			a.h.t.Fatalf("waiting for %s: %v", name, err)
		}
		r := m.ProtoReflect()
		got := string(r.WhichOneof(r.Descriptor().Oneofs().ByName("message")).Message().Name())
		if got == name {
			return m
		}
		if got != "Ack" && got != "Heartbeat" {
			a.h.t.Fatalf("got %s instead of %s", got, name)
		}
	}
}

// acked waits until everything sent so far is acknowledged.
func (a *agent) acked() {
	a.h.t.Helper()
	for {
		ack := a.next("Ack").GetAck()
		if ack.GetSeq() > a.seq || ack.GetEpoch() != "epoch-1" {
			a.h.t.Fatalf("Ack %v after %d messages", ack, a.seq)
		}
		if ack.GetSeq() == a.seq {
			return
		}
	}
}

// refused waits for the end of the stream and checks why.
func (a *agent) refused(code codes.Code, says string) {
	a.h.t.Helper()
	for {
		_, err := a.stream.Recv()
		if err == nil {
			continue
		}
		if status.Code(err) != code || !strings.Contains(err.Error(), says) {
			a.h.t.Fatalf("stream ended with %v, want %s with %q", err, code, says)
		}
		return
	}
}

func ingress(name, uid, hash string) *akohubv1.Record {
	return &akohubv1.Record{
		Kind: kinds.Ingress, Namespace: "default", Name: name, Uid: uid, ContentHash: []byte(hash),
		Body: &akohubv1.Record_Ingress{Ingress: &akohubv1.Ingress{Meta: &akohubv1.Meta{}, Rules: []*akohubv1.IngressRule{{Host: name + ".example"}}}},
	}
}

func digestOf(recs ...*akohubv1.Record) *digest.Set {
	var s digest.Set
	for _, r := range recs {
		s.Add(digest.Entry{Namespace: r.GetNamespace(), Name: r.GetName(), UID: r.GetUid(), ContentHash: string(r.GetContentHash())})
	}
	return &s
}
