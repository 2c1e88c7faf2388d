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

// Several errors are told apart, and every mistake in a file has a line.
func TestClustersErrors(t *testing.T) {
	var b strings.Builder
	err := printClusters(&b, admin.Clusters{
		Clusters: []admin.Cluster{{Name: "shop", Tenant: "team", Mode: "observe", Error: "1 host is not created: it is another's\nthe cluster is offboarded"}},
		Refused: []admin.RefusedFile{
			{File: "e.yaml", Reason: "e.yaml: line 5: spec.mode: wrong\ne.yaml: line 6: spec.foo: unknown key"},
			{File: "f.yaml", Reason: `f.yaml: cluster "a" is already registered by a.yaml`},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"it is another's; the cluster is offboarded\n",
		"\nrefused: e.yaml\n  line 5: spec.mode: wrong\n  line 6: spec.foo: unknown key\n",
		"\nrefused: f.yaml: cluster \"a\" is already registered by a.yaml\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

// What is typed wrongly is an error that says what is right.
func TestMistypedCommands(t *testing.T) {
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"argument CLUSTER is missing: akohub plan CLUSTER", []string{"plan"}},
		{`"b" is one argument too many: akohub doctor CLUSTER`, []string{"doctor", "a", "b"}},
		{`unknown command "pod" for "akohub explain"`, []string{"explain", "pod", "a"}},
		{`unknown command "renew" for "akohub pki"`, []string{"pki", "renew"}},
		{"argument NAMESPACE/NAME is missing", []string{"explain", "route", "prod"}},
		{`no registration can be called "Prod_X"`, []string{"pki", "cluster", t.TempDir(), "Prod_X"}},
	} {
		if _, _, err := execute(t, newRootCommand(), "", tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: error %v, want one with %q", tc.args, err, tc.want)
		}
	}
}
