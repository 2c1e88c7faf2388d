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
