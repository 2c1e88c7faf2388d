package main

import (
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/admin"
)

// What is denied is listed by object, each on a line.
func TestClustersDenied(t *testing.T) {
	var b strings.Builder
	err := printClusters(&b, admin.Clusters{Clusters: []admin.Cluster{
		{Name: "shop", Tenant: "team", Mode: "enforce"},
		{Name: "web", Tenant: "team", Mode: "enforce", DeniedMore: 7, Denied: []admin.Denial{
			{Object: "Ingress prod/a", Reason: "HostClaimedElsewhere", Message: "host \"a.test\"\nis cluster \"shop\"'s"},
			{Object: "Service prod/lb", Reason: "LimitExceeded", Message: "the limit of 3 VIPs of this cluster is reached"},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := `
denied: web
  Ingress prod/a: HostClaimedElsewhere: host "a.test" is cluster "shop"'s
  Service prod/lb: LimitExceeded: the limit of 3 VIPs of this cluster is reached
  and 7 more
`
	if got := b.String(); !strings.HasSuffix(got, want) || strings.Count(got, "denied:") != 1 {
		t.Errorf("%s", got)
	}
}
