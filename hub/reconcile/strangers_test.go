package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// Another cluster may have this one's name in a tenant of its own, and an AKO
// that no hub knows of. Nothing but the name leads there.
func TestNamesakeInAnotherTenant(t *testing.T) {
	f := start(t, "team", "other")
	w := world{}
	w.base()
	const mine = 24
	for i := range mine {
		w.balancer("mine", fmt.Sprint("x", i), 0, 80)
	}
	f.up(registration("c1"), w).settle()
	f.restart() // this hub stands for an AKO
	_ = f.up(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Tenant.Name = "other" }), sites(5, 2)).try()
	theirs := f.everything("other")
	if got := f.names("team", "virtualservice"); len(got) != mine {
		t.Fatalf("it took for its own what is another's: %v", got)
	}
	f.restart()
	c := f.register(registration("c1"), w)
	c.sync()
	err := c.try()
	if diff := cmp.Diff(theirs, f.everything("other")); diff != "" {
		t.Errorf("of the other cluster (-before +now):\n%s", diff)
	}
	if err == nil || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("error %v", err)
	}
	ref := c.balancer("mine", "new", 0, 80)
	c.send(ref)
	_ = c.try()
	if got := f.names("team", "virtualservice"); len(got) != mine+1 {
		t.Errorf("nothing else is held up: %v", got)
	}
	f.writes()
	f.pass(2 * searchEvery)
	_ = c.try()
	f.noWrites("later")
	f.restart()
	c = f.register(registration("c1"), w)
	c.sync()
	_ = c.try()
	f.noWrites("after a restart")

	t.Run("offboarding", func(t *testing.T) {
		for when, change := range map[string]func(){
			"that was served": func() {},
			"after a restart": func() { f.restart(); c = f.register(registration("c1", leaving), w); c.sync() },
		} {
			change()
			c.set(registration("c1", leaving))
			if diff := cmp.Diff(theirs, f.everything("other")); diff != "" {
				t.Errorf("of the other cluster, offboarding one %s (-before +now):\n%s", when, diff)
			}
			if left := f.names("team", "virtualservice"); len(left) > 0 {
				t.Errorf("left of a cluster %s: %v", when, left)
			}
			if got := c.removal(); !slices.ContainsFunc(got.Notes, func(s string) bool { return strings.Contains(s, `"other"`) }) {
				t.Errorf("notes %v", got.Notes)
			}
			f.writes()
			c.set(registration("c1"))
		}
	})
	t.Run("somebody says that it is this cluster's", func(t *testing.T) {
		if err := f.manager.Approve("c1"); err != nil {
			t.Fatal(err)
		}
		c.settle()
		if left := f.everything("other"); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if got := f.names("team", "virtualservice"); len(got) != mine+1 {
			t.Errorf("this cluster's own: %v", got)
		}
	})
}
