package reconcile

import (
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

// made is the name that the simulated cloud has the hub generate for lb0, and for
// an Ingress of that name.
const made = "lb0.default.apps.example.test"

// served is a world with lb0, of an age.
func served(created int64) world {
	w := sites(0, 1)
	w.aged(serviceRef("lb0"), created)
	return w
}

// askingFor is a world with an Ingress for a host, of an age.
func askingFor(host string, created int64) world {
	w := sites(0, 0)
	w.service("web-a0", "ClusterIP")
	w.ingress("a0", 0, host)
	w.aged(ingressRef("a0"), created)
	return w
}

// carriers returns the clusters whose VIP of lb0 carries its generated name.
func (f *fixture) carriers(clusters ...string) []string {
	f.t.Helper()
	out := []string{}
	for _, name := range clusters {
		names := f.namesOn(name + "--default-lb0")
		if names == nil {
			f.t.Errorf("cluster %s has no VIP", name)
		}
		if slices.Contains(names, made) {
			out = append(out, name)
		}
	}
	return out
}

func (f *fixture) carried(want string, clusters ...string) {
	f.t.Helper()
	if diff := cmp.Diff(strings.Fields(want), f.carriers(clusters...)); diff != "" {
		f.t.Error(diff)
	}
}

// again restarts the hub with clusters, whose agents come in this order.
func (f *fixture) again(cs ...*cluster) {
	f.t.Helper()
	f.restart()
	for _, c := range cs {
		c.m = f.register(registration(c.name), c.world).m
		f.agents.set(func(a *agents) { a.mirrors[c.name] = c })
	}
	for _, c := range cs {
		c.sync()
		_ = c.try()
	}
	for _, c := range cs {
		_ = c.try()
	}
}

// quiet fails the test if cycles of clusters write or say anything.
func (f *fixture) quiet(when string, cs ...*cluster) {
	f.t.Helper()
	f.writes()
	f.agents.take()
	for range 2 {
		for _, c := range cs {
			_ = c.try()
		}
	}
	f.noWrites(when)
	if got := f.agents.take(); len(got) > 0 {
		f.t.Errorf("%s: told %v", when, got)
	}
}

// One generated name of several clusters is that of who has it, then of the
// oldest that waits.
func TestGeneratedNameOfSeveralClusters(t *testing.T) {
	f := start(t)
	first := f.up(registration("first"), served(300))
	worlds := map[string]world{"younger": served(200), "a-younger": served(200), "older": served(100)}
	cs := map[string]*cluster{}
	for _, name := range sortedKeys(worlds) {
		cs[name] = f.up(registration(name), worlds[name])
	}
	all := []string{"first", "younger", "a-younger", "older"}
	f.carried("first", all...)
	for _, name := range all[1:] {
		status, mark := cs[name].shown(serviceRef("lb0"))
		if len(status) != 1 || !strings.HasPrefix(status[0], "=") || len(mark) > 0 {
			t.Errorf("%s shows %v, %v", name, status, mark)
		}
		st := cs[name].status()
		if len(st.Denied) != 1 || st.Denied[0].Object != "Service default/lb0" || st.Denied[0].Reason != reasonElsewhere {
			t.Errorf("%s: %+v", name, st.Denied)
		}
		if text := st.Denied[0].Message; !strings.Contains(text, made) || !strings.Contains(text, `"first"`) || !strings.Contains(text, externalDNS) ||
			!strings.Contains(text, "services.defaultDomain") || !strings.Contains(text, "services.autoFQDN: Disabled") {
			t.Errorf("no remedy in %q", text)
		}
	}
	if got := only(f.agents.take(), "Warning"); len(got) != 3 {
		t.Errorf("told: %v", got)
	}
	if err := first.status().Error; err != "" {
		t.Error(err)
	}
	f.quiet("nothing has changed", first, cs["younger"], cs["a-younger"], cs["older"])

	t.Run("a restart changes nothing", func(t *testing.T) {
		f.again(cs["older"], cs["younger"], first, cs["a-younger"])
		f.noWrites("after a restart")
		f.quiet("after a restart", first, cs["younger"], cs["a-younger"], cs["older"])
	})
	t.Run("the oldest is next", func(t *testing.T) {
		first.tombstone(serviceRef("lb0"))
		first.settle()
		for _, name := range []string{"younger", "a-younger", "older", "younger"} {
			_ = cs[name].try()
		}
		f.carried("older", all[1:]...)
		if status, mark := cs["older"].shown(serviceRef("lb0")); len(status) != 1 || !strings.HasPrefix(status[0], made+"=") || len(mark) != 1 {
			t.Errorf("it shows %v, %v", status, mark)
		}
		if err := cs["older"].status().Error; err != "" {
			t.Error(err)
		}
	})
	t.Run("of one age the cluster's name decides", func(t *testing.T) {
		cs["older"].tombstone(serviceRef("lb0"))
		cs["older"].settle()
		for _, name := range []string{"younger", "a-younger", "younger"} {
			_ = cs[name].try()
		}
		f.carried("a-younger", "younger", "a-younger")
	})
	t.Run("another name is another matter", func(t *testing.T) {
		c := cs["younger"]
		c.annotated("lb0", externalDNS, "mine.avi.internal")
		c.send(serviceRef("lb0"))
		c.settle()
		if got := f.namesOn("younger--default-lb0"); !slices.Equal(got, []string{"mine.avi.internal"}) {
			t.Errorf("%v", got)
		}
		c.annotated("lb0", externalDNS, "")
		c.send(serviceRef("lb0"))
		_ = c.try()
		if got := f.namesOn("younger--default-lb0"); len(got) > 0 {
			t.Errorf("%v", got)
		}
	})
	t.Run("what is only held", func(t *testing.T) {
		f.manager.Unregister("a-younger")
		_ = cs["younger"].try()
		f.carried("a-younger", "younger", "a-younger")
		if text := cs["younger"].status().Error; !strings.Contains(text, `on the VIP "a-younger--default-lb0"`) {
			t.Error(text)
		}
	})
}

// twins are two clusters that have the same generated name when the hub starts,
// as two AKOs leave them. one's Service is the older.
func twins(f *fixture) (one, two *cluster) {
	f.t.Helper()
	one = f.up(registration("one"), served(100))
	real := f.ctl
	f.ctl = slowController{Controller: real, name: "apart"}
	two = f.up(registration("two"), served(200))
	f.ctl = real
	f.carried("one two", "one", "two")
	f.writes()
	f.agents.take()
	return one, two
}

// Who has a generated name keeps it: the newer is told that another has it, too.
func TestGeneratedNameOfTwins(t *testing.T) {
	for _, order := range []string{"one two", "two one"} {
		t.Run(order, func(t *testing.T) {
			f := start(t)
			one, two := twins(f)
			if f.again(one, two); order == "two one" {
				f.again(two, one)
			}
			f.noWrites("both have it")
			if got := slices.Compact(f.agents.take()); !slices.Equal(got, []string{"Service/lb0 Warning HostAlsoElsewhere"}) {
				t.Errorf("told %v", got)
			}
			if err := one.status().Error; err != "" {
				t.Errorf("the older one: %s", err)
			}
			st := two.status()
			if !strings.Contains(st.Error, "1 generated DNS name is another cluster's as well (HostAlsoElsewhere 1)") || !strings.Contains(st.Error, `Service default/lb0 of cluster "one"`) {
				t.Errorf("the newer one: %s", st.Error)
			}
			if len(st.Denied) != 1 || st.Denied[0].Reason != reasonShared {
				t.Errorf("%+v", st.Denied)
			}
			if status, _ := two.shown(serviceRef("lb0")); len(status) != 1 || !strings.HasPrefix(status[0], made) {
				t.Errorf("it shows %v", status)
			}
			f.quiet("nothing has changed", one, two)

			// A third one gets it neither from the one nor from the other, however old.
			third := f.up(registration("a-third"), served(1))
			_ = one.try()
			_ = two.try()
			f.carried("one two", "one", "two", "a-third")
			if err := one.status().Error; err != "" {
				t.Errorf("the older one: %s", err)
			}
			third.tombstone(serviceRef("lb0"))
			_ = third.try()

			one.tombstone(serviceRef("lb0"))
			one.settle()
			two.settle() // nothing stands against it any more
			f.carried("two", "two")
		})
	}
}

// A cluster keeps a generated name when the namespace gets another tenant, where
// another cluster has it, too, and where its suffixes don't allow it any more.
func TestGeneratedNameMovesWithTenant(t *testing.T) {
	f := start(t, "team", "other")
	place := func() world {
		w := sites(0, 0)
		w.balancer("elsewhere", "lb9", 100, 80)
		w.namespace("elsewhere", "team")
		return w
	}
	real := f.ctl
	one := f.up(registration("one"), place())
	f.ctl = slowController{Controller: real, name: "apart"}
	two := f.up(registration("two"), place())
	f.ctl = real
	f.again(one, two)
	limits := limited(v1alpha1.Limits{FQDNSuffixes: []string{"shop.avi.internal"}})
	if err := f.manager.Register(registration("two", limits)); err != nil {
		t.Fatal(err)
	}
	two.namespace("elsewhere", "other")
	two.send(mirror.Ref{Kind: kinds.Namespace, Name: "elsewhere"})
	_ = two.try()
	for _, o := range f.sim.Dump().Tenants["other"]["vsvip"] {
		if got := plan.Names(o); !slices.Equal(got, []string{"lb9.elsewhere.apps.example.test"}) {
			t.Errorf("%v carries %v", o["name"], got)
		}
	}
	if got := f.names("other", "vsvip"); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if got := f.names("team", "vsvip"); !slices.Equal(got, []string{"one--elsewhere-lb9"}) {
		t.Errorf("%v", got)
	}
}

// Who names a host has it before everybody for whom it was generated.
func TestNamedBeforeGenerated(t *testing.T) {
	const written = "LB0.default.apps.example.test"
	t.Run("one that comes later", func(t *testing.T) {
		f := start(t)
		one, two := twins(f)
		f.again(one, two)
		createOnly := func(r *v1alpha1.Cluster) { r.Spec.Mode = v1alpha1.ModeCreateOnly }
		if err := f.manager.Register(registration("two", createOnly)); err != nil {
			t.Fatal(err)
		}
		_ = two.try()
		third := f.up(registration("third"), askingFor(written, 900))
		_ = one.try()
		_ = two.try()
		_ = third.try()
		f.carried("two", "one", "two")
		if text := third.status().Error; !strings.Contains(text, `is on the VIP "two--default-lb0" of cluster "two"`) {
			t.Errorf("before it is off all VIPs: %s", text)
		}
		if got := f.names("team", "pool"); len(only(got, "third")) > 0 {
			t.Errorf("before it is off all VIPs: %v", got)
		}
		if err := f.manager.Register(registration("two")); err != nil {
			t.Fatal(err)
		}
		_ = two.try()
		third.settle()
		f.carried("", "one", "two")
		if got := f.names("team", "pool"); len(only(got, "third")) != 1 {
			t.Errorf("%v", got)
		}
		for _, c := range []*cluster{one, two} {
			if text := c.status().Error; !strings.Contains(text, `is cluster "third"'s, whose Ingress default/a0 asks for it by name`) {
				t.Errorf("%s: %s", c.name, text)
			}
			if status, _ := c.shown(serviceRef("lb0")); len(status) != 1 || !strings.HasPrefix(status[0], "=") {
				t.Errorf("%s shows %v", c.name, status)
			}
		}
		f.quiet("nothing has changed", one, two, third)
		f.again(two, one, third)
		f.quiet("after a restart", two, one, third)
		f.carried("", "one", "two")

		third.tombstone(ingressRef("a0"))
		third.settle()
		_ = two.try()
		_ = one.try()
		_ = two.try()
		f.carried("one", "one", "two")
	})
	t.Run("one that was there before", func(t *testing.T) {
		f := start(t)
		third := f.up(registration("third"), askingFor(written, 900))
		one := f.up(registration("one"), served(100))
		f.carried("", "one")
		third.settle()
		if text := f.agents.message(reasonElsewhere); !strings.Contains(text, "asks for it by name") {
			t.Errorf("%q", text)
		}
		third.tombstone(ingressRef("a0"))
		third.settle()
		one.settle()
		f.carried("one", "one")
	})
	t.Run("by a Service", func(t *testing.T) {
		f := start(t)
		one := f.up(registration("one"), served(100))
		w := sites(0, 2)
		w.annotated("lb1", externalDNS, written+".")
		delete(w, serviceRef("lb0"))
		w.aged(serviceRef("lb1"), 900)
		two := f.up(registration("two"), w)
		_ = one.try()
		two.settle()
		f.carried("", "one")
		if got := f.namesOn("two--default-lb1"); !slices.Equal(got, []string{written + "."}) {
			t.Errorf("%v", got)
		}
	})
}

// The suffixes hold for generated names; one that is there stays.
func TestSuffixOfGeneratedNames(t *testing.T) {
	limits := limited(v1alpha1.Limits{FQDNSuffixes: []string{"shop.avi.internal"}})
	f := start(t)
	w := sites(0, 1)
	w.ingress("a0", 0, "")
	w.service("web-a0", "ClusterIP")
	w.ingress("all", 0)
	w.service("web-all", "ClusterIP")
	w[ingressRef("all")].GetIngress().DefaultBackend = &akohubv1.IngressBackend{ServiceName: "web-all", PortNumber: 80}
	c := f.up(registration("c1", limits), w)
	want := []string{"c1--Default-Backend-default.all", "c1--default-lb0"}
	if diff := cmp.Diff(want, f.names("team", "virtualservice")); diff != "" {
		t.Error(diff)
	}
	for _, vip := range want {
		if got := f.namesOn(vip); got == nil || len(got) > 0 {
			t.Errorf("%s carries %v", vip, got)
		}
	}
	remedies := map[string]string{"Service default/lb0": externalDNS, "Ingress default/a0": "a rule that names a host", "Ingress default/all": "a rule that names a host"}
	for _, d := range c.status().Denied {
		if d.Reason != reasonSuffix || remedies[d.Object] == "" || !strings.Contains(d.Message, remedies[d.Object]) {
			t.Errorf("%+v", d)
		}
		delete(remedies, d.Object)
	}
	if len(remedies) > 0 {
		t.Errorf("not told: %v", remedies)
	}
	if got := only(f.agents.take(), reasonSuffix); len(got) != 3 {
		t.Errorf("told: %v", got)
	}
	if status, mark := c.shown(ingressRef("all")); len(status) != 1 || !strings.HasPrefix(status[0], "=") || len(mark) > 0 {
		t.Errorf("an Ingress whose VIP has no name shows %v, %v", status, mark)
	}
	f.quiet("nothing has changed", c)

	t.Run("a limit that comes later", func(t *testing.T) {
		if err := f.manager.Register(registration("c1")); err != nil {
			t.Fatal(err)
		}
		c.settle()
		f.carried("c1", "c1")
		f.writes()
		if err := f.manager.Register(registration("c1", limits)); err != nil {
			t.Fatal(err)
		}
		c.settle()
		f.noWrites("what is there stays")
		f.restart()
		c = f.up(registration("c1", limits), c.world)
		f.noWrites("after a restart")
		c.tombstone(serviceRef("lb0"))
		c.settle()
		c.service("lb0", "LoadBalancer")
		c.send(serviceRef("lb0"))
		_ = c.try()
		f.carried("", "c1")
	})
	t.Run("who may not have it claims nothing", func(t *testing.T) {
		other := f.up(registration("other"), served(900))
		other.settle()
		f.carried("other", "c1", "other")
	})
}

// Of the Services that share a VIP the one is told whose name it is, and the
// others keep theirs.
func TestGeneratedNameBehindSharedVIP(t *testing.T) {
	f := start(t)
	one := f.up(registration("one"), served(100))
	w := sites(0, 2)
	for i := range 2 {
		name := fmt.Sprint("lb", i)
		w.annotated(name, "ako.vmware.com/enable-shared-vip", "both")
		w[serviceRef(name)].GetService().Ports[0].Port = int32(80 + i)
		w.aged(serviceRef(name), 200)
	}
	two := f.up(registration("two"), w)
	others := []string{"lb1.default.apps.example.test"}
	if diff := cmp.Diff(others, f.namesOn("two--default-both")); diff != "" {
		t.Error(diff)
	}
	if got := only(f.agents.take(), "Warning"); !slices.Equal(got, []string{"Service/lb0 Warning HostClaimedElsewhere"}) {
		t.Errorf("told %v", got)
	}
	for name, host := range map[string]string{"lb0": "", "lb1": others[0]} {
		if status, mark := two.shown(serviceRef(name)); len(status) != 1 || !strings.HasPrefix(status[0], host+"=") || (len(mark) == 1) != (host != "") {
			t.Errorf("%s shows %v, %v", name, status, mark)
		}
	}
	one.tombstone(serviceRef("lb0"))
	one.settle()
	two.settle()
	if got := f.namesOn("two--default-both"); !slices.Equal(got, append([]string{made}, others...)) {
		t.Errorf("%v", got)
	}
}

// The host generated for an Ingress is one cluster's as one that is named.
func TestGeneratedHostOfIngress(t *testing.T) {
	f := start(t)
	hosts := func(c string) int { return len(only(f.names("team", "pool"), c+"--")) }
	one := f.up(registration("one"), askingFor("", 200))
	two := f.up(registration("two"), askingFor("", 100))
	if hosts("one") != 1 || hosts("two") != 0 {
		t.Errorf("%v", f.names("team", "pool"))
	}
	if text := f.agents.message(reasonElsewhere); !strings.Contains(text, `is cluster "one"'s, which has it for its Ingress default/a0`) || !strings.Contains(text, "a rule that names a host") {
		t.Errorf("%q", text)
	}
	f.quiet("nothing has changed", one, two)
	f.again(two, one)
	f.quiet("after a restart", one, two)
	if hosts("one") != 1 || hosts("two") != 0 {
		t.Errorf("%v", f.names("team", "pool"))
	}
	t.Run("one that is named takes it", func(t *testing.T) {
		three := f.up(registration("three"), askingFor("a0.default.apps.example.test", 900))
		_ = one.try()
		three.settle()
		if hosts("one") != 0 || hosts("two") != 0 || hosts("three") != 1 {
			t.Errorf("%v", f.names("team", "pool"))
		}
		three.tombstone(ingressRef("a0"))
		three.settle()
	})
	t.Run("the next is the oldest", func(t *testing.T) {
		_ = one.try()
		_ = two.try()
		_ = one.try()
		if hosts("one") != 0 || hosts("two") != 1 {
			t.Errorf("%v", f.names("team", "pool"))
		}
	})
}

// A Service that has to do without its name is not given it after a restart
// before it is known that another cluster has it.
func TestRestartGivesNoNameTooEarly(t *testing.T) {
	f := start(t)
	one := f.up(registration("one"), served(100))
	two := f.up(registration("two"), served(50))
	f.writes()
	real := f.ctl
	release := make(chan struct{})
	f.ctl = slowController{Controller: real, name: "sim", fail: func(cluster string) error {
		if cluster == "one" {
			<-release
		}
		return nil
	}}
	f.restart()
	f.register(registration("one"), one.world)
	two = f.up(registration("two"), two.world)
	f.agents.take()
	f.quiet("as long as the other is not known", two)
	if got := two.status(); len(got.Denied) > 0 || got.Error != "" {
		t.Errorf("%+v", got)
	}
	close(release)
	f.up(registration("one"), one.world)
	_ = two.try()
	f.noWrites("once it is")
	f.carried("one", "one", "two")
	if got := two.status(); len(got.Denied) != 1 {
		t.Errorf("%+v", got)
	}
}

// Of two that contend at once one is given a generated name, whoever is older,
// though no VIP carries it yet.
func TestGeneratedNameIsGivenOnce(t *testing.T) {
	c := newClaims()
	h := domainHost{"sim", "h.test"}
	lbUnit := translate.UnitKey{Kind: translate.UnitL4, Namespace: "default", Name: "lb0"}
	woken := map[string]int{}
	set := func(cluster string, created int64) claim {
		as := claim{created: created, generated: true}
		c.set(cluster, lbUnit, map[domainHost]claim{h: as})
		return as
	}
	for _, name := range []string{"a", "b"} {
		c.join(name, "sim", func() { woken[name]++ })
	}
	a := set("a", 200)
	if out := c.contest(h, "a", lbUnit, a, false, false); out.outcome != won {
		t.Errorf("%+v", out)
	}
	b := set("b", 100)
	if out := c.contest(h, "b", lbUnit, b, false, false); out.outcome != behind || out.who.cluster != "a" {
		t.Errorf("%+v", out)
	}
	set("a", 200) // looked at again
	if out := c.contest(h, "a", lbUnit, a, false, true); out.outcome != won {
		t.Errorf("%+v", out)
	}
	c.take("b")
	woken["b"] = 0
	c.set("a", lbUnit, nil)
	if woken["b"] != 1 || len(c.take("b")) != 1 {
		t.Errorf("woken %v", woken)
	}
	if out := c.contest(h, "b", lbUnit, b, false, false); out.outcome != won {
		t.Errorf("%+v", out)
	}
}

// The newer of two that have a generated name looks again when the older is
// found to have it, whatever came first.
func TestTwinsAreFoundInAnyOrder(t *testing.T) {
	c := newClaims()
	h := domainHost{"sim", "h.test"}
	u := translate.UnitKey{Kind: translate.UnitL4, Namespace: "default", Name: "lb0"}
	ages := map[string]claim{"older": {created: 1, generated: true}, "newer": {created: 2, generated: true}}
	for name, as := range ages {
		c.join(name, "sim", func() {})
		c.set(name, u, map[domainHost]claim{h: as})
	}
	if out := c.contest(h, "newer", u, ages["newer"], true, false); out.outcome != won {
		t.Errorf("before the older one was looked at: %+v", out)
	}
	c.take("newer")
	if out := c.contest(h, "older", u, ages["older"], true, false); out.outcome != won {
		t.Errorf("the older one: %+v", out)
	}
	if len(c.take("newer")) != 1 {
		t.Error("the newer one does not look again")
	}
	if out := c.contest(h, "newer", u, ages["newer"], true, false); out.outcome != doubled || out.who.cluster != "older" {
		t.Errorf("the newer one: %+v", out)
	}
}
