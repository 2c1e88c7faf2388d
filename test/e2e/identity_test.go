package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/akohub/akohub/test/harness"
)

// quiet is how long no write may come for nothing to be on its way, where the
// hub can't be asked.
const quiet = 700 * time.Millisecond

// TestUnknownCertificate runs an agent whose certificate says the right name and
// comes from another authority, and one whose cluster nobody registered.
func TestUnknownCertificate(t *testing.T) {
	w := newWorld(t)
	w.a.apply(shop(t, nameA, 1))
	w.served(w.a, shopObjects...)
	w.settle()
	before, mark := w.a.shows(), w.mark()
	w.must(w.a.Agent.Stop())

	ca := filepath.Join(w.Dir, "pki", "ca.crt")
	other := filepath.Join(t.TempDir(), "pki")
	w.must(w.cli("pki", "init", other, "--host", "127.0.0.1").OK())
	w.must(w.cli("pki", "cluster", other, nameA).OK())
	w.must(w.cli("pki", "cluster", filepath.Join(w.Dir, "pki"), "nobody").OK())

	for _, tc := range []struct {
		name, certs, agentSays, hubSays string
	}{
		{"another authority's", filepath.Join(other, "clusters", nameA), "certificate", "unknown authority"},
		{"an unregistered cluster's", filepath.Join(w.Dir, "pki", "clusters", "nobody"), "is not registered", "is not registered"},
	} {
		w.run(tc.name, func(w *world) {
			agent, err := harness.NewAgent(harness.AgentOptions{
				Name: "intruder", Dir: w.t.TempDir(), Hub: w.Hub.Listen, Kubeconfig: filepath.Join(w.Dir, nameA+".kubeconfig"),
				Cert: tc.certs + ".crt", Key: tc.certs + ".key", CA: ca,
			})
			w.must(err)
			w.must(agent.Start(t.Context()))
			w.logged(agent.Log(), tc.agentSays)
			w.logged(w.Hub.Log(), tc.hubSays)
			w.must(agent.Stop())
		})
	}

	w.must(w.a.Agent.Start(t.Context()))
	w.wroteNothing("refused agents", mark)
	w.a.unchanged("refused agents", before)
}

// TestSecretsStayInTheCluster proves that only those Secrets leave it that an
// Ingress refers to, and that keys are nowhere to be read.
func TestSecretsStayInTheCluster(t *testing.T) {
	w := newWorld(t)
	pair := newKeyPair(t, secureHost(nameA))
	w.a.apply(
		tlsSecret("unused-tls", newKeyPair(t, "unused.apps.example.test")),
		tlsSecret("later-tls", newKeyPair(t, "later.apps.example.test")),
		"apiVersion: v1\nkind: Secret\nmetadata: {name: password, namespace: %NS%}\nstringData: {password: correct-horse-battery}\n",
		shop(t, nameA, 1),
		tlsSecret("secure-tls", pair),
	)
	w.served(w.a, shopObjects...)
	w.settle()
	if got := w.secretsOf(nameA); got != 1 {
		t.Errorf("the hub has %d Secrets, and 1 is referred to", got)
	}
	w.a.apply(tlsIngress("later", "later.apps.example.test", "cart", "later-tls"))
	w.served(w.a, "Ingress later")
	w.settle()
	if got := w.secretsOf(nameA); got != 2 {
		t.Errorf("the hub has %d Secrets, and 2 are referred to", got)
	}
	w.a.deleteIngress("later")
	w.eventually("the hub forgets it", func() error {
		if got := w.secretsOf(nameA); got != 1 {
			return fmt.Errorf("the hub has %d Secrets, and 1 is referred to", got)
		}
		return nil
	})
	w.settle()

	body := strings.Split(string(pair.key), "\n")[1]
	for _, secret := range []string{"unused-tls", "correct-horse-battery", "PRIVATE KEY", body} {
		for _, log := range []string{w.Hub.Log(), w.a.Agent.Log()} {
			text, err := os.ReadFile(log)
			w.must(err)
			if strings.Contains(string(text), secret) {
				t.Errorf("%q is in %s", secret, log)
			}
		}
	}
	err := filepath.WalkDir(w.Hub.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "/pki/") {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), body) {
			t.Errorf("the private key is in %s", path)
		}
		return err
	})
	w.must(err)
}

// secretsOf is how many Secrets the hub has of a cluster.
func (w *world) secretsOf(cluster string) int {
	w.t.Helper()
	c, err := w.standing(cluster)
	w.must(err)
	for _, k := range c.Kinds {
		if k.Kind == "secrets" {
			return k.Count
		}
	}
	return -1
}

// TestRightsOfTheAgent asks the API server what the chart's ServiceAccount, which
// the agents of all these tests run as, may not do.
func TestRightsOfTheAgent(t *testing.T) {
	token, err := harness.AgentToken(t.Context(), clusters[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(clusters[0].ConfigFor(token))
	if err != nil {
		t.Fatal(err)
	}
	may := func(verb, group, resource, sub string) bool {
		t.Helper()
		review, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: "default", Verb: verb, Group: group, Resource: resource, Subresource: sub,
			}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return review.Status.Allowed
	}
	if !may("list", "networking.k8s.io", "ingresses", "") || !may("patch", "", "services", "status") {
		t.Error("the agent may not do its work; the test asks wrongly")
	}
	for _, resource := range []struct{ group, name string }{
		{"networking.k8s.io", "ingresses"}, {"", "services"}, {"", "secrets"}, {"", "pods"}, {"", "nodes"}, {"", "namespaces"},
		{"discovery.k8s.io", "endpointslices"}, {"", "configmaps"}, {"", "serviceaccounts"}, {"apps", "deployments"},
		{"rbac.authorization.k8s.io", "clusterroles"}, {"rbac.authorization.k8s.io", "clusterrolebindings"},
	} {
		for _, verb := range []string{"create", "update", "delete", "deletecollection", "impersonate", "escalate", "bind"} {
			if may(verb, resource.group, resource.name, "") {
				t.Errorf("the agent may %s %s.%s", verb, resource.name, resource.group)
			}
		}
	}
	for _, no := range [][4]string{
		{"patch", "", "secrets", ""}, {"get", "", "configmaps", ""}, {"list", "", "serviceaccounts", ""},
		{"create", "", "pods", "exec"}, {"create", "", "serviceaccounts", "token"}, {"patch", "", "nodes", ""}, {"patch", "", "namespaces", ""},
	} {
		if may(no[0], no[1], no[2], no[3]) {
			t.Errorf("the agent may %s %s/%s", no[0], no[2], no[3])
		}
	}
}
