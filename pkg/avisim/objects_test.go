package avisim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCreateReadUpdateDelete(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	made := c.must(201, "POST", "/api/pool", `{"name":"p","default_server_port":8080,"service_metadata":"{\"a\": 1}\n","servers":[{"ip":{"addr":"10.0.0.1","type":"V4"}}],"description":null}`)
	uuid := made["uuid"].(string)
	if !strings.HasPrefix(uuid, "pool-") {
		t.Errorf("uuid %q", uuid)
	}
	base := "https://" + strings.TrimPrefix(c.srv.URL, "http://")
	for field, want := range map[string]any{
		"url":                 base + "/api/pool/" + uuid,
		"tenant_ref":          base + "/api/tenant/admin",
		"default_server_port": json.Number("8080"),
		"lb_algorithm":        "LB_ALGORITHM_LEAST_CONNECTIONS", // a default
		"enabled":             true,
		"service_metadata":    "{\"a\": 1}\n",
	} {
		if made[field] != want {
			t.Errorf("%s = %v, want %v", field, made[field], want)
		}
	}
	if _, ok := made["_last_modified"].(string); !ok {
		t.Errorf("_last_modified is %T", made["_last_modified"])
	}
	if !strings.HasPrefix(made["vrf_ref"].(string), base+"/api/vrfcontext/vrfcontext-") {
		t.Errorf("vrf_ref is not filled in: %v", made["vrf_ref"])
	}
	server := made["servers"].([]any)[0].(map[string]any)
	if server["ratio"] != json.Number("1") || server["enabled"] != true {
		t.Errorf("nested defaults are missing: %v", server)
	}
	if _, ok := made["description"]; ok {
		t.Error("null counts as a value")
	}
	got := c.must(200, "GET", "/api/pool/"+uuid, nil)
	if diff := cmp.Diff(made, got); diff != "" {
		t.Errorf("GET differs from the answer to POST:\n%s", diff)
	}
	put := c.must(200, "PUT", "/api/pool/"+uuid, `{"name":"p2"}`)
	if put["name"] != "p2" || put["servers"] != nil || put["_last_modified"] == made["_last_modified"] {
		t.Errorf("PUT did not replace: %v", put)
	}
	status, out := c.do("DELETE", "/api/pool/"+uuid, nil)
	if status != 204 || out != nil {
		t.Errorf("DELETE: %d %v", status, out)
	}
	c.refused(404, "Pool object not found", "GET", "/api/pool/"+uuid, nil)
	c.must(404, "DELETE", "/api/pool/"+uuid, nil)
	c.must(404, "PUT", "/api/pool/"+uuid, `{"name":"p2"}`)
	again := c.must(201, "POST", "/api/pool", `{"name":"p"}`)
	if again["uuid"] == uuid {
		t.Error("a new object of the same name has the old uuid")
	}
	c.must(404, "GET", "/api/nonsense", nil)
	c.must(404, "GET", "/elsewhere", nil)
	c.must(405, "DELETE", "/api/pool", nil)
	c.must(405, "POST", "/api/pool/"+uuid, `{}`)
}

func TestVersionsOfAnObject(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	o := c.must(201, "POST", "/api/pool", `{"name":"p"}`)
	path := "/api/pool/" + o["uuid"].(string)
	o2 := c.must(200, "PUT", path, `{"name":"p","description":"blind"}`)
	if o2["_last_modified"].(string) <= o["_last_modified"].(string) {
		t.Errorf("_last_modified does not grow: %v then %v", o["_last_modified"], o2["_last_modified"])
	}
	o["description"] = "stale"
	c.refused(412, "Concurrent Update Error", "PUT", path, o)
	o2["description"] = "fresh"
	o3 := c.must(200, "PUT", path, o2) // the whole object as read, with uuid, url and defaults
	if o3["description"] != "fresh" {
		t.Errorf("description = %v", o3["description"])
	}
	c.refused(412, "Concurrent", "PATCH", path, map[string]any{"replace": map[string]any{"description": "x"}, "_last_modified": o2["_last_modified"]})
}

