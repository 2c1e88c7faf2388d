package reconcile

import (
	"slices"
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// instance is the registration of one of two AKOs of a cluster: each has the
// namespaces with its label.
func instance(name, secondary string) *v1alpha1.Cluster {
	return registration(name, routed, func(r *v1alpha1.Cluster) {
		r.Spec.Naming = v1alpha1.Naming{ClusterName: "c1", SecondaryNamespace: secondary}
		r.Spec.Namespaces.Selector = v1alpha1.Label{Key: "ako", Value: name}
	})
}

// label puts a namespace into an instance's hands.
func (w world) label(namespace, of string) mirror.Ref {
	w.put(kinds.Namespace, "", namespace, 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_NamespaceObject{NamespaceObject: &akohubv1.Namespace{Meta: &akohubv1.Meta{Labels: map[string]string{"ako": of}}}}
		r.ContentHash = []byte(of)
	})
	return mirror.Ref{Kind: kinds.Namespace, Name: namespace}
}

// ownedBy returns the names of the virtual services of an owner.
func (f *fixture) ownedBy(createdBy string) []string {
	f.t.Helper()
	var out []string
	for _, o := range f.sim.Dump().Tenants["team"]["virtualservice"] {
		if o["created_by"] == createdBy {
			name, _ := o["name"].(string)
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Two instances serve one cluster side by side, each its namespaces. What one
// does, also when it starts anew or goes, takes nothing from the other.
func TestTwoInstances(t *testing.T) {
	f := start(t)
	both := sites(1, 1)
	both.label("default", "one")
	blue := both.balancer("blue", "lb0", 0, 80)
	both.label("blue", "two")
	both.node(1, "192.168.0.1")
	one := f.up(instance("one", ""), both)
	two := f.up(instance("two", "avi-two"), both) // of the same API server
	one.sync()
	one.settle()

	check := func(when string, first, second int) {
		t.Helper()
		if err := one.try(); err != nil && !strings.Contains(err.Error(), "other registrations") {
			t.Error(err)
		}
		two.settle()
		if got := f.ownedBy("ako-c1"); len(got) != first {
			t.Errorf("%s the primary has %v", when, got)
		}
		if got := f.ownedBy("ako-c1-avi-two"); len(got) != second {
			t.Errorf("%s the secondary has %v", when, got)
		}
		for ref, shown := range map[mirror.Ref]int{ingressRef("a0"): first, serviceRef("lb0"): first, blue: second} {
			if status, mark := two.shown(ref); len(status) != min(shown, 1) || len(mark) != min(shown, 1) {
				t.Errorf("%s %s %s/%s shows %v, marked %v", when, title(ref.Kind), ref.Namespace, ref.Name, status, mark)
			}
		}
	}
	check("at first", 2, 1)
	f.writes()
	f.agents.take()

	t.Run("a restart writes nothing", func(t *testing.T) {
		f.restart()
		one = f.up(instance("one", ""), both)
		two = f.up(instance("two", "avi-two"), both)
		check("after a restart", 2, 1)
		f.noWrites("after a restart")
		if told := f.agents.take(); len(told) > 0 {
			t.Errorf("told %v", told)
		}
	})
	t.Run("a namespace that is handed over", func(t *testing.T) {
		ref := both.label("blue", "one")
		two.send(ref) // who lets go first gives the names free
		two.settle()
		one.send(ref, blue)
		one.settle()
		two.send(blue)
		two.settle()
		if got := f.ownedBy("ako-c1-avi-two"); len(got) > 0 {
			t.Errorf("the secondary keeps %v", got)
		}
		if status, mark := two.shown(blue); len(status) != 1 || len(mark) != 1 {
			t.Errorf("it shows %v, marked %v", status, mark)
		}
		ref = both.label("blue", "two")
		one.send(ref)
		one.settle()
		two.send(ref, blue)
		two.settle()
		one.send(blue)
		check("handed back", 2, 1)
	})
	t.Run("the secondary goes", func(t *testing.T) {
		leaves := instance("two", "avi-two")
		leaving(leaves)
		two.set(leaves)
		check("without the secondary", 2, 0)
		if left := f.sim.Dump().SystemChanges; len(left["serviceenginegroup"]) != 1 || len(left["vrfcontext"]) != 1 {
			t.Errorf("of label and routes there is %v", left)
		}
		if !two.removal().Done() {
			t.Errorf("%+v", two.removal())
		}
		two.set(instance("two", "avi-two"))
		check("with it again", 2, 1)
	})
	t.Run("the primary goes", func(t *testing.T) {
		leaves := instance("one", "")
		leaving(leaves)
		one.set(leaves)
		check("without the primary", 0, 1)
		for typ, objects := range f.sim.Dump().Tenants["team"] {
			for _, o := range objects {
				if name, _ := o["name"].(string); !strings.HasPrefix(name, "c1--blue-") {
					t.Errorf("%s %s is left", typ, name)
				}
			}
		}
		// What is left to the secondary is reached by these.
		if left := f.sim.Dump().SystemChanges; len(left["serviceenginegroup"]) != 1 || len(left["vrfcontext"]) != 1 {
			t.Errorf("of label and routes there is %v", left)
		}
		if r := one.removal(); r.Done() || r.Objects != 2 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("both go", func(t *testing.T) {
		leaves := instance("two", "avi-two")
		leaving(leaves)
		two.set(leaves)
		_ = two.try()
		f.pass(refreshEvery)
		check("without any", 0, 0)
		if left := f.sim.Dump().SystemChanges; len(left) > 0 {
			t.Errorf("of label and routes there is %v", left)
		}
		if r := one.removal(); !r.Done() {
			t.Errorf("%+v", r)
		}
	})
}
