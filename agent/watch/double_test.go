package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/akohub/akohub/pkg/digest"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const waitFor = 20 * time.Second

// hub is a Sink that keeps a mirror by the rules of the protocol and complains
// about everything that breaks them.
type hub struct {
	t    *testing.T
	done chan struct{}
	// answer, if set, is called with each begun snapshot that lacks records,
	// instead of asking for them at once.
	answer func(*akohubv1.SnapshotBegin, []uint32)
	need   func(*akohubv1.SnapshotNeed)

	mu    sync.Mutex
	kinds map[string]*mirrored
	log   []string
}

type mirrored struct {
	objects map[key]*akohubv1.Record
	open    uint64
	needs   map[uint32]bool
	seen    map[key]bool
	synced  bool
	state   akohubv1.KindState_Availability
}

func newHubDouble(t *testing.T) *hub {
	return &hub{t: t, done: make(chan struct{}), kinds: map[string]*mirrored{}}
}

// reconnect returns the hub in a new session: the mirror stays.
func (h *hub) reconnect() *hub {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.done)
	n := &hub{t: h.t, done: make(chan struct{}), need: h.need, kinds: map[string]*mirrored{}}
	for name, m := range h.kinds {
		n.kinds[name] = &mirrored{objects: maps.Clone(m.objects)}
	}
	return n
}

func (h *hub) Done() <-chan struct{} { return h.done }

func (h *hub) Put(_ context.Context, kind string, it Item) error {
	select {
	case <-h.done:
		return errors.New("over")
	default:
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.kinds[kind]
	if m == nil {
		m = &mirrored{objects: map[key]*akohubv1.Record{}}
		h.kinds[kind] = m
	}
	switch {
	case it.Record != nil:
		h.record(kind, m, it)
	case it.Begin != nil:
		h.begin(m, it.Begin)
	case it.End != nil:
		h.end(m, it.End)
	case it.Abort != nil:
		h.log = append(h.log, "abort "+kind)
		if m.open != it.Abort.GetSnapshot() {
			h.t.Errorf("%s: abort of snapshot %d, %d is open", kind, it.Abort.GetSnapshot(), m.open)
		}
		m.open = 0
	case it.State != nil:
		h.log = append(h.log, "state "+kind+" "+short(it.State.GetAvailability()))
		m.state = it.State.GetAvailability()
		if m.state != watched {
			m.synced = false
			if m.open != 0 {
				h.t.Errorf("%s: %s while snapshot %d is open", kind, short(m.state), m.open)
			}
		}
	}
	return nil
}

func (h *hub) record(kind string, m *mirrored, it Item) {
	r := it.Record
	k := key{r.GetNamespace(), r.GetName()}
	if r.GetKind() != kind {
		h.t.Errorf("record of %s in the lane of %s", r.GetKind(), kind)
	}
	what := " " + kind + " " + k.String()
	switch {
	case r.GetDeleted():
		h.log = append(h.log, "gone"+what)
		if old := m.objects[k]; old != nil && old.GetUid() == r.GetUid() {
			delete(m.objects, k)
		}
		return
	case r.GetSnapshot() != 0:
		h.log = append(h.log, "snapshot"+what)
		if r.GetSnapshot() != m.open || !m.needs[uint32(digest.BucketOf(k.namespace, k.name))] {
			h.t.Errorf("record%s of snapshot %d was not asked for", what, r.GetSnapshot())
		}
		if it.Fresh {
			h.t.Errorf("record%s of a snapshot claims to be fresh", what)
		}
	default:
		h.log = append(h.log, "change"+what)
	}
	if r.GetBody() == nil || len(r.GetContentHash()) == 0 || r.GetUid() == "" {
		h.t.Errorf("record%s lacks something: %v", what, r)
	}
	m.objects[k] = r
	if m.seen != nil {
		m.seen[k] = true
	}
}

func (m *mirrored) set(drop func(key) bool) *digest.Set {
	s := &digest.Set{}
	for k, r := range m.objects {
		if drop == nil || !drop(k) {
			s.Add(digest.Entry{Namespace: k.namespace, Name: k.name, UID: r.GetUid(), ContentHash: string(r.GetContentHash())})
		}
	}
	return s
}

func (h *hub) begin(m *mirrored, b *akohubv1.SnapshotBegin) {
	h.log = append(h.log, "begin "+b.GetKind())
	if m.open != 0 {
		h.t.Errorf("%s: snapshot %d begins while %d is open", b.GetKind(), b.GetSnapshot(), m.open)
	}
	m.open, m.needs, m.seen = b.GetSnapshot(), map[uint32]bool{}, map[key]bool{}
	own := m.set(nil).BucketDigests()
	var buckets []uint32
	for i, d := range b.GetBucketDigests() {
		if d != own[i] {
			m.needs[uint32(i)] = true
			buckets = append(buckets, uint32(i))
		}
	}
	if h.answer != nil && len(buckets) > 0 {
		h.answer(b, buckets)
		return
	}
	h.need(&akohubv1.SnapshotNeed{Kind: b.GetKind(), Snapshot: b.GetSnapshot(), Buckets: buckets})
}

func (h *hub) end(m *mirrored, e *akohubv1.SnapshotEnd) {
	h.log = append(h.log, "end "+e.GetKind())
	if m.open != e.GetSnapshot() {
		h.t.Errorf("%s: end of snapshot %d, %d is open", e.GetKind(), e.GetSnapshot(), m.open)
		return
	}
	drop := func(k key) bool { return m.needs[uint32(digest.BucketOf(k.namespace, k.name))] && !m.seen[k] }
	remains := m.set(drop)
	if remains.Count() != e.GetCount() || remains.Digest() != e.GetDigest() {
		h.t.Errorf("%s: the end says %d objects, %d remain, or the digest is wrong", e.GetKind(), e.GetCount(), remains.Count())
	}
	maps.DeleteFunc(m.objects, func(k key, _ *akohubv1.Record) bool { return drop(k) })
	m.open, m.seen, m.synced = 0, nil, true
}

// names returns the mirrored objects of a kind, sorted.
func (h *hub) names(kind string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	if m := h.kinds[kind]; m != nil {
		for k := range m.objects {
			out = append(out, k.String())
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (h *hub) body(kind string, k key) *akohubv1.Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.kinds[kind]; m != nil {
		return m.objects[k]
	}
	return nil
}

func (h *hub) synced(kind string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kinds[kind] != nil && h.kinds[kind].synced
}

func (h *hub) state(kind string) akohubv1.KindState_Availability {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.kinds[kind]; m != nil {
		return m.state
	}
	return unknown
}

// take returns what was said since the last take.
func (h *hub) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.log
	h.log = nil
	return out
}

func (h *hub) mentions(s string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, l := range h.log {
		if strings.HasPrefix(l, s) {
			n++
		}
	}
	return n
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(waitFor)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func sortedJoin(s []string) string { return strings.Join(s, "\n") }
