package avisim

import (
	"fmt"
	"strings"
	"testing"
)

// vs is a virtual service on a VsVip with TCP listeners.
func vs(name, vsvip string, more map[string]any, ports ...int) map[string]any {
	var services []any
	for _, p := range ports {
		services = append(services, map[string]any{"port": p})
	}
	out := map[string]any{"name": name, "vsvip_ref": "/api/vsvip/?name=" + vsvip, "services": services}
	for k, v := range more {
		out[k] = v
	}
	return out
}

func TestChildVirtualService(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	c.must(201, "POST", "/api/vsvip", vip("v", nil))
	child := func(parent string) map[string]any {
		b := map[string]any{"name": "child", "type": vsChild, "vh_domain_name": []string{"a.test"}}
		if parent != "" {
			b["vh_parent_vs_ref"] = "/api/virtualservice/?name=" + parent
		}
		return b
	}
	parent := c.must(201, "POST", "/api/virtualservice", vs("parent", "v", map[string]any{"type": vsParent}, 80, 443))["uuid"].(string)
	c.must(201, "POST", "/api/vsvip", vip("v2", nil))
	c.must(201, "POST", "/api/virtualservice", vs("plain", "v2", nil, 80))
	c.refused(400, "is required for a "+vsChild, "POST", "/api/virtualservice", child(""))
	c.refused(400, "VirtualService object not found", "POST", "/api/virtualservice", child("nobody"))
	c.refused(400, "'plain' is not a "+vsParent, "POST", "/api/virtualservice", child("plain"))
	c.refused(400, "is only for a", "POST", "/api/virtualservice", vs("x", "v2", map[string]any{"vh_parent_vs_ref": "/api/virtualservice/?name=parent"}, 81))
	kid := c.must(201, "POST", "/api/virtualservice", child("parent"))["uuid"].(string)
	c.refused(400, "'child' is a child of it", "PUT", "/api/virtualservice/"+parent, vs("parent", "v", nil, 80))
	c.refused(412, "VirtualService child", "DELETE", "/api/virtualservice/"+parent, nil)
	c.must(204, "DELETE", "/api/virtualservice/"+kid, nil)
	c.must(204, "DELETE", "/api/virtualservice/"+parent, nil)
}

func TestListenersOnOneVIP(t *testing.T) {
	opts := Options{}
	c := newClient(t, newSim(t, opts))
	c.must(201, "POST", "/api/vsvip", vip("v", nil))
	c.must(201, "POST", "/api/virtualservice", vs("a", "v", nil, 80, 443))
	c.refused(400, "port 443 of VIP 'v' is already used by virtual service 'a'", "POST", "/api/virtualservice", vs("b", "v", nil, 8080, 443))
	c.refused(400, "port 80 is used twice", "POST", "/api/virtualservice", vs("b", "v", nil, 80, 80))
	c.must(201, "POST", "/api/virtualservice", vs("b", "v", nil, 8080))
	udp := map[string]any{"network_profile_ref": "/api/networkprofile/?name=System-UDP-Fast-Path"}
	c.must(201, "POST", "/api/virtualservice", vs("udp", "v", udp, 80))
	ranged := vs("range", "v", nil, 8000)
	ranged["services"].([]any)[0].(map[string]any)["port_range_end"] = 8100
	c.refused(400, "port 8080", "POST", "/api/virtualservice", ranged)
	mixed := vs("mixed", "v", nil, 9000, 9000)
	mixed["services"].([]any)[1].(map[string]any)["override_network_profile_ref"] = "/api/networkprofile/?name=System-SCTP-Proxy"
	c.must(201, "POST", "/api/virtualservice", mixed)
	// A virtual service doesn't stand in its own way.
	b := find(c, "virtualservice", "name=b")
	c.must(200, "PUT", "/api/virtualservice/"+b, vs("b", "v", nil, 8080, 8081))

	c = newClient(t, newSim(t, Options{Assume: Assumptions{AllowPortConflicts: true}}))
	c.must(201, "POST", "/api/vsvip", vip("v", nil))
	c.must(201, "POST", "/api/virtualservice", vs("a", "v", nil, 80))
	c.must(201, "POST", "/api/virtualservice", vs("b", "v", nil, 80))
}

