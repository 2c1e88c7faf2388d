package translate

import (
	"slices"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
)

// tenantAnnotation on a Namespace names the Avi tenant of its objects.
const tenantAnnotation = "ako.vmware.com/tenant-name"

// namespaceTenant returns the Avi tenant that the objects of a namespace go to:
// the namespace's annotation, else the cluster's tenant (l4-infra.md §3.1).
func namespaceTenant(v mirror.View, s *Settings, namespace string) string {
	if ns, ok := v.Namespace(namespace); ok {
		if t := ns.Body.GetMeta().GetAnnotations()[tenantAnnotation]; t != "" {
			return t
		}
	}
	return s.Tenant
}

// NamespaceTenants returns the Avi tenants that served namespaces ask for by
// their annotation.
func NamespaceTenants(v mirror.View, s *Settings) map[string]struct{} {
	out := map[string]struct{}{}
	for _, ns := range v.Namespaces() {
		t := ns.Body.GetMeta().GetAnnotations()[tenantAnnotation]
		if t != "" && namespaceAccepted(v, s, ns.Ref.Name) {
			out[t] = struct{}{}
		}
	}
	return out
}

// namespaceAccepted says whether the objects of a namespace are served: it is
// not blocked and carries the selector's label (l4-infra.md §2.19).
//
// A namespace that isn't known, though all are, is about to be: its objects came
// first. Nothing is made for them before its annotations say in which tenant
// (§3.1, where AKO takes the cluster's until it knows better).
func namespaceAccepted(v mirror.View, s *Settings, namespace string) bool {
	if slices.Contains(s.BlockedNamespaces, namespace) {
		return false
	}
	sel := s.NamespaceSelector
	any := sel.Key == "" || sel.Value == ""
	ns, ok := v.Namespace(namespace)
	if !ok {
		return any && !v.Synced(kinds.Namespace)
	}
	return any || ns.Body.GetMeta().GetLabels()[sel.Key] == sel.Value
}

// Accepts says whether the objects of a namespace are served with these settings.
func Accepts(v mirror.View, s *Settings, namespace string) bool {
	return namespaceAccepted(v, s, namespace)
}
