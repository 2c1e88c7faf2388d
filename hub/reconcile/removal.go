package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/hub/feedback"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Removal is the standing of a cluster in mode offboard.
type Removal struct {
	// Looked says that the controller was asked what there is. Before, nothing
	// is known of what is left.
	Looked bool
	// Objects is how many objects on the controller still have something of the
	// cluster's, Statuses how many known Kubernetes objects still show an
	// address of it.
	Objects, Statuses int
	// Notes say what could not be looked at.
	Notes []string
}

// Done says that nothing is known to be left.
func (r Removal) Done() bool { return r.Looked && r.Objects == 0 && r.Statuses == 0 }

// removal is what a worker knows of the removal of its cluster, in mode
// offboard. It is level-triggered as all else: what is there is removed, and
// looked for again from time to time, as long as the mode lasts.
type removal struct {
	// work is what is in progress, in parts; nil: nothing is.
	work *offboarding
	// retry is set while something could not be removed.
	retry failure
	// settled says that the controller has been worked off once, as far as it
	// let itself: statuses are taken back from then on.
	settled bool
	// looked are the tenants that were last looked at.
	looked []string
	// gone is what the cluster has had on the controller, until no object is
	// known to show any of it; serving is what of it is still there.
	gone, serving traces
	// showing are the Kubernetes objects that still show something of ours.
	showing map[mirror.Ref]struct{}
}

// traces are what virtual services leave in Kubernetes objects.
type traces struct {
	addresses map[string]bool
	// services are the UUIDs of virtual services.
	services map[string]bool
}

func newTraces() traces { return traces{map[string]bool{}, map[string]bool{}} }

// tracesOf returns what objects on the controller leave in Kubernetes.
func tracesOf(observed map[plan.Key]*plan.Observed) traces {
	out := newTraces()
	for k, held := range observed {
		switch k.Type {
		case "vsvip":
			for _, a := range addresses(held.Body) {
				out.addresses[a] = true
			}
		case typeVirtualService:
			out.services[held.UUID] = true
		}
	}
	return out
}

func (x traces) add(y traces) {
	maps.Copy(x.addresses, y.addresses)
	maps.Copy(x.services, y.services)
}

// marked says that an object carries the mark of one of the virtual services.
func (x traces) marked(c feedback.Current) bool {
	return slices.ContainsFunc(c.VirtualServices(), func(uuid string) bool { return x.services[uuid] })
}

// in returns the entries of a status that are of these addresses.
func (x traces) in(c feedback.Current) []*akohubv1.LoadBalancerIngress {
	var out []*akohubv1.LoadBalancerIngress
	for _, e := range c.Status {
		if x.addresses[e.GetIp()] {
			out = append(out, e)
		}
	}
	return out
}

// admit says that entries of a Route's status are of these addresses.
func (x traces) admit(own []*akohubv1.RouteAdmission) bool {
	return slices.ContainsFunc(own, func(a *akohubv1.RouteAdmission) bool { return x.addresses[a.GetMessage()] })
}

// removing says that the registration in force is that of a cluster to remove.
func (w *worker) removing() bool {
	return w.inForce != nil && w.inForce.Spec.Mode == v1alpha1.ModeOffboard
}

// startOver forgets what is wanted and what of it failed, between removing a
// cluster and serving it. What was told stays known.
func (w *worker) startOver() {
	w.removal = removal{gone: newTraces(), showing: map[mirror.Ref]struct{}{}, looked: sortedKeys(w.loaded)}
	w.model = nil
	w.opened = map[group]bool{}
	w.pending = map[group]map[mirror.Ref]mirror.Change{}
	w.observed, w.loaded = map[plan.Key]*plan.Observed{}, map[string]bool{}
	w.referrals = nil
	w.absent = map[string]*failure{}
	w.stale = failure{}
	w.undone, w.failed, w.refused = emptied(w.undone), emptied(w.failed), emptied(w.refused)
	w.explicit, w.over = emptied(w.explicit), emptied(w.over)
	w.complete, w.held, w.edits, w.changed, w.offboarded = false, false, false, false, false
	w.full = true
	w.mu.Lock()
	defer w.mu.Unlock()
	w.approved, w.braked = nil, nil
	w.status.Held, w.status.Waits, w.status.Objects, w.status.Pending, w.status.Removal = "", nil, 0, 0, nil
	w.status.Denied, w.status.DeniedMore = nil, 0
	w.metrics.forgetRemoval(w.cluster)
	if w.removing() {
		w.status.Removal = &Removal{}
	}
}

