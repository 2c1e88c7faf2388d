package reconcile

import (
	"testing"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Antrea is asked to map the Pods of a Service as long as an Ingress leads to
// it; what its owner asks for afterwards stays.
func TestMarksGo(t *testing.T) {
	const name = "nodeportlocal.antrea.io/enabled"
	f := start(t)
	c := f.up(registration("c1", func(r *v1alpha1.Cluster) {
		r.Spec.Backends.Type, r.Spec.Network.StaticRoutes.CNI = v1alpha1.BackendNodePortLocal, "antrea"
	}), sites(2, 2))
	c.sync(kinds.Pod)
	c.settle()
	marked := func(service string) string {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.world[serviceRef(service)].GetService().GetMeta().GetAnnotations()[name]
	}
	expect := func(when string, want map[string]string) {
		t.Helper()
		for service, value := range want {
			if got := marked(service); got != value {
				t.Errorf("%s: the mark of %s is %q, want %q", when, service, got, value)
			}
		}
	}
	expect("at first", map[string]string{"web-a0": "true", "web-a1": "true", "lb0": "true", "lb1": "true"})

	c.tombstone(ingressRef("a0"))
	c.settle()
	expect("after the Ingress", map[string]string{"web-a0": "", "web-a1": "true"})
	c.change("web-a0", func(s *akohubv1.Service) { s.Meta.Annotations[name] = "true" })
	c.settle()
	expect("set by its owner", map[string]string{"web-a0": "true"})

	// AKO forgets those that only cease to be of type LoadBalancer.
	c.change("lb0", func(s *akohubv1.Service) { s.Type, s.Status = "ClusterIP", nil })
	c.change("lb1", func(s *akohubv1.Service) { s.Type, s.Status = "NodePort", nil })
	c.change("web-a1", func(s *akohubv1.Service) { s.Type = "NodePort" })
	c.settle()
	expect("after changes of type", map[string]string{"lb0": "true", "lb1": "", "web-a1": ""})
	c.inside(func(w *worker) {
		if n := len(w.model.unmarked); n != 0 {
			t.Errorf("%d objects wait for marks to go", n)
		}
	})
}
