package intake

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func statusOf(name, ip string) *akohubv1.WriteBack {
	return &akohubv1.WriteBack{
		Object:       &akohubv1.ObjectRef{Kind: kinds.Ingress, Namespace: "default", Name: name, Uid: "1"},
		LoadBalancer: &akohubv1.LoadBalancerStatus{Ingress: []*akohubv1.LoadBalancerIngress{{Ip: ip}}},
	}
}

func eventOf(name, reason string) *akohubv1.WriteBack {
	return &akohubv1.WriteBack{
		Object: &akohubv1.ObjectRef{Kind: kinds.Ingress, Namespace: "default", Name: name, Uid: "1"},
		Event:  &akohubv1.ObjectEvent{Reason: reason},
	}
}

// results collects what done is called with.
type results chan string

func (r results) done(name string) doneFunc {
	return func(res *akohubv1.WriteBackResult, err error) {
		switch {
		case errors.Is(err, ErrNotConnected):
			r <- name + " not connected"
		case errors.Is(err, ErrNoAnswer):
			r <- name + " no answer"
		case err != nil:
			r <- name + " lost"
		default:
			r <- name + " " + outcomeLabel(res.GetOutcome())
		}
	}
}

func (r results) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-r:
		if got != want {
			t.Errorf("result %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("no result, want %q", want)
	}
}

func (a *agent) answer(id uint64, o akohubv1.WriteBackResult_Outcome) {
	a.send(&akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_WriteBackResult{WriteBackResult: &akohubv1.WriteBackResult{Id: id, Outcome: o}}})
}

func TestWriteBackRoundTrip(t *testing.T) {
	h := newHub(t, nil)
	r := make(results, 10)
	h.svc.Send("a", statusOf("x", "10.0.0.1"), r.done("x"))
	r.expect(t, "x not connected")

	a := h.connect("a")
	h.svc.Send("a", statusOf("x", "10.0.0.1"), r.done("x1"))
	first := a.next("WriteBack").GetWriteBack()
	if diff := cmp.Diff(statusOf("x", "10.0.0.1").GetLoadBalancer(), first.GetLoadBalancer(), protocmp.Transform()); diff != "" || first.GetId() == 0 {
		t.Errorf("write-back %v (-want +got):\n%s", first, diff)
	}
	// While it is under way, newer ones for the object wait and overtake each
	// other; other objects don't wait.
	h.svc.Send("a", statusOf("x", "10.0.0.2"), r.done("x2"))
	h.svc.Send("a", eventOf("x", "Synced"), r.done("event"))
	h.svc.Send("a", statusOf("x", "10.0.0.3"), r.done("x3"))
	h.svc.Send("a", statusOf("y", "10.0.0.9"), r.done("y"))
	y := a.next("WriteBack").GetWriteBack()
	if y.GetObject().GetName() != "y" {
		t.Fatalf("write-back %v", y)
	}
	a.answer(y.GetId(), akohubv1.WriteBackResult_OUTCOME_UNCHANGED)
	r.expect(t, "y unchanged")
	a.answer(first.GetId(), akohubv1.WriteBackResult_OUTCOME_APPLIED)
	r.expect(t, "x1 applied")
	newest := a.next("WriteBack").GetWriteBack()
	if got := newest.GetLoadBalancer().GetIngress()[0].GetIp(); got != "10.0.0.3" {
		t.Errorf("sent %s", got)
	}
	a.answer(newest.GetId(), akohubv1.WriteBackResult_OUTCOME_FORBIDDEN)
	r.expect(t, "x2 forbidden")
	r.expect(t, "x3 forbidden")
	event := a.next("WriteBack").GetWriteBack()
	if event.GetEvent().GetReason() != "Synced" {
		t.Errorf("write-back %v", event)
	}
	// Answers to nothing are passed over.
	a.answer(999, akohubv1.WriteBackResult_OUTCOME_APPLIED)
	a.answer(first.GetId(), akohubv1.WriteBackResult_OUTCOME_APPLIED)
	a.answer(event.GetId(), akohubv1.WriteBackResult_OUTCOME_GONE)
	r.expect(t, "event gone")
	if n := len(h.svc.session("a").out.objects); n != 0 {
		t.Errorf("%d objects left in the outbox", n)
	}
}

func TestWriteBacksFailWithTheStream(t *testing.T) {
	h := newHub(t, nil)
	a := h.connect("a")
	r := make(results, 10)
	h.svc.Send("a", statusOf("x", "10.0.0.1"), r.done("sent"))
	a.next("WriteBack")
	h.svc.Send("a", statusOf("x", "10.0.0.2"), r.done("waiting"))
	x := h.svc.session("a")
	a.cancel()
	r.expect(t, "sent lost")
	r.expect(t, "waiting lost")
	if err := x.out.write(statusOf("x", "10.0.0.3"), r.done("late")); err == nil {
		t.Error("a closed outbox takes write-backs")
	}
}

