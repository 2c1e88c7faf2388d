package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/feedback"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/settings"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// errOffboarded stands against a cluster whose objects were removed while its
// registration is still there.
var errOffboarded = errors.New("the cluster is offboarded: remove its registration; a mode that writes would make its objects again")

var (
	errStillUsed = errors.New("it stays for the virtual services that are left")
	errOthersUse = errors.New("it stays for the cluster's other registrations, whose virtual services need it")
)

// Offboarding is the removal of all that a cluster has on its controller: what
// is to be done or, once it was carried out, what was done.
type Offboarding struct {
	// Plan removes the cluster's objects, users before what they use, and then
	// its label and its static routes from objects that it shares.
	Plan plan.Plan
	// Tenants are those that were looked at.
	Tenants []string
	// Notes say what could not be looked at.
	Notes []string
	// Done says that the plan was carried out.
	Done bool
	// Failures are the writes that could not be made.
	Failures []Failure
	// Left are objects of the cluster's that are there after all.
	Left []plan.Key
	// Cleared counts the Kubernetes objects whose status was taken back,
	// NotCleared those where that failed, above all since no agent is connected.
	Cleared, NotCleared int
}

// takeBackWithin bounds the wait for an agent that clears statuses.
const takeBackWithin = 15 * time.Second

// Failure is a write that could not be made.
type Failure struct {
	Op  plan.Op
	Key plan.Key
	Err error
}

// Offboard plans the removal of everything that a cluster has on its controller
// and, if asked to, carries it out. The mode of the registration must be one in
// which the hub does not write, or the cluster's objects would be made again.
func (m *Manager) Offboard(ctx context.Context, cluster string, carryOut bool) (Offboarding, error) {
	w, err := m.worker(cluster)
	if err != nil {
		return Offboarding{}, err
	}
	var out Offboarding
	var failed error
	err = w.do(ctx, func(ctx context.Context) { out, failed = w.offboard(ctx, carryOut) })
	w.kick()
	return out, errors.Join(err, failed)
}

func (w *worker) offboard(ctx context.Context, carryOut bool) (Offboarding, error) {
	reg := w.registration()
	if writes(reg.Spec.Mode) {
		return Offboarding{}, fmt.Errorf("cluster %q is in mode %s, in which its objects would be made again: set spec.mode to %s or %s first, or to %s, which removes them",
			w.cluster, reg.Spec.Mode, v1alpha1.ModeFrozen, v1alpha1.ModeObserve, v1alpha1.ModeOffboard)
	}
	o := newOffboarding(w, reg)
	if err := o.look(ctx); err != nil {
		return Offboarding{}, err
	}
	o.out.Plan = o.plan()
	if !carryOut {
		return o.out, nil
	}
	err := o.carryOut(ctx)
	w.holdOnly(o.observed, o.domains)
	// Whatever became of it, nothing that was read before is true any more.
	w.reload, w.full = true, true
	w.removal.work, w.refreshAt = nil, time.Time{}
	return o.out, err
}

// offboarding is one removal in progress.
type offboarding struct {
	w   *worker
	reg *v1alpha1.Cluster
	out Offboarding
	// observed is what is still there of the cluster's, shared what it may have
	// something in, which edits take away.
	observed map[plan.Key]*plan.Observed
	shared   map[plan.Key]*plan.Observed
	edits    []translate.Edit
	failed   map[plan.Key]error
	// domains are the cloud's DNS sub-domains, as far as they are known.
	domains []string
	// found says that there was something of the cluster's own.
	found bool
	// unseen says that nobody looks at the plan before it is carried out.
	unseen bool
}

func newOffboarding(w *worker, reg *v1alpha1.Cluster) *offboarding {
	return &offboarding{w: w, reg: reg, failed: map[plan.Key]error{}}
}

func (o *offboarding) cluster() string   { return o.reg.ObjectPrefix() }
func (o *offboarding) createdBy() string { return o.reg.CreatedBy() }

func (o *offboarding) note(format string, args ...any) {
	o.out.Notes = append(o.out.Notes, fmt.Sprintf(format, args...))
}

