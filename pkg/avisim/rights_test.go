package avisim

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestPermissionOfEveryType: a type whose resource a role can't name would be
// closed to everyone but superusers.
func TestPermissionOfEveryType(t *testing.T) {
	v, err := compiledVocabulary()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range v.types {
		if _, ok := v.permissions[typ.permission]; !ok {
			t.Errorf("%s falls under %s, which is no resource of a role", typ.name, typ.permission)
		}
	}
	for _, r := range systemRoles {
		for _, n := range append(r.write, r.read...) {
			if _, ok := v.permissions["PERMISSION_"+n]; !ok && n != "*" {
				t.Errorf("role %s names %s, which is no resource", r.name, n)
			}
		}
	}
}

// rolesSim has tenants blue and green and a user with a role in each.
func rolesSim(t *testing.T) *Simulator {
	t.Helper()
	seed, err := ParseSeed(append([]byte(`
roles:
- {name: pools-only, write: [pool], read: [healthmonitor, virtualservice]}
users:
- {name: ann, password: a, access: [{tenant: blue, role: pools-only}, {tenant: green, role: Application-Operator}]}
- {name: bob, password: b, tokens: [bobs-token], access: [{tenant: "*", role: Application-Admin}]}
`), defaultSeed...))
	if err != nil {
		t.Fatal(err)
	}
	seed.Tenants.Default = append(seed.Tenants.Default, "blue", "green")
	return newSim(t, Options{Seed: seed})
}

func TestRolesPerTenant(t *testing.T) {
	sim := rolesSim(t)
	c := newClientAs(t, sim, "ann", "a")
	tests := []struct {
		tenant, method, path, body string
		want                       int
	}{
		{"blue", "POST", "/api/pool", `{"name":"p"}`, 201},
		{"blue", "GET", "/api/pool", "", 200},
		{"blue", "GET", "/api/healthmonitor", "", 200},
		{"blue", "POST", "/api/healthmonitor", `{"name":"h","type":"HEALTH_MONITOR_TCP"}`, 403},
		{"blue", "GET", "/api/vsvip", "", 200}, // goes with virtual services
		{"blue", "GET", "/api/poolgroup", "", 403},
		{"blue", "GET", "/api/poolgroup-inventory", "", 403},
		{"blue", "POST", "/api/macro", `{"model_name":"PoolGroup","data":{"name":"g"}}`, 403},
		{"blue", "POST", "/api/macro", `{"model_name":"Pool","data":{"name":"q"}}`, 201},
		{"green", "GET", "/api/poolgroup", "", 200},
		{"green", "POST", "/api/pool", `{"name":"p"}`, 403},
		{"admin", "GET", "/api/pool", "", 403},
		{"*", "GET", "/api/poolgroup", "", 200},
		{"*", "GET", "/api/user", "", 403},
		{"green", "PUT", "/api/systemconfiguration", `{}`, 403},
	}
	for _, tt := range tests {
		c.tenant = tt.tenant
		var body any
		if tt.body != "" {
			body = tt.body
		}
		if status, out := c.do(tt.method, tt.path, body); status != tt.want {
			t.Errorf("%s %s in %s: %d, want %d: %v", tt.method, tt.path, tt.tenant, status, tt.want, out)
		}
	}
	c.tenant = "green"
	names := map[string]bool{}
	for _, o := range results(c.must(200, "GET", "/api/tenant", nil)) {
		names[o["name"].(string)] = true
	}
	if len(names) != 2 || !names["blue"] || !names["green"] {
		t.Errorf("ann sees tenants %v, want hers", names)
	}
}

func TestRoleFilters(t *testing.T) {
	sim := rolesSim(t)
	admin := newClient(t, sim)
	for _, op := range []struct{ role, operation, unlabelled string }{
		{"equals", "ROLE_FILTER_EQUALS", "true"}, {"not", "ROLE_FILTER_DOES_NOT_EQUAL", "false"}, {"glob", "ROLE_FILTER_GLOB_MATCH", "true"},
	} {
		admin.must(201, "POST", "/api/role", `{"name":"`+op.role+`","allow_unlabelled_access":`+op.unlabelled+`,"privileges":[{"resource":"PERMISSION_POOL","type":"WRITE_ACCESS"}],
			"filters":[{"match_operation":"`+op.operation+`","match_label":{"key":"app","values":["shop","we*"]}}]}`)
		admin.must(201, "POST", "/api/user", `{"name":"`+op.role+`","password":"p","access":[{"tenant_ref":"/api/tenant/?name=blue","role_ref":"/api/role/?name=`+op.role+`"}]}`)
	}
	admin.tenant = "blue"
	uuids := map[string]string{}
	for name, value := range map[string]string{"shop": "shop", "web": "web", "plain": ""} {
		body := map[string]any{"name": name}
		if value != "" {
			body["markers"] = []any{map[string]any{"key": "app", "values": []any{value}}}
		}
		uuids[name] = admin.must(201, "POST", "/api/pool", body)["uuid"].(string)
	}
	for user, want := range map[string]string{"equals": "plain shop", "not": "web", "glob": "plain shop web"} {
		c := newClientAs(t, sim, user, "p")
		c.tenant = "blue"
		var got []string
		for _, o := range results(c.must(200, "GET", "/api/pool?sort=name", nil)) {
			got = append(got, o["name"].(string))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s sees %v, want %s", user, got, want)
		}
		for name, uuid := range uuids {
			status := 404
			if strings.Contains(want, name) {
				status = 200
			}
			c.must(status, "GET", "/api/pool/"+uuid, nil)
			c.must(status, "PATCH", "/api/pool/"+uuid, `{"replace":{"description":"x"}}`)
		}
	}
}

