package reconcile

import (
	"context"
	"errors"
	"strconv"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// apply carries a plan out, takes over what the controller answered, and adds to
// told the Kubernetes objects that have news.
func (w *worker) apply(ctx context.Context, reg *v1alpha1.Cluster, p plan.Plan, told map[mirror.Ref]struct{}) error {
	w.held = p.Held != ""
	for _, c := range p.Conflicts {
		err := &avi.Error{Class: avi.Conflict, Op: "planning", Tenant: c.Key.Tenant, Type: c.Key.Type, Name: c.Key.Name, Owner: c.Owner,
			Message: "the name is taken by an object of " + strconv.Quote(c.Owner) + ", which is not this cluster's and is left alone"}
		w.fail(c.Key, err)
		w.refuse(c.Key, err, told)
	}
	if w.held || !writes(reg.Spec.Mode) {
		return nil
	}
	if len(p.Steps) > 0 {
		if err := w.carryOut(ctx, reg, p, told); err != nil {
			return err
		}
	}
	w.full = false
	w.forgetDone(p)
	w.mu.Lock()
	w.approved = false
	// What is left are the steps that failed, also those of earlier plans.
	w.status.Pending = len(w.failed)
	w.mu.Unlock()
	return nil
}

func (w *worker) carryOut(ctx context.Context, reg *v1alpha1.Cluster, p plan.Plan, told map[mirror.Ref]struct{}) error {
	tenants := map[string]struct{}{}
	for _, s := range p.Steps {
		tenants[s.Key.Tenant] = struct{}{}
	}
	leave, err := w.lanes.enter(ctx, reg.Spec.Controller, sortedKeys(tenants))
	if err != nil {
		return err
	}
	defer leave()
	for _, r := range w.ctl.Apply(ctx, p, nil) {
		w.settle(p.Steps[r.Step], r, told)
	}
	return ctx.Err()
}

// settle takes over the result of one step.
func (w *worker) settle(step plan.Step, r avi.Result, told map[mirror.Ref]struct{}) {
	w.model.toldOf(step.Key, told)
	w.metrics.step(w.cluster, step.Op, r.Err)
	if r.Err != nil {
		w.fail(step.Key, r.Err)
		w.refuse(step.Key, r.Err, told)
		if stale(r.Err) {
			// What was read is not what is there: look again before the next try.
			w.loaded = nil
		}
		return
	}
	delete(w.failed, step.Key)
	delete(w.refused, step.Key)
	if r.Wrote {
		w.noteWrite()
	}
	switch step.Op {
	case plan.Delete:
		delete(w.observed, step.Key)
		delete(w.explicit, step.Key)
	case plan.Create, plan.Update, plan.Edit:
		if r.Observed != nil {
			w.observed[step.Key] = r.Observed
		}
	}
}

func (w *worker) fail(k plan.Key, err error) {
	f := w.failed[k]
	if f == nil {
		f = &failure{}
		w.failed[k] = f
	}
	f.again(w.now(), err)
}

// refuse notes that the controller will not have an object, if that is what an
// error says, so that the object's owners can mend it. What failed for the
// controller's sake or the moment's is not told them.
func (w *worker) refuse(k plan.Key, err error, told map[mirror.Ref]struct{}) {
	var e *avi.Error
	if !errors.As(err, &e) {
		return
	}
	r := refusal{text: e.Message}
	switch e.Class {
	case avi.Conflict:
		r.owner = &e.Owner
	case avi.Invalid:
	default:
		return
	}
	if r.text == "" {
		r.text = err.Error()
	}
	w.refused[k] = r
	if obj, ok := w.model.graph.Get(k); ok {
		for _, ref := range obj.From {
			told[ref] = struct{}{}
		}
	}
	w.model.toldOf(k, told)
}

// forgetDone drops failures of objects that need nothing any more.
func (w *worker) forgetDone(p plan.Plan) {
	still := map[plan.Key]struct{}{}
	for _, s := range p.Steps {
		still[s.Key] = struct{}{}
	}
	for _, c := range p.Conflicts {
		still[c.Key] = struct{}{}
	}
	now := w.now()
	for k, f := range w.failed {
		// A failure that was due was in the plan's scope; without a step it is
		// no longer one.
		if _, ok := still[k]; !ok && !now.Before(f.next) {
			delete(w.failed, k)
			delete(w.refused, k)
		}
	}
}

// stale says that an error means that the inventory is out of date.
func stale(err error) bool {
	switch avi.ClassOf(err) {
	case avi.Precondition, avi.NotFound, avi.Exists, avi.InUse:
		return true
	}
	return false
}
