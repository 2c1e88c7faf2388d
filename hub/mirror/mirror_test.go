package mirror

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/digest"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func ingress(namespace, name, uid, hash string, hosts ...string) *akohubv1.Record {
	body := &akohubv1.Ingress{Meta: &akohubv1.Meta{}}
	for _, h := range hosts {
		body.Rules = append(body.Rules, &akohubv1.IngressRule{Host: h})
	}
	return &akohubv1.Record{
		Kind: kinds.Ingress, Namespace: namespace, Name: name, Uid: uid, ContentHash: []byte(hash),
		Body: &akohubv1.Record_Ingress{Ingress: body},
	}
}

func tombstone(rec *akohubv1.Record) *akohubv1.Record {
	return &akohubv1.Record{Kind: rec.GetKind(), Namespace: rec.GetNamespace(), Name: rec.GetName(), Uid: rec.GetUid(), Deleted: true}
}

func inSnapshot(rec *akohubv1.Record, id uint64) *akohubv1.Record {
	rec.Snapshot = id
	return rec
}

func mustApply(t *testing.T, m *Mirror, recs ...*akohubv1.Record) {
	t.Helper()
	if err := m.ApplyAll(recs); err != nil {
		t.Fatalf("ApplyAll: %v", err)
	}
}

// digestOf builds the agent's digest of records.
func digestOf(recs ...*akohubv1.Record) *digest.Set {
	var s digest.Set
	for _, r := range recs {
		s.Add(digest.Entry{Namespace: r.GetNamespace(), Name: r.GetName(), UID: r.GetUid(), ContentHash: string(r.GetContentHash())})
	}
	return &s
}

func names[T any](list []Object[T]) string {
	var out []string
	for _, o := range list {
		out = append(out, o.Ref.Namespace+"/"+o.Ref.Name)
	}
	return strings.Join(out, " ")
}

func TestRoutesByHostAndSubdomain(t *testing.T) {
	m := New("a")
	route := func(name, host, subdomain, hash string) *akohubv1.Record {
		return &akohubv1.Record{Kind: kinds.Route, Namespace: "a", Name: name, Uid: name, ContentHash: []byte(hash), Body: &akohubv1.Record_Route{
			Route: &akohubv1.Route{Host: host, Subdomain: subdomain}}}
	}
	mustApply(t, m, route("r1", "one.example", "one", "h"), route("r2", "", "one", "h"), route("r3", "", "one.", "h"), route("r4", "", "", "h"))
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	m.Read(func(v View) {
		check("all", names(v.Routes()), "a/r1 a/r2 a/r3 a/r4")
		check("host", names(v.RoutesOfHost("one.example")), "a/r1")
		check("sub-domain", names(v.RoutesOfSubdomain("one")), "a/r2 a/r3")
		check("no sub-domain", names(v.RoutesOfSubdomain("")), "")
	})
	mustApply(t, m, route("r2", "two.example", "one", "h2"))
	m.Read(func(v View) {
		check("sub-domain later", names(v.RoutesOfSubdomain("one")), "a/r3")
		check("host later", names(v.RoutesOfHost("two.example")), "a/r2")
	})
}

// A kind is absent if the agent says so and nothing speaks against it.
func TestAbsentKinds(t *testing.T) {
	const absent = akohubv1.KindState_AVAILABILITY_ABSENT
	m := New("a")
	say := func(a akohubv1.KindState_Availability) {
		t.Helper()
		if err := m.SetKindState(kinds.Ingress, a, ""); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want bool) {
		t.Helper()
		m.Read(func(v View) {
			if got := v.Absent(kinds.Ingress); got != want {
				t.Errorf("%s: absent %v, want %v", when, got, want)
			}
		})
	}
	check("not heard of", false)
	say(absent)
	check("the agent says so", true)
	if got := m.TakeDirty(); len(got) != 1 || got[0].Ref != (Ref{Kind: kinds.Ingress}) {
		t.Errorf("dirty %v, want the kind", got)
	}
	say(akohubv1.KindState_AVAILABILITY_FORBIDDEN)
	check("forbidden", false)
	say(absent)
	m.Disconnected()
	check("disconnected", false)
	rec := ingress("a", "x", "1", "h")
	mustApply(t, m, rec)
	say(absent)
	check("there are objects", false)
	mustApply(t, m, tombstone(rec))
	check("the last object is gone", true)
}

