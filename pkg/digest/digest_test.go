package digest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func entries(n int) []Entry {
	out := make([]Entry, n)
	for i := range out {
		out[i] = Entry{Namespace: fmt.Sprint("ns", i%7), Name: fmt.Sprint("o", i), UID: fmt.Sprint("u", i), ContentHash: fmt.Sprint("h", i)}
	}
	return out
}

func TestOrderDoesNotMatter(t *testing.T) {
	es := entries(500)
	var a, b Set
	for _, e := range es {
		a.Add(e)
	}
	rand.Shuffle(len(es), func(i, j int) { es[i], es[j] = es[j], es[i] })
	for _, e := range es {
		b.Add(e)
	}
	if a.Digest() != b.Digest() || !slices.Equal(a.BucketDigests(), b.BucketDigests()) {
		t.Fatal("the same entries in another order give another digest")
	}
}

func TestAddThenRemoveLeavesNothing(t *testing.T) {
	var a, empty Set
	for _, e := range entries(100) {
		a.Add(e)
	}
	for _, e := range entries(100) {
		a.Remove(e)
	}
	if a != empty {
		t.Fatalf("left over: %+v", a)
	}
}

func TestEveryFieldCounts(t *testing.T) {
	base := Entry{Namespace: "a", Name: "b", UID: "c", ContentHash: "d"}
	var want Set
	want.Add(base)
	for _, e := range []Entry{
		{Namespace: "x", Name: "b", UID: "c", ContentHash: "d"},
		{Namespace: "a", Name: "x", UID: "c", ContentHash: "d"},
		{Namespace: "a", Name: "b", UID: "x", ContentHash: "d"},
		{Namespace: "a", Name: "b", UID: "c", ContentHash: "x"},
		{Namespace: "a", Name: "bc", UID: "", ContentHash: "d"},
	} {
		var got Set
		got.Add(e)
		if got.Digest() == want.Digest() {
			t.Errorf("%+v has the digest of %+v", e, base)
		}
	}
}

func TestOneChangeTouchesOneBucket(t *testing.T) {
	var a Set
	es := entries(300)
	for _, e := range es {
		a.Add(e)
	}
	before := a.BucketDigests()
	changed := es[17]
	a.Remove(changed)
	changed.ContentHash = "new"
	a.Add(changed)
	after := a.BucketDigests()
	for i := range before {
		if differs := before[i] != after[i]; differs != (i == BucketOf(changed.Namespace, changed.Name)) {
			t.Errorf("bucket %d: differs=%v", i, differs)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	es := entries(1000)
	var s Set
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Add(es[i%len(es)])
	}
}