// look reads all that there is of the cluster's.
func (o *offboarding) look(ctx context.Context) error {
	tenants, err := o.tenants(ctx)
	if err != nil {
		return err
	}
	o.out.Tenants = tenants
	if o.observed, err = o.inventory(ctx); err != nil {
		return err
	}
	o.found = len(o.observed) > 0
	return o.lookAtShared(ctx)
}

// tenants returns the tenants that the cluster may have objects in: all that
// hold some or, where they can't be asked at once, those that are known.
func (o *offboarding) tenants(ctx context.Context) ([]string, error) {
	set := map[string]struct{}{}
	for t := range o.w.loaded {
		set[t] = struct{}{}
	}
	for _, t := range o.w.removal.looked {
		set[t] = struct{}{}
	}
	for t := range o.w.former {
		set[t] = struct{}{}
	}
	if o.unseen {
		for t := range o.w.strange {
			delete(set, t)
		}
	}
	set[o.reg.Spec.Tenant.Name] = struct{}{}
	for _, t := range o.w.namespaceTenants(o.reg) {
		set[t] = struct{}{}
	}
	if o.reg.Spec.Tenant.Dedicated {
		o.note("the registration's tenant is dedicated: only the tenants of the cluster's namespaces were looked at")
		return sortedKeys(set), nil
	}
	found, err := o.w.ctl.TenantsOf(ctx, o.cluster(), o.createdBy())
	switch {
	case avi.IsForbidden(err):
		o.note("the controller's user may not ask in all tenants at once, so only the known ones were looked at: %v", err)
	case err != nil:
		return nil, fmt.Errorf("looking for the tenants of the cluster's objects: %w", err)
	}
	for _, t := range found {
		if _, known := set[t]; !known && o.doubts(t) {
			o.note("objects in tenant %q have the cluster's name, but no namespace and no registration has named the tenant: they may be another cluster's of that name "+
				"and are left alone; \"akohub offboard\" shows and removes them", t)
			continue
		}
		set[t] = struct{}{}
	}
	return sortedKeys(set), nil
}

// doubts says of a tenant in which objects of the cluster's name were found that
// they may be another's, where nobody looks at what is removed: they were left
// alone while the cluster was served, or its namespaces are known and name other
// tenants. Of a cluster that is gone already nobody can tell.
func (o *offboarding) doubts(tenant string) bool {
	if !o.unseen {
		return false
	}
	_, doubtful := o.w.strange[tenant]
	o.w.mirror.Read(func(v mirror.View) { doubtful = doubtful || v.Synced(kinds.Namespace) })
	return doubtful
}

