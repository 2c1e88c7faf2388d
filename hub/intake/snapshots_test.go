package intake

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// waits checks that a cluster's snapshot is held, by a heartbeat that is
// answered before the snapshot is.
func (a *agent) waits() {
	a.h.t.Helper()
	a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Heartbeat{Heartbeat: &akohubv1.Heartbeat{Id: a.seq}}})
	a.next("Heartbeat")
}

func TestSnapshotsAreAdmittedInTurn(t *testing.T) {
	h := newHub(t, func(c *Config) { c.MaxSnapshots = 1 })
	d := digestOf(ingress("x", "1", "h"))
	a, b := h.connect("a"), h.connect("b")
	a.begin(kinds.Ingress, 1, d)
	a.next("SnapshotNeed")
	a.begin(kinds.Service, 2, d)
	b.begin(kinds.Ingress, 1, d)
	b.waits()
	// A change is not held by anyone's snapshot.
	b.records(ingress("y", "2", "h"))
	b.acked()
	if h.objects("b") != 1 {
		t.Error("the change of b is not in its mirror")
	}
	a.waits()
	// The place goes to the other cluster before the same one has it again.
	a.abort(kinds.Ingress, 1)
	b.next("SnapshotNeed")
	a.waits()
	b.abort(kinds.Ingress, 1)
	if got := a.next("SnapshotNeed").GetSnapshotNeed().GetKind(); got != kinds.Service {
		t.Errorf("need for %s", got)
	}
	// A kind that is not watched any more gives its place up.
	b.begin(kinds.Ingress, 2, d)
	b.waits()
	a.state(kinds.Service, akohubv1.KindState_AVAILABILITY_FORBIDDEN)
	b.next("SnapshotNeed")
	// So does a stream that ends.
	a.begin(kinds.Ingress, 3, d)
	a.waits()
	b.cancel()
	a.next("SnapshotNeed")
	// And one whose turn comes after it has given up passes it on.
	c := h.connect("b")
	c.begin(kinds.Ingress, 1, d)
	c.waits()
	c.abort(kinds.Ingress, 1)
	c.acked()
	a.abort(kinds.Ingress, 3)
	h.eventually("place free", func() bool {
		h.svc.admission.mu.Lock()
		defer h.svc.admission.mu.Unlock()
		return h.svc.admission.free == 1 && h.svc.admission.waiting.Len() == 0
	})
}

func TestRecordsBeforeAdmissionAreRefused(t *testing.T) {
	h := newHub(t, func(c *Config) { c.MaxSnapshots = 1 })
	d := digestOf(ingress("x", "1", "h"))
	a, b := h.connect("a"), h.connect("b")
	a.begin(kinds.Ingress, 1, d)
	a.next("SnapshotNeed")
	b.begin(kinds.Ingress, 1, d)
	r := ingress("x", "1", "h")
	r.Snapshot = 1
	b.records(r)
	b.refused(codes.FailedPrecondition, "has not asked for")
}

func TestStalledSnapshotLosesItsPlace(t *testing.T) {
	limits := DefaultLimits()
	limits.HeartbeatIntervalMs = 50
	h := newHub(t, func(c *Config) {
		c.MaxSnapshots = 1
		c.SnapshotStall = 100 * time.Millisecond
		c.Limits = limits
	})
	d := digestOf(ingress("x", "1", "h"))
	a := h.connect("a")
	a.begin(kinds.Ingress, 1, d)
	a.next("SnapshotNeed")
	stop := make(chan struct{})
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		beat := time.NewTicker(20 * time.Millisecond)
		defer beat.Stop()
		for {
			select {
			case <-stop:
				return
			case <-beat.C:
				a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Heartbeat{Heartbeat: &akohubv1.Heartbeat{}}})
			}
		}
	}()
	a.refused(codes.DeadlineExceeded, "has stood still")
	close(stop)
	<-beating
	b := h.connect("b")
	b.begin(kinds.Ingress, 1, d)
	b.next("SnapshotNeed")
}
