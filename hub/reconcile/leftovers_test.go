package reconcile

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/kinds"
)

// everything returns the objects that clusters have in a tenant, "TYPE NAME".
func (f *fixture) everything(tenant string) []string {
	var out []string
	for typ, objects := range f.sim.Dump().Tenants[tenant] {
		for _, o := range objects {
			out = append(out, fmt.Sprint(typ, " ", o["name"]))
		}
	}
	slices.Sort(out)
	return out
}

// searches counts the questions that were asked in all tenants at once.
func (f *fixture) searches() int {
	n := 0
	for _, r := range f.sim.Requests() {
		if r.Tenant == "*" && r.Type == typeVirtualService {
			n++
		}
	}
	return n
}

// whileDown stops the hub, changes the world, and returns the cluster as the next
// hub knows it, with nothing sent yet.
func (f *fixture) whileDown(c *cluster, reg *v1alpha1.Cluster, change func(world)) *cluster {
	f.stop()
	f.manager.Wait()
	change(c.world)
	f.sim.ResetRequests()
	f.agents.take()
	f.restart()
	return f.register(reg, c.world)
}

func TestNamespaceMovesWhileTheHubIsDown(t *testing.T) {
	f := start(t, "team", "a", "b")
	w := sites(4, 4)
	w.namespace("default", "a")
	c := f.up(registration("c1"), w)
	if err := c.try(); err != nil {
		t.Fatal(err)
	}
	before := f.everything("a")
	if len(only(before, "virtualservice")) < 6 {
		t.Fatal(before)
	}

	c = f.whileDown(c, registration("c1"), func(w world) { w.namespace("default", "b") })
	c.sync()
	c.settle()

	if diff := cmp.Diff(before, f.everything("b")); diff != "" {
		t.Errorf("in the new tenant (-before +now):\n%s", diff)
	}
	if left := f.everything("a"); len(left) > 0 {
		t.Errorf("left in the former tenant: %v", left)
	}
	// Each virtual service is replaced before it goes.
	made := map[string]bool{}
	for _, r := range f.sim.Writes() {
		switch {
		case r.Method == http.MethodPost && r.Tenant == "b":
			made[r.Type+" "+r.Name] = true
		case r.Method == http.MethodDelete && r.Type == typeVirtualService && !made[r.Type+" "+r.Name]:
			t.Errorf("%s went before its successor was there", r.Name)
		}
	}
	status, mark := c.shown(serviceRef("lb0"))
	if len(status) != 1 || len(mark) == 0 {
		t.Errorf("shown: %v, %v", status, mark)
	}
	f.sim.ResetRequests()
	f.pass(2 * refreshEvery)
	c.settle()
	f.noWrites("all is as wanted")
	if n := f.searches(); n != 0 {
		t.Errorf("%d searches soon after the first", n)
	}
	f.sim.ResetRequests()
	f.pass(2 * searchEvery)
	c.settle()
	if n := f.searches(); n != 1 {
		t.Errorf("%d searches when one was due", n)
	}
}

// A hub that ends between the making of the new objects and the end of the old
// ones leaves both; so does one that could not delete.
func TestHubEndsInTheMiddleOfAMove(t *testing.T) {
	f := start(t, "team", "a", "b")
	w := sites(2, 3)
	w.namespace("default", "a")
	c := f.up(registration("c1"), w)
	f.sim.Inject(avisim.Fault{Method: http.MethodDelete, Status: http.StatusInternalServerError, Body: "not now"})
	c.namespace("default", "b")
	c.send(mirror.Ref{Kind: kinds.Namespace, Name: "default"})
	_ = c.try()
	if a, b := f.everything("a"), f.everything("b"); len(a) < 10 || len(b) < 10 {
		t.Fatal(a, b)
	}
	f.sim.ClearFaults()

	t.Run("not before everything is known", func(t *testing.T) {
		c = f.whileDown(c, registration("c1"), func(world) {})
		c.sync(kinds.Namespace, kinds.Service, kinds.EndpointSlice)
		c.settle()
		if a := f.everything("a"); len(a) < 10 {
			t.Errorf("left: %v", a)
		}
	})
	t.Run("then", func(t *testing.T) {
		others := f.up(registration("c11", func(r *v1alpha1.Cluster) { r.Spec.Tenant.Name = "a" }), sites(0, 1).under("c11"))
		others.settle()
		c.sync()
		c.settle()
		for _, left := range f.everything("a") {
			if !strings.Contains(left, " c11--") {
				t.Errorf("left: %v", left)
			}
		}
		if got := f.names("a", "virtualservice"); len(got) != 1 {
			t.Errorf("of another cluster: %v", got)
		}
	})
}

