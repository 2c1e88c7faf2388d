package reconcile

import (
	"maps"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/plan"
)

// noteFreed adds to freed the addresses and DNS names that a step gives back.
// It comes before the step is settled.
func (w *worker) noteFreed(r avi.Result, freed map[string]bool) {
	before := w.observed[r.Key]
	if r.Key.Type != typeVsVip || r.Err != nil || before == nil {
		return
	}
	var after map[string]any
	switch {
	case r.Op == plan.Delete:
	case r.Observed != nil:
		after = r.Observed.Body
	default:
		return
	}
	maps.Copy(freed, plan.Freed(before.Body, after))
}

// retryFreed has VIPs tried again at once that the controller refused, where what
// they ask for has just been given back by another: they need not wait, and
// their owners need not be told of a refusal that is none any more. (A plan
// orders what it can; a name goes only after it has come to where it will be,
// which a controller with a strict DNS provider may not take, and what was
// refused earlier isn't in the plan that gives back what it needs.)
func (w *worker) retryFreed(freed map[string]bool) {
	if len(freed) == 0 {
		return
	}
	for k := range w.failed {
		obj, wanted := w.model.graph.Get(k)
		if !wanted || !plan.Needs(obj, freed) {
			continue
		}
		delete(w.failed, k)
		delete(w.refused, k)
		w.tellOwners(k)
		w.undone[k], w.more = struct{}{}, true
	}
}