func TestViewFindsAndSorts(t *testing.T) {
	m := New("a")
	mustApply(t, m,
		ingress("b", "x", "1", "h", "one.example", "two.example", "one.example"),
		ingress("a", "z", "2", "h", "one.example"),
		ingress("a", "y", "3", "h", ""),
		&akohubv1.Record{Kind: kinds.Pod, Namespace: "a", Name: "p1", Uid: "4", ContentHash: []byte("h"), Body: &akohubv1.Record_Pod{
			Pod: &akohubv1.Pod{Meta: &akohubv1.Meta{Labels: map[string]string{"app": "w", "v": "1"}}}}},
		&akohubv1.Record{Kind: kinds.Pod, Namespace: "a", Name: "p2", Uid: "5", ContentHash: []byte("h"), Body: &akohubv1.Record_Pod{
			Pod: &akohubv1.Pod{Meta: &akohubv1.Meta{Labels: map[string]string{"app": "w", "v": "2"}}}}},
		&akohubv1.Record{Kind: kinds.EndpointSlice, Namespace: "a", Name: "s2", Uid: "6", ContentHash: []byte("h"), Body: &akohubv1.Record_EndpointSlice{
			EndpointSlice: &akohubv1.EndpointSlice{ServiceName: "web"}}},
		&akohubv1.Record{Kind: kinds.EndpointSlice, Namespace: "a", Name: "s1", Uid: "7", ContentHash: []byte("h"), Body: &akohubv1.Record_EndpointSlice{
			EndpointSlice: &akohubv1.EndpointSlice{ServiceName: "web"}}},
		&akohubv1.Record{Kind: "hostrules.ako.vmware.com", Namespace: "a", Name: "hr", Uid: "8", ContentHash: []byte("h"), Body: &akohubv1.Record_CustomResource{
			CustomResource: &akohubv1.CustomResource{Kind: "HostRule"}}},
		&akohubv1.Record{Kind: "future.example", Namespace: "a", Name: "f", Uid: "9", ContentHash: []byte("h")},
	)
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	m.Read(func(v View) {
		check("all", names(v.Ingresses()), "a/y a/z b/x")
		check("one", names(v.IngressesOfHost("one.example")), "a/z b/x")
		check("no host", names(v.IngressesOfHost("")), "a/y")
		check("slices", names(v.EndpointSlices("a", "web")), "a/s1 a/s2")
		check("pods", names(v.PodsOf("a", map[string]string{"app": "w"})), "a/p1 a/p2")
		check("pods v2", names(v.PodsOf("a", map[string]string{"app": "w", "v": "2"})), "a/p2")
		check("customs", names(v.Customs("hostrules.ako.vmware.com")), "a/hr")
		check("key only", names(v.Customs("future.example")), "")
		check("typed kind", names(v.Customs(kinds.Ingress)), "")
		if _, ok := v.Custom(Ref{Kind: "future.example", Namespace: "a", Name: "f"}); ok {
			t.Error("an object without known body is shown")
		}
		if o, ok := v.Ingress("b", "x"); !ok || o.UID != "1" || o.Ref.Kind != kinds.Ingress {
			t.Errorf("Ingress(b, x) = %+v, %v", o, ok)
		}
	})

	mustApply(t, m, ingress("b", "x", "1", "h2", "two.example"), tombstone(ingress("a", "y", "3", "")), ingress("a", "w", "10", "h", "two.example"))
	m.Read(func(v View) {
		check("all later", names(v.Ingresses()), "a/w a/z b/x")
		check("one later", names(v.IngressesOfHost("one.example")), "a/z")
		check("two later", names(v.IngressesOfHost("two.example")), "a/w b/x")
		check("no host later", names(v.IngressesOfHost("")), "")
	})
	if got := len(m.ingressByHost.lists); got != 2 {
		t.Errorf("the host index keeps %d hosts, want 2", got)
	}
	if got := m.Summary(); got.Objects != 9-1+1 || got.Synced() != 0 {
		t.Errorf("summary: %+v", got)
	}
}