func (o *offboarding) inventory(ctx context.Context) (map[plan.Key]*plan.Observed, error) {
	all := map[plan.Key]*plan.Observed{}
	for _, t := range o.out.Tenants {
		held, err := o.w.ctl.Inventory(ctx, t, o.cluster(), o.createdBy())
		if avi.IsClass(err, avi.NoTenant) {
			continue
		}
		if avi.IsForbidden(err) && t != o.reg.Spec.Tenant.Name {
			if text := fmt.Sprintf("the controller's user may not look into tenant %q: %v", t, err); !slices.Contains(o.out.Notes, text) {
				o.note("%s", text)
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the cluster's objects in tenant %q: %w", t, err)
		}
		maps.Copy(all, held)
	}
	return all, nil
}

// lookAtShared reads what the cluster may have in objects that are not its own.
// What the registration names may be gone by now; then there is nothing of the
// cluster's in it.
func (o *offboarding) lookAtShared(ctx context.Context) error {
	facts, err := o.w.ctl.Facts(ctx, o.reg, nil)
	if err != nil {
		if avi.ClassOf(err) == "" || away(err) {
			return fmt.Errorf("reading the controller: %w", err)
		}
		o.note("the cluster's label and its static routes were not looked for: %v", err)
		return nil
	}
	o.domains = facts.Settings.Domains
	if !o.reg.Primary() {
		// They are the primary instance's.
		return nil
	}
	o.shared = facts.Shared
	sp := o.reg.Spec
	s := translate.Settings{
		ClusterName: o.cluster(), Cloud: sp.Cloud, SEGroup: sp.ServiceEngineGroup, SEGroupTenant: facts.Settings.SEGroupTenant,
		VRF: settings.VRF(o.reg, facts.Settings), VRFTenant: facts.Settings.VRFTenant,
	}
	vrf, err := o.w.ctl.VRFContext(ctx, sp.Tenant.Name, sp.Cloud, s.VRF)
	switch {
	case err != nil && (avi.ClassOf(err) == "" || away(err)):
		return err
	case err != nil:
		o.note("the cluster's static routes were not looked for: %v", err)
	case vrf != nil:
		facts.share(vrf)
		o.shared, s.VRFTenant = facts.Shared, vrf.Key.Tenant
	}
	for _, e := range translate.Withdrawal(&s) {
		if o.shared[e.Key] != nil {
			o.edits = append(o.edits, e)
		}
	}
	return o.lookAtFormer(ctx, &s)
}

// plan returns the whole of what is to be done.
func (o *offboarding) plan() plan.Plan {
	p := o.deletions()
	for _, e := range o.withdrawals().Steps {
		e.After = nil // of another plan
		p.Steps = append(p.Steps, e)
	}
	p.Mode = plan.Mode(o.reg.Spec.Mode)
	return p
}

func (o *offboarding) input() plan.Input {
	return plan.Input{Cluster: o.cluster(), CreatedBy: o.createdBy(), Mode: plan.ModeEnforce, Brake: plan.Brake{MaxShare: 1}}
}

func (o *offboarding) deletions() plan.Plan {
	in := o.input()
	in.Observed = o.observed
	in.KeepUnknown = func(k plan.Key) bool { return o.failed[k] != nil }
	return plan.Compute(in)
}

func (o *offboarding) withdrawals() plan.Plan {
	in := o.input()
	in.Observed, in.Edits = o.shared, o.edits
	return plan.Compute(in)
}

// carryOut removes what there is, part by part, and looks at what is left.
func (o *offboarding) carryOut(ctx context.Context) error {
	o.out.Done = true
	o.w.offboarded = true
	o.w.log.Warn("offboarding the cluster", "plan", o.out.Plan.Counts().String(), "tenants", o.out.Tenants)
	gone := tracesOf(o.observed)
	for more := true; more; {
		var err error
		if more, err = o.next(ctx); err != nil {
			return err
		}
	}
	o.out.Cleared, o.out.NotCleared = o.w.takeBack(ctx, o.reg, gone)
	o.w.log.Info("offboarded the cluster", "failed", len(o.out.Failures), "left", len(o.out.Left))
	return nil
}

// next carries out the next part of what there is to do. It returns false once
// nothing more can be done for now, and out says what is left.
func (o *offboarding) next(ctx context.Context) (more bool, err error) {
	if p := o.deletions(); len(p.Steps) > 0 {
		// No step comes before one that it needs, so any first part of a plan is
		// a plan.
		p.Steps = p.Steps[:min(len(p.Steps), maxSteps)]
		return true, o.apply(ctx, p)
	}
	if o.found {
		if o.observed, err = o.inventory(ctx); err != nil {
			return false, err
		}
	}
	o.out.Left = slices.SortedFunc(maps.Keys(o.observed), desired.CompareKeys)
	var why error
	switch {
	case slices.ContainsFunc(o.out.Left, func(k plan.Key) bool { return k.Type == typeVirtualService }):
		why = errStillUsed
	case o.w.hasNamesakes():
		why = errOthersUse
	default:
		return false, o.apply(ctx, o.withdrawals())
	}
	for _, s := range o.withdrawals().Steps {
		o.out.Failures = append(o.out.Failures, Failure{Op: s.Op, Key: s.Key, Err: why})
	}
	return false, nil
}

// remaining is how many objects still have something of the cluster's.
func (o *offboarding) remaining() int { return len(o.observed) + len(o.withdrawals().Steps) }

// apply carries out a part of the plan. What fails is not tried again.
func (o *offboarding) apply(ctx context.Context, p plan.Plan) error {
	if len(p.Steps) == 0 {
		return nil
	}
	tenants := map[string]struct{}{}
	for _, s := range p.Steps {
		tenants[s.Key.Tenant] = struct{}{}
	}
	leave, err := o.w.lanes.enter(ctx, o.w.ctl.Name(), sortedKeys(tenants))
	if err != nil {
		return err
	}
	defer leave()
	for _, r := range o.w.ctl.Apply(ctx, p, nil) {
		op := p.Steps[r.Step].Op
		if !avi.IsClass(r.Err, avi.Skipped) {
			o.w.metrics.step(o.w.cluster, op, r.Err)
		}
		if r.Wrote {
			o.w.noteWrite()
		}
		switch {
		case r.Err == nil && op == plan.Delete:
			delete(o.observed, r.Key)
		case r.Err == nil && r.Observed != nil:
			o.shared[r.Key] = r.Observed
		case r.Err == nil:
		case away(r.Err):
			return fmt.Errorf("removing the cluster's objects; %d are still there: %w", len(o.observed), r.Err)
		default:
			o.failed[r.Key] = r.Err
			o.out.Failures = append(o.out.Failures, Failure{Op: op, Key: r.Key, Err: r.Err})
		}
	}
	return ctx.Err()
}

// takeBack clears what Kubernetes objects say of addresses that are gone, and
// counts for how many of them the agent did so.
func (w *worker) takeBack(ctx context.Context, reg *v1alpha1.Cluster, gone traces) (done, failed int) {
	var out []*akohubv1.WriteBack
	s, router := servedNamespaces(reg), feedback.Router(reg.CreatedBy())
	w.mirror.Read(func(v mirror.View) {
		look := func(ref mirror.Ref) {
			uid, current, ok := shows(v, ref)
			if !ok {
				return
			}
			object := &akohubv1.ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Uid: uid}
			if wb := withdrawn(object, current, router, gone, nil, translate.Accepts(v, &s, ref.Namespace)); wb != nil {
				out = append(out, wb)
			}
		}
		for _, o := range v.Ingresses() {
			look(o.Ref)
		}
		for _, o := range v.Services() {
			look(o.Ref)
		}
		for _, o := range v.Routes() {
			look(o.Ref)
		}
	})
	answers := make(chan bool, len(out))
	for _, wb := range out {
		w.agents.Send(w.cluster, wb, func(r *akohubv1.WriteBackResult, err error) {
			switch r.GetOutcome() {
			case akohubv1.WriteBackResult_OUTCOME_APPLIED, akohubv1.WriteBackResult_OUTCOME_UNCHANGED, akohubv1.WriteBackResult_OUTCOME_GONE:
				answers <- err == nil
			default:
				answers <- false
			}
		})
	}
	clear(w.tellings)
	ctx, cancel := context.WithTimeout(ctx, takeBackWithin)
	defer cancel()
	for range out {
		select {
		case ok := <-answers:
			if ok {
				done++
			}
		case <-ctx.Done():
			return done, len(out) - done
		}
	}
	return done, len(out) - done
}

// servedNamespaces are the settings that say which namespaces are a cluster's.
func servedNamespaces(reg *v1alpha1.Cluster) translate.Settings {
	n := reg.Spec.Namespaces
	return translate.Settings{NamespaceSelector: translate.Label(n.Selector), BlockedNamespaces: n.Blocked}
}

// withdrawn is the write-back, if there need be one, that clears what an object
// shows of ours: what is gone and what was told earlier. A mark on an object in
// a namespace that is not this registration's (served is false) may be another's
// and is left alone, unless it names a virtual service that was ours.
// In a Route's status the entries of the cluster's router are its own in any
// case.
func withdrawn(object *akohubv1.ObjectRef, current feedback.Current, router feedback.Router, gone traces, told []*akohubv1.LoadBalancerIngress, served bool) *akohubv1.WriteBack {
	written := append(gone.in(current), told...)
	own := router.Own(current.Admissions)
	if len(written) == 0 && len(own) == 0 && (!current.Ours() || !served && !gone.marked(current)) {
		return nil
	}
	wb, err := feedback.For(object, nil, "", current, written)
	if object.GetKind() == kinds.Route {
		wb, err = feedback.ForRoute(object, router, nil, "", current)
	}
	if err != nil {
		return nil
	}
	return wb
}
