package reconcile

import (
	"fmt"
	"maps"
	"math/rand"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
)

// BenchmarkLimited is BenchmarkEndpointChange for a cluster with limits: on a
// number, which is about all that there is, and on names, by which all hosts but
// one are denied.
func BenchmarkLimited(b *testing.B) {
	for name, limits := range map[string]v1alpha1.Limits{"number": {Pools: 1_000_000}, "names": {FQDNSuffixes: []string{"h3.apps.test"}}} {
		for _, n := range []int{100, 1000, 10000} {
			b.Run(fmt.Sprintf("%s/hosts=%d", name, n), func(b *testing.B) {
				m := mirror.New("c1")
				w := limitedWorker(b, m, n, limits)
				world := sampleWorld(n)
				b.ReportAllocs()
				b.ResetTimer()
				for i := 1; b.Loop(); i++ {
					world.slice("web-a3", "web-a3-1", i, "10.0.0.4", fmt.Sprintf("10.1.%d.%d", i/250%250, i%250+1))
					apply(b, m, world[mirror.Ref{Kind: kinds.EndpointSlice, Namespace: "default", Name: "web-a3-1"}])
					w.translate()
					w.judge(w.reg)
					p, ok := w.plan(w.reg)
					if !ok || len(p.Steps) != 1 {
						b.Fatalf("planned %v", p.Counts())
					}
					w.hold(observedOf(b, p.Steps[0].Want, i))
					w.undone = emptied(w.undone)
					w.tell(w.reg)
					_ = w.standing()
				}
			})
		}
	}
}

// limitedWorker is benchWorker with limits that were there before all objects.
func limitedWorker(b *testing.B, m *mirror.Mirror, n int, limits v1alpha1.Limits) *worker {
	b.Helper()
	w := benchWorker(b, m, n)
	w.observed = map[plan.Key]*plan.Observed{}
	w.reg.Spec.Limits = limits
	w.full = true
	w.judge(w.reg)
	w.full = false
	for i, o := range w.model.graph.All() {
		w.hold(observedOf(b, o, i))
	}
	w.referrals = newReferrals(w.observed)
	w.judge(w.reg)
	w.undone, w.news = emptied(w.undone), emptied(w.news)
	return w
}

// Where nothing was counted again, counting again changes nothing.
func TestNothingToCountAgain(t *testing.T) {
	f := start(t)
	limits := v1alpha1.Limits{VirtualServices: 6, VIPs: 6, Pools: 9}
	c := f.up(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Limits = limits }), sites(4, 2))
	random := rand.New(rand.NewSource(7)) //nolint:gosec // a history that repeats
	limited := 0
	for step := range 60 {
		i := random.Intn(8)
		name := fmt.Sprint("x", i)
		switch random.Intn(5) {
		case 0:
			c.service("web-"+name, "ClusterIP")
			c.slice("web-"+name, "web-"+name+"-1", step, fmt.Sprintf("10.4.0.%d", i+1))
			c.ingress(name, step, fmt.Sprintf("x%d.avi.internal", i))
			c.aged(ingressRef(name), int64(random.Intn(3)))
			c.send(serviceRef("web-"+name), sliceRef("web-"+name+"-1"), ingressRef(name))
		case 1:
			c.service("lb-"+name, "LoadBalancer")
			c.slice("lb-"+name, "lb-"+name+"-1", step, fmt.Sprintf("10.5.0.%d", i+1))
			c.send(serviceRef("lb-"+name), sliceRef("lb-"+name+"-1"))
		case 2:
			if c.world[ingressRef(name)] != nil {
				c.tombstone(ingressRef(name))
			}
		case 3:
			if c.world[serviceRef("lb-"+name)] != nil {
				c.tombstone(serviceRef("lb-" + name))
			}
		case 4:
			c.slice("web-a1", "web-a1-1", step, fmt.Sprintf("10.6.0.%d", step+1))
			c.send(sliceRef("web-a1-1"))
		}
		_ = c.try()
		c.inside(func(w *worker) {
			type standing struct {
				Bars map[translate.UnitKey]string
				Over map[plan.Key]string
			}
			now := func() standing {
				s := standing{map[translate.UnitKey]string{}, maps.Clone(w.over)}
				for u, b := range w.model.bars.byUnit {
					s.Bars[u] = b.message
				}
				return s
			}
			before := now()
			limited += len(before.Bars) + len(before.Over)
			for u := range w.model.fragments {
				w.model.bars.restless[u] = struct{}{}
			}
			w.model.recount = true
			w.judge(w.inForce)
			if diff := cmp.Diff(before, now()); diff != "" {
				t.Errorf("step %d: -before +counted again:\n%s", step, diff)
			}
		})
		if t.Failed() {
			return
		}
	}
	if limited == 0 {
		t.Error("nothing was beyond a limit")
	}
}
