package avi

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/avisim"
)

// labelEdit wants a cluster's label on a service-engine group.
func labelEdit(cluster, group string) translate.Edit {
	return translate.Edit{
		Key: translate.Key{Tenant: "admin", Type: "serviceenginegroup", Name: group}, Cloud: "Default-Cloud",
		Labels: map[string]string{"clustername": cluster},
	}
}

// A cluster's marks are found wherever they are in its cloud, by its whole name.
func TestMarked(t *testing.T) {
	f := start(t, nil)
	ctx := testContext(t)
	blue := routesEdit("prod", 3, 1)
	blue.Key.Name = "blue"
	for _, e := range []translate.Edit{labelEdit("prod", "seg-gold"), labelEdit("prod-2", "seg-silver"), routesEdit("prod-2", 1, 2), blue} {
		f.apply(t, editPlan(e.Labels["clustername"]+"x", e, nil))
	}
	marked := func(cluster string, except ...plan.Key) (out []string) {
		t.Helper()
		list, err := f.client.Marked(ctx, MarkedRequest{Tenant: testTenant, Cloud: "Default-Cloud", Cluster: cluster, Except: except})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			out = append(out, fmt.Sprintf("%s/%s %v", m.Key.Type, m.Key.Name, m.Used))
		}
		return out
	}
	for cluster, want := range map[string][]string{
		"prod":   {"serviceenginegroup/seg-gold false", "vrfcontext/blue false"},
		"prod-2": {"serviceenginegroup/seg-silver false", "vrfcontext/global false"},
		"pro":    nil,
	} {
		if d := cmp.Diff(want, marked(cluster)); d != "" {
			t.Errorf("%s (-want +got):\n%s", cluster, d)
		}
	}
	if d := cmp.Diff([]string{"serviceenginegroup/seg-gold false"}, marked("prod", blue.Key)); d != "" {
		t.Errorf("without the one that belongs (-want +got):\n%s", d)
	}

	// Who uses them, is told by markers, and where there are none by the maker.
	pool := func(name, vrf, createdBy string, markers []any) {
		body := map[string]any{"name": name, "cloud_ref": cloudRef, "vrf_ref": "/api/vrfcontext?name=" + vrf, "created_by": createdBy}
		if markers != nil {
			body["markers"] = markers
		}
		if _, err := f.client.Create(ctx, testTenant, "pool", body); err != nil {
			t.Fatal(err)
		}
	}
	of := func(cluster string) []any {
		return []any{map[string]any{"key": "clustername", "values": []any{cluster}}}
	}
	pool("prod-2--a", "blue", "ako-prod-2", of("prod-2"))
	if got := marked("prod"); slices.Contains(got, "vrfcontext/blue true") {
		t.Errorf("used by another: %v", got)
	}
	pool("prod--c", "global", "ako-prod-avi-two", of("prod"))
	if d := cmp.Diff([]string{"serviceenginegroup/seg-gold true", "vrfcontext/blue false"}, marked("prod")); d != "" {
		t.Errorf("beside a secondary instance (-want +got):\n%s", d)
	}
	pool("ako-gw-prod--b", "blue", "ako-gw-prod", nil)
	if got := marked("prod"); !slices.Contains(got, "vrfcontext/blue true") {
		t.Errorf("used by another program: %v", got)
	}
}

// Where the user may not ask in all tenants, its own and admin are asked.
func TestMarkedInSomeTenants(t *testing.T) {
	f := start(t, nil)
	f.apply(t, editPlan("prod", labelEdit("prod", "seg-gold"), nil))
	for _, dedicated := range []bool{false, true} {
		f.sim.ResetRequests()
		f.sim.ClearFaults()
		f.sim.Inject(avisim.Fault{Tenant: "*", Status: 403, Body: `{"error": "no access to all tenants"}`})
		list, err := f.client.Marked(testContext(t), MarkedRequest{Tenant: testTenant, Cloud: "Default-Cloud", Cluster: "prod", OwnTenantOnly: dedicated})
		if err != nil || len(list) != 1 || list[0].Key.Tenant != "admin" {
			t.Errorf("dedicated %v: %+v, %v", dedicated, list, err)
		}
		asked := map[string]bool{}
		for _, r := range f.sim.Requests() {
			asked[r.Tenant] = true
		}
		if asked["*"] == dedicated || asked["admin"] == dedicated {
			t.Errorf("dedicated %v: asked in %v", dedicated, asked)
		}
	}
}

