package avisim

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/avisim/normal"
)

// dumpText is the dump as JSON, to be compared with a literal.
func dumpText(t *testing.T, sim *Simulator) any {
	t.Helper()
	text, err := sim.Dump().Text()
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, string(text))
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDumpHasOnlyWhatClientsWrote(t *testing.T) {
	sim := newSim(t, Options{Tenants: []string{"blue"}})
	if diff := cmp.Diff(decoded(t, `{"tenants":{},"system_changes":{}}`), dumpText(t, sim)); diff != "" {
		t.Errorf("an untouched simulator:\n%s", diff)
	}
	c := newClient(t, sim)
	c.tenant = "blue"
	o := c.must(201, "POST", "/api/pool?include_name", `{"name":"p","created_by":"me","cloud_config_cksum":"12","enabled":true,
		"tenant_ref":"/api/tenant/?name=blue","vrf_ref":"/api/vrfcontext/?name=global",
		"service_metadata":"{\"namespace\":\"ns\",\"hostnames\":[\"b\",\"a\"],\"pool_ratio\":0,\"crd_status\":{},\"is_mci_ingress\":false,\"ingress_name\":\"\",\"gateway\":null}",
		"servers":[{"ip":{"addr":"10.0.0.2","type":"V4"}},{"ip":{"addr":"10.0.0.1","type":"V4"},"port":80}]}`)
	want := decoded(t, `{"system_changes":{},"tenants":{"blue":{"pool":[{"name":"p","created_by":"me","enabled":true,"vrf_ref":"vrfcontext/global",
		"service_metadata":{"namespace":"ns","hostnames":["a","b"]},
		"servers":[{"ip":{"addr":"10.0.0.1","type":"V4"},"port":80},{"ip":{"addr":"10.0.0.2","type":"V4"}}]}]}}}`)
	if diff := cmp.Diff(want, dumpText(t, sim)); diff != "" {
		t.Errorf("after POST:\n%s", diff)
	}
	// Sending back what was read, with all its defaults, writes nothing new.
	path := "/api/pool/" + o["uuid"].(string)
	o = c.must(200, "PUT", path, o)
	if diff := cmp.Diff(want, dumpText(t, sim)); diff != "" {
		t.Errorf("after a PUT of the object read:\n%s", diff)
	}
	// So does adding a server before those that were read.
	o["servers"] = append([]any{map[string]any{"ip": map[string]any{"addr": "10.0.0.0", "type": "V4"}}}, o["servers"].([]any)...)
	o = c.must(200, "PUT", path, o)
	servers := sim.Dump().Tenants["blue"]["pool"][0]["servers"]
	if diff := cmp.Diff(decoded(t, `[{"ip":{"addr":"10.0.0.0","type":"V4"}},{"ip":{"addr":"10.0.0.1","type":"V4"},"port":80},{"ip":{"addr":"10.0.0.2","type":"V4"}}]`), decoded(t, jsonText(t, servers))); diff != "" {
		t.Errorf("after a PUT with one more server:\n%s", diff)
	}
	o["servers"] = o["servers"].([]any)[1:]
	o = c.must(200, "PUT", path, o)
	if diff := cmp.Diff(want, dumpText(t, sim)); diff != "" {
		t.Errorf("after a PUT without it:\n%s", diff)
	}
	delete(o, "_last_modified") // but without a version it is what the client says
	c.must(200, "PUT", path, o)
	if diff := cmp.Diff(want, dumpText(t, sim)); diff == "" {
		t.Error("a blind PUT of defaults is not seen")
	}
}

func TestDumpOfSystemChanges(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	seg := results(c.must(200, "GET", "/api/serviceenginegroup?name=Default-Group&cloud_ref.name=none-cloud", nil))[0]
	seg["labels"] = []any{map[string]any{"key": "clustername", "value": "c1"}}
	path := "/api/serviceenginegroup/" + seg["uuid"].(string)
	seg = c.must(200, "PUT", path, seg)
	vrf := results(c.must(200, "GET", "/api/vrfcontext?name=global&cloud_ref.name=Default-Cloud&include_name", nil))[0]
	vrf["static_routes"] = []any{map[string]any{
		"route_id": "c1-4f0c2a6e-7b1d-4c62-9a53-0d8a4f6f2b11-0", "next_hop": map[string]any{"addr": "10.0.0.1", "type": "V4"},
		"prefix": map[string]any{"ip_addr": map[string]any{"addr": "10.1.0.0", "type": "V4"}, "mask": 24},
	}}
	c.must(200, "PUT", "/api/vrfcontext/"+vrf["uuid"].(string), vrf)
	want := decoded(t, `{"tenants":{},"system_changes":{
		"serviceenginegroup":{"none-cloud/Default-Group":{"labels":[{"key":"clustername","value":"c1"}]}},
		"vrfcontext":{"Default-Cloud/global":{"static_routes":[{"route_id":"c1-<id>-0","next_hop":{"addr":"10.0.0.1","type":"V4"},"prefix":{"ip_addr":{"addr":"10.1.0.0","type":"V4"},"mask":24}}]}}}}`)
	if diff := cmp.Diff(want, dumpText(t, sim)); diff != "" {
		t.Errorf("changes:\n%s", diff)
	}
	delete(seg, "labels")
	c.must(200, "PUT", path, seg)
	vrf = c.must(200, "GET", "/api/vrfcontext/"+vrf["uuid"].(string), nil)
	vrf["static_routes"] = []any{}
	c.must(200, "PUT", "/api/vrfcontext/"+vrf["uuid"].(string), vrf)
	if d := sim.Dump(); len(d.SystemChanges) != 0 {
		t.Errorf("taken back, but still there: %v", d.SystemChanges)
	}
	profile := results(c.must(200, "GET", "/api/applicationprofile?name=System-HTTP", nil))[0]
	c.must(200, "PATCH", "/api/applicationprofile/"+profile["uuid"].(string), `{"replace":{"preserve_client_ip":true}}`)
	if diff := cmp.Diff(map[string]any{"preserve_client_ip": true}, sim.Dump().SystemChanges["applicationprofile"]["System-HTTP"]); diff != "" {
		t.Errorf("a type outside clouds:\n%s", diff)
	}
}

func TestDumpIsNormal(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	cert, key := testPair(t)
	c.must(201, "POST", "/api/sslkeyandcertificate", map[string]any{"name": "crt", "key": key, "certificate": map[string]any{"certificate": cert}})
	c.must(201, "POST", "/api/vsvip", vip("v", nil))
	c.must(201, "POST", "/api/virtualservice", vs("vs", "v", nil, 443, 80))
	d := sim.Dump()
	text, err := d.Text()
	if err != nil {
		t.Fatal(err)
	}
	again, err := normal.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, again); diff != "" {
		t.Errorf("normalizing the dump changes it:\n%s", diff)
	}
	vip := d.Tenants["admin"]["vsvip"][0]["vip"].([]any)[0].(map[string]any)
	if vip["ip_address"] == nil || vip["ipam_network_subnet"].(map[string]any)["network_ref"] != "network/vip-net" {
		t.Errorf("vip: %v", vip)
	}
}