func TestUniqueNames(t *testing.T) {
	c := newClient(t, newSim(t, Options{Tenants: []string{"blue"}}))
	c.must(201, "POST", "/api/pool", `{"name":"p"}`)
	c.refused(409, "already exists", "POST", "/api/pool", `{"name":"p"}`)
	c.must(201, "POST", "/api/poolgroup", `{"name":"p"}`)
	c.must(201, "POST", "/api/pool", `{"name":"p","cloud_ref":"/api/cloud?name=none-cloud"}`)
	c.refused(409, "already exists", "POST", "/api/pool", `{"name":"p","cloud_ref":"/api/cloud?name=none-cloud"}`)
	q := c.must(201, "POST", "/api/pool", `{"name":"q"}`)
	c.refused(409, "already exists", "PUT", "/api/pool/"+q["uuid"].(string), `{"name":"p"}`)
	c.must(200, "PUT", "/api/pool/"+q["uuid"].(string), `{"name":"r"}`)
	c.must(201, "POST", "/api/pool", `{"name":"q"}`)
	c.tenant = "blue"
	c.must(201, "POST", "/api/pool", `{"name":"p"}`)
	c.must(201, "POST", "/api/sslprofile", `{"name":"System-Standard"}`) // admin's has the name too
}

func TestSchema(t *testing.T) {
	tests := []struct{ name, path, body, words string }{
		{"unknown field", "pool", `{"name":"p","title":"q"}`, "Pool.title"},
		{"unknown nested field", "pool", `{"name":"p","servers":[{"ip":{"addr":"1.1.1.1","type":"V4"}},{"ip":{"adr":"1.1.1.1","type":"V4"}}]}`, "Pool.servers[1].ip.adr"},
		{"wrong type", "pool", `{"name":"p","enabled":"yes"}`, "Pool.enabled: expected a boolean, got a string"},
		{"number as text", "pool", `{"name":"p","default_server_port":"80"}`, "expected an integer, got a string"},
		{"object for a list", "pool", `{"name":"p","servers":{}}`, "Pool.servers: expected a list, got an object"},
		{"list for an object", "pool", `{"name":"p","fail_action":[]}`, "expected an object, got a list"},
		{"bad enum", "pool", `{"name":"p","lb_algorithm":"RANDOM"}`, `"RANDOM" is not one of LB_ALGORITHM_`},
		{"above the range", "pool", `{"name":"p","default_server_port":65536}`, "Pool.default_server_port: 65536 is out of range 1-65535"},
		{"below the range", "pool", `{"name":"p","default_server_port":0}`, "out of range"},
		{"negative", "vsvip", `{"name":"v","bgp_local_preference":-1}`, "is not a uint32"},
		{"fraction", "pool", `{"name":"p","default_server_port":80.5}`, "80.5 is not an integer"},
		{"range of list elements", "l4policyset", `{"name":"l","l4_connection_policy":{"rules":[{"name":"r","index":0,"match":{"port":{"match_criteria":"IS_IN","ports":[80,70000]}}}]}}`, "ports[1]: 70000 is out of range"},
		{"too few items", "httppolicyset", `{"name":"h","http_request_policy":{"rules":[{"name":"r","index":0,"enable":true,"match":{"vs_port":{"match_criteria":"IS_IN","ports":[]}}}]}}`, "ports: has 0 items, fewer than 1"},
		{"missing required", "pool", `{}`, "Pool.name: is required"},
		{"missing nested required", "pool", `{"name":"p","servers":[{}]}`, "Pool.servers[0].ip: is required"},
		{"empty name", "pool", `{"name":""}`, "Pool.name: must not be empty"},
		{"long name", "pool", `{"name":"` + strings.Repeat("x", 256) + `"}`, "longer than 255"},
		{"own uuid", "pool", `{"name":"p","uuid":"pool-1"}`, "Pool.uuid: is read-only"},
		{"own url", "pool", `{"name":"p","url":"https://x/api/pool/1"}`, "Pool.url: is read-only"},
		{"own version", "pool", `{"name":"p","_last_modified":"1"}`, "Pool._last_modified: is read-only"},
		{"read-only field", "pool", `{"name":"p","gslb_sp_enabled":true}`, "Pool.gslb_sp_enabled: is read-only"},
		{"created_by where there is none", "vsvip", `{"name":"v","created_by":"me"}`, "VsVip.created_by"},
		{"not an address", "pool", `{"name":"p","servers":[{"ip":{"addr":"10.0.0.256","type":"V4"}}]}`, `Pool.servers[0].ip.addr: "10.0.0.256" is not an IP address`},
		{"the other family", "pool", `{"name":"p","servers":[{"ip":{"addr":"::1","type":"V4"}}]}`, "::1 is not of type V4"},
		{"not an object", "pool", `[]`, "expected an object"},
		{"not JSON", "pool", `{"name":`, "JSON parse error"},
		{"more than one value", "pool", `{"name":"p"} {"name":"q"}`, "extra data"},
		{"other tenant", "pool", `{"name":"p","tenant_ref":"/api/tenant/?name=blue"}`, "tenant_ref: is tenant 'blue'"},
		{"no such tenant", "pool", `{"name":"p","tenant_ref":"/api/tenant/?name=pink"}`, "Tenant object not found"},
	}
	c := newClient(t, newSim(t, Options{Tenants: []string{"blue"}}))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			c.refused(400, tt.words, "POST", "/api/"+tt.path, tt.body)
		})
	}
	c.t = t
	if n := c.must(200, "GET", "/api/pool", nil)["count"]; n != json.Number("0") {
		t.Errorf("%v pools are there after refused writes", n)
	}
	c.must(201, "POST", "/api/pool", `{"name":"special","inline_health_monitor":true,"graceful_disable_timeout":-1,"tenant_ref":"https://host/api/tenant/admin#admin"}`)
}

