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
