package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// Marked returns the service-engine groups and VRF contexts of the cluster's
// cloud that carry its marks, but for those that are named.
func (c controller) Marked(ctx context.Context, reg *v1alpha1.Cluster, except ...plan.Key) ([]avi.Marked, error) {
	return c.Client.Marked(ctx, avi.MarkedRequest{
		Tenant: reg.Spec.Tenant.Name, Cloud: reg.Spec.Cloud, Cluster: reg.ObjectPrefix(),
		OwnTenantOnly: reg.Spec.Tenant.Dedicated, Except: except,
	})
}

// lookForFormer reads where else than where they belong the cluster's marks are:
// the registration named another group or VRF context earlier, perhaps when
// another hub ran. That it can't be found out is no reason to stop.
func (c controller) lookForFormer(ctx context.Context, reg *v1alpha1.Cluster, f *Facts) error {
	marked, err := c.Marked(ctx, reg, slices.SortedFunc(maps.Keys(f.Shared), desired.CompareKeys)...)
	if err != nil {
		if avi.ClassOf(err) == "" || away(err) {
			return fmt.Errorf("looking for the cluster's former places: %w", err)
		}
		return nil
	}
	f.Former = marked
	for _, m := range marked {
		f.share(m.Observed)
	}
	return nil
}

// leaving returns the edits that take the cluster's label and its static routes
// from groups and VRF contexts that it has left: once what replaces them is
// written, and nothing of the cluster's is there any more. Nothing is known to
// be unused while something that the cluster asks for is not known.
func (w *worker) leaving(reg *v1alpha1.Cluster) []translate.Edit {
	s := &w.model.settings
	if m := reg.Spec.Mode; m != v1alpha1.ModeEnforce && m != v1alpha1.ModeObserve {
		return nil
	}
	if !s.RoutesWritten() || w.keepsUnknown() {
		return nil
	}
	if w.hasNamesakes() {
		// Another instance of the cluster's has the same marks where it is.
		return nil
	}
	edits := w.model.edits()
	var out []translate.Edit
	for _, m := range w.facts.Former {
		belongs := slices.ContainsFunc(edits, func(e translate.Edit) bool { return e.Key == m.Key })
		if !m.Used && !belongs && !w.holdsIn(m) && w.arrived(m.Key.Type, edits) {
			out = append(out, translate.Leaving(s, m.Key))
		}
	}
	return out
}

// holdsIn says that one of the cluster's known objects is in a former place. The
// controller's user need not have seen it when it looked for uses: it may have to
// ask in each tenant by itself, and asked in none of the namespaces'.
func (w *worker) holdsIn(m avi.Marked) bool {
	for k, o := range w.observed {
		if desired.Own(k.Type) && m.UsedBy(o) {
			return true
		}
	}
	return false
}

// hasNamesakes says that another registration has the cluster's name.
func (w *worker) hasNamesakes() bool { return w.namesakes != nil && w.namesakes.any(w.cluster) }

// formerSoon is how long after virtual services have moved it is looked whether
// their former place is empty.
const formerSoon = time.Minute

// lookAtFormerSoon has the controller read again soon after a plan that may have
// emptied a former place.
func (w *worker) lookAtFormerSoon(p plan.Plan) {
	if len(w.facts.Former) == 0 {
		return
	}
	if slices.ContainsFunc(p.Steps, func(s plan.Step) bool { return s.Key.Type == typeVirtualService && s.Op != plan.Create }) {
		w.readAgainBy(w.now().Add(formerSoon))
	}
}

// arrived says that the edits of a type have been made.
func (w *worker) arrived(typ string, edits []translate.Edit) bool {
	found := false
	for _, e := range edits {
		if e.Key.Type != typ {
			continue
		}
		o := w.facts.Shared[e.Key]
		if o == nil {
			return false
		}
		if m := plan.Merge(o.Body, e); m.Due() || m.Foreign != "" {
			return false
		}
		found = true
	}
	return found
}

// lookAtFormer reads what marks of the cluster's are in other groups and VRF
// contexts of its cloud: those of AviInfraSettings, and those that the
// registration named earlier.
func (o *offboarding) lookAtFormer(ctx context.Context, s *translate.Settings) error {
	if o.w.hasNamesakes() {
		return nil // they may be another instance's
	}
	var known []plan.Key
	for _, e := range o.edits {
		known = append(known, e.Key)
	}
	marked, err := o.w.ctl.Marked(ctx, o.reg, known...)
	switch {
	case err != nil && (avi.ClassOf(err) == "" || away(err)):
		return fmt.Errorf("looking for the cluster's former places: %w", err)
	case err != nil:
		o.note("the cluster's marks in other service-engine groups and VRF contexts were not looked for: %v", err)
		return nil
	}
	if o.shared == nil {
		o.shared = map[plan.Key]*plan.Observed{}
	}
	for _, m := range marked {
		if m.Another {
			continue
		}
		o.shared[m.Key] = m.Observed
		o.edits = append(o.edits, translate.Leaving(s, m.Key))
	}
	return nil
}
