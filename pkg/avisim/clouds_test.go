package avisim

import (
	"maps"
	"strings"
	"testing"
)

// cloudSeed has a cloud of each kind, each with the networks net-a and net-b.
func cloudSeed(t *testing.T) *Seed {
	t.Helper()
	seed, err := DefaultSeed()
	if err != nil {
		t.Fatal(err)
	}
	seed.Tenants.Default = append(seed.Tenants.Default, "blue")
	seed.Clouds = nil
	for i, vtype := range []string{"CLOUD_VCENTER", "CLOUD_NONE", "CLOUD_NSXT", "CLOUD_AWS", "CLOUD_AZURE", "CLOUD_GCP", "CLOUD_OPENSTACK"} {
		c := SeedCloud{Name: vtype, Vtype: vtype, VRFs: []string{"other"}, Networks: []SeedNetwork{
			{Name: "net-a", V4: 10 + i, V6: 10 + i}, {Name: "net-b", V4: 40 + i}, {Name: "net-other", VRF: "other", V4: 70 + i}, {Name: "no-addresses"},
		}}
		if i == 0 {
			c.Name = "Default-Cloud"
		}
		seed.Clouds = append(seed.Clouds, c)
	}
	return seed
}

func TestCloudKinds(t *testing.T) {
	onNet := map[string]any{"vip_id": "0", "auto_allocate_ip": true, "ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=net-a"}}
	onSubnet := map[string]any{"vip_id": "1", "auto_allocate_ip": true, "subnet_uuid": "net-a"}
	with := func(v map[string]any, more map[string]any) map[string]any {
		v = maps.Clone(v)
		maps.Copy(v, more)
		return v
	}
	six, public := map[string]any{"auto_allocate_ip_type": "V6_ONLY"}, map[string]any{"auto_allocate_floating_ip": true}
	second := with(onSubnet, map[string]any{"vip_id": "2", "subnet_uuid": "net-b"})
	vpc := map[string]any{"vip_id": "0", "auto_allocate_ip": true, "subnet_uuid": "p_AVISEPARATOR_v_AVISEPARATOR_PUBLIC"}
	tests := []struct {
		name  string
		vips  []map[string]any
		tier1 string
		taken map[string]bool // by which clouds
	}{
		{"network", []map[string]any{onNet}, "", clouds("vCenter none NSX-T GCP AWS Azure OpenStack")},
		{"subnet", []map[string]any{onSubnet}, "", clouds("AWS Azure OpenStack")},
		{"nothing", []map[string]any{{"vip_id": "0", "auto_allocate_ip": true}}, "", clouds("vCenter none NSX-T GCP")},
		{"two subnets", []map[string]any{onSubnet, second}, "", clouds("AWS Azure OpenStack")},
		{"one subnet twice", []map[string]any{onSubnet, with(second, map[string]any{"subnet_uuid": "net-a"})}, "", clouds("Azure OpenStack")},
		{"IPv6 on a network", []map[string]any{with(onNet, six)}, "", clouds("vCenter none NSX-T")},
		{"IPv6 on a subnet", []map[string]any{with(onSubnet, six)}, "", nil},
		{"public address on a network", []map[string]any{with(onNet, public)}, "", clouds("GCP AWS Azure OpenStack")},
		{"public address on a subnet", []map[string]any{with(onSubnet, public)}, "", clouds("AWS Azure OpenStack")},
		{"VPC subnet", []map[string]any{vpc}, "", clouds("NSX-T")},
		{"tier-1 router", []map[string]any{onNet}, "/infra/tier-1s/other", clouds("NSX-T")},
		{"unknown tier-1 router", []map[string]any{onNet}, "/infra/tier-1s/nope", nil},
		{"no usable network", []map[string]any{with(onNet, map[string]any{"ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=no-addresses"}})}, "", nil},
		{"network in another VRF", []map[string]any{with(onNet, map[string]any{"ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=net-other"}})}, "", clouds("AWS Azure OpenStack")},
	}
	for _, tt := range tests {
		c := newClient(t, newSim(t, Options{Seed: cloudSeed(t)}))
		for name, vtype := range cloudNames {
			body := map[string]any{"name": "v", "cloud_ref": "/api/cloud/?name=" + vtype, "vip": tt.vips}
			if tt.tier1 != "" {
				body["tier1_lr"] = tt.tier1
			}
			want := 400
			if tt.taken[name] {
				want = 201
			}
			if status, out := c.do("POST", "/api/vsvip", body); status != want {
				t.Errorf("%s in %s: %d, want %d: %v", tt.name, name, status, want, out["error"])
			}
		}
	}
}

var cloudNames = map[string]string{
	"vCenter": "Default-Cloud", "none": "CLOUD_NONE", "NSX-T": "CLOUD_NSXT", "AWS": "CLOUD_AWS", "Azure": "CLOUD_AZURE", "GCP": "CLOUD_GCP", "OpenStack": "CLOUD_OPENSTACK",
}

func clouds(names string) map[string]bool {
	out := map[string]bool{}
	for name := range cloudNames {
		for _, n := range strings.Fields(names) {
			if n == name {
				out[name] = true
			}
		}
	}
	return out
}