func TestUnansweredWriteBackIsGivenUp(t *testing.T) {
	limits := DefaultLimits()
	limits.HeartbeatIntervalMs = 1000
	h := newHub(t, func(c *Config) { c.Limits, c.WriteBackTimeout = limits, time.Millisecond })
	a := h.connect("a")
	r := make(results, 10)
	h.svc.Send("a", statusOf("x", "10.0.0.1"), r.done("first"))
	late := a.next("WriteBack").GetWriteBack()
	h.svc.Send("a", statusOf("x", "10.0.0.2"), r.done("second"))
	r.expect(t, "first no answer")
	second := a.next("WriteBack").GetWriteBack()
	a.answer(late.GetId(), akohubv1.WriteBackResult_OUTCOME_APPLIED)
	a.answer(second.GetId(), akohubv1.WriteBackResult_OUTCOME_APPLIED)
	r.expect(t, "second applied")
}

func TestOutboxIsBounded(t *testing.T) {
	o := newOutbox("e", 3)
	r := make(results, 100)
	for i := range 10 {
		for range 5 {
			err := o.write(statusOf(fmt.Sprint("x", i), "10.0.0.1"), r.done(""))
			if full := errors.Is(err, ErrQueueFull); full != (i >= 3) {
				t.Errorf("object %d: %v", i, err)
			}
		}
	}
	for i := range maxControl + 1 {
		if err := o.answer(&akohubv1.SessionResponse{}); (err != nil) != (i == maxControl) {
			t.Errorf("answer %d: %v", i, err)
		}
	}
	if err := o.write(&akohubv1.WriteBack{}, nil); err == nil {
		t.Error("a write-back without object is taken")
	}
	if got := len(o.close(errors.New("end"))); got != 15 {
		t.Errorf("%d are told of the end, want 15", got)
	}
}

func TestOutboxLimitsWhatIsUnderWay(t *testing.T) {
	o := newOutbox("e", 1000)
	for i := range 2 * maxInFlight {
		if err := o.write(statusOf(fmt.Sprint("x", i), "10.0.0.1"), nil); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	n := 0
	for o.next(now) != nil {
		n++
	}
	if n != maxInFlight {
		t.Errorf("%d under way, want %d", n, maxInFlight)
	}
	o.result(1)
	select {
	case <-o.wake:
	default:
		t.Error("the sender is not woken by a free place")
	}
	if m := o.next(now); m.GetWriteBack().GetObject().GetName() != fmt.Sprint("x", maxInFlight) {
		t.Errorf("next %v", m)
	}
}

func TestOvertakenAnnotationsAreNotLost(t *testing.T) {
	patch := func(set map[string]string, remove ...string) *akohubv1.WriteBack {
		wb := statusOf("x", "10.0.0.1")
		wb.Annotations = &akohubv1.AnnotationPatch{Set: set, Remove: remove}
		return wb
	}
	older := patch(map[string]string{"a": "1", "b": "1", "c": "1"}, "d", "e", "f")
	newer := patch(map[string]string{"a": "2", "d": "2"}, "b", "g")
	want := patch(map[string]string{"a": "2", "c": "1", "d": "2"}, "b", "e", "f", "g")
	if diff := cmp.Diff(want, overtake(older, newer), protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(patch(map[string]string{"a": "1"}), overtake(patch(map[string]string{"a": "1"}), patch(nil)), protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAgentThatDoesNotReadIsClosed(t *testing.T) {
	h := newHub(t, nil)
	a := h.connect("a")
	d := digestOf()
	// Each snapshot of an empty kind is answered; none of the answers is read.
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := uint64(1); a.stream.Context().Err() == nil; i++ {
			a.begin(kinds.Ingress, i, d)
			a.end(kinds.Ingress, i, d, 0)
		}
	}()
	h.logs("stream closed", "does not read")
	a.cancel()
	<-sent
}

func TestDefaultPlan(t *testing.T) {
	p := DefaultPlan(PlanOptions{Routes: true, Pods: true, SystemNamespace: "sys", More: []*akohubv1.WatchKind{{Group: "ako.vmware.com", Version: "v1beta1", Resource: "hostrules"}}})
	for _, k := range []string{kinds.IngressClass, kinds.Namespace, kinds.Service, kinds.EndpointSlice, kinds.Secret, kinds.Ingress, kinds.Node, kinds.Pod, kinds.Route, "hostrules.ako.vmware.com"} {
		if !planned(p, k) {
			t.Errorf("%s is not in the plan", k)
		}
	}
	if s := p.GetExtraSecrets()[0]; s.GetNamespace() != "sys" || s.GetName() != "router-certs-default" {
		t.Errorf("extra secret %v", s)
	}
	if p := DefaultPlan(PlanOptions{}); planned(p, kinds.Pod) || planned(p, kinds.Route) {
		t.Error("Pods or Routes are watched unasked")
	}
}
