package watch

import (
	"fmt"
	"slices"
	"testing"

	"github.com/akohub/akohub/pkg/kinds"
)

func TestRefs(t *testing.T) {
	s := func(names ...string) []key {
		var out []key
		for _, n := range names {
			out = append(out, key{"red", n})
		}
		return out
	}
	var changed []string
	r := newRefs(func(keys []key) {
		for _, k := range keys {
			changed = append(changed, k.name)
		}
	})
	want := func(what string, wantChanged, wantAll string) {
		t.Helper()
		slices.Sort(changed)
		var all []string
		for _, k := range r.all() {
			all = append(all, k.name)
			if !r.wanted(k) {
				t.Errorf("%s: %s is listed and not wanted", what, k)
			}
		}
		slices.Sort(all)
		if got := fmt.Sprint(changed); got != wantChanged {
			t.Errorf("%s: changed %s, want %s", what, got, wantChanged)
		}
		if got := fmt.Sprint(all); got != wantAll {
			t.Errorf("%s: wanted %s, want %s", what, got, wantAll)
		}
		changed = nil
	}
	a, b := key{"red", "a"}, key{"red", "b"}
	r.set(kinds.Ingress, a, s("x"))
	want("a kind that is not expected", "[]", "[]")
	r.expect(kinds.Ingress)
	if missing, ok := r.complete(); ok || missing != kinds.Ingress {
		t.Errorf("complete: %q %v", missing, ok)
	}
	if added := r.set(kinds.Ingress, a, s("x", "x", "y")); !slices.Equal(added, s("x", "y")) {
		t.Errorf("added %v", added)
	}
	want("first", "[x y]", "[x y]")
	r.set(kinds.Ingress, b, s("x"))
	want("a second user", "[]", "[x y]")
	r.set(kinds.Ingress, a, s("x", "z"))
	want("another secret", "[y z]", "[x z]")
	r.set(kinds.Ingress, a, nil)
	want("a user goes", "[z]", "[x]")
	r.settle(kinds.Ingress)
	r.expect(Gateway)
	r.set(Gateway, a, s("x", "g"))
	want("another kind", "[g]", "[g x]")
	if missing, ok := r.complete(); ok || missing != Gateway {
		t.Errorf("complete: %q %v", missing, ok)
	}
	r.setExtra(s("x", "e"))
	want("extra", "[e x]", "[e g x]")
	r.retain(kinds.Ingress, func(key) bool { return false })
	want("retain", "[]", "[e g x]")
	r.forget(Gateway)
	want("forget", "[g]", "[e x]")
	if _, ok := r.complete(); !ok {
		t.Error("a forgotten kind is waited for")
	}
	// A kind that starts anew keeps what it referred to until it is listed.
	r.set(kinds.Ingress, a, s("k"))
	r.expect(kinds.Ingress)
	want("expected again", "[k]", "[e k x]")
	if _, ok := r.complete(); ok {
		t.Error("complete before it is listed again")
	}
	r.setExtra(nil)
	want("no extra", "[e x]", "[k]")
}
