package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// The API's names of the types that the brake counts, and that it lets pass.
const (
	typeVirtualService = "virtualservice"
	typePool           = "pool"
	typeVsVip          = "vsvip"
)

// maxSteps bounds what is written in one go, so that a user's change does not
// wait for the end of a large plan: the rest is planned again with it
// (decisions.md, 11).
const maxSteps = 256

// apply carries a plan out, takes over what the controller answered, and notes
// the Kubernetes objects that have news.
func (w *worker) apply(ctx context.Context, reg *v1alpha1.Cluster, p plan.Plan) error {
	w.held = p.Held != ""
	for _, c := range p.Conflicts {
		w.conflict(c)
	}
	w.full = false
	if !writes(reg.Spec.Mode) {
		return nil
	}
	if w.held {
		// The deletions wait, and all that goes with them. Where the traffic of
		// what is there goes to must not wait.
		p = onlyMembers(p)
	} else {
		w.dropApproval()
	}
	rest := 0
	if n := len(p.Steps); n > maxSteps {
		// No step comes before one that it needs, so any first part of a plan is
		// a plan.
		p.Steps, rest = p.Steps[:maxSteps], n-maxSteps
		w.more = true
	}
	err := w.carryOut(ctx, p)
	w.lookAtFormerSoon(p)
	w.forgetDone()
	w.notePending(p, rest, err != nil)
	return err
}

// onlyMembers returns what of a held plan changes pools and needs nothing else.
func onlyMembers(p plan.Plan) plan.Plan {
	steps := p.Steps
	p.Steps, p.Held = nil, ""
	for _, s := range steps {
		if s.Op == plan.Update && s.Key.Type == typePool && len(s.After) == 0 {
			p.Steps = append(p.Steps, s)
		}
	}
	return p
}

func (w *worker) conflict(c plan.Conflict) {
	if f := w.failed[c.Key]; f != nil && !f.due(w.now()) {
		return // known, and not looked at again yet
	}
	err := &avi.Error{Class: avi.Conflict, Op: "planning", Tenant: c.Key.Tenant, Type: c.Key.Type, Name: c.Key.Name, Owner: c.Owner,
		Message: "the name is taken by an object of " + strconv.Quote(c.Owner) + ", which is not this cluster's and is left alone"}
	if c.Key.Type == "serviceenginegroup" {
		err.Message = "it has " + c.Owner + ": a service-engine group can serve the static routes of one cluster only"
	}
	w.fail(c.Key, err)
	if c.Key.Type == "serviceenginegroup" {
		// It was read with the facts, so that is how it is looked at again.
		w.sooner(w.failed[c.Key])
	}
}

// sooner has the controller read again when a failure is due, a few times.
func (w *worker) sooner(f *failure) {
	if f.attempts <= 5 {
		w.readAgainBy(f.next)
	}
}

// readAgainBy has the controller read again at a time, if not earlier.
func (w *worker) readAgainBy(t time.Time) {
	if t.Before(w.refreshAt) {
		w.refreshAt = t
	}
}

func (w *worker) carryOut(ctx context.Context, p plan.Plan) error {
	if len(p.Steps) == 0 {
		return nil
	}
	tenants := map[string]struct{}{}
	for _, s := range p.Steps {
		tenants[s.Key.Tenant] = struct{}{}
	}
	leave, err := w.lanes.enter(ctx, w.ctl.Name(), sortedKeys(tenants))
	if err != nil {
		return err
	}
	defer leave()
	results := w.ctl.Apply(ctx, p, nil)
	trouble := w.troubleIn(ctx, results)
	freed := map[string]bool{}
	for _, r := range results {
		w.noteFreed(r, freed)
		w.settle(p.Steps[r.Step], r, trouble != nil)
	}
	w.retryFreed(freed)
	if trouble != nil {
		return fmt.Errorf("writing: %w", trouble)
	}
	return ctx.Err()
}

// troubleIn returns the error of an application that is the controller's and no
// object's, if there is one. A request that got no answer while others did may
// have failed for its own sake.
func (w *worker) troubleIn(ctx context.Context, results []avi.Result) error {
	var first error
	for _, r := range results {
		switch {
		case r.Err == nil:
			return nil
		case first == nil && away(r.Err):
			first = r.Err
		}
	}
	if avi.IsClass(first, avi.Unavailable) && w.ctl.Probe(ctx) == nil {
		return nil
	}
	return first
}

