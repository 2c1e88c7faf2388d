package reconcile

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/explain"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func leaving(r *v1alpha1.Cluster) { r.Spec.Mode = v1alpha1.ModeOffboard }

// set puts another registration in force.
func (c *cluster) set(reg *v1alpha1.Cluster) {
	c.f.t.Helper()
	if err := c.f.manager.Register(reg); err != nil {
		c.f.t.Fatal(err)
	}
	_ = c.try()
}

// removal is the cluster's standing in mode offboard.
func (c *cluster) removal() Removal {
	c.f.t.Helper()
	s := c.status().Removal
	if s == nil {
		c.f.t.Fatal("the cluster is not being removed")
	}
	return *s
}

// gone fails the test if anything of the cluster's is left on the controller.
func (f *fixture) gone(cluster string) {
	f.t.Helper()
	for tenant, types := range f.sim.Dump().Tenants {
		for typ, objects := range types {
			for _, o := range objects {
				if name, _ := o["name"].(string); strings.HasPrefix(name, cluster+"--") {
					f.t.Errorf("%s %s is left in %s", typ, name, tenant)
				}
			}
		}
	}
	if left := f.sim.Dump().SystemChanges; len(left) > 0 {
		f.t.Errorf("left in shared objects: %v", left)
	}
}

// A cluster in mode offboard loses all that it has, also what the brake would
// hold, and nothing is written for it any more; in a mode that writes, all of it
// is made again.
func TestModeOffboard(t *testing.T) {
	f := start(t, "team", "other")
	w := sites(3, 3)
	w.balancer("elsewhere", "lb9", 0, 80)
	w.namespace("elsewhere", "other")
	w.node(1, "192.168.0.1")
	c := f.up(registration("c1", routed), w)
	neighbour := f.up(registration("c10"), sites(1, 1).under("neighbour"))
	if err := c.status().Error + neighbour.status().Error; err != "" {
		t.Fatal(err)
	}
	before := f.names("team", "virtualservice")
	if marked := f.sim.Dump().SystemChanges; len(marked) != 2 {
		t.Fatalf("label and routes are in %v", marked)
	}
	f.writes()

	c.set(registration("c1", routed, leaving))
	f.gone("c1")
	if got := c.status(); !c.removal().Done() || got.Error != "" || got.Held != "" || got.Pending > 0 {
		t.Errorf("%+v, %+v", got, got.Removal)
	}
	for _, name := range []string{"a0", "a1", "a2"} {
		if status, mark := c.shown(ingressRef(name)); len(status)+len(mark) > 0 {
			t.Errorf("Ingress %s shows %v, marked %v", name, status, mark)
		}
	}
	if status, mark := c.shown(serviceRef("lb1")); len(status)+len(mark) > 0 {
		t.Errorf("the Service shows %v, marked %v", status, mark)
	}
	if got, want := len(f.names("team", "virtualservice")), len(only(before, "c10--")); got != want {
		t.Errorf("%d virtual services of the neighbour, want %d", got, want)
	}
	if status, _ := neighbour.shown(ingressRef("a0")); len(status) == 0 {
		t.Error("the neighbour's status is gone")
	}
	f.writes()
	f.agents.take()

	t.Run("writes nothing more", func(t *testing.T) {
		c.ingress("late", 0, "late.avi.internal")
		c.send(ingressRef("late"))
		c.settle()
		f.pass(2 * refreshEvery)
		c.settle()
		f.noWrites("offboarded")
		if told := f.agents.take(); len(told) > 0 {
			t.Errorf("told %v", told)
		}
		p, err := f.manager.Plan(t.Context(), "c1")
		if err != nil || len(p.Steps) > 0 {
			t.Errorf("plan with %d steps, %v", len(p.Steps), err)
		}
		a, err := f.manager.Explain(t.Context(), explain.Query{Kind: explain.Host, Name: "late.avi.internal"})
		if err != nil || len(a.Clusters) != 1 || len(a.Clusters[0].Units) != 1 || a.Clusters[0].Units[0].Claims[0].Note != noteLeaving {
			t.Errorf("explained as %+v, %v", a, err)
		}
		shown, err := f.manager.Offboard(t.Context(), "c1", false)
		if err != nil || len(shown.Plan.Steps) > 0 {
			t.Errorf("%d steps, %v", len(shown.Plan.Steps), err)
		}
	})
	t.Run("nor after a restart", func(t *testing.T) {
		f.restart()
		c = f.up(registration("c1", routed, leaving), c.world)
		f.noWrites("restarted")
		if told := f.agents.take(); len(told) > 0 || !c.removal().Done() {
			t.Errorf("told %v, %+v", told, c.removal())
		}
	})
	t.Run("a status that another controller sets stays", func(t *testing.T) {
		c.claimStatus("lb0", "192.0.2.7")
		c.settle()
		if told := f.agents.take(); len(told) > 0 {
			t.Errorf("told %v", told)
		}
	})
	t.Run("comes back", func(t *testing.T) {
		c.set(registration("c1", routed))
		if got := c.status(); got.Error != "" || got.Removal != nil || len(only(f.names("team", "virtualservice"), "c1--")) < len(only(before, "c1--")) {
			t.Errorf("%+v", got)
		}
		if status, _ := c.shown(ingressRef("late")); len(status) != 1 {
			t.Errorf("the late Ingress shows %v", status)
		}
	})
}

