package reconcile

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
)

// labels returns the labels of the cloud's service-engine groups, as "group:
// key=value".
func (f *fixture) labels() []string {
	f.t.Helper()
	var out []string
	for name, body := range f.sim.Dump().SystemChanges["serviceenginegroup"] {
		list, _ := body["labels"].([]any)
		for _, e := range list {
			l, _ := e.(map[string]any)
			out = append(out, fmt.Sprintf("%s: %v=%v", name[strings.Index(name, "/")+1:], l["key"], l["value"]))
		}
	}
	slices.Sort(out)
	return out
}

func (f *fixture) wantLabels(when string, want ...string) {
	f.t.Helper()
	if d := cmp.Diff(want, f.labels()); d != "" {
		f.t.Errorf("%s: labels (-want +got):\n%s", when, d)
	}
}

// refresh has time pass until the controller is read again, and settles.
func (c *cluster) refresh() {
	c.f.t.Helper()
	c.f.pass(2 * refreshEvery)
	c.settle()
}

func clusterMarker(cluster string) []any {
	return []any{map[string]any{"key": "clustername", "values": []any{cluster}}}
}

// make creates an object in tenant team as another program would, and returns
// its UUID; unmake deletes it.
func (f *fixture) make(typ string, body map[string]any) string {
	f.t.Helper()
	ctl, _ := f.ctl.(controller)
	body["cloud_ref"] = "/api/cloud?name=Default-Cloud"
	made, err := ctl.Create(context.Background(), "team", typ, body)
	if err != nil {
		f.t.Fatal(err)
	}
	uuid, _ := made["uuid"].(string)
	return uuid
}

func (f *fixture) unmake(typ, uuid string) {
	f.t.Helper()
	ctl, _ := f.ctl.(controller)
	if err := ctl.Delete(context.Background(), "team", typ, uuid); err != nil {
		f.t.Fatal(err)
	}
}

// edit changes a shared object as a person would.
func (f *fixture) edit(typ, name string, change func(body map[string]any)) {
	f.t.Helper()
	ctl, _ := f.ctl.(controller)
	ctx := context.Background()
	list, err := ctl.List(ctx, "admin", typ, url.Values{"name": {name}, "cloud_ref.name": {"Default-Cloud"}})
	if err != nil || len(list) != 1 {
		f.t.Fatalf("%s %s: %d, %v", typ, name, len(list), err)
	}
	body := maps.Clone(list[0])
	delete(body, "url")
	change(body)
	uuid, _ := body["uuid"].(string)
	if _, err := ctl.Update(ctx, "admin", typ, uuid, body); err != nil {
		f.t.Fatal(err)
	}
}

// A cluster that gets another service-engine group takes its label along: from
// the former group once nothing of the cluster's is on it, also when the hub has
// started in between. Another cluster's label stays, whatever its name.
func TestFormerGroupIsLeft(t *testing.T) {
	f := start(t)
	w := sites(1, 1)
	w.node(1, "192.168.10.11")
	f.up(withRoutes("prod", "Default-Group"), w)
	other := sites(0, 0)
	other.node(2, "192.168.20.11")
	f.up(withRoutes("prod-2", "seg-silver"), other)
	f.wantLabels("at first", "Default-Group: clustername=prod", "seg-silver: clustername=prod-2")

	f.restart()
	c := f.up(withRoutes("prod", "seg-gold"), w)
	f.up(withRoutes("prod-2", "seg-silver"), other)
	f.pass(formerSoon)
	c.settle()
	f.wantLabels("with another group", "seg-gold: clustername=prod", "seg-silver: clustername=prod-2")
	f.wantRoutes("with another group", "prod-2: 10.244.2.0 via 192.168.20.11", "prod: 10.244.1.0 via 192.168.10.11")
	f.writes()
	c.refresh()
	f.noWrites("afterwards")
}

