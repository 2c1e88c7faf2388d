package e2e

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/akohub/akohub/pkg/digest"
	"github.com/akohub/akohub/pkg/identity"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// TestGarbageFromAnAgent speaks to the hub with a good certificate and says what
// no correct agent says. The stream is closed with a reason, and what the hub
// knew of the cluster stays. Every case of the protocol is tested in hub/intake.
func TestGarbageFromAnAgent(t *testing.T) {
	w := newWorld(t)
	w.a.apply(shop(t, nameA, 1))
	w.b.apply(shop(t, nameB, 2))
	w.served(w.a, shopObjects...)
	w.served(w.b, shopObjects...)
	w.settle()
	before, mark := w.b.shows(), w.mark()
	w.must(w.b.Agent.Stop())

	ingress := func(body string) *akohubv1.Record {
		return &akohubv1.Record{
			Kind: kinds.Ingress, Namespace: "default", Name: "made-up", Uid: "u1", ContentHash: []byte("h1"),
			Body: &akohubv1.Record_Ingress{Ingress: &akohubv1.Ingress{Rules: []*akohubv1.IngressRule{{Host: body}}}},
		}
	}
	for _, tc := range []struct {
		name string
		say  func(s *session)
		want string
	}{
		{"a wrong digest", func(s *session) {
			// An empty cluster, said to be full: were it believed, all would be gone.
			var empty digest.Set
			s.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_SnapshotBegin{SnapshotBegin: &akohubv1.SnapshotBegin{
				Kind: kinds.Ingress, Snapshot: 1, Count: 0, BucketDigests: empty.BucketDigests()}}})
			s.until(func(m *akohubv1.SessionResponse) bool { return m.GetSnapshotNeed() != nil })
			s.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_SnapshotEnd{SnapshotEnd: &akohubv1.SnapshotEnd{
				Kind: kinds.Ingress, Snapshot: 1, Count: 0, Digest: empty.Digest() + 1}}})
		}, "digest"},
		{"a record too big", func(s *session) {
			s.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Batch{Batch: &akohubv1.Batch{
				Records: []*akohubv1.Record{ingress(strings.Repeat("x", 300<<10))}}}})
		}, "bytes"},
		{"a gap", func(s *session) {
			s.seq += 5
			s.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Heartbeat{Heartbeat: &akohubv1.Heartbeat{Id: 1}}})
		}, "follows"},
		{"a record without a name", func(s *session) {
			r := ingress("x.apps.example.test")
			r.Name = ""
			s.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Batch{Batch: &akohubv1.Batch{Records: []*akohubv1.Record{r}}}})
		}, "name"},
	} {
		w.run(tc.name, func(w *world) {
			s := w.session(nameB)
			tc.say(s)
			reason := s.end()
			if !strings.Contains(reason, tc.want) {
				w.t.Errorf("the reason is %q, want something with %q", reason, tc.want)
			}
			w.logged(w.Hub.Log(), "stream closed", nameB, tc.want)
			w.must(w.SettleWrites(t.Context(), quiet))
			w.wrote("garbage", mark)
		})
	}

	w.must(w.b.Agent.Start(t.Context()))
	w.wroteNothing("garbage, and the true agent after it", mark)
	w.b.unchanged("garbage", before)
}

// session is an agent's stream in a test's hand.
type session struct {
	w      *world
	stream grpc.BidiStreamingClient[akohubv1.SessionRequest, akohubv1.SessionResponse]
	seq    uint64
}

// session connects with a cluster's certificate, up to the Welcome.
func (w *world) session(cluster string) *session {
	w.t.Helper()
	certs := filepath.Join(w.Dir, "pki", "clusters", cluster)
	config, err := identity.ClientTLS(filepath.Join(w.Dir, "pki", "ca.crt"), certs+".crt", certs+".key")
	w.must(err)
	conn, err := grpc.NewClient(w.Hub.Listen, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	w.must(err)
	w.t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	w.t.Cleanup(cancel)
	stream, err := akohubv1.NewAgentServiceClient(conn).Session(ctx)
	w.must(err)
	s := &session{w: w, stream: stream}
	s.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Hello{Hello: &akohubv1.Hello{
		Protocol: &akohubv1.ProtocolVersion{Major: 1}, AgentVersion: "test", ClusterUid: "test"}}})
	s.until(func(m *akohubv1.SessionResponse) bool { return m.GetWelcome().GetClusterName() == cluster })
	return s
}

// send numbers and sends a message. That the stream has ended shows in until and
// end.
func (s *session) send(m *akohubv1.SessionRequest) {
	s.seq++
	m.Seq = s.seq
	_ = s.stream.Send(m)
}

// until reads up to a message.
func (s *session) until(found func(*akohubv1.SessionResponse) bool) {
	s.w.t.Helper()
	for {
		m, err := s.stream.Recv()
		s.w.must(err)
		if found(m) {
			return
		}
	}
}

// end reads up to the end and returns the reason for it.
func (s *session) end() string {
	for {
		if _, err := s.stream.Recv(); err != nil {
			return status.Convert(err).Message()
		}
	}
}
