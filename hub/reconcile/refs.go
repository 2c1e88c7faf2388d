package reconcile

import (
	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
)

// noteRefs notes of an object that was just observed that it refers to nothing
// of the cluster's, so that no plan need look for references in it again. One
// whose references carry no names stays as it is: who they mean is only known
// with all others at hand.
func noteRefs(o *plan.Observed) {
	if o == nil || o.Refs != nil {
		return
	}
	nameless := false
	refs := desired.RefsOf(o.Key, o.Body, func(string, string) (plan.Key, bool) {
		nameless = true
		return plan.Key{}, false
	})
	if !nameless && refs == nil {
		o.Refs = []plan.Key{}
	}
}

// referrals tells which observed objects of the cluster's own refer to one.
type referrals struct {
	to map[plan.Key]map[plan.Key]struct{}
	// nameless are objects that refer to who knows whom.
	nameless map[plan.Key]struct{}
}

func newReferrals(observed map[plan.Key]*plan.Observed) *referrals {
	r := &referrals{to: map[plan.Key]map[plan.Key]struct{}{}, nameless: map[plan.Key]struct{}{}}
	for _, o := range observed {
		r.add(o)
	}
	return r
}

func (r *referrals) add(o *plan.Observed) {
	switch {
	case !desired.Own(o.Key.Type):
	case o.Refs == nil:
		r.nameless[o.Key] = struct{}{}
	default:
		for _, to := range o.Refs {
			if r.to[to] == nil {
				r.to[to] = map[plan.Key]struct{}{}
			}
			r.to[to][o.Key] = struct{}{}
		}
	}
}

func (r *referrals) remove(o *plan.Observed) {
	delete(r.nameless, o.Key)
	for _, to := range o.Refs {
		delete(r.to[to], o.Key)
		if len(r.to[to]) == 0 {
			delete(r.to, to)
		}
	}
}

// hold takes over what the controller holds under a name now.
func (w *worker) hold(o *plan.Observed) {
	noteRefs(o)
	w.model.recount = w.model.recount || w.observed[o.Key] == nil
	w.forget(o.Key)
	w.observed[o.Key] = o
	w.holdNames(o.Key, o)
	if w.referrals != nil {
		w.referrals.add(o)
	}
}

// letGo notes that the controller holds nothing under a name any more.
func (w *worker) letGo(k plan.Key) {
	w.model.recount = true
	w.forget(k)
	w.holdNames(k, nil)
}

func (w *worker) forget(k plan.Key) {
	if old := w.observed[k]; old != nil && w.referrals != nil {
		w.referrals.remove(old)
	}
	delete(w.observed, k)
}

// neighbours limits what a narrow plan knows of the controller to what decides
// about its scope: the objects of the scope, what is wanted with them, and what
// refers to them, which Avi would not let be deleted. So the cost of a plan does
// not depend on how much there is. Where it may come to the brake, which goes by
// the number of all virtual services, nothing is left out.
func (w *worker) neighbours(in *plan.Input) {
	if in.Scope == nil {
		return
	}
	services := 0
	for k := range in.Scope {
		if k.Type == typeVirtualService {
			services++
		}
	}
	if services >= in.Brake.MinCount {
		return
	}
	if w.referrals == nil {
		w.referrals = newReferrals(w.observed)
	}
	near := make(map[plan.Key]*plan.Observed, 2*len(in.Scope))
	take := func(k plan.Key) {
		if o := w.observed[k]; o != nil {
			near[k] = o
		}
	}
	for k := range in.Scope {
		take(k)
		for from := range w.referrals.to[k] {
			take(from)
		}
	}
	for _, o := range in.Desired {
		take(o.Key)
	}
	for k := range w.referrals.nameless {
		take(k)
	}
	in.Observed = near
}