func TestDirtyTellsStatusFromBody(t *testing.T) {
	const own = "ako.vmware.com/host-fqdn-vs-uuid-map"
	tenant := "ako.vmware.com/tenant-name"
	ing := func(edit func(*akohubv1.Ingress)) *akohubv1.Record {
		r := ingress("a", "x", "1", "", "h.example")
		r.GetIngress().Meta.Annotations = map[string]string{"ako.vmware.com/enable-tls": "true", own: "{}"}
		r.GetIngress().Status = []*akohubv1.LoadBalancerIngress{{Ip: "10.0.0.1"}}
		edit(r.GetIngress())
		return r
	}
	svc := func(edit func(*akohubv1.Service)) *akohubv1.Record {
		b := &akohubv1.Service{Meta: &akohubv1.Meta{}, Type: "LoadBalancer"}
		edit(b)
		return &akohubv1.Record{Kind: kinds.Service, Namespace: "a", Name: "x", Uid: "1", Body: &akohubv1.Record_Service{Service: b}}
	}
	nsp := func(tenantName string) *akohubv1.Record {
		b := &akohubv1.Namespace{Meta: &akohubv1.Meta{Annotations: map[string]string{tenant: tenantName}}}
		return &akohubv1.Record{Kind: kinds.Namespace, Name: "x", Uid: "1", Body: &akohubv1.Record_NamespaceObject{NamespaceObject: b}}
	}
	noIng, noSvc := func(*akohubv1.Ingress) {}, func(*akohubv1.Service) {}
	for _, tc := range []struct {
		name         string
		before, cur  *akohubv1.Record
		body, status bool
	}{
		{"nothing but the hash", ing(noIng), ing(noIng), false, false},
		{"status", ing(noIng), ing(func(i *akohubv1.Ingress) { i.Status[0].Ip = "10.0.0.2" }), false, true},
		{"status cleared", ing(noIng), ing(func(i *akohubv1.Ingress) { i.Status = nil }), false, true},
		{"own annotation", ing(noIng), ing(func(i *akohubv1.Ingress) { i.Meta.Annotations[own] = "{1}" }), false, true},
		{"own annotation removed", ing(noIng), ing(func(i *akohubv1.Ingress) { delete(i.Meta.Annotations, own) }), false, true},
		{"own annotation first", ing(noIng), ing(func(i *akohubv1.Ingress) { i.Meta.Annotations[tenant] = "t" }), false, true},
		{"user's annotation", ing(noIng), ing(func(i *akohubv1.Ingress) { i.Meta.Annotations["ako.vmware.com/enable-tls"] = "no" }), true, false},
		{"no metadata", ing(noIng), ing(func(i *akohubv1.Ingress) { i.Meta = nil }), true, true},
		{"deleting", ing(noIng), ing(func(i *akohubv1.Ingress) { i.Meta.Deleting = true }), true, false},
		{"host", ing(noIng), ing(func(i *akohubv1.Ingress) { i.Rules[0].Host = "i.example" }), true, false},
		{"class", ing(noIng), ing(func(i *akohubv1.Ingress) { i.IngressClassName = new(string) }), true, false},
		{"host and status", ing(noIng), ing(func(i *akohubv1.Ingress) { i.Rules = nil; i.Status = nil }), true, true},
		{"service status", svc(noSvc), svc(func(s *akohubv1.Service) { s.Status = []*akohubv1.LoadBalancerIngress{{Ip: "10.0.0.2"}} }), false, true},
		{"service port", svc(noSvc), svc(func(s *akohubv1.Service) { s.Ports = []*akohubv1.ServicePort{{Port: 1}} }), true, false},
		{"namespace's tenant is an input", nsp("a"), nsp("b"), true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := New("a")
			tc.before.ContentHash, tc.cur.ContentHash = []byte("1"), []byte("2")
			mustApply(t, m, tc.before)
			m.TakeDirty()
			mustApply(t, m, tc.cur)
			var want []Change
			if tc.body || tc.status {
				want = []Change{{Ref: refOf(tc.cur), BodyChanged: tc.body, StatusChanged: tc.status}}
			}
			if diff := cmp.Diff(want, m.TakeDirty()); diff != "" {
				t.Errorf("dirty (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDirtyKeepsKeysNotEvents(t *testing.T) {
	m := New("a")
	x, y := Ref{kinds.Ingress, "a", "x"}, Ref{kinds.Ingress, "a", "y"}
	for i := range 100 {
		mustApply(t, m, ingress("a", "x", "1", fmt.Sprint("h", i), fmt.Sprint("h", i)))
	}
	mustApply(t, m, ingress("a", "y", "2", "h"), tombstone(ingress("a", "y", "2", "")))
	<-m.Changes()
	want := []Change{{Ref: x, BodyChanged: true}, {Ref: y, BodyChanged: true, Gone: true, Tombstone: true}}
	if diff := cmp.Diff(want, m.TakeDirty()); diff != "" {
		t.Errorf("dirty (-want +got):\n%s", diff)
	}

	// Repeats, tombstones of what is not there, and tombstones of an earlier
	// object of the name change nothing.
	mustApply(t, m, ingress("a", "x", "1", "h99", "h99"), tombstone(ingress("a", "y", "2", "")), tombstone(ingress("a", "x", "0", "")))
	if got := m.TakeDirty(); got != nil {
		t.Errorf("dirty after repeats: %+v", got)
	}
	select {
	case <-m.Changes():
		t.Error("signalled though nothing changed")
	default:
	}

	// Same name and content, another UID: another object.
	mustApply(t, m, ingress("a", "x", "7", "h99", "h99"))
	if diff := cmp.Diff([]Change{{Ref: x, BodyChanged: true}}, m.TakeDirty()); diff != "" {
		t.Errorf("dirty after another UID (-want +got):\n%s", diff)
	}
	m.Read(func(v View) {
		if o, _ := v.Ingress("a", "x"); o.UID != "7" {
			t.Errorf("UID %q", o.UID)
		}
	})
}

func TestDirtyAddsUp(t *testing.T) {
	m := New("a")
	mustApply(t, m, ingress("a", "x", "1", "h1", "one.example"))
	m.TakeDirty()
	withStatus := ingress("a", "x", "1", "h3", "two.example")
	withStatus.GetIngress().Status = []*akohubv1.LoadBalancerIngress{{Ip: "10.0.0.1"}}
	mustApply(t, m, ingress("a", "x", "1", "h2", "two.example"), withStatus)
	want := []Change{{Ref: refOf(withStatus), BodyChanged: true, StatusChanged: true}}
	if diff := cmp.Diff(want, m.TakeDirty()); diff != "" {
		t.Errorf("dirty (-want +got):\n%s", diff)
	}
	// Deleted by word, made again, and then missing at the end of a snapshot:
	// only the last counts.
	mustApply(t, m, tombstone(withStatus), ingress("a", "x", "2", "h", "one.example"))
	agent := digestOf()
	mustBegin(t, m, 1, agent)
	if _, err := m.EndSnapshot(kinds.Ingress, 1, 0, agent.Digest()); err != nil {
		t.Fatal(err)
	}
	want = []Change{{Ref: Ref{Kind: kinds.Ingress}}, {Ref: refOf(withStatus), BodyChanged: true, Gone: true}}
	if diff := cmp.Diff(want, m.TakeDirty()); diff != "" {
		t.Errorf("dirty (-want +got):\n%s", diff)
	}
}

func TestRefusedRecordsChangeNothing(t *testing.T) {
	good := ingress("a", "x", "1", "h", "h.example")
	edit := func(f func(*akohubv1.Record)) *akohubv1.Record {
		r := ingress("a", "y", "2", "h")
		f(r)
		return r
	}
	for _, tc := range []struct {
		name string
		rec  *akohubv1.Record
		err  error
		says string
	}{
		{"no kind", edit(func(r *akohubv1.Record) { r.Kind = "" }), ErrInvalid, "kind is empty"},
		{"long kind", edit(func(r *akohubv1.Record) { r.Kind = strings.Repeat("k", 600) }), ErrInvalid, "600 bytes"},
		{"no name", edit(func(r *akohubv1.Record) { r.Name = "" }), ErrInvalid, "name is empty"},
		{"long name", edit(func(r *akohubv1.Record) { r.Name = strings.Repeat("n", 254) }), ErrInvalid, "254 bytes, more than 253"},
		{"long namespace", edit(func(r *akohubv1.Record) { r.Namespace = strings.Repeat("n", 64) }), ErrInvalid, "64 bytes, more than 63"},
		{"not UTF-8", edit(func(r *akohubv1.Record) { r.Name = "a\xff" }), ErrInvalid, "UTF-8"},
		{"slash", edit(func(r *akohubv1.Record) { r.Name = "a/b" }), ErrInvalid, "slash"},
		{"no namespace", edit(func(r *akohubv1.Record) { r.Namespace = "" }), ErrInvalid, "namespace is empty"},
		{"needless namespace", &akohubv1.Record{Kind: kinds.Node, Namespace: "a", Name: "n", ContentHash: []byte("h"), Body: &akohubv1.Record_Node{Node: &akohubv1.Node{}}}, ErrInvalid, "no namespaces"},
		{"no hash", edit(func(r *akohubv1.Record) { r.ContentHash = nil }), ErrInvalid, "hash is empty"},
		{"no body", edit(func(r *akohubv1.Record) { r.Body = nil }), ErrInvalid, "body is missing"},
		{"nil body", edit(func(r *akohubv1.Record) { r.Body = &akohubv1.Record_Ingress{} }), ErrInvalid, "body is missing"},
		{"other body", edit(func(r *akohubv1.Record) { r.Body = &akohubv1.Record_Service{Service: &akohubv1.Service{}} }), ErrInvalid, "type Service"},
		{"typed body of a custom kind", edit(func(r *akohubv1.Record) { r.Kind = "foos.example" }), ErrInvalid, "type Ingress"},
		{"tombstone with body", edit(func(r *akohubv1.Record) { r.Deleted = true }), ErrInvalid, "tombstone with a body"},
		{"no such snapshot", edit(func(r *akohubv1.Record) { r.Snapshot = 4 }), ErrSnapshot, "snapshot 4"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := New("a")
			mustApply(t, m, good)
			m.TakeDirty()
			before := m.kinds[kinds.Ingress].digest.Digest()
			err := m.ApplyAll([]*akohubv1.Record{ingress("a", "w", "3", "h"), tc.rec})
			if !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("error %v, want %v with %q", err, tc.err, tc.says)
			}
			if got := m.kinds[kinds.Ingress].digest.Digest(); got != before {
				t.Error("a part of the refused batch is in the mirror")
			}
			if got := m.TakeDirty(); got != nil {
				t.Errorf("dirty: %+v", got)
			}
		})
	}
}

func TestKindsAreBounded(t *testing.T) {
	m := New("a")
	var err error
	for i := 0; err == nil && i < 2*maxKinds; i++ {
		err = m.SetKindState(fmt.Sprintf("k%d.example", i), akohubv1.KindState_AVAILABILITY_WATCHED, "")
	}
	if !errors.Is(err, ErrInvalid) || len(m.kinds) != maxKinds {
		t.Errorf("%d kinds, error %v", len(m.kinds), err)
	}
}
