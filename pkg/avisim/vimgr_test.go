package avisim

import (
	"strings"
	"testing"
)

// vCenterSeed has three networks of one name in a vCenter, on different hosts.
const vCenterSeed = `
version: 30.2.1
user: {name: admin, password: sim-password}
clouds:
- name: Default-Cloud
  vtype: CLOUD_VCENTER
  management: mgmt
  networks:
  - {name: mgmt, hosts: [esx-1, esx-2]}
  - {name: vips, v4: 10, hosts: [esx-3]}
  - {name: vips, v4: 20, hosts: [esx-1]}
  - {name: vips, hosts: [esx-1, esx-2]}
- name: nsxt
  vtype: CLOUD_NSXT
  transportZone: OVERLAY
  ipam: INFOBLOX
  networks: [{name: vips, v4: 30}]
- name: bare
  vtype: CLOUD_NONE
  ipam: none
`

// A vCenter may report several networks of one name; references by name are
// refused then.
func TestNetworksOfOneName(t *testing.T) {
	seed, err := ParseSeed([]byte(vCenterSeed))
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, newSim(t, Options{Seed: seed}))
	list := results(c.must(200, "GET", "/api/network?name=vips&cloud_ref.name=Default-Cloud", nil))
	if len(list) != 3 {
		t.Fatalf("%d networks", len(list))
	}
	seen := map[any]bool{}
	for _, n := range list {
		seen[n["uuid"]] = true
	}
	if len(seen) != 3 || len(results(c.must(200, "GET", "/api/network?name=vips", nil))) != 4 || len(results(c.must(200, "GET", "/api/network", nil))) != 5 {
		t.Errorf("networks: %v", seen)
	}
	vsvip := func(ref string) map[string]any {
		return map[string]any{"name": "v", "vip": []any{map[string]any{
			"vip_id": "0", "auto_allocate_ip": true, "ipam_network_subnet": map[string]any{"network_ref": ref},
		}}}
	}
	refused := c.must(400, "POST", "/api/vsvip", vsvip("/api/network/?name=vips"))
	if text, _ := refused["error"].(string); !strings.Contains(text, "refer to one by uuid") {
		t.Errorf("refusal: %v", refused)
	}
	made := c.must(201, "POST", "/api/vsvip", vsvip("/api/network/"+list[1]["uuid"].(string)))
	vip := made["vip"].([]any)[0].(map[string]any)
	if addr := vip["ip_address"].(map[string]any)["addr"].(string); !strings.HasPrefix(addr, "10.20.") {
		t.Errorf("address %s", addr)
	}
	// Clients can't make them.
	c.must(409, "POST", "/api/network", map[string]any{"name": "vips", "cloud_ref": "/api/cloud/?name=Default-Cloud"})
	// One that is renamed leaves its name to the others.
	for _, i := range []int{1, 2} {
		body := c.must(200, "GET", "/api/network/"+list[i]["uuid"].(string), nil)
		body["name"] = "other-" + list[i]["uuid"].(string)
		c.must(200, "PUT", "/api/network/"+list[i]["uuid"].(string), body)
	}
	if left := results(c.must(200, "GET", "/api/network?name=vips&cloud_ref.name=Default-Cloud", nil)); len(left) != 1 || left[0]["uuid"] != list[0]["uuid"] {
		t.Errorf("left: %v", left)
	}
}

func TestNetworkRuntimes(t *testing.T) {
	seed, err := ParseSeed([]byte(vCenterSeed))
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, newSim(t, Options{Seed: seed}))
	mgmt := results(c.must(200, "GET", "/api/vimgrnwruntime?name=mgmt&include_name", nil))
	if len(mgmt) != 1 || len(mgmt[0]["host_refs"].([]any)) != 2 || !strings.HasSuffix(mgmt[0]["host_refs"].([]any)[0].(string), "#esx-1") {
		t.Errorf("mgmt: %v", mgmt)
	}
	if list := results(c.must(200, "GET", "/api/vimgrnwruntime", nil)); len(list) != 4 {
		t.Errorf("%d networks; those of the vCenter are four", len(list))
	}
	cloud := results(c.must(200, "GET", "/api/cloud?name=Default-Cloud", nil))[0]
	ref, _ := cloud["vcenter_configuration"].(map[string]any)["management_network"].(string)
	if !strings.HasSuffix(ref, mgmt[0]["uuid"].(string)) {
		t.Errorf("the cloud's management network is %q", ref)
	}
	one := c.must(200, "GET", "/api/vimgrnwruntime/"+mgmt[0]["uuid"].(string), nil)
	if one["name"] != "mgmt" {
		t.Errorf("by uuid: %v", one)
	}
	c.must(404, "GET", "/api/vimgrnwruntime/none", nil)
	c.must(405, "POST", "/api/vimgrnwruntime", map[string]any{})
	page := c.must(200, "GET", "/api/vimgrnwruntime?page_size=3", nil)
	if next, _ := page["next"].(string); len(results(page)) != 3 || !strings.Contains(next, "/api/vimgrnwruntime?page=2") {
		t.Errorf("page: %v", page["next"])
	}
}

func TestSeededClouds(t *testing.T) {
	seed, err := ParseSeed([]byte(vCenterSeed))
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, newSim(t, Options{Seed: seed}))
	nsxt := results(c.must(200, "GET", "/api/cloud?name=nsxt", nil))[0]
	data := nsxt["nsxt_configuration"].(map[string]any)["data_network_config"].(map[string]any)
	if data["tz_type"] != "OVERLAY" {
		t.Errorf("transport zone: %v", data)
	}
	if p := results(c.must(200, "GET", "/api/ipamdnsproviderprofile?name=nsxt-ipam", nil)); len(p) != 1 || p[0]["type"] != "IPAMDNS_TYPE_INFOBLOX" {
		t.Errorf("IPAM profile: %v", p)
	}
	bare := results(c.must(200, "GET", "/api/cloud?name=bare", nil))[0]
	if bare["ipam_provider_ref"] != nil || bare["dns_provider_ref"] == nil {
		t.Errorf("cloud without IPAM: %v", bare)
	}
}