// As long as something of the cluster's is on a group, by whatever program, the
// label stays; so it does in other modes than enforce.
func TestFormerGroupInUse(t *testing.T) {
	f := start(t)
	w := sites(1, 1)
	w.node(1, "192.168.10.11")
	c := f.up(withRoutes("prod", "Default-Group"), w)
	const gw = "ako-gw-prod--default-gw"
	f.make("vsvip", map[string]any{"name": gw, "vip": []any{map[string]any{"vip_id": "0", "auto_allocate_ip": true}}})
	vs := f.make("virtualservice", map[string]any{
		"name": gw, "created_by": "ako-gw-prod", "markers": clusterMarker("prod"), "services": []any{map[string]any{"port": 80}},
		"vsvip_ref": "/api/vsvip?name=" + gw, "se_group_ref": "/api/serviceenginegroup?name=Default-Group",
	})
	if err := f.manager.Register(withRoutes("prod", "seg-gold")); err != nil {
		t.Fatal(err)
	}
	c.settle()
	c.refresh()
	f.wantLabels("in use", "Default-Group: clustername=prod", "seg-gold: clustername=prod")

	f.unmake("virtualservice", vs)
	for _, mode := range []v1alpha1.Mode{v1alpha1.ModeCreateOnly, v1alpha1.ModeFrozen, v1alpha1.ModeObserve} {
		if err := f.manager.Register(withRoutes("prod", "seg-gold", func(r *v1alpha1.Cluster) { r.Spec.Mode = mode })); err != nil {
			t.Fatal(err)
		}
		_ = c.try()
		c.f.pass(2 * refreshEvery)
		_ = c.try()
		f.wantLabels("in mode "+string(mode), "Default-Group: clustername=prod", "seg-gold: clustername=prod")
	}
	if err := f.manager.Register(withRoutes("prod", "seg-gold")); err != nil {
		t.Fatal(err)
	}
	c.settle()
	c.refresh()
	f.wantLabels("no longer in use", "seg-gold: clustername=prod")
}

// What is on a group in a namespace's tenant counts, too, where the hub may not ask
// in all tenants at once.
func TestFormerGroupInUseInANamespacesTenant(t *testing.T) {
	f := start(t, "team", "a")
	w := sites(0, 1)
	w.node(1, "192.168.10.11")
	w.namespace("default", "a")
	blind := avisim.Fault{Tenant: "*", Status: http.StatusForbidden, Body: "You do not have permission to perform this action."}
	f.sim.Inject(blind)
	c := f.up(withRoutes("prod", "Default-Group"), w)
	f.sim.Inject(avisim.Fault{Method: http.MethodPut, Type: typeVirtualService, Status: http.StatusInternalServerError, Body: "not now"})
	if err := f.manager.Register(withRoutes("prod", "seg-gold")); err != nil {
		t.Fatal(err)
	}
	_ = c.try()
	f.pass(2 * refreshEvery)
	_ = c.try()
	f.wantLabels("in use", "Default-Group: clustername=prod", "seg-gold: clustername=prod")
	f.sim.ClearFaults()
	f.sim.Inject(blind)
	for range 3 {
		f.pass(2 * refreshEvery)
		_ = c.try()
	}
	f.wantLabels("no longer in use", "seg-gold: clustername=prod")
}

