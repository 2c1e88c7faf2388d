package reconcile

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// balancer adds a Service of type LoadBalancer of an age to a world.
func (w world) balancer(ns, name string, created int64, port int32) mirror.Ref {
	w.put(kinds.Namespace, "", ns, 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_NamespaceObject{NamespaceObject: &akohubv1.Namespace{}}
	})
	w.put(kinds.Service, ns, name, int(port), func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_Service{Service: &akohubv1.Service{Type: "LoadBalancer", IpFamilies: []string{"IPv4"},
			Meta:  &akohubv1.Meta{CreationSeconds: created},
			Ports: []*akohubv1.ServicePort{{Name: "p", Protocol: "TCP", Port: port, TargetPortNumber: 8080}}}}
	})
	return mirror.Ref{Kind: kinds.Service, Namespace: ns, Name: name}
}

func reasons(m *model, ref mirror.Ref) []string {
	var out []string
	for _, p := range m.problems(ref) {
		out = append(out, p.Reason)
	}
	return out
}

func TestNameCollision(t *testing.T) {
	m := mirror.New("c1")
	mod := newModel(testSettings())
	w := world{}
	w.base()
	older := w.balancer("a", "b-c", 100, 80)
	younger := w.balancer("a-b", "c", 200, 80)
	beside := w.balancer("a-b", "d", 300, 80)
	apply(t, m, slices.Collect(maps.Values(w))...)
	d := run(t, mod, m)

	vs := translate.Key{Tenant: "team", Type: "virtualservice", Name: "c1--a-b-c"}
	of := func() mirror.Ref {
		o, ok := mod.graph.Get(vs)
		if !ok {
			return mirror.Ref{}
		}
		return o.From[0]
	}
	if of() != older {
		t.Fatalf("the name belongs to %v", of())
	}
	if got := reasons(mod, younger); len(got) != 1 || got[0] != reasonCollision {
		t.Errorf("the loser's problems: %v", got)
	}
	if msg := mod.problems(younger)[0].Message; !strings.Contains(msg, "Service a/b-c") || !strings.Contains(msg, "c1--a-b-c") {
		t.Errorf("the loser is told %q", msg)
	}
	if got := append(reasons(mod, older), reasons(mod, beside)...); len(got) > 0 {
		t.Errorf("the others' problems: %v", got)
	}
	if pubs := mod.publications(younger); len(pubs) > 0 {
		t.Errorf("the loser would show the winner's address: %v", pubs)
	}
	if _, told := d.told[younger]; !told {
		t.Error("the loser is not looked at")
	}

	t.Run("an endpoint of the loser changes nothing", func(t *testing.T) {
		w.put(kinds.EndpointSlice, "a-b", "c-1", 0, func(r *akohubv1.Record) {
			r.Body = &akohubv1.Record_EndpointSlice{EndpointSlice: &akohubv1.EndpointSlice{ServiceName: "c", AddressType: "IPv4",
				Endpoints: []*akohubv1.Endpoint{{Addresses: []string{"10.0.0.9"}}}, Ports: []*akohubv1.EndpointPort{{Name: "p", Protocol: "TCP", Port: 8080}}}}
		})
		apply(t, m, w[mirror.Ref{Kind: kinds.EndpointSlice, Namespace: "a-b", Name: "c-1"}])
		if got := keysOf(run(t, mod, m)); len(got) > 0 {
			t.Errorf("changed: %v", got)
		}
	})
	t.Run("the loser takes over when the winner goes", func(t *testing.T) {
		apply(t, m, &akohubv1.Record{Kind: kinds.Service, Namespace: "a", Name: "b-c", Uid: w[older].GetUid(), Deleted: true})
		d := run(t, mod, m)
		if of() != younger {
			t.Fatalf("the name belongs to %v", of())
		}
		if got := reasons(mod, younger); len(got) > 0 {
			t.Errorf("problems: %v", got)
		}
		if _, told := d.told[younger]; !told || len(mod.publications(younger)) == 0 {
			t.Error("the new owner is not told")
		}
		if len(mod.yielded) > 0 {
			t.Errorf("still yields: %v", mod.yielded)
		}
	})
	t.Run("and yields again when an older one comes", func(t *testing.T) {
		apply(t, m, w[older])
		run(t, mod, m)
		if of() != older || len(reasons(mod, younger)) != 1 {
			t.Errorf("the name belongs to %v; problems %v", of(), reasons(mod, younger))
		}
	})
	t.Run("the loser goes", func(t *testing.T) {
		apply(t, m, &akohubv1.Record{Kind: kinds.Service, Namespace: "a-b", Name: "c", Uid: w[younger].GetUid(), Deleted: true})
		run(t, mod, m)
		if of() != older || len(mod.yielded) > 0 {
			t.Errorf("the name belongs to %v; yields: %v", of(), mod.yielded)
		}
	})
}

