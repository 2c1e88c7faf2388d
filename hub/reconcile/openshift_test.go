package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/explain"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// theirs is what OpenShift's own router says of each Route.
func theirs(host string) *akohubv1.RouteAdmission {
	return &akohubv1.RouteAdmission{Host: host, RouterName: "default", Admitted: true}
}

func (w world) route(name string, rev int, host string) {
	w.put(kinds.Route, "default", name, rev, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_Route{Route: &akohubv1.Route{
			Meta: &akohubv1.Meta{}, Host: host, Backends: []*akohubv1.RouteBackend{{Kind: "Service", Name: "web-" + name}},
			Status: []*akohubv1.RouteAdmission{theirs(host)},
		}}
	})
}

func objectsIn(body map[string]any, field string) []map[string]any {
	list, _ := body[field].([]any)
	out := make([]map[string]any, 0, len(list))
	for _, one := range list {
		m, _ := one.(map[string]any)
		out = append(out, m)
	}
	return out
}

func routeRef(name string) mirror.Ref {
	return mirror.Ref{Kind: kinds.Route, Namespace: "default", Name: name}
}

// openshift is a world of so many Routes, r0…, that the router of OpenShift
// serves, too.
func openshift(routes int) world {
	w := world{}
	w.base()
	for i := range routes {
		name := fmt.Sprint("r", i)
		w.service("web-"+name, "ClusterIP")
		w.slice("web-"+name, "web-"+name+"-1", 0, fmt.Sprintf("10.0.1.%d", i+1))
		w.route(name, 0, fmt.Sprintf("h%d.avi.internal", i))
	}
	return w
}

// upOpenShift is up for a cluster whose API server has Routes.
func (f *fixture) upOpenShift(w world, change ...func(*v1alpha1.Cluster)) *cluster {
	f.t.Helper()
	c := f.register(registration("c1", change...), w)
	c.openshift = true
	c.sync()
	c.settle()
	return c
}

// admissions returns what a Route shows, "router host=message" or "… refused".
func (c *cluster) admissions(name string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, a := range c.world[routeRef(name)].GetRoute().GetStatus() {
		text := a.GetRouterName() + " " + a.GetHost() + "=" + a.GetMessage()
		if !a.GetAdmitted() {
			text = a.GetRouterName() + " " + a.GetHost() + " refused: " + a.GetReason()
		}
		out = append(out, text)
	}
	return out
}

// own tells whether a Route shows an address of the hub's.
func (c *cluster) own(name string) bool {
	return slices.ContainsFunc(c.admissions(name), func(s string) bool { return strings.HasPrefix(s, "ako-c1 ") })
}