func TestTenants(t *testing.T) {
	c := newClient(t, newSim(t, Options{Tenants: []string{"blue"}}))
	o := c.must(201, "POST", "/api/tenant", `{"name":"green","config_settings":{"tenant_vrf":true,"se_in_provider_context":false}}`)
	uuid := o["uuid"].(string)
	if !strings.HasPrefix(uuid, "tenant-") {
		t.Errorf("uuid %s", uuid)
	}
	c.tenant = "blue"
	c.must(201, "POST", "/api/pool", `{"name":"p"}`)
	inBlue := find(c, "pool", "name=p")
	for _, green := range []string{"green", uuid} { // by name and by uuid
		c.tenant = green
		if n := len(results(c.must(200, "GET", "/api/pool", nil))); n != 0 {
			t.Errorf("tenant %s sees %d pools of another", green, n)
		}
		c.must(404, "GET", "/api/pool/"+inBlue, nil)
		c.must(404, "DELETE", "/api/pool/"+inBlue, nil)
		find(c, "healthmonitor", "name=System-TCP") // admin's are shared
	}
	// Its own VRFs and SE groups come first.
	c.tenant = "green"
	p := c.must(201, "POST", "/api/pool", `{"name":"p","vrf_ref":"/api/vrfcontext/?name=global"}`)
	vrf := c.must(200, "GET", "/api/vrfcontext/"+last(p["vrf_ref"]), nil)
	if !strings.HasSuffix(vrf["tenant_ref"].(string), uuid) {
		t.Errorf("the VRF is of tenant %s", vrf["tenant_ref"])
	}
	c.tenant = "*"
	if n := len(results(c.must(200, "GET", "/api/pool", nil))); n != 2 {
		t.Errorf("%d pools in all tenants, want 2", n)
	}
	c.refused(400, "only for reads", "POST", "/api/pool", `{"name":"x"}`)
	c.tenant = "pink"
	c.refused(403, "Tenant 'pink' does not exist!", "GET", "/api/pool", nil)
	c.refused(403, "Tenant 'pink' does not exist!", "POST", "/api/pool", `{"name":"x"}`)

	c.tenant = "admin"
	c.refused(412, "still has", "DELETE", "/api/tenant/"+uuid, nil)
	c.refused(400, "Cannot delete tenant 'admin'", "DELETE", "/api/tenant/admin", nil)
	c.tenant = "green"
	c.must(204, "DELETE", "/api/pool/"+p["uuid"].(string), nil)
	c.tenant = "admin"
	c.must(204, "DELETE", "/api/tenant/"+uuid, nil)
	c.must(201, "POST", "/api/tenant", `{"name":"green"}`)
	if got := c.must(200, "GET", "/api/tenant?name=admin", nil); results(got)[0]["uuid"] != "admin" {
		t.Errorf("admin's uuid is %v", results(got)[0]["uuid"])
	}
}

func last(ref any) string {
	s := ref.(string)
	s, _, _ = strings.Cut(s, "#")
	return s[strings.LastIndexByte(s, '/')+1:]
}

func TestClouds(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	o := c.must(201, "POST", "/api/cloud", `{"name":"lab","vtype":"CLOUD_NONE"}`)
	for _, typ := range []string{"vrfcontext?name=global", "vrfcontext?name=management", "serviceenginegroup?name=Default-Group"} {
		path, query, _ := strings.Cut(typ, "?")
		find(c, path, query+"&cloud_ref.name=lab")
	}
	path := "/api/cloud/" + o["uuid"].(string)
	c.must(201, "POST", "/api/pool", `{"name":"p","cloud_ref":"/api/cloud/?name=lab"}`)
	c.refused(412, "Pool p", "DELETE", path, nil)
	pool := find(c, "pool", "cloud_ref.uuid="+o["uuid"].(string))
	c.refused(400, "cloud_ref: cannot be changed", "PUT", "/api/pool/"+pool, `{"name":"p","cloud_ref":"/api/cloud/?name=none-cloud"}`)
	c.must(204, "DELETE", "/api/pool/"+pool, nil)
	c.must(204, "DELETE", path, nil)
	if n := len(results(c.must(200, "GET", "/api/vrfcontext?cloud_ref.name=lab", nil))); n != 0 {
		t.Errorf("%d VRFs are left of a deleted cloud", n)
	}
	c.refused(400, "default cloud", "DELETE", "/api/cloud/"+func() string {
		// Nothing may refer to it, else that is the first reason.
		sim := newSim(t, Options{Seed: &Seed{Version: "30.2.1", User: SeedUser{Name: "admin", Password: "sim-password"}}})
		c = newClient(t, sim)
		return find(c, "cloud", "name=Default-Cloud")
	}(), nil)
	c.must(201, "POST", "/api/vsvip", `{"name":"no-ipam"}`)
	c.refused(400, "no IPAM network", "POST", "/api/vsvip", vip("v", map[string]any{"ipam_network_subnet": nil}))
}