// remove brings a cluster in mode offboard one step further: it removes a part
// of what the cluster has on its controller. The deletion brake does not hold
// that, for the mode is what a person asked for.
func (w *worker) remove(ctx context.Context, reg *v1alpha1.Cluster) error {
	w.takeNews()
	r := &w.removal
	if r.work == nil {
		if w.now().Before(w.refreshAt) && !w.unlooked(reg) {
			return nil
		}
		if err := w.beginRemoval(ctx, reg); err != nil {
			return err
		}
	}
	more, err := r.work.next(ctx)
	w.claimRemaining(r.work)
	if err != nil {
		r.work = nil
		w.refreshAt = time.Time{}
		w.noteRemoval(nil)
		return err
	}
	if more {
		w.more = true
		w.noteRemoval(r.work)
		return nil
	}
	w.endRemoval()
	return nil
}

// beginRemoval looks at what there is.
func (w *worker) beginRemoval(ctx context.Context, reg *v1alpha1.Cluster) error {
	o := newOffboarding(w, reg)
	o.unseen = true
	if err := o.look(ctx); err != nil {
		return fmt.Errorf("offboarding: %w", err)
	}
	o.out.Plan = o.plan()
	r := &w.removal
	r.work, r.looked = o, o.out.Tenants
	r.gone.add(tracesOf(o.observed))
	if n := len(o.out.Plan.Steps); n > 0 {
		w.log.Warn("offboarding the cluster", "plan", o.out.Plan.Counts().String(), "tenants", o.out.Tenants)
	}
	return nil
}

// endRemoval takes over what came of an attempt, and sets the time of the next:
// soon, where something is left.
func (w *worker) endRemoval() {
	r := &w.removal
	o := r.work
	now := w.now()
	if err := o.left(); err != nil {
		r.retry.again(now, err)
		w.refreshAt = r.retry.next
	} else {
		if r.retry.waits() || !r.settled || len(o.out.Plan.Steps) > 0 {
			w.log.Info("nothing of the cluster is left on the controller")
		}
		r.retry = failure{}
		w.refreshAt = now.Add(jittered(refreshEvery))
	}
	r.serving = tracesOf(o.observed)
	if !r.settled || len(o.out.Plan.Steps) > 0 {
		// Whatever shows an address of ours may be without one now.
		w.mirror.Read(func(v mirror.View) {
			for _, i := range v.Ingresses() {
				w.news[i.Ref] = struct{}{}
			}
			for _, s := range v.Services() {
				w.news[s.Ref] = struct{}{}
			}
			for _, r := range v.Routes() {
				w.news[r.Ref] = struct{}{}
			}
		})
	}
	r.settled = true
	w.noteRemoval(o)
	r.work = nil
}

// left says what an attempt could not remove; nil: everything is gone.
func (o *offboarding) left() error {
	var first error
	for _, f := range o.out.Failures {
		if first == nil {
			first = fmt.Errorf("%s of %s %q in tenant %q: %w", f.Op, f.Key.Type, f.Key.Name, f.Key.Tenant, f.Err)
		}
	}
	n := max(len(o.out.Failures), o.remaining())
	switch {
	case n == 0:
		return nil
	case first == nil:
		k := o.out.Left[0]
		first = fmt.Errorf("%s %q in tenant %q is there again", k.Type, k.Name, k.Tenant)
	}
	return fmt.Errorf("offboarding: %d objects are left and tried again: %w", n, first)
}

// unlooked says that the cluster's namespaces name a tenant that was not looked
// at: they came to be known later.
func (w *worker) unlooked(reg *v1alpha1.Cluster) bool {
	return slices.ContainsFunc(w.namespaceTenants(reg), func(t string) bool { return !slices.Contains(w.removal.looked, t) })
}

// namespaceTenants returns the tenants that the known namespaces ask for.
func (w *worker) namespaceTenants(reg *v1alpha1.Cluster) []string {
	s := servedNamespaces(reg)
	var tenants map[string]struct{}
	w.mirror.Read(func(v mirror.View) { tenants = translate.NamespaceTenants(v, &s) })
	return sortedKeys(tenants)
}

// takeNews drains the mirror's dirty set: what is new may show an address.
func (w *worker) takeNews() {
	for _, c := range w.mirror.TakeDirty() {
		if c.Ref.Name != "" && bears(c.Ref.Kind) {
			w.news[c.Ref] = struct{}{}
		}
	}
}

// bears says of a kind that its objects bear addresses.
func bears(kind string) bool {
	return kind == kinds.Ingress || kind == kinds.Service || kind == kinds.Route
}