func TestRoutesAreTold(t *testing.T) {
	f := start(t)
	c := f.upOpenShift(openshift(2))
	var vip string
	for _, name := range f.names("team", "vsvip") {
		o := c.held(plan.Key{Tenant: "team", Type: typeVsVip, Name: name})
		for _, record := range objectsIn(o.Body, "dns_info") {
			if record["fqdn"] == "h0.avi.internal" {
				vip = addresses(o.Body)[0]
			}
		}
	}
	if diff := cmp.Diff([]string{"default h0.avi.internal=", "ako-c1 h0.avi.internal=" + vip}, c.admissions("r0")); diff != "" {
		t.Error(diff)
	}
	told := f.agents.take()
	for _, want := range []string{"Route/r0 admissions h0.avi.internal=true," + vip, "Route/r0 annotations +3 -0", "Route/r0 Normal Synced"} {
		if !slices.Contains(told, want) {
			t.Errorf("%q was not told: %v", want, told)
		}
	}

	t.Run("nothing new, nothing told", func(t *testing.T) {
		f.writes()
		f.restart()
		c = f.upOpenShift(c.world)
		f.noWrites("restart")
		if got := f.agents.take(); got != nil {
			t.Errorf("told: %v", got)
		}
	})
	t.Run("what somebody took away comes back", func(t *testing.T) {
		c.mu.Lock()
		r := c.world[routeRef("r0")]
		r.GetRoute().Status, r.ContentHash = []*akohubv1.RouteAdmission{theirs("h0.avi.internal")}, []byte("taken away")
		c.mu.Unlock()
		c.send(routeRef("r0"))
		c.settle()
		if !c.own("r0") {
			t.Errorf("status %v", c.admissions("r0"))
		}
		f.noWrites("a status")
	})
	t.Run("a host that is not served", func(t *testing.T) {
		f.agents.take()
		c.route("r0", 7, "h0.elsewhere.test")
		c.world[routeRef("r0")].GetRoute().Status = append(c.world[routeRef("r0")].GetRoute().Status,
			&akohubv1.RouteAdmission{Host: "h0.avi.internal", RouterName: "ako-c1", Admitted: true, Reason: "{}", Message: vip})
		c.send(routeRef("r0"))
		c.settle()
		if diff := cmp.Diff([]string{"default h0.elsewhere.test="}, c.admissions("r0")); diff != "" {
			t.Error(diff)
		}
		if told := f.agents.take(); !slices.Contains(told, "Route/r0 Normal Removed") {
			t.Errorf("told: %v", told)
		}
	})
	t.Run("a Service named twice", func(t *testing.T) {
		r := c.world[routeRef("r1")]
		r.GetRoute().Backends, r.ContentHash = append(r.GetRoute().Backends, r.GetRoute().Backends[0]), []byte("twice")
		c.send(routeRef("r1"))
		c.settle()
		if diff := cmp.Diff([]string{"default h1.avi.internal=", "ako-c1 h1.avi.internal refused: MultipleBackendsWithSameServiceError"}, c.admissions("r1")); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRoutesUnknown: what is not known of Routes takes nothing away.
func TestRoutesUnknown(t *testing.T) {
	f := start(t)
	c := f.upOpenShift(openshift(2))
	f.writes()
	states := map[string]akohubv1.KindState_Availability{
		"forbidden":         akohubv1.KindState_AVAILABILITY_FORBIDDEN,
		"failing":           akohubv1.KindState_AVAILABILITY_FAILING,
		"the CRD is gone":   akohubv1.KindState_AVAILABILITY_ABSENT,
		"not said any more": akohubv1.KindState_AVAILABILITY_UNSPECIFIED,
	}
	for name, state := range states {
		t.Run(name, func(t *testing.T) {
			if err := c.m.SetKindState(kinds.Route, state, name); err != nil {
				t.Fatal(err)
			}
			c.ingress("web-r0", 0, "other.avi.internal")
			c.send(mirror.Ref{Kind: kinds.Ingress, Namespace: "default", Name: "web-r0"})
			c.settle()
			f.noWrites(name)
			if diff := cmp.Diff([]string{kinds.Route}, c.status().Waits); diff != "" {
				t.Error(diff)
			}
			if !c.own("r0") {
				t.Error("its status was taken back")
			}
			c.tombstone(mirror.Ref{Kind: kinds.Ingress, Namespace: "default", Name: "web-r0"})
			c.sync()
			c.settle()
			f.noWrites("known again")
			if waits := c.status().Waits; len(waits) > 0 {
				t.Errorf("still waits for %v", waits)
			}
		})
	}
	t.Run("a hub that starts without rights to them", func(t *testing.T) {
		f.restart()
		c := f.register(registration("c1"), c.world)
		c.sync()
		if err := c.m.SetKindState(kinds.Route, akohubv1.KindState_AVAILABILITY_FORBIDDEN, "not for you"); err != nil {
			t.Fatal(err)
		}
		c.settle()
		f.noWrites("forbidden from the start")
	})
}

// TestBecomesOpenShift: a cluster gets Routes while the hub runs; its Ingresses
// are then OpenShift's business.
func TestBecomesOpenShift(t *testing.T) {
	f := start(t)
	w := openshift(2)
	w.service("web-i", "ClusterIP")
	w.slice("web-i", "web-i-1", 0, "10.0.2.1")
	w.ingress("i", 0, "i.avi.internal")
	c := f.up(registration("c1"), w)
	if status, _ := c.shown(ingressRef("i")); len(status) != 1 || c.own("r0") {
		t.Fatalf("Ingress %v, Route %v", status, c.admissions("r0"))
	}
	c.openshift = true
	c.sync()
	c.settle()
	if !c.own("r0") || !c.own("r1") {
		t.Errorf("Routes %v %v", c.admissions("r0"), c.admissions("r1"))
	}
	if status, _ := c.shown(ingressRef("i")); len(status) > 0 {
		t.Errorf("Ingress %v", status)
	}
}

// TestRoutesAreTakenBack: an offboarded cluster's Routes show nothing of ours,
// and all that others wrote.
func TestRoutesAreTakenBack(t *testing.T) {
	f := start(t)
	c := f.upOpenShift(openshift(2))
	if err := f.manager.Register(registration("c1", func(reg *v1alpha1.Cluster) { reg.Spec.Mode = v1alpha1.ModeOffboard })); err != nil {
		t.Fatal(err)
	}
	_ = c.try()
	if got := f.names("team", "virtualservice"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	for _, name := range []string{"r0", "r1"} {
		if c.own(name) || len(c.admissions(name)) != 1 {
			t.Errorf("%s: %v", name, c.admissions(name))
		}
		if _, mark := c.shown(routeRef(name)); mark != nil {
			t.Errorf("%s is marked: %v", name, mark)
		}
	}
}

func TestExplainRoutes(t *testing.T) {
	f := start(t)
	w := openshift(2)
	w.route("r2", 0, "h0.avi.internal") // a second claim, on the same path
	w[routeRef("r2")].GetRoute().Meta.CreationSeconds = 5
	w[routeRef("r2")].GetRoute().Backends[0].Name = "web-r1"
	w.route("none", 0, "")
	c := f.upOpenShift(w)
	host := f.explain(explain.Query{Kind: explain.Host, Name: "h0.avi.internal"})
	var got []string
	for _, claim := range host.Clusters[0].Units[0].Claims {
		for _, p := range claim.Paths {
			got = append(got, fmt.Sprint(claim.Kind, " ", claim.Name, " ", p.Backend, " ", p.Standing, " ", p.LostTo))
		}
	}
	if diff := cmp.Diff([]string{"Route r0 default/web-r0 owner ", "Route r2 default/web-r1 lost Route default/r0"}, got); diff != "" {
		t.Error(diff)
	}
	route := f.explain(explain.Query{Kind: explain.Route, Cluster: "c1", Namespace: "default", Name: "r0"}).Clusters[0]
	if route.Object == nil || len(route.Object.Status) != 1 || !strings.HasPrefix(route.Object.Status[0], "h0.avi.internal=10.") || len(route.Units) != 1 {
		t.Errorf("%+v", route)
	}
	none := f.explain(explain.Query{Kind: explain.Route, Cluster: "c1", Namespace: "default", Name: "none"}).Clusters[0]
	if len(none.Units) != 1 || len(none.Units[0].Claims) != 1 || len(none.Units[0].Claims[0].Problems) != 1 {
		t.Errorf("a Route without host: %+v", none)
	}
	if !slices.ContainsFunc(f.agents.take(), func(s string) bool { return strings.HasPrefix(s, "Route/none Warning ") }) || c.own("none") {
		t.Error("the owner of a Route without host was not told")
	}
}
