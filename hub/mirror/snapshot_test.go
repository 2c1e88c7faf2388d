package mirror

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/digest"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func synced(m *Mirror, kind string) (ok bool) {
	m.Read(func(v View) { ok = v.Synced(kind) })
	return ok
}

func mustBegin(t *testing.T, m *Mirror, id uint64, agent *digest.Set) []uint32 {
	t.Helper()
	need, err := m.BeginSnapshot(kinds.Ingress, id, agent.Count(), agent.BucketDigests())
	if err != nil {
		t.Fatalf("BeginSnapshot: %v", err)
	}
	return need
}

func TestSnapshotPrunesAtItsEndOnly(t *testing.T) {
	m := New("a")
	var old []*akohubv1.Record
	for i := range 200 {
		old = append(old, ingress("a", fmt.Sprint("x", i), "1", "h"))
	}
	mustApply(t, m, old...)
	m.TakeDirty()

	kept := slices.Clone(old[:150])
	agent := digestOf(kept...)
	need := mustBegin(t, m, 1, agent)
	if len(need) == 0 || len(need) > 50 || !slices.IsSorted(need) {
		t.Fatalf("need %v", need)
	}
	for _, r := range kept {
		if slices.Contains(need, uint32(digest.BucketOf(r.GetNamespace(), r.GetName()))) {
			mustApply(t, m, inSnapshot(ingress(r.GetNamespace(), r.GetName(), "1", "h"), 1))
		}
	}
	// A change in the middle: a new object, and one deleted by its tombstone.
	fresh := ingress("b", "fresh", "2", "h")
	mustApply(t, m, fresh, tombstone(kept[0]))
	if got := m.Summary().Objects; got != 200 {
		t.Fatalf("%d objects before the end, want 200", got)
	}
	if synced(m, kinds.Ingress) {
		t.Fatal("synced before the end")
	}
	agent = digestOf(append(kept[1:], fresh)...)
	pruned, err := m.EndSnapshot(kinds.Ingress, 1, agent.Count(), agent.Digest())
	if err != nil {
		t.Fatal(err)
	}
	if len(pruned) != 50 || !slices.IsSortedFunc(pruned, compareRefs) {
		t.Errorf("pruned %v", pruned)
	}
	if !synced(m, kinds.Ingress) {
		t.Error("not synced after the end")
	}
	var marks, tombs, gone, whole int
	for _, c := range m.TakeDirty() {
		marks++
		switch {
		case c.Ref.Name == "":
			whole++
		case c.Tombstone:
			tombs++
		case c.Gone:
			gone++
		}
	}
	if marks != 53 || tombs != 1 || gone != 50 || whole != 1 {
		t.Errorf("%d marks, %d tombstones, %d pruned, %d kinds", marks, tombs, gone, whole)
	}
}

func TestEqualDigestsNeedNothing(t *testing.T) {
	m := New("a")
	recs := []*akohubv1.Record{ingress("a", "x", "1", "h"), ingress("a", "y", "2", "h")}
	mustApply(t, m, recs...)
	m.TakeDirty()
	agent := digestOf(recs...)
	if need := mustBegin(t, m, 1, agent); need != nil {
		t.Errorf("need %v", need)
	}
	if _, err := m.EndSnapshot(kinds.Ingress, 1, agent.Count(), agent.Digest()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Change{{Ref: Ref{Kind: kinds.Ingress}}}, m.TakeDirty()); diff != "" {
		t.Errorf("dirty (-want +got):\n%s", diff)
	}
	// Again, on a live stream: it never stops being synced, and marks nothing.
	mustBegin(t, m, 2, agent)
	if !synced(m, kinds.Ingress) {
		t.Error("unsynced by a snapshot that needs nothing")
	}
	if _, err := m.EndSnapshot(kinds.Ingress, 2, agent.Count(), agent.Digest()); err != nil {
		t.Fatal(err)
	}
	if got := m.TakeDirty(); got != nil {
		t.Errorf("dirty: %+v", got)
	}
}

func TestEmptyKindSyncs(t *testing.T) {
	m := New("a")
	agent := digestOf()
	mustBegin(t, m, 1, agent)
	if _, err := m.EndSnapshot(kinds.Ingress, 1, 0, agent.Digest()); err != nil || !synced(m, kinds.Ingress) {
		t.Errorf("error %v, synced %v", err, synced(m, kinds.Ingress))
	}
}

func TestWrongDigestPrunesNothing(t *testing.T) {
	for _, tc := range []struct {
		name       string
		count, sum func(*digest.Set) uint64
	}{
		{"count", func(s *digest.Set) uint64 { return s.Count() + 1 }, (*digest.Set).Digest},
		{"digest", (*digest.Set).Count, func(s *digest.Set) uint64 { return s.Digest() + 1 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := New("a")
			mustApply(t, m, ingress("a", "x", "1", "h"), ingress("a", "y", "2", "h"))
			m.TakeDirty()
			agent := digestOf(ingress("a", "x", "1", "h"))
			mustBegin(t, m, 1, agent)
			pruned, err := m.EndSnapshot(kinds.Ingress, 1, tc.count(agent), tc.sum(agent))
			if !errors.Is(err, ErrDigest) || pruned != nil {
				t.Fatalf("pruned %v, error %v", pruned, err)
			}
			if got := m.TakeDirty(); got != nil || m.Summary().Objects != 2 || synced(m, kinds.Ingress) {
				t.Errorf("dirty %v, summary %+v", got, m.Summary())
			}
			// The snapshot is closed; the next one can do better.
			mustBegin(t, m, 2, agent)
			mustApply(t, m, inSnapshot(ingress("a", "x", "1", "h"), 2))
			if pruned, err = m.EndSnapshot(kinds.Ingress, 2, agent.Count(), agent.Digest()); err != nil || len(pruned) != 1 {
				t.Errorf("pruned %v, error %v", pruned, err)
			}
		})
	}
}

