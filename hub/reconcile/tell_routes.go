package reconcile

import (
	"slices"

	"github.com/akohub/akohub/hub/feedback"
	"github.com/akohub/akohub/hub/translate"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// routeShows is what a Route shows now.
func routeShows(r *akohubv1.Route) feedback.Current {
	return feedback.Current{Admissions: r.GetStatus(), Annotations: r.GetMeta().GetAnnotations()}
}

// ownAdmissions returns the entries of a Route's status that are the hub's; none
// before it is known what it goes by.
func (w *worker) ownAdmissions(entries []*akohubv1.RouteAdmission) []*akohubv1.RouteAdmission {
	if w.model == nil {
		return nil
	}
	return w.router().Own(entries)
}

// admitted says whether any of a router's entries says that it serves the Route.
func admitted(entries []*akohubv1.RouteAdmission, router feedback.Router) bool {
	return slices.ContainsFunc(router.Own(entries), (*akohubv1.RouteAdmission).GetAdmitted)
}

// routeEvent is the Event that goes with a Route's changed status; nil: none.
// Why one is not served its problems say.
func (w *worker) routeEvent(s *akohubv1.RouteStatus, pubs []translate.Publication, current feedback.Current) *akohubv1.ObjectEvent {
	router := w.router()
	before, after := admitted(current.Admissions, router), admitted(s.GetIngress(), router)
	e := &akohubv1.ObjectEvent{Severity: akohubv1.ObjectEvent_SEVERITY_NORMAL}
	switch {
	case !w.inForce.Spec.Events.Normal:
		return nil
	case after && !before:
		e.Reason, e.Message = reasonSynced, syncedMessage(pubs)
	case before && !after:
		e.Reason, e.Message = reasonRemoved, "Removed the virtual service of the object"
	default:
		return nil
	}
	return e
}
