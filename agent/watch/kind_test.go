package watch

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// bench runs one kind without a source: the test is the source.
type bench struct {
	t      *testing.T
	k      *kind
	conv   *converter
	report *reports
	ctx    context.Context
}

type reports struct {
	mu  sync.Mutex
	all []string
}

func (r *reports) Report(o *akohubv1.ObjectRef, e *akohubv1.ObjectEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, o.GetNamespace()+"/"+o.GetName()+" "+o.GetUid()+" "+e.GetReason())
}

func newBench(t *testing.T, maxRecord int) *bench {
	b := &bench{t: t, conv: &converter{kind: kinds.Service, annotations: []string{"ako.vmware.com/"}}, report: &reports{}, ctx: t.Context()}
	b.k = newKind(kinds.Service, hclog.NewNullLogger())
	b.k.reporter, b.k.numbers = b.report, &atomic.Uint64{}
	b.k.holdFor, b.k.maxRecord = time.Minute, maxRecord
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.k.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b
}

func (b *bench) hub() *hub {
	h := newHubDouble(b.t)
	h.need = b.need
	return h
}

func (b *bench) need(n *akohubv1.SnapshotNeed) {
	b.k.need(need{n.GetSnapshot(), n.GetBuckets()})
}

func (b *bench) svc(name, selector string) *object {
	b.t.Helper()
	o, err := b.conv.service(&corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "red", Name: name, UID: types.UID("u-" + name)},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"v": selector}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return o
}

// do hands an op over and waits until everything has come to rest.
func (b *bench) do(o op) {
	b.t.Helper()
	if err := b.k.submit(b.ctx, o); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

func (b *bench) list(names ...string) {
	b.t.Helper()
	var objs []*object
	for _, n := range names {
		name, version, _ := strings.Cut(n, "=")
		objs = append(objs, b.svc(name, version))
	}
	b.do(op{replace: &objs})
}

func (b *bench) attach(h *hub) {
	b.k.join(b.ctx, h)
	synctest.Wait()
}

func (b *bench) relisted() bool {
	select {
	case <-b.k.relist:
		return true
	default:
		return false
	}
}

func (b *bench) wantLog(h *hub, want ...string) {
	b.t.Helper()
	synctest.Wait()
	var short []string
	for _, l := range h.take() {
		short = append(short, strings.ReplaceAll(strings.ReplaceAll(l, " "+kinds.Service, ""), "red/", ""))
	}
	if got := strings.Join(short, ", "); got != strings.Join(want, ", ") {
		b.t.Errorf("said  %s\nwant  %s", got, strings.Join(want, ", "))
	}
}

func (b *bench) wantObjects(h *hub, names string) {
	b.t.Helper()
	if got := strings.ReplaceAll(h.names(kinds.Service), "red/", ""); got != names {
		b.t.Errorf("the hub has %q, want %q", got, names)
	}
}

func TestKindFirstSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		h := b.hub()
		b.attach(h)
		b.wantLog(h) // nothing is known, nothing is said
		b.list("b", "a")
		b.wantLog(h, "state watched", "begin", "snapshot a", "snapshot b", "end")
		b.wantObjects(h, "a b")
		if b.relisted() {
			t.Error("bodies at hand were listed again")
		}
		b.do(op{upsert: b.svc("c", "")})
		b.do(op{upsert: b.svc("a", "2")})
		b.do(op{upsert: b.svc("a", "2")}) // no news
		b.do(op{remove: &key{"red", "b"}})
		b.do(op{remove: &key{"red", "never"}})
		b.wantLog(h, "change c", "change a", "gone b")
		b.wantObjects(h, "a c")
	})
}

func TestKindResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		h := b.hub()
		b.attach(h)
		b.list("a", "b", "c")
		b.wantLog(h, "state watched", "begin", "snapshot a", "snapshot b", "snapshot c", "end")

		h = h.reconnect()
		b.attach(h)
		b.wantLog(h, "state watched", "begin", "end")

		// Without a session only the index moves.
		next := h.reconnect()
		synctest.Wait()
		b.do(op{upsert: b.svc("b", "2")})
		b.do(op{remove: &key{"red", "c"}})
		h = next
		b.attach(h)
		if !b.relisted() {
			t.Fatal("bodies that are not at hand were not listed again")
		}
		// What changed until the list goes along.
		b.list("a", "b=2", "d")
		b.wantLog(h, "state watched", "begin", "snapshot b", "change d", "end")
		b.wantObjects(h, "a b d")
	})
}

func TestKindListAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		h := b.hub()
		b.attach(h)
		b.list("a", "b", "c")
		h.take()
		// The watch expired: the list is compared with the index.
		b.list("d", "a=2", "b")
		b.wantLog(h, "gone c", "change a", "change d")
		b.wantObjects(h, "a b d")
	})
}

func TestKindChangesWhileTheHubDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		h := b.hub()
		var begun *akohubv1.SnapshotBegin
		var lacks []uint32
		h.answer = func(s *akohubv1.SnapshotBegin, n []uint32) { begun, lacks = s, n }
		b.attach(h)
		b.list("a", "b", "c")
		b.do(op{upsert: b.svc("a", "2")})
		b.do(op{remove: &key{"red", "b"}})
		b.wantLog(h, "state watched", "begin", "change a", "gone b")
		b.need(&akohubv1.SnapshotNeed{Snapshot: begun.GetSnapshot() + 5, Buckets: lacks}) // not ours
		b.wantLog(h)
		b.need(&akohubv1.SnapshotNeed{Snapshot: begun.GetSnapshot(), Buckets: lacks})
		b.wantLog(h, "snapshot a", "snapshot c", "end")
		b.wantObjects(h, "a c")
	})
}

func TestKindDropsBodiesOfAHubThatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		h := b.hub()
		var begun *akohubv1.SnapshotBegin
		var lacks []uint32
		h.answer = func(s *akohubv1.SnapshotBegin, n []uint32) { begun, lacks = s, n }
		b.attach(h)
		b.list("a", "b")
		time.Sleep(2 * time.Minute) // of the bubble's clock
		b.need(&akohubv1.SnapshotNeed{Snapshot: begun.GetSnapshot(), Buckets: lacks})
		synctest.Wait()
		if !b.relisted() {
			t.Fatal("not listed again")
		}
		b.list("a", "b")
		b.wantLog(h, "state watched", "begin", "snapshot a", "snapshot b", "end")
	})
}

func TestKindStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		h := b.hub()
		b.attach(h)
		b.do(op{state: &state{forbidden, "no"}})
		b.do(op{state: &state{forbidden, "still no"}}) // said once
		b.wantLog(h, "state forbidden")
		b.list("a")
		b.wantLog(h, "state watched", "begin", "snapshot a", "end")

		// A watch that broke and goes on: complete again by digests alone.
		b.do(op{state: &state{failing, "gone away"}})
		b.do(op{upsert: b.svc("b", "")})
		b.do(op{state: &state{watched, ""}})
		b.wantLog(h, "state failing", "change b", "state watched", "begin", "end")

		// The next session hears of the state, and nothing that sounds complete.
		b.do(op{state: &state{absent, "gone"}})
		h = h.reconnect()
		b.attach(h)
		b.wantLog(h, "state absent")
		b.wantObjects(h, "a b")
		b.list("b")
		if !h.synced(kinds.Service) {
			t.Error("not complete after a list")
		}
		b.wantLog(h, "state watched", "begin", "end") // only a's bucket differs
		b.wantObjects(h, "b")
	})
}

func TestKindGivesAnOpenSnapshotUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		h := b.hub()
		h.answer = func(*akohubv1.SnapshotBegin, []uint32) {}
		b.attach(h)
		b.list("a")
		b.do(op{state: &state{failing, "x"}})
		b.wantLog(h, "state watched", "begin", "abort", "state failing")
		h.answer = nil
		b.list("a")
		b.wantLog(h, "state watched", "begin", "snapshot a", "end")
	})
}

func TestKindTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 200)
		large := func(name string) *object { return b.svc(name, strings.Repeat("x", 300)) }
		h := b.hub()
		b.attach(h)
		objs := []*object{b.svc("a", ""), large("b")}
		b.do(op{replace: &objs})
		b.wantLog(h, "state watched", "begin", "snapshot a", "end")

		// What the hub has stays as it was.
		b.do(op{upsert: large("a")})
		b.do(op{upsert: large("a")})
		b.wantLog(h)
		b.wantObjects(h, "a")
		if got := fmt.Sprint(b.report.all); got != "[red/b u-b RecordTooLarge red/a u-a RecordTooLarge]" {
			t.Errorf("reported %s", got)
		}
		b.do(op{upsert: b.svc("b", "small again")})
		b.wantLog(h, "change b")
		h = h.reconnect()
		b.attach(h)
		b.wantLog(h, "state watched", "begin", "end")

		// An empty hub gets what can be sent, and the digests agree.
		empty := b.hub()
		b.attach(empty)
		if !b.relisted() {
			t.Fatal("not listed again")
		}
		objs = []*object{large("a"), b.svc("b", "small again")}
		b.do(op{replace: &objs})
		b.wantLog(empty, "state watched", "begin", "snapshot b", "end")
	})
}

func TestKindRecreatedObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		h := b.hub()
		b.attach(h)
		b.list("a")
		again := b.svc("a", "")
		again.uid, again.rec.Uid = "other", "other"
		b.do(op{upsert: again})
		b.do(op{remove: &key{"red", "a"}})
		b.wantLog(h, "state watched", "begin", "snapshot a", "end", "change a", "gone a")
		b.wantObjects(h, "")
	})
}

func TestKindSurvivesTheEndOfASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		h := b.hub()
		b.attach(h)
		b.list("a")
		close(h.done)
		for i := range 10 {
			b.do(op{upsert: b.svc("x", fmt.Sprint(i))})
		}
		next := b.hub()
		b.attach(next)
		if !b.relisted() {
			t.Error("the new session was not served")
		}
	})
}
