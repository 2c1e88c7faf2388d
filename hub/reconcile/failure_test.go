package reconcile

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// foreign puts an object of somebody else's on the controller, and returns how
// to delete it.
func (f *fixture) foreign(typ, name, owner string) (remove func()) {
	f.t.Helper()
	body := map[string]any{"name": name, "created_by": owner, "cloud_ref": "/api/cloud/?name=Default-Cloud"}
	o, err := desired.FromTranslate(translate.Object{Key: translate.Key{Tenant: "team", Type: typ, Name: name}, Body: body})
	if err != nil {
		f.t.Fatal(err)
	}
	apply := func(s plan.Step) *plan.Observed {
		s.Key = o.Key
		cluster := strings.TrimPrefix(owner, "ako-")
		got := f.ctl.Apply(f.t.Context(), plan.Plan{Cluster: cluster, CreatedBy: owner, Mode: plan.ModeEnforce, Steps: []plan.Step{s}}, nil)
		if got[0].Err != nil {
			f.t.Fatal(got[0].Err)
		}
		return got[0].Observed
	}
	have := apply(plan.Step{Op: plan.Create, Want: o})
	return func() { apply(plan.Step{Op: plan.Delete, Have: have}) }
}

func TestConflict(t *testing.T) {
	f := start(t)
	remove := f.foreign("pool", "c1--default-lb0-TCP-80", "ako-other")
	f.writes()
	c := f.up(registration("c1"), sites(1, 2))
	if diff := cmp.Diff([]string{"c1--default-lb1-TCP-80"}, only(f.wanted("pool"), "-lb")); diff != "" {
		t.Errorf("siblings: %s", diff)
	}
	got := f.writes()
	if len(only(got, "PUT"))+len(only(got, "DELETE")) > 0 {
		t.Errorf("wrote %v", got)
	}
	if err := c.status().Error; !strings.Contains(err, "ako-other") || !strings.Contains(err, "c1--default-lb0-TCP-80") {
		t.Errorf("shown: %q", err)
	}
	if msg := f.agents.message("AviRefused"); !strings.Contains(msg, "ako-other") {
		t.Errorf("told %q", msg)
	}
	if got := only(f.agents.take(), "Warning"); len(got) != 1 || got[0] != "Service/lb0 Warning AviRefused" {
		t.Errorf("told %v", got)
	}
	t.Run("other changes do not put the next try off", func(t *testing.T) {
		for rev := range 5 {
			c.slice("lb1", "lb1-1", rev+1, "10.0.8.2", "10.0.8.5")
			c.send(sliceRef("lb1-1"))
			_ = c.try()
		}
		c.inside(func(w *worker) {
			if n := w.failed[translate.Key{Tenant: "team", Type: "pool", Name: "c1--default-lb0-TCP-80"}].attempts; n != 1 {
				t.Errorf("%d attempts", n)
			}
		})
		f.writes()
	})
	t.Run("still there", func(t *testing.T) {
		f.pass(2 * backoffLast)
		if err := c.try(); err == nil {
			t.Error("no error")
		}
		if got := only(f.writes(), "POST"); len(got) != 1 {
			t.Errorf("tried %v", got)
		}
		if got := f.agents.take(); len(got) > 0 {
			t.Errorf("told again: %v", got)
		}
	})
	t.Run("gone", func(t *testing.T) {
		remove()
		f.pass(2 * backoffLast)
		if err := c.try(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"c1--default-lb0-TCP-80", "c1--default-lb1-TCP-80"}, only(f.wanted("pool"), "-lb")); diff != "" {
			t.Error(diff)
		}
		rules, _ := json.Marshal(f.sim.Dump().Tenants["team"]["l4policyset"])
		if n := strings.Count(string(rules), "pool_ref"); n != 2 {
			t.Errorf("%d rules lead to pools: %s", n, rules)
		}
		c.inside(func(w *worker) {
			if len(w.refused)+len(w.failed)+len(w.undone) != 0 {
				t.Error("something is left of the conflict")
			}
		})
	})
}

