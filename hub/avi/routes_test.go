package avi

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/avisim"
)

// routesEdit wants routes 10.NET.0.0/24 to 10.NET.(n-1).0/24 for a cluster.
func routesEdit(cluster string, net, n int) translate.Edit {
	r := &translate.Routes{Cluster: cluster}
	for i := range n {
		r.Routes = append(r.Routes, translate.StaticRoute{
			ID:      fmt.Sprintf("%s-00000000-0000-8000-8000-0000000000%02d-0", cluster, i),
			Prefix:  netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", net, i)),
			NextHop: netip.MustParseAddr(fmt.Sprintf("192.168.%d.%d", net, i+1)),
		})
	}
	return translate.Edit{Key: translate.Key{Tenant: "admin", Type: "vrfcontext", Name: "global"}, Cloud: "Default-Cloud", Routes: r}
}

func editPlan(cluster string, edit translate.Edit, have *plan.Observed) plan.Plan {
	in := plan.Input{Cluster: cluster, CreatedBy: "ako-" + cluster, Mode: plan.ModeEnforce, Edits: []translate.Edit{edit}}
	if have != nil {
		in.Observed = map[plan.Key]*plan.Observed{have.Key: have}
	}
	return plan.Compute(in)
}

// prefixes are those of the static routes of a VRF context, by cluster.
func (f *fixture) prefixes(t *testing.T) map[string][]string {
	t.Helper()
	vrf, err := f.client.VRFContext(testContext(t), "admin", "Default-Cloud", "global")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	list, _ := vrf.Body["static_routes"].([]any)
	for _, e := range list {
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			Labels []struct{ Value string }
			Prefix struct {
				IP   struct{ Addr string } `json:"ip_addr"`
				Mask int
			}
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		owner := ""
		if len(r.Labels) > 0 {
			owner = r.Labels[0].Value
		}
		out[owner] = append(out[owner], fmt.Sprintf("%s/%d", r.Prefix.IP.Addr, r.Prefix.Mask))
	}
	for _, p := range out {
		slices.Sort(p)
	}
	return out
}

func wantPrefixes(net, n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("10.%d.%d.0/24", net, i))
	}
	slices.Sort(out)
	return out
}

// Clusters of several hubs write the static routes of one VRF context at once,
// again and again: each write is a whole object, and none may undo another's.
func TestRoutesOfManyClusters(t *testing.T) {
	f := start(t, nil)
	const writes = 8
	clusters := []string{"prod", "prod-2", "prod-2-b"}
	var wg sync.WaitGroup
	for i, cluster := range clusters {
		client := f.client
		if i > 0 { // a hub of its own: nothing but the version keeps them apart
			client = f.newClient(t, nil)
		}
		wg.Go(func() {
			for n := 1; n <= writes; n++ {
				for try := 0; ; try++ {
					r := client.Apply(testContext(t), editPlan(cluster, routesEdit(cluster, i+1, n), nil), nil)[0]
					if r.Err == nil {
						break
					}
					// As the hub does it: what lost too often is tried again.
					if !IsClass(r.Err, Precondition) || try > 20 {
						t.Errorf("cluster %s, write %d: %v", cluster, n, r.Err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	want := map[string][]string{}
	for i, cluster := range clusters {
		want[cluster] = wantPrefixes(i+1, writes)
	}
	if d := cmp.Diff(want, f.prefixes(t)); d != "" {
		t.Errorf("routes (-want +got):\n%s", d)
	}

	// One leaves; a start of another finds nothing to do.
	f.apply(t, editPlan("prod", routesEdit("prod", 1, 0), nil))
	delete(want, "prod")
	if d := cmp.Diff(want, f.prefixes(t)); d != "" {
		t.Errorf("routes after prod has left (-want +got):\n%s", d)
	}
	vrf, err := f.client.VRFContext(testContext(t), testTenant, "Default-Cloud", "global")
	if err != nil || vrf.Key.Tenant != "admin" {
		t.Fatalf("the VRF context is %+v, %v", vrf, err)
	}
	if p := editPlan("prod-2", routesEdit("prod-2", 2, writes), vrf); !p.Empty() {
		t.Errorf("a restart has something to write: %+v", p.Redacted())
	}
}

// In a tenant that keeps service engines to itself, labels and routes go to its
// own group and VRF context (l4-infra.md §3.5).
func TestRoutesInOwnTenant(t *testing.T) {
	f := start(t, nil)
	ctx := testContext(t)
	if err := f.client.EnsureTenant(ctx, "own", true, TenantFlags{VRF: true}); err != nil {
		t.Fatal(err)
	}
	vrf, err := f.client.VRFContext(ctx, "own", "Default-Cloud", "global")
	if err != nil {
		t.Fatal(err)
	}
	if vrf.Key.Tenant != "own" {
		t.Fatalf("the VRF context found is that of %q, not the tenant's own", vrf.Key.Tenant)
	}
	edit := routesEdit("prod", 1, 2)
	edit.Key = vrf.Key
	f.apply(t, editPlan("prod", edit, vrf))
	if got := f.prefixes(t); len(got) != 0 {
		t.Errorf("tenant admin's VRF context has routes: %v", got)
	}
	now, err := f.client.VRFContext(ctx, "own", "Default-Cloud", "global")
	if err != nil {
		t.Fatal(err)
	}
	if p := editPlan("prod", edit, now); !p.Empty() {
		t.Errorf("the routes aren't there: %+v", p.Redacted())
	}
}

func TestVRFContextMissing(t *testing.T) {
	f := start(t, nil)
	_, err := f.client.VRFContext(testContext(t), testTenant, "Default-Cloud", "none")
	if !IsClass(err, NotFound) || !strings.Contains(err.Error(), `"none"`) && !strings.Contains(err.Error(), "none") {
		t.Errorf("error %v, want one that names the VRF context", err)
	}
}

// A user who may not write in tenant admin cannot keep routes there: that is
// the edit's own failure.
func TestRoutesRefused(t *testing.T) {
	f := start(t, nil)
	f.sim.Inject(avisim.Fault{Method: "PUT", Type: "vrfcontext", Times: 1, Status: 403, Body: `{"error": "User lacks permission to write VrfContext"}`})
	r := f.client.Apply(testContext(t), editPlan("prod", routesEdit("prod", 1, 1), nil), nil)[0]
	if r.Err == nil || !strings.Contains(r.Err.Error(), "permission") {
		t.Errorf("result %+v", r)
	}
}
