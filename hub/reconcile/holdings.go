package reconcile

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/settings"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// holdings is what a worker knows of its controller.
type holdings struct {
	// observed is what the controller holds of the cluster's, in the tenants
	// that are loaded.
	observed map[plan.Key]*plan.Observed
	loaded   map[string]bool
	// referrals is made of observed when it is needed; nil: to be made anew.
	referrals *referrals
	// stale says why the facts are older than they should be.
	stale failure
	// reload asks for everything to be read again. What was read before stays
	// until all of it has been.
	reload bool
	// absent are tenants other than the cluster's own that objects are wanted
	// in but that are not there.
	absent map[string]*failure
	// former are tenants that hold, or may hold, objects of the cluster's for
	// another reason than that such are wanted there: the registration named
	// them earlier, namespaces did, or some were found there.
	former map[string]struct{}
	// strange are those of them that nothing but the cluster's name leads to, so
	// that what they hold may be another's of that name.
	strange map[string]struct{}
	// found is a tenant that was just seen to be there; empty: none.
	found string
	// readAlone and searchAlone say that what others were answered lately will not
	// do the next time: somebody has changed something, or asks.
	readAlone, searchAlone bool
	// searchAt is when objects of the cluster's are to be looked for in all
	// tenants. blind says that this can't be done, and was said.
	searchAt time.Time
	blind    bool
}

func newHoldings() holdings {
	return holdings{observed: map[plan.Key]*plan.Observed{}, loaded: map[string]bool{}, absent: map[string]*failure{}, former: map[string]struct{}{}, strange: map[string]struct{}{}}
}

// takeRegistration notes another registration. What was read of the controller
// was read for the old one.
func (w *worker) takeRegistration(reg *v1alpha1.Cluster) {
	old := w.inForce
	if old == reg {
		return
	}
	w.inForce = reg
	if old != nil && reflect.DeepEqual(old.Spec, reg.Spec) {
		return
	}
	w.facts = nil
	w.refreshAt = time.Time{}
	w.removal.work = nil
	if was := old != nil && old.Spec.Mode == v1alpha1.ModeOffboard; was != w.removing() {
		w.startOver()
	}
	if writes(reg.Spec.Mode) {
		w.offboarded = false
	}
	w.reload, w.full = true, true
	w.searchAt, w.blind = time.Time{}, false
	w.trouble = failure{}
	w.readAlone, w.searchAlone = old != nil, old != nil
	if old == nil {
		return
	}
	if was := old.Spec.Tenant.Name; was != reg.Spec.Tenant.Name {
		// What is left there is deleted, as far as the brake lets it.
		w.former[was] = struct{}{}
		delete(w.former, reg.Spec.Tenant.Name)
	}
	if writes(reg.Spec.Mode) && !writes(old.Spec.Mode) {
		// Nothing was told in the old mode.
		w.retellAll()
	}
}

// learn reads the facts about the controller where they are due, and turns them
// and the registration into settings. Other settings start a new model.
func (w *worker) learn(ctx context.Context, reg *v1alpha1.Cluster) error {
	now := w.now()
	if w.facts == nil || !now.Before(w.refreshAt) {
		if err := w.readFacts(ctx, reg, now); err != nil {
			return err
		}
	}
	s, err := settings.For(reg, w.facts.Settings)
	if err != nil {
		return fmt.Errorf("settings of the cluster: %w", err)
	}
	if w.model != nil {
		s.OpenShift = w.model.settings.OpenShift // see takeRoutes
	}
	if w.model == nil || !reflect.DeepEqual(w.model.settings, s) {
		if w.model != nil {
			w.retellAll()
		}
		w.model = newModel(s)
		w.opened = map[group]bool{}
		w.complete = false
		w.asked = nil
		w.failed = emptied(w.failed)
		w.refused = emptied(w.refused)
		w.undone = emptied(w.undone)
		w.full = true
	}
	return nil
}

// readFacts reads the facts about the controller. Where it answers but not with
// what the registration names, a cluster that has facts goes on with them.
func (w *worker) readFacts(ctx context.Context, reg *v1alpha1.Cluster, now time.Time) error {
	answers := w.shared
	if w.readAlone {
		answers = nil
	}
	facts, err := w.ctl.Facts(ctx, reg, answers)
	if err != nil {
		err = fmt.Errorf("reading the controller: %w", err)
		if w.facts == nil || avi.ClassOf(err) == "" || away(err) {
			return err
		}
		w.stale.again(now, err)
		w.refreshAt = w.stale.next
		return nil
	}
	w.facts = &facts
	w.readAlone, w.found = false, ""
	if facts.TenantFound {
		w.found = reg.Spec.Tenant.Name
	}
	w.stale = failure{}
	w.refreshAt = now.Add(jittered(refreshEvery))
	// Time to notice what others changed, too.
	w.reload = true
	return nil
}

// needed returns the tenants to be read: the cluster's, those of wanted objects,
// and those that some may be left in.
func (w *worker) needed() []string {
	set := map[string]struct{}{w.model.settings.Tenant: {}}
	for t := range w.model.tenants {
		set[t] = struct{}{}
	}
	for t := range w.former {
		set[t] = struct{}{}
	}
	return sortedKeys(set)
}

