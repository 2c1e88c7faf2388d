package reconcile

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func TestFirstSyncThenRestart(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(3, 2))
	if err := c.status().Error; err != "" {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"c1--default-lb0", "c1--default-lb1"}, only(f.names("team", "virtualservice"), "-lb")); diff != "" {
		t.Error(diff)
	}
	if n := len(only(f.names("team", "pool"), "h")); n != 3 {
		t.Errorf("%d pools of hosts in %v", n, f.names("team", "pool"))
	}
	f.writes()

	t.Run("again nothing", func(t *testing.T) {
		c.settle()
		f.noWrites("a further cycle")
	})
	t.Run("statuses are told once", func(t *testing.T) {
		got := f.agents.take()
		for _, name := range []string{"Ingress/a0", "Ingress/a1", "Ingress/a2", "Service/lb0", "Service/lb1"} {
			if n := len(only(got, name+" status")); n != 1 {
				t.Errorf("%s was told %d times: %v", name, n, got)
			}
			if n := len(only(got, name+" Normal Synced")); n != 1 {
				t.Errorf("%s has %d Events: %v", name, n, got)
			}
		}
		status, mark := c.shown(ingressRef("a1"))
		if len(status) != 1 || !strings.HasPrefix(status[0], "h1.avi.internal=10.10.") || mark["h1.avi.internal"] == "" {
			t.Errorf("the Ingress shows %v, marked %v", status, mark)
		}
	})
	t.Run("a restart writes nothing", func(t *testing.T) {
		f.restart()
		c := f.up(registration("c1"), c.world)
		f.noWrites("after a restart")
		if got := f.agents.take(); len(got) > 0 {
			t.Errorf("told again: %v", got)
		}
		if st := c.status(); st.Error != "" || st.Pending != 0 || st.Objects == 0 {
			t.Errorf("%+v", st)
		}
	})
}

// only returns the texts that contain a part.
func only(texts []string, part string) []string {
	var out []string
	for _, s := range texts {
		if strings.Contains(s, part) {
			out = append(out, s)
		}
	}
	return out
}

func TestEndpointChangeIsOneWrite(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(4, 1))
	f.writes()
	c.slice("web-a2", "web-a2-1", 1, "10.0.0.3", "10.0.7.7")
	c.send(sliceRef("web-a2-1"))
	c.settle()
	if diff := cmp.Diff([]string{"PUT pool c1--h2.avi.internal_-default-a2"}, f.writes()); diff != "" {
		t.Error(diff)
	}
	c.slice("lb0", "lb0-2", 0, "10.0.8.77")
	c.send(sliceRef("lb0-2"))
	c.settle()
	if diff := cmp.Diff([]string{"PUT pool c1--default-lb0-TCP-80"}, f.writes()); diff != "" {
		t.Error(diff)
	}
}

func TestUnsyncedKindsWriteNothing(t *testing.T) {
	f := start(t)
	c := f.register(registration("c1"), sites(2, 2))
	c.settle()
	f.noWrites("nothing was sent yet")
	c.sync(kinds.Namespace, kinds.Service)
	c.settle()
	f.noWrites("slices are missing")
	c.sync(kinds.EndpointSlice)
	c.settle()
	if got := only(f.names("team", "virtualservice"), "Shared"); len(got) > 0 {
		t.Errorf("hosts were served without Ingresses: %v", got)
	}
	if got := f.names("team", "virtualservice"); len(got) != 2 {
		t.Errorf("Services do not wait for Ingresses: %v", got)
	}
	if diff := cmp.Diff([]string{kinds.IngressClass, kinds.Ingress, kinds.Secret}, c.status().Waits); diff != "" {
		t.Error(diff)
	}
	c.sync()
	c.settle()
	f.writes()
	if waits := c.status().Waits; len(waits) > 0 {
		t.Errorf("still waits for %v", waits)
	}

	t.Run("a hub that starts without a kind deletes nothing", func(t *testing.T) {
		f.restart()
		c := f.register(registration("c1"), c.world)
		// All but Secrets, and half of the Services.
		c.mu.Lock()
		delete(c.world, serviceRef("lb0"))
		c.mu.Unlock()
		c.sync(kinds.IngressClass, kinds.Namespace, kinds.Service, kinds.EndpointSlice, kinds.Ingress)
		c.settle()
		f.noWrites("Secrets are unknown")
		c.sync(kinds.Secret)
		c.settle()
		if got := only(f.writes(), "DELETE"); len(got) == 0 {
			t.Error("what is known to be gone now is not deleted")
		}
	})
}

