package reconcile

import (
	"fmt"
	"strings"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// AKOs whose users see one tenant each may well have the same cluster name. What
// a search finds in a tenant that no namespace and no registration has named is
// the cluster's own only if something in it has come to a tenant that a
// namespace names, if it serves nothing, or if a person says so. Until then it stays as it is, and
// holds up nothing else.

// acquaint takes the tenants for known that something leads to after all.
func (w *worker) acquaint() {
	for t := range w.strange {
		if w.belongs(t) || w.leftBehind(t) {
			delete(w.strange, t)
		}
	}
}

// leftBehind says that a namespace took something of what a tenant holds along to
// another one, or that nothing is served in it: what holds no pool is what hosts
// shared that have gone.
func (w *worker) leftBehind(tenant string) bool {
	if !w.loaded[tenant] {
		return false
	}
	empty := true
	for k := range w.observed {
		if k.Tenant == tenant && k.Type == typePool {
			if w.wantedElsewhere(k) {
				return true
			}
			empty = false
		}
	}
	return empty
}

// isStrange says of an object that it is not known to be this cluster's.
func (w *worker) isStrange(k plan.Key) bool {
	_, ok := w.strange[k.Tenant]
	return ok && desired.Own(k.Type)
}

// strangers returns what waits for a person's word, and what to say of it.
func (w *worker) strangers(reg *v1alpha1.Cluster, approved map[plan.Key]struct{}) (keys map[plan.Key]struct{}, text string) {
	if len(w.strange) == 0 || !writes(reg.Spec.Mode) {
		return nil, ""
	}
	held := map[string]struct{}{}
	for k := range w.observed {
		_, wanted := w.model.graph.Get(k)
		if _, goes := approved[k]; !wanted && !goes && w.isStrange(k) {
			keys = set(keys, k, struct{}{})
			held[k.Tenant] = struct{}{}
		}
	}
	if len(keys) == 0 {
		return nil, ""
	}
	return keys, fmt.Sprintf("%d objects with the cluster's name are in tenants that no namespace and no registration has named (%q); "+
		"they may be another cluster's of that name and are left alone, approval deletes them", len(keys), strings.Join(sortedKeys(held), ", "))
}