func TestRefusedObject(t *testing.T) {
	f := start(t)
	words := "Pool c1--default-lb0-TCP-80 is not to my taste"
	f.sim.Inject(avisim.Fault{Method: http.MethodPost, Type: "pool", Name: "c1--default-lb0-TCP-80", Status: 400, Body: words})
	c := f.up(registration("c1"), sites(1, 2))
	if msg := f.agents.message("AviRefused"); !strings.Contains(msg, words) {
		t.Errorf("told %q", msg)
	}
	if got := only(f.agents.take(), "Warning"); len(got) != 1 {
		t.Errorf("told %v", got)
	}
	if diff := cmp.Diff([]string{"c1--default-lb1-TCP-80"}, only(f.wanted("pool"), "-lb")); diff != "" {
		t.Errorf("siblings: %s", diff)
	}
	if st := c.status(); !strings.Contains(st.Error, words) || st.Pending != 0 {
		t.Errorf("shown: %q, %d pending", st.Error, st.Pending)
	}
	f.writes()
	t.Run("waits", func(t *testing.T) {
		_ = c.try()
		f.noWrites("before it is time")
		f.pass(2 * backoffFirst)
		_ = c.try()
		if got := f.writes(); len(got) != 1 {
			t.Errorf("wrote %v", got)
		}
		if got := f.agents.take(); len(got) > 0 {
			t.Errorf("told again: %v", got)
		}
	})
	t.Run("another content is tried at once", func(t *testing.T) {
		c.slice("lb0", "lb0-1", 1, "10.0.8.50")
		c.send(sliceRef("lb0-1"))
		_ = c.try()
		if got := f.writes(); len(only(got, "POST pool")) != 1 {
			t.Errorf("wrote %v", got)
		}
	})
	t.Run("taken", func(t *testing.T) {
		f.sim.ClearFaults()
		f.pass(2 * backoffLast)
		if err := c.try(); err != nil {
			t.Fatal(err)
		}
		if st := c.status(); st.Error != "" {
			t.Errorf("still shown: %q", st.Error)
		}
		f.writes()
	})
	t.Run("again, and told again", func(t *testing.T) {
		f.agents.take()
		f.sim.Inject(avisim.Fault{Method: http.MethodPut, Type: "pool", Name: "c1--default-lb0-TCP-80", Status: 400, Body: words})
		c.slice("lb0", "lb0-1", 2, "10.0.8.51")
		c.send(sliceRef("lb0-1"))
		_ = c.try()
		if got := only(f.agents.take(), "Warning AviRefused"); len(got) != 1 {
			t.Errorf("told %v", got)
		}
	})
}

// One refused pool of a shared virtual service must not keep the other hosts
// waiting, and comes back by itself.
func TestRefusedPoolOfASharedHost(t *testing.T) {
	f := start(t)
	f.sim.Inject(avisim.Fault{Method: http.MethodPost, Type: "pool", NameContains: "h1.avi.internal", Status: 400, Body: "no"})
	c := f.up(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Ingress.ShardSize = v1alpha1.ShardSmall }), sites(3, 0))
	f.pass(2 * backoffLast)
	_ = c.try()
	if got := f.names("team", "pool"); len(got) != 2 {
		t.Fatalf("pools %v", got)
	}
	if got := f.names("team", "poolgroup"); len(got) != 1 {
		t.Fatalf("the shared pool group waits: %v", got)
	}
	f.sim.ClearFaults()
	f.pass(2 * backoffLast)
	if err := c.try(); err != nil {
		t.Fatal(err)
	}
	group := f.sim.Dump().Tenants["team"]["poolgroup"][0]
	if members, _ := group["members"].([]any); len(members) != 3 {
		text, _ := json.Marshal(group)
		t.Errorf("the pool group did not get its member back: %s", text)
	}
}

func TestLostAnswer(t *testing.T) {
	f := start(t)
	f.sim.Inject(avisim.Fault{Method: http.MethodPost, Type: "pool", Name: "c1--default-lb0-TCP-80", DropAfterCommit: true, Times: 1})
	c := f.up(registration("c1"), sites(1, 1))
	if err := c.status().Error; err != "" {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"c1--default-lb0"}, only(f.names("team", "virtualservice"), "-lb")); diff != "" {
		t.Error(diff)
	}
	if n := len(only(f.writes(), "POST pool c1--default-lb0-TCP-80")); n != 1 {
		t.Errorf("posted %d times", n)
	}
}

