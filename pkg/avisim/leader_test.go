package avisim

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// started is a simulator with a listener, and a client that trusts it.
func started(t *testing.T, opts Options) (*Simulator, *Server, *http.Client) {
	t.Helper()
	sim := newSim(t, opts)
	srv, err := sim.StartTLS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(srv.CACertPEM)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return sim, srv, &http.Client{Transport: transport}
}

// TestLeaderChangeCutsConnections: what is under way when the leader changes
// gets no answer, and the control call that asked for it does.
func TestLeaderChangeCutsConnections(t *testing.T) {
	sim, srv, client := started(t, Options{})
	sim.Inject(Fault{Type: "login", Latency: time.Hour})
	failed := make(chan error, 1)
	go func() {
		resp, err := client.Post(srv.URL+"/login", "application/json", strings.NewReader(`{"username":"admin","password":"sim-password"}`))
		if err == nil {
			resp.Body.Close()
		}
		failed <- err
	}()
	deadline := time.After(10 * time.Second)
	for {
		resp, err := client.Post(srv.URL+"/_sim/change-leader", "", nil)
		if err != nil {
			t.Fatalf("the control call: %v", err)
		}
		resp.Body.Close()
		select {
		case err := <-failed:
			if err == nil {
				t.Error("a request that was under way was answered")
			}
			return
		case <-deadline:
			t.Fatal("the request is still under way")
		default:
		}
	}
}

// TestLeaderChangeInMemory does so where there is no connection to cut: the
// handler aborts. The body's reader changes the leader in the middle.
func TestLeaderChangeInMemory(t *testing.T) {
	sim := newSim(t, Options{})
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("the handler ended with %v, want it to abort", err)
		}
	}()
	r := httptest.NewRequest("GET", "/api/initial-data", readerFunc(func() { sim.ChangeLeader() }))
	sim.Handler().ServeHTTP(httptest.NewRecorder(), r)
}

// readerFunc is empty, and is called when that is found out.
type readerFunc func()

func (f readerFunc) Read([]byte) (int, error) { f(); return 0, io.EOF }

func TestClusterState(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	state := func() any {
		return c.must(200, "GET", "/api/cluster/runtime", nil)["cluster_state"].(map[string]any)["state"]
	}
	if s := state(); s != "CLUSTER_UP_NO_HA" {
		t.Errorf("state %v", s)
	}
	if rec := direct(sim, "POST", "/_sim/cluster", `{"state":"CLUSTER_UP_HA_COMPROMISED"}`); rec.Code != 200 {
		t.Errorf("setting it: %d %s", rec.Code, rec.Body)
	}
	if s := state(); s != "CLUSTER_UP_HA_COMPROMISED" {
		t.Errorf("state %v, want what was set", s)
	}
	if rec := direct(sim, "POST", "/_sim/cluster", `{"stat":""}`); rec.Code != 400 {
		t.Errorf("a misspelt field: %d", rec.Code)
	}
}

// TestTrickle: the beginning of a slow answer is there long before its end.
func TestTrickle(t *testing.T) {
	sim, srv, client := started(t, Options{})
	sim.Inject(Fault{Type: "initial-data", Trickle: 200 * time.Millisecond})
	begin := time.Now()
	resp, err := client.Get(srv.URL + "/api/initial-data")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := time.Since(begin)
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), `"version"`) {
		t.Errorf("answer %s, error %v", body, err)
	}
	if all := time.Since(begin); all < 150*time.Millisecond || first > all*3/4 {
		t.Errorf("the beginning took %s, all %s", first, all)
	}
}

func TestFaultOnPages(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	for _, name := range []string{"a", "b", "c"} {
		c.must(201, "POST", "/api/pool", `{"name":"`+name+`"}`)
	}
	for _, tt := range []struct {
		page int
		hit  string // which of the pages
	}{{0, "123"}, {1, "1"}, {2, "2"}, {-1, "23"}} {
		sim.ClearFaults()
		sim.Inject(Fault{Type: "pool", Page: tt.page, Status: 503})
		for _, page := range []string{"1", "2", "3"} {
			query := "?page_size=1"
			if page != "1" {
				query += "&page=" + page
			}
			want := 200
			if strings.Contains(tt.hit, page) {
				want = 503
			}
			if status, _ := c.do("GET", "/api/pool"+query, nil); status != want {
				t.Errorf("fault on page %d: page %s answers %d, want %d", tt.page, page, status, want)
			}
		}
		if status, _ := c.do("POST", "/api/poolgroup", `{"name":"g"}`); status == 503 {
			t.Errorf("fault on page %d hits another type", tt.page)
		}
	}
}

func TestJitterDistributions(t *testing.T) {
	for name, bound := range map[string]time.Duration{"": time.Second, "uniform": time.Second, "exponential": 20 * time.Second, "normal": 20 * time.Second} {
		f := Fault{Jitter: time.Second, Distribution: name}
		var sum, most time.Duration
		for range 2000 {
			d := f.jitter()
			sum, most = sum+d, max(most, d)
			if d < 0 || d > bound {
				t.Fatalf("%q: %s", name, d)
			}
		}
		mean := sum / 2000
		if mean < 300*time.Millisecond || mean > 1200*time.Millisecond {
			t.Errorf("%q: mean %s", name, mean)
		}
		if (name == "exponential" || name == "normal") && most < 2*time.Second {
			t.Errorf("%q: most %s: no tail", name, most)
		}
	}
	sim := newSim(t, Options{})
	if rec := direct(sim, "POST", "/_sim/faults", `{"jitter_ns":1,"distribution":"bimodal"}`); rec.Code != 400 {
		t.Errorf("an unknown distribution: %d", rec.Code)
	}
}

func TestSnapshotsOverControl(t *testing.T) {
	sim := newSim(t, Options{})
	c := newClient(t, sim)
	ctl := func(want int, method, path, body string) string {
		t.Helper()
		rec := direct(sim, method, "/_sim/"+path, body)
		if rec.Code != want {
			t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
		}
		return strings.TrimSpace(rec.Body.String())
	}
	c.must(201, "POST", "/api/pool", `{"name":"a"}`)
	ctl(200, "POST", "snapshots", `{"name":"one pool"}`)
	c.must(201, "POST", "/api/pool", `{"name":"b"}`)
	if got := ctl(200, "GET", "snapshots", ""); got != `["one pool"]` {
		t.Errorf("snapshots: %s", got)
	}
	for range 2 {
		ctl(200, "POST", "restore", `{"name":"one pool"}`)
		if n := len(results(c.must(200, "GET", "/api/pool", nil))); n != 1 {
			t.Errorf("%d pools after the restore, want 1", n)
		}
		c.must(201, "POST", "/api/pool", `{"name":"b"}`)
	}
	ctl(404, "POST", "restore", `{"name":"nope"}`)
	ctl(200, "DELETE", "snapshots", `{"name":"one pool"}`)
	ctl(404, "POST", "restore", `{"name":"one pool"}`)
	ctl(400, "POST", "snapshots", `{"nam":"x"}`)
}

func TestParseAssumptions(t *testing.T) {
	a, err := ParseAssumptions([]string{"AnyDomain", "DeleteRefused=403", "SessionEnded=419"})
	if err != nil || a != (Assumptions{AnyDomain: true, DeleteRefused: 403, SessionEnded: 419}) {
		t.Errorf("%+v, error %v", a, err)
	}
	for _, s := range []string{"Nope", "AnyDomain=1", "DeleteRefused", "DeleteRefused=200", "DeleteRefused=x", ""} {
		if _, err := ParseAssumptions([]string{s}); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}
