package cluster

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Run starts n clusters, hands them to use, runs the package's tests and stops
// the clusters. The result is for os.Exit. A cluster that can't start fails the
// tests; it never skips them.
func Run(m *testing.M, n int, opts Options, use func([]*Cluster)) int {
	cs, err := StartN(context.Background(), n, opts)
	if err != nil {
		fmt.Fprintf(os.Stderr, "starting the test clusters: %v\n", err)
		return 1
	}
	use(cs)
	code := m.Run()
	for _, c := range cs {
		if err := c.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}

// NewNamespace makes a namespace with a name that no other has, starting with
// the test's name. It is left behind: see the package comment.
func (c *Cluster) NewNamespace(t testing.TB) string {
	t.Helper()
	client, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: namespacePrefix(t.Name())}}
	made, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("cluster %s: making a namespace: %v", c.Name, err)
	}
	return made.Name
}

// namespacePrefix makes a test's name fit for the start of a namespace's.
func namespacePrefix(test string) string {
	const most = 40
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, strings.ToLower(test))
	clean = strings.Trim(clean[:min(len(clean), most)], "-")
	return clean + "-"
}