// away says that an error means that the controller takes nothing for now.
func away(err error) bool {
	switch avi.ClassOf(err) {
	case avi.Unavailable, avi.UpgradeInProgress, avi.Unauthorized, avi.Untrusted, avi.RateLimited, avi.Canceled:
		return true
	}
	return false
}

// settle takes over the result of one step. What was not done for another's sake
// stays undone and is no failure of its own.
func (w *worker) settle(step plan.Step, r avi.Result, trouble bool) {
	k := step.Key
	if avi.IsClass(r.Err, avi.Skipped) || r.Err != nil && trouble && away(r.Err) {
		return
	}
	w.model.toldOf(k, w.news)
	w.metrics.step(w.cluster, step.Op, r.Err)
	if r.Err != nil {
		w.fail(k, r.Err)
		return
	}
	delete(w.failed, k)
	delete(w.undone, k)
	if _, was := w.refused[k]; was {
		delete(w.refused, k)
		w.tellOwners(k)
	}
	if r.Wrote {
		w.noteWrite()
	}
	switch {
	case step.Op == plan.Delete:
		w.letGo(k)
		delete(w.explicit, k)
		if step.Again {
			w.undone[k], w.more = struct{}{}, true
		}
	case r.Observed == nil:
	case step.Op == plan.Edit:
		w.facts.share(r.Observed)
		w.observed[k] = r.Observed
	default:
		w.hold(r.Observed)
		if obj, ok := w.model.graph.Get(k); ok && obj.Hash != step.Want.Hash {
			// It was written without what cannot be for now.
			w.undone[k] = struct{}{}
		}
	}
}

// fail notes that an object could not be written, and when to try again.
func (w *worker) fail(k plan.Key, err error) {
	f := w.failed[k]
	if f == nil {
		f = &failure{}
		w.failed[k] = f
	}
	f.again(w.now(), err)
	w.undone[k] = struct{}{}
	w.refuse(k, err)
	if outdated(err) {
		// What was read is not what is there: look again before the next try.
		w.sooner(f)
	}
}

// refuse notes that the controller will not have an object, if that is what an
// error says, so that the object's owners can mend it. What failed for the
// controller's sake or the moment's is not told them.
func (w *worker) refuse(k plan.Key, err error) {
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
	w.tellOwners(k)
}

// tellOwners has the Kubernetes objects looked at that an Avi object exists for.
func (w *worker) tellOwners(k plan.Key) {
	if obj, ok := w.model.graph.Get(k); ok {
		for _, ref := range obj.From {
			w.news[ref] = struct{}{}
		}
	}
	w.model.toldOf(k, w.news)
	w.tellWaiting(k)
}

// forgetDone drops failures of objects that need nothing any more: a failure
// that was due was in the plan, and without a step it is no longer one.
func (w *worker) forgetDone() {
	for k := range w.failed {
		if _, open := w.undone[k]; open {
			continue
		}
		delete(w.failed, k)
		if _, was := w.refused[k]; was {
			delete(w.refused, k)
			w.tellOwners(k)
		}
	}
	for k := range w.explicit {
		if w.observed[k] == nil {
			delete(w.explicit, k)
		}
	}
}

// dropApproval ends an approval once nothing is left that it was for.
func (w *worker) dropApproval() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k := range w.approved {
		_, wanted := w.model.graph.Get(k)
		if wanted || w.observed[k] == nil {
			delete(w.approved, k)
		}
	}
}

// notePending keeps for people how many writes are still to be made: rest of the
// plan's, those that failed, and those that were not tried since the controller
// is in trouble. What it refused waits for its owner and is not among them.
func (w *worker) notePending(p plan.Plan, rest int, trouble bool) {
	n := rest
	for k := range w.failed {
		if _, refused := w.refused[k]; !refused {
			n++
		}
	}
	for _, s := range p.Steps {
		_, undone := w.undone[s.Key]
		if trouble && undone && w.failed[s.Key] == nil {
			n++
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.held {
		w.status.Pending = n
	}
}

// outdated says that an error means that the inventory is out of date.
func outdated(err error) bool {
	switch avi.ClassOf(err) {
	case avi.Precondition, avi.NotFound, avi.Exists, avi.InUse:
		return true
	}
	return false
}