func TestTokenLogin(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	sim := rolesSim(t)
	sim.opts.Now = func() time.Time { return now }
	try := func(user, token string) int {
		return direct(sim, "POST", "/login", `{"username":"`+user+`","token":"`+token+`"}`).Code
	}
	if try("bob", "bobs-token") != 200 || try("ann", "bobs-token") != 401 || try("bob", "other") != 401 || try("bob", "") != 401 {
		t.Error("the seed's token should let bob in, and nobody else")
	}
	c := newClientAs(t, sim, "bob", "b")
	made := c.must(201, "POST", "/api/user-token", `{"hours":2}`)
	if try("bob", made["token"].(string)) != 200 {
		t.Error("the new token doesn't work")
	}
	list := results(c.must(200, "GET", "/api/user-token", nil))
	if len(list) != 2 || list[1]["token"] != nil || list[1]["expires_at"] != "2023-11-15T00:13:20.000000+00:00" {
		t.Errorf("tokens: %v", list)
	}
	now = now.Add(3 * time.Hour)
	if try("bob", made["token"].(string)) != 401 {
		t.Error("an expired token works")
	}
	c.login("bob", "b", 200)
	second := c.must(201, "POST", "/api/user-token", nil)
	c.must(204, "DELETE", "/api/user-token/"+second["uuid"].(string), nil)
	c.must(404, "DELETE", "/api/user-token/"+second["uuid"].(string), nil)
	if try("bob", second["token"].(string)) != 401 {
		t.Error("a removed token works")
	}
	c.must(400, "POST", "/api/user-token", `{"hours":0}`)
	c.must(405, "PUT", "/api/user-token", `{}`)
	for _, r := range sim.Requests() {
		if strings.Contains(string(r.Body), "bobs-token") {
			t.Errorf("the log has a token: %s", r.Body)
		}
	}
}

func TestFormLogin(t *testing.T) {
	sim := newSim(t, Options{})
	for body, want := range map[string]int{
		url.Values{"username": {"admin"}, "password": {"sim-password"}}.Encode(): 200,
		"username=admin&password=x": 401, "%zz": 400, `{"username":"admin","password":"sim-password"}`: 200,
	} {
		c := newClient(t, sim)
		c.header.Set("Content-Type", "application/x-www-form-urlencoded")
		c.must(want, "POST", "/login", body)
	}
	for _, r := range sim.Requests() {
		if strings.Contains(string(r.Body), "sim-password") {
			t.Errorf("the log has a password: %s", r.Body)
		}
	}
}

func TestLockout(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, assumed := range []int{0, 403} {
		sim := rolesSim(t)
		sim.opts.Now, sim.opts.Assume.AccountLocked = func() time.Time { return now }, assumed
		locked := assumed
		if locked == 0 {
			locked = 401
		}
		try := func(user, password string) int {
			return direct(sim, "POST", "/login", `{"username":"`+user+`","password":"`+password+`"}`).Code
		}
		// The published default: three failures, thirty minutes.
		for range 2 {
			try("ann", "wrong")
		}
		if got := try("ann", "a"); got != 200 {
			t.Fatalf("after two failures: %d", got)
		}
		for range 3 {
			if got := try("ann", "wrong"); got != 401 {
				t.Errorf("a failure: %d", got)
			}
		}
		if got := try("ann", "a"); got != locked {
			t.Errorf("the good password of a locked user: %d, want %d", got, locked)
		}
		if got := try("bob", "b"); got != 200 {
			t.Errorf("another user: %d", got)
		}
		now = now.Add(29 * time.Minute)
		if got := try("ann", "a"); got != locked {
			t.Errorf("after 29 minutes: %d", got)
		}
		now = now.Add(2 * time.Minute)
		if got := try("ann", "a"); got != 200 {
			t.Errorf("after 31 minutes: %d", got)
		}
		for range 10 {
			try("admin", "wrong")
		}
		if got := try("admin", "sim-password"); got != 200 {
			t.Errorf("admin has the profile without lock-out, got %d", got)
		}
	}
}

// TestAssumedSessionEnded: 419 is for sessions that were, 401 for those that
// never were.
func TestAssumedSessionEnded(t *testing.T) {
	sim := newSim(t, Options{Assume: Assumptions{SessionEnded: 419}})
	c := newClient(t, sim)
	sim.ExpireSessions()
	c.must(419, "GET", "/api/pool", nil)
	c.login("admin", "sim-password", 200)
	c.must(200, "GET", "/api/pool", nil)
	sim.ChangeLeader()
	c.must(419, "POST", "/api/pool", `{"name":"p"}`)
	c.cookies = []*http.Cookie{{Name: "sessionid", Value: "nonsense"}}
	c.must(401, "GET", "/api/pool", nil)
}
