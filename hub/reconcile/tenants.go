package reconcile

import (
	"errors"
	"fmt"

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
		"the namespace asks for the Avi tenant %q, which the controller does not have: nothing is made", tenant)}
}

// reasonTenantRights tells an owner that the hub may not use a tenant.
const reasonTenantRights = "TenantForbidden"
