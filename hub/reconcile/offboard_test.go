package reconcile

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func frozen(r *v1alpha1.Cluster) { r.Spec.Mode = v1alpha1.ModeFrozen }

func routed(r *v1alpha1.Cluster) { r.Spec.Network.StaticRoutes.Sync = true }

func TestOffboard(t *testing.T) {
	f := start(t, "team", "other")
	w := sites(3, 2)
	w.balancer("elsewhere", "lb9", 0, 80)
	w.namespace("elsewhere", "other")
	c := f.up(registration("c1", routed), w)
	neighbour := f.up(registration("c10"), sites(1, 1).under("neighbour"))
	if err := neighbour.status().Error; err != "" {
		t.Fatal(err)
	}
	if n := len(f.names("other", "virtualservice")); n != 1 {
		t.Fatalf("%d virtual services in tenant other; %s", n, c.status().Error)
	}
	before := f.names("team", "virtualservice")
	if marked := f.sim.Dump().SystemChanges; len(marked["serviceenginegroup"]) != 1 {
		t.Fatalf("the label is in %v", marked)
	}
	f.writes()

	if _, err := f.manager.Offboard(t.Context(), "c1", true); err == nil || !strings.Contains(err.Error(), "spec.mode") {
		t.Fatalf("offboarded in mode enforce: %v", err)
	}
	f.noWrites("a refused offboarding")
	// The hub knows nothing of the tenants by itself any more.
	f.restart()
	c = f.up(registration("c1", routed, frozen), c.world)
	f.agents.take()

	shown, err := f.manager.Offboard(t.Context(), "c1", false)
	if err != nil {
		t.Fatal(err)
	}
	f.noWrites("a look at the plan")
	if got := shown.Plan.Counts(); got.Deletes < 10 || got.Edits != 1 || got.Creates+got.Updates > 0 || shown.Done {
		t.Errorf("%+v", shown)
	}
	if !slices.Contains(shown.Tenants, "other") {
		t.Errorf("tenants %v", shown.Tenants)
	}
	if last := shown.Plan.Steps[len(shown.Plan.Steps)-1]; last.Op != plan.Edit {
		t.Errorf("the last step is %s of %s", last.Op, last.Key.Type)
	}

	done, err := f.manager.Offboard(t.Context(), "c1", true)
	if err != nil {
		t.Fatal(err)
	}
	if !done.Done || len(done.Failures) > 0 || len(done.Left) > 0 || done.Cleared != 6 || done.NotCleared > 0 {
		t.Errorf("%+v", done)
	}
	for _, tenant := range []string{"team", "other"} {
		for typ, objects := range f.sim.Dump().Tenants[tenant] {
			for _, o := range objects {
				if name, _ := o["name"].(string); strings.HasPrefix(name, "c1--") {
					t.Errorf("%s %s is left in %s", typ, name, tenant)
				}
			}
		}
	}
	if got, want := len(f.names("team", "virtualservice")), len(only(before, "c10--")); got != want {
		t.Errorf("%d virtual services of the neighbour, want %d", got, want)
	}
	if left := f.sim.Dump().SystemChanges; len(left) > 0 {
		t.Errorf("left in shared objects: %v", left)
	}
	if status, mark := c.shown(ingressRef("a1")); len(status) > 0 || len(mark) > 0 {
		t.Errorf("the Ingress shows %v, marked %v", status, mark)
	}
	f.writes()

	t.Run("stays away", func(t *testing.T) {
		_ = c.try()
		f.noWrites("after it")
		if got := c.status().Error; !strings.Contains(got, "offboarded") {
			t.Errorf("standing: %q", got)
		}
		again, err := f.manager.Offboard(t.Context(), "c1", true)
		if err != nil || len(again.Plan.Steps) > 0 {
			t.Errorf("%d steps, %v", len(again.Plan.Steps), err)
		}
	})
	t.Run("comes back in a mode that writes", func(t *testing.T) {
		if err := f.manager.Register(registration("c1", routed)); err != nil {
			t.Fatal(err)
		}
		c.settle()
		if got := c.status().Error; got != "" || len(only(f.names("team", "virtualservice"), "c1--")) == 0 {
			t.Errorf("standing: %q", got)
		}
	})
}

// What Avi will not delete is reported, what it needs stays, and the rest goes.
func TestOffboardReportsWhatItCouldNot(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(0, 2))
	f.sim.Inject(avisim.Fault{Method: http.MethodDelete, Type: "virtualservice", Name: "c1--default-lb0", Status: 400, Body: "not now"})
	if err := f.manager.Register(registration("c1", frozen)); err != nil {
		t.Fatal(err)
	}
	f.agents.set(func(a *agents) { a.away = true })
	c.settle()
	got, err := f.manager.Offboard(t.Context(), "c1", true)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Failures) == 0 || got.Failures[0].Key.Name != "c1--default-lb0" || got.Failures[0].Op != plan.Delete {
		t.Errorf("%+v", got.Failures)
	}
	if vs := f.names("team", "virtualservice"); len(vs) != 1 || vs[0] != "c1--default-lb0" {
		t.Errorf("left on the controller: %v", vs)
	}
	if len(got.Left) < 2 || got.NotCleared != 2 {
		t.Errorf("%+v", got)
	}
}

func TestOffboardUnknown(t *testing.T) {
	f := start(t)
	if _, err := f.manager.Offboard(t.Context(), "nobody", false); err == nil {
		t.Error("no error")
	}
}

// namespace puts a namespace into an Avi tenant by its annotation.
func (w world) namespace(name, tenant string) {
	w.put(kinds.Namespace, "", name, 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_NamespaceObject{NamespaceObject: &akohubv1.Namespace{
			Meta: &akohubv1.Meta{Annotations: map[string]string{"ako.vmware.com/tenant-name": tenant}}}}
		r.ContentHash = []byte(tenant)
	})
}