func TestForeignEditInBetween(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(1, 1))
	f.writes()
	// Answered as if somebody had written it since it was read.
	f.sim.Inject(avisim.Fault{Method: http.MethodPut, Type: "pool", Status: 412, Body: "concurrent update", Times: 1})
	c.slice("lb0", "lb0-1", 1, "10.0.8.60")
	c.send(sliceRef("lb0-1"))
	if err := c.try(); err != nil {
		t.Fatal(err)
	}
	if got := f.writes(); len(got) != 2 {
		t.Errorf("wrote %v", got)
	}
	c.settle()
	f.noWrites("afterwards")
}

func TestDriftIsMended(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(1, 1))
	key := translate.Key{Tenant: "team", Type: "pool", Name: "c1--default-lb0-TCP-80"}
	have := c.held(key)
	var want *desired.Object
	c.inside(func(w *worker) { want = changed(t, w.model.graph, key) })
	got := f.ctl.Apply(t.Context(), plan.Plan{Cluster: "c1", CreatedBy: "ako-c1", Mode: plan.ModeEnforce,
		Steps: []plan.Step{{Op: plan.Update, Key: key, Have: have, Want: want}}}, nil)
	if got[0].Err != nil {
		t.Fatal(got[0].Err)
	}
	f.writes()
	c.settle()
	f.noWrites("not noticed yet")
	p, err := f.manager.Plan(t.Context(), "c1")
	if err != nil || p.Counts().Updates != 1 || p.Counts().Writes() != 1 {
		t.Errorf("plan %v, error %v", p.Counts(), err)
	}
	f.pass(2 * refreshEvery)
	c.settle()
	if got := f.writes(); len(got) != 1 {
		t.Errorf("wrote %v", got)
	}
	if p, err := f.manager.Plan(t.Context(), "c1"); err != nil || !p.Empty() {
		t.Errorf("plan %v, error %v", p.Counts(), err)
	}
}