func TestEditions(t *testing.T) {
	seed, err := DefaultSeed()
	if err != nil {
		t.Fatal(err)
	}
	body := `{"name":"v","vip":[{"vip_id":"0","auto_allocate_ip":true,"auto_allocate_ip_type":"V6_ONLY","ipam_network_subnet":{"network_ref":"/api/network/?name=vip-net"}}]}`
	newClient(t, newSim(t, Options{Seed: seed})).must(201, "POST", "/api/vsvip", body)
	seed.License = "BASIC"
	c := newClient(t, newSim(t, Options{Seed: seed}))
	c.refused(400, "not allowed with the basic licence", "POST", "/api/vsvip", body)
	if tier := c.must(200, "GET", "/api/systemconfiguration", nil)["default_license_tier"]; tier != "BASIC" {
		t.Errorf("tier %v", tier)
	}
}

func TestVersionHeader(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	uuid := c.must(201, "POST", "/api/vsvip", `{"name":"v","bgp_local_preference":5,"bgp_peer_labels":["a"]}`)["uuid"].(string)
	for version, want := range map[string][2]bool{"30.2.1": {true, true}, "22.1.3": {false, true}, "18.2.6": {false, false}, "99.9.9": {true, true}} {
		c.header.Set("X-Avi-Version", version)
		o := c.must(200, "GET", "/api/vsvip/"+uuid, nil)
		_, newer := o["bgp_local_preference"]
		_, older := o["bgp_peer_labels"]
		if got := [2]bool{newer, older}; got != want {
			t.Errorf("version %s: fields since 30.2.1 and 20.1.5 shown: %v, want %v", version, got, want)
		}
	}
}

func TestSensitiveFields(t *testing.T) {
	cert, key := testPair(t)
	c := newClient(t, newSim(t, Options{}))
	body := map[string]any{"name": "crt", "key": key, "certificate": map[string]any{"certificate": cert}}
	o := c.must(201, "POST", "/api/sslkeyandcertificate", body)
	path := "/api/sslkeyandcertificate/" + o["uuid"].(string)
	if o["key"] != sensitiveText {
		t.Errorf("the key is shown: %v", o["key"])
	}
	if got := o["certificate"].(map[string]any)["certificate"]; got != cert {
		t.Errorf("the certificate is not given back byte for byte:\n%v", got)
	}
	c.must(200, "PUT", path, o) // keeps the key
	if got := c.must(200, "GET", path+"?export_key=true", nil)["key"]; got != key {
		t.Errorf("exported key is %v", got)
	}
	_, otherKey := testPair(t)
	for name, bad := range map[string]map[string]any{
		"no PEM":      {"name": "x", "certificate": map[string]any{"certificate": "hello"}},
		"broken PEM":  {"name": "x", "certificate": map[string]any{"certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}},
		"another key": {"name": "x", "key": otherKey, "certificate": map[string]any{"certificate": cert}},
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			c.refused(400, "SSLKeyAndCertificate", "POST", "/api/sslkeyandcertificate", bad)
		})
	}
}

