package feedback

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Router says who the hub is to Routes: the routerName of the entries in
// status.ingress that are its own. Those under any other name are another
// router's.
type Router string

// Shows says whether an object carries anything of an earlier write-back: the
// mark, or an entry of the router.
func (c Current) Shows(r Router) bool {
	return c.Ours() || len(r.Own(c.Admissions)) > 0
}

// Own returns the entries of the router.
func (r Router) Own(all []*akohubv1.RouteAdmission) []*akohubv1.RouteAdmission {
	var out []*akohubv1.RouteAdmission
	for _, a := range all {
		if a.GetRouterName() == string(r) {
			out = append(out, a)
		}
	}
	return out
}

// ForRoute is [For] for a Route: one entry for each address that serves its
// host, with the annotations as the reason of the condition and the address as
// its message, or one that says why it is not admitted (l7.md §22.3).
func ForRoute(object *akohubv1.ObjectRef, router Router, entries []Entry, controllerUUID string, current Current) (*akohubv1.WriteBack, error) {
	wb := &akohubv1.WriteBack{Object: object}
	failed := func(err error) error {
		return fmt.Errorf("status of %s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
	}
	status, err := router.admissions(entries, controllerUUID)
	if err != nil {
		return nil, failed(err)
	}
	if !slices.EqualFunc(status, router.Own(current.Admissions), sameAdmission) {
		wb.Route = &akohubv1.RouteStatus{RouterName: string(router), Ingress: status}
	}
	if wb.Annotations, err = annotationsOf(entries, controllerUUID, current.Annotations); err != nil {
		return nil, failed(err)
	}
	if wb.Route == nil && wb.Annotations == nil {
		return nil, nil
	}
	return wb, nil
}

// admissions are the entries that the status is to have, sorted by host; those
// of one host keep the order of its addresses.
func (r Router) admissions(entries []Entry, controllerUUID string) ([]*akohubv1.RouteAdmission, error) {
	annotations, err := annotationsFor(entries, controllerUUID)
	if err != nil {
		return nil, err
	}
	reason := ""
	if len(annotations) > 0 {
		text, err := json.Marshal(annotations)
		if err != nil {
			return nil, err
		}
		reason = string(text)
	}
	var out []*akohubv1.RouteAdmission
	for _, e := range entries {
		switch {
		case e.Refused != "":
			out = append(out, &akohubv1.RouteAdmission{Host: e.Host, RouterName: string(r), Reason: e.Refused})
		case e.Status:
			for _, a := range e.Addresses {
				out = append(out, &akohubv1.RouteAdmission{Host: e.Host, RouterName: string(r), Admitted: true, Reason: reason, Message: a})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *akohubv1.RouteAdmission) int { return cmp.Compare(a.GetHost(), b.GetHost()) })
	return slices.CompactFunc(out, sameAdmission), nil
}

// sameAdmission compares what two entries say. Reasons may be of AKO's making.
func sameAdmission(a, b *akohubv1.RouteAdmission) bool {
	return a.GetHost() == b.GetHost() && a.GetAdmitted() == b.GetAdmitted() && a.GetMessage() == b.GetMessage() &&
		sameReason(a.GetReason(), b.GetReason())
}

func sameReason(have, want string) bool {
	if have == want {
		return true
	}
	var a, b map[string]string
	if json.Unmarshal([]byte(have), &a) != nil || json.Unmarshal([]byte(want), &b) != nil || len(a) != len(b) {
		return false
	}
	for name, value := range b {
		if old, ok := a[name]; !ok || !sameAnnotation(name, old, value) {
			return false
		}
	}
	return true
}
