package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// aged gives an object of a world an age.
func (w world) aged(ref mirror.Ref, created int64) {
	r := w[ref]
	switch {
	case r.GetIngress() != nil:
		if r.GetIngress().Meta == nil {
			r.GetIngress().Meta = &akohubv1.Meta{}
		}
		r.GetIngress().Meta.CreationSeconds = created
	case r.GetService() != nil:
		if r.GetService().Meta == nil {
			r.GetService().Meta = &akohubv1.Meta{}
		}
		r.GetService().Meta.CreationSeconds = created
	}
	r.ContentHash = append(r.ContentHash, fmt.Sprint("-", created)...)
}

// limited gives a registration limits.
func limited(l v1alpha1.Limits) func(*v1alpha1.Cluster) {
	return func(r *v1alpha1.Cluster) { r.Spec.Limits = l }
}

func TestLimitOnVirtualServices(t *testing.T) {
	f := start(t)
	w := sites(0, 5)
	for i := range 5 {
		w.aged(serviceRef(fmt.Sprint("lb", i)), int64(500-i)) // lb4 is the oldest
	}
	c := f.up(registration("c1", limited(v1alpha1.Limits{VirtualServices: 3})), w)
	if diff := cmp.Diff([]string{"c1--default-lb2", "c1--default-lb3", "c1--default-lb4"}, f.names("team", "virtualservice")); diff != "" {
		t.Error(diff)
	}
	if got := f.names("team", "pool"); len(got) != 3 {
		t.Errorf("pools of what is not there: %v", got)
	}
	if text := f.agents.message(reasonLimit); !strings.Contains(text, "limit of 3 virtual services") {
		t.Errorf("Event: %q", text)
	}
	if got := only(f.agents.take(), reasonLimit); len(got) != 2 || got[0] != "Service/lb0 Warning LimitExceeded" {
		t.Errorf("told: %v", got)
	}
	if got := c.status().Error; !strings.Contains(got, "2 hosts or Services are not created (LimitExceeded 2)") {
		t.Errorf("standing: %q", got)
	}
	f.writes()

	t.Run("a restart changes nothing", func(t *testing.T) {
		f.restart()
		c = f.up(registration("c1", limited(v1alpha1.Limits{VirtualServices: 3})), c.world)
		f.noWrites("after a restart")
	})
	t.Run("the next in age follows", func(t *testing.T) {
		c.tombstone(serviceRef("lb4"))
		_ = c.try()
		if diff := cmp.Diff([]string{"c1--default-lb1", "c1--default-lb2", "c1--default-lb3"}, f.names("team", "virtualservice")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("an older one takes nothing away", func(t *testing.T) {
		c.service("lb9", "LoadBalancer")
		c.aged(serviceRef("lb9"), 1)
		c.send(serviceRef("lb9"))
		_ = c.try()
		if got := f.names("team", "virtualservice"); slices.Contains(got, "c1--default-lb9") || len(got) != 3 {
			t.Errorf("%v", got)
		}
	})
	t.Run("a lower limit takes nothing away", func(t *testing.T) {
		f.writes()
		if err := f.manager.Register(registration("c1", limited(v1alpha1.Limits{VirtualServices: 1}))); err != nil {
			t.Fatal(err)
		}
		_ = c.try()
		f.noWrites("a lower limit")
	})
	t.Run("without a limit all are there", func(t *testing.T) {
		if err := f.manager.Register(registration("c1")); err != nil {
			t.Fatal(err)
		}
		c.settle()
		if got := f.names("team", "virtualservice"); len(got) != 5 {
			t.Errorf("%v", got)
		}
		if got := c.status().Error; got != "" {
			t.Errorf("standing: %q", got)
		}
	})
}

// Hosts share virtual services: one that needs no further VIP is no more of them.
func TestLimitOnVIPsOfHosts(t *testing.T) {
	f := start(t)
	w := sites(6, 1)
	w.aged(serviceRef("lb0"), 900)
	small := func(r *v1alpha1.Cluster) { r.Spec.Ingress.ShardSize = v1alpha1.ShardSmall }
	c := f.up(registration("c1", small, limited(v1alpha1.Limits{VIPs: 1})), w)
	if got := f.names("team", "vsvip"); len(got) != 1 || !strings.Contains(got[0], "Shared") {
		t.Errorf("%v; %s", got, c.status().Error)
	}
	if status, _ := c.shown(ingressRef("a5")); len(status) != 1 {
		t.Errorf("an Ingress on the VIP shows %v", status)
	}
	if status, _ := c.shown(serviceRef("lb0")); len(status) != 0 {
		t.Errorf("a Service beyond the limit shows %v", status)
	}
}

// A parent that only barred hosts would be on is not made.
func TestNoHostNoParent(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1", limited(v1alpha1.Limits{FQDNSuffixes: []string{"shop.avi.internal"}})), sites(3, 0))
	for _, typ := range []string{"virtualservice", "vsvip", "pool"} {
		if got := f.names("team", typ); len(got) > 0 {
			t.Errorf("%s: %v", typ, got)
		}
	}
	if got := only(f.agents.take(), reasonSuffix); len(got) != 3 {
		t.Errorf("told: %v", got)
	}
	t.Run("a host below the suffix", func(t *testing.T) {
		c.ingress("a1", 1, "www.SHOP.avi.internal", "h1.avi.internal")
		c.send(ingressRef("a1"))
		_ = c.try()
		if got := f.names("team", "pool"); len(got) != 1 || !strings.Contains(got[0], "www.SHOP") {
			t.Errorf("%v", got)
		}
	})
	t.Run("what is there stays", func(t *testing.T) {
		f.writes()
		if err := f.manager.Register(registration("c1", limited(v1alpha1.Limits{FQDNSuffixes: []string{"other.test"}}))); err != nil {
			t.Fatal(err)
		}
		_ = c.try()
		f.noWrites("another suffix")
	})
}

// A host that is there gets no pools beyond the limit, and keeps those it has.
func TestLimitOnPoolsOfWhatIsThere(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1", limited(v1alpha1.Limits{Pools: 1})), sites(1, 0))
	if got := f.names("team", "pool"); len(got) != 1 {
		t.Fatalf("%v; %s", got, c.status().Error)
	}
	r := c.world[ingressRef("a0")]
	r.GetIngress().Rules[0].Paths = append(r.GetIngress().Rules[0].Paths, &akohubv1.IngressPath{
		Path: "/more", PathType: "Prefix", Backend: &akohubv1.IngressBackend{ServiceName: "web-a0", PortNumber: 80}})
	r.ContentHash = []byte("more")
	c.send(ingressRef("a0"))
	_ = c.try()
	if got := f.names("team", "pool"); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if text := f.agents.message(reasonLimit); !strings.Contains(text, "limit of 1 pool ") {
		t.Errorf("Event: %q", text)
	}
	if got := f.names("team", "virtualservice"); len(got) == 0 {
		t.Error("the host went")
	}
}

func TestLimitOnVIPNetworks(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1", limited(v1alpha1.Limits{VIPNetworks: []string{"vip-net-2"}})), sites(1, 1))
	if got := f.names("team", "virtualservice"); len(got) > 0 {
		t.Errorf("%v", got)
	}
	if text := f.agents.message(reasonLimit); !strings.Contains(text, `"vip-net"`) {
		t.Errorf("Event: %q", text)
	}
	if err := f.manager.Register(registration("c1", limited(v1alpha1.Limits{VIPNetworks: []string{"vip-net"}}))); err != nil {
		t.Fatal(err)
	}
	c.settle()
	if got := f.names("team", "virtualservice"); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// rivals are two clusters with one host; a0 of older is the older object.
func rivals(f *fixture) (older, younger *cluster) {
	w, x := sites(2, 0), sites(1, 0)
	w.aged(ingressRef("a0"), 100)
	x.aged(ingressRef("a0"), 200)
	return f.up(registration("z-older"), w), f.up(registration("younger"), x)
}

func (f *fixture) poolsOf(cluster string) int {
	f.t.Helper()
	n := 0
	for _, name := range f.names("team", "pool") {
		if strings.HasPrefix(name, cluster+"--h0.") {
			n++
		}
	}
	return n
}

func TestOneHostOfTwoClusters(t *testing.T) {
	f := start(t)
	older, younger := rivals(f)
	if f.poolsOf("z-older") != 1 || f.poolsOf("younger") != 0 {
		t.Fatalf("%v", f.names("team", "pool"))
	}
	if text := f.agents.message(reasonElsewhere); !strings.Contains(text, `cluster "z-older"'s`) || !strings.Contains(text, "Ingress default/a0") {
		t.Errorf("Event: %q", text)
	}
	if status, _ := younger.shown(ingressRef("a0")); len(status) > 0 {
		t.Errorf("the loser shows %v", status)
	}
	if got := younger.status().Error; !strings.Contains(got, reasonElsewhere) {
		t.Errorf("standing: %q", got)
	}

	t.Run("a restart of the hub changes nothing", func(t *testing.T) {
		f.writes()
		f.restart()
		// The loser is there first.
		elder := f.register(registration("z-older"), older.world)
		_ = elder.try()
		younger = f.up(registration("younger"), younger.world)
		f.noWrites("before the winner's agent is there")
		elder.sync()
		_ = elder.try()
		_ = younger.try()
		older = elder
		f.noWrites("after it")
	})
	t.Run("the loser's turn", func(t *testing.T) {
		older.tombstone(ingressRef("a0"))
		older.settle()
		younger.settle()
		if f.poolsOf("z-older") != 0 || f.poolsOf("younger") != 1 {
			t.Errorf("%v", f.names("team", "pool"))
		}
		if got := younger.status().Error; got != "" {
			t.Errorf("standing: %q", got)
		}
	})
	t.Run("an older claim takes it back", func(t *testing.T) {
		older.ingress("a7", 0, "h0.avi.internal")
		older.aged(ingressRef("a7"), 50)
		older.service("web-a7", "ClusterIP")
		older.send(serviceRef("web-a7"), ingressRef("a7"))
		_ = older.try()
		_ = younger.try()
		_ = older.try()
		if f.poolsOf("z-older") != 1 || f.poolsOf("younger") != 0 {
			t.Errorf("%v", f.names("team", "pool"))
		}
	})
	t.Run("a removed registration keeps its hosts, as its objects stay", func(t *testing.T) {
		f.manager.Unregister("z-older")
		_ = younger.try()
		if f.poolsOf("z-older") != 1 || f.poolsOf("younger") != 0 {
			t.Errorf("%v", f.names("team", "pool"))
		}
		if text := f.agents.message(reasonElsewhere); !strings.Contains(text, `on the VIP "z-older--Shared-L7-`) {
			t.Errorf("Event: %q", text)
		}
	})
	t.Run("until it is offboarded", func(t *testing.T) {
		frozen := func(r *v1alpha1.Cluster) { r.Spec.Mode = v1alpha1.ModeFrozen }
		f.up(registration("z-older", frozen), older.world)
		_ = younger.try()
		if f.poolsOf("younger") != 0 {
			t.Error("the host is taken over from a cluster that is frozen")
		}
		if _, err := f.manager.Offboard(t.Context(), "z-older", true); err != nil {
			t.Fatal(err)
		}
		younger.settle()
		if f.poolsOf("z-older") != 0 || f.poolsOf("younger") != 1 {
			t.Errorf("%v", f.names("team", "pool"))
		}
	})
}

// A cluster that is only observed takes no host from one that is served.
func TestObservedClusterClaimsNothing(t *testing.T) {
	f := start(t)
	w, x := sites(1, 0), sites(1, 0)
	w.aged(ingressRef("a0"), 100)
	x.aged(ingressRef("a0"), 200)
	f.up(registration("old", func(r *v1alpha1.Cluster) { r.Spec.Mode = v1alpha1.ModeObserve }), w)
	c := f.up(registration("young"), x)
	if f.poolsOf("young") != 1 || c.status().Error != "" {
		t.Errorf("%v, %s", f.names("team", "pool"), c.status().Error)
	}
}

func TestDomainOf(t *testing.T) {
	for _, c := range []struct{ host, want string }{
		{"a.b.test", "b.test"}, {"b.test", "b.test"}, {"xb.test", "test"}, {"a.c.b.test", "c.b.test"}, {"a.org", ""},
	} {
		if got := domainOf(c.host, []string{"test", "b.test", ".c.b.test"}); got != c.want {
			t.Errorf("%s: %q", c.host, got)
		}
	}
}

// under gives the Ingresses and Services of a world hosts of its own.
func (w world) under(prefix string) world {
	for ref, r := range w {
		if r.GetService().GetType() == "LoadBalancer" {
			w.annotated(ref.Name, externalDNS, prefix+"."+ref.Name+".avi.internal")
		}
		for _, rule := range r.GetIngress().GetRules() {
			rule.Host = prefix + "." + rule.GetHost()
		}
	}
	return w
}
