package avisim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzHTTP throws requests at the whole surface: no panic, no 500, every
// answer JSON, and the indexes as they should be.
func FuzzHTTP(f *testing.F) {
	for _, s := range [][4]string{
		{"GET", "/api/pool?page=1&page_size=3&name.contains=x", "admin", ""},
		{"POST", "/api/pool", "admin", `{"name":"p","servers":[{"ip":{"addr":"10.0.0.1","type":"V4"}}]}`},
		{"POST", "/api/vsvip", "blue", `{"name":"v","vip":[{"vip_id":"0","auto_allocate_ip":true,"auto_allocate_ip_type":"V4_V6"}]}`},
		{"POST", "/api/vsvip", "admin", `{"name":"v","vip":[{"vip_id":"0","auto_allocate_ip":true,"ip_address":{"addr":"::1","type":"V4"}}]}`},
		{"POST", "/api/network", "admin", `{"name":"n","configured_subnets":[{"prefix":{"ip_addr":{"addr":"::","type":"V6"},"mask":0},"static_ip_ranges":[{"range":{"begin":{"addr":"::","type":"V6"},"end":{"addr":"ffff::","type":"V6"}}}]}]}`},
		{"POST", "/api/virtualservice", "admin", `{"name":"s","type":"VS_TYPE_VH_CHILD","vh_parent_vs_ref":"/api/virtualservice?name=s"}`},
		{"PUT", "/api/tenant/admin", "admin", `{"name":"admin"}`},
		{"PATCH", "/api/systemconfiguration", "admin", `{"add":{"a.b":[]},"delete":{"x":{}},"replace":{}}`},
		{"POST", "/api/macro", "admin", `[{"model_name":"Pool","data":{"name":"x"}},{"method":"DELETE","model_name":"Pool","data":{"name":"x"}}]`},
		{"GET", "/api/virtualservice-inventory?sort=-name&fields=a,b", "*", ""},
		{"DELETE", "/api/cloud/x", "admin", ""},
		{"POST", "/_sim/faults", "", `{"share":2}`},
		{"GET", "//api//ipamdnsproviderprofiledomainlist/?cloud_uuid=%zz", "admin", ""},
		{"POST", "/login", "", `{"username":1}`},
		{"POST", "/login", "", `username=admin&password=%zz`},
		{"POST", "/api/user-token", "admin", `{"hours":1e9}`},
		{"DELETE", "/api/user-token/usertoken-x", "admin", ""},
		{"POST", "/api/role", "admin", `{"name":"r","privileges":[{"resource":"PERMISSION_POOL","type":"READ_ACCESS"}],"filters":[{"match_label":{"key":"a","values":["[b"]},"match_operation":"ROLE_FILTER_GLOB_MATCH"}]}`},
		{"POST", "/api/user", "admin", `{"name":"u","password":"p","access":[{"all_tenants":true,"role_ref":"/api/role/?name=Tenant-Admin"}]}`},
		{"PUT", "/api/systemlimits/default", "admin", `{"controller_limits":{"servers_per_pool":-1,"controller_sizing_limits":[]}}`},
		{"POST", "/api/sslkeyandcertificate", "admin", `{"name":"c","certificate":{"self_signed":true,"days_until_expire":1,"subject_alt_names":["*"]}}`},
		{"POST", "/api/vsvip", "admin", `{"name":"v","cloud_ref":"/api/cloud?name=aws-cloud","vip":[{"vip_id":"1","auto_allocate_ip":true,"subnet_uuid":"subnet-0a","auto_allocate_floating_ip":true}]}`},
		{"POST", "/api/vsvip", "admin", `{"name":"v","cloud_ref":"/api/cloud?name=nsxt-cloud","tier1_lr":"/infra/tier-1s/t1-east","dns_info":[{"fqdn":"."}],"vip":[{"vip_id":"0"}]}`},
		{"POST", "/api/tenant", "admin", `{"name":"t","config_settings":{"tenant_vrf":true,"se_in_provider_context":false}}`},
		{"POST", "/api/macro", "admin", `[{"model_name":"Tenant","data":{"name":"t","config_settings":{"tenant_vrf":true}}},{"model_name":"Tenant","data":{}}]`},
		{"GET", "/api/pool-inventory?page_size=1&page=1&label_key=a&label_value=b", "blue", ""},
		{"GET", "/api/pool/x/runtime/server/detail/", "*", ""},
	} {
		f.Add(s[0], s[1], s[2], s[3])
	}
	sim, err := New(Options{Tenants: []string{"blue"}, RequestLog: 10})
	if err != nil {
		f.Fatal(err)
	}
	start := sim.Snapshot()
	f.Fuzz(func(t *testing.T, method, target, tenant, body string) {
		if strings.HasPrefix(cleanPath(target), "/_sim") && method != http.MethodGet {
			method = http.MethodGet // faults would do what they are told
		}
		r, err := http.NewRequest(method, "https://avi.test.invalid/", strings.NewReader(body))
		if err != nil {
			return
		}
		path, query, _ := strings.Cut(target, "?")
		r.URL.Path, r.URL.RawQuery, r.RemoteAddr = path, query, "192.0.2.1:1"
		sim.Restore(start)
		ses := sim.sessions.open("admin")
		r.AddCookie(&http.Cookie{Name: "sessionid", Value: ses.id})
		r.Header.Set("X-CSRFToken", ses.csrf)
		r.Header.Set("Referer", "x")
		r.Header.Set("X-Avi-Tenant", tenant)
		rec := httptest.NewRecorder()
		sim.Handler().ServeHTTP(rec, r)
		if rec.Code >= 500 {
			t.Fatalf("%s %s: %d %s", method, target, rec.Code, rec.Body)
		}
		if rec.Body.Len() > 0 && !json.Valid(rec.Body.Bytes()) {
			t.Fatalf("%s %s: not JSON: %s", method, target, rec.Body)
		}
		checkIndexes(t, sim.store)
		sim.sessions.close(ses.id)
	})
}

// FuzzReference: parsing a reference never panics, and what it finds has a
// type and a uuid or a name.
func FuzzReference(f *testing.F) {
	for _, s := range []string{"/api/pool/?name=a", "https://h//api/pool/pool-1#a", "/api/pool?name=%zz", "://", "api/", "/api/a/b/c", "/api//?name=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, ok := parseReference(s); ok && (r.path == "" || r.uuid == "" && r.name == "") {
			t.Fatalf("%q became %+v", s, r)
		}
	})
}
