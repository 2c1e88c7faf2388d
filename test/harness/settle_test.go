package harness

import (
	"strings"
	"testing"
	"time"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/test/internal/child"
)

func TestUnsettled(t *testing.T) {
	since := time.Unix(1, 0)
	good := func(change func(*admin.Cluster)) []admin.Cluster {
		c := admin.Cluster{
			Name: "c", Mode: "enforce", ConnectedSince: &since,
			Kinds: []admin.Kind{{Kind: "services", Synced: true}, {Kind: "routes", Message: "not there"}},
		}
		change(&c)
		return []admin.Cluster{c}
	}
	tests := []struct {
		name     string
		clusters []admin.Cluster
		want     string // in the error; empty: settled
	}{
		{"settled", good(func(*admin.Cluster) {}), ""},
		{"unknown", nil, "doesn't know"},
		{"not connected", good(func(c *admin.Cluster) { c.ConnectedSince = nil }), "not connected"},
		{"no kinds yet", good(func(c *admin.Cluster) { c.Kinds = nil }), "no kinds"},
		{"waits for a kind", good(func(c *admin.Cluster) { c.Waits = []string{"secrets"} }), "secrets"},
		{"a kind is on its way", good(func(c *admin.Cluster) { c.Kinds[0].Synced = false }), "services"},
		{"writes are pending", good(func(c *admin.Cluster) { c.Pending = 2 }), "pending"},
		{"writes are held", good(func(c *admin.Cluster) { c.Pending, c.Held = 2, "too many" }), ""},
		{"writes are only shown", good(func(c *admin.Cluster) { c.Pending, c.Mode = 2, "observe" }), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := &Environment{Members: []*Member{{Name: "c", Agent: &Agent{program: program{run: &child.Process{}}}}}}
			err := e.unsettled(admin.Clusters{Clusters: test.clusters})
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			e.Members[0].Agent.program.run = nil
			if err := e.unsettled(admin.Clusters{}); err != nil {
				t.Errorf("without its agent: %v", err)
			}
		})
	}
}

func TestSimulator(t *testing.T) {
	s, err := StartSimulator(t.TempDir(), avisim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	uuid, err := s.ClusterUUID(t.Context())
	if err != nil || !strings.HasPrefix(uuid, "cluster-") {
		t.Errorf("the cluster's uuid is %q, %v", uuid, err)
	}
	profiles, err := s.Objects(t.Context(), "admin", "applicationprofile")
	if err != nil || len(profiles) == 0 || profiles[0]["uuid"] == nil {
		t.Errorf("%d application profiles, %v", len(profiles), err)
	}
	if _, err := s.Objects(t.Context(), "nobody", "pool"); err == nil {
		t.Error("objects of a tenant that isn't there can be read")
	}
	if n := s.writes(); n != 0 {
		t.Errorf("reading counts as %d writes", n)
	}
}
