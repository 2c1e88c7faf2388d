package parity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhatTheRunnerLacks loads scenarios that ask for something.
func TestWhatTheRunnerLacks(t *testing.T) {
	tests := []struct {
		config  string
		cluster string
		refused string
	}{
		{config: "about: x", cluster: plain},
		{config: "cluster: openshift", cluster: openshift},
		{config: "simArgs: {tenants: [a]}", cluster: plain},
		{config: "cluster: gateway", refused: `the kind "gateway"`},
		{config: "gateway: true", refused: "Gateway API program"},
		{config: "operator: true", refused: "CRD operator"},
		{config: "workloadCerts: true", refused: "certificate"},
		{config: "simArgs: {latency: 5ms}", refused: "latency"},
		{config: "mesh: true", refused: "mesh"},
	}
	for _, test := range tests {
		t.Run(test.config, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"config.yaml": test.config, "objects.yaml": ""} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := load(dir)
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) {
					t.Fatalf("error %v does not say %q", err, test.refused)
				}
				return
			}
			if err != nil || s.cluster != test.cluster {
				t.Errorf("cluster %q, error %v", s.cluster, err)
			}
		})
	}
}

func route(ip, hosts string) map[string]map[string]any {
	return map[string]map[string]any{"Route/default/r": {
		"status": object{"ingress": []any{
			object{"host": "a", "routerName": "default", "conditions": []any{object{"type": "Admitted", "reason": "Words"}}},
			object{"host": "a", "routerName": "ako-c", "conditions": []any{object{
				"type": "Admitted", "message": ip,
				"reason": `{"ako.vmware.com/controller-cluster-uuid":"k","ako.vmware.com/host-fqdn-vs-uuid-map":"` + hosts + `"}`,
			}}},
		}},
	}}
}

// TestReasonsOfRoutes compares the annotations within a Route's condition.
func TestReasonsOfRoutes(t *testing.T) {
	names := map[string]string{"our-1": "admin/vs-1", "our-2": "admin/vs-2"}
	tests := []struct {
		name      string
		ako, ours map[string]map[string]any
		right     bool
	}{
		{name: "one each", ako: route("10.0.0.1", `{\"a\":\"x\"}`), ours: route("10.0.0.9", `{\"a\":\"our-1\"}`), right: true},
		{name: "no virtual service", ako: route("10.0.0.1", `{\"a\":\"x\"}`), ours: route("10.0.0.9", `{\"a\":\"gone\"}`)},
		{name: "another host", ako: route("10.0.0.1", `{\"a\":\"x\"}`), ours: route("10.0.0.9", `{\"b\":\"our-1\"}`)},
		{name: "another address", ako: route("10.0.0.1", `{\"a\":\"x\"}`), ours: route("10.0.0.8", `{\"a\":\"our-1\"}`)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := newAligner("k")
			a.addresses["10.0.0.1"] = "10.0.0.9"
			for _, side := range []map[string]map[string]any{test.ako, test.ours} {
				if err := parseReasons(side); err != nil {
					t.Fatal(err)
				}
			}
			a.statuses(test.ako, test.ours, names)
			if diff := cmp.Diff(test.ako, test.ours); (diff == "") != test.right {
				t.Errorf("right should be %v; difference:\n%s", test.right, diff)
			}
		})
	}
}

func TestNamesThatLookLikeBooleans(t *testing.T) {
	s, err := parseStep([]byte("kind: Route\nmetadata: {name: n, namespace: y}\nspec: {port: {targetPort: 8080}, on: true, text: 'yes'}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := object{"kind": "Route", "metadata": object{"name": "n", "namespace": "y"},
		"spec": object{"port": object{"targetPort": int64(8080)}, "on": true, "text": "yes"}}
	if diff := cmp.Diff(want, s.changes[0].object.Object); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
