package reconcile

import (
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/kinds"
)

// group is a set of units that wait for the same kinds.
type group string

const (
	// groupServices holds the infrastructure and the Services of type
	// LoadBalancer.
	groupServices group = "services"
	// groupHosts holds the virtual hosts and the Ingresses without any.
	groupHosts group = "hosts"
	// groupRoutes holds the static routes. No object comes of it, so nothing
	// else waits for its kinds.
	groupRoutes group = "routes"
)

var groups = []group{groupServices, groupHosts, groupRoutes}

func groupOf(k translate.UnitKind) group {
	switch k {
	case translate.UnitHost, translate.UnitIngress, translate.UnitHostlessRoute:
		return groupHosts
	case translate.UnitRoutes:
		return groupRoutes
	}
	return groupServices
}

// needs lists the kinds that must be complete before a group's units can be
// translated: what is missing in an incomplete kind is unknown, not gone.
func needs(g group, s *translate.Settings) []string {
	if g == groupRoutes {
		return routeNeeds(s)
	}
	out := []string{kinds.Namespace, kinds.Service, kinds.EndpointSlice}
	switch s.ServiceType {
	case "NodePort":
		out = append(out, kinds.Node)
	case "NodePortLocal":
		out = append(out, kinds.Node, kinds.Pod)
	}
	if g == groupHosts {
		out = append(out, kinds.Secret)
		if !s.OpenShift {
			out = append(out, kinds.IngressClass, kinds.Ingress)
		}
	}
	return out
}

// routeNeeds lists the kinds that static routes are made from.
func routeNeeds(s *translate.Settings) []string {
	if !s.RoutesWritten() {
		return nil
	}
	out := []string{kinds.Node}
	if kind, _ := kinds.PodNetworks(s.CNI); kind != "" {
		out = append(out, kind)
	}
	return out
}

// missing returns the kinds that a group still waits for.
func missing(v mirror.View, g group, s *translate.Settings) []string {
	var out []string
	for _, k := range needs(g, s) {
		if !v.Synced(k) {
			out = append(out, k)
		}
	}
	if _, known := translate.HasRoutes(v); g == groupHosts && !known {
		// Whether Routes are served or Ingresses is not known, nor which Routes.
		out = append(out, kinds.Route)
	}
	return out
}

// takeRoutes takes over whether the cluster has OpenShift's Routes, once that is
// known: it decides what hosts are asked for with, so all of them are looked at
// again when it is another answer.
func (w *worker) takeRoutes(v mirror.View) {
	has, known := translate.HasRoutes(v)
	if !known || has == w.model.settings.OpenShift {
		return
	}
	w.log.Info("what asks for hosts has changed", "routes", has)
	w.model.settings.OpenShift = has
	w.opened[groupHosts] = false
}
