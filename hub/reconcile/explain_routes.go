package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/explain"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// askingRoutes are askers on an OpenShift cluster: the Routes of the host as
// written, and those that ask for it by their sub-domain.
func (e *explainer) askingRoutes(u translate.UnitKey, f translate.Fragment) []asker {
	routes := slices.Clone(e.v.RoutesOfHost(u.Name))
	for _, d := range f.Deps {
		if d.Kind != kinds.Route || slices.ContainsFunc(routes, func(o mirror.Object[*akohubv1.Route]) bool { return o.Ref == d }) {
			continue
		}
		if r, ok := e.v.Route(d.Namespace, d.Name); ok && slices.Contains(translate.UnitsOf(e.v, &e.m.settings, d), u) && r.Body.GetHost() == "" {
			routes = append(routes, r)
		}
	}
	out := make([]asker, 0, len(routes))
	for _, r := range routes {
		out = append(out, asker{r.Ref, r.Body.GetMeta().GetCreationSeconds(), []explain.Path{pathOfRoute(r)}})
	}
	return out
}

// pathOfRoute is the one path that a Route has, with its Services and what each
// of them weighs.
func pathOfRoute(r mirror.Object[*akohubv1.Route]) explain.Path {
	port := r.Body.GetTargetPortName()
	if n := r.Body.GetTargetPortNumber(); port == "" && n != 0 {
		port = fmt.Sprint(n)
	}
	var to []string
	for _, b := range r.Body.GetBackends() {
		text := r.Ref.Namespace + "/" + b.GetName()
		if port != "" {
			text += ":" + port
		}
		if len(r.Body.GetBackends()) > 1 {
			weight := int32(100) // what is not set counts as much
			if b.Weight != nil {
				weight = b.GetWeight()
			}
			text += fmt.Sprintf(" (%d)", weight)
		}
		to = append(to, text)
	}
	return explain.Path{Rule: 1, Path: r.Body.GetPath(), Type: "Prefix", Backend: strings.Join(to, ", ")}
}

// admissionText is what the hub's own entries of a Route's status say.
func (e *explainer) admissionText(entries []*akohubv1.RouteAdmission) []string {
	var out []string
	for _, a := range e.w.ownAdmissions(entries) {
		text := a.GetHost() + "=" + a.GetMessage()
		if !a.GetAdmitted() {
			text = cmp.Or(a.GetHost(), "(no host)") + " not admitted: " + a.GetReason()
		}
		out = append(out, text)
	}
	return out
}