// What nobody takes along is a prune, and has the brake on.
func TestLeftoversThatReplaceNothingAreBraked(t *testing.T) {
	f := start(t, "team", "a")
	w := sites(0, 4)
	w.namespace("default", "a")
	c := f.up(registration("c1"), w)
	c = f.whileDown(c, registration("c1"), func(w world) {
		for i := range 4 {
			delete(w, serviceRef(fmt.Sprint("lb", i)))
		}
		w.base() // the namespace asks for no tenant
	})
	c.sync()
	err := c.try()
	if err == nil || !strings.Contains(err.Error(), "approval") {
		t.Errorf("error %v", err)
	}
	f.noWrites("held")
	if err := f.manager.Approve("c1"); err != nil {
		t.Fatal(err)
	}
	c.settle()
	if left := f.everything("a"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Where all tenants can't be looked at, everything else goes on.
func TestHubThatSeesNotAllTenants(t *testing.T) {
	for _, test := range []struct {
		name      string
		dedicated bool
		fault     *avisim.Fault
	}{
		{"dedicated tenant", true, nil},
		{"no right to", false, &avisim.Fault{Tenant: "*", Status: http.StatusForbidden, Body: "You do not have permission to perform this action."}},
		{"trouble", false, &avisim.Fault{Tenant: "*", Status: http.StatusInternalServerError, Body: "no"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := start(t, "team", "a", "b")
			reg := registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Tenant.Dedicated = test.dedicated })
			w := sites(0, 1)
			w.namespace("default", "a")
			c := f.up(reg, w)
			c = f.whileDown(c, reg, func(w world) {
				w.namespace("default", "b")
				w.balancer("ns", "lb", 0, 80)
			})
			if test.fault != nil {
				f.sim.Inject(*test.fault)
			}
			c.sync()
			c.settle()
			if got := f.names("b", typeVirtualService); len(got) != 1 {
				t.Errorf("in the new tenant: %v", got)
			}
			if got := f.names("team", typeVirtualService); len(got) != 1 {
				t.Errorf("in the cluster's: %v", got)
			}
			if got := f.names("a", typeVirtualService); len(got) != 1 {
				t.Errorf("nothing can know of the former one, yet: %v", got)
			}
			everywhere := slices.ContainsFunc(f.sim.Requests(), func(r avisim.Request) bool { return r.Tenant == "*" })
			if everywhere == test.dedicated {
				t.Errorf("asked in all tenants: %t", everywhere)
			}
			f.sim.ClearFaults()
			f.pass(2 * searchEvery)
			c.settle()
			if got := f.names("a", typeVirtualService); len(got) > 0 != test.dedicated {
				t.Errorf("in the former tenant: %v", got)
			}
		})
	}
}

