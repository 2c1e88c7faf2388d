package reconcile

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func testSettings() translate.Settings {
	return translate.Settings{
		ClusterName: "c1", Tenant: "team", Cloud: "Default-Cloud", CloudType: "CLOUD_VCENTER", SEGroup: "Default-Group", VRF: "global",
		LicenseTier: "ENTERPRISE", Domains: []string{"apps.test"}, AutoFQDN: "default", ShardSize: 8, PassthroughShardSize: 1,
		ServiceType: "ClusterIP", DefaultIngressController: true, DefaultLBController: true, SystemNamespace: "avi-system",
		VIPNetworks: []translate.VIPNetwork{{Name: "vip-net", CIDR: "10.10.0.0/16"}},
	}
}

// world is a cluster's objects, as records.
type world map[mirror.Ref]*akohubv1.Record

func (w world) put(kind, ns, name string, rev int, fill func(*akohubv1.Record)) {
	r := &akohubv1.Record{Kind: kind, Namespace: ns, Name: name, Uid: "uid-" + ns + "-" + name, ContentHash: fmt.Append(nil, rev)}
	fill(r)
	w[mirror.Ref{Kind: kind, Namespace: ns, Name: name}] = r
}

func (w world) base() {
	w.put(kinds.Namespace, "", "default", 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_NamespaceObject{NamespaceObject: &akohubv1.Namespace{}}
	})
	w.put(kinds.IngressClass, "", "avi-lb", 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_IngressClass{IngressClass: &akohubv1.IngressClass{
			Controller: "ako.vmware.com/avi-lb",
			Meta:       &akohubv1.Meta{Annotations: map[string]string{"ingressclass.kubernetes.io/is-default-class": "true"}}}}
	})
}

func (w world) service(name, typ string) {
	w.put(kinds.Service, "default", name, 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_Service{Service: &akohubv1.Service{Type: typ, IpFamilies: []string{"IPv4"},
			Ports: []*akohubv1.ServicePort{{Name: "http", Protocol: "TCP", Port: 80, TargetPortNumber: 8080}}}}
	})
}

func (w world) slice(service, name string, rev int, addrs ...string) {
	w.put(kinds.EndpointSlice, "default", name, rev, func(r *akohubv1.Record) {
		yes := true
		s := &akohubv1.EndpointSlice{ServiceName: service, AddressType: "IPv4", Ports: []*akohubv1.EndpointPort{{Name: "http", Protocol: "TCP", Port: 8080}}}
		for _, a := range addrs {
			s.Endpoints = append(s.Endpoints, &akohubv1.Endpoint{Addresses: []string{a}, Ready: &yes})
		}
		r.Body = &akohubv1.Record_EndpointSlice{EndpointSlice: s}
	})
}

func (w world) ingress(name string, rev int, hosts ...string) {
	w.put(kinds.Ingress, "default", name, rev, func(r *akohubv1.Record) {
		ing := &akohubv1.Ingress{}
		for _, h := range hosts {
			ing.Rules = append(ing.Rules, &akohubv1.IngressRule{Host: h, HasHttp: true, Paths: []*akohubv1.IngressPath{
				{Path: "/", PathType: "Prefix", Backend: &akohubv1.IngressBackend{ServiceName: "web-" + name, PortNumber: 80}}}})
		}
		r.Body = &akohubv1.Record_Ingress{Ingress: ing}
	})
}

