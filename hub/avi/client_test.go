package avi

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/akohub/akohub/pkg/avisim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func logins(f *fixture) int {
	n := 0
	for _, r := range f.sim.Requests() {
		if r.Type == "login" {
			n++
		}
	}
	return n
}

func parallelReads(t *testing.T, f *fixture, n int) {
	t.Helper()
	ctx := testContext(t)
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if _, err := f.client.List(ctx, testTenant, "pool", nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestLoginOnce(t *testing.T) {
	f := start(t, nil)
	parallelReads(t, f, 50)
	if n := logins(f); n != 1 {
		t.Errorf("%d logins for 50 concurrent calls, want 1", n)
	}
	f.sim.ExpireSessions()
	parallelReads(t, f, 50)
	if n := logins(f); n != 2 {
		t.Errorf("%d logins after an expiry, want 2", n)
	}
}

func TestLoginRefusedStops(t *testing.T) {
	password := atomic.Pointer[string]{}
	password.Store(ptr("wrong"))
	f := start(t, func(c *Config) {
		c.Password = func() (string, error) { return *password.Load(), nil }
	})
	for range 5 {
		if err := f.client.Probe(testContext(t)); ClassOf(err) != Unauthorized || strings.Contains(err.Error(), "wrong") {
			t.Fatalf("error %v, want it unauthorized and without the password", err)
		}
	}
	if n := logins(f); n != 1 {
		t.Errorf("%d logins with a refused password, want 1", n)
	}
	password.Store(ptr("sim-password"))
	if err := f.client.Probe(testContext(t)); err != nil {
		t.Errorf("after the password changed: %v", err)
	}
}

// A controller that opens sessions which are good for nothing isn't asked for
// more and more of them.
func TestUselessSessionsStop(t *testing.T) {
	f := start(t, nil)
	f.sim.Inject(avisim.Fault{Method: "GET", Status: 401})
	for range 10 {
		if err := f.client.Probe(testContext(t)); ClassOf(err) != Unauthorized {
			t.Fatalf("error %v, want it unauthorized", err)
		}
	}
	if n := logins(f); n > 2*maxUseless {
		t.Errorf("%d logins, want at most %d", n, 2*maxUseless)
	}
}

func TestPasswordFileIsReadAtEachLogin(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old\n")
	f := start(t, func(c *Config) { c.Password, c.PasswordFile = nil, file })
	if err := f.client.Probe(testContext(t)); ClassOf(err) != Unauthorized {
		t.Fatalf("error %v, want it unauthorized", err)
	}
	write("sim-password\n")
	if err := f.client.Probe(testContext(t)); err != nil {
		t.Errorf("after the rotation: %v", err)
	}
}

func TestCertificateIsVerified(t *testing.T) {
	f := start(t, nil)
	other := start(t, nil)
	for name, ca := range map[string]string{"another CA": other.ca, "the system's": ""} {
		c := f.newClient(t, func(cfg *Config) { cfg.CAFile = ca })
		if err := c.Probe(testContext(t)); ClassOf(err) != Untrusted {
			t.Errorf("%s: %v, want it untrusted", name, err)
		}
	}
	if n := len(f.sim.Requests()); n != 0 {
		t.Errorf("%d requests reached a controller that wasn't trusted", n)
	}
}

func TestConfigRefused(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(notPEM, []byte("no"), 0o600); err != nil {
		t.Fatal(err)
	}
	ok := Config{URL: "https://avi", Username: "u", PasswordFile: "p"}
	for name, change := range map[string]func(*Config){
		"http":         func(c *Config) { c.URL = "http://avi" },
		"no host":      func(c *Config) { c.URL = "https://" },
		"no user":      func(c *Config) { c.Username = "" },
		"no password":  func(c *Config) { c.PasswordFile = "" },
		"no CA file":   func(c *Config) { c.CAFile = "/does/not/exist" },
		"not PEM file": func(c *Config) { c.CAFile = notPEM },
	} {
		cfg := ok
		change(&cfg)
		if _, err := NewClient(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRateLimited(t *testing.T) {
	f := start(t, nil)
	before := f.client.limiter.current()
	f.sim.Inject(avisim.Fault{Type: "pool", Status: 429, Times: 1})
	if _, err := f.client.List(testContext(t), testTenant, "pool", nil); err != nil {
		t.Fatal(err)
	}
	if now := f.client.limiter.current(); now != before/2 {
		t.Errorf("the rate is %v after a refusal, was %v: want half", now, before)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	f := start(t, nil)
	f.sim.Inject(avisim.Fault{Type: "pool", Status: 429, RetryAfter: 1, Times: 1})
	begin := time.Now()
	if _, err := f.client.List(testContext(t), testTenant, "pool", nil); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < time.Second {
		t.Errorf("the request was repeated after %s, want at least 1s", took)
	}
}

func TestGetsAreRepeated(t *testing.T) {
	for _, fault := range []avisim.Fault{
		{Status: 503}, {Status: 502}, {Status: 500, Body: "oops"}, {DropBeforeCommit: true}, {Truncate: true},
	} {
		f := start(t, nil)
		fault.Type, fault.Times = "pool", 2
		f.sim.Inject(fault)
		if _, err := f.client.List(testContext(t), testTenant, "pool", nil); err != nil {
			t.Errorf("%+v: %v", fault, err)
		}
	}
}

func TestHeaders(t *testing.T) {
	var mu sync.Mutex
	var got http.Header
	c := odd(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = r.Header.Clone()
		_, _ = w.Write([]byte(`{"count":0,"results":[]}`))
	})
	if _, err := c.List(testContext(t), "team-a", "pool", nil); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-Avi-Tenant": "team-a", "X-Avi-Version": "30.2.1", "X-Avi-UserAgent": "AKOHUB", "X-CSRFToken": "csrf",
		"Cookie": "csrftoken=csrf; avi-sessionid=s1; sessionid=s1", "Referer": c.base, "Accept-Encoding": "",
	} {
		if v := got.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
}

// odd is a controller that logs anybody in and answers as the test wants.
func odd(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/login" {
			answer(w, r)
			return
		}
		for _, c := range []http.Cookie{{Name: "csrftoken", Value: "csrf"}, {Name: "avi-sessionid", Value: "s1"}, {Name: "sessionid", Value: "s1"}} {
			http.SetCookie(w, &c)
		}
		_, _ = w.Write([]byte(`{}`))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.crt")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(ca, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(Config{
		Name: "odd", URL: server.URL, CAFile: ca, Username: "u", Password: func() (string, error) { return "p", nil }, backoff: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestListFailsClosed(t *testing.T) {
	const two = `{"uuid":"pool-1","name":"a"},{"uuid":"pool-2","name":"b"}`
	next := `,"next":"https://x/api/pool?page=2"`
	for name, pages := range map[string][]string{
		"a page is lost":         {`{"count":3,"results":[` + two + `]}`},
		"next page is empty":     {`{"count":3,"results":[` + two + `]` + next + `}`, `{"count":3,"results":[]}`},
		"no count":               {`{"results":[` + two + `]}`},
		"no results":             {`{"count":0}`},
		"null results":           {`{"count":0,"results":null}`},
		"the same object twice":  {`{"count":4,"results":[` + two + `]` + next + `}`, `{"count":4,"results":[` + two + `]}`},
		"more than counted":      {`{"count":1,"results":[` + two + `]}`},
		"count changes":          {`{"count":4,"results":[` + two + `]` + next + `}`, `{"count":3,"results":[{"uuid":"pool-3"}]}`},
		"an object without uuid": {`{"count":1,"results":[{"name":"a"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			c := odd(t, func(w http.ResponseWriter, r *http.Request) {
				page := 0
				if r.URL.Query().Get("page") == "2" {
					page = 1
				}
				_, _ = w.Write([]byte(pages[page]))
			})
			list, err := c.List(testContext(t), testTenant, "pool", nil)
			if ClassOf(err) != Incomplete || list != nil {
				t.Errorf("List = %v, %v; want it incomplete", list, err)
			}
			if inv, err := c.Inventory(testContext(t), testTenant, testCluster, testCreatedBy); err == nil {
				t.Errorf("the inventory is %v, want none", inv)
			}
		})
	}
}

func TestListPages(t *testing.T) {
	f := start(t, nil)
	ctx := testContext(t)
	var group sync.WaitGroup
	const n = pageSize*2 + 7
	for i := range n {
		group.Go(func() {
			body := map[string]any{"name": "p" + string(rune('a'+i%26)) + "-" + time.Duration(i).String(), "cloud_ref": cloudRef}
			if _, err := f.client.Create(ctx, testTenant, "pool", body); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	list, err := f.client.List(ctx, testTenant, "pool", url.Values{"cloud_ref.name": {"Default-Cloud"}})
	if err != nil || len(list) != n {
		t.Errorf("%d objects, %v; want %d", len(list), err, n)
	}
}

// The fixtures are answers as controllers give them; each says its class.
func TestErrorClasses(t *testing.T) {
	text, err := os.ReadFile("testdata/errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixtures []struct {
		Method  string `json:"method"`
		Status  int    `json:"status"`
		Body    string `json:"body"`
		Class   Class  `json:"class"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(text, &fixtures); err != nil {
		t.Fatal(err)
	}
	for _, f := range fixtures {
		message := messageOf(f.Status, []byte(f.Body))
		if class := classify(f.Method, f.Status, message); class != f.Class {
			t.Errorf("%s %d %s: class %q, want %q", f.Method, f.Status, f.Body, class, f.Class)
		}
		if f.Message != "" && message != f.Message {
			t.Errorf("%d %s: message %q, want %q", f.Status, f.Body, message, f.Message)
		}
	}
}

func TestMetricsRegister(t *testing.T) {
	reg := prometheus.NewRegistry()
	f := start(t, func(c *Config) { c.Registerer = reg })
	if err := f.client.Probe(testContext(t)); err != nil {
		t.Fatal(err)
	}
	// A second controller registers beside the first.
	f.newClient(t, func(c *Config) { c.Name, c.Registerer = "other", reg })
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, family := range families {
		found = found || family.GetName() == "akohub_avi_requests_total"
	}
	if !found {
		t.Error("akohub_avi_requests_total is not there")
	}
}
