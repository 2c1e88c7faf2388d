package translate

import (
	"strconv"
	"strings"
)

// RetainedParent says whether an object of the cluster that the controller holds
// is a shared virtual service of the present sharding, and which. Such a parent
// is kept, empty, when no host is left on it: its VIP is what DNS and firewalls
// know (l7.md §23.5).
func RetainedParent(s *Settings, k Key) (ParentKey, bool) {
	if k.Type != typeVirtualService {
		return ParentKey{}, false
	}
	if !retained(s, k.Name) {
		return ParentKey{}, false
	}
	return ParentKey{Tenant: k.Tenant, Name: k.Name}, true
}

// RetainedRedirect says whether an object of the cluster that the controller
// holds is the virtual service that redirects beside such a parent, and which.
func RetainedRedirect(s *Settings, k Key) (ParentKey, bool) {
	name, ok := strings.CutSuffix(k.Name, insecureSuffix)
	if !ok || k.Type != typeVirtualService || !strings.HasPrefix(name, passthroughPrefix(s)) || !retained(s, name) {
		return ParentKey{}, false
	}
	return ParentKey{Tenant: k.Tenant, Name: name}, true
}

func retained(s *Settings, name string) bool {
	if number, ok := strings.CutPrefix(name, passthroughPrefix(s)); ok {
		// One virtual service a host (size 0) takes the whole hash as number.
		return isNumberBelow(number, uint64(uint32(s.PassthroughShardSize-1))+1)
	}
	rest, ok := strings.CutPrefix(name, sharedPrefix(s))
	if !ok {
		return false
	}
	if s.VIPPerNamespace {
		namespace, ok := strings.CutPrefix(rest, namespacePrefix)
		return ok && namespace != ""
	}
	return isNumberBelow(rest, uint64(s.ShardSize))
}

// isNumberBelow says whether text is a number as names have it, below a limit.
func isNumberBelow(text string, limit uint64) bool {
	n, err := strconv.ParseUint(text, 10, 64)
	return err == nil && n < limit && strconv.FormatUint(n, 10) == text
}
