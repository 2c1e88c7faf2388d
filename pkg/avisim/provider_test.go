package avisim

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"
)

func providerSim(t *testing.T, a Assumptions) *client {
	t.Helper()
	seed, err := DefaultSeed()
	if err != nil {
		t.Fatal(err)
	}
	no := false
	seed.Tenants.Others = []SeedTenant{{Name: "own", SEInProviderContext: &no, TenantVRF: true}, {Name: "shared"}}
	return newClient(t, newSim(t, Options{Seed: seed, Assume: a}))
}

// TestProviderContext: SE groups and VRFs are admin's or the tenant's, as its
// settings say, for references, reads and creation.
func TestProviderContext(t *testing.T) {
	c := providerSim(t, Assumptions{})
	group := find(c, "serviceenginegroup", "name=seg-gold&cloud_ref.name=Default-Cloud")
	vrf := find(c, "vrfcontext", "name=blue&cloud_ref.name=Default-Cloud")

	c.tenant = "shared"
	c.must(201, "POST", "/api/vsvip", vip("v", nil))
	c.must(201, "POST", "/api/virtualservice", vs("s", "v", map[string]any{"se_group_ref": "/api/serviceenginegroup/?name=seg-gold"}, 80))
	c.must(200, "GET", "/api/serviceenginegroup/"+group, nil)
	c.must(200, "GET", "/api/vrfcontext/"+vrf, nil)
	c.refused(400, "can't have its own", "POST", "/api/serviceenginegroup", `{"name":"mine"}`)
	c.refused(400, "can't have its own", "POST", "/api/vrfcontext", `{"name":"mine"}`)
	c.refused(400, "Cannot modify VrfContext", "PUT", "/api/vrfcontext/"+vrf, `{"name":"blue"}`)

	c.tenant = "own"
	c.must(404, "GET", "/api/serviceenginegroup/"+group, nil)
	c.must(404, "GET", "/api/vrfcontext/"+vrf, nil)
	for _, typ := range []string{"serviceenginegroup", "vrfcontext"} {
		for _, o := range results(c.must(200, "GET", "/api/"+typ+"?include_name", nil)) {
			if ref := o["tenant_ref"].(string); ref[len(ref)-4:] != "#own" {
				t.Errorf("tenant own is shown %s %s of %s", typ, o["name"], ref)
			}
		}
	}
	c.must(201, "POST", "/api/serviceenginegroup", `{"name":"mine"}`)
	c.must(201, "POST", "/api/vrfcontext", `{"name":"mine"}`)
	// Admin's network is in admin's VRF: a tenant with VRFs of its own needs
	// networks of its own.
	c.refused(400, "is in VRF 'global' of tenant 'admin', the VsVip in 'global' of tenant 'own'", "POST", "/api/vsvip", vip("v", nil))
	c.must(201, "POST", "/api/network", `{"name":"own-net","configured_subnets":[{"prefix":{"ip_addr":{"addr":"10.77.0.0","type":"V4"},"mask":24},
		"static_ip_ranges":[{"range":{"begin":{"addr":"10.77.0.10","type":"V4"},"end":{"addr":"10.77.0.20","type":"V4"}}}]}]}`)
	c.must(201, "POST", "/api/vsvip", vip("v", map[string]any{"ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=own-net"}}))
	c.refused(400, "ServiceEngineGroup object not found", "POST", "/api/virtualservice", vs("s", "v", map[string]any{"se_group_ref": "/api/serviceenginegroup/?name=seg-gold"}, 80))
	c.refused(400, "ServiceEngineGroup object not found", "POST", "/api/virtualservice", vs("s", "v", map[string]any{"se_group_ref": "/api/serviceenginegroup/" + group}, 80))
	c.refused(400, "VrfContext object not found", "POST", "/api/pool", `{"name":"p","vrf_ref":"/api/vrfcontext/?name=blue"}`)
	o := c.must(201, "POST", "/api/virtualservice?include_name", vs("s", "v", nil, 80))
	c.must(200, "GET", "/api/serviceenginegroup/"+last(o["se_group_ref"]), nil)

	c.tenant = "admin"
	closed := c.must(201, "POST", "/api/tenant", `{"name":"closed","config_settings":{"tenant_access_to_provider_se":false}}`)["uuid"]
	c.tenant = closed.(string)
	if n := len(results(c.must(200, "GET", "/api/serviceenginegroup", nil))); n != 0 {
		t.Errorf("a tenant without access to the provider's SEs sees %d groups", n)
	}
	c.must(201, "POST", "/api/vsvip", vip("v", nil))
	c.must(201, "POST", "/api/virtualservice", vs("s", "v", nil, 80))
}

func TestAssumedSharedProvider(t *testing.T) {
	c := providerSim(t, Assumptions{SharedProvider: true})
	c.tenant = "own"
	c.must(201, "POST", "/api/pool", `{"name":"p","vrf_ref":"/api/vrfcontext/?name=blue"}`)
	c.tenant = "shared"
	c.must(201, "POST", "/api/serviceenginegroup", `{"name":"mine"}`)
}

