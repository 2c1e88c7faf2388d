package translate

import (
	"cmp"
	"slices"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// source is a Kubernetes object that asks for hosts: an Ingress (ingress.go) or
// a Route (route.go). A cluster has the one kind or the other.
type source interface {
	// from is the object's name and metadata.
	from() origin
	// hosts are those that it asks for, sorted, without doubles.
	hosts(s *Settings) []string
	// ours says whether the object is given to us, as far as that is a matter
	// of its kind.
	ours(d *deps) bool
	// admit is ours for one to be served: its owner is told why not.
	admit(b *hostBuilder) bool
	// claim reads what it wants of the builder's host; nil: nothing that can be
	// served, and the fragment's problems say why.
	claim(b *hostBuilder) *claim
}

// origin is a Kubernetes object as far as its kind doesn't matter.
type origin struct {
	ref  mirror.Ref
	uid  string
	meta *akohubv1.Meta
}

// name is the object as "namespace/name".
func (o origin) name() string { return o.ref.Namespace + "/" + o.ref.Name }

// kind is its kind as people write it.
func (o origin) kind() string {
	if o.isRoute() {
		return "Route"
	}
	return "Ingress"
}

// isRoute says whether it is a Route.
func (o origin) isRoute() bool { return o.ref.Kind == kinds.Route }

// title is the object as people call it.
func (o origin) title() string { return o.kind() + " " + o.name() }

// byAge orders objects: the oldest first, and of those of the same second by
// name.
func byAge(a, b origin) int {
	return cmp.Or(
		cmp.Compare(a.meta.GetCreationSeconds(), b.meta.GetCreationSeconds()),
		compareRefs(a.ref, b.ref),
	)
}

// HasRoutes says whether a cluster serves OpenShift's Routes instead of
// Ingresses: if and only if its API server has that kind (l7.md §1.4). It is
// not known as long as the kind is neither complete nor known to be absent, as
// when the agent may not list it; nothing can be said about hosts then.
func HasRoutes(v mirror.View) (has, known bool) {
	if v.Synced(kinds.Route) {
		return true, true
	}
	return false, v.Absent(kinds.Route)
}

// sourcesOf returns the objects that ask for a host, the oldest first.
func sourcesOf(d *deps, s *Settings, host string) []source {
	var out []source
	if s.OpenShift {
		out = routesOfHost(d, s, host)
	} else {
		out = ingressesOfHost(d, s, host)
	}
	slices.SortFunc(out, func(a, b source) int { return byAge(a.from(), b.from()) })
	return out
}

// sourceOf returns the object of a name, if it is of the kind that the cluster
// asks for hosts with.
func sourceOf(v mirror.View, s *Settings, ref mirror.Ref) (source, bool) {
	switch {
	case ref.Kind == kinds.Ingress && !s.OpenShift:
		ing, ok := v.Ingress(ref.Namespace, ref.Name)
		return ingressSource{ing}, ok
	case ref.Kind == kinds.Route && s.OpenShift:
		route, ok := v.Route(ref.Namespace, ref.Name)
		return routeSource{route}, ok
	}
	return nil, false
}

// allSources returns all objects that ask for hosts.
func allSources(v mirror.View, s *Settings) []source {
	var out []source
	if s.OpenShift {
		for _, route := range v.Routes() {
			out = append(out, routeSource{route})
		}
		return out
	}
	for _, ing := range v.Ingresses() {
		out = append(out, ingressSource{ing})
	}
	return out
}

// stays says whether an object is not on its way out and its namespace is
// admitted.
func stays(d *deps, s *Settings, o origin) bool {
	return !o.meta.GetDeleting() && namespaceAccepted(d, s, o.ref.Namespace)
}

// serves says whether an object is ours to serve.
func serves(d *deps, s *Settings, src source) bool {
	return stays(d, s, src.from()) && src.ours(d)
}

// accept is serves for an object to be served: its owner is told why not.
func (b *hostBuilder) accept(src source) bool {
	return stays(b.d, b.s, src.from()) && src.admit(b)
}
