package avisim

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestLogin(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	names := map[string]bool{}
	for _, k := range c.cookies {
		names[k.Name] = true
	}
	for _, want := range []string{"csrftoken", "sessionid", "avi-sessionid"} {
		if !names[want] {
			t.Errorf("login sets no cookie %s", want)
		}
	}
	out := c.must(http.StatusOK, "POST", "/login", `{"username":"admin","password":"sim-password"}`)
	if v := out["version"].(map[string]any)["Version"]; v != "30.2.1" {
		t.Errorf("login says version %v", v)
	}
	c.login("admin", "wrong", http.StatusUnauthorized)
	c.login("nobody", "sim-password", http.StatusUnauthorized)
	c.login("admin", "", http.StatusUnauthorized)
	if status, _ := c.do("GET", "/login", nil); status != http.StatusMethodNotAllowed {
		t.Errorf("GET /login: %d", status)
	}
}

func TestSessionIsNeeded(t *testing.T) {
	tests := []struct {
		name   string
		change func(*client)
		method string
		want   int
	}{
		{"all there, read", func(*client) {}, "GET", 200},
		{"all there, write", func(*client) {}, "POST", 201},
		{"no cookie", func(c *client) { c.cookies = nil }, "GET", 401},
		{"only avi-sessionid", func(c *client) {
			for _, k := range c.cookies {
				if k.Name == "avi-sessionid" {
					c.cookies = []*http.Cookie{k}
				}
			}
		}, "GET", 200},
		{"unknown session", func(c *client) { c.cookies = []*http.Cookie{{Name: "sessionid", Value: "nonsense"}} }, "GET", 401},
		{"read without token", func(c *client) { c.csrf = "" }, "GET", 200},
		{"write without token", func(c *client) { c.csrf = "" }, "POST", 401},
		{"write with another token", func(c *client) { c.csrf += "x" }, "POST", 401},
		{"write without referer", func(c *client) { c.header["Referer"] = nil }, "POST", 401},
		{"basic auth, which is off", func(c *client) {
			c.cookies = nil
			c.header.Set("Authorization", "Basic YWRtaW46c2ltLXBhc3N3b3Jk")
		}, "GET", 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, newSim(t, Options{}))
			tt.change(c)
			c.must(tt.want, tt.method, "/api/pool", map[string]any{"name": "p"})
		})
	}
}

func TestAssumedCSRFStatus(t *testing.T) {
	c := newClient(t, newSim(t, Options{Assume: Assumptions{CSRFRefused: 403}}))
	c.csrf = ""
	c.must(403, "POST", "/api/pool", `{"name":"p"}`)
}

func TestSessionEnds(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	sim := newSim(t, Options{Now: func() time.Time { return now }, SessionTTL: time.Minute})
	c := newClient(t, sim)
	now = now.Add(50 * time.Second)
	c.must(200, "GET", "/api/pool", nil)
	now = now.Add(50 * time.Second) // used in between
	c.must(200, "GET", "/api/pool", nil)
	now = now.Add(61 * time.Second)
	c.must(401, "GET", "/api/pool", nil)

	c.login("admin", "sim-password", 200)
	c.must(200, "GET", "/api/pool", nil)
	sim.ExpireSessions()
	c.must(401, "GET", "/api/pool", nil)

	c.login("admin", "sim-password", 200)
	c.must(200, "POST", "/logout", nil)
	c.must(401, "GET", "/api/pool", nil)
}

func TestBasicAuth(t *testing.T) {
	c := newClient(t, newSim(t, Options{BasicAuth: true}))
	c.cookies, c.csrf = nil, ""
	c.header.Set("Authorization", "Basic YWRtaW46c2ltLXBhc3N3b3Jk")
	c.must(201, "POST", "/api/pool", `{"name":"p"}`)
	c.header.Set("Authorization", "Basic YWRtaW46d3Jvbmc=")
	c.must(401, "GET", "/api/pool", nil)
}

func TestDoubledSlashes(t *testing.T) {
	c := newClient(t, newSim(t, Options{}))
	for _, path := range []string{"//api/pool", "/api/pool/", "//api//pool//?page_size=5"} {
		c.must(200, "GET", path, nil)
	}
}

func TestUsers(t *testing.T) {
	seed, err := DefaultSeed()
	if err != nil {
		t.Fatal(err)
	}
	seed.Tenants.Default = append(seed.Tenants.Default, "blue", "green")
	seed.Users = []SeedUser{
		{Name: "bob", Password: "b", Tenants: []string{"blue"}},
		{Name: "eve", Password: "e", ReadOnly: true},
	}
	sim := newSim(t, Options{Seed: seed})
	c := newClient(t, sim)
	c.tenant = "green"
	c.must(201, "POST", "/api/pool", `{"name":"g"}`)

	c.login("bob", "b", 200)
	c.tenant = "blue"
	c.must(201, "POST", "/api/pool", `{"name":"p"}`)
	c.tenant = "green"
	c.refused(403, "no access", "GET", "/api/pool", nil)
	c.tenant = "*"
	if n := len(results(c.must(200, "GET", "/api/pool", nil))); n != 1 {
		t.Errorf("bob sees %d pools across tenants, want his own only", n)
	}
	c.tenant = "blue"
	c.must(403, "POST", "/api/tenant", `{"name":"mine"}`)
	c.tenant = "" // his own is the default
	if n := len(results(c.must(200, "GET", "/api/pool", nil))); n != 1 {
		t.Errorf("bob sees %d pools by default", n)
	}

	c.login("eve", "e", 200)
	c.tenant = "blue"
	c.must(200, "GET", "/api/pool", nil)
	c.must(403, "POST", "/api/pool", `{"name":"q"}`)

	// A user made through the API can log in, until told otherwise.
	c.login("admin", "sim-password", 200)
	c.tenant = "admin"
	u := c.must(201, "POST", "/api/user", `{"name":"ann","username":"ann","password":"pw","access":[{"tenant_ref":"/api/tenant/?name=green","role_ref":"/api/role/?name=Application-Operator"},{"tenant_ref":"/api/tenant/?name=blue"}]}`)
	if u["password"] != sensitiveText {
		t.Errorf("password is shown: %v", u["password"])
	}
	c.login("ann", "pw", 200)
	c.tenant = "green"
	c.must(200, "GET", "/api/pool", nil)
	c.refused(403, notPermitted, "POST", "/api/pool", `{"name":"q"}`)
	c.tenant = "blue" // without a role there
	c.refused(403, notPermitted, "GET", "/api/pool", nil)
}

func TestInitialDataNeedsNoLogin(t *testing.T) {
	sim := newSim(t, Options{})
	srv := httptest.NewServer(sim.Handler())
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL + "/api/initial-data")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		t.Errorf("status %d, type %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
}

func results(out map[string]any) []map[string]any {
	list, _ := out["results"].([]any)
	objs := make([]map[string]any, len(list))
	for i, e := range list {
		objs[i], _ = e.(map[string]any)
	}
	return objs
}
