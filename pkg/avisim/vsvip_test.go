package avisim

import (
	"fmt"
	"net/netip"
	"testing"
)

func within(t *testing.T, addr, prefix string) {
	t.Helper()
	a, err := netip.ParseAddr(addr)
	if err != nil || !netip.MustParsePrefix(prefix).Contains(a) {
		t.Errorf("address %q is not in %s", addr, prefix)
	}
}

func TestAllocation(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	o := c.must(201, "POST", "/api/vsvip", vip("a", nil))
	first := addrOf(o, "ip_address")
	within(t, first, "10.10.64.0/20")
	if addrOf(o, "ip6_address") != "" {
		t.Error("an IPv6 address too")
	}
	path := "/api/vsvip/" + o["uuid"].(string)

	// An update without an address keeps it, whatever else changes.
	body := vip("a", nil)
	body["dns_info"] = []any{map[string]any{"fqdn": "a.avi.internal"}}
	if got := addrOf(c.must(200, "PUT", path, body), "ip_address"); got != first {
		t.Errorf("PUT changed the address from %s to %s", first, got)
	}
	// So does one that sends back what was read.
	read := c.must(200, "GET", path, nil)
	if got := addrOf(c.must(200, "PUT", path, read), "ip_address"); got != first {
		t.Errorf("a PUT of the object read changed the address to %s", got)
	}
	if got := addrOf(c.must(200, "PATCH", path, `{"replace":{"east_west_placement":false}}`), "ip_address"); got != first {
		t.Errorf("PATCH changed the address to %s", got)
	}
	// The address is the same whenever it is allocated, and is given back.
	c.must(204, "DELETE", path, nil)
	if got := addrOf(c.must(201, "POST", "/api/vsvip", vip("a", nil)), "ip_address"); got != first {
		t.Errorf("made again: %s, was %s", got, first)
	}
	// Both families.
	six := c.must(201, "POST", "/api/vsvip", vip("b", map[string]any{"auto_allocate_ip_type": "V4_V6"}))
	within(t, addrOf(six, "ip_address"), "10.10.64.0/20")
	within(t, addrOf(six, "ip6_address"), "2001:db8:10::/112")
	only := c.must(201, "POST", "/api/vsvip", vip("c", map[string]any{"auto_allocate_ip_type": "V6_ONLY"}))
	if addrOf(only, "ip_address") != "" || addrOf(only, "ip6_address") == "" {
		t.Errorf("V6_ONLY: %v", only["vip"])
	}
	// V4 and back.
	p6 := "/api/vsvip/" + six["uuid"].(string)
	four := c.must(200, "PUT", p6, vip("b", nil))
	if addrOf(four, "ip6_address") != "" || addrOf(four, "ip_address") != addrOf(six, "ip_address") {
		t.Errorf("V4_V6 to V4: %v", four["vip"])
	}
	if got := c.must(200, "PUT", p6, vip("b", map[string]any{"auto_allocate_ip_type": "V4_V6"})); addrOf(got, "ip6_address") != addrOf(six, "ip6_address") {
		t.Errorf("V4 to V4_V6: %v", got["vip"])
	}
	// Without a network named, the cloud's IPAM profile says which.
	within(t, addrOf(c.must(201, "POST", "/api/vsvip", vip("d", map[string]any{"ipam_network_subnet": nil})), "ip_address"), "10.10.64.0/20")
	// Another network.
	moved := c.must(200, "PUT", p6, vip("b", map[string]any{"ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=vip-net-2"}}))
	within(t, addrOf(moved, "ip_address"), "10.20.64.0/20")
}

func TestPreferredAddress(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	at := func(addr string) map[string]any {
		return map[string]any{"ip_address": map[string]any{"addr": addr, "type": "V4"}}
	}
	o := c.must(201, "POST", "/api/vsvip", vip("a", at("10.10.1.1"))) // in the subnet, outside the range
	if addrOf(o, "ip_address") != "10.10.1.1" {
		t.Errorf("preferred address: %v", o["vip"])
	}
	c.refused(400, "already in use", "POST", "/api/vsvip", vip("b", at("10.10.1.1")))
	c.refused(400, "not in a configured subnet", "POST", "/api/vsvip", vip("b", at("10.20.1.1")))
	c.refused(400, "is not an IP address", "POST", "/api/vsvip", vip("b", at("10.10.1")))
	c.refused(400, "not of type V4", "POST", "/api/vsvip", vip("b", at("2001:db8:10::1")))
	path := "/api/vsvip/" + o["uuid"].(string)
	c.refused(400, preferredIPChanged, "PUT", path, vip("a", at("10.10.1.2")))
	if got := addrOf(c.must(200, "PUT", path, vip("a", nil)), "ip_address"); got != "10.10.1.1" {
		t.Errorf("PUT without it: %s", got)
	}
	c.must(200, "PUT", path, vip("a", at("10.10.1.1")))
	c.must(204, "DELETE", path, nil)
	c.must(201, "POST", "/api/vsvip", vip("b", at("10.10.1.1")))
	// The same address is free in another cloud.
	c.refused(400, "not in a configured subnet", "POST", "/api/vsvip", func() any {
		b := vip("b", at("10.10.1.1"))
		b["cloud_ref"] = "/api/cloud/?name=none-cloud"
		return b
	}())
	// A subnet that the network doesn't have.
	c.refused(400, "is not a subnet of network", "POST", "/api/vsvip", vip("x", map[string]any{"ipam_network_subnet": map[string]any{
		"network_ref": "/api/network/?name=vip-net", "subnet": map[string]any{"ip_addr": map[string]any{"addr": "10.99.0.0", "type": "V4"}, "mask": 16},
	}}))
	// Addresses that the client manages itself.
	static := map[string]any{"auto_allocate_ip": false, "ipam_network_subnet": nil}
	c.refused(400, "address is needed", "POST", "/api/vsvip", vip("s", static))
	static["ip_address"] = map[string]any{"addr": "192.0.2.1", "type": "V4"}
	c.must(201, "POST", "/api/vsvip", vip("s", static))
	c.refused(400, "already in use", "POST", "/api/vsvip", vip("s2", static))
	// A preferred IPv6 address.
	six := c.must(201, "POST", "/api/vsvip", vip("six", map[string]any{"ip6_address": map[string]any{"addr": "2001:db8:10::5", "type": "V6"}}))
	if addrOf(six, "ip6_address") != "2001:db8:10::5" || addrOf(six, "ip_address") != "" {
		t.Errorf("preferred IPv6 address: %v", six["vip"])
	}
}