func TestDisconnectedKeepsAll(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(2, 2))
	f.writes()
	c.m.Disconnected()
	f.manager.Disconnected("c1")
	c.settle()
	f.noWrites("disconnected")
	if len(c.status().Waits) == 0 {
		t.Error("the standing does not say what is waited for")
	}
	c.sync()
	c.settle()
	f.noWrites("connected again")
}

func TestBrake(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(1, 6))
	f.writes()
	f.agents.take()

	gone := func(names ...string) {
		c.m.Disconnected()
		c.mu.Lock()
		for _, n := range names {
			delete(c.world, serviceRef(n))
		}
		c.mu.Unlock()
		c.sync()
	}
	t.Run("a few go", func(t *testing.T) {
		gone("lb5")
		if err := c.try(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"DELETE l4policyset c1--default-lb5", "DELETE pool c1--default-lb5-TCP-80",
			"DELETE virtualservice c1--default-lb5", "DELETE vsvip c1--default-lb5"}, f.writes()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("many are held", func(t *testing.T) {
		gone("lb1", "lb2", "lb3")
		err := c.try()
		f.noWrites("held")
		st := c.status()
		if st.Held == "" || err == nil || !strings.Contains(err.Error(), "3 of 6 virtual services") {
			t.Errorf("held %q, error %v", st.Held, err)
		}
		if st.Pending != 12 {
			t.Errorf("%d writes are pending", st.Pending)
		}
	})
	t.Run("traffic of others follows its endpoints meanwhile", func(t *testing.T) {
		c.slice("lb0", "lb0-1", 1, "10.0.8.200")
		c.send(sliceRef("lb0-1"))
		f.pass(2 * planEvery)
		_ = c.try()
		if diff := cmp.Diff([]string{"PUT pool c1--default-lb0-TCP-80"}, f.writes()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("an approval is for what was shown", func(t *testing.T) {
		if err := f.manager.Approve("c1"); err != nil {
			t.Fatal(err)
		}
		if err := c.try(); err != nil {
			t.Fatal(err)
		}
		if got := f.writes(); len(only(got, "DELETE virtualservice")) != 3 || len(got) != 12 {
			t.Errorf("wrote %v", got)
		}
		if st := c.status(); st.Held != "" || st.Pending != 0 {
			t.Errorf("%+v", st)
		}
		if err := f.manager.Approve("c1"); err == nil {
			t.Error("approved what is not held")
		}
	})
	t.Run("and once", func(t *testing.T) {
		c := f.up(registration("c1"), sites(1, 8))
		f.writes()
		c.m.Disconnected()
		c.mu.Lock()
		for i := range 5 {
			delete(c.world, serviceRef(fmt.Sprint("lb", i)))
		}
		c.mu.Unlock()
		c.sync()
		_ = c.try()
		f.noWrites("held again")
	})
}

func TestTombstonesNeedNoApproval(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(1, 6))
	f.writes()
	// Changed before: that must not make the later loss of others explicit.
	c.slice("lb5", "lb5-1", 1, "10.0.8.99")
	c.send(sliceRef("lb5-1"))
	c.settle()
	f.writes()
	c.tombstone(serviceRef("lb0"), serviceRef("lb1"), serviceRef("lb2"), serviceRef("lb3"))
	if err := c.try(); err != nil {
		t.Fatal(err)
	}
	if got := f.writes(); len(only(got, "DELETE virtualservice")) != 4 {
		t.Errorf("wrote %v", got)
	}
	t.Run("a Service is not taken for deleted since it was changed once", func(t *testing.T) {
		c.inside(func(w *worker) {
			if len(w.explicit) != 0 {
				t.Errorf("left of what was seen to go: %v", w.explicit)
			}
		})
	})
	t.Run("the last host goes, its shared virtual service stays", func(t *testing.T) {
		c.tombstone(ingressRef("a0"))
		c.settle()
		if got := only(f.writes(), "DELETE"); len(got) != 1 || !strings.HasPrefix(got[0], "DELETE pool") {
			t.Errorf("deleted %v", got)
		}
		f.restart()
		f.up(registration("c1"), c.world)
		f.noWrites("restarted with an empty shared virtual service")
	})
}

func TestModes(t *testing.T) {
	f := start(t)
	mode := func(m v1alpha1.Mode) func(*v1alpha1.Cluster) {
		return func(r *v1alpha1.Cluster) { r.Spec.Mode = m }
	}
	c := f.up(registration("c1", mode(v1alpha1.ModeObserve)), sites(1, 2))
	f.noWrites("observe")
	if st := c.status(); st.Pending == 0 || st.Held != "" {
		t.Errorf("observe shows %+v", st)
	}
	if got := f.agents.take(); len(got) > 0 {
		t.Errorf("observe tells %v", got)
	}
	p, err := f.manager.Plan(t.Context(), "c1")
	if err != nil || p.Counts().Creates == 0 {
		t.Errorf("plan %v, error %v", p.Counts(), err)
	}
	change := func(m v1alpha1.Mode) {
		t.Helper()
		if err := f.manager.Register(registration("c1", mode(m))); err != nil {
			t.Fatal(err)
		}
		if err := c.try(); err != nil {
			t.Fatal(err)
		}
	}
	change(v1alpha1.ModeCreateOnly)
	if got := f.writes(); len(only(got, "POST virtualservice")) != 3 {
		t.Errorf("create-only wrote %v", got)
	}
	if got := f.agents.take(); len(only(got, " status ")) != 3 {
		t.Errorf("create-only told %v", got)
	}
	c.slice("lb0", "lb0-1", 1, "10.0.8.9")
	c.send(sliceRef("lb0-1"))
	c.tombstone(serviceRef("lb1"))
	c.settle()
	f.noWrites("create-only neither changes nor deletes")
	if st := c.status(); st.Pending != 0 {
		t.Errorf("%d writes pending that the mode does not allow", st.Pending)
	}
	change(v1alpha1.ModeFrozen)
	f.noWrites("frozen")
	change(v1alpha1.ModeEnforce)
	got := f.writes()
	if len(only(got, "PUT pool")) != 1 || len(only(got, "DELETE virtualservice")) != 1 || len(got) != 5 {
		t.Errorf("enforce wrote %v", got)
	}
}

func TestModeThatWritesTellsWhatWasThere(t *testing.T) {
	f := start(t)
	f.up(registration("c1"), sites(1, 1))
	f.restart()
	// As AKO's objects would be taken over: there on Avi, unknown in the cluster.
	c := f.up(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Mode = v1alpha1.ModeObserve }), sites(1, 1))
	f.writes()
	f.agents.take()
	if err := f.manager.Register(registration("c1")); err != nil {
		t.Fatal(err)
	}
	c.settle()
	f.noWrites("everything is there")
	if got := f.agents.take(); len(only(got, " status ")) != 2 {
		t.Errorf("told %v", got)
	}
}

func TestSettingsChangeLive(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Ingress.ShardSize = v1alpha1.ShardSmall }), sites(4, 1))
	before := f.names("team", "virtualservice")
	f.writes()
	if err := f.manager.Register(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Ingress.ShardSize = v1alpha1.ShardLarge })); err != nil {
		t.Fatal(err)
	}
	if err := c.try(); err != nil {
		t.Fatal(err)
	}
	if after := f.names("team", "virtualservice"); len(after) <= len(before) {
		t.Errorf("virtual services before %v, after %v", before, after)
	}
	f.writes()
	if err := f.manager.Register(registration("c1", func(r *v1alpha1.Cluster) {
		r.Spec.Ingress.ShardSize = v1alpha1.ShardLarge
		r.Spec.ServiceEngineGroup = "seg-gold"
	})); err != nil {
		t.Fatal(err)
	}
	c.settle()
	if got := only(f.writes(), "PUT virtualservice"); len(got) == 0 {
		t.Error("another service-engine group changes no virtual service")
	}
	t.Run("what is not there is said", func(t *testing.T) {
		if err := f.manager.Register(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.ServiceEngineGroup = "nosuch" })); err != nil {
			t.Fatal(err)
		}
		err := c.try()
		if err == nil || !strings.Contains(err.Error(), `"nosuch"`) {
			t.Errorf("error %v", err)
		}
		f.noWrites("a service-engine group that is not there")
		if err := f.manager.Register(registration("c1", func(r *v1alpha1.Cluster) {
			r.Spec.Ingress.ShardSize = v1alpha1.ShardLarge
			r.Spec.ServiceEngineGroup = "seg-gold"
		})); err != nil {
			t.Fatal(err)
		}
		if err := c.try(); err != nil || c.status().Error != "" {
			t.Errorf("error %v, shown %q", err, c.status().Error)
		}
		f.noWrites("back")
	})
}

