package reconcile

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// annotated gives a Service of a world an annotation; empty: takes it away.
func (w world) annotated(name, key, value string) {
	r := w[serviceRef(name)]
	if r.GetService().Meta == nil {
		r.GetService().Meta = &akohubv1.Meta{}
	}
	if r.GetService().Meta.Annotations == nil {
		r.GetService().Meta.Annotations = map[string]string{}
	}
	if r.GetService().Meta.Annotations[key] = value; value == "" {
		delete(r.GetService().Meta.Annotations, key)
	}
	sum := sha256.Sum256(fmt.Append(r.ContentHash, key, value))
	r.ContentHash = sum[:]
}

// namesOn returns the DNS names on a VIP of tenant team, sorted; nil: there is no
// such VIP.
func (f *fixture) namesOn(vip string) []string {
	f.t.Helper()
	for _, o := range f.sim.Dump().Tenants["team"]["vsvip"] {
		if o["name"] == vip {
			return append([]string{}, slices.Sorted(slices.Values(plan.Names(o)))...)
		}
	}
	return nil
}

// What is asked for is compared as DNS does, and every name of a list by itself.
func TestAsks(t *testing.T) {
	w := world{}
	w.base()
	w.service("web", "ClusterIP")
	w.ingress("a", 0, "Shop.avi.internal", "*.avi.internal", "")
	w.service("lb", "LoadBalancer")
	w.service("listed", "LoadBalancer")
	w.annotated("listed", externalDNS, "One.avi.internal., two.avi.internal")
	for i, name := range []string{"s1", "s2"} {
		w.service(name, "LoadBalancer")
		w[serviceRef(name)].GetService().Ports[0].Port = int32(81 + i)
		w.annotated(name, "ako.vmware.com/enable-shared-vip", "both")
	}
	w.annotated("s2", externalDNS, "two.avi.internal")
	m := mirror.New("c1")
	c := &cluster{world: w, f: &fixture{t: t}, name: "c1", m: m}
	c.sync()
	s := testSettings()
	s.Domains = []string{"avi.internal"}
	mod := newModel(s)
	got := map[string]string{}
	m.Read(func(v mirror.View) {
		mod.update(v, translate.AllUnits(v, &mod.settings), newDelta())
	})
	for u, asked := range mod.bars.asked {
		for _, a := range asked {
			by := a.by[0].Name
			if a.as.generated {
				by += " (generated)"
			}
			got[string(u.Kind)+" "+u.Name+" "+a.host] = by
		}
	}
	want := map[string]string{
		"host Shop.avi.internal shop.avi.internal":           "a",
		"host *.avi.internal *.avi.internal":                 "a",
		"l4 listed one.avi.internal":                         "listed",
		"l4 listed two.avi.internal":                         "listed",
		"l4shared both two.avi.internal":                     "s2",
		"l4shared both s1.default.avi.internal":              "s1 (generated)",
		"l4 lb lb.default.avi.internal":                      "lb (generated)",
		"host a.default.avi.internal a.default.avi.internal": "a (generated)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A name that only looks as if it had been made up for a Service is claimed as
// any other.
func TestSuffixOfServices(t *testing.T) {
	limits := limited(v1alpha1.Limits{FQDNSuffixes: []string{"Shop.avi.internal."}})
	for name, host := range map[string]string{
		"foreign":                 "www.bank.avi.internal",
		"a generated form":        "lb0.default.avi.internal.",
		"one of a list":           "www.bank.avi.internal,x.shop.avi.internal",
		"not below on the border": "evilshop.avi.internal",
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			w := sites(0, 2)
			w.annotated("lb0", externalDNS, host)
			w.annotated("lb1", externalDNS, "www.shop.avi.internal")
			c := f.up(registration("c1", limits), w)
			if got := f.names("team", "virtualservice"); len(got) != 1 || got[0] != "c1--default-lb1" {
				t.Errorf("%v", got)
			}
			if got := only(f.agents.take(), reasonSuffix); len(got) != 1 || got[0] != "Service/lb0 Warning ForeignSuffix" {
				t.Errorf("told: %v", got)
			}
			st := c.status()
			if len(st.Denied) != 1 || st.Denied[0].Object != "Service default/lb0" || st.Denied[0].Reason != reasonSuffix {
				t.Errorf("%+v", st.Denied)
			}
		})
	}
	t.Run("what is there does without the name", func(t *testing.T) {
		f := start(t)
		w := sites(0, 1)
		w.annotated("lb0", externalDNS, "www.shop.avi.internal")
		c := f.up(registration("c1", limits), w)
		if got := f.namesOn("c1--default-lb0"); len(got) != 1 {
			t.Fatalf("%v; %s", got, c.status().Error)
		}
		before, _ := c.shown(serviceRef("lb0"))
		c.annotated("lb0", externalDNS, "www.bank.avi.internal")
		c.send(serviceRef("lb0"))
		_ = c.try()
		if got := f.namesOn("c1--default-lb0"); len(got) != 0 {
			t.Errorf("%v", got)
		}
		after, _ := c.shown(serviceRef("lb0"))
		if want := []string{strings.TrimPrefix(before[0], "www.shop.avi.internal")}; !slices.Equal(after, want) {
			t.Errorf("status %v, before %v", after, before)
		}
		if got := only(f.agents.take(), reasonSuffix); len(got) != 1 {
			t.Errorf("told: %v", got)
		}
		f.restart()
		c = f.up(registration("c1", limits), c.world)
		f.agents.take()
		if got := f.namesOn("c1--default-lb0"); got == nil || len(got) > 0 {
			t.Errorf("after a restart: %v", got)
		}
		c.annotated("lb0", externalDNS, "api.shop.avi.internal")
		c.send(serviceRef("lb0"))
		c.settle()
		if got := f.namesOn("c1--default-lb0"); !slices.Equal(got, []string{"api.shop.avi.internal"}) {
			t.Errorf("%v", got)
		}
	})
}

