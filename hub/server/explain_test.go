package server

import (
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/pkg/explain"
)

// A question goes from the admin API to the cluster's worker, and the answer
// says who could not tell more.
func TestExplain(t *testing.T) {
	s := newSite(t)
	s.cluster("c1", "")
	stop := s.run()
	s.eventually("the hub waits for the cluster's agent", func() bool {
		c, ok := s.shown("c1")
		return ok && len(c.Waits) > 0
	})
	client := admin.Client{Address: s.cfg.Admin}
	for want, q := range map[string]explain.Query{
		`host "h.example": no cluster (of 1) has`:        {Kind: explain.Host, Name: "h.example"},
		`c1 is not fully known, since the hub waits for`: {Kind: explain.Host, Name: "h.example"},
		`cluster "c1" has no Ingress ns/web`:             {Kind: explain.Ingress, Cluster: "c1", Namespace: "ns", Name: "web"},
		`cluster "c1" has no Service ns/lb`:              {Kind: explain.Service, Cluster: "c1", Namespace: "ns", Name: "lb"},
		`cluster "c9": no such cluster is registered`:    {Kind: explain.Service, Cluster: "c9", Namespace: "ns", Name: "lb"},
	} {
		if _, err := client.Explain(t.Context(), q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", q, err, want)
		}
	}
	if _, err := stop(); err != nil {
		t.Error(err)
	}
}

// A cluster may be unknown because its file can't be used: that is said, too.
func TestUnknownForItsFile(t *testing.T) {
	s := newSite(t)
	s.cluster("c1", "")
	s.cluster("c2", "  mode: enfroce\n")
	s.cluster("c3", "  clout: x\n")
	stop := s.run()
	client := admin.Client{Address: s.cfg.Admin}
	for what, ask := range map[string]func() error{
		"explain": func() error {
			_, err := client.Explain(t.Context(), explain.Query{Kind: explain.Ingress, Cluster: "c2", Namespace: "ns", Name: "web"})
			return err
		},
		"plan":     func() error { _, err := client.Plan(t.Context(), "c2"); return err },
		"doctor":   func() error { _, err := client.Doctor(t.Context(), "c2"); return err },
		"approve":  func() error { return client.Approve(t.Context(), "c2") },
		"offboard": func() error { _, err := client.Offboard(t.Context(), "c2", false); return err },
	} {
		err := ask()
		if err == nil {
			t.Errorf("%s: no error", what)
			continue
		}
		for _, want := range []string{`cluster "c2": no such cluster is registered`, "c2.yaml", `did you mean "enforce"?`, "and 1 more"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", what, err, want)
			}
		}
	}
	if err := client.Approve(t.Context(), "c1"); err == nil || !strings.Contains(err.Error(), `no plan of cluster "c1" is held`) {
		t.Errorf("approve: %v", err)
	}
	if _, err := stop(); err != nil {
		t.Error(err)
	}
}