// A move that is stuck is not forgotten when the controller is read again.
func TestStuckMoveOutlivesARefresh(t *testing.T) {
	f := start(t, "team", "a", "b")
	c := moving(f)
	f.sim.Inject(avisim.Fault{Method: http.MethodPost, Type: "pool", Tenant: "b", Status: http.StatusForbidden, Body: "You do not have permission to perform this action."})
	if err := c.move("b"); err == nil {
		t.Fatal("no error")
	}
	f.pass(2 * refreshEvery)
	_ = c.try()
	f.sim.ClearFaults()
	f.pass(2 * backoffLast)
	_ = c.try()
	f.pass(2 * backoffLast)
	c.settle()
	if got := f.everything("a"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

// Rights that are taken away take nothing away that is there.
func TestTenantThatCanNoLongerBeRead(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault avisim.Fault
	}{
		{"no access", avisim.Fault{Tenant: "a", Status: http.StatusForbidden, Body: `User "hub" has no access to tenant "a"`}},
		{"not shown", avisim.Fault{Type: "tenant", Name: "a", Status: http.StatusOK, Body: `{"count": 0, "results": []}`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := start(t, "team", "a")
			c := moving(f)
			ref := mirror.Ref{Kind: kinds.Service, Namespace: "ns", Name: "lb"}
			before, _ := c.shown(ref)
			f.sim.Inject(test.fault)
			f.pass(2 * refreshEvery)
			if err := c.try(); err == nil || !strings.Contains(err.Error(), `a`) {
				t.Errorf("error %v", err)
			}
			if now, _ := c.shown(ref); len(before) != 1 || !cmp.Equal(before, now) {
				t.Errorf("status %v, before %v", now, before)
			}
			f.noWrites("in a tenant that can't be read")
			asked := len(f.sim.Requests())
			_ = c.try()
			if n := len(f.sim.Requests()); n > asked+1 {
				t.Errorf("%d requests without need", n-asked)
			}
			f.sim.ResetRequests()
			// A deletion waits until it can be read again.
			c.tombstone(ref)
			_ = c.try()
			for _, r := range f.sim.Requests() {
				if r.Method == http.MethodDelete {
					t.Errorf("tried to delete %s %s", r.Type, r.Name)
				}
			}
			f.sim.ClearFaults()
			f.pass(2 * backoffLast)
			c.settle()
			if got := f.everything("a"); len(got) > 0 {
				t.Errorf("left: %v", got)
			}
		})
	}
}

// The shared parents of a tenant that the cluster has left go with the search;
// those of one that a namespace names still keep their addresses.
func TestEmptyParentsOfATenantThatIsLeft(t *testing.T) {
	f := start(t, "team", "a", "b")
	w := sites(1, 0)
	w.namespace("default", "a")
	c := f.up(registration("c1"), w)
	c.settle()
	c.namespace("default", "b")
	c.send(mirror.Ref{Kind: kinds.Namespace, Name: "default"})
	c.settle()
	if got := f.names("a", typeVirtualService); len(got) != 1 {
		t.Fatalf("AKO keeps it as long as it runs: %v", got)
	}
	c.tombstone(ingressRef("a0"))
	c.settle()
	f.pass(2 * searchEvery)
	c.settle()
	if got := f.everything("a"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	if got := f.names("b", typeVirtualService); len(got) != 1 {
		t.Errorf("of the namespace's tenant: %v", got)
	}
	c = f.whileDown(c, registration("c1"), func(world) {})
	c.sync()
	c.settle()
	f.noWrites("a restart without a change")
	if got := f.names("b", typeVirtualService); len(got) != 1 {
		t.Errorf("of the namespace's tenant: %v", got)
	}
}

// The plan that a person asks for shows leftovers, in any mode.
func TestPlanShowsLeftovers(t *testing.T) {
	f := start(t, "team", "a", "b")
	w := sites(0, 1)
	w.namespace("default", "a")
	c := f.up(registration("c1"), w)
	observe := registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Mode = v1alpha1.ModeObserve })
	c = f.whileDown(c, observe, func(w world) { w.namespace("default", "b") })
	c.sync()
	_ = c.try()
	p, err := f.manager.Plan(context.Background(), "c1")
	if err != nil {
		t.Fatal(err)
	}
	deletes := 0
	for _, s := range p.Steps {
		if s.Op == plan.Delete && s.Key.Tenant == "a" {
			deletes++
		}
	}
	if deletes != 4 {
		t.Errorf("%d deletions in the former tenant: %v", deletes, p.Counts())
	}
	f.noWrites("observed")
}