func TestReferences(t *testing.T) {
	c := newClient(t, newSim(t, Options{Tenants: []string{"blue"}}))
	vrf := find(c, "vrfcontext", "name=global&cloud_ref.name=Default-Cloud")
	other := find(c, "vrfcontext", "name=global&cloud_ref.name=none-cloud")
	hm := find(c, "healthmonitor", "name=System-TCP")
	good := []string{
		"/api/vrfcontext/" + vrf, "/api/vrfcontext/" + vrf + "#whatever", "/api/vrfcontext?name=global", "/api/vrfcontext/?name=global",
		"https://10.0.0.1/api/vrfcontext/" + vrf + "#global", "https://h:8443//api/vrfcontext/?name=global", "/api/vrfcontext/" + vrf + "/",
	}
	for i, ref := range good {
		o := c.must(201, "POST", "/api/pool?include_name", map[string]any{"name": fmt.Sprint("p", i), "vrf_ref": ref})
		if got := o["vrf_ref"].(string); !strings.HasSuffix(got, "/api/vrfcontext/"+vrf+"#global") {
			t.Errorf("%s became %s", ref, got)
		}
	}
	bad := map[string]string{
		"/api/vrfcontext/?name=nope":         "VrfContext object not found",
		"/api/vrfcontext/vrfcontext-1":       "VrfContext object not found",
		"/api/vrfcontext/" + other:           "is in cloud none-cloud",
		"/api/network/?name=vip-net":         "expected a vrfcontext",
		"global":                             "invalid reference",
		"":                                   "invalid reference",
		"/api/vrfcontext":                    "invalid reference",
		"/api/vrfcontext/?name=":             "invalid reference",
		"https://host":                       "invalid reference",
		"/api/vrfcontext/?name=glo%62al%20x": "VrfContext object not found",
	}
	for ref, words := range bad {
		c.refused(400, words, "POST", "/api/pool", map[string]any{"name": "bad", "vrf_ref": ref})
	}
	// Names with odd characters, escaped, resolve.
	odd := "a/b?c#d e&f=%20+ü"
	c.must(201, "POST", "/api/pool", map[string]any{"name": odd})
	pg := c.must(201, "POST", "/api/poolgroup?include_name=true", map[string]any{"name": "pg", "members": []any{map[string]any{"pool_ref": "/api/pool/?name=" + url.QueryEscape(odd)}}})
	if got := pg["members"].([]any)[0].(map[string]any)["pool_ref"].(string); !strings.HasSuffix(got, "#"+odd) {
		t.Errorf("odd name: %s", got)
	}
	// By name, the referring object's cloud decides.
	p := c.must(201, "POST", "/api/pool", `{"name":"n","cloud_ref":"/api/cloud/?name=none-cloud","vrf_ref":"/api/vrfcontext/?name=global"}`)
	if !strings.HasSuffix(p["vrf_ref"].(string), other) {
		t.Errorf("vrf_ref is %s, want the cloud's own", p["vrf_ref"])
	}
	// Another tenant uses what admin shares, but not its pools.
	c.tenant = "blue"
	c.must(201, "POST", "/api/pool", map[string]any{"name": "b", "health_monitor_refs": []string{"/api/healthmonitor/" + hm}, "vrf_ref": "/api/vrfcontext/?name=global"})
	c.refused(400, "Pool object not found", "POST", "/api/poolgroup", `{"name":"pg","members":[{"pool_ref":"/api/pool/?name=p1"}]}`)
	c.refused(400, "Cannot modify VrfContext", "PUT", "/api/vrfcontext/"+vrf, `{"name":"global"}`)
}

// find returns the uuid of the one object that the query finds.
func find(c *client, typ, query string) string {
	c.t.Helper()
	objs := results(c.must(200, "GET", "/api/"+typ+"?"+query, nil))
	if len(objs) != 1 {
		c.t.Fatalf("%s?%s finds %d objects", typ, query, len(objs))
	}
	return objs[0]["uuid"].(string)
}

func TestDeleteOfWhatIsReferredTo(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	pool := c.must(201, "POST", "/api/pool", `{"name":"p"}`)["uuid"].(string)
	group := c.must(201, "POST", "/api/poolgroup", `{"name":"g","members":[{"pool_ref":"/api/pool/?name=p"},{"pool_ref":"/api/pool/?name=p"}]}`)["uuid"].(string)
	c.refused(412, "['PoolGroup g']", "DELETE", "/api/pool/"+pool, nil)
	c.must(200, "PUT", "/api/poolgroup/"+group, `{"name":"g"}`)
	c.must(204, "DELETE", "/api/pool/"+pool, nil)
	c.must(204, "DELETE", "/api/poolgroup/"+group, nil)

	c = newClient(t, newSim(t, Options{Assume: Assumptions{DeleteRefused: 400}}))
	pool = c.must(201, "POST", "/api/pool", `{"name":"p"}`)["uuid"].(string)
	c.must(201, "POST", "/api/poolgroup", `{"name":"g","members":[{"pool_ref":"/api/pool/?name=p"}]}`)
	c.must(400, "DELETE", "/api/pool/"+pool, nil)
}

