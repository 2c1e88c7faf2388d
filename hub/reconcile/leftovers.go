package reconcile

import (
	"context"
	"time"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// searchEvery is about how often a worker looks in all tenants for objects of
// its cluster. The first time, and after another registration, it looks at once:
// a namespace may have changed its tenant while no hub ran.
const searchEvery = time.Hour

// search looks for tenants that hold objects of the cluster's though nothing
// that is known leads there, so that what is left in them is read, and deleted
// once what replaces it stands. It needs a user that sees several tenants; where
// it can't be done, or fails, all else goes on.
func (w *worker) search(ctx context.Context, reg *v1alpha1.Cluster) {
	now := w.now()
	if !w.complete || now.Before(w.searchAt) {
		// Before everything is known nothing could be deleted.
		return
	}
	w.searchAt = now.Add(jittered(searchEvery))
	if reg.Spec.Tenant.Dedicated {
		w.blindTo("the registration's tenant is dedicated", nil)
		return
	}
	found, err := w.tenantsHeld(ctx)
	switch {
	case avi.IsForbidden(err):
		w.blindTo("the controller's user may not ask in all tenants at once", err)
		return
	case err != nil:
		w.log.Debug("looking for objects of the cluster in all tenants failed", "error", err)
		w.searchAt = now.Add(jittered(refreshEvery))
		return
	}
	w.blind = false
	for _, t := range found {
		if !w.loaded[t] {
			w.log.Info("a tenant that nothing leads to holds objects of the cluster", "tenant", t)
			if _, known := w.former[t]; !known {
				w.strange[t] = struct{}{}
			}
			w.former[t] = struct{}{}
		}
	}
	d := newDelta()
	w.model.leave(w.belongs, d)
	w.takeDelta(d, true)
}

// tenantsHeld asks where objects of the cluster's are: together with the other
// clusters of the controller or, where somebody has just changed something and
// waits for what comes of it, for itself.
func (w *worker) tenantsHeld(ctx context.Context) ([]string, error) {
	s, alone := &w.model.settings, w.searchAlone
	w.searchAlone = false
	if alone || w.shared == nil {
		return w.ctl.TenantsOf(ctx, s.ClusterName, s.CreatedBy())
	}
	return w.ctl.TenantsOfMany(ctx, w.shared, w.claims.clusters(w.cluster), s.ClusterName, s.CreatedBy())
}

// blindTo says, once, that objects that are left in tenants which namespaces
// named earlier are not looked for.
func (w *worker) blindTo(reason string, err error) {
	if w.blind {
		return
	}
	w.blind = true
	args := []any{"reason", reason}
	if err != nil {
		args = append(args, "error", err)
	}
	w.log.Info("what may be left of the cluster in tenants that its namespaces named before the hub started is not looked for", args...)
}

// belongs says that a tenant is the cluster's, or one that a namespace asks for.
func (w *worker) belongs(tenant string) bool {
	_, asked := w.asked[tenant]
	return asked || tenant == w.model.settings.Tenant
}

// leave forgets the shared parents without any host in tenants that the cluster
// has left: nothing will come to them, so their VIPs need not be kept.
func (m *model) leave(belongs func(tenant string) bool, d *delta) {
	for p, us := range m.parents {
		if len(us) > 0 || belongs(p.Tenant) {
			continue
		}
		delete(m.parents, p)
		m.offer(parentOwner(p), nil, nil, 0, d)
	}
}

// movedAlong says of a virtual service that nobody wants that its namespace took
// it along to another tenant, by the namespace's own word: that is no deletion
// for the brake to stop. (That all move to the cluster's tenant may also be since
// the registration names another one. That is.)
func (w *worker) movedAlong(k plan.Key) bool {
	if _, shared := translate.RetainedParent(&w.model.settings, k); !shared {
		return w.wantedElsewhere(k)
	}
	// Each tenant has a parent of that name. What it serves tells.
	if w.belongs(k.Tenant) {
		return false
	}
	for held := range w.observed {
		if held.Tenant == k.Tenant && held.Type == typePool && !w.wantedElsewhere(held) {
			return false
		}
	}
	return true
}

func (w *worker) wantedElsewhere(k plan.Key) bool {
	for t := range w.asked {
		if t == k.Tenant || t == w.model.settings.Tenant {
			continue
		}
		if _, ok := w.model.graph.Get(plan.Key{Tenant: t, Type: k.Type, Name: k.Name}); ok {
			return true
		}
	}
	return false
}

// keepSight keeps the tenants in sight that hold objects of the cluster's,
// whether or not any are wanted there still.
func (w *worker) keepSight() {
	for k := range w.observed {
		if desired.Own(k.Type) && k.Tenant != w.model.settings.Tenant {
			w.former[k.Tenant] = struct{}{}
		}
	}
}

// keepKnown takes what is known of a tenant that can't be read now into a fresh
// inventory: what can't be seen is not gone. It says whether there is anything.
func (w *worker) keepKnown(tenant string, into map[plan.Key]*plan.Observed) bool {
	found := false
	for k, o := range w.observed {
		if k.Tenant == tenant && desired.Own(k.Type) {
			into[k], found = o, true
		}
	}
	return found
}
