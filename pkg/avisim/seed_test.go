package avisim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDefaultSeed checks what the built-in seed promises.
func TestDefaultSeed(t *testing.T) {
	c := newClient(t, newSim(t, Options{Tenants: []string{"blue", "admin", "blue"}}))
	if n := len(results(c.must(200, "GET", "/api/tenant", nil))); n != 2 {
		t.Errorf("%d tenants", n)
	}
	for _, cloud := range []struct{ name, vtype, vrfs, networks string }{
		{"Default-Cloud", "CLOUD_VCENTER", "global management blue", "vip-net vip-net-2 vip-net-blue node-net node-net-2"},
		{"none-cloud", "CLOUD_NONE", "global management", "vip-net vip-net-2"},
		{"nsxt-cloud", "CLOUD_NSXT", "global management t1-east t1-west", "vip-net vip-net-2"},
		{"aws-cloud", "CLOUD_AWS", "global management", "subnet-0a subnet-0b"},
	} {
		o := results(c.must(200, "GET", "/api/cloud?include_name&name="+cloud.name, nil))[0]
		if o["vtype"] != cloud.vtype || !strings.HasSuffix(o["ipam_provider_ref"].(string), "#"+cloud.name+"-ipam") || !strings.HasSuffix(o["dns_provider_ref"].(string), "#"+cloud.name+"-dns") {
			t.Errorf("cloud %s: %v", cloud.name, o)
		}
		for typ, want := range map[string]string{"vrfcontext": cloud.vrfs, "network": cloud.networks, "serviceenginegroup": "Default-Group seg-gold seg-silver"} {
			var names []string
			for _, o := range results(c.must(200, "GET", "/api/"+typ+"?cloud_ref.name="+cloud.name, nil)) {
				names = append(names, o["name"].(string))
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("%s of %s: %s, want %s", typ, cloud.name, got, want)
			}
		}
	}
	for _, tt := range []struct{ typ, name, field, want string }{
		{"applicationprofile", "System-HTTP", "type", "APPLICATION_PROFILE_TYPE_HTTP"},
		{"applicationprofile", "System-L4-Application", "type", "APPLICATION_PROFILE_TYPE_L4"},
		{"healthmonitor", "System-SCTP", "type", "HEALTH_MONITOR_SCTP"},
		{"applicationpersistenceprofile", "System-Persistence-Client-IP", "persistence_type", "PERSISTENCE_TYPE_CLIENT_IP_ADDRESS"},
		{"ssopolicy", "custom-sso-oauth", "type", "SSO_TYPE_OAUTH"},
		{"authprofile", "custom-auth-saml", "type", "AUTH_PROFILE_SAML"},
	} {
		if o := results(c.must(200, "GET", "/api/"+tt.typ+"?name="+tt.name, nil)); len(o) != 1 || o[0][tt.field] != tt.want {
			t.Errorf("%s %s: %v", tt.typ, tt.name, o)
		}
	}
	profile := results(c.must(200, "GET", "/api/networkprofile?name=System-UDP-Per-Pkt", nil))[0]["profile"].(map[string]any)
	if profile["type"] != "PROTOCOL_TYPE_UDP_FAST_PATH" {
		t.Errorf("network profile: %v", profile)
	}
	east := results(c.must(200, "GET", "/api/vrfcontext?name=t1-east", nil))[0]["attrs"].([]any)[0].(map[string]any)
	if east["key"] != "tier1path" || east["value"] != "/infra/tier-1s/t1-east" {
		t.Errorf("attrs of t1-east: %v", east)
	}
	net := results(c.must(200, "GET", "/api/network?name=vip-net-blue&include_name", nil))[0]
	if !strings.HasSuffix(net["vrf_context_ref"].(string), "#blue") {
		t.Errorf("vip-net-blue is in %v", net["vrf_context_ref"])
	}
	// Two simulators of one seed have the same uuids.
	d := newClient(t, newSim(t, Options{}))
	if a, b := find(c, "cloud", "name=aws-cloud"), find(d, "cloud", "name=aws-cloud"); a != b {
		t.Errorf("uuids differ: %s %s", a, b)
	}
}

func TestSeedErrors(t *testing.T) {
	const head = "version: 30.2.1\nuser: {name: admin, password: x}\n"
	for name, tt := range map[string]struct{ text, words string }{
		"not YAML":        {"a: [", "parsing the seed"},
		"unknown key":     {head + "clowds: []\n", "line 3"},
		"no version":      {"user: {name: admin}\n", "version and user.name"},
		"bad version":     {"version: latest\nuser: {name: admin}\n", "not a release"},
		"two documents":   {head + "---\n" + head, "more than one document"},
		"unknown type":    {head + "objects: {widget: [a]}\n", `no type "widget"`},
		"unknown kind":    {head + "objects: {healthmonitor: {morse: [a]}}\n", "HEALTH_MONITOR_MORSE"},
		"unknown vtype":   {head + "clouds: [{name: c, vtype: CLOUD_9}]\n", "CLOUD_9"},
		"unknown VRF":     {head + "clouds: [{name: c, vtype: CLOUD_NONE, networks: [{name: n, vrf: v}]}]\n", "VrfContext object not found"},
		"twice":           {head + "clouds: [{name: c, vtype: CLOUD_NONE}, {name: c, vtype: CLOUD_NONE}]\n", "already exists"},
		"unknown tenant":  {head + "users: [{name: u, password: p, tenants: [t]}]\n", "Tenant object not found"},
		"objects no list": {head + "objects: {pool: 5}\n", "parsing the seed"},
	} {
		t.Run(name, func(t *testing.T) {
			seed, err := ParseSeed([]byte(tt.text))
			if err == nil {
				_, err = New(Options{Seed: seed})
			}
			if err == nil || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("error %v, want %q", err, tt.words)
			}
		})
	}
}

func TestLoadSeed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seed.yaml")
	if _, err := LoadSeed(path); err == nil {
		t.Error("a seed that isn't there loads")
	}
	text := "version: 22.1.3\nuser: {name: root, password: pw}\ntenants: {default: [a], others: [{name: b, tenantVrf: true, seInProviderContext: false}]}\n" +
		"clouds: [{name: only, vtype: CLOUD_NONE, seGroups: [x]}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	seed, err := LoadSeed(path)
	if err != nil {
		t.Fatal(err)
	}
	c := newClientAs(t, newSim(t, Options{Seed: seed}), "root", "pw")
	if v := c.must(200, "GET", "/api/cluster/version", nil)["Version"]; v != "22.1.3" {
		t.Errorf("version %v", v)
	}
	c.tenant = "b"
	var tenants []string
	for _, o := range results(c.must(200, "GET", "/api/vrfcontext?name=global&include_name", nil)) {
		tenants = append(tenants, o["tenant_ref"].(string)[strings.LastIndexByte(o["tenant_ref"].(string), '#'):])
	}
	if strings.Join(tenants, " ") != "#b" {
		t.Errorf("VRFs that tenant b sees: %v", tenants)
	}
}
