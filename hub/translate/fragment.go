package translate

import (
	"cmp"
	"slices"
	"strings"
)

// Avi types, as the API's path segments.
const (
	typeVirtualService = "virtualservice"
	typeVsVip          = "vsvip"
	typePool           = "pool"
	typePoolGroup      = "poolgroup"
	typeHTTPPolicySet  = "httppolicyset"
	typeDataScriptSet  = "vsdatascriptset"
	typeCertificate    = "sslkeyandcertificate"
	typePKIProfile     = "pkiprofile"
)

func compareKeys(a, b Key) int {
	return cmp.Or(
		strings.Compare(a.Tenant, b.Tenant),
		strings.Compare(a.Type, b.Type),
		strings.Compare(a.Name, b.Name),
	)
}

// sortObjects sorts objects in place by key.
func sortObjects(os []Object) {
	slices.SortFunc(os, func(a, b Object) int { return compareKeys(a.Key, b.Key) })
}

// sort puts the lists of a fragment into their order.
func (f *Fragment) sort() {
	sortObjects(f.Objects)
	slices.SortFunc(f.Contributions, func(a, b Contribution) int {
		return cmp.Or(strings.Compare(a.Parent.Tenant, b.Parent.Tenant), strings.Compare(a.Parent.Name, b.Parent.Name))
	})
	slices.SortFunc(f.Publications, func(a, b Publication) int {
		return cmp.Or(
			compareRefs(a.Object, b.Object),
			strings.Compare(a.Host, b.Host),
			compareKeys(a.VirtualService, b.VirtualService),
		)
	})
	f.Problems = sortProblems(f.Problems)
}

// Unserved says that the unit asks for something that translation does not have
// yet (an AviInfraSetting). What an AKO made for it may be on the controller
// under names that translation does not know.
func (f *Fragment) Unserved() bool {
	return slices.ContainsFunc(f.Problems, func(p Problem) bool { return p.Reason == reasonUnsupportedMode })
}
