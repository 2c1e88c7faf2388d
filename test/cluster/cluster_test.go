package cluster_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/akohub/akohub/test/cluster"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

var clusters []*cluster.Cluster

func TestMain(m *testing.M) {
	if os.Getenv(orphanEnv) != "" {
		os.Exit(beOrphaned())
	}
	os.Exit(cluster.Run(m, 2, cluster.Options{}, func(cs []*cluster.Cluster) { clusters = cs }))
}

const ingress = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: %s}
spec:
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}
status:
  loadBalancer: {ingress: [{ip: 192.0.2.7}]}
`

func TestTwoClustersAreSeparate(t *testing.T) {
	ns := clusters[0].NewNamespace(t)
	if err := clusters[0].ApplyYAML(t.Context(), fmt.Appendf(nil, ingress, ns)); err != nil {
		t.Fatal(err)
	}
	if got := address(t, clusters[0], ns); got != "192.0.2.7" {
		t.Errorf("status of the Ingress: got address %q, want 192.0.2.7", got)
	}
	client := clientOf(t, clusters[1])
	if _, err := client.CoreV1().Namespaces().Get(t.Context(), ns, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("namespace %s of the first cluster in the second: got %v, want NotFound", ns, err)
	}
	// A token is good for its own cluster only.
	stranger, err := kubernetes.NewForConfig(clusters[0].ConfigFor(clusters[1].Config().BearerToken))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("the second cluster's token in the first: got %v, want Unauthorized", err)
	}
}

func TestSurvivesKilledAPIServer(t *testing.T) {
	c := clusters[0]
	ns := c.NewNamespace(t)
	if err := c.ApplyYAML(t.Context(), fmt.Appendf(nil, ingress, ns)); err != nil {
		t.Fatal(err)
	}
	if err := c.KillAPIServer(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := clientOf(t, c).Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err == nil {
		t.Error("a killed API server answered")
	}
	if err := c.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := address(t, c, ns); got != "192.0.2.7" {
		t.Errorf("status of the Ingress after the restart: got address %q, want 192.0.2.7", got)
	}
}

func TestSurvivesStoppedEtcd(t *testing.T) {
	c := clusters[1]
	ns := c.NewNamespace(t)
	if err := c.StopEtcd(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	if _, err := clientOf(t, c).CoreV1().ConfigMaps(ns).Create(ctx, config, metav1.CreateOptions{}); err == nil {
		t.Error("a write succeeded without etcd")
	}
	if err := c.StartEtcd(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := clientOf(t, c).CoreV1().Namespaces().Get(t.Context(), ns, metav1.GetOptions{}); err != nil {
		t.Errorf("a namespace from before: %v", err)
	}
}

func TestPausedAPIServerHangs(t *testing.T) {
	c := clusters[1]
	if err := c.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := clientOf(t, c).CoreV1().Namespaces().List(ctx, metav1.ListOptions{}); err == nil {
		t.Error("a paused API server answered")
	}
	if err := c.Resume(); err != nil {
		t.Fatal(err)
	}
	if _, err := clientOf(t, c).CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

func TestServiceAccountTokenHasOnlyItsRole(t *testing.T) {
	c := clusters[0]
	ns := c.NewNamespace(t)
	admin := clientOf(t, c)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	if _, err := admin.CoreV1().ServiceAccounts(ns).Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "agent"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"list"}}},
	}
	if _, err := admin.RbacV1().Roles(ns).Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "agent"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: ns, Name: "agent"}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "agent"},
	}
	if _, err := admin.RbacV1().RoleBindings(ns).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token, err := c.ServiceAccountToken(t.Context(), ns, "agent")
	if err != nil {
		t.Fatal(err)
	}

	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := c.WriteKubeconfig(kubeconfig, token); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	agent, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "listing Services with the role", func() error {
		// The authorizer learns of the binding by a watch.
		_, err := agent.CoreV1().Services(ns).List(t.Context(), metav1.ListOptions{})
		return err
	})
	if _, err := agent.CoreV1().Secrets(ns).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("listing Secrets without a role: got %v, want Forbidden", err)
	}
}

const crd = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: teapots.test.akohub.io}
spec:
  group: test.akohub.io
  scope: Namespaced
  names: {kind: Teapot, plural: teapots}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

func TestCustomResources(t *testing.T) {
	c := clusters[0]
	ns := c.NewNamespace(t)
	teapot := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "test.akohub.io/v1", "kind": "Teapot",
		"metadata": map[string]any{"name": "brown", "namespace": ns},
		"spec":     map[string]any{"short": true},
	}}
	if err := c.Apply(t.Context(), teapot); err == nil {
		t.Error("an object of an unknown kind was applied")
	}
	file := filepath.Join(t.TempDir(), "crd.yaml")
	if err := os.WriteFile(file, []byte(crd), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.InstallCRDs(t.Context(), filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(t.Context(), teapot); err != nil {
		t.Fatal(err)
	}
	got, err := c.Get(t.Context(), teapot)
	if err != nil {
		t.Fatal(err)
	}
	if short, _, _ := unstructured.NestedBool(got.Object, "spec", "short"); !short {
		t.Errorf("the Teapot lost its spec: %v", got.Object)
	}
	for range 2 { // gone is gone
		if err := c.Delete(t.Context(), teapot); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Get(t.Context(), teapot); !apierrors.IsNotFound(err) {
		t.Errorf("a deleted Teapot: got %v, want NotFound", err)
	}
}

func TestControllersDeleteNamespaces(t *testing.T) {
	c, err := cluster.Start(t.Context(), cluster.Options{Name: "controlled", Addr: "127.0.9.1", Controllers: cluster.ControllersForUsers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	if want := "https://127.0.9.1:6443"; c.Server() != want {
		t.Errorf("server: got %s, want %s", c.Server(), want)
	}
	ns := c.NewNamespace(t)
	namespaces := clientOf(t, c).CoreV1().Namespaces()
	if err := namespaces.Delete(t.Context(), ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the namespace going away", func() error {
		_, err := namespaces.Get(t.Context(), ns, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("namespace %s is still there: %w", ns, err)
	})
}

func clientOf(t *testing.T, c *cluster.Cluster) kubernetes.Interface {
	t.Helper()
	client, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// address is the first address in the status of the Ingress shop.
func address(t *testing.T, c *cluster.Cluster, namespace string) string {
	t.Helper()
	got, err := clientOf(t, c).NetworkingV1().Ingresses(namespace).Get(t.Context(), "shop", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Status.LoadBalancer.Ingress) == 0 {
		return ""
	}
	return got.Status.LoadBalancer.Ingress[0].IP
}

// eventually polls until check passes, for at most 30 s.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("%s: %v", what, err)
		case <-tick.C:
		}
	}
}
