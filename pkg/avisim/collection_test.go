package avisim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPages(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	var want []string
	for i := range 60 {
		name := fmt.Sprintf("p%02d", (i*37)%60) // not the order of names
		want = append(want, name)
		c.must(201, "POST", "/api/pool", map[string]any{"name": name, "created_by": "me"})
	}
	for query, pages := range map[string]int{"": 3, "page_size=20": 3, "page_size=7&created_by=me&include_name": 9, "page_size=200": 1, "page_size=5000": 1} {
		path := "/api/pool?" + query
		var got []string
		n := 0
		for path != "" {
			out := c.must(200, "GET", path, nil)
			if out["count"] != json.Number("60") {
				t.Errorf("%s: count %v", path, out["count"])
			}
			for _, o := range results(out) {
				got = append(got, o["name"].(string))
			}
			n++
			path = ""
			if next, ok := out["next"].(string); ok {
				u, err := url.Parse(next)
				if err != nil || u.Scheme != "https" || u.Host == "" {
					t.Fatalf("next is %q", next)
				}
				if strings.Contains(query, "include_name") && !u.Query().Has("include_name") {
					t.Errorf("next has lost include_name: %s", next)
				}
				path = u.RequestURI()
			}
		}
		if n != pages {
			t.Errorf("%q: %d pages, want %d", query, n, pages)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: not in order of creation:\n%s", query, diff)
		}
	}
	c.must(404, "GET", "/api/pool?page=4", nil)
	c.must(400, "GET", "/api/pool?page=0", nil)
	c.must(400, "GET", "/api/pool?page_size=x", nil)
	c.must(200, "GET", "/api/poolgroup?page=1", nil)

	// Order of creation survives deletions, in whatever place.
	for i := 0; i < len(want); i += 2 {
		c.must(204, "DELETE", "/api/pool/"+find(c, "pool", "name="+want[i]), nil)
	}
	c.must(201, "POST", "/api/pool", map[string]any{"name": want[0]})
	var left, got []string
	for i := 1; i < len(want); i += 2 {
		left = append(left, want[i])
	}
	left = append(left, want[0])
	for _, o := range results(c.must(200, "GET", "/api/pool?page_size=100", nil)) {
		got = append(got, o["name"].(string))
	}
	if diff := cmp.Diff(left, got); diff != "" {
		t.Errorf("after deletions:\n%s", diff)
	}
}

func TestFilters(t *testing.T) {
	c := newClient(t, newSim(t, Options{Tenants: []string{"blue"}}))
	marker := func(v string) []any { return []any{map[string]any{"key": "clustername", "values": []any{v}}} }
	a := c.must(201, "POST", "/api/pool", map[string]any{"name": "prod--a", "created_by": "ako-prod", "markers": marker("prod"), "description": "zz"})
	c.must(201, "POST", "/api/pool", map[string]any{"name": "prod-2--b", "created_by": "ako-prod-2", "markers": marker("prod-2"), "enabled": false})
	c.must(201, "POST", "/api/pool", map[string]any{"name": "c", "cloud_ref": "/api/cloud/?name=none-cloud", "health_monitor_refs": []string{"/api/healthmonitor/?name=System-TCP"}})
	g := c.must(201, "POST", "/api/poolgroup", `{"name":"g","members":[{"pool_ref":"/api/pool/?name=prod--a"}]}`)
	c.tenant = "blue"
	c.must(201, "POST", "/api/pool", map[string]any{"name": "prod--a", "created_by": "ako-prod"})
	tests := []struct{ tenant, query, want string }{
		{"admin", "", "prod--a prod-2--b c"},
		{"admin", "name=c", "c"},
		{"admin", "name=nope", ""},
		{"admin", "name.in=c,prod--a,x", "prod--a c"},
		{"admin", "name.contains=prod", "prod--a prod-2--b"},
		{"admin", "name.contains=prod--", "prod--a"},
		{"admin", "name.icontains=PROD", "prod--a prod-2--b"},
		{"admin", "name.startswith=prod-", "prod--a prod-2--b"},
		{"admin", "search=(name,-2)", "prod-2--b"},
		{"admin", "uuid=" + a["uuid"].(string), "prod--a"},
		{"blue", "uuid=" + a["uuid"].(string), ""},
		{"admin", "created_by=ako-prod", "prod--a"},
		{"*", "created_by=ako-prod", "prod--a prod--a"},
		{"*", "name=prod--a", "prod--a prod--a"},
		{"blue", "name=prod--a", "prod--a"},
		{"admin", "created_by=ako-prod&cloud_ref.name=Default-Cloud&include_name=true&page_size=100", "prod--a"},
		{"admin", "cloud_ref.name=none-cloud", "c"},
		{"admin", "cloud_ref.name=Default-Cloud&name=c", ""},
		{"admin", "cloud_ref.uuid=" + last(a["cloud_ref"]), "prod--a prod-2--b"},
		{"admin", "tenant_ref.name=admin&name=c", "c"},
		{"admin", "vrf_ref.name=global&name=c", "c"},
		{"admin", "health_monitor_refs.name=System-TCP", "c"},
		{"admin", "health_monitor_refs.name=System-UDP", ""},
		{"admin", "enabled=false", "prod-2--b"},
		{"admin", "label_key=clustername", "prod--a prod-2--b"},
		{"admin", "label_key=clustername&label_value=prod", "prod--a"},
		{"admin", "label_value=prod&label_key=clustername", "prod--a"},
		{"admin", "label_key=other", ""},
		{"admin", "refers_to=healthmonitor:" + find(c, "healthmonitor", "name=System-TCP"), "c"},
		{"admin", "refers_to=" + find(c, "healthmonitor", "name=System-TCP"), "c"},
		{"admin", "referred_by=poolgroup:" + g["uuid"].(string), "prod--a"},
		{"admin", "referred_by=poolgroup:none", ""},
		{"admin", "bogus=1", ""},
		{"admin", "name=c&bogus=1", ""},
		{"admin", "servers=1", ""},
		{"admin", "sort=name", "c prod--a prod-2--b"},
		{"admin", "sort=-name", "prod-2--b prod--a c"},
		{"admin", "sort=-description&name.contains=prod", "prod--a prod-2--b"},
	}
	for _, tt := range tests {
		c.tenant = tt.tenant
		out := c.must(200, "GET", "/api/pool?"+tt.query, nil)
		var names []string
		for _, o := range results(out) {
			names = append(names, o["name"].(string))
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("tenant %s, %q: got %q, want %q", tt.tenant, tt.query, got, tt.want)
		}
		if out["count"] != json.Number(fmt.Sprint(len(names))) {
			t.Errorf("%q: count %v for %d results", tt.query, out["count"], len(names))
		}
		if out["results"] == nil {
			t.Errorf("%q: no results list", tt.query)
		}
	}
	c.tenant = "blue"
	if objs := results(c.must(200, "GET", "/api/healthmonitor?name=System-TCP", nil)); len(objs) != 1 {
		t.Errorf("a tenant finds %d of admin's health monitors by name", len(objs))
	}
}