func TestSnapshotMarksOutOfPlace(t *testing.T) {
	m := New("a")
	agent := digestOf()
	if _, err := m.BeginSnapshot(kinds.Ingress, 0, 0, agent.BucketDigests()); !errors.Is(err, ErrInvalid) {
		t.Errorf("number 0: %v", err)
	}
	if _, err := m.BeginSnapshot(kinds.Ingress, 1, 0, make([]uint64, 63)); !errors.Is(err, ErrInvalid) {
		t.Errorf("63 buckets: %v", err)
	}
	if _, err := m.BeginSnapshot("", 1, 0, agent.BucketDigests()); !errors.Is(err, ErrInvalid) {
		t.Errorf("no kind: %v", err)
	}
	if _, err := m.EndSnapshot(kinds.Ingress, 1, 0, 0); !errors.Is(err, ErrSnapshot) {
		t.Errorf("end without begin: %v", err)
	}
	mustBegin(t, m, 1, agent)
	if _, err := m.BeginSnapshot(kinds.Ingress, 2, 0, agent.BucketDigests()); !errors.Is(err, ErrSnapshot) {
		t.Errorf("second begin: %v", err)
	}
	if _, err := m.EndSnapshot(kinds.Ingress, 2, 0, 0); !errors.Is(err, ErrSnapshot) {
		t.Errorf("end of another: %v", err)
	}
	m.AbortSnapshot(kinds.Ingress, 2)
	m.AbortSnapshot("nothing", 2)
	m.AbortSnapshot(kinds.Ingress, 1)
	if err := m.Apply(inSnapshot(ingress("a", "x", "1", "h"), 1)); !errors.Is(err, ErrSnapshot) {
		t.Errorf("record of an aborted snapshot: %v", err)
	}
	// More objects announced than the sums can hold: everything is asked for.
	if need, err := m.BeginSnapshot(kinds.Ingress, 3, 9, agent.BucketDigests()); err != nil || len(need) != digest.Buckets {
		t.Errorf("need %v, error %v", need, err)
	}
}

func TestKindStates(t *testing.T) {
	const (
		watched   = akohubv1.KindState_AVAILABILITY_WATCHED
		failing   = akohubv1.KindState_AVAILABILITY_FAILING
		forbidden = akohubv1.KindState_AVAILABILITY_FORBIDDEN
		absent    = akohubv1.KindState_AVAILABILITY_ABSENT
		unwanted  = akohubv1.KindState_AVAILABILITY_UNSPECIFIED
	)
	for _, tc := range []struct {
		name  string
		state akohubv1.KindState_Availability
	}{
		{"failing", failing},
		{"forbidden", forbidden},
		{"absent", absent},
		{"unwanted", unwanted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := New("a")
			rec := ingress("a", "x", "1", "h")
			mustApply(t, m, rec)
			agent := digestOf(rec)
			mustBegin(t, m, 1, agent)
			if _, err := m.EndSnapshot(kinds.Ingress, 1, agent.Count(), agent.Digest()); err != nil {
				t.Fatal(err)
			}
			m.TakeDirty()
			if err := m.SetKindState(kinds.Ingress, tc.state, "why"); err != nil {
				t.Fatal(err)
			}
			if synced(m, kinds.Ingress) || m.Summary().Objects != 1 {
				t.Errorf("summary %+v", m.Summary())
			}
			if got := m.Summary().Kinds[0]; got.Availability != tc.state || got.Message != "why" {
				t.Errorf("kind %+v", got)
			}
			if err := m.SetKindState(kinds.Ingress, watched, ""); err != nil {
				t.Fatal(err)
			}
			if got := m.TakeDirty(); got != nil || synced(m, kinds.Ingress) {
				t.Errorf("synced on old word; dirty %v", got)
			}
			if need := mustBegin(t, m, 2, agent); need != nil {
				t.Errorf("need %v", need)
			}
			if _, err := m.EndSnapshot(kinds.Ingress, 2, agent.Count(), agent.Digest()); err != nil || !synced(m, kinds.Ingress) {
				t.Errorf("error %v, synced %v", err, synced(m, kinds.Ingress))
			}
		})
	}
}

func TestDisconnectedKeepsObjects(t *testing.T) {
	m := New("a")
	rec := ingress("a", "x", "1", "h")
	mustApply(t, m, rec)
	agent := digestOf(rec)
	mustBegin(t, m, 1, agent)
	if _, err := m.EndSnapshot(kinds.Ingress, 1, 1, agent.Digest()); err != nil {
		t.Fatal(err)
	}
	mustBegin(t, m, 2, digestOf())
	m.TakeDirty()
	m.Disconnected()
	if synced(m, kinds.Ingress) || m.Summary().Objects != 1 || m.TakeDirty() != nil {
		t.Errorf("summary %+v", m.Summary())
	}
	// Snapshot numbers are the session's: the next session may use any.
	if need := mustBegin(t, m, 1, agent); need != nil {
		t.Errorf("need %v", need)
	}
}
