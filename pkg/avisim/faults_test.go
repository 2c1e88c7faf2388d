package avisim

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaults(t *testing.T) {
	sim := newSim(t, Options{Tenants: []string{"blue"}})
	c := newClient(t, sim)

	sim.Inject(Fault{Type: "pool", Method: "POST", Status: 503, Times: 2})
	c.must(200, "GET", "/api/pool", nil)
	c.must(201, "POST", "/api/poolgroup", `{"name":"g"}`)
	c.refused(503, "Service Unavailable", "POST", "/api/pool", `{"name":"a"}`)
	c.must(503, "POST", "/api/pool", `{"name":"a"}`)
	c.must(201, "POST", "/api/pool", `{"name":"a"}`)
	if left := sim.Faults(); len(left) != 0 {
		t.Errorf("a used up fault is still there: %v", left)
	}

	sim.Inject(Fault{NameContains: "foo.", Status: 400, Body: "Invalid pool"})
	c.refused(400, "Invalid pool", "POST", "/api/pool", `{"name":"cluster1--foo.x"}`)
	c.must(201, "POST", "/api/pool", `{"name":"bar"}`)
	sim.ClearFaults()
	foo := c.must(201, "POST", "/api/pool", `{"name":"cluster1--foo.x"}`)["uuid"].(string)
	sim.Inject(Fault{Name: "cluster1--foo.x", Status: 409, Body: `{"error":"own JSON","code":7}`})
	if out := c.must(409, "PUT", "/api/pool/"+foo, `{"name":"cluster1--foo.x"}`); out["code"] != json.Number("7") {
		t.Errorf("a JSON body is not sent as it is: %v", out)
	}
	c.must(409, "GET", "/api/pool?name=cluster1--foo.x", nil)
	sim.ClearFaults()

	sim.Inject(Fault{Tenant: "blue", Status: 429, RetryAfter: 7})
	c.tenant = "blue"
	resp, _, err := c.try("GET", "/api/pool", nil)
	if err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("429: %v %v", resp, err)
	}
	c.tenant = "admin"
	c.must(200, "GET", "/api/pool", nil)
	sim.ClearFaults()

	sim.Inject(Fault{Type: "login", Status: 401, Body: "Invalid credentials", Times: 1})
	c.login("admin", "sim-password", 401)
	c.login("admin", "sim-password", 200)

	sim.Inject(Fault{Status: 500, Share: 0.5})
	hit := 0
	for range 200 {
		if status, _ := c.do("GET", "/api/pool", nil); status == 500 {
			hit++
		}
	}
	if hit < 40 || hit > 160 {
		t.Errorf("a share of a half hits %d of 200", hit)
	}
}

func TestDroppedConnections(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	c.srv.Client().Transport = nil
	sim.Inject(Fault{Method: "POST", Type: "pool", DropBeforeCommit: true, Times: 1})
	if _, _, err := c.try("POST", "/api/pool", `{"name":"before"}`); err == nil {
		t.Fatal("there is an answer")
	}
	sim.Inject(Fault{Method: "POST", Type: "pool", DropAfterCommit: true, Times: 1})
	if _, _, err := c.try("POST", "/api/pool", `{"name":"after"}`); err == nil {
		t.Fatal("there is an answer")
	}
	find(c, "pool", "") // only the one that was committed
	find(c, "pool", "name=after")
	sim.Inject(Fault{Method: "GET", Truncate: true, Times: 1})
	_, text, err := c.try("GET", "/api/pool", nil)
	if err != nil || json.Valid(text) {
		t.Errorf("half an answer: %v %s", err, text)
	}
	writes := sim.Writes()
	if len(writes) != 2 || writes[0].Status != 0 || writes[1].Status != 0 || writes[0].Name != "before" {
		t.Errorf("log of writes: %+v", writes)
	}
}

func TestLatencyAddsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim(t, Options{Latency: time.Second})
		sim.Inject(Fault{Latency: 2 * time.Second})
		sim.Inject(Fault{Latency: 4 * time.Second, Status: 503})
		sim.Inject(Fault{Latency: 8 * time.Second, Status: 500}) // not reached
		start := time.Now()
		if rec := direct(sim, "GET", "/api/pool", ""); rec.Code != 503 {
			t.Errorf("status %d", rec.Code)
		}
		if d := time.Since(start); d != 7*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim(t, Options{RateLimit: &RateLimit{PerSecond: 10, Burst: 5, MaxDelay: time.Second}})
		start := time.Now()
		codes := map[int]int{}
		for range 10 {
			codes[direct(sim, "GET", "/api/initial-data", "").Code]++
		}
		if codes[200] != 10 || time.Since(start) != 500*time.Millisecond {
			t.Errorf("delayed: %v in %v", codes, time.Since(start))
		}
		done := make(chan int)
		for range 30 {
			go func() { done <- direct(sim, "GET", "/api/initial-data", "").Code }()
		}
		codes = map[int]int{}
		for range 30 {
			codes[<-done]++
		}
		if codes[429] == 0 || codes[200] < 10 {
			t.Errorf("a burst: %v", codes)
		}
	})
}

