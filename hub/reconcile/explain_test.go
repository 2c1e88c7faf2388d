package reconcile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/explain"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// explain asks for what must be known, and checks that no private key is shown.
func (f *fixture) explain(q explain.Query) explain.Answer {
	f.t.Helper()
	a, err := f.manager.Explain(f.t.Context(), q)
	if err != nil {
		f.t.Fatal(err)
	}
	text, err := json.Marshal(a)
	if err != nil {
		f.t.Fatal(err)
	}
	if strings.Contains(string(text), "PRIVATE KEY") {
		f.t.Errorf("a private key is shown: %s", text)
	}
	return a
}

func hostQuery(name string) explain.Query { return explain.Query{Kind: explain.Host, Name: name} }

func ingressQuery(cluster, name string) explain.Query {
	return explain.Query{Kind: explain.Ingress, Cluster: cluster, Namespace: "default", Name: name}
}

func serviceQuery(cluster, name string) explain.Query {
	return explain.Query{Kind: explain.Service, Cluster: cluster, Namespace: "default", Name: name}
}

// outline is an explanation of a cluster in short lines, sorted as it is.
func outline(c explain.Cluster) []string {
	out := []string{}
	objects := func(at string, os []explain.AviObject) {
		for _, o := range os {
			text := strings.TrimSpace(fmt.Sprintf("%s %s %s: %s %s", at, o.Type, o.Name, o.State, o.Op))
			if o.Error+o.Reason != "" {
				text += " | " + o.Error + o.Reason
			}
			out = append(out, text)
		}
	}
	for _, u := range c.Units {
		for _, k := range u.Claims {
			for _, p := range k.Paths {
				out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s%s -> %s: %s %s", k.Name, u.Name, p.Path, p.Backend, p.Standing, p.LostTo)))
			}
			if k.Note != "" {
				out = append(out, k.Name+": "+k.Note)
			}
			for _, p := range k.Problems {
				out = append(out, k.Name+"! "+p.Reason)
			}
		}
		objects("unit", u.Objects)
	}
	for _, p := range c.Parents {
		objects("parent", p.Objects)
	}
	objects("left", c.Leftovers)
	return out
}

