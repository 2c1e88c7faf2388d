package avi

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/akohub/akohub/pkg/avisim"
)

// Of networks that share a name the one is taken that has the subnets asked for,
// else one that the service engines reach, else one with addresses.
func TestPickNetwork(t *testing.T) {
	var list []map[string]any
	err := json.Unmarshal([]byte(`[
		{"uuid": "none"},
		{"uuid": "a", "configured_subnets": [{"prefix": {"ip_addr": {"addr": "10.1.0.0"}, "mask": 16}}]},
		{"uuid": "b", "configured_subnets": [{"prefix": {"ip_addr": {"addr": "10.2.0.0"}, "mask": 16}}, {"prefix": {"ip_addr": {"addr": "2001:db8::"}, "mask": 64}}]}
	]`), &list)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		cidrs []string
		want  any
	}{
		{nil, nil},
		{[]string{"10.2.0.0/16"}, "b"},
		{[]string{"10.2.0.0/16", "2001:db8::/64"}, "b"},
		{[]string{"10.1.0.0/16", "2001:db8::/64"}, nil},
		{[]string{"10.9.0.0/16"}, nil},
	} {
		if got := withSubnets(list, tt.cidrs)["uuid"]; got != tt.want {
			t.Errorf("with %v: %v, want %v", tt.cidrs, got, tt.want)
		}
	}
	for _, tt := range []struct {
		shared []int
		want   string
	}{
		{[]int{0, 0, 0}, "a"},    // nothing known of hosts: the first that has addresses
		{[]int{0, 0, 1}, "b"},    // reached
		{[]int{0, 1, 2}, "b"},    // reached best
		{[]int{5, 1, 1}, "a"},    // of those reached, the first that has addresses
		{[]int{1, 0, 0}, "none"}, // reached, if without addresses of its own
	} {
		if got := pickNetwork(list, tt.shared)["uuid"]; got != tt.want {
			t.Errorf("hosts in common %v: %v, want %s", tt.shared, got, tt.want)
		}
	}
	if got := pickNetwork(list[:1], []int{0})["uuid"]; got != "none" {
		t.Errorf("without subnets: %v", got)
	}
}

const twinSeed = `
version: 30.2.1
user: {name: admin, password: sim-password}
clouds:
- name: Default-Cloud
  vtype: CLOUD_VCENTER
  vrfs: [blue]
  management: mgmt
  networks:
  - {name: mgmt, hosts: [esx-1, esx-2]}
  - {name: mgmt-gold, hosts: [esx-8, esx-9]}
  - {name: vips, v4: 10, hosts: [esx-3]}
  - {name: vips, v4: 20, hosts: [esx-1]}
  - {name: vips, v4: 30, hosts: [esx-2, esx-9]}
  - {name: vips, v4: 40, vrf: blue}
  - {name: once, v4: 50}
- name: vlans
  vtype: CLOUD_NSXT
  transportZone: VLAN
  ipam: INFOBLOX
  networks: [{name: segment, v4: 60}]
- name: bare
  vtype: CLOUD_NONE
  ipam: none
`

func startTwins(t *testing.T) (f *fixture, uuids map[string]string) {
	t.Helper()
	seed, err := avisim.ParseSeed([]byte(twinSeed))
	if err != nil {
		t.Fatal(err)
	}
	sim, err := avisim.New(avisim.Options{Seed: seed, Tenants: []string{testTenant}})
	if err != nil {
		t.Fatal(err)
	}
	f = serve(t, sim, nil)
	list, err := f.client.List(testContext(t), "admin", "network", nil)
	if err != nil {
		t.Fatal(err)
	}
	uuids = map[string]string{}
	for _, n := range list {
		name, _ := n["name"].(string)
		for _, p := range subnetsOf(n) {
			name = p.String()
		}
		uuids[name], _ = n["uuid"].(string)
	}
	return f, uuids
}