func TestFloatingAddress(t *testing.T) {
	c := newClient(t, newSim(t, Options{Seed: cloudSeed(t)}))
	body := func(name string, public bool) map[string]any {
		return map[string]any{"name": name, "cloud_ref": "/api/cloud/?name=CLOUD_AZURE", "vip": []any{
			map[string]any{"vip_id": "1", "auto_allocate_ip": true, "subnet_uuid": "net-a", "auto_allocate_floating_ip": public},
		}}
	}
	o := c.must(201, "POST", "/api/vsvip", body("a", true))
	within(t, addrOf(o, "floating_ip"), "198.18.0.0/15")
	path := "/api/vsvip/" + o["uuid"].(string)
	if got := addrOf(c.must(200, "PUT", path, body("a", true)), "floating_ip"); got != addrOf(o, "floating_ip") {
		t.Errorf("a PUT changed the public address to %s", got)
	}
	if got := addrOf(c.must(201, "POST", "/api/vsvip", body("b", true)), "floating_ip"); got == addrOf(o, "floating_ip") {
		t.Error("two VIPs have one public address")
	}
	read := c.must(200, "GET", path, nil)
	read["vip"].([]any)[0].(map[string]any)["auto_allocate_floating_ip"] = false
	if got := addrOf(c.must(200, "PUT", path, read), "floating_ip"); got != "" {
		t.Errorf("still has public address %s", got)
	}
}

func TestOpenStackVRFs(t *testing.T) {
	c := newClient(t, newSim(t, Options{Seed: cloudSeed(t)}))
	c.tenant = "blue"
	if n := len(results(c.must(200, "GET", "/api/vrfcontext?name=blue-default&cloud_ref.name=CLOUD_OPENSTACK", nil))); n != 1 {
		t.Errorf("%d VRFs blue-default in the OpenStack cloud, want 1", n)
	}
	c.must(201, "POST", "/api/vsvip", `{"name":"v","cloud_ref":"/api/cloud/?name=CLOUD_OPENSTACK","vrf_context_ref":"/api/vrfcontext/?name=blue-default",
		"vip":[{"vip_id":"1","auto_allocate_ip":true,"subnet_uuid":"net-a"}]}`)
}

func TestAssumedAnyPlacement(t *testing.T) {
	c := newClient(t, newSim(t, Options{Seed: cloudSeed(t), Assume: Assumptions{AnyPlacement: true}}))
	c.must(201, "POST", "/api/vsvip", vip("a", map[string]any{"ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=net-other"}}))
	c.must(201, "POST", "/api/vsvip", vip("b", map[string]any{"ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=net-a"}, "auto_allocate_floating_ip": true}))
	c.must(201, "POST", "/api/virtualservice", vs("s", "a", map[string]any{"vrf_context_ref": "/api/vrfcontext/?name=other"}, 80))
}

func TestVRFOfVirtualService(t *testing.T) {
	c := newClient(t, newSim(t, Options{Seed: cloudSeed(t)}))
	body := vip("v", map[string]any{"ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=net-other"}})
	body["vrf_context_ref"] = "/api/vrfcontext/?name=other"
	c.must(201, "POST", "/api/vsvip", body)
	c.refused(400, "VIP 'v' is in 'other'", "POST", "/api/virtualservice", vs("s", "v", map[string]any{"vrf_context_ref": "/api/vrfcontext/?name=global"}, 80))
	o := c.must(201, "POST", "/api/virtualservice?include_name", vs("s", "v", nil, 80))
	if ref, _ := o["vrf_context_ref"].(string); ref[len(ref)-6:] != "#other" {
		t.Errorf("the VRF filled in is %s, want the VIP's", ref)
	}
}

func TestVirtualServiceNeedsAVIP(t *testing.T) {
	body := `{"name":"s","services":[{"port":80}]}`
	c := newClient(t, newSim(t, Options{}))
	c.refused(400, "VirtualService.vsvip_ref: is required", "POST", "/api/virtualservice", body)
	c.must(201, "POST", "/api/virtualservice", `{"name":"old","services":[{"port":80}],"vip":[{"vip_id":"0","ip_address":{"addr":"10.10.1.1","type":"V4"}}]}`)
	c = newClient(t, newSim(t, Options{Assume: Assumptions{NoVIP: true}}))
	c.must(201, "POST", "/api/virtualservice", body)
}

func TestDomains(t *testing.T) {
	body := func(fqdn string) map[string]any {
		b := vip("v", nil)
		b["dns_info"] = []any{map[string]any{"fqdn": fqdn}}
		return b
	}
	c := newClient(t, newSim(t, Options{}))
	c.refused(400, "'web.elsewhere.test' is in none of the domains", "POST", "/api/vsvip", body("web.elsewhere.test"))
	c.refused(400, "none of the domains", "POST", "/api/vsvip", body("webavi.internal"))
	o := c.must(201, "POST", "/api/vsvip", body("Web.Avi.internal."))
	c.refused(400, "none of the domains", "PUT", "/api/vsvip/"+o["uuid"].(string), body("x.test"))
	c = newClient(t, newSim(t, Options{Assume: Assumptions{AnyDomain: true}}))
	c.must(201, "POST", "/api/vsvip", body("web.elsewhere.test"))
}
