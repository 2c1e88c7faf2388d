package reconcile

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
)

// sizes notes how much is in each map of a struct and of the structs in it.
func sizes(name string, v reflect.Value, into map[string]int) {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Map:
		into[name] += v.Len()
		for _, k := range v.MapKeys() {
			if inner := v.MapIndex(k); inner.Kind() == reflect.Map {
				into[name+"[]"] += inner.Len()
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			sizes(name+"."+v.Type().Field(i).Name, v.Field(i), into)
		}
	}
}

func (c *cluster) sizes() map[string]int {
	c.f.t.Helper()
	out := map[string]int{}
	c.inside(func(w *worker) {
		sizes("model", reflect.ValueOf(w.model), out)
		sizes("holdings", reflect.ValueOf(&w.holdings), out)
		for name, m := range map[string]any{
			"claimed": w.claimed, "over": w.over, "undone": w.undone, "failed": w.failed, "refused": w.refused, "explicit": w.explicit,
			"news": w.news, "told": w.told, "later": w.later, "tellings": w.tellings, "pending": w.pending, "approved": w.approved, "braked": w.braked,
		} {
			sizes(name, reflect.ValueOf(m), out)
		}
		w.claims.mu.Lock()
		defer w.claims.mu.Unlock()
		for name, m := range map[string]any{"byHost": w.claims.byHost, "byUnit": w.claims.byUnit, "vips": w.claims.vips} {
			sizes("claims."+name, reflect.ValueOf(m), out)
		}
	})
	return out
}

// What comes and goes leaves nothing behind: memory grows with what there is, and
// not with time (architecture.md, promise 8).
func TestNothingGrowsWithTime(t *testing.T) {
	f := start(t, "team", "a", "b")
	other := sites(1, 0).under("own")
	other.ingress("rival", 0, "taken.avi.internal")
	other.service("web-rival", "ClusterIP")
	f.up(registration("c0"), other)
	w := sites(3, 2)
	w.namespace("default", "team")
	c := f.up(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Limits.Pools = 12 }), w)
	round := func(i int) {
		t.Helper()
		var refs []mirror.Ref
		put := func(ref mirror.Ref) { refs = append(refs, ref) }
		for n := range 8 { // more than the limit allows
			name := fmt.Sprintf("x%d-%d", i, n)
			host := name + ".avi.internal"
			switch n {
			case 1:
				host = "taken.avi.internal"
			case 2:
				host = "elsewhere.test" // no domain of the cloud's
			}
			c.service("web-"+name, "ClusterIP")
			c.slice("web-"+name, "web-"+name+"-1", 0, "10.7.0.1")
			c.ingress(name, 0, host)
			c.service("lb-"+name, "LoadBalancer")
			c.slice("lb-"+name, "lb-"+name+"-1", 0, "10.8.0.1")
			if n == 3 {
				c.asking("lb-"+name, "192.0.2.1") // in no network
			}
			put(serviceRef("web-" + name))
			put(sliceRef("web-" + name + "-1"))
			put(ingressRef(name))
			put(serviceRef("lb-" + name))
			put(sliceRef("lb-" + name + "-1"))
		}
		c.send(refs...)
		_ = c.try()
		c.namespace("default", []string{"a", "b"}[i%2])
		c.send(mirror.Ref{Kind: kinds.Namespace, Name: "default"})
		_ = c.try()
		c.tombstone(refs...)
		_ = c.try()
		c.namespace("default", "team")
		c.send(mirror.Ref{Kind: kinds.Namespace, Name: "default"})
		for range 3 {
			f.pass(refreshEvery + refreshEvery/5)
			_ = c.try()
		}
		f.pass(searchEvery + searchEvery/5)
		c.settle()
	}
	for i := range 6 {
		round(i)
	}
	before := c.sizes()
	for i := range 6 {
		round(6 + i)
	}
	var grown []string
	for range 20 {
		// What was said or freed a moment ago may still be on its way.
		grown = nil
		after := c.sizes()
		for _, name := range sortedKeys(after) {
			if after[name] > before[name] {
				grown = append(grown, fmt.Sprintf("%s: %d, before as much came and went again %d", name, after[name], before[name]))
			}
		}
		if len(grown) == 0 {
			return
		}
		f.pass(refreshEvery + refreshEvery/5)
		_ = c.try()
	}
	t.Error(strings.Join(grown, "\n"))
}

// A host that may not be leaves nothing behind when it goes, above all no shared
// virtual service for nobody.
func TestBarredHostGoes(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Limits.FQDNSuffixes = []string{"mine.avi.internal"} }), sites(1, 0))
	if err := c.try(); err == nil {
		t.Error("nothing stands against the host")
	}
	c.tombstone(ingressRef("a0"))
	c.settle()
	f.noWrites("the host came and went")
}
