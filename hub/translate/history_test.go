package translate

import (
	"bytes"
	"fmt"
	"maps"
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
		if len(f.Publications) > 0 || len(f.Problems) > 0 {
			out[fmt.Sprint(f.Unit)] = string(indented(tb, []any{f.Publications, f.Problems}))
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
func (h *history) step(t *rapid.T) {
	ns := rapid.SampledFrom([]string{"red", "blue"}).Draw(t, "namespace")
	switch rapid.IntRange(0, 9).Draw(t, "step") {
	case 0, 1, 2, 3:
		h.put(record(h.tb, ns, fmt.Sprint("i", rapid.IntRange(0, 3).Draw(t, "name")), drawIngress(t)))
	case 4:
		name := rapid.SampledFrom([]string{"sa", "sb"}).Draw(t, "name")
		h.put(record(h.tb, ns, name, secret(h.tb, name, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "pair")).GetSecret()))
	case 5:
		h.put(aviClass(h.tb, rapid.IntRange(0, 4).Draw(t, "default") > 0))
	case 6:
		meta := &akohubv1.Meta{}
		switch rapid.IntRange(0, 3).Draw(t, "namespace has") {
		case 0:
			meta.Annotations = map[string]string{tenantAnnotation: "billing"}
		case 1:
			meta.Annotations = map[string]string{infraSettingAnnotation: "gold"}
		}
		h.put(record(h.tb, "", ns, &akohubv1.Namespace{Meta: meta}))
	case 7:
		backend := fmt.Sprintf("kind: Backend\nmetadata: {name: web, namespace: %s}\nspec: {addresses: [10.1.0.%d]}",
			ns, rapid.IntRange(1, 3).Draw(t, "address"))
		for _, rec := range rapid.Permutation(manifests(h.tb, "", []byte(backend))).Draw(t, "order") {
			h.put(rec)
		}
	case 8:
		if refs := sortRefs(slices.Collect(maps.Keys(h.now))); len(refs) > 0 {
			h.remove(rapid.SampledFrom(refs).Draw(t, "gone"))
		}
	case 9:
		for _, k := range sortRefs(slices.Collect(maps.Keys(h.now))) {
			must(h.tb, h.mirror.Apply(h.now[k]))
		}
	}
}

// historyEndsRight walks a random history, translates what is dirty every now
// and then, and compares the end with the translation of the final state.
func historyEndsRight(tb testing.TB, t *rapid.T) {
	s := drawSettings(t)
	h := &history{tb: tb, now: map[mirror.Ref]*akohubv1.Record{}, mirror: mirror.New("east")}
	fo := &follower{s: s, fragments: map[UnitKey]Fragment{}}
	for _, rec := range surroundings(tb) {
		h.put(rec)
	}
	for range rapid.IntRange(1, 25).Draw(t, "steps") {
		h.step(t)
		if rapid.Bool().Draw(t, "follow") {
			fo.follow(h.mirror)
		}
	}
	fo.follow(h.mirror)
	got := fo.desired(tb)
	fresh := mirror.New("east")
	for _, rec := range h.now {
		must(tb, fresh.Apply(rec))
	}
	all := &follower{s: s, fragments: map[UnitKey]Fragment{}}
	fresh.Read(func(v mirror.View) {
		for _, u := range AllUnits(v, s) {
			all.fragments[u] = Unit(v, s, u)
		}
	})
	want := all.desired(tb)
	keys := maps.Clone(got)
	maps.Copy(keys, want)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if got[key] != want[key] {
			t.Fatalf("%s after the history:\n%s\nof the final state:\n%s", key, got[key], want[key])
		}
	}
}

func TestHistoryEndsRight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) { historyEndsRight(t, rt) })
}

// FuzzHistory lets the fuzzer look for a history that does not end in the
// desired set of its final state.
func FuzzHistory(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0, 1, 2, 3, 4, 5, 6, 7}, 64))
	f.Fuzz(func(t *testing.T, data []byte) {
		rapid.MakeFuzz(func(rt *rapid.T) { historyEndsRight(t, rt) })(t, data)
	})
}