// Which of several networks of a name is meant (l4-infra.md §2.8); names that
// are unique stay names.
func TestNetworksOfOneName(t *testing.T) {
	f, uuids := startTwins(t)
	ctx := testContext(t)
	facts := func(change func(*FactsRequest)) Facts {
		t.Helper()
		r := FactsRequest{Tenant: testTenant, Cloud: "Default-Cloud", SEGroup: "seg-gold", VIPNetworks: []NetworkName{{Name: "vips"}}}
		change(&r)
		out, err := f.client.Facts(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	hostsAsked := func() int {
		return len(slices.DeleteFunc(f.sim.Requests(), func(r avisim.Request) bool { return !strings.Contains(r.Path, "vimgrnwruntime") }))
	}

	if got := facts(func(r *FactsRequest) { r.VIPNetworks[0].CIDRs = []string{"10.10.0.0/16"} }); got.NetworkUUIDs["vips"] != uuids["10.10.0.0/16"] {
		t.Errorf("by subnet: %v of %v", got.NetworkUUIDs, uuids)
	}
	if got := facts(func(r *FactsRequest) { r.VIPNetworks[0].Name = "once" }); len(got.NetworkUUIDs) != 0 {
		t.Errorf("a unique name: %v", got.NetworkUUIDs)
	}
	if got := facts(func(r *FactsRequest) { r.VRF = "blue" }); len(got.NetworkUUIDs) != 0 || got.NetworkVRF != "blue" {
		t.Errorf("the only one of the VRF context: %v in %q", got.NetworkUUIDs, got.NetworkVRF)
	}
	if n := hostsAsked(); n != 0 {
		t.Errorf("hosts were asked for %d times without need", n)
	}
	// The cloud's management network is on esx-1 and esx-2, so two are reached
	// alike: the first.
	if got := facts(func(*FactsRequest) {}); got.NetworkUUIDs["vips"] != uuids["10.20.0.0/16"] {
		t.Errorf("by the cloud's management network: %v of %v", got.NetworkUUIDs, uuids)
	}
	// The group's goes first: esx-8 and esx-9.
	group, err := f.client.find(ctx, "admin", "serviceenginegroup", url.Values{"name": {"seg-gold"}, "cloud_ref.name": {"Default-Cloud"}})
	if err != nil {
		t.Fatal(err)
	}
	body := maps.Clone(group)
	delete(body, "url")
	body["mgmt_network_ref"] = "/api/network/" + uuids["mgmt-gold"]
	if _, err := f.client.Update(ctx, "admin", "serviceenginegroup", group["uuid"].(string), body); err != nil {
		t.Fatal(err)
	}
	if got := facts(func(*FactsRequest) {}); got.NetworkUUIDs["vips"] != uuids["10.30.0.0/16"] {
		t.Errorf("by the group's management network: %v of %v", got.NetworkUUIDs, uuids)
	}
	// Node networks are resolved likewise.
	if got := facts(func(r *FactsRequest) {
		r.NodeNetworks = []NetworkName{{Name: "vips", CIDRs: []string{"192.168.1.0/24"}}, {Name: "once"}}
	}); len(got.NodeNetworkUUIDs) != 1 || got.NodeNetworkUUIDs["vips"] != uuids["10.30.0.0/16"] {
		t.Errorf("node networks: %v of %v", got.NodeNetworkUUIDs, uuids)
	}
	// Without the right to know the hosts, the first with addresses is taken.
	f.sim.Inject(avisim.Fault{Method: "GET", Type: "vimgrnwruntime", Status: 403, Body: `{"error": "no permission"}`})
	if got := facts(func(*FactsRequest) {}); got.NetworkUUIDs["vips"] != uuids["10.10.0.0/16"] {
		t.Errorf("hosts unknown: %v of %v", got.NetworkUUIDs, uuids)
	}
}

// Node networks must be there where service engines are placed by them, and
// nowhere else (l4-infra.md §2.6).
func TestNodeNetworksMustExist(t *testing.T) {
	f, _ := startTwins(t)
	for name, tt := range map[string]struct {
		r    FactsRequest
		want Class
	}{
		"vCenter":            {FactsRequest{Cloud: "Default-Cloud"}, NotFound},
		"NSX-T VLAN":         {FactsRequest{Cloud: "vlans"}, NotFound},
		"NSX-T with a tier1": {FactsRequest{Cloud: "vlans", Tier1: "/infra/tier-1s/x"}, ""},
		"no orchestrator":    {FactsRequest{Cloud: "bare"}, ""},
	} {
		tt.r.Tenant, tt.r.NodeNetworks = testTenant, []NetworkName{{Name: "nowhere"}}
		_, err := f.client.Facts(testContext(t), tt.r)
		if ClassOf(err) != tt.want {
			t.Errorf("%s: %v, want class %q", name, err, tt.want)
		}
		if tt.want != "" && !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("%s: %v doesn't name it", name, err)
		}
	}
}

// What kind of IPAM and of transport zone a cloud has.
func TestCloudFacts(t *testing.T) {
	f, _ := startTwins(t)
	for cloud, want := range map[string][3]string{
		"Default-Cloud": {"Default-Cloud-ipam", "IPAMDNS_TYPE_INTERNAL", ""},
		"vlans":         {"vlans-ipam", "IPAMDNS_TYPE_INFOBLOX", "VLAN"},
		"bare":          {"", "", ""},
	} {
		got, err := f.client.Facts(testContext(t), FactsRequest{Tenant: testTenant, Cloud: cloud})
		if err != nil || [3]string{got.IPAMProfile, got.IPAMType, got.TransportZone} != want {
			t.Errorf("%s: %q %q %q, %v; want %q", cloud, got.IPAMProfile, got.IPAMType, got.TransportZone, err, want)
		}
	}
}