// Who has a name depends on who is there, not on the order in which they came:
// also where three units share names in a row.
func TestCollisionsDoNotDependOnOrder(t *testing.T) {
	w := world{}
	w.base()
	w.balancer("x", "y-z-w", 100, 80)
	w.balancer("x-y", "z-w", 100, 80)
	w.balancer("x-y-z", "w", 50, 81)
	w.balancer("x", "y", 10, 80)
	for _, host := range []string{"b-c.apps.test", "c.apps.test"} {
		ns := map[string]string{"b-c.apps.test": "n", "c.apps.test": "n-b"}[host]
		w.put(kinds.Namespace, "", ns, 0, func(r *akohubv1.Record) {
			r.Body = &akohubv1.Record_NamespaceObject{NamespaceObject: &akohubv1.Namespace{}}
		})
		w.put(kinds.Secret, ns, "cert", 0, func(r *akohubv1.Record) {
			r.Body = &akohubv1.Record_Secret{Secret: &akohubv1.Secret{Data: testCertificate(t)}}
		})
		w.put(kinds.Service, ns, "web", 0, func(r *akohubv1.Record) {
			r.Body = &akohubv1.Record_Service{Service: &akohubv1.Service{Type: "ClusterIP", IpFamilies: []string{"IPv4"},
				Ports: []*akohubv1.ServicePort{{Name: "http", Protocol: "TCP", Port: 80, TargetPortNumber: 8080}}}}
		})
		w.put(kinds.Ingress, ns, "ing", 0, func(r *akohubv1.Record) {
			r.Body = &akohubv1.Record_Ingress{Ingress: &akohubv1.Ingress{
				Tls: []*akohubv1.IngressTls{{Hosts: []string{host}, SecretName: "cert"}},
				Rules: []*akohubv1.IngressRule{{Host: host, HasHttp: true, Paths: []*akohubv1.IngressPath{
					{Path: "/", PathType: "Prefix", Backend: &akohubv1.IngressBackend{ServiceName: "web", PortNumber: 80}}}}}}}
		})
	}
	records := slices.Collect(maps.Values(w))
	want := wanted(t, records, len(records))
	losers := func(mod *model) []string { return slices.Sorted(maps.Keys(mod.yielded)) }
	var first []string
	for i := range 30 {
		rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		m := mirror.New("c1")
		mod := newModel(testSettings())
		for chunk := range slices.Chunk(records, 1+i%4) {
			apply(t, m, chunk...)
			run(t, mod, m)
		}
		got := map[desired.Key]string{}
		for _, o := range mod.graph.All() {
			got[o.Key] = o.Hash
			for _, r := range o.Refs {
				if _, ok := mod.graph.Get(r); !ok {
					t.Errorf("%v refers to %v, which is not wanted", o.Key, r)
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-first +other order:\n%s", diff)
		}
		if i == 0 {
			first = losers(mod)
		}
		if diff := cmp.Diff(first, losers(mod)); diff != "" {
			t.Fatalf("other losers:\n%s", diff)
		}
		checkModel(t, mod)
	}
	if len(first) < 3 {
		t.Errorf("the worlds do not collide as meant: %v", first)
	}
}

// checkModel checks what a model knows beside its graph against the graph.
func checkModel(t *testing.T, m *model) {
	t.Helper()
	tenants, referrers := map[string]int{}, map[desired.Key]map[desired.Key]struct{}{}
	for _, o := range m.graph.All() {
		tenants[o.Key.Tenant]++
		for _, r := range o.Refs {
			if referrers[r] == nil {
				referrers[r] = map[desired.Key]struct{}{}
			}
			referrers[r][o.Key] = struct{}{}
		}
	}
	if diff := cmp.Diff(tenants, m.tenants); diff != "" {
		t.Errorf("tenants: %s", diff)
	}
	if diff := cmp.Diff(referrers, m.referrers); diff != "" {
		t.Errorf("referrers: %s", diff)
	}
	for k, offers := range m.byKey {
		if len(offers) == 0 {
			t.Errorf("an empty list of offers for %v", k)
		}
	}
	for owner := range m.yielded {
		if _, ok := m.owned[owner]; !ok {
			t.Errorf("%s yields with nothing to yield", owner)
		}
	}
}

// The default certificate is shared on purpose.
func TestSharedDefaultCertificateIsNoCollision(t *testing.T) {
	m := mirror.New("c1")
	mod := newModel(testSettings())
	w := sampleWorld(3)
	w.put(kinds.Namespace, "", "avi-system", 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_NamespaceObject{NamespaceObject: &akohubv1.Namespace{}}
	})
	w.put(kinds.Secret, "avi-system", "router-certs-default", 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_Secret{Secret: &akohubv1.Secret{Data: testCertificate(t)}}
	})
	for i := range 3 {
		w[ingressRef(fmt.Sprint("a", i))].GetIngress().Meta = &akohubv1.Meta{Annotations: map[string]string{"ako.vmware.com/enable-tls": "true"}}
	}
	apply(t, m, slices.Collect(maps.Values(w))...)
	run(t, mod, m)
	if len(mod.yielded) > 0 {
		t.Errorf("yields: %v", mod.yielded)
	}
	if _, ok := mod.graph.Get(translate.Key{Tenant: "team", Type: "sslkeyandcertificate", Name: "c1--router-certs-default"}); !ok {
		t.Error("no default certificate")
	}
	checkModel(t, mod)
}