func TestSystemLimits(t *testing.T) {
	for _, assumed := range []int{0, 403} {
		seed, err := DefaultSeed()
		if err != nil {
			t.Fatal(err)
		}
		seed.Limits = map[string]int{
			"servers_per_pool": 2, "pools_per_poolgroup": 1, "num_virtualservices": 2, "certificates_per_virtualservice": 1, "num_tenants": 2,
			"num_rules_per_http_policy": 1, "sni_children_per_parent": 1, "strings_per_stringgroup": 1, "routes_per_vrfcontext": 1, "num_servers": 3,
			"poolgroups_per_virtualservice": 1, "ips_per_ipgroup": 1,
		}
		c := newClient(t, newSim(t, Options{Seed: seed, Assume: Assumptions{LimitRefused: assumed}}))
		status := max(assumed, 400)
		refused := func(limit, typ string, body any) {
			t.Helper()
			c.refused(status, "the system limit "+limit, "POST", "/api/"+typ, body)
		}
		server := func(i int) string { return fmt.Sprintf(`{"ip":{"addr":"10.0.0.%d","type":"V4"}}`, i) }
		refused("servers_per_pool", "pool", `{"name":"p","servers":[`+server(1)+`,`+server(2)+`,`+server(3)+`]}`)
		p := c.must(201, "POST", "/api/pool", `{"name":"p","servers":[`+server(1)+`,`+server(2)+`]}`)["uuid"].(string)
		c.must(status, "PUT", "/api/pool/"+p, `{"name":"p","servers":[`+server(1)+`,`+server(2)+`,`+server(3)+`]}`)
		c.must(status, "PATCH", "/api/pool/"+p, `{"add":{"servers":[`+server(3)+`]}}`)
		refused("num_servers", "pool", `{"name":"q","servers":[`+server(1)+`,`+server(2)+`]}`)
		c.must(201, "POST", "/api/pool", `{"name":"q","servers":[`+server(1)+`]}`)
		refused("pools_per_poolgroup", "poolgroup", `{"name":"g","members":[{"pool_ref":"/api/pool/?name=p"},{"pool_ref":"/api/pool/?name=q"}]}`)
		refused("strings_per_stringgroup", "stringgroup", `{"name":"s","type":"SG_TYPE_STRING","kv":[{"key":"a"},{"key":"b"}]}`)
		refused("ips_per_ipgroup", "ipaddrgroup", `{"name":"s","addrs":[{"addr":"10.0.0.1","type":"V4"},{"addr":"10.0.0.2","type":"V4"}]}`)
		rule := func(i int) string {
			return fmt.Sprintf(`{"index":%d,"name":"r%d","enable":true,"redirect_action":{"protocol":"HTTPS","status_code":"HTTP_REDIRECT_STATUS_CODE_302"}}`, i, i)
		}
		refused("num_rules_per_http_policy", "httppolicyset", `{"name":"h","http_request_policy":{"rules":[`+rule(1)+`,`+rule(2)+`]}}`)

		c.must(201, "POST", "/api/vsvip", vip("v", nil))
		refused("certificates_per_virtualservice", "virtualservice", vs("s", "v", map[string]any{"ssl_key_and_certificate_refs": []any{
			"/api/sslkeyandcertificate/?name=System-Default-Cert", "/api/sslkeyandcertificate/?name=custom-cert"}}, 80))
		c.must(201, "POST", "/api/virtualservice", vs("parent", "v", map[string]any{"type": vsParent}, 80))
		child := func(name string) map[string]any {
			return map[string]any{"name": name, "type": vsChild, "vh_parent_vs_ref": "/api/virtualservice/?name=parent", "vh_domain_name": []any{name + ".avi.internal"}}
		}
		c.must(201, "POST", "/api/virtualservice", child("a"))
		refused("num_virtualservices", "virtualservice", child("b"))

		c.must(201, "POST", "/api/tenant", `{"name":"one"}`)
		refused("num_tenants", "tenant", `{"name":"two"}`)
		limits := results(c.must(200, "GET", "/api/systemlimits", nil))[0]
		if got := fmt.Sprint(limits["controller_limits"].(map[string]any)["servers_per_pool"]); got != "2" {
			t.Errorf("/api/systemlimits says %s servers a pool", got)
		}
		// A limit that is taken away holds no more.
		c.must(200, "PUT", "/api/systemlimits/"+limits["uuid"].(string), `{"controller_limits":{"sni_children_per_parent":1}}`)
		refused("sni_children_per_parent", "virtualservice", child("b"))
		c.must(201, "POST", "/api/tenant", `{"name":"two"}`)
	}
	seed := &Seed{Version: "30.2.1", User: SeedUser{Name: "a", Password: "b"}, Limits: map[string]int{"servers_per_pol": 1}}
	if _, err := New(Options{Seed: seed}); err == nil {
		t.Error("a misspelt limit is taken")
	}
}

func TestSelfSigned(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	body := `{"name":"c","type":"SSL_CERTIFICATE_TYPE_VIRTUALSERVICE","certificate":{"self_signed":true,"subject":{"common_name":"shop.test","organization":"Shop"},"subject_alt_names":["www.shop.test"]}}`
	o := c.must(201, "POST", "/api/sslkeyandcertificate?export_key=true", body)
	text := o["certificate"].(map[string]any)["certificate"].(string)
	block, _ := pem.Decode([]byte(text))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || cert.Subject.CommonName != "shop.test" || cert.DNSNames[0] != "www.shop.test" {
		t.Fatalf("certificate %+v, error %v", cert, err)
	}
	if _, err := tls.X509KeyPair([]byte(text), []byte(o["key"].(string))); err != nil {
		t.Error(err)
	}
	path := "/api/sslkeyandcertificate/" + o["uuid"].(string) + "?export_key=true"
	again := c.must(200, "PUT", path, body)
	if again["certificate"].(map[string]any)["certificate"] != text || again["key"] != o["key"] {
		t.Error("a PUT of the same made another certificate")
	}
}
