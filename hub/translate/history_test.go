package translate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// follower translates only what changes make dirty, as a worker of the hub
// does: it shows whether Fragment.Deps and UnitsOf name all that has to be
// looked at again.
type follower struct {
	s         *Settings
	fragments map[UnitKey]Fragment
}

func (fo *follower) follow(m *mirror.Mirror) {
	changes := m.TakeDirty()
	m.Read(func(v mirror.View) {
		dirty := map[UnitKey]bool{}
		for _, c := range changes {
			for _, u := range fo.affected(v, c.Ref) {
				dirty[u] = true
			}
		}
		for u := range dirty {
			fo.fragments[u] = Unit(v, fo.s, u)
		}
	})
}

func (fo *follower) affected(v mirror.View, ref mirror.Ref) []UnitKey {
	out := UnitsOf(v, fo.s, ref)
	refs := []mirror.Ref{ref, {Kind: ref.Kind}, {Kind: ref.Kind, Namespace: ref.Namespace}}
	if s, ok := v.EndpointSlice(ref.Namespace, ref.Name); ok && ref.Kind == kinds.EndpointSlice {
		refs = append(refs, mirror.Ref{Kind: kinds.Service, Namespace: ref.Namespace, Name: s.Body.GetServiceName()})
	}
	for u, f := range fo.fragments {
		if slices.ContainsFunc(refs, func(r mirror.Ref) bool { return slices.Contains(f.Deps, r) }) {
			out = append(out, u)
		}
	}
	return out
}

// desired is all that the follower has to say, by object and by unit.
func (fo *follower) desired(tb testing.TB) map[string]string {
	parents := map[ParentKey][]Contribution{}
	out := map[string]string{}
	for _, f := range fo.fragments {
		if len(f.Publications) > 0 || len(f.Problems) > 0 || len(f.Marks) > 0 {
			out[fmt.Sprint(f.Unit)] = string(indented(tb, []any{f.Publications, f.Problems, f.Marks, f.Held}))
		}
		for _, o := range f.Objects {
			out[fmt.Sprint(o.Key)] = string(indented(tb, o))
		}
		for _, c := range f.Contributions {
			parents[c.Parent] = append(parents[c.Parent], c)
		}
	}
	for p, cs := range parents {
		for _, o := range Assemble(fo.s, p, cs) {
			out[fmt.Sprint(o.Key)] = string(indented(tb, o))
		}
	}
	return out
}

// history is a random walk over the objects of a cluster.
type history struct {
	tb     testing.TB
	now    map[mirror.Ref]*akohubv1.Record
	uid    int
	mirror *mirror.Mirror
}

func (h *history) put(rec *akohubv1.Record) {
	k := mirror.Ref{Kind: rec.GetKind(), Namespace: rec.GetNamespace(), Name: rec.GetName()}
	if old, ok := h.now[k]; ok {
		rec.Uid = old.GetUid()
	} else {
		h.uid++
		rec.Uid = fmt.Sprint("uid-", h.uid)
	}
	h.now[k] = rec
	must(h.tb, h.mirror.Apply(rec))
}

func (h *history) remove(k mirror.Ref) {
	rec := h.now[k]
	delete(h.now, k)
	must(h.tb, h.mirror.Apply(&akohubv1.Record{
		Kind: rec.GetKind(), Namespace: rec.GetNamespace(), Name: rec.GetName(), Uid: rec.GetUid(), Deleted: true,
	}))
}

// step changes one object, or sends everything again as after a reconnect.
func (h *history) step(c choices) {
	ns := oneOf(c, "namespace", "red", "blue")
	switch c.pick(10, "step") {
	case 0, 1, 2, 3:
		if name := fmt.Sprint("i", c.pick(4, "name")); c.pick(2, "kind") == 0 {
			h.put(record(h.tb, ns, name, drawIngress(c)))
		} else {
			h.put(record(h.tb, ns, name, drawRoute(h.tb, c)))
		}
	case 4:
		name := oneOf(c, "name", "sa", "sb")
		h.put(record(h.tb, ns, name, secret(h.tb, name, oneOf(c, "pair", "a", "b")).GetSecret()))
	case 5:
		h.put(aviClass(h.tb, c.pick(5, "default") > 0))
	case 6:
		h.put(record(h.tb, "", ns, &akohubv1.Namespace{Meta: &akohubv1.Meta{Annotations: oneOf(c, "annotations",
			nil, nil, map[string]string{tenantAnnotation: "billing"}, map[string]string{infraSettingAnnotation: "gold"})}}))
	case 7:
		recs := manifests(h.tb, "", fmt.Appendf(nil,
			"kind: Backend\nmetadata: {name: web, namespace: %s}\nspec: {addresses: [10.1.0.%d]}", ns, 1+c.pick(3, "address")))
		if c.pick(2, "slice first") == 1 {
			slices.Reverse(recs)
		}
		for _, rec := range recs {
			h.put(rec)
		}
	case 8:
		if refs := sortRefs(slices.Collect(maps.Keys(h.now))); len(refs) > 0 {
			h.remove(oneOf(c, "gone", refs...))
		}
	case 9:
		for _, k := range sortRefs(slices.Collect(maps.Keys(h.now))) {
			must(h.tb, h.mirror.Apply(h.now[k]))
		}
	}
}

// historyEndsRight walks a history, translates what is dirty every now and
// then, and returns how the end differs from the translation of the final
// state; empty: it doesn't.
func historyEndsRight(tb testing.TB, c choices) string {
	s := drawSettings(c)
	h := &history{tb: tb, now: map[mirror.Ref]*akohubv1.Record{}, mirror: mirror.New("east")}
	fo := &follower{s: s, fragments: map[UnitKey]Fragment{}}
	for _, rec := range surroundings(tb) {
		h.put(rec)
	}
	for range 1 + c.pick(25, "steps") {
		h.step(c)
		if c.pick(2, "follow") == 1 {
			fo.follow(h.mirror)
		}
	}
	fo.follow(h.mirror)
	return h.endsRight(fo)
}

// endsRight returns how what a follower has differs from the translation of the
// final state; empty: it doesn't.
func (h *history) endsRight(fo *follower) string {
	got := fo.desired(h.tb)
	fresh := mirror.New("east")
	for _, rec := range h.now {
		must(h.tb, fresh.Apply(rec))
	}
	all := &follower{s: fo.s, fragments: map[UnitKey]Fragment{}}
	fresh.Read(func(v mirror.View) {
		for _, u := range AllUnits(v, fo.s) {
			all.fragments[u] = Unit(v, fo.s, u)
		}
	})
	want := all.desired(h.tb)
	keys := maps.Clone(got)
	maps.Copy(keys, want)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if got[key] != want[key] {
			return fmt.Sprintf("%s after the history:\n%s\nof the final state:\n%s", key, got[key], want[key])
		}
	}
	return ""
}

func TestHistoryEndsRight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		if diff := historyEndsRight(t, rapidChoices{rt}); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// FuzzHistory lets the fuzzer look for a history that does not end in the
// desired set of its final state.
func FuzzHistory(f *testing.F) {
	for seed := range uint64(8) {
		data := make([]byte, 400)
		_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(data) // never fails
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if diff := historyEndsRight(t, &byteChoices{data}); diff != "" {
			t.Error(diff)
		}
	})
}