// The controller's objects go without the agent; what is shown in Kubernetes is
// taken back when it comes.
func TestModeOffboardWithoutAgent(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(2, 1))
	f.agents.set(func(a *agents) { a.away = true })
	c.set(registration("c1", leaving))
	f.gone("c1")
	if got := c.removal(); got.Objects != 0 || got.Statuses != 3 || got.Done() {
		t.Errorf("%+v", got)
	}
	if status, _ := c.shown(ingressRef("a0")); len(status) != 1 {
		t.Errorf("the Ingress shows %v without anybody to write it", status)
	}
	f.agents.set(func(a *agents) { a.away = false })
	f.manager.Connected("c1")
	f.pass(time.Second)
	c.settle()
	f.pass(confirmWithin)
	c.settle()
	if got := c.removal(); !got.Done() {
		t.Errorf("%+v", got)
	}
	if status, mark := c.shown(ingressRef("a0")); len(status)+len(mark) > 0 {
		t.Errorf("the Ingress shows %v, marked %v", status, mark)
	}
}

// A hub that starts with a cluster to remove needs no agent for it.
func TestModeOffboardGoesOnAfterARestart(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1", routed), sites(2, 3))
	f.sim.Inject(avisim.Fault{Method: http.MethodDelete, Type: "virtualservice", Name: "c1--default-lb0", Status: 400, Body: "not now", Times: 2})
	c.set(registration("c1", routed, leaving))
	got := c.removal()
	if got.Done() || got.Objects < 3 || !strings.Contains(c.status().Error, "not now") {
		t.Errorf("%+v, %q", got, c.status().Error)
	}
	if left := only(f.names("team", "virtualservice"), "c1--"); !slices.Equal(left, []string{"c1--default-lb0"}) {
		t.Errorf("left %v", left)
	}
	if status, mark := c.shown(serviceRef("lb0")); len(status)+len(mark) == 0 {
		t.Error("the status of what is served still was taken back")
	}
	if status, mark := c.shown(serviceRef("lb1")); len(status)+len(mark) > 0 {
		t.Errorf("the other shows %v, marked %v", status, mark)
	}

	f.restart()
	world := c.world
	c = f.register(registration("c1", routed, leaving), world)
	_ = c.try()
	f.pass(time.Minute)
	_ = c.try()
	f.gone("c1")
	if got := c.removal(); got.Objects != 0 {
		t.Errorf("%+v", got)
	}
	c.sync()
	c.settle()
	if status, mark := c.shown(serviceRef("lb0")); len(status)+len(mark) > 0 {
		t.Errorf("shows %v, marked %v", status, mark)
	}
	if !c.removal().Done() || c.status().Error != "" {
		t.Errorf("%+v %q", c.removal(), c.status().Error)
	}
}

// More than one part of a plan is carried out part by part.
func TestModeOffboardOfMany(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(0, maxSteps/2))
	c.set(registration("c1", leaving))
	f.gone("c1")
	if !c.removal().Done() {
		t.Errorf("%+v", c.removal())
	}
}

// A host is another cluster's once the VIP that carried it is gone.
func TestModeOffboardGivesHostsAway(t *testing.T) {
	f := start(t)
	a := f.up(registration("c1"), sites(1, 0))
	b := f.up(registration("c2"), sites(1, 0))
	if status, _ := b.shown(ingressRef("a0")); len(status) > 0 {
		t.Fatalf("both serve the host: %v", status)
	}
	a.set(registration("c1", leaving))
	b.settle()
	if status, _ := b.shown(ingressRef("a0")); len(status) != 1 {
		t.Errorf("the host is not given away: %v; %s", status, b.status().Error)
	}
}

// claimStatus has another controller write the status of a Service.
func (c *cluster) claimStatus(name, ip string) {
	c.f.t.Helper()
	ref := serviceRef(name)
	c.show(&akohubv1.WriteBack{
		Object:       &akohubv1.ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name},
		LoadBalancer: &akohubv1.LoadBalancerStatus{Ingress: []*akohubv1.LoadBalancerIngress{{Ip: ip}}},
	})
}
