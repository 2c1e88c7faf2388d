package reconcile

import (
	"slices"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// plan compares what is wanted with what is held. It looks at what is not as it
// is wanted; at everything when the model or the inventory is new, as long as a
// plan is held, and when nothing is written anyway. It returns false when there
// is nothing to look at yet.
func (w *worker) plan(reg *v1alpha1.Cluster) (plan.Plan, bool) {
	idle := w.held || !writes(reg.Spec.Mode)
	if idle && !w.full && !w.worthALook() {
		return plan.Plan{}, false
	}
	keep := w.keepsUnknown()
	in := w.planInput(reg, keep)
	if w.full || idle {
		w.planAt = w.now().Add(planEvery)
		in.Desired = w.model.graph.All()
		in.Edits = append(w.model.edits(), w.leaving(reg)...)
	} else {
		w.narrow(&in)
	}
	w.addRefusals(&in)
	w.addShared(&in)
	postponed := w.postponeRoutes(&in)
	w.neighbours(&in)
	p := plan.Compute(in)
	if !writes(reg.Spec.Mode) {
		// Nobody need approve what is not carried out.
		p.Held = ""
	}
	w.noteUndone(in, p, keep)
	for _, k := range postponed {
		w.undone[k] = struct{}{}
	}
	w.notePlan(reg, p)
	return p, true
}

// worthALook says that a plan of which little or nothing is carried out is to be
// made again: something has changed, and the last one is not too young.
func (w *worker) worthALook() bool {
	w.mu.Lock()
	approved := w.held && len(w.approved) > 0
	w.mu.Unlock()
	if approved {
		return true
	}
	now := w.now()
	if now.Before(w.planAt) {
		return false
	}
	for k, f := range w.failed {
		if w.retries(k) && f.due(now) {
			return true
		}
	}
	return w.changed
}

// planInput is what plans of any scope have in common.
func (w *worker) planInput(reg *v1alpha1.Cluster, keep bool) plan.Input {
	w.mu.Lock()
	approved := w.approved
	w.mu.Unlock()
	now := w.now()
	return plan.Input{
		Cluster:   w.model.settings.ClusterName,
		CreatedBy: w.model.settings.CreatedBy(),
		Observed:  w.observed,
		Mode:      plan.Mode(reg.Spec.Mode),
		KeepUnknown: func(k plan.Key) bool {
			if f := w.failed[k]; f != nil && !f.due(now) {
				// It could not be deleted, and is not due for another try.
				return true
			}
			if w.absent[k.Tenant] != nil {
				// It is known from before the tenant could not be read.
				return true
			}
			if _, ok := approved[k]; w.isStrange(k) && !ok {
				return true
			}
			return (keep || w.keepsHeld(k)) && !w.seenToGo(k)
		},
		Tombstoned: func(k plan.Key) bool {
			_, ok := approved[k]
			return ok || w.seenToGo(k) || w.movedAlong(k)
		},
		Brake: plan.DefaultBrake,
	}
}

func (w *worker) seenToGo(k plan.Key) bool {
	_, ok := w.explicit[k]
	return ok
}

// keepsUnknown says that objects on the controller that nobody wants must stay
// unless something was seen to go, for what they were made from isn't known:
// since a kind isn't complete, or since the cluster asks for something that
// translation does not have yet, for which an AKO made objects under names of
// its own.
func (w *worker) keepsUnknown() bool {
	return !w.complete || w.model.asksForMore()
}

// narrow limits a plan to what is not as it is wanted, and gives it of the
// wanted objects only those that decide about these: what they refer to, and,
// of those to be created, what refers to them.
func (w *worker) narrow(in *plan.Input) {
	in.Scope = make(map[plan.Key]bool, len(w.undone))
	for k := range w.undone {
		in.Scope[k] = true
	}
	for _, e := range w.model.edits() {
		_, open := w.undone[e.Key]
		if open || w.edits {
			in.Scope[e.Key] = true
			in.Edits = append(in.Edits, e)
		}
	}
	taken := map[plan.Key]struct{}{}
	var down func(k plan.Key)
	down = func(k plan.Key) {
		if _, ok := taken[k]; ok {
			return
		}
		obj, ok := w.model.graph.Get(k)
		if !ok {
			return
		}
		taken[k] = struct{}{}
		in.Desired = append(in.Desired, obj)
		for _, r := range obj.Refs {
			down(r)
		}
	}
	asked := map[plan.Key]struct{}{}
	var up func(k plan.Key)
	up = func(k plan.Key) {
		if _, ok := asked[k]; ok || w.observed[k] != nil {
			return
		}
		asked[k] = struct{}{}
		for r := range w.model.referrers[k] {
			down(r)
			up(r)
		}
	}
	for k := range w.undone {
		down(k)
		up(k)
		if _, wanted := w.model.graph.Get(k); !wanted {
			// What replaces it in another tenant decides whether it may go.
			for t := range w.model.tenants {
				down(plan.Key{Tenant: t, Type: k.Type, Name: k.Name})
			}
		}
	}
	sortObjects(in.Desired)
}

// addRefusals tells a plan which of its wanted objects cannot be for now: those
// that the controller refused, those whose last write failed and is not due for
// another try, those in a tenant that isn't there.
func (w *worker) addRefusals(in *plan.Input) {
	now := w.now()
	for _, o := range in.Desired {
		k := o.Key
		if f := w.absent[k.Tenant]; f != nil {
			in.Broken = set(in.Broken, k, absentWarning(k.Tenant, f.err).message)
			continue
		}
		if text, over := w.over[k]; over && w.observed[k] == nil {
			in.Broken = set(in.Broken, k, text)
			continue
		}
		f := w.failed[k]
		if f == nil || f.due(now) {
			continue
		}
		r, refused := w.refused[k]
		switch {
		case refused && r.owner != nil:
			in.Foreign = set(in.Foreign, k, *r.owner)
		case refused:
			in.Broken = set(in.Broken, k, r.text)
		default:
			in.Broken = set(in.Broken, k, "its last write failed, and is tried again later")
		}
	}
}

// addShared gives a plan the shared objects that it edits. They were read with
// the facts; what an edit of ours made of them since then is noted there.
func (w *worker) addShared(in *plan.Input) {
	for _, e := range in.Edits {
		if o := w.facts.Shared[e.Key]; o != nil {
			w.observed[e.Key] = o
		}
	}
}

// postponeRoutes takes the static routes out of a plan whose last write failed
// and is not due for another try. (A service-engine group stays in: new virtual
// services wait for it.)
func (w *worker) postponeRoutes(in *plan.Input) (postponed []plan.Key) {
	now := w.now()
	in.Edits = slices.DeleteFunc(slices.Clone(in.Edits), func(e translate.Edit) bool {
		f := w.failed[e.Key]
		if e.Routes == nil || f == nil || f.due(now) {
			return false
		}
		postponed = append(postponed, e.Key)
		return true
	})
	return postponed
}

// noteUndone notes what is not as it is wanted, of what a plan has looked at.
func (w *worker) noteUndone(in plan.Input, p plan.Plan, keep bool) {
	w.undone = emptied(w.undone)
	w.edits, w.changed = false, false
	for _, s := range p.Steps {
		w.undone[s.Key] = struct{}{}
	}
	for _, c := range p.Conflicts {
		w.undone[c.Key] = struct{}{}
	}
	for _, s := range p.Skipped {
		switch {
		case in.Mode == plan.ModeCreateOnly && s.Op != plan.Create:
			// Left out as long as the mode is what it is; another mode looks at
			// everything.
		case s.Op == plan.Delete && (keep || w.keepsHeld(s.Key)) && !w.seenToGo(s.Key):
			// So is what isn't known, until it is, and what a unit keeps.
		default:
			w.undone[s.Key] = struct{}{}
		}
	}
}

// notePlan keeps for people what the plan is about.
func (w *worker) notePlan(reg *v1alpha1.Cluster, p plan.Plan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	strangers, text := w.strangers(reg, w.approved)
	if p.Held != "" && w.status.Held != p.Held {
		w.log.Warn("the plan is held and waits for approval", "reason", p.Held)
	}
	w.braked = nil
	if p.Held != "" {
		for _, s := range p.Steps {
			if s.Op == plan.Delete && (s.Key.Type == typeVirtualService || s.Key.Type == typePool) {
				w.braked = set(w.braked, s.Key, struct{}{})
			}
		}
	}
	w.status.Held = p.Held
	if p.Held == "" && text != "" {
		w.braked, w.status.Held = strangers, text
	}
	w.status.Pending = len(p.Steps)
	w.status.Objects = w.model.graph.Len()
}

func set[V any](m map[plan.Key]V, k plan.Key, v V) map[plan.Key]V {
	if m == nil {
		m = map[plan.Key]V{}
	}
	m[k] = v
	return m
}

func sortObjects(os []*desired.Object) {
	slices.SortFunc(os, func(a, b *desired.Object) int { return desired.CompareKeys(a.Key, b.Key) })
}
