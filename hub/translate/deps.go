package translate

import (
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// deps is a view that remembers what was asked of it: the translation of a
// unit looks at the mirror only through it, so that Fragment.Deps is complete
// by construction. Objects that were looked for and are missing count too:
// their appearing changes the answer.
//
// Lists that an index answers (IngressesOfHost, RoutesOfHost) note the objects
// that were found; a new object says itself, by UnitsOf, which units it joins.
// Lists of a whole kind note the kind.
type deps struct {
	v    mirror.View
	seen map[mirror.Ref]struct{}
}

func newDeps(v mirror.View) *deps {
	return &deps{v: v, seen: make(map[mirror.Ref]struct{}, 16)}
}

func (d *deps) note(r mirror.Ref) { d.seen[r] = struct{}{} }

// refs returns all that was consulted, sorted, without doubles.
func (d *deps) refs() []mirror.Ref {
	out := make([]mirror.Ref, 0, len(d.seen))
	for r := range d.seen {
		out = append(out, r)
	}
	return sortRefs(out)
}

// compareRefs orders references by kind, namespace and name.
func compareRefs(a, b mirror.Ref) int {
	if c := strings.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// sortRefs sorts references in place and drops doubles.
func sortRefs(refs []mirror.Ref) []mirror.Ref {
	slices.SortFunc(refs, compareRefs)
	return slices.Compact(refs)
}

func noteAll[T any](d *deps, os []mirror.Object[T]) []mirror.Object[T] {
	for i := range os {
		d.note(os[i].Ref)
	}
	return os
}

func (d *deps) Ingress(namespace, name string) (mirror.Object[*akohubv1.Ingress], bool) {
	d.note(mirror.Ref{Kind: kinds.Ingress, Namespace: namespace, Name: name})
	return d.v.Ingress(namespace, name)
}

func (d *deps) Ingresses() []mirror.Object[*akohubv1.Ingress] {
	d.note(mirror.Ref{Kind: kinds.Ingress})
	return d.v.Ingresses()
}

func (d *deps) IngressesOfHost(host string) []mirror.Object[*akohubv1.Ingress] {
	return noteAll(d, d.v.IngressesOfHost(host))
}

func (d *deps) IngressClass(name string) (mirror.Object[*akohubv1.IngressClass], bool) {
	d.note(mirror.Ref{Kind: kinds.IngressClass, Name: name})
	return d.v.IngressClass(name)
}

func (d *deps) IngressClasses() []mirror.Object[*akohubv1.IngressClass] {
	d.note(mirror.Ref{Kind: kinds.IngressClass})
	return d.v.IngressClasses()
}

func (d *deps) Service(namespace, name string) (mirror.Object[*akohubv1.Service], bool) {
	d.note(mirror.Ref{Kind: kinds.Service, Namespace: namespace, Name: name})
	return d.v.Service(namespace, name)
}

func (d *deps) Services() []mirror.Object[*akohubv1.Service] {
	d.note(mirror.Ref{Kind: kinds.Service})
	return d.v.Services()
}

func (d *deps) EndpointSlice(namespace, name string) (mirror.Object[*akohubv1.EndpointSlice], bool) {
	d.note(mirror.Ref{Kind: kinds.EndpointSlice, Namespace: namespace, Name: name})
	return d.v.EndpointSlice(namespace, name)
}

// EndpointSlices notes the Service as well as the slices: a slice that appears
// later is told by its Service.
func (d *deps) EndpointSlices(namespace, service string) []mirror.Object[*akohubv1.EndpointSlice] {
	d.note(mirror.Ref{Kind: kinds.Service, Namespace: namespace, Name: service})
	return noteAll(d, d.v.EndpointSlices(namespace, service))
}

func (d *deps) Secret(namespace, name string) (mirror.Object[*akohubv1.Secret], bool) {
	d.note(mirror.Ref{Kind: kinds.Secret, Namespace: namespace, Name: name})
	return d.v.Secret(namespace, name)
}

func (d *deps) Namespace(name string) (mirror.Object[*akohubv1.Namespace], bool) {
	d.note(mirror.Ref{Kind: kinds.Namespace, Name: name})
	return d.v.Namespace(name)
}

func (d *deps) Node(name string) (mirror.Object[*akohubv1.Node], bool) {
	d.note(mirror.Ref{Kind: kinds.Node, Name: name})
	return d.v.Node(name)
}

// Namespaces notes the whole kind.
func (d *deps) Namespaces() []mirror.Object[*akohubv1.Namespace] {
	d.note(mirror.Ref{Kind: kinds.Namespace})
	return d.v.Namespaces()
}

func (d *deps) Nodes() []mirror.Object[*akohubv1.Node] {
	d.note(mirror.Ref{Kind: kinds.Node})
	return d.v.Nodes()
}

// PodsOf notes the kind of Pods in the namespace: any Pod may come to match.
func (d *deps) PodsOf(namespace string, selector map[string]string) []mirror.Object[*akohubv1.Pod] {
	d.note(mirror.Ref{Kind: kinds.Pod, Namespace: namespace})
	return d.v.PodsOf(namespace, selector)
}

func (d *deps) Route(namespace, name string) (mirror.Object[*akohubv1.Route], bool) {
	d.note(mirror.Ref{Kind: kinds.Route, Namespace: namespace, Name: name})
	return d.v.Route(namespace, name)
}

func (d *deps) Routes() []mirror.Object[*akohubv1.Route] {
	d.note(mirror.Ref{Kind: kinds.Route})
	return d.v.Routes()
}

func (d *deps) RoutesOfSubdomain(subdomain string) []mirror.Object[*akohubv1.Route] {
	return noteAll(d, d.v.RoutesOfSubdomain(subdomain))
}

func (d *deps) RoutesOfHost(host string) []mirror.Object[*akohubv1.Route] {
	return noteAll(d, d.v.RoutesOfHost(host))
}

func (d *deps) Custom(ref mirror.Ref) (mirror.Object[*akohubv1.CustomResource], bool) {
	d.note(ref)
	return d.v.Custom(ref)
}

func (d *deps) Customs(kind string) []mirror.Object[*akohubv1.CustomResource] {
	d.note(mirror.Ref{Kind: kind})
	return d.v.Customs(kind)
}

// Synced notes the kind: its completeness changes the answer.
func (d *deps) Synced(kind string) bool {
	d.note(mirror.Ref{Kind: kind})
	return d.v.Synced(kind)
}

// Absent notes the kind, as Synced does.
func (d *deps) Absent(kind string) bool {
	d.note(mirror.Ref{Kind: kind})
	return d.v.Absent(kind)
}