// The clusters of a cloud share what was found out; edits of our own are noted at
// once, others' a while later.
func TestMarksAreShared(t *testing.T) {
	f := start(t, nil)
	ctx := testContext(t)
	ask := func(cluster string) int {
		t.Helper()
		list, err := f.client.Marked(ctx, MarkedRequest{Tenant: testTenant, Cloud: "Default-Cloud", Cluster: cluster})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	ask("prod")
	f.sim.ResetRequests()
	for i := range 20 {
		ask(fmt.Sprint("prod-", i))
	}
	if n := len(f.sim.Requests()); n != 0 {
		t.Errorf("%d requests for what was known", n)
	}
	f.apply(t, editPlan("x", labelEdit("prod", "seg-gold"), nil))
	f.apply(t, editPlan("x", routesEdit("prod", 1, 1), nil))
	if n := ask("prod"); n != 2 {
		t.Errorf("%d marks, two were made", n)
	}
	other := f.newClient(t, nil)
	w := &writer{client: other}
	if _, err := w.edit(ctx, labelEdit("prod", "seg-silver")); err != nil {
		t.Fatal(err)
	}
	f.client.marks.mu.Lock()
	for _, x := range f.client.marks.scopes {
		x.read = x.read.Add(-2 * marksFor)
	}
	f.client.marks.mu.Unlock()
	if n := ask("prod"); n != 3 {
		t.Errorf("%d marks, another hub made a third", n)
	}
}

// A VRF context is in use by what its tier-1 router serves.
func TestMarkedByTier1(t *testing.T) {
	f := start(t, nil)
	ctx := testContext(t)
	e := routesEdit("prod", 1, 1)
	e.Key.Name, e.Cloud = "t1-east", "nsxt-cloud"
	f.apply(t, editPlan("prod", e, nil))
	if _, err := f.client.Create(ctx, testTenant, "pool", map[string]any{
		"name": "prod--p", "created_by": "ako-prod", "cloud_ref": "/api/cloud?name=nsxt-cloud", "tier1_lr": "/infra/tier-1s/t1-east",
	}); err != nil {
		t.Fatal(err)
	}
	list, err := f.client.Marked(ctx, MarkedRequest{Tenant: testTenant, Cloud: "nsxt-cloud", Cluster: "prod"})
	if err != nil || len(list) != 1 || !list[0].Used {
		t.Errorf("marked: %+v, %v", list, err)
	}
}

// What is to be taken from a tenant's own object is not taken from one of the
// same name in admin, which the tenant sees as well.
func TestLeavingIsExact(t *testing.T) {
	f := start(t, nil)
	f.apply(t, editPlan("prod", labelEdit("prod", "seg-gold"), nil))
	leave := translate.Leaving(&translate.Settings{ClusterName: "prod", Cloud: "Default-Cloud"},
		translate.Key{Tenant: testTenant, Type: "serviceenginegroup", Name: "seg-gold"})
	w := &writer{client: f.client}
	if _, err := w.edit(testContext(t), leave); !IsClass(err, NotFound) || w.wrote {
		t.Errorf("leaving what isn't there: %v, wrote %v", err, w.wrote)
	}
	leave.Key.Tenant = "admin"
	if _, err := w.edit(testContext(t), leave); err != nil || !w.wrote {
		t.Errorf("leaving what is there: %v, wrote %v", err, w.wrote)
	}
}