// claimRemaining has the cluster claim the hosts that its VIPs still carry, and
// no others: who has a claim to one gets it once the VIP is gone.
func (w *worker) claimRemaining(o *offboarding) {
	w.holdOnly(o.observed, o.domains)
	w.claims.know(w.cluster)
	for u := range w.claimed {
		w.claims.set(w.cluster, u, nil)
	}
	clear(w.claimed)
}

// noteRemoval keeps for people what is left, of an attempt if there is one.
func (w *worker) noteRemoval(o *offboarding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var s Removal
	if old := w.status.Removal; old != nil {
		s = *old
	}
	if o != nil {
		s.Looked, s.Objects, s.Notes = true, o.remaining(), slices.Clone(o.out.Notes)
	}
	s.Statuses = len(w.removal.showing)
	w.status.Removal = &s
	w.status.Pending = s.Objects
	w.metrics.removal(w.cluster, s)
}

// tellGone takes back what the cluster's objects show of ours, once the
// controller has been worked off. What an agent does not take is told again
// when one comes.
func (w *worker) tellGone() {
	now := w.now()
	for ref, at := range w.later {
		if !now.Before(at) {
			w.news[ref] = struct{}{}
			delete(w.later, ref)
		}
	}
	if !w.removal.settled || len(w.news) == 0 {
		return
	}
	refs := slices.SortedFunc(maps.Keys(w.news), compareRefs)
	w.news = emptied(w.news)
	var out []*akohubv1.WriteBack
	w.mirror.Read(func(v mirror.View) {
		for _, ref := range refs {
			if !bears(ref.Kind) {
				continue
			}
			if wb := w.takeBackOne(v, ref); wb != nil {
				out = append(out, wb)
			}
		}
		if len(w.removal.showing) == 0 && v.Synced(kinds.Ingress) && v.Synced(kinds.Service) && (v.Synced(kinds.Route) || v.Absent(kinds.Route)) {
			// Who shows one of the addresses from now on got it from another.
			w.removal.gone = newTraces()
		}
	})
	w.noteRemoval(nil)
	for _, wb := range out {
		w.send(wb)
	}
}

// takeBackOne returns the write-back that clears what an object shows of ours;
// nil: there is nothing to clear, or not now.
func (w *worker) takeBackOne(v mirror.View, ref mirror.Ref) *akohubv1.WriteBack {
	uid, current, ok := shows(v, ref)
	t := w.tellings[ref]
	if !ok || t != nil && t.uid != uid {
		delete(w.tellings, ref)
		delete(w.later, ref)
		t = nil
	}
	if !ok {
		delete(w.removal.showing, ref)
		return nil
	}
	if t == nil {
		t = &telling{uid: uid}
	}
	if t.flying > 0 {
		t.again = true
		return nil
	}
	object := &akohubv1.ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Uid: uid}
	s := servedNamespaces(w.inForce)
	router := feedback.Router(w.inForce.CreatedBy())
	wb := withdrawn(object, current, router, w.removal.gone, t.shown, translate.Accepts(v, &s, ref.Namespace))
	if wb == nil {
		t.sent, t.shown, t.warned = nil, nil, nil
		delete(w.removal.showing, ref)
		if t.idle() {
			delete(w.tellings, ref)
		}
		return nil
	}
	w.removal.showing[ref] = struct{}{}
	if w.removal.serving.marked(current) || len(w.removal.serving.in(current)) > 0 || w.removal.serving.admit(router.Own(current.Admissions)) {
		// What it shows is served still. It is looked at again after the next
		// attempt to remove that.
		return nil
	}
	now := w.now()
	if t.sent != nil && proto.Equal(t.sent, wb) && now.Before(t.at.Add(confirmWithin)) {
		// It was written, and the mirror does not know yet.
		w.later[ref] = t.at.Add(confirmWithin)
		return nil
	}
	t.sent, t.at = proto.CloneOf(wb), now
	if wb.GetLoadBalancer() != nil || admitted(current.Admissions, router) {
		wb.Event = w.normalEvent(nil, current)
	}
	t.flying = 1
	w.tellings[ref] = t
	return wb
}

// planRemoval returns what is still to be removed of a cluster in mode offboard.
func (w *worker) planRemoval(ctx context.Context, reg *v1alpha1.Cluster) (plan.Plan, error) {
	o := newOffboarding(w, reg)
	o.unseen = true
	if err := o.look(ctx); err != nil {
		return plan.Plan{}, err
	}
	w.trouble = failure{}
	return o.plan(), nil
}
