// Package kinds names the Kubernetes resources that have a typed message on
// the wire, in the form that records, snapshots and write-backs carry:
// RESOURCE for the core group, RESOURCE.GROUP for others.
//
// It holds names only; both the agent and the hub import it.
package kinds

// Kinds with a typed message in proto/akohub/v1/objects.proto.
const (
	Ingress       = "ingresses.networking.k8s.io"
	IngressClass  = "ingressclasses.networking.k8s.io"
	Route         = "routes.route.openshift.io"
	Service       = "services"
	EndpointSlice = "endpointslices.discovery.k8s.io"
	Node          = "nodes"
	Namespace     = "namespaces"
	Secret        = "secrets"
	Pod           = "pods"
)

// Of returns the form used on the wire of an API group ("" for core) and a
// plural resource name.
func Of(group, resource string) string {
	if group == "" {
		return resource
	}
	return resource + "." + group
}