func TestUnservedUnitsKeepWhatIsThere(t *testing.T) {
	f := start(t)
	setting := func(name string) func(*akohubv1.Record) {
		return func(r *akohubv1.Record) {
			r.Body = &akohubv1.Record_NamespaceObject{NamespaceObject: &akohubv1.Namespace{
				Meta: &akohubv1.Meta{Annotations: map[string]string{"aviinfrasetting.ako.vmware.com/name": name}}}}
		}
	}
	c := f.up(registration("c1"), sites(1, 2))
	// What an AKO made for something that translation has no name for.
	f.foreign("pool", "c1--infra-gold-of-ako", "ako-c1")
	f.restart()
	ns2 := mirror.Ref{Kind: kinds.Namespace, Name: "ns2"}
	w := c.world
	w.balancer("ns2", "lb", 1, 80)
	w.put(kinds.Namespace, "", "ns2", 1, setting("gold"))
	f.writes()
	c = f.up(registration("c1"), w)
	f.noWrites("a Service asks for an AviInfraSetting")
	if got := only(f.agents.take(), "Service/lb Warning UnsupportedMode"); len(got) != 1 {
		t.Error("its owner is not told")
	}
	t.Run("lost without a word: kept", func(t *testing.T) {
		c.m.Disconnected()
		c.mu.Lock()
		delete(c.world, serviceRef("lb0"))
		c.mu.Unlock()
		c.sync()
		c.settle()
		f.noWrites("a Service is missing in a snapshot")
	})
	t.Run("seen to go: deleted", func(t *testing.T) {
		c.tombstone(serviceRef("lb1"))
		c.settle()
		if got := f.writes(); len(got) != 4 || len(only(got, "lb1")) != 4 {
			t.Errorf("wrote %v", got)
		}
	})
	t.Run("a unit that begins to ask for it keeps what it has", func(t *testing.T) {
		c.service("lb7", "LoadBalancer")
		c.send(serviceRef("lb7"))
		c.settle()
		f.writes()
		c.put(kinds.Service, "default", "lb7", 1, func(r *akohubv1.Record) {
			r.Body = &akohubv1.Record_Service{Service: &akohubv1.Service{Type: "LoadBalancer", IpFamilies: []string{"IPv4"},
				Meta:  &akohubv1.Meta{Annotations: map[string]string{"aviinfrasetting.ako.vmware.com/name": "gold"}},
				Ports: []*akohubv1.ServicePort{{Name: "http", Protocol: "TCP", Port: 80, TargetPortNumber: 8080}}}}
		})
		c.send(serviceRef("lb7"))
		c.settle()
		f.noWrites("lb7 has a setting now")
		c.tombstone(serviceRef("lb7"))
		c.settle()
		if got := f.writes(); len(got) != 4 || len(only(got, "DELETE")) != 4 {
			t.Errorf("the deleted Service leaves something: %v", got)
		}
	})
	t.Run("nothing asks for it any more", func(t *testing.T) {
		c.put(kinds.Namespace, "", "ns2", 2, setting(""))
		c.send(ns2)
		c.settle()
		got := f.writes()
		if len(only(got, "DELETE pool c1--infra-gold-of-ako")) != 1 || len(only(got, "DELETE virtualservice")) != 1 {
			t.Errorf("wrote %v", got)
		}
	})
}
