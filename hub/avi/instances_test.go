package avi

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
)

// instance makes a virtual service of an instance of AKO for a cluster, with its
// VIP; without an owner only the VIP.
func (f *fixture) instance(t *testing.T, cluster, name, createdBy string) {
	t.Helper()
	markers := []any{map[string]any{"key": "clustername", "values": []any{cluster}}}
	vip := map[string]any{"name": name, "cloud_ref": cloudRef, "markers": markers}
	if _, err := f.client.Create(testContext(t), testTenant, "vsvip", vip); err != nil {
		t.Fatal(err)
	}
	if createdBy == "" {
		return
	}
	vs := map[string]any{
		"name": name, "cloud_ref": cloudRef, "markers": markers, "created_by": createdBy, "vsvip_ref": "/api/vsvip/?name=" + name,
		"services": []any{map[string]any{"port": 80}},
	}
	if _, err := f.client.Create(testContext(t), testTenant, "virtualservice", vs); err != nil {
		t.Fatal(err)
	}
}

// vips returns the VIPs that an instance takes for its own.
func (f *fixture) vips(t *testing.T, cluster, createdBy string) []string {
	t.Helper()
	all, err := f.client.Inventory(testContext(t), testTenant, cluster, createdBy)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for k := range all {
		if k.Type == typeVsVip {
			out = append(out, k.Name)
		}
	}
	slices.Sort(out)
	return out
}

// A VIP is that of the instance whose virtual service has it. One that none has
// is nobody's, unless its name says whose, or there is no other instance.
func TestInventoryOfInstances(t *testing.T) {
	f := start(t, nil)
	f.instance(t, "c", "c--red-web", "ako-c")
	f.instance(t, "c", "c--red-loose", "")
	if got := f.vips(t, "c", "ako-c"); !cmp.Equal(got, []string{"c--red-loose", "c--red-web"}) {
		t.Errorf("alone, the primary has %v", got)
	}
	f.instance(t, "c", "c--blue-web", "ako-c-two")
	f.instance(t, "c", "c--blue-loose", "")
	f.instance(t, "c", "c--Shared-L7-0", "")
	f.instance(t, "c", "c--two-Shared-L7-0", "")
	f.instance(t, "c", "c--three-Shared-L7-0", "ako-c-three")
	f.instance(t, "c-two", "c-two--red-web", "ako-c-two") // a cluster of this name
	for _, tt := range []struct {
		cluster, createdBy string
		want               []string
	}{
		{"c", "ako-c", []string{"c--Shared-L7-0", "c--red-web"}},
		{"c", "ako-c-two", []string{"c--blue-web", "c--two-Shared-L7-0"}},
		{"c", "ako-c-three", []string{"c--three-Shared-L7-0"}},
		{"c-two", "ako-c-two", []string{"c-two--red-web"}},
	} {
		if d := cmp.Diff(tt.want, f.vips(t, tt.cluster, tt.createdBy)); d != "" {
			t.Errorf("%s of cluster %s (-want +got):\n%s", tt.createdBy, tt.cluster, d)
		}
	}
}

// A name that is taken by a VIP which another instance uses is taken; one that
// nobody uses is adopted.
func TestCreateBesideAnotherInstance(t *testing.T) {
	f := start(t, nil)
	f.instance(t, testCluster, "cluster1--red-web", testCreatedBy+"-two")
	f.instance(t, testCluster, "cluster1--red-loose", "")
	for name, want := range map[string]Class{"cluster1--red-web": Conflict, "cluster1--red-loose": ""} {
		body := map[string]any{"name": name, "cloud_ref": cloudRef, "markers": []any{map[string]any{"key": "clustername", "values": []any{testCluster}}}}
		w := &writer{client: f.client, cluster: testCluster, createdBy: testCreatedBy}
		_, err := w.create(testContext(t), &desired.Object{Key: plan.Key{Tenant: testTenant, Type: typeVsVip, Name: name}, Body: body, Hash: "x"})
		if ClassOf(err) != want {
			t.Errorf("%s: %v, want class %q", name, err, want)
		}
	}
}