func TestFieldsShown(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	c.must(201, "POST", "/api/pool", `{"name":"p","description":"d","servers":[{"ip":{"addr":"10.0.0.1","type":"V4"}}]}`)
	one := func(query string) map[string]any {
		return results(c.must(200, "GET", "/api/pool?"+query, nil))[0]
	}
	if got := one("fields=name,description"); len(got) != 4 || got["description"] != "d" {
		t.Errorf("fields: %v", got)
	}
	short := one("skip_default=true")
	if short["lb_algorithm"] != nil || short["vrf_ref"] != nil || short["name"] != "p" {
		t.Errorf("skip_default: %v", short)
	}
	if s := short["servers"].([]any)[0].(map[string]any); s["enabled"] != nil {
		t.Errorf("skip_default of a server: %v", s)
	}
	for query, want := range map[string]bool{"": false, "include_name": true, "include_name=": true, "include_name=true": true, "include_name=false": false} {
		got := strings.HasSuffix(one(query)["cloud_ref"].(string), "#Default-Cloud")
		if got != want {
			t.Errorf("%q: name included: %v", query, got)
		}
	}
}

func TestSystemCalls(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	state := c.must(200, "GET", "/api/cluster/runtime", nil)["cluster_state"].(map[string]any)
	if state["state"] != "CLUSTER_UP_NO_HA" || state["up_since"] == "" {
		t.Errorf("cluster state %v", state)
	}
	if u, _ := c.must(200, "GET", "/api/cluster", nil)["uuid"].(string); !strings.HasPrefix(u, "cluster-") {
		t.Errorf("cluster uuid %q", u)
	}
	if tier := c.must(200, "GET", "/api/systemconfiguration", nil)["default_license_tier"]; tier != "ENTERPRISE" {
		t.Errorf("tier %v", tier)
	}
	cloud := find(c, "cloud", "name=Default-Cloud")
	domains := c.must(200, "GET", "/api/ipamdnsproviderprofiledomainlist?cloud_uuid="+cloud, nil)["domains"]
	if diff := cmp.Diff([]any{"apps.example.test", "avi.internal"}, domains); diff != "" {
		t.Errorf("domains:\n%s", diff)
	}
	c.must(405, "POST", "/api/cluster/runtime", `{}`)
	c.must(405, "POST", "/api/systemconfiguration", `{}`)
	c.must(200, "PATCH", "/api/systemconfiguration", `{"replace":{"default_license_tier":"BASIC"}}`)
	if tier := c.must(200, "GET", "/api/systemconfiguration", nil)["default_license_tier"]; tier != "BASIC" {
		t.Errorf("tier after PATCH %v", tier)
	}
	sim.SetUpgrading(true)
	c.must(200, "GET", "/api/pool", nil)
	c.refused(403, "Configuration is disallowed during upgrade", "POST", "/api/pool", `{"name":"p"}`)
	sim.SetUpgrading(false)
	c.must(201, "POST", "/api/pool", `{"name":"p"}`)
	sim.ChangeLeader()
	c.must(401, "GET", "/api/pool", nil)
}