func TestTenants(t *testing.T) {
	f := start(t, "other")
	c := f.up(registration("c1"), sites(1, 1))
	err := c.try()
	if err == nil || !strings.Contains(err.Error(), `"team"`) || !strings.Contains(err.Error(), "no such tenant") {
		t.Errorf("error %v", err)
	}
	f.noWrites("the tenant is not there")
	if err := f.manager.Register(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Tenant.Create = true })); err != nil {
		t.Fatal(err)
	}
	if err := c.try(); err != nil {
		t.Fatal(err)
	}
	got := f.writes()
	if len(only(got, "POST tenant")) != 1 || len(only(got, "POST virtualservice")) != 2 {
		t.Errorf("wrote %v", got)
	}
	t.Run("a namespace's tenant that is not there keeps nobody else waiting", func(t *testing.T) {
		c.put(kinds.Namespace, "", "ns2", 0, func(r *akohubv1.Record) {
			r.Body = &akohubv1.Record_NamespaceObject{NamespaceObject: &akohubv1.Namespace{
				Meta: &akohubv1.Meta{Annotations: map[string]string{"ako.vmware.com/tenant-name": "later"}}}}
		})
		c.put(kinds.Service, "ns2", "lb", 0, func(r *akohubv1.Record) {
			r.Body = &akohubv1.Record_Service{Service: &akohubv1.Service{Type: "LoadBalancer", IpFamilies: []string{"IPv4"},
				Ports: []*akohubv1.ServicePort{{Name: "http", Protocol: "TCP", Port: 80, TargetPortNumber: 8080}}}}
		})
		c.service("lb9", "LoadBalancer")
		f.agents.take()
		c.send(mirror.Ref{Kind: kinds.Namespace, Name: "ns2"}, mirror.Ref{Kind: kinds.Service, Namespace: "ns2", Name: "lb"}, serviceRef("lb9"))
		err := c.try()
		if err == nil || !strings.Contains(err.Error(), "later") {
			t.Errorf("error %v", err)
		}
		if got := f.writes(); len(only(got, "POST virtualservice c1--default-lb9")) != 1 {
			t.Errorf("wrote %v", got)
		}
		if got := f.agents.take(); len(only(got, "Service/lb Warning TenantMissing")) != 1 {
			t.Errorf("told %v", got)
		}
		f.createTenant("later")
		f.pass(2 * backoffLast)
		if err := c.try(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"c1--ns2-lb"}, f.names("later", "virtualservice")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the cluster moves to another tenant", func(t *testing.T) {
		if err := f.manager.Register(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Tenant.Name = "other" })); err != nil {
			t.Fatal(err)
		}
		err := c.try()
		if len(f.names("other", "virtualservice")) > 0 || c.status().Held == "" {
			t.Errorf("a move of all virtual services is not held: %v, error %v", f.names("other", "virtualservice"), err)
		}
		if err := f.manager.Approve("c1"); err != nil {
			t.Fatal(err)
		}
		if err := c.try(); err != nil {
			t.Fatal(err)
		}
		if got := f.names("team", "virtualservice"); len(got) > 0 {
			t.Errorf("left in the former tenant: %v", got)
		}
		if got := f.names("other", "virtualservice"); len(got) != 3 {
			t.Errorf("in the new tenant: %v", got)
		}
	})
}