func TestExplainServed(t *testing.T) {
	f := start(t)
	c2 := f.up(registration("c2"), sites(1, 0))
	f.up(registration("c1"), sites(2, 1))
	_ = c2.try() // its host is the other's now
	a := f.explain(hostQuery("h0.avi.internal"))
	if len(a.Clusters) != 2 || a.Clusters[0].Name != "c1" || a.Clusters[1].Name != "c2" || a.At.IsZero() {
		t.Fatalf("%+v", a)
	}
	if got := outline(a.Clusters[1]); len(got) != 3 || got[1] != "a0! HostClaimedElsewhere" || !strings.HasPrefix(got[2], "unit pool c2--h0.avi.internal_-default-a0: skipped") ||
		!strings.Contains(a.Clusters[1].Units[0].Claims[0].Problems[0].Message, `"c1"`) || len(a.Clusters[1].Parents) > 0 {
		t.Errorf("the cluster that lost the host: %q", got)
	}
	c := a.Clusters[0]
	want := []string{
		"a0 h0.avi.internal/ -> default/web-a0:80: owner",
		"unit pool c1--h0.avi.internal_-default-a0: applied",
		"parent poolgroup c1--Shared-L7-0: applied",
		"parent virtualservice c1--Shared-L7-0: applied",
		"parent vsdatascriptset c1--Shared-L7-0: applied",
		"parent vsvip c1--Shared-L7-0: applied",
	}
	number := strings.TrimPrefix(c.Parents[0].Name, "c1--Shared-L7-")
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "Shared-L7-0", "Shared-L7-"+number)
	}
	if diff := cmp.Diff(want, outline(c)); diff != "" {
		t.Error(diff)
	}
	pool := c.Units[0].Objects[0]
	if pool.Servers == nil || *pool.Servers != 1 || pool.UUID == "" || pool.LastModified == nil || pool.LastModified.IsZero() {
		t.Errorf("pool %+v", pool)
	}
	if p := c.Parents[0]; len(p.VIP) != 1 || p.Units < 1 || c.Units[0].Claims[0].Status == nil || !strings.HasSuffix(c.Units[0].Claims[0].Status[0], p.VIP[0]) {
		t.Errorf("parent %+v, status %v", p, c.Units[0].Claims[0].Status)
	}
	if c.Tenant != "team" || c.Mode != "enforce" || c.Error+c.Held != "" || len(c.Waits) > 0 {
		t.Errorf("%+v", c)
	}
	t.Run("by its Ingress and by the Service behind it", func(t *testing.T) {
		for _, q := range []explain.Query{ingressQuery("c1", "a0"), serviceQuery("c1", "web-a0")} {
			got := f.explain(q).Clusters
			if len(got) != 1 || got[0].Object == nil || got[0].Object.Name != q.Name {
				t.Fatalf("%+v", got)
			}
			if diff := cmp.Diff(want, outline(got[0])); diff != "" {
				t.Errorf("%s: %s", q.Kind, diff)
			}
		}
	})
	t.Run("a Service of type LoadBalancer", func(t *testing.T) {
		got := f.explain(serviceQuery("c1", "lb0")).Clusters[0]
		if diff := cmp.Diff([]string{
			"unit l4policyset c1--default-lb0: applied", "unit pool c1--default-lb0-TCP-80: applied",
			"unit virtualservice c1--default-lb0: applied", "unit vsvip c1--default-lb0: applied",
		}, outline(got)); diff != "" {
			t.Error(diff)
		}
		if vip := got.Units[0].Objects[3]; len(vip.Addresses) != 1 {
			t.Errorf("no address: %+v", vip)
		}
	})
	t.Run("what is not there", func(t *testing.T) {
		for _, q := range []explain.Query{hostQuery("nosuch.avi.internal"), ingressQuery("c1", "nosuch"), serviceQuery("c2", "lb0")} {
			if _, err := f.manager.Explain(t.Context(), q); !errors.Is(err, explain.ErrUnknown) || !strings.Contains(err.Error(), q.Name) {
				t.Errorf("%v: error %v", q, err)
			}
		}
		if _, err := f.manager.Explain(t.Context(), ingressQuery("c9", "a0")); !errors.Is(err, ErrUnknownCluster) {
			t.Errorf("error %v", err)
		}
	})
}

// claimed is a world with a host that two Ingresses claim, and one of a class
// that is not ours.
func claimed() world {
	w := sites(1, 0)
	w.service("web-late", "ClusterIP")
	w.ingress("late", 0, "h0.avi.internal")
	w.ingress("other", 0, "h0.avi.internal")
	w[ingressRef("a0")].GetIngress().Meta = &akohubv1.Meta{CreationSeconds: 1000}
	w[ingressRef("late")].GetIngress().Meta = &akohubv1.Meta{CreationSeconds: 2000}
	foreign := "nginx"
	w[ingressRef("other")].GetIngress().IngressClassName = &foreign
	w.put(kinds.IngressClass, "", foreign, 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_IngressClass{IngressClass: &akohubv1.IngressClass{Controller: "k8s.io/ingress-nginx"}}
	})
	return w
}

func TestExplainOwnership(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), claimed())
	got := f.explain(hostQuery("h0.avi.internal")).Clusters[0]
	want := []string{
		"other h0.avi.internal/ -> default/web-other:80: not served",
		"other: " + noteForeign,
		"a0 h0.avi.internal/ -> default/web-a0:80: owner",
		"late h0.avi.internal/ -> default/web-late:80: lost Ingress default/a0",
		"late! DuplicateHostPath",
	}
	if diff := cmp.Diff(want, outline(got)[:len(want)]); diff != "" {
		t.Error(diff)
	}
	if at := got.Units[0].Claims[1].Created; at == nil || at.Unix() != 1000 {
		t.Errorf("created %v", at)
	}
	if o := f.explain(ingressQuery("c1", "late")).Clusters[0].Object; len(o.Problems) != 1 || o.Problems[0].Reason != "DuplicateHostPath" {
		t.Errorf("problems of the loser: %+v", o.Problems)
	}
	c.tombstone(ingressRef("a0"))
	c.settle()
	got = f.explain(hostQuery("h0.avi.internal")).Clusters[0]
	if line := outline(got)[2]; line != "late h0.avi.internal/ -> default/web-late:80: owner" {
		t.Errorf("the host has not passed on: %s", line)
	}
}

