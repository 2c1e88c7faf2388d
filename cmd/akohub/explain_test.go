package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/pkg/explain"
)

// Explain answers with one cluster in which everything goes well, and one with
// all that can stand in the way.
func (*fakeHub) Explain(_ context.Context, q explain.Query) (explain.Answer, error) {
	at := func(h int) *time.Time {
		t := time.Date(2026, 3, 1, h, 30, 0, 0, time.Local)
		return &t
	}
	a := explain.Answer{Query: q, At: *at(9)}
	switch {
	case q.Kind == explain.Host && q.Name == "shop.apps.example.test":
		a.Clusters = []explain.Cluster{goodCluster(at), badCluster(at)}
		a.Unanswered = []explain.Unanswered{{Cluster: "slow", Error: "it is busy with the controller:\n context deadline exceeded"}}
	case q == explain.Query{Kind: explain.Service, Cluster: "good", Namespace: "shop", Name: "lb"}:
		a.Clusters = []explain.Cluster{serviceCluster(at)}
	case q.Kind != explain.Host && q.Cluster != "good":
		return a, admin.UnknownCluster(errors.New("no cluster \"" + q.Cluster + "\" is registered"))
	default:
		return a, fmt.Errorf("%w: host %q: 3 clusters were asked", explain.ErrUnknown, q.Name)
	}
	return a, nil
}

func goodCluster(at func(int) *time.Time) explain.Cluster {
	two := 2
	shop := explain.Object{Kind: "Ingress", Namespace: "shop", Name: "shop", Created: at(1), Status: []string{"shop.apps.example.test=10.10.64.130"}}
	late := explain.Object{Kind: "Ingress", Namespace: "shop", Name: "late", Created: at(2),
		Problems: []explain.Problem{{Reason: "DuplicateHostPath", Message: "shop.apps.example.test/ is claimed by the older Ingress shop/shop too"}}}
	return explain.Cluster{
		Name: "good", Tenant: "team-a", Mode: "enforce", ConnectedSince: at(8),
		Units: []explain.Unit{{
			Kind: "host", Name: "shop.apps.example.test", Parents: []string{"good--Shared-L7-1"},
			Claims: []explain.Claim{
				{Object: shop, Served: true, Paths: []explain.Path{
					{Rule: 1, Path: "/", Type: "Prefix", Backend: "shop/web:80", Standing: explain.Owner},
					{Rule: 1, Path: "/basket", Type: "Exact", Backend: "shop/basket:http", Standing: explain.Owner}}},
				{Object: late, Served: true, Paths: []explain.Path{
					{Rule: 3, Path: "/", Type: "Prefix", Backend: "shop/other:80", Standing: explain.Lost, LostTo: "Ingress shop/shop"},
					{Backend: "shop/any:80", Standing: explain.Owner}}},
			},
			Objects: []explain.AviObject{
				{Tenant: "team-a", Type: "pool", Name: "good--shop.apps.example.test_-shop-shop", State: explain.Applied, UUID: "pool-1", LastModified: at(8), Servers: &two},
				{Tenant: "team-a", Type: "sslkeyandcertificate", Name: "good--shop.apps.example.test", State: explain.Failed, Op: "create",
					Error: "Certificate is\n expired", Attempts: 3, NextTry: later(at(9), 12*time.Second)},
				{Tenant: "team-a", Type: "virtualservice", Name: "good--shop.apps.example.test", State: explain.Skipped, Op: "create",
					Reason: `needs sslkeyandcertificate "good--shop.apps.example.test", which can't be written`},
			},
		}},
		NoRuntime: "asked of 24 of 31 virtual services and pools only",
		Parents: []explain.Parent{{Tenant: "team-a", Name: "good--Shared-L7-1", Units: 7, VIP: []string{"10.10.64.130"}, Objects: []explain.AviObject{
			{Tenant: "team-a", Type: "virtualservice", Name: "good--Shared-L7-1", State: explain.Applied, UUID: "virtualservice-1", LastModified: at(7),
				Runtime: &explain.Runtime{State: "UP", Reason: "it was down", HealthScore: number(85)}},
			{Tenant: "team-a", Type: "vsvip", Name: "good--Shared-L7-1", State: explain.Pending, Op: "update", UUID: "vsvip-1", LastModified: at(7), Addresses: []string{"10.10.64.130"}},
		}}},
	}
}