func apply(t testing.TB, m *mirror.Mirror, records ...*akohubv1.Record) {
	t.Helper()
	for _, r := range records {
		if err := m.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
}

// run takes the mirror's dirty set through the model, as a worker does.
func run(t testing.TB, mod *model, m *mirror.Mirror) *delta {
	t.Helper()
	d := newDelta()
	changes := m.TakeDirty()
	m.Read(func(v mirror.View) {
		units := map[translate.UnitKey]struct{}{}
		for _, c := range changes {
			for _, u := range mod.affected(v, c.Ref) {
				units[u] = struct{}{}
			}
		}
		mod.update(v, sortedUnits(units), d)
	})
	return d
}

func keysOf(d *delta) []string {
	var out []string
	for k := range d.keys {
		out = append(out, k.Type+"/"+k.Name)
	}
	slices.Sort(out)
	return out
}

func sampleWorld(n int) world {
	w := world{}
	w.base()
	for i := range n {
		name := fmt.Sprint("a", i)
		w.service("web-"+name, "ClusterIP")
		w.slice("web-"+name, "web-"+name+"-1", 0, fmt.Sprintf("10.0.%d.%d", i/250, i%250+1))
		w.ingress(name, 0, fmt.Sprintf("h%d.apps.test", i))
	}
	return w
}

func TestOneChangeTouchesOneObject(t *testing.T) {
	m := mirror.New("c1")
	mod := newModel(testSettings())
	w := sampleWorld(20)
	apply(t, m, slices.Collect(maps.Values(w))...)
	run(t, mod, m)
	before := mod.graph.Len()

	t.Run("an endpoint changes one pool", func(t *testing.T) {
		w.slice("web-a3", "web-a3-1", 1, "10.0.0.4", "10.0.9.9")
		apply(t, m, w[mirror.Ref{Kind: kinds.EndpointSlice, Namespace: "default", Name: "web-a3-1"}])
		if diff := cmp.Diff([]string{"pool/c1--h3.apps.test_-default-a3"}, keysOf(run(t, mod, m))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("so does a slice that appears", func(t *testing.T) {
		w.slice("web-a3", "web-a3-2", 0, "10.0.9.10")
		apply(t, m, w[mirror.Ref{Kind: kinds.EndpointSlice, Namespace: "default", Name: "web-a3-2"}])
		if diff := cmp.Diff([]string{"pool/c1--h3.apps.test_-default-a3"}, keysOf(run(t, mod, m))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the same again changes nothing", func(t *testing.T) {
		w.slice("web-a3", "web-a3-2", 7, "10.0.9.10")
		apply(t, m, w[mirror.Ref{Kind: kinds.EndpointSlice, Namespace: "default", Name: "web-a3-2"}])
		if got := keysOf(run(t, mod, m)); len(got) != 0 {
			t.Errorf("changed: %v", got)
		}
	})
	t.Run("an Ingress goes with its pool and its place in the parent", func(t *testing.T) {
		apply(t, m, &akohubv1.Record{Kind: kinds.Ingress, Namespace: "default", Name: "a3", Uid: "uid-default-a3", Deleted: true})
		got := keysOf(run(t, mod, m))
		if len(got) != 3 {
			t.Errorf("changed: %v", got)
		}
		if mod.graph.Len() != before-1 {
			t.Errorf("%d objects, before %d", mod.graph.Len(), before)
		}
		for u := range mod.fragments {
			if u.Name == "h3.apps.test" {
				t.Error("the fragment of a host that is gone is kept")
			}
		}
	})
}

// Whatever the order of events, the end is the desired set of the final state.
func TestOrderOfEventsDoesNotMatter(t *testing.T) {
	w := sampleWorld(12)
	w.service("lb", "LoadBalancer")
	w.slice("lb", "lb-1", 0, "10.0.8.1")
	// Ingresses that share a host.
	w.ingress("a1", 0, "h1.apps.test", "h2.apps.test")
	records := slices.Collect(maps.Values(w))

	want := wanted(t, records, len(records))
	for i := range 20 {
		rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		if diff := cmp.Diff(want, wanted(t, records, 1+i%5)); diff != "" {
			t.Fatalf("-first +other order:\n%s", diff)
		}
	}
}

// wanted applies records in steps of so many and returns the desired set.
func wanted(t *testing.T, records []*akohubv1.Record, step int) map[desired.Key]string {
	t.Helper()
	m := mirror.New("c1")
	mod := newModel(testSettings())
	for chunk := range slices.Chunk(records, step) {
		apply(t, m, chunk...)
		run(t, mod, m)
	}
	out := map[desired.Key]string{}
	for _, o := range mod.graph.All() {
		out[o.Key] = o.Hash
	}
	return out
}

// BenchmarkEndpointChange is the way of a changed EndpointSlice from the mirror
// to a plan with one step. It must not depend on how many hosts there are.
func BenchmarkEndpointChange(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint("hosts=", n), func(b *testing.B) {
			m := mirror.New("c1")
			w := benchWorker(b, m, n)
			reg := w.reg
			world := sampleWorld(n)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 1; b.Loop(); i++ {
				world.slice("web-a3", "web-a3-1", i, "10.0.0.4", fmt.Sprintf("10.1.%d.%d", i/250%250, i%250+1))
				apply(b, m, world[mirror.Ref{Kind: kinds.EndpointSlice, Namespace: "default", Name: "web-a3-1"}])
				w.translate()
				p, ok := w.plan(reg)
				if !ok || len(p.Steps) != 1 {
					b.Fatalf("planned %v", p.Counts())
				}
				w.hold(observedOf(b, p.Steps[0].Want, i))
				w.undone = emptied(w.undone)
				w.tell(reg)
			}
		})
	}
}

// benchWorker returns a worker of a cluster with n hosts whose objects are all
// on the controller as they are wanted.
func benchWorker(b testing.TB, m *mirror.Mirror, n int, change ...func(*translate.Settings)) *worker {
	b.Helper()
	reg := registration("c1")
	cfg := Config{Logger: testLog(), Clock: time.Now, Agents: &agents{mirrors: map[string]*cluster{}}}
	w := newWorker("c1", reg, cfg, m, nil, newLanes(), newClaims(), newMetrics(nil))
	s := testSettings()
	s.DisableStaticRouteSync = true
	for _, c := range change {
		c(&s)
	}
	w.facts, w.model, w.opened = &Facts{}, newModel(s), map[group]bool{}
	c := &cluster{world: sampleWorld(n), f: &fixture{t: b}, name: "c1", m: m}
	c.sync()
	w.translate()
	for i, o := range w.model.graph.All() {
		w.hold(observedOf(b, o, i))
	}
	w.loaded["team"], w.full, w.referrals = true, false, newReferrals(w.observed)
	w.undone = emptied(w.undone)
	w.news = emptied(w.news)
	return w
}

// observedOf is an object as a controller holds it after it was written.
func observedOf(b testing.TB, o *desired.Object, version int) *plan.Observed {
	b.Helper()
	body := maps.Clone(o.Body)
	body["uuid"], body["_last_modified"] = o.Key.Type+"-"+o.Key.Name, fmt.Sprint(version)
	have, err := plan.NewObserved(o.Key.Tenant, o.Key.Type, body)
	if err != nil {
		b.Fatal(err)
	}
	have.Applied = o.Hash
	return have
}