func TestExplainFailures(t *testing.T) {
	f := start(t)
	name := "c1--h0.avi.internal"
	f.sim.Inject(avisim.Fault{Method: http.MethodPost, Type: "sslkeyandcertificate", Name: name, Status: 400, Body: "Certificate is not to my taste"})
	w := sites(2, 0)
	w.put(kinds.Secret, "default", "cert", 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_Secret{Secret: &akohubv1.Secret{Data: testCertificate(t)}}
	})
	w[ingressRef("a0")].GetIngress().Tls = []*akohubv1.IngressTls{{Hosts: []string{"h0.avi.internal"}, SecretName: "cert"}}
	c := f.register(registration("c1"), w)
	c.sync()
	_ = c.try()
	state := func(typ string) explain.AviObject {
		t.Helper()
		for _, o := range f.explain(hostQuery("h0.avi.internal")).Clusters[0].Units[0].Objects {
			if o.Type == typ {
				return o
			}
		}
		t.Fatalf("no %s", typ)
		return explain.AviObject{}
	}
	cert := state("sslkeyandcertificate")
	if cert.State != explain.Failed || cert.Op != "create" || cert.Error != "Certificate is not to my taste" || cert.Attempts != 1 || cert.NextTry == nil || cert.UUID != "" {
		t.Errorf("certificate %+v", cert)
	}
	vs := state("virtualservice")
	if vs.State != explain.Skipped || vs.Op != "create" || !strings.Contains(vs.Reason, name) {
		t.Errorf("virtual service %+v", vs)
	}
	if e := f.explain(hostQuery("h1.avi.internal")).Clusters[0]; !strings.HasSuffix(outline(e)[1], ": applied") || !strings.Contains(e.Error, "taste") {
		t.Errorf("a sibling: %v, error %q", outline(e), e.Error)
	}
	t.Run("a key in the answer is not shown", func(t *testing.T) {
		f.sim.ClearFaults()
		f.sim.Inject(avisim.Fault{Method: http.MethodPost, Type: "sslkeyandcertificate", Name: name, Status: 400, Body: "bad: -----BEGIN PRIVATE KEY-----\nMHcCAQEE"})
		f.pass(2 * backoffLast)
		_ = c.try()
		if cert := state("sslkeyandcertificate"); cert.State != explain.Failed || cert.Attempts < 2 || cert.Error != "bad: <redacted>" {
			t.Errorf("certificate %+v", cert)
		}
	})
	t.Run("mended", func(t *testing.T) {
		f.sim.ClearFaults()
		f.pass(2 * backoffLast)
		c.settle()
		for _, typ := range []string{"sslkeyandcertificate", "virtualservice", "pool"} {
			if o := state(typ); o.State != explain.Applied || o.Error+o.Reason+o.Op != "" || o.UUID == "" {
				t.Errorf("%+v", o)
			}
		}
	})
}

func TestExplainTakenName(t *testing.T) {
	f := start(t)
	f.foreign("pool", "c1--default-lb0-TCP-80", "ako-other")
	c := f.register(registration("c1"), sites(0, 1))
	c.sync()
	_ = c.try()
	pool := f.explain(serviceQuery("c1", "lb0")).Clusters[0].Units[0].Objects[1]
	if pool.State != explain.Failed || !strings.Contains(pool.Error, "ako-other") || pool.UUID != "" {
		t.Errorf("%+v", pool)
	}
}

func TestExplainWhatTheModeLeaves(t *testing.T) {
	f := start(t)
	f.up(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Mode = v1alpha1.ModeObserve }), sites(1, 0))
	lines := outline(f.explain(hostQuery("h0.avi.internal")).Clusters[0])
	if want := "unit pool c1--h0.avi.internal_-default-a0: wanted create | the mode is observe"; lines[1] != want {
		t.Errorf("%q, want %q", lines[1], want)
	}
	c := f.up(registration("c1"), sites(1, 0))
	c = f.up(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Mode = v1alpha1.ModeCreateOnly }), c.world)
	c.slice("web-a0", "web-a0-1", 1, "10.0.0.1", "10.0.0.2")
	c.send(sliceRef("web-a0-1"))
	c.settle()
	o := f.explain(hostQuery("h0.avi.internal")).Clusters[0].Units[0].Objects[0]
	if o.State != explain.Wanted || o.Op != "update" || *o.Servers != 2 || o.UUID == "" {
		t.Errorf("%+v", o)
	}
}