func TestRuntime(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	c.must(201, "POST", "/api/vsvip", vip("v", nil))
	c.must(201, "POST", "/api/pool", `{"name":"p","servers":[{"ip":{"addr":"10.0.0.1","type":"V4"}}]}`)
	c.must(201, "POST", "/api/poolgroup", `{"name":"g","members":[{"pool_ref":"/api/pool/?name=p"}]}`)
	uuid := c.must(201, "POST", "/api/virtualservice", vs("vs", "v", map[string]any{"pool_group_ref": "/api/poolgroup/?name=g"}, 80))["uuid"].(string)
	state := func() any {
		return c.must(200, "GET", "/api/virtualservice/"+uuid+"/runtime", nil)["oper_status"].(map[string]any)["state"]
	}
	if s := state(); s != StateUp {
		t.Errorf("with a server: %v", s)
	}
	pool := find(c, "pool", "name=p")
	c.must(200, "PUT", "/api/pool/"+pool, `{"name":"p","servers":[{"ip":{"addr":"10.0.0.1","type":"V4"},"enabled":false}]}`)
	if s := state(); s != StateDown {
		t.Errorf("with its server disabled: %v", s)
	}
	if err := sim.SetState("virtualservice", "admin", "vs", StateInitializing); err != nil {
		t.Fatal(err)
	}
	if s := state(); s != StateInitializing {
		t.Errorf("as set: %v", s)
	}
	inv := results(c.must(200, "GET", "/api/virtualservice-inventory?name=vs", nil))
	if len(inv) != 1 || inv[0]["runtime"].(map[string]any)["oper_status"].(map[string]any)["state"] != StateInitializing || inv[0]["config"].(map[string]any)["name"] != "vs" {
		t.Errorf("inventory: %v", inv)
	}
	c.must(200, "GET", "/api/pool-inventory/"+pool, nil)
	if err := sim.SetState("pool", "admin", "nope", StateUp); err == nil {
		t.Error("a state can be set for an object that isn't there")
	}
}

// TestServerStates: a pool is as good as its best server, a virtual service as
// its best pool.
func TestServerStates(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	c.must(201, "POST", "/api/vsvip", vip("v", nil))
	pool := c.must(201, "POST", "/api/pool", `{"name":"p","default_server_port":8080,"servers":[{"ip":{"addr":"10.0.0.1","type":"V4"}},{"ip":{"addr":"2001:db8::1","type":"V6"},"port":81},{"ip":{"addr":"10.0.0.3","type":"V4"},"enabled":false}]}`)["uuid"].(string)
	group := c.must(201, "POST", "/api/poolgroup", `{"name":"g","members":[{"pool_ref":"/api/pool/?name=p"}]}`)["uuid"].(string)
	service := c.must(201, "POST", "/api/virtualservice", vs("vs", "v", map[string]any{"pool_group_ref": "/api/poolgroup/?name=g"}, 80))["uuid"].(string)
	const first, second = "10.0.0.1:8080", "[2001:db8::1]:81"
	set := func(server, state string) {
		t.Helper()
		body := `{"type":"pool","tenant":"admin","name":"p","server":"` + server + `","state":"` + state + `"}`
		if rec := direct(sim, "POST", "/_sim/state", body); rec.Code != 200 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
	}
	for _, tt := range []struct{ first, second, want, up string }{
		{"", "", StateUp, "2"},
		{StateDown, "", StateUp, "1"},
		{StateDown, StateInitializing, StateInitializing, "0"},
		{StateDown, StateDown, StateDown, "0"},
		{StateInitializing, StateUp, StateUp, "1"},
	} {
		set(first, tt.first)
		set(second, tt.second)
		for _, path := range []string{"pool/" + pool, "poolgroup/" + group, "virtualservice/" + service} {
			out := c.must(200, "GET", "/api/"+path+"/runtime", nil)
			if got := out["oper_status"].(map[string]any)["state"]; got != tt.want {
				t.Errorf("%s and %s: %s is %v, want %s", tt.first, tt.second, path, got, tt.want)
			}
			if out["num_servers_up"] != nil && fmt.Sprintf("%v %v %v", out["num_servers_up"], out["num_servers_enabled"], out["num_servers"]) != tt.up+" 2 3" {
				t.Errorf("%s and %s: counts %v", tt.first, tt.second, out)
			}
		}
	}
	set(second, StateDown)
	var got []string
	for _, s := range results(c.must(200, "GET", "/api/pool/"+pool+"/runtime/server/", nil)) {
		got = append(got, fmt.Sprint(s["ip_addr"].(map[string]any)["addr"], " ", s["port"], " ", s["oper_status"].(map[string]any)["state"]))
	}
	if want := "10.0.0.1 8080 OPER_INITIALIZING, 2001:db8::1 81 OPER_DOWN, 10.0.0.3 8080 OPER_DISABLED"; strings.Join(got, ", ") != want {
		t.Errorf("servers: %s", strings.Join(got, ", "))
	}
	c.must(404, "GET", "/api/tenant/admin/runtime", nil)
	c.must(404, "GET", "/api/tenant-inventory", nil)
	if err := sim.SetServerState("admin", "nope", first, StateDown); err == nil {
		t.Error("a state can be set for a pool that isn't there")
	}
	// A snapshot has the states too.
	sn := sim.Snapshot()
	set(second, "")
	sim.Restore(sn)
	if s := sim.store.servers[pickObject(sim, "pool", "admin", 0)][second]; s != StateDown {
		t.Errorf("after the restore the second server is %q", s)
	}
}