// load reads what the controller holds of the cluster's in the tenants that are
// needed and were not read yet; in all of them when that is due. An error leaves
// what was known before as it is.
func (w *worker) load(ctx context.Context, reg *v1alpha1.Cluster) error {
	into, loaded := w.observed, w.loaded
	if w.reload {
		w.keepSight()
		into, loaded = map[plan.Key]*plan.Observed{}, map[string]bool{}
	}
	news := false
	delete(w.absent, w.model.settings.Tenant)
	for _, t := range w.needed() {
		if loaded[t] {
			continue
		}
		if f := w.absent[t]; f != nil && !f.due(w.now()) {
			continue
		}
		held, err := w.loadTenant(ctx, reg, t)
		if err != nil {
			return err
		}
		if held == nil {
			if !w.keepKnown(t, into) && w.model.tenants[t] == 0 && avi.IsClass(w.absence(t), avi.NoTenant) {
				delete(w.former, t)
			}
			continue
		}
		plan.Carry(w.observed, held)
		w.referrals = nil
		if !w.reload {
			// It may have been known from before it could not be read.
			maps.DeleteFunc(into, func(k plan.Key, _ *plan.Observed) bool { return k.Tenant == t && desired.Own(k.Type) })
		}
		for k, o := range held {
			noteRefs(o)
			into[k] = o
		}
		loaded[t], news = true, true
		if !w.reload {
			w.retellTenant(t)
		}
		if _, ok := w.former[t]; ok && len(held) == 0 {
			delete(w.former, t)
		}
	}
	if w.reload {
		w.retellMoved(into)
		w.reload = false
		w.observed, w.loaded, news = into, loaded, true
	}
	for t := range w.absent {
		_, left := w.former[t]
		if t != w.model.settings.Tenant && w.model.tenants[t] == 0 && !left {
			delete(w.absent, t)
		}
	}
	if news {
		w.holdOnly(w.observed, w.model.settings.Domains)
	}
	w.claims.know(w.cluster)
	w.full = w.full || news
	return nil
}

// retellTenant has the objects looked at that rest on something in a tenant, of
// which nothing could be said before it was read.
func (w *worker) retellTenant(tenant string) {
	for k := range w.model.shown {
		if k.Tenant == tenant {
			w.model.toldOf(k, w.news)
		}
	}
}

// retellMoved has the objects looked at whose virtual service or address is
// another one than before.
func (w *worker) retellMoved(fresh map[plan.Key]*plan.Observed) {
	for k := range w.model.shown {
		was, is := w.observed[k], fresh[k]
		switch {
		case was == nil && is == nil:
			continue
		case was != nil && is != nil && was.UUID == is.UUID && slices.Equal(addresses(was.Body), addresses(is.Body)):
			continue
		}
		w.model.toldOf(k, w.news)
	}
}

// loadTenant reads one tenant; nil without an error: it is not there, and
// nobody but the owners of objects in it need mind.
func (w *worker) loadTenant(ctx context.Context, reg *v1alpha1.Cluster, tenant string) (map[plan.Key]*plan.Observed, error) {
	exists, err := tenant == w.found, error(nil)
	if w.found = ""; !exists {
		exists, err = w.ctl.EnsureTenant(ctx, reg, tenant)
	}
	switch {
	case (avi.IsClass(err, avi.NoTenant) || avi.IsForbidden(err)) && tenant != w.model.settings.Tenant:
		w.noteAbsent(tenant, err)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("tenant %q: %w", tenant, err)
	case !exists:
		// It may not be made in this mode, and holds nothing.
		return map[plan.Key]*plan.Observed{}, nil
	}
	held, err := w.ctl.Inventory(ctx, tenant, w.model.settings.ClusterName, w.model.settings.CreatedBy())
	if avi.IsForbidden(err) && tenant != w.model.settings.Tenant {
		w.noteAbsent(tenant, err)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's objects in tenant %q: %w", tenant, err)
	}
	if w.absent[tenant] != nil {
		delete(w.absent, tenant)
		w.retellAll()
	}
	if held == nil {
		held = map[plan.Key]*plan.Observed{}
	}
	return held, nil
}

// retain keeps the shared parents that the controller holds though no host is
// left on them: they hold a VIP (l7.md §23.5).
func (w *worker) retain() {
	if !w.full || !w.opened[groupHosts] {
		return
	}
	var parents, redirects []translate.ParentKey
	for k := range w.observed {
		if !w.belongs(k.Tenant) {
			continue
		}
		if p, ok := translate.RetainedParent(&w.model.settings, k); ok {
			parents = append(parents, p)
		}
		if p, ok := translate.RetainedRedirect(&w.model.settings, k); ok {
			redirects = append(redirects, p)
		}
	}
	slices.SortFunc(parents, compareParents)
	d := newDelta()
	w.model.retain(parents, redirects, d)
	w.takeDelta(d, false)
}
