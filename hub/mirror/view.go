package mirror

import akohubv1 "github.com/akohub/akohub/proto/akohub/v1"

// Ref names a Kubernetes object of one cluster. It is comparable.
type Ref struct {
	// Kind is a value of pkg/kinds, or another RESOURCE.GROUP.
	Kind string
	// Namespace is empty for cluster-scoped kinds.
	Namespace string
	Name      string
}

// Object is the mirror's entry for a Kubernetes object: its key, UID and the
// typed body as it came over the wire. The body is shared and must not be
// changed; records replace entries, they never edit them.
type Object[T any] struct {
	Ref  Ref
	UID  string
	Body T
}

// View is a consistent, read-only sight of one cluster's mirror. It is valid
// only inside the call that lent it (see Mirror.Read). Lists are sorted by
// namespace, then name.
type View interface {
	Ingress(namespace, name string) (Object[*akohubv1.Ingress], bool)
	Ingresses() []Object[*akohubv1.Ingress]
	// IngressesOfHost returns the Ingresses that have a rule whose host is
	// literally this one ("" finds rules without host).
	IngressesOfHost(host string) []Object[*akohubv1.Ingress]

	IngressClass(name string) (Object[*akohubv1.IngressClass], bool)
	IngressClasses() []Object[*akohubv1.IngressClass]

	Service(namespace, name string) (Object[*akohubv1.Service], bool)
	Services() []Object[*akohubv1.Service]

	EndpointSlice(namespace, name string) (Object[*akohubv1.EndpointSlice], bool)
	// EndpointSlices returns the slices of a Service, sorted by name.
	EndpointSlices(namespace, service string) []Object[*akohubv1.EndpointSlice]

	Secret(namespace, name string) (Object[*akohubv1.Secret], bool)
	Namespace(name string) (Object[*akohubv1.Namespace], bool)
	Namespaces() []Object[*akohubv1.Namespace]
	Node(name string) (Object[*akohubv1.Node], bool)
	Nodes() []Object[*akohubv1.Node]
	// PodsOf returns the Pods of a namespace that carry all these labels.
	PodsOf(namespace string, selector map[string]string) []Object[*akohubv1.Pod]
	Route(namespace, name string) (Object[*akohubv1.Route], bool)
	Routes() []Object[*akohubv1.Route]
	// RoutesOfHost returns the Routes whose host is literally this one ("" finds
	// those without host).
	RoutesOfHost(host string) []Object[*akohubv1.Route]
	// RoutesOfSubdomain returns the Routes that name no host and ask for this
	// sub-domain of the cluster's domain; a final dot of theirs does not count.
	RoutesOfSubdomain(subdomain string) []Object[*akohubv1.Route]

	// Custom returns an object of a kind without a typed message.
	Custom(ref Ref) (Object[*akohubv1.CustomResource], bool)
	Customs(kind string) []Object[*akohubv1.CustomResource]

	// Synced says whether a kind is complete: its snapshot has ended on the
	// live stream, so that an absent object is really absent.
	Synced(kind string) bool
	// Absent says whether the API server is known not to serve a kind: the agent
	// says so on the live stream, and no object of the kind is known.
	Absent(kind string) bool
}
