package avi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/avisim"
)

func TestFacts(t *testing.T) {
	f := start(t, nil)
	got, err := f.client.Facts(testContext(t), FactsRequest{
		Tenant: testTenant, Cloud: "Default-Cloud", SEGroup: "seg-gold", VIPNetworks: []NetworkName{{Name: "vip-net-blue"}, {Name: "vip-net"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Facts{
		Version: "30.2.1", ClusterState: "CLUSTER_UP_NO_HA", CloudType: "CLOUD_VCENTER", CloudTenant: "admin",
		IPAMProfile: "Default-Cloud-ipam", IPAMType: "IPAMDNS_TYPE_INTERNAL", DNSProfile: "Default-Cloud-dns", Domains: []string{"apps.example.test", "avi.internal"}, NetworkVRF: "blue",
	}
	ignore := cmpopts.IgnoreFields(Facts{}, "ClusterUUID", "CloudUUID", "IPAMUUID", "SEGroup", "LicenseTier")
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if got.ClusterUUID == "" || got.CloudUUID == "" || got.LicenseTier == "" || got.SEGroup == nil || got.SEGroup.Key.Tenant != "admin" {
		t.Errorf("facts are missing: %+v", got)
	}
}

func TestFactsOfTier1(t *testing.T) {
	f := start(t, nil)
	got, err := f.client.Facts(testContext(t), FactsRequest{Tenant: "admin", Cloud: "nsxt-cloud", Tier1: "/infra/tier-1s/t1-east"})
	if err != nil || got.Tier1VRF != "t1-east" {
		t.Errorf("Tier1VRF = %q, %v; want t1-east", got.Tier1VRF, err)
	}
}

func TestFactsNameWhatIsMissing(t *testing.T) {
	f := start(t, nil)
	for name, r := range map[string]FactsRequest{
		"cloud":    {Tenant: testTenant, Cloud: "nowhere"},
		"SE group": {Tenant: testTenant, Cloud: "Default-Cloud", SEGroup: "none"},
		"network":  {Tenant: testTenant, Cloud: "Default-Cloud", VIPNetworks: []NetworkName{{Name: "none"}}},
		"VRF":      {Tenant: testTenant, Cloud: "Default-Cloud", VRF: "none"},
		"network in the VRF": {
			Tenant: testTenant, Cloud: "Default-Cloud", VRF: "blue", VIPNetworks: []NetworkName{{Name: "vip-net"}},
		},
	} {
		if _, err := f.client.Facts(testContext(t), r); ClassOf(err) != NotFound {
			t.Errorf("%s: %v, want it not found", name, err)
		}
	}
}

// A VRF context that a cloud has no use for need not be there (l4-infra.md
// §2.11).
func TestFactsWithoutUseForVRF(t *testing.T) {
	f := start(t, nil)
	if _, err := f.client.Facts(testContext(t), FactsRequest{Tenant: testTenant, Cloud: "aws-cloud", VRF: "none"}); err != nil {
		t.Error(err)
	}
}

func TestEnsureTenant(t *testing.T) {
	f := start(t, nil)
	ctx := testContext(t)
	if err := f.client.EnsureTenant(ctx, "new", false, TenantFlags{}); ClassOf(err) != NoTenant {
		t.Errorf("without leave to create: %v", err)
	}
	f.sim.Inject(avisim.Fault{Method: "POST", Type: "tenant", DropAfterCommit: true, Times: 1})
	for range 2 {
		if err := f.client.EnsureTenant(ctx, "new", true, TenantFlags{SEInProviderContext: true, AccessToProviderSE: true}); err != nil {
			t.Fatal(err)
		}
	}
	if w := writes(f.sim); len(w) != 1 {
		t.Errorf("writes %v, want one", w)
	}
	if _, err := f.client.Inventory(ctx, "new", testCluster, testCreatedBy); err != nil {
		t.Errorf("the tenant can't be used: %v", err)
	}
}

// Whose an object is, is a matter of exact markers: names that contain another
// cluster's prefix, and clusters whose names are prefixes of others, stay apart.
func TestInventoryIsExact(t *testing.T) {
	f := start(t, nil)
	ctx := testContext(t)
	marker := func(cluster string) []any {
		return []any{map[string]any{"key": "clustername", "values": []any{cluster}}}
	}
	create := func(typ, name, createdBy, markedBy string) {
		body := map[string]any{"name": name}
		if markedBy != "" {
			body["markers"] = marker(markedBy)
		}
		if createdBy != "" {
			body["created_by"] = createdBy
		}
		if typ != "stringgroup" {
			body["cloud_ref"] = cloudRef
		}
		if _, err := f.client.Create(ctx, testTenant, typ, body); err != nil {
			t.Fatal(err)
		}
	}
	create("vsvip", "cluster1--a", "", "cluster1")
	create("vsvip", "cluster1--unmarked", "", "")
	create("vsvip", "my-cluster1--a", "", "my-cluster1")
	create("vsvip", "ako-gw-cluster1--a", "", "cluster1") // the gateway program's
	create("pool", "cluster1--p", "ako-cluster1", "")
	create("pool", "cluster1--q", "ako-cluster1-ns", "cluster1")
	create("pool", "cluster10--p", "ako-cluster10", "cluster10")
	got := map[string]bool{}
	for k := range f.inventory(t, f.client) {
		got[k.Type+"/"+k.Name] = true
	}
	if diff := cmp.Diff(map[string]bool{"vsvip/cluster1--a": true, "pool/cluster1--p": true}, got); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
}

func TestInventoryFailsClosed(t *testing.T) {
	f := start(t, nil)
	f.apply(t, plan.Compute(input(nil, l4(t, "web", "10.0.0.1"))))
	f.sim.Inject(avisim.Fault{Method: "GET", Type: "pool", Status: 403, Body: "no"})
	if inv, err := f.client.Inventory(testContext(t), testTenant, testCluster, testCreatedBy); err == nil || inv != nil {
		t.Errorf("Inventory = %d objects, %v; want an error and nothing", len(inv), err)
	}
}

// A tenant with service engines of its own has a Default-Group beside admin's.
func TestFactsPreferTheTenantsOwn(t *testing.T) {
	f := start(t, nil)
	ctx := testContext(t)
	if err := f.client.EnsureTenant(ctx, "own", true, TenantFlags{VRF: true}); err != nil {
		t.Fatal(err)
	}
	got, err := f.client.Facts(ctx, FactsRequest{Tenant: "own", Cloud: "Default-Cloud", SEGroup: "Default-Group"})
	if err != nil || got.SEGroup.Key.Tenant != "own" {
		t.Errorf("the SE group is %+v, %v; want the tenant's own", got.SEGroup, err)
	}
}