// changed returns a wanted object with another number of servers.
func changed(t *testing.T, g *desired.Graph, k desired.Key) *desired.Object {
	t.Helper()
	o, _ := g.Get(k)
	body := map[string]any{}
	for name, v := range o.Body {
		if name != "servers" {
			body[name] = v
		}
	}
	out, err := desired.FromBody(k, body, o.From)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestControllerAway(t *testing.T) {
	faults := map[string]avisim.Fault{
		"503":                {Status: 503},
		"connection cut":     {DropBeforeCommit: true},
		"upgrade":            {Status: 403, Body: "This operation is disallowed during upgrade"},
		"unreadable answers": {Truncate: true},
	}
	for name, fault := range faults {
		t.Run(name+" at the start", func(t *testing.T) {
			f := start(t)
			f.sim.Inject(fault)
			c := f.register(registration("c1"), sites(1, 1))
			c.sync()
			if err := c.try(); err == nil {
				t.Fatal("no error")
			}
			if st := c.status(); st.Error == "" {
				t.Error("nothing is shown")
			}
			c.inside(func(w *worker) {
				if d := w.sleep(); d > backoffLast {
					t.Errorf("sleeps for %v", d)
				}
			})
			asked := len(f.sim.Requests())
			_ = c.try()
			if n := len(f.sim.Requests()); n != asked {
				t.Errorf("asked %d times more before it is time", n-asked)
			}
			f.sim.ClearFaults()
			f.pass(2 * backoffLast)
			if err := c.try(); err != nil {
				t.Fatal(err)
			}
			if got := f.names("team", "virtualservice"); len(got) != 2 {
				t.Errorf("virtual services %v", got)
			}
			if st := c.status(); st.Error != "" || st.Pending != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
	t.Run("in between", func(t *testing.T) {
		f := start(t)
		c := f.up(registration("c1"), sites(2, 1))
		f.writes()
		f.agents.take()
		f.sim.SetUpgrading(true)
		c.slice("lb0", "lb0-1", 1, "10.0.8.60")
		c.tombstone(ingressRef("a0"))
		c.service("lb5", "LoadBalancer")
		c.send(sliceRef("lb0-1"), serviceRef("lb5"))
		err := c.try()
		if err == nil || !strings.Contains(err.Error(), "upgrade") {
			t.Errorf("error %v", err)
		}
		if got := only(f.agents.take(), "Warning"); len(got) > 0 {
			t.Errorf("owners are told of what is not theirs: %v", got)
		}
		c.slice("lb0", "lb0-1", 2, "10.0.8.61")
		c.send(sliceRef("lb0-1"))
		f.writes()
		_ = c.try()
		f.noWrites("waiting")
		if st := c.status(); st.Pending == 0 {
			t.Error("nothing is pending")
		}
		f.sim.SetUpgrading(false)
		f.pass(2 * backoffLast)
		if err := c.try(); err != nil {
			t.Fatal(err)
		}
		got := f.writes()
		if len(only(got, "PUT pool c1--default-lb0")) != 1 || len(only(got, "POST virtualservice c1--default-lb5")) != 1 || len(only(got, "DELETE pool")) != 1 {
			t.Errorf("wrote %v", got)
		}
	})
}

func TestServiceEngineGroup(t *testing.T) {
	f := start(t)
	routes := func(r *v1alpha1.Cluster) { r.Spec.Network.StaticRoutes.Sync = true }
	a := f.up(registration("c1", routes), sites(0, 1))
	if got := f.writes(); len(only(got, "PUT serviceenginegroup")) != 1 {
		t.Errorf("wrote %v", got)
	}
	if p, err := f.manager.Plan(t.Context(), "c1"); err != nil || !p.Empty() {
		t.Errorf("the edit was made; plan %v, error %v", p.Counts(), err)
	}
	a.settle()
	f.noWrites("a plan was looked at")
	f.agents.take()

	b := f.up(registration("c2", routes), sites(0, 1).under("c2"))
	st := b.status()
	if !strings.Contains(st.Error, "service-engine group") || !strings.Contains(st.Error, "c1") {
		t.Errorf("shown: %q", st.Error)
	}
	b.slice("lb0", "lb0-1", 1, "10.0.8.60")
	b.send(sliceRef("lb0-1"))
	_ = b.try()
	if got := only(f.names("team", "virtualservice"), "c2--"); len(got) > 0 {
		t.Errorf("%v is served by engines without the cluster's routes", got)
	}
	if err := f.manager.Register(registration("c2", routes, func(r *v1alpha1.Cluster) { r.Spec.ServiceEngineGroup = "seg-gold" })); err != nil {
		t.Fatal(err)
	}
	if err := b.try(); err != nil {
		t.Fatal(err)
	}
	if got := only(f.names("team", "virtualservice"), "c2--"); len(got) != 1 {
		t.Errorf("virtual services %v", got)
	}
}

func TestWriteBacks(t *testing.T) {
	f := start(t)
	f.agents.set(func(a *agents) { a.away = true })
	c := f.up(registration("c1"), sites(2, 1))
	if got := f.agents.take(); len(got) > 0 {
		t.Fatal(got)
	}
	t.Run("told when the agent comes", func(t *testing.T) {
		f.agents.set(func(a *agents) { a.away = false })
		c.settle()
		if got := f.agents.take(); len(got) > 0 {
			t.Errorf("told before anybody was there: %v", got)
		}
		f.manager.Connected("c1")
		c.settle()
		f.pass(2 * spread)
		c.settle()
		if got := f.agents.take(); len(only(got, " status ")) != 3 {
			t.Errorf("told %v", got)
		}
	})
	t.Run("not repeated before the mirror shows it", func(t *testing.T) {
		f.agents.set(func(a *agents) { a.deaf = true })
		c.service("lb3", "LoadBalancer")
		c.send(serviceRef("lb3"))
		c.settle()
		for rev := range 3 {
			c.slice("lb3", "lb3-1", rev, "10.0.8.3", "10.0.8.4")
			c.inside(func(w *worker) { w.news[serviceRef("lb3")] = struct{}{} })
			c.send(sliceRef("lb3-1"))
			c.settle()
		}
		if got := f.agents.take(); len(only(got, "Service/lb3 status")) != 1 {
			t.Errorf("told %v", got)
		}
		f.agents.set(func(a *agents) { a.deaf = false })
		f.pass(2 * confirmWithin)
		c.settle()
		if got := f.agents.take(); len(only(got, "Service/lb3 status")) != 1 {
			t.Errorf("a write-back that never showed is not repeated: %v", got)
		}
		f.pass(2 * confirmWithin)
		c.settle()
		if got := f.agents.take(); len(got) > 0 {
			t.Errorf("told again: %v", got)
		}
	})
	t.Run("somebody wiped it", func(t *testing.T) {
		w := c.world[serviceRef("lb0")]
		w.GetService().Status = nil
		w.ContentHash = []byte("wiped")
		c.send(serviceRef("lb0"))
		c.settle()
		if got := f.agents.take(); len(only(got, "Service/lb0 status")) != 1 {
			t.Errorf("told %v", got)
		}
	})
	t.Run("forbidden is tried again, later and later", func(t *testing.T) {
		f.agents.set(func(a *agents) { a.outcome = akohubv1.WriteBackResult_OUTCOME_FORBIDDEN })
		c.service("lb4", "LoadBalancer")
		c.send(serviceRef("lb4"))
		c.settle()
		c.settle()
		if got := f.agents.take(); len(only(got, "Service/lb4 status")) != 1 {
			t.Errorf("told %v", got)
		}
		f.pass(2 * backoffFirst)
		c.settle()
		if got := f.agents.take(); len(only(got, "Service/lb4 status")) != 1 {
			t.Errorf("told %v", got)
		}
		f.agents.set(func(a *agents) { a.outcome = 0 })
		f.pass(2 * backoffLast)
		c.settle()
		if s, _ := c.shown(serviceRef("lb4")); len(s) != 1 {
			t.Errorf("shows %v", s)
		}
		f.agents.take()
	})
	t.Run("another class takes the Ingress over", func(t *testing.T) {
		f.agents.take()
		ing := c.world[ingressRef("a0")]
		other := "nginx"
		c.put(kinds.IngressClass, "", other, 0, func(r *akohubv1.Record) {
			r.Body = &akohubv1.Record_IngressClass{IngressClass: &akohubv1.IngressClass{Controller: "k8s.io/ingress-nginx"}}
		})
		c.send(mirror.Ref{Kind: kinds.IngressClass, Name: other})
		ing.GetIngress().IngressClassName = &other
		ing.ContentHash = []byte("other class")
		c.send(ingressRef("a0"))
		c.settle()
		if got := f.agents.take(); len(only(got, "Ingress/a0 status")) != 1 || len(only(got, "Ingress/a0 Normal Removed")) != 1 {
			t.Errorf("told %v", got)
		}
		if s, mark := c.shown(ingressRef("a0")); len(s)+len(mark) > 0 {
			t.Errorf("still shows %v, marked %v", s, mark)
		}
		// Now the other controller writes its own.
		ing = c.world[ingressRef("a0")]
		ing.GetIngress().Status = []*akohubv1.LoadBalancerIngress{{Ip: "192.0.2.1"}}
		ing.ContentHash = []byte("other status")
		c.send(ingressRef("a0"))
		c.settle()
		if got := f.agents.take(); len(got) > 0 {
			t.Errorf("told %v", got)
		}
		if s, _ := c.shown(ingressRef("a0")); len(s) != 1 {
			t.Errorf("the other controller's status is %v", s)
		}
	})
	t.Run("what is kept does not grow", func(t *testing.T) {
		c.tombstone(serviceRef("lb0"), serviceRef("lb3"), serviceRef("lb4"), ingressRef("a1"))
		c.settle()
		c.inside(func(w *worker) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if len(w.tellings)+len(w.later)+len(w.news) > 0 {
				t.Errorf("kept: %v %v %v", w.tellings, w.later, w.news)
			}
		})
	})
}

func TestProblemsAreToldOnce(t *testing.T) {
	f := start(t)
	w := sites(1, 1)
	delete(w, serviceRef("web-a0"))
	c := f.up(registration("c1"), w)
	if got := only(f.agents.take(), "Warning"); len(got) != 1 {
		t.Fatalf("told %v", got)
	}
	touch := func(rev int) {
		c.ingress("a0", rev, "h0.avi.internal", "x"+string(rune('a'+rev))+".avi.internal")
		c.send(ingressRef("a0"))
		c.settle()
	}
	t.Run("a new problem beside the old", func(t *testing.T) {
		touch(1)
		if got := only(f.agents.take(), "Warning"); len(got) != 1 {
			t.Errorf("told %v", got)
		}
	})
	t.Run("gone and back", func(t *testing.T) {
		c.service("web-a0", "ClusterIP")
		c.send(serviceRef("web-a0"))
		c.settle()
		if got := only(f.agents.take(), "Warning"); len(got) > 0 {
			t.Errorf("told %v", got)
		}
		c.tombstone(serviceRef("web-a0"))
		c.settle()
		if got := only(f.agents.take(), "Warning"); len(got) != 2 {
			t.Errorf("told %v", got)
		}
	})
	t.Run("told later if nobody was there", func(t *testing.T) {
		f.agents.set(func(a *agents) { a.away = true })
		touch(2)
		f.agents.set(func(a *agents) { a.away = false })
		f.manager.Connected("c1")
		c.settle()
		f.pass(2 * spread)
		c.settle()
		if got := only(f.agents.take(), "Warning"); len(got) != 1 {
			t.Errorf("told %v", got)
		}
	})
}

// Whatever stands against a cluster, its worker rests until something is due
// (try checks that at every step of every test).
func TestWorkersRest(t *testing.T) {
	f := start(t)
	routes := func(r *v1alpha1.Cluster) { r.Spec.Network.StaticRoutes.Sync = true }
	observe := func(r *v1alpha1.Cluster) { r.Spec.Mode = v1alpha1.ModeObserve }
	f.up(registration("c1", routes), sites(0, 1))
	t.Run("a conflict in a mode that does not write", func(t *testing.T) {
		c := f.up(registration("c2", routes, observe), sites(0, 1))
		f.pass(2 * backoffLast)
		_ = c.try()
		f.pass(2 * refreshEvery)
		_ = c.try()
	})
	t.Run("write-backs due, and a registration that cannot be judged", func(t *testing.T) {
		f.agents.set(func(a *agents) { a.outcome = akohubv1.WriteBackResult_OUTCOME_FORBIDDEN })
		c := f.up(registration("c3"), sites(0, 2).under("c3"))
		f.sim.Inject(avisim.Fault{Status: 503})
		if err := f.manager.Register(registration("c3", func(r *v1alpha1.Cluster) { r.Spec.ServiceEngineGroup = "seg-gold" })); err != nil {
			t.Fatal(err)
		}
		if err := c.try(); err == nil {
			t.Error("no error")
		}
		f.pass(backoffLast / 4)
		_ = c.try()
		f.agents.set(func(a *agents) { a.outcome = 0 })
		f.sim.ClearFaults()
		f.pass(2 * backoffLast)
		c.settle()
		f.pass(2 * backoffLast)
		c.settle()
		if s, _ := c.shown(serviceRef("lb1")); len(s) != 1 {
			t.Errorf("shows %v", s)
		}
	})
	t.Run("held, with failures from before", func(t *testing.T) {
		c := f.up(registration("c4"), sites(0, 6))
		f.sim.Inject(avisim.Fault{Method: http.MethodPost, Type: "pool", NameContains: "c4--", Status: 500, Body: "oops"})
		c.service("lb9", "LoadBalancer")
		c.send(serviceRef("lb9"))
		_ = c.try()
		c.m.Disconnected()
		c.mu.Lock()
		for _, n := range []string{"lb0", "lb1", "lb2"} {
			delete(c.world, serviceRef(n))
		}
		c.mu.Unlock()
		c.sync()
		_ = c.try()
		if c.status().Held == "" {
			t.Error("not held")
		}
		f.pass(2 * backoffLast)
		_ = c.try()
	})
}