// Of a group that shares a VIP, all are told whose name it is that cannot be.
func TestSuffixOfSharedVIP(t *testing.T) {
	f := start(t)
	w := sites(0, 2)
	for _, name := range []string{"lb0", "lb1"} {
		w.annotated(name, "ako.vmware.com/enable-shared-vip", "both")
	}
	w[serviceRef("lb1")].GetService().Ports[0].Port = 81
	w.annotated("lb0", externalDNS, "api.shop.avi.internal")
	w.annotated("lb1", externalDNS, "www.bank.avi.internal")
	c := f.up(registration("c1", limited(v1alpha1.Limits{FQDNSuffixes: []string{"shop.avi.internal"}})), w)
	if got := f.names("team", "virtualservice"); len(got) > 0 {
		t.Errorf("%v", got)
	}
	if text := f.agents.message(reasonSuffix); !strings.Contains(text, `"www.bank.avi.internal" of Service default/lb1`) {
		t.Errorf("Event: %q", text)
	}
	if got := only(f.agents.take(), reasonSuffix); len(got) != 2 {
		t.Errorf("told: %v", got)
	}
	c.annotated("lb1", externalDNS, "www.shop.avi.internal")
	c.send(serviceRef("lb1"))
	c.settle()
	if got := f.names("team", "virtualservice"); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// A Service keeps its VIP where another cluster's claim to its name is older, and
// gets the name once that goes.
func TestNameOfServiceElsewhere(t *testing.T) {
	f := start(t)
	w, x := sites(1, 0), sites(0, 1)
	w.ingress("a0", 0, "WWW.avi.internal")
	w.aged(ingressRef("a0"), 100)
	x.annotated("lb0", externalDNS, "www.avi.internal.")
	x.aged(serviceRef("lb0"), 200)
	older := f.up(registration("older"), w)
	younger := f.up(registration("young"), x)
	if got := f.namesOn("young--default-lb0"); got == nil || len(got) > 0 {
		t.Errorf("%v", got)
	}
	if text := f.agents.message(reasonElsewhere); !strings.Contains(text, `cluster "older"'s, whose Ingress default/a0 is older`) {
		t.Errorf("Event: %q", text)
	}
	if got := younger.status().Error; !strings.Contains(got, "1 DNS name is not given to a Service (HostClaimedElsewhere 1)") {
		t.Errorf("standing: %q", got)
	}
	f.agents.take()
	f.writes()
	// Nothing is repeated, whatever else goes on.
	younger.slice("lb0", "lb0-1", 5, "10.0.9.9")
	younger.send(sliceRef("lb0-1"))
	_ = younger.try()
	if got := only(f.agents.take(), reasonElsewhere); len(got) > 0 {
		t.Errorf("told again: %v", got)
	}
	if got := f.writes(); len(got) != 1 || !strings.HasPrefix(got[0], "PUT pool") {
		t.Errorf("%v", got)
	}
	older.tombstone(ingressRef("a0"))
	older.settle()
	younger.settle()
	if got := f.namesOn("young--default-lb0"); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// The host goes to the next only once it is off the winner's VIP.
func TestHandOverAfterRemoval(t *testing.T) {
	f := start(t)
	dedicated := func(r *v1alpha1.Cluster) { r.Spec.Ingress.ShardSize = v1alpha1.ShardDedicated }
	w, x := sites(1, 0), sites(1, 0)
	w.aged(ingressRef("a0"), 100)
	x.aged(ingressRef("a0"), 200)
	older := f.up(registration("older", dedicated), w)
	younger := f.up(registration("young", dedicated), x)

	// The mode says that nothing is deleted: the VIP carries the host on.
	createOnly := func(r *v1alpha1.Cluster) { r.Spec.Mode = v1alpha1.ModeCreateOnly }
	if err := f.manager.Register(registration("older", dedicated, createOnly)); err != nil {
		t.Fatal(err)
	}
	older.tombstone(ingressRef("a0"))
	_ = older.try()
	_ = younger.try()
	if diff := cmp.Diff([]string{"older--h0.avi.internal-L7-dedicated"}, f.names("team", "virtualservice")); diff != "" {
		t.Error(diff)
	}
	if text := f.agents.message(reasonElsewhere); !strings.Contains(text, `is on the VIP "older--h0.avi.internal-L7-dedicated" of cluster "older"`) {
		t.Errorf("Event: %q", text)
	}
	if err := f.manager.Register(registration("older", dedicated)); err != nil {
		t.Fatal(err)
	}
	older.settle()
	younger.settle()
	if diff := cmp.Diff([]string{"young--h0.avi.internal-L7-dedicated"}, f.names("team", "virtualservice")); diff != "" {
		t.Error(diff)
	}
}

// slowController cannot be asked for a cluster's objects until it is let.
type slowController struct {
	Controller
	name string
	fail func(cluster string) error
}

func (s slowController) Name() string { return s.name }

func (s slowController) Inventory(ctx context.Context, tenant, cluster, createdBy string) (map[plan.Key]*plan.Observed, error) {
	if s.fail != nil {
		if err := s.fail(cluster); err != nil {
			return nil, err
		}
	}
	return s.Controller.Inventory(ctx, tenant, cluster, createdBy)
}

// After a restart nobody takes a host over before all that the others' VIPs
// carry is known; a cluster that cannot be read holds nobody up.
func TestRestartKeepsWinnerThatIsSlow(t *testing.T) {
	f := start(t)
	older, younger := rivals(f)
	f.writes()
	f.agents.take()
	release := make(chan struct{})
	real := f.ctl
	f.ctl = slowController{Controller: real, name: "sim", fail: func(cluster string) error {
		if cluster == "z-older" {
			<-release
		}
		return nil
	}}
	f.restart()
	f.register(registration("z-older"), older.world)
	younger = f.up(registration("younger"), younger.world)
	f.noWrites("as long as the other is not known")
	if got := only(f.agents.take(), reasonElsewhere); len(got) > 0 {
		t.Errorf("told before it was known: %v", got)
	}
	close(release)
	elder := f.up(registration("z-older"), older.world)
	_ = elder.try()
	_ = younger.try()
	f.noWrites("once it is")

	t.Run("who cannot be read", func(t *testing.T) {
		f.ctl = slowController{Controller: real, name: "sim", fail: func(cluster string) error {
			if cluster == "broken" {
				return errors.New("no such luck")
			}
			return nil
		}}
		broken := f.register(registration("broken"), sites(0, 0))
		broken.sync()
		if err := broken.try(); err == nil {
			t.Error("it could be read")
		}
		younger.ingress("a9", 0, "new.avi.internal")
		younger.service("web-a9", "ClusterIP")
		younger.send(serviceRef("web-a9"), ingressRef("a9"))
		_ = younger.try()
		if got := f.names("team", "pool"); !slices.ContainsFunc(got, func(n string) bool { return strings.Contains(n, "new.avi.internal") }) {
			t.Errorf("%v", got)
		}
	})
}

// Clusters of different controllers are no rivals.
func TestOneHostOnTwoControllers(t *testing.T) {
	c := newClaims()
	c.join("a", "east", func() {})
	c.join("b", "west", func() {})
	u := translate.UnitKey{Kind: translate.UnitHost, Name: "h"}
	c.set("a", u, map[domainHost]claim{{"east", "h.test"}: {created: 1}})
	c.hold("a", "east", plan.Key{Name: "vip"}, []domainHost{{"east", "h.test"}})
	if out := c.contest(domainHost{"west", "h.test"}, "b", u, claim{created: 2}, false, false); out.outcome != won {
		t.Errorf("a claim or a VIP on another controller counts: %+v", out)
	}
	if c.unknown("b") != "" {
		t.Error("a cluster of another controller is waited for")
	}
	c.join("c", "west", func() {})
	if c.unknown("b") != "c" {
		t.Error("a cluster of the same is not")
	}
}

// The order of claims is the same whatever comes first.
func TestOldestClaim(t *testing.T) {
	u := translate.UnitKey{Kind: translate.UnitHost, Name: "h"}
	h := domainHost{"sim", "h.test"}
	type entry struct {
		cluster string
		created int64
	}
	entries := []entry{{"b", 5}, {"a", 5}, {"c", 4}, {"d", 9}}
	for range entries {
		entries = append(entries[1:], entries[0])
		c := newClaims()
		for _, e := range entries {
			c.set(e.cluster, u, map[domainHost]claim{h: {created: e.created}})
		}
		for cluster, want := range map[string]string{"a": "c", "b": "c", "c": "", "d": "c"} {
			i := slices.IndexFunc(entries, func(e entry) bool { return e.cluster == cluster })
			out := c.contest(h, cluster, u, claim{created: entries[i].created}, false, false)
			if got := out.who.cluster; (out.outcome == behind) != (want != "") || got != want {
				t.Errorf("%v: before %s is %s, want %s", entries, cluster, got, want)
			}
		}
		c.leave("c")
		if out := c.contest(h, "b", u, claim{created: 5}, false, false); out.who.cluster != "a" {
			t.Errorf("%v: of one age %s is before b", entries, out.who.cluster)
		}
	}
}

// A retained virtual service counts, and a host that comes to it needs no other.
func TestLimitCountsWhatIsKept(t *testing.T) {
	f := start(t)
	small := func(r *v1alpha1.Cluster) { r.Spec.Ingress.ShardSize = v1alpha1.ShardSmall }
	c := f.up(registration("c1", small, limited(v1alpha1.Limits{VirtualServices: 1})), sites(1, 0))
	c.tombstone(ingressRef("a0"))
	c.settle()
	c.service("lb0", "LoadBalancer")
	c.send(serviceRef("lb0"))
	_ = c.try()
	if got := f.names("team", "virtualservice"); len(got) != 1 {
		t.Errorf("%v", got)
	}
	c.ingress("a1", 0, "h1.avi.internal")
	c.service("web-a1", "ClusterIP")
	c.send(serviceRef("web-a1"), ingressRef("a1"))
	_ = c.try()
	if got := f.names("team", "pool"); len(got) != 1 || !strings.Contains(got[0], "h1.avi.internal") {
		t.Errorf("%v", got)
	}
}

// As long as not all is known, what is there has its place.
func TestLimitBeforeAllIsKnown(t *testing.T) {
	f := start(t)
	limits := limited(v1alpha1.Limits{VirtualServices: 1})
	c := f.up(registration("c1", limits), sites(1, 0))
	f.restart()
	c.service("lb0", "LoadBalancer")
	f.writes()
	c = f.register(registration("c1", limits), c.world)
	c.sync(slices.DeleteFunc(slices.Clone(allKinds), func(k string) bool { return k == kinds.Ingress })...)
	_ = c.try()
	c.sync(kinds.Ingress)
	_ = c.try()
	f.noWrites("beyond the limit")
}

// Two clusters in one tenant have limits of their own; what was refused comes
// when a limit is raised, without anything from Kubernetes.
func TestLimitsInOneTenant(t *testing.T) {
	f := start(t)
	one := f.up(registration("one", limited(v1alpha1.Limits{VirtualServices: 1})), sites(0, 2))
	f.up(registration("two", limited(v1alpha1.Limits{VirtualServices: 2})), sites(0, 2))
	if diff := cmp.Diff([]string{"one--default-lb0", "two--default-lb0", "two--default-lb1"}, f.names("team", "virtualservice")); diff != "" {
		t.Error(diff)
	}
	if err := f.manager.Register(registration("one", limited(v1alpha1.Limits{VirtualServices: 2}))); err != nil {
		t.Fatal(err)
	}
	one.settle()
	if got := f.names("team", "virtualservice"); len(got) != 4 {
		t.Errorf("%v", got)
	}
	// What is beyond a limit is in no plan either.
	if err := f.manager.Register(registration("one", limited(v1alpha1.Limits{Pools: 2}))); err != nil {
		t.Fatal(err)
	}
	one.settle()
	svc := one.world[serviceRef("lb0")]
	svc.GetService().Ports = append(svc.GetService().Ports, &akohubv1.ServicePort{Name: "more", Protocol: "TCP", Port: 8443, TargetPortNumber: 8443})
	svc.ContentHash = []byte("more")
	one.send(serviceRef("lb0"))
	_ = one.try()
	p, err := f.manager.Plan(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Steps) != 0 || !slices.ContainsFunc(p.Skipped, func(s plan.Skip) bool { return strings.Contains(s.Reason, "limit of 2 pools") }) {
		t.Errorf("%v %v", p.Counts(), p.Skipped)
	}
	if st := one.status(); len(st.Denied) != 1 || !strings.Contains(st.Error, "1 object of a host that is there is not created") {
		t.Errorf("%+v %s", st.Denied, st.Error)
	}
}

// However a host is served, it is one cluster's and goes to the next.
func TestOneHostInEveryMode(t *testing.T) {
	passthrough := func(r *akohubv1.Record) {
		r.GetIngress().Meta = &akohubv1.Meta{Annotations: map[string]string{"passthrough.ako.vmware.com/enabled": "true"}}
	}
	plain := func(*akohubv1.Record) {}
	for name, mode := range map[string]struct {
		host   string
		object func(*akohubv1.Record)
		change func(*v1alpha1.Cluster)
	}{
		"SNI":         {"h0.avi.internal", plain, func(*v1alpha1.Cluster) {}},
		"EVH":         {"h0.avi.internal", plain, func(r *v1alpha1.Cluster) { r.Spec.Ingress.Mode = v1alpha1.IngressEVH }},
		"dedicated":   {"h0.avi.internal", plain, func(r *v1alpha1.Cluster) { r.Spec.Ingress.ShardSize = v1alpha1.ShardDedicated }},
		"passthrough": {"h0.avi.internal", passthrough, func(*v1alpha1.Cluster) {}},
		"wildcard":    {"*.avi.internal", plain, func(*v1alpha1.Cluster) {}},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			up := func(name string, created int64) *cluster {
				w := sites(0, 0)
				w.service("web-a0", "ClusterIP")
				w.ingress("a0", 0, mode.host)
				mode.object(w[ingressRef("a0")])
				w.aged(ingressRef("a0"), created)
				return f.up(registration(name, mode.change), w)
			}
			pools := func(cluster string) (n int) {
				for _, o := range f.sim.Dump().Tenants["team"]["pool"] {
					if o["created_by"] == "ako-"+cluster {
						n++
					}
				}
				return n
			}
			older, younger := up("older", 100), up("young", 200)
			if pools("older") != 1 || pools("young") != 0 {
				t.Errorf("%v", f.names("team", "pool"))
			}
			if got := only(f.agents.take(), reasonElsewhere); len(got) != 1 {
				t.Errorf("told: %v", got)
			}
			f.writes()
			_ = older.try()
			_ = younger.try()
			f.noWrites("nothing has changed")
			if got := f.agents.take(); len(got) > 0 {
				t.Errorf("told: %v", got)
			}
			older.tombstone(ingressRef("a0"))
			older.settle()
			younger.settle()
			if pools("older") != 0 || pools("young") != 1 {
				t.Errorf("%v", f.names("team", "pool"))
			}
		})
	}
}