func TestExplainWhatWaits(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(0, 6))
	t.Run("for approval", func(t *testing.T) {
		c.m.Disconnected()
		c.mu.Lock()
		for i := range 4 {
			delete(c.world, serviceRef(fmt.Sprint("lb", i)))
		}
		c.mu.Unlock()
		c.sync()
		_ = c.try()
		got := f.explain(serviceQuery("c1", "lb0")).Clusters[0]
		if got.Held == "" || got.Object != nil || len(got.Leftovers) != 4 {
			t.Fatalf("%+v", got)
		}
		for _, o := range got.Leftovers {
			if o.State != explain.Held || o.Op != "delete" || o.UUID == "" {
				t.Errorf("%+v", o)
			}
		}
	})
	t.Run("for the agent", func(t *testing.T) {
		f.restart()
		c := f.register(registration("c1"), c.world)
		c.sync(kinds.Ingress)
		c.settle()
		got := f.explain(serviceQuery("c1", "lb5")).Clusters[0]
		if len(got.Waits) == 0 || len(got.Leftovers) != 4 || got.Leftovers[0].State != explain.Kept {
			t.Errorf("%+v", got)
		}
		if _, err := f.manager.Explain(t.Context(), hostQuery("nosuch")); err == nil || !strings.Contains(err.Error(), "c1 is not fully known") {
			t.Errorf("error %v", err)
		}
	})
}

func TestExplainNameCollision(t *testing.T) {
	f := start(t)
	w := world{}
	w.base()
	older, younger := w.balancer("a", "b-c", 100, 80), w.balancer("a-b", "c", 200, 80)
	f.up(registration("c1"), w)
	query := func(ref mirror.Ref) explain.Cluster {
		return f.explain(explain.Query{Kind: explain.Service, Cluster: "c1", Namespace: ref.Namespace, Name: ref.Name}).Clusters[0]
	}
	for _, o := range query(older).Units[0].Objects {
		if o.State != explain.Applied {
			t.Errorf("%+v", o)
		}
	}
	lost := query(younger)
	if claim := lost.Units[0].Claims[0]; claim.Served || len(claim.Problems) != 1 || claim.Problems[0].Reason != reasonCollision {
		t.Errorf("%+v", claim)
	}
	for _, o := range lost.Units[0].Objects {
		if o.State != explain.Skipped || o.UUID != "" {
			t.Errorf("%+v", o)
		}
	}
}

// Who has a path is what translation says, in every mode: the problems that it
// tells are of those that have lost, and of no others.
func TestExplainAgreesWithTranslation(t *testing.T) {
	const host = "h.apps.test"
	cert := testCertificate(t)
	for mode, change := range map[string]func(*translate.Settings){
		"SNI": func(*translate.Settings) {}, "EVH": func(s *translate.Settings) { s.EVH = true },
		"dedicated": func(s *translate.Settings) { s.ShardSize = 0 }, "dedicated EVH": func(s *translate.Settings) { s.EVH, s.ShardSize = true, 0 },
	} {
		t.Run(mode, func(t *testing.T) {
			for range 150 {
				w := world{}
				w.base()
				w.put(kinds.Secret, "default", "cert", 0, func(r *akohubv1.Record) {
					r.Body = &akohubv1.Record_Secret{Secret: &akohubv1.Secret{Data: cert}}
				})
				for i := range 2 + rand.IntN(3) {
					w.service(fmt.Sprint("web-i", i), "ClusterIP")
					w.claimAtRandom(fmt.Sprint("i", i), host)
				}
				checkAgreement(t, w, host, change)
			}
		})
	}
}