func TestRequestLog(t *testing.T) {
	sim := newSim(t, Options{RequestLog: 4})
	c := newClient(t, sim)
	cert, key := testPair(t)
	c.must(201, "POST", "//api/sslkeyandcertificate", map[string]any{
		"name": "crt", "key": key, "certificate": map[string]any{"certificate": cert}, "markers": []any{map[string]any{"key": "Host", "values": []string{"a"}}},
	})
	c.must(201, "POST", "/api/pool?include_name", `{"name":"p"}`)
	log := sim.Requests()
	if len(log) != 3 {
		t.Fatalf("%d requests", len(log))
	}
	text, err := json.Marshal(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"sim-password", "PRIVATE KEY"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	if !strings.Contains(string(log[1].Body), `"Host"`) {
		t.Errorf("markers are blanked: %s", log[1].Body)
	}
	want := Request{Method: "POST", Path: "/api/pool", Query: "include_name", Tenant: "admin", Type: "pool", Name: "p", Status: 201, User: "admin"}
	got := log[2]
	if got.Method != want.Method || got.Path != want.Path || got.Query != want.Query || got.Tenant != want.Tenant ||
		got.Type != want.Type || got.Name != want.Name || got.Status != want.Status || got.User != want.User || string(got.Body) != `{"name":"p"}` {
		t.Errorf("got %+v", got)
	}
	for range 5 {
		c.must(200, "GET", "/api/pool", nil)
	}
	if log = sim.Requests(); len(log) != 4 || log[0].Method != "GET" {
		t.Errorf("the ring holds %d", len(log))
	}
	if len(sim.Writes()) != 0 {
		t.Errorf("writes %v", sim.Writes())
	}
	counts := sim.Counts()
	if counts[CountKey{"GET", "pool"}] != 5 || counts[CountKey{"POST", "pool"}] != 1 || counts[CountKey{"POST", "login"}] != 1 {
		t.Errorf("counts %v", counts)
	}
	sim.ResetRequests()
	if len(sim.Requests()) != 0 || len(sim.Counts()) != 0 {
		t.Error("reset left something")
	}
}

func TestControl(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	ctl := func(want int, method, path, body string) string {
		t.Helper()
		rec := direct(sim, method, "/_sim/"+path, body)
		if rec.Code != want {
			t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
		}
		return rec.Body.String()
	}
	ctl(201, "POST", "faults", `{"type":"pool","status":503,"times":1}`)
	ctl(201, "POST", "faults", `[{"type":"poolgroup","status":500},{"latency_ns":1}]`)
	ctl(400, "POST", "faults", `{"typ":"pool"}`)
	if got := ctl(200, "GET", "faults", ""); !strings.Contains(got, `"status":503`) {
		t.Errorf("faults: %s", got)
	}
	c.must(503, "POST", "/api/pool", `{"name":"p"}`)
	c.must(201, "POST", "/api/pool", `{"name":"p"}`)
	c.must(500, "GET", "/api/poolgroup", nil)
	ctl(200, "DELETE", "faults", "")
	c.must(200, "GET", "/api/poolgroup", nil)
	if got := ctl(200, "GET", "dump", ""); !strings.Contains(got, `"name": "p"`) {
		t.Errorf("dump: %s", got)
	}
	if got := ctl(200, "GET", "requests", ""); strings.Count(got, `"method"`) != 5 {
		t.Errorf("requests: %s", got)
	}
	if got := ctl(200, "GET", "writes", ""); strings.Count(got, `"method"`) != 2 {
		t.Errorf("writes: %s", got)
	}
	if got := ctl(200, "GET", "counts", ""); !strings.Contains(got, `"pool":{"POST":2}`) {
		t.Errorf("counts: %s", got)
	}
	ctl(200, "POST", "state", `{"type":"pool","tenant":"admin","name":"p","state":"OPER_UP"}`)
	ctl(404, "POST", "state", `{"type":"pool","tenant":"admin","name":"q","state":"OPER_UP"}`)
	ctl(200, "POST", "upgrade", "")
	c.must(403, "POST", "/api/pool", `{"name":"q"}`)
	ctl(200, "DELETE", "upgrade", "")
	ctl(200, "DELETE", "requests", "")
	if got := strings.TrimSpace(ctl(200, "GET", "requests", "")); got != "[]" {
		t.Errorf("requests after a reset: %s", got)
	}
	ctl(200, "POST", "reset", "")
	c.must(201, "POST", "/api/pool", `{"name":"p"}`) // gone by the reset, the session isn't
	ctl(200, "POST", "expire-sessions", "")
	c.must(401, "GET", "/api/pool", nil)
	ctl(200, "POST", "change-leader", "")
	ctl(404, "GET", "nonsense", "")
}
