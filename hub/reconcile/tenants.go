package reconcile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/akohub/akohub/hub/avi"
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

// reasonTenantRights tells an owner that the hub may not use a tenant.
const reasonTenantRights = "TenantForbidden"