func TestPatch(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	server := func(addr string) map[string]any {
		return map[string]any{"ip": map[string]any{"addr": addr, "type": "V4"}}
	}
	uuid := c.must(201, "POST", "/api/pool", map[string]any{
		"name": "p", "servers": []any{server("10.0.0.1")}, "health_monitor_refs": []string{"/api/healthmonitor/?name=System-TCP"},
	})["uuid"].(string)
	path := "/api/pool/" + uuid
	addrs := func(o map[string]any) string {
		var out []string
		list, _ := o["servers"].([]any)
		for _, s := range list {
			out = append(out, s.(map[string]any)["ip"].(map[string]any)["addr"].(string))
		}
		return strings.Join(out, " ")
	}
	o := c.must(200, "PATCH", path, map[string]any{"add": map[string]any{"servers": []any{server("10.0.0.2")}, "description": "d"}})
	if addrs(o) != "10.0.0.1 10.0.0.2" || o["description"] != "d" {
		t.Errorf("add: %s %v", addrs(o), o["description"])
	}
	o = c.must(200, "PATCH", path, map[string]any{"delete": map[string]any{"servers": []any{server("10.0.0.1")}, "description": "d"}})
	if addrs(o) != "10.0.0.2" || o["description"] != nil {
		t.Errorf("delete: %s %v", addrs(o), o["description"])
	}
	o = c.must(200, "PATCH", path, map[string]any{"replace": map[string]any{"servers": []any{server("10.0.0.9")}}})
	if addrs(o) != "10.0.0.9" {
		t.Errorf("replace: %s", addrs(o))
	}
	o = c.must(200, "PATCH", path, `{"delete":{"health_monitor_refs":["/api/healthmonitor/?name=System-TCP"]}}`)
	if refs, _ := o["health_monitor_refs"].([]any); len(refs) != 0 {
		t.Errorf("delete of a reference: %v", refs)
	}
	c.refused(400, "unknown operation", "PATCH", path, `{"append":{}}`)
	c.refused(400, "Pool.nope", "PATCH", path, `{"add":{"nope":1}}`)
	c.refused(400, "Pool.name: is required", "PATCH", path, `{"delete":{"name":"p"}}`)
}

func TestMacro(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	c.must(201, "POST", "/api/macro", `{"model_name":"Pool","data":{"name":"p"}}`)
	c.refused(400, "Pool object not found", "POST", "/api/macro", `[{"model_name":"Pool","data":{"name":"q"}},
		{"model_name":"PoolGroup","data":{"name":"g","members":[{"pool_ref":"/api/pool/?name=none"}]}}]`)
	if n := len(results(c.must(200, "GET", "/api/pool", nil))); n != 1 {
		t.Errorf("%d pools after a refused macro, want 1", n)
	}
	resp, text, err := c.try("POST", "/api/macro", `[{"model_name":"Pool","data":{"name":"q"}},
		{"model_name":"PoolGroup","data":{"name":"g","members":[{"pool_ref":"/api/pool/?name=q"}]}},
		{"method":"PUT","model_name":"Pool","data":{"name":"p","description":"d"}},
		{"method":"delete","model_name":"Pool","data":{"name":"p"}}]`)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("macro: %v %s", err, text)
	}
	find(c, "poolgroup", "name=g")
	find(c, "pool", "") // q alone
}

func TestSnapshot(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	c.must(201, "POST", "/api/vsvip", vip("v", nil))
	snap := sim.Snapshot()
	want := sim.Dump()
	c.must(201, "POST", "/api/pool", `{"name":"p"}`)
	v := find(c, "vsvip", "name=v")
	c.must(204, "DELETE", "/api/vsvip/"+v, nil)
	for range 2 {
		sim.Restore(snap)
		if diff := cmp.Diff(want, sim.Dump()); diff != "" {
			t.Fatalf("restored state differs:\n%s", diff)
		}
		c.must(204, "DELETE", "/api/vsvip/"+v, nil)
	}
	if err := sim.Reset(); err != nil {
		t.Fatal(err)
	}
	if d := sim.Dump(); len(d.Tenants) != 0 || len(d.SystemChanges) != 0 {
		t.Errorf("after a reset: %v", d)
	}
	if len(sim.Requests()) != 0 {
		t.Error("after a reset there are requests in the log")
	}
}
