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