// The static routes go from the VRF context that the cluster has left: those
// that are its own by label and by number. All others stay, and so do its own as
// long as pools are there.
func TestFormerVRFIsLeft(t *testing.T) {
	f := start(t)
	w := sites(0, 1)
	w.node(1, "192.168.10.11")
	inVRF := func(vrf, network string) func(*v1alpha1.Cluster) {
		return func(r *v1alpha1.Cluster) {
			r.Spec.VRF, r.Spec.Network.VIPNetworks = vrf, []v1alpha1.VIPNetwork{{Name: network}}
		}
	}
	c := f.up(withRoutes("prod", "Default-Group"), w)
	other := sites(0, 0)
	other.node(2, "192.168.20.11")
	d := f.up(withRoutes("prod-2", "seg-gold"), other)
	f.edit("vrfcontext", "global", func(body map[string]any) {
		routes, _ := body["static_routes"].([]any)
		addr := func(a string) map[string]any { return map[string]any{"addr": a, "type": "V4"} }
		for id, a := range map[string]string{"by-hand": "10.1.0.0", "prod-by-hand": "10.2.0.0"} {
			routes = append(routes, map[string]any{
				"route_id": id, "prefix": map[string]any{"ip_addr": addr(a), "mask": 24}, "next_hop": addr("192.168.1.1"),
				"labels": []any{map[string]any{"key": "clustername", "value": strings.TrimSuffix(id, "-by-hand")}},
			})
		}
		body["static_routes"] = routes
	})
	foreign := []string{"by-hand: 10.1.0.0 via 192.168.1.1", "prod-2: 10.244.2.0 via 192.168.20.11"}
	want := func(more ...string) []string {
		return slices.Sorted(slices.Values(append(slices.Clone(foreign), more...)))
	}

	// Another program of the cluster's has a pool there, a neighbour has one, too.
	pool := f.make("pool", map[string]any{"name": "ako-gw-prod--p", "created_by": "ako-gw-prod", "markers": clusterMarker("prod"), "vrf_ref": "/api/vrfcontext?name=global"})
	f.make("pool", map[string]any{"name": "prod-3--p", "created_by": "ako-prod-3", "markers": clusterMarker("prod-3"), "vrf_ref": "/api/vrfcontext?name=global"})
	if err := f.manager.Register(withRoutes("prod", "Default-Group", inVRF("blue", "vip-net-blue"))); err != nil {
		t.Fatal(err)
	}
	_ = c.try()
	f.pass(2 * refreshEvery)
	_ = c.try()
	f.wantRoutes("in use", want("prod: 10.2.0.0 via 192.168.1.1", "prod: 10.244.1.0 via 192.168.10.11", "prod: 10.244.1.0 via 192.168.10.11")...)

	f.unmake("pool", pool)
	f.pass(2 * refreshEvery)
	_ = c.try()
	f.wantRoutes("left", want("prod: 10.2.0.0 via 192.168.1.1", "prod: 10.244.1.0 via 192.168.10.11")...)
	f.writes()
	c.refresh()
	d.refresh()
	f.noWrites("afterwards")
}

// Offboarding takes the marks of the cluster from wherever they are.
func TestOffboardFormerPlaces(t *testing.T) {
	f := start(t)
	w := sites(0, 1)
	w.node(1, "192.168.10.11")
	f.up(withRoutes("prod", "Default-Group"), w)
	other := sites(0, 0)
	other.node(2, "192.168.20.11")
	f.up(withRoutes("prod-2", "seg-silver"), other)
	f.restart()
	c := f.up(withRoutes("prod", "seg-gold", func(r *v1alpha1.Cluster) {
		r.Spec.Mode, r.Spec.VRF = v1alpha1.ModeFrozen, "blue"
		r.Spec.Network.VIPNetworks = []v1alpha1.VIPNetwork{{Name: "vip-net-blue"}}
	}), w)
	out, err := f.manager.Offboard(context.Background(), "prod", true)
	if err != nil || len(out.Failures) > 0 || len(out.Left) > 0 {
		t.Fatalf("offboarding: %v, failed %v, left %v", err, out.Failures, out.Left)
	}
	_ = c.try()
	f.wantLabels("offboarded", "seg-silver: clustername=prod-2")
	f.wantRoutes("offboarded", "prod-2: 10.244.2.0 via 192.168.20.11")
}

// A secondary instance of a cluster has the cluster's label on a group of its
// own, which the primary one leaves alone, and the other way round.
func TestGroupOfAnotherInstance(t *testing.T) {
	f := start(t)
	w := sites(0, 1)
	w.node(1, "192.168.10.11")
	c := f.up(withRoutes("prod", "Default-Group"), w)
	second := withRoutes("prod-two", "seg-gold", func(r *v1alpha1.Cluster) {
		r.Spec.Naming.ClusterName, r.Spec.Naming.SecondaryNamespace = "prod", "avi-two"
	})
	d := f.up(second, sites(0, 0))
	f.writes()
	for range 3 {
		c.refresh()
		d.refresh()
	}
	f.noWrites("beside each other")
	second.Spec.Mode = v1alpha1.ModeFrozen
	if err := f.manager.Register(second); err != nil {
		t.Fatal(err)
	}
	_ = d.try()
	if out, err := f.manager.Offboard(context.Background(), "prod-two", true); err != nil || len(out.Failures) > 0 {
		t.Errorf("offboarding the other: %v, %v", err, out.Failures)
	}
	f.wantRoutes("the other has gone", "prod: 10.244.1.0 via 192.168.10.11")
	f.wantLabels("beside each other", "Default-Group: clustername=prod", "seg-gold: clustername=prod")
}