func TestVIPIDs(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	path := "/api/vsvip/" + c.must(201, "POST", "/api/vsvip", vip("a", nil))["uuid"].(string)
	c.refused(400, vipIDChanged, "PUT", path, vip("a", map[string]any{"vip_id": "1"}))
	two := vip("a", nil)
	two["vip"] = append(two["vip"].([]any), vip("", map[string]any{"vip_id": "1"})["vip"].([]any)...)
	c.must(200, "PUT", path, two)
	c.must(200, "PUT", path, vip("a", nil))
	two["vip"].([]any)[1].(map[string]any)["vip_id"] = "0"
	c.refused(400, "used twice", "PUT", path, two)
}

func TestExhaustion(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	addr := func(s string) map[string]any { return map[string]any{"addr": s, "type": "V4"} }
	net := map[string]any{"name": "tiny", "configured_subnets": []any{map[string]any{
		"prefix":           map[string]any{"ip_addr": addr("10.99.0.0"), "mask": 24},
		"static_ip_ranges": []any{map[string]any{"range": map[string]any{"begin": addr("10.99.0.10"), "end": addr("10.99.0.12")}}},
	}}}
	c.must(201, "POST", "/api/network", net)
	on := map[string]any{"ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=tiny"}}
	c.refused(400, "is not usable: IPAM profile", "POST", "/api/vsvip", vip("v", on))
	makeUsable(c, "tiny")
	on = map[string]any{"ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=tiny"}}
	got := map[string]bool{}
	var last string
	for i := range 3 {
		o := c.must(201, "POST", "/api/vsvip", vip(fmt.Sprint("v", i), on))
		got[addrOf(o, "ip_address")] = true
		last = o["uuid"].(string)
	}
	if len(got) != 3 || !got["10.99.0.10"] || !got["10.99.0.11"] || !got["10.99.0.12"] {
		t.Errorf("addresses: %v", got)
	}
	c.refused(400, noFreeIPs, "POST", "/api/vsvip", vip("v3", on))
	c.must(204, "DELETE", "/api/vsvip/"+last, nil)
	c.must(201, "POST", "/api/vsvip", vip("v3", on))
	// Networks without addresses have none to give.
	makeUsable(c, "node-net")
	c.refused(400, noFreeIPs, "POST", "/api/vsvip", vip("n", map[string]any{"ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=node-net"}}))
	net["name"] = "wrong"
	net["configured_subnets"].([]any)[0].(map[string]any)["static_ip_ranges"].([]any)[0].(map[string]any)["range"].(map[string]any)["end"] = addr("10.98.0.1")
	c.refused(400, "not a range within 10.99.0.0/24", "POST", "/api/network", net)
}

func TestSubnetClouds(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	body := func(name string, subnets ...string) map[string]any {
		var vips []any
		for i, s := range subnets {
			vips = append(vips, map[string]any{"vip_id": fmt.Sprint(i + 1), "auto_allocate_ip": true, "subnet_uuid": s})
		}
		return map[string]any{"name": name, "cloud_ref": "/api/cloud/?name=aws-cloud", "vip": vips}
	}
	o := c.must(201, "POST", "/api/vsvip", body("a", "subnet-0a", "subnet-0b"))
	within(t, addrOf(o, "ip_address"), "10.13.0.0/16")
	within(t, addrOf(map[string]any{"vip": o["vip"].([]any)[1:]}, "ip_address"), "10.23.0.0/16")
	c.refused(400, "Network object not found", "POST", "/api/vsvip", body("b", "subnet-9"))
}

// makeUsable adds a network to those of Default-Cloud's IPAM profile.
func makeUsable(c *client, network string) {
	c.t.Helper()
	profile := find(c, "ipamdnsproviderprofile", "name=Default-Cloud-ipam")
	c.must(200, "PATCH", "/api/ipamdnsproviderprofile/"+profile, `{"add":{"internal_profile":{"usable_networks":[{"nw_ref":"/api/network/?name=`+network+`"}]}}}`)
}
