package charts

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
)

func agentChart(t *testing.T, args ...string) (string, error) {
	t.Helper()
	chart := filepath.Join(root, "charts", "akohub-agent")
	return helm(t, append([]string{"template", "r", chart, "--namespace", "agent", "-f", filepath.Join(chart, "ci", "required-values.yaml")}, args...)...)
}

// rights returns the verbs that the agent has on a resource.
func rights(t *testing.T, text, group, resource string) []string {
	t.Helper()
	var out []string
	for _, role := range objects[rbacv1.ClusterRole](t, text, "ClusterRole") {
		for _, rule := range role.Rules {
			if slices.Contains(rule.APIGroups, group) && slices.Contains(rule.Resources, resource) {
				out = append(out, rule.Verbs...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestAgentMaySeeRoutes: where the cluster has Routes, and where one says so.
func TestAgentMaySeeRoutes(t *testing.T) {
	openshift := []string{"--api-versions", "route.openshift.io/v1"}
	for _, tc := range []struct {
		name  string
		args  []string
		allow bool
	}{
		{"a plain cluster", nil, false},
		{"an OpenShift cluster", openshift, true},
		{"another version", []string{"--api-versions", "route.openshift.io/v2"}, false},
		{"asked for", []string{"--set", "rbac.routes=true"}, true},
		{"not wanted", append([]string{"--set", "rbac.routes=false"}, openshift...), false},
		{"auto said", append([]string{"--set", "rbac.routes=auto"}, openshift...), true},
		{"no rights at all", append([]string{"--set", "rbac.create=false"}, openshift...), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text, err := agentChart(t, tc.args...)
			if err != nil {
				t.Fatal(err, text)
			}
			var routes, status []string
			if tc.allow {
				routes, status = []string{"get", "list", "patch", "watch"}, []string{"patch"}
			}
			if diff := cmp.Diff(routes, rights(t, text, "route.openshift.io", "routes")); diff != "" {
				t.Errorf("routes: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(status, rights(t, text, "route.openshift.io", "routes/status")); diff != "" {
				t.Errorf("routes/status: -want +got\n%s", diff)
			}
			if got := rights(t, text, "route.openshift.io", "routes/custom-host"); got != nil {
				t.Errorf("routes/custom-host: %v", got)
			}
		})
	}
	if out, err := agentChart(t, "--set", "rbac.routes=perhaps"); err == nil || !strings.Contains(out, "routes") {
		t.Errorf("error %v, output %.300s", err, out)
	}
}

// An IngressClass is made but on OpenShift, whose Ingresses it would keep from
// becoming Routes, unless one says otherwise.
func TestIngressClass(t *testing.T) {
	openshift := []string{"--api-versions", "route.openshift.io/v1"}
	for _, tc := range []struct {
		name string
		args []string
		want bool
	}{
		{"a plain cluster", nil, true},
		{"an OpenShift cluster", openshift, false},
		{"beside AKO", []string{"--set", "ingressClass.create=false"}, false},
		{"wanted there all the same", append([]string{"--set", "ingressClass.create=true"}, openshift...), true},
	} {
		text, err := agentChart(t, tc.args...)
		if err != nil {
			t.Fatal(err, text)
		}
		if got := strings.Contains(text, "\nkind: IngressClass\n"); got != tc.want {
			t.Errorf("%s: an IngressClass: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// OpenShift gives each namespace users of its own, and refuses Pods with others.
func TestUsersOnOpenShift(t *testing.T) {
	openshift := []string{"--api-versions", "security.openshift.io/v1"}
	for name, chart := range map[string]func(*testing.T, ...string) (string, error){"agent": agentChart, "hub": hubChart} {
		for _, args := range [][]string{nil, openshift} {
			text, err := chart(t, args...)
			if err != nil {
				t.Fatal(err, text)
			}
			if got, want := strings.Contains(text, "runAsUser:"), args == nil; got != want {
				t.Errorf("%s with %v: a user of its own: %v, want %v", name, args, got, want)
			}
		}
	}
}
