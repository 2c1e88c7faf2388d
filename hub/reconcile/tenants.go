package reconcile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
)

// noteAbsent notes that a tenant that a namespace asks for can't be used: it is
// not there, or the controller's user has no rights in it. Only the owners of
// objects in it need mind.
func (w *worker) noteAbsent(tenant string, err error) {
	f := w.absent[tenant]
	if f == nil {
		f = &failure{}
		w.absent[tenant] = f
		w.retellAll()
	}
	f.again(w.now(), err)
}

// absence says why a tenant can't be used; nil: it can, as far as is known.
func (w *worker) absence(tenant string) error {
	if f := w.absent[tenant]; f != nil {
		return f.err
	}
	return nil
}

// absences says which tenants of namespaces can't be used, and which that hold
// objects from earlier.
func (w *worker) absences() error {
	if len(w.absent) == 0 {
		return nil
	}
	var errs []error
	var names []string
	for _, t := range sortedKeys(w.absent) {
		err := w.absent[t].err
		switch {
		case w.model.tenants[t] == 0:
			errs = append(errs, fmt.Errorf("objects of the cluster are left in tenant %q: %w", t, err))
		case avi.IsForbidden(err):
			errs = append(errs, fmt.Errorf("a namespace asks for the tenant %q: %w", t, err))
		default:
			names = append(names, t)
		}
	}
	if len(names) > 0 {
		errs = append(errs, errors.New("namespaces ask for tenants that the controller does not have, or in which its user has no role: "+strings.Join(names, ", ")))
	}
	return errors.Join(errs...)
}

// absentWarning tells the owner of an object why nothing is made in a tenant.
func absentWarning(tenant string, err error) warning {
	if avi.IsForbidden(err) {
		why := ""
		if e := (*avi.Error)(nil); errors.As(err, &e) {
			why = ": " + e.Message
		}
		return warning{reasonTenantRights, fmt.Sprintf(
			"the namespace asks for the Avi tenant %q, in which the hub lacks rights: nothing new is made there%s", tenant, why)}
	}
	return warning{reasonTenant, fmt.Sprintf(
		"the namespace asks for the Avi tenant %q, which the controller does not have, or in which its user has no role: nothing new is made there", tenant)}
}

// keptWaiting says of an object that is not the cluster's own and that could not
// be edited that it keeps something of the publications from being made.
func (w *worker) keptWaiting(edit plan.Key, pubs []translate.Publication) bool {
	return slices.ContainsFunc(pubs, func(p translate.Publication) bool {
		vs, ok := w.model.graph.Get(p.VirtualService)
		return ok && w.observed[vs.Key] == nil && plan.DependsOnEdit(vs, edit)
	})
}

// tellWaiting has the Kubernetes objects looked at whose virtual services wait
// for the edit of an object, if that is one to be edited.
func (w *worker) tellWaiting(k plan.Key) {
	if desired.Own(k.Type) {
		return
	}
	for shown := range w.model.shown {
		vs, ok := w.model.graph.Get(shown)
		if ok && w.observed[shown] == nil && plan.DependsOnEdit(vs, k) {
			w.model.toldOf(shown, w.news)
		}
	}
}

// reasonTenantRights tells an owner that the hub may not use a tenant.
const reasonTenantRights = "TenantForbidden"
