package avi

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/akohub/akohub/pkg/avisim"
)

// releaseOf starts a controller of a release, and notes the versions that it is
// asked in.
func releaseOf(t *testing.T, release string) (f *fixture, asked func() []string) {
	t.Helper()
	seed, err := avisim.DefaultSeed()
	if err != nil {
		t.Fatal(err)
	}
	seed.Version = release
	sim, err := avisim.New(avisim.Options{Seed: seed, Tenants: []string{testTenant}})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var versions []string
	handler := sim.Handler()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if v := r.Header.Get("X-Avi-Version"); r.URL.Path != "/login" && !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
		mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	f = &fixture{sim: sim, server: &avisim.Server{URL: server.URL}, ca: ca}
	return f, func() []string {
		mu.Lock()
		defer mu.Unlock()
		out := versions
		versions = nil
		return out
	}
}

// The API version is the newest that the hub, its configuration and the
// controller have in common (l4-infra.md §2.4).
func TestAPIVersion(t *testing.T) {
	for _, tt := range []struct{ release, configured, want string }{
		{"30.2.1", "", "30.2.1"},
		{"31.1.1", "", "30.2.1"},
		{"31.1.1", "31.1.1", "30.2.1"},
		{"30.2.1", "22.1.5", "22.1.5"},
		{"22.1.4", "", "22.1.4"},
		{"22.1.4", "30.1.1", "22.1.4"},
	} {
		f, asked := releaseOf(t, tt.release)
		f.client = f.newClient(t, func(c *Config) { c.APIVersion = tt.configured })
		facts, err := f.client.Facts(testContext(t), FactsRequest{Tenant: testTenant, Cloud: "Default-Cloud"})
		if err != nil {
			t.Fatal(err)
		}
		if got := asked(); len(got) != 1 || got[0] != tt.want || facts.Version != tt.release {
			t.Errorf("release %s (%s), configured %q: asked in %v, want %s", tt.release, facts.Version, tt.configured, got, tt.want)
		}
	}
}

func TestOldController(t *testing.T) {
	f, _ := releaseOf(t, "22.1.2")
	f.client = f.newClient(t, nil)
	_, err := f.client.Facts(testContext(t), FactsRequest{Tenant: testTenant, Cloud: "Default-Cloud"})
	if !IsClass(err, Invalid) || !strings.Contains(err.Error(), "runs release 22.1.2; at least 22.1.3 is needed") {
		t.Errorf("facts of an old controller: %v", err)
	}
	for version, ok := range map[string]bool{"": true, "22.1.3": true, "22.1.3-2p4": true, "22.1.10": true, "30.2.1": true, "22.1.2-9p1": false, "21.1.6": false, "20.1": false} {
		if err := checkVersion(version); (err == nil) != ok {
			t.Errorf("%q: %v", version, err)
		}
	}
}

// A controller whose cluster isn't active says so.
func TestInactiveController(t *testing.T) {
	f := start(t, nil)
	f.sim.SetClusterState("CLUSTER_DOWN")
	_, err := f.client.Facts(testContext(t), FactsRequest{Tenant: testTenant, Cloud: "Default-Cloud"})
	if !IsClass(err, Unavailable) || !strings.Contains(err.Error(), "the controller's state is CLUSTER_DOWN") {
		t.Errorf("facts: %v", err)
	}
	for _, state := range upStates {
		f.sim.SetClusterState(state)
		if err := f.client.Probe(testContext(t)); err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
}
