package avisim

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestAssumptions shows what each switch changes: what is true with it, and
// isn't without it. Those with a status, and those that have a test of their
// own beside what they are about, are only listed.
func TestAssumptions(t *testing.T) {
	elsewhere := map[string]bool{
		"DeleteRefused": true, "CSRFRefused": true, "SessionEnded": true, "AccountLocked": true, "LimitRefused": true, "AnyCertificate": true,
		"AnyPlacement": true, "AnyDomain": true, "NoVIP": true, "SharedProvider": true, "AllowPortConflicts": true,
	}
	status := func(c *client, method, path string, body any) int {
		c.t.Helper()
		s, _ := c.do(method, path, body)
		return s
	}
	tests := map[string]func(c *client) bool{
		"ForeignChange": func(c *client) bool {
			c.must(201, "POST", "/api/httppolicyset", `{"name":"h"}`)
			uuid := find(c, "httppolicyset", "name=h")
			c.tenant = "blue"
			return status(c, "DELETE", "/api/httppolicyset/"+uuid, nil) == 403
		},
		"RefuseNewerFields": func(c *client) bool {
			c.header.Set("X-Avi-Version", "20.1.1")
			return status(c, "POST", "/api/pool", `{"name":"p","markers":[]}`) == 400 // since 20.1.5
		},
		"SharedApplications": func(c *client) bool {
			c.must(201, "POST", "/api/pool", `{"name":"p"}`)
			c.tenant = "blue"
			return len(results(c.must(200, "GET", "/api/pool?name=p", nil))) == 1
		},
		"FirstCloud": func(c *client) bool {
			return status(c, "POST", "/api/ipamdnsproviderprofile", `{"name":"i","type":"IPAMDNS_TYPE_INTERNAL","internal_profile":{"usable_networks":[{"nw_ref":"/api/network/?name=twice"}]}}`) == 201
		},
		"NoImpliedRefs": func(c *client) bool {
			return c.must(201, "POST", "/api/pool", `{"name":"p"}`)["vrf_ref"] == nil
		},
		"OmitSensitive": func(c *client) bool {
			cert, key := testPair(c.t)
			body := map[string]any{"name": "c", "key": key, "certificate": map[string]any{"certificate": cert}}
			o := c.must(201, "POST", "/api/sslkeyandcertificate", body)
			path := "/api/sslkeyandcertificate/" + o["uuid"].(string)
			// Either way, writing back what was read keeps the key.
			c.must(200, "PUT", path, c.must(200, "GET", path, nil))
			if c.must(200, "GET", path+"?export_key=true", nil)["key"] != key {
				c.t.Error("the key is lost")
			}
			return o["key"] == nil
		},
		"NoPatchPaths": func(c *client) bool {
			uuid := c.must(201, "POST", "/api/vsvip", vip("v", nil))["uuid"].(string)
			uuid2 := c.must(201, "POST", "/api/virtualservice", vs("s", "v", nil, 80))["uuid"].(string)
			c.must(200, "PATCH", "/api/vsvip/"+uuid, `{"replace":{"east_west_placement":false}}`)
			return status(c, "PATCH", "/api/virtualservice/"+uuid2, `{"replace":{"analytics_policy.all_headers":true}}`) == 400
		},
		"NoMacroLists": func(c *client) bool {
			c.must(201, "POST", "/api/macro", `{"model_name":"Pool","data":{"name":"p"}}`)
			resp, _, err := c.try("POST", "/api/macro", `[{"model_name":"Pool","data":{"name":"q"}}]`)
			return err == nil && resp.StatusCode == 400
		},
		"EmptyPages": func(c *client) bool {
			return status(c, "GET", "/api/cloud?page=9", nil) == 200
		},
		"ListAllTenants": func(c *client) bool {
			c.must(201, "POST", "/api/user", `{"name":"ann","password":"pw","access":[{"tenant_ref":"/api/tenant/?name=blue","role_ref":"/api/role/?name=Tenant-Admin"}]}`)
			c.login("ann", "pw", 200)
			c.tenant = "blue"
			return len(results(c.must(200, "GET", "/api/tenant", nil))) > 1
		},
		"UniqueNames": func(c *client) bool {
			named := func(name, fqdn string) map[string]any {
				v := vip(name, nil)
				v["dns_info"] = []any{map[string]any{"fqdn": fqdn}}
				return v
			}
			o := c.must(201, "POST", "/api/vsvip", named("v", "a.avi.internal"))
			c.must(200, "PUT", "/api/vsvip/"+o["uuid"].(string), named("v", "a.avi.internal"))
			c.must(201, "POST", "/api/vsvip", named("x", "b.avi.internal"))
			return status(c, "POST", "/api/vsvip", named("w", "A.avi.internal")) == 400
		},
		"RangeOnly": func(c *client) bool {
			return status(c, "POST", "/api/vsvip", vip("v", map[string]any{"ip_address": map[string]any{"addr": "10.10.1.1", "type": "V4"}})) == 400
		},
	}
	switches := reflect.TypeFor[Assumptions]()
	for i := range switches.NumField() {
		name := switches.Field(i).Name
		test, ok := tests[name]
		if !ok {
			if !elsewhere[name] {
				t.Errorf("assumption %s has no test", name)
			}
			continue
		}
		t.Run(name, func(t *testing.T) {
			for _, on := range []bool{false, true} {
				var a Assumptions
				if field := reflect.ValueOf(&a).Elem().Field(i); on && field.Kind() == reflect.Bool {
					field.SetBool(true)
				} else if on {
					field.SetInt(403)
				}
				seed, err := DefaultSeed()
				if err != nil {
					t.Fatal(err)
				}
				for i := range seed.Clouds[1:3] {
					seed.Clouds[1+i].Networks = append(seed.Clouds[1+i].Networks, SeedNetwork{Name: "twice", V4: 90 + i})
				}
				c := newClient(t, newSim(t, Options{Seed: seed, Tenants: []string{"blue"}, Assume: a}))
				if got := test(c); got != on {
					t.Errorf("switched on: %t; its effect: %t", on, got)
				}
			}
		})
	}
	text := docsOf(t)
	for i := range switches.NumField() {
		if name := switches.Field(i).Name; !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/avisim.md doesn't speak of assumption %s", name)
		}
	}
}

// docsOf is the page that users read.
func docsOf(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "avisim.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