// claimAtRandom adds an Ingress with one to three paths of a host.
func (w world) claimAtRandom(name, host string) {
	w.ingress(name, 0, host)
	ing := w[ingressRef(name)].GetIngress()
	ing.Meta = &akohubv1.Meta{CreationSeconds: int64(rand.IntN(3))}
	rule := ing.GetRules()[0]
	backend := rule.GetPaths()[0].GetBackend()
	rule.Paths = nil
	for range 1 + rand.IntN(3) {
		p := &akohubv1.IngressPath{Path: []string{"", "/", "/a", "/A"}[rand.IntN(4)], PathType: []string{"Prefix", "Exact"}[rand.IntN(2)], Backend: backend}
		if !slices.ContainsFunc(rule.Paths, func(o *akohubv1.IngressPath) bool { return strings.EqualFold(o.GetPath(), p.GetPath()) }) {
			rule.Paths = append(rule.Paths, p)
		}
	}
	if rand.IntN(3) == 0 {
		ing.Tls = []*akohubv1.IngressTls{{Hosts: []string{host}, SecretName: []string{"cert", "nosuch"}[rand.IntN(2)]}}
	}
	if rand.IntN(4) == 0 {
		ing.DefaultBackend = backend
	}
}

func checkAgreement(t *testing.T, w world, host string, change func(*translate.Settings)) {
	t.Helper()
	s := testSettings()
	change(&s)
	m := mirror.New("c1")
	mod := newModel(s)
	apply(t, m, slices.Collect(maps.Values(w))...)
	run(t, mod, m)
	u := translate.UnitKey{Kind: translate.UnitHost, Name: host}
	m.Read(func(v mirror.View) {
		e := &explainer{w: &worker{opened: map[group]bool{groupHosts: true}}, v: v, m: mod}
		claims := e.claims(u)
		unserved := slices.ContainsFunc(claims, func(c explain.Claim) bool { return !c.Served })
		for _, c := range claims {
			for _, p := range c.Paths {
				if !c.Served && p.Standing != explain.NotServed {
					t.Fatalf("path %q of %s, which is not served: %s", p.Path, c.Name, p.Standing)
				}
				if unserved {
					// Translation names an older Ingress also if that has nothing
					// to serve with.
					continue
				}
				told := slices.ContainsFunc(c.Problems, func(x explain.Problem) bool {
					return strings.HasPrefix(x.Message, host+p.Path+" is claimed by the older "+p.LostTo+" ") || x.Reason == "HostConflict" && strings.Contains(x.Message, p.LostTo)
				})
				if lost := p.Standing == explain.Lost; lost != told {
					text, _ := json.MarshalIndent(claims, "", " ")
					t.Fatalf("path %q of %s: %s, told %v\n%s", p.Path, c.Name, p.Standing, told, text)
				}
			}
		}
	})
}

func TestExplainPassthroughAndDefaultBackend(t *testing.T) {
	f := start(t)
	w := sites(2, 0)
	w[ingressRef("a0")].GetIngress().Meta = &akohubv1.Meta{Annotations: map[string]string{"passthrough.ako.vmware.com/enabled": "true"}}
	w.ingress("any", 0)
	w[ingressRef("any")].GetIngress().DefaultBackend = &akohubv1.IngressBackend{ServiceName: "web-a1", PortNumber: 80}
	w[ingressRef("a1")].GetIngress().Meta = &akohubv1.Meta{Deleting: true}
	f.up(registration("c1"), w)
	for q, want := range map[explain.Query]string{
		hostQuery("h0.avi.internal"): "a0 h0.avi.internal/ -> default/web-a0:80: shared",
		ingressQuery("c1", "any"):    "any any -> default/web-a1:80: owner",
		ingressQuery("c1", "a1"):     "a1 h1.avi.internal/ -> default/web-a1:80: not served",
	} {
		c := f.explain(q).Clusters[0]
		if got := outline(c); len(got) == 0 || got[0] != want {
			t.Errorf("%v: %v, want %q", q, got, want)
		}
		for _, p := range c.Parents {
			if len(p.VIP) != 1 {
				t.Errorf("%v: parent %+v", q, p)
			}
		}
	}
	if note := f.explain(hostQuery("h1.avi.internal")).Clusters[0].Units[0].Claims[0].Note; note != noteDeleting {
		t.Errorf("noted %q", note)
	}
}
