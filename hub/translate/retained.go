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
	number, ok := strings.CutPrefix(k.Name, s.namePrefix()+"Shared-L7-")
	if !ok {
		return ParentKey{}, false
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= s.ShardSize || strconv.Itoa(n) != number {
		return ParentKey{}, false
	}
	return ParentKey{Tenant: k.Tenant, Name: k.Name}, true
}