func TestTwoClustersShareATenant(t *testing.T) {
	f := start(t)
	a := f.up(registration("c1"), sites(2, 1))
	b := f.up(registration("c11"), sites(3, 1).under("c11"))
	if len(only(f.names("team", "virtualservice"), "c1--")) == 0 || len(only(f.names("team", "virtualservice"), "c11--")) == 0 {
		t.Fatal(f.names("team", "virtualservice"))
	}
	f.writes()
	a.settle()
	b.settle()
	f.noWrites("both are as they want")
	b.tombstone(serviceRef("lb0"))
	b.settle()
	if got := f.writes(); len(only(got, "c11--")) != len(got) || len(got) == 0 {
		t.Errorf("wrote %v", got)
	}
	f.manager.Unregister("c11")
	a.settle()
	f.noWrites("a registration removed deletes nothing")
}

// A large plan is carried out in parts, so that what changes meanwhile is not
// kept waiting.
func TestLargePlanInParts(t *testing.T) {
	f := start(t)
	c := f.register(registration("c1"), sites(maxSteps+40, 0))
	c.sync()
	w := c.worker()
	if err := w.do(t.Context(), func(context.Context) {}); err != nil {
		t.Fatal(err)
	}
	if err := c.try(); err != nil {
		t.Fatal(err)
	}
	if n := len(f.names("team", "pool")); n != maxSteps+40 {
		t.Errorf("%d pools", n)
	}
	if st := c.status(); st.Pending != 0 {
		t.Errorf("%d are pending", st.Pending)
	}
}

// What others did to a virtual service shows in the objects that rest on it.
func TestAnotherVirtualServiceIsTold(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Events.Normal = false }), sites(0, 1))
	if got := f.agents.take(); len(only(got, "Normal")) > 0 {
		t.Errorf("Events that are switched off: %v", got)
	}
	_, before := c.shown(serviceRef("lb0"))
	for _, typ := range []string{"virtualservice", "vsvip"} {
		key := translate.Key{Tenant: "team", Type: typ, Name: "c1--default-lb0"}
		got := f.ctl.Apply(t.Context(), plan.Plan{Cluster: "c1", CreatedBy: "ako-c1", Mode: plan.ModeEnforce,
			Steps: []plan.Step{{Op: plan.Delete, Key: key, Have: c.held(key)}}}, nil)
		if got[0].Err != nil {
			t.Fatal(got[0].Err)
		}
	}
	f.pass(2 * refreshEvery)
	if err := c.try(); err != nil {
		t.Fatal(err)
	}
	_, after := c.shown(serviceRef("lb0"))
	if len(before) != 1 || len(after) != 1 || cmp.Equal(before, after) {
		t.Errorf("marked %v before, %v now", before, after)
	}
}