func badCluster(at func(int) *time.Time) explain.Cluster {
	return explain.Cluster{
		Name: "bad", Tenant: "team-b", Mode: "observe", Waits: []string{"ingresses", "secrets"},
		Held: "it would delete 5 of 8 virtual services", Error: "reading the controller: it is away",
		Units: []explain.Unit{
			{Kind: "host", Name: "shop.apps.example.test", Claims: []explain.Claim{
				{Object: explain.Object{Kind: "Ingress", Namespace: "b", Name: "foreign"}, Note: "its class or its namespace is not given to this hub",
					Paths: []explain.Path{{Rule: 1, Backend: "b/web:80", Standing: explain.NotServed}}}}},
		},
		Leftovers: []explain.AviObject{
			{Tenant: "team-b", Type: "pool", Name: "bad--old", State: explain.Kept, Op: "delete", Reason: "what it was made from isn't known at the moment", UUID: "pool-9", LastModified: at(3)},
			{Tenant: "team-b", Type: "virtualservice", Name: "bad--old", State: explain.Held, Op: "delete", Reason: "the plan of the cluster waits for approval", UUID: "virtualservice-9", LastModified: at(3)},
		},
	}
}

func serviceCluster(at func(int) *time.Time) explain.Cluster {
	none := 0
	lb := explain.Object{Kind: "Service", Namespace: "shop", Name: "lb", Created: at(1), Problems: []explain.Problem{{Reason: "AviRefused", Message: "no"}}}
	return explain.Cluster{
		Name: "good", Tenant: "team-a", Mode: "create-only", ConnectedSince: at(8), Object: &lb,
		Units: []explain.Unit{{Kind: "l4", Namespace: "shop", Name: "lb",
			Claims: []explain.Claim{{Object: explain.Object{Kind: "Service", Namespace: "shop", Name: "lb", Created: at(1)}, Served: true}},
			Objects: []explain.AviObject{
				{Tenant: "team-a", Type: "pool", Name: "good--shop-lb-TCP-80", State: explain.Wanted, Op: "update", Reason: "the mode is create-only", UUID: "pool-1", LastModified: at(8), Servers: &none,
					Runtime: &explain.Runtime{State: "DOWN", Reason: "no server\nis up", Servers: number(2), ServersUp: number(0)}},
			}}},
	}
}

func number(n int) *int { return &n }

func later(t *time.Time, d time.Duration) *time.Time {
	l := t.Add(d)
	return &l
}

func TestExplain(t *testing.T) {
	_, addr := startFakeHub(t)
	for name, args := range map[string][]string{
		"explain-host.txt":    {"host", "shop.apps.example.test"},
		"explain-service.txt": {"service", "good", "shop/lb"},
	} {
		run := func(more ...string) string {
			out, _, err := execute(t, newRootCommand(), "", append(append([]string{"explain"}, args...), append(more, "--admin", addr)...)...)
			if err != nil {
				t.Fatalf("%v: %v", args, err)
			}
			return out
		}
		golden(t, name, run())
		var fromJSON, fromYAML explain.Answer
		if err := json.Unmarshal([]byte(run("-o", "json")), &fromJSON); err != nil {
			t.Error(err)
		}
		if err := yaml.Unmarshal([]byte(run("-o", "yaml")), &fromYAML); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(fromJSON, fromYAML); diff != "" || len(fromJSON.Clusters) == 0 {
			t.Errorf("-json +yaml: %s", diff)
		}
	}
}

func TestExplainRefuses(t *testing.T) {
	_, addr := startFakeHub(t)
	for args, want := range map[string]string{
		"host nosuch.example":         `nothing is known of it: host "nosuch.example"`,
		"ingress nosuch shop/web":     `no cluster "nosuch" is registered`,
		"ingress good web":            "NAMESPACE/NAME",
		"ingress good /web":           "NAMESPACE/NAME",
		"service good shop/":          "NAMESPACE/NAME",
		"host":                        "arg",
		"ingress good":                "arg",
		"host a.example -o table":     "text, yaml or json",
		"host a.example b.example":    "arg",
		"ingress good shop/web extra": "arg",
	} {
		out, _, err := execute(t, newRootCommand(), "", append(append([]string{"explain"}, strings.Fields(args)...), "--admin", addr)...)
		if err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("%s: error %v, output %q; want %q", args, err, out, want)
		}
	}
}
