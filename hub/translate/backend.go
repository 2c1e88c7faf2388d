package translate

import (
	"github.com/vmware/alb-sdk/go/models"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// backendPort finds the port of a Service that a backend means. If there is
// none, what is known goes on: an endpoint slice with a single port still
// matches (l7.md §8.2, §19.2).
func backendPort(svc *akohubv1.Service, backend *akohubv1.IngressBackend) (portMatch, bool) {
	port := findPort(svc, backend)
	if port == nil {
		return portMatch{Protocol: protocolTCP, PortName: backend.GetPortName(), Number: backend.GetPortNumber()}, false
	}
	m := matchOf(port)
	// A NodePort Service is matched by the name of its port alone.
	if svc.GetType() == serviceTypeNodePort {
		m.TargetNumber, m.TargetName = 0, ""
	}
	return m, true
}

// findPort returns the first port with the backend's number, or its name.
func findPort(svc *akohubv1.Service, backend *akohubv1.IngressBackend) *akohubv1.ServicePort {
	for _, p := range svc.GetPorts() {
		if n := backend.GetPortNumber(); n != 0 {
			if p.GetPort() == n {
				return p
			}
		} else if p.GetName() == backend.GetPortName() {
			return p
		}
	}
	return nil
}

func portText(backend *akohubv1.IngressBackend) string {
	if backend.GetPortNumber() != 0 {
		return itoa(backend.GetPortNumber())
	}
	return `"` + backend.GetPortName() + `"`
}

// servedByIngress says whether an Ingress may lead to a Service of this type
// (l7.md §1.5, §19.2).
func servedByIngress(s *Settings, svc *akohubv1.Service) bool {
	switch svc.GetType() {
	case "ExternalName":
		return false
	case serviceTypeLoadBalancer:
		return s.Layer7Only || s.ServiceType == serviceTypeNodePort || s.ServiceType == serviceTypeNodePortLocal
	}
	return true
}

// servers returns the servers of a backend. A Service that is missing or
// cannot be served has none; its pool is made all the same.
func (b *hostBuilder) servers(c *claim, backend *akohubv1.IngressBackend) []*models.Server {
	name := c.ing.Ref.Namespace + "/" + backend.GetServiceName()
	svc, ok := b.d.Service(c.ing.Ref.Namespace, backend.GetServiceName())
	if !ok {
		b.f.problem(c.ing.Ref, c.ing.UID, reasonServiceMissing,
			"Service %s does not exist: %s has no servers from it until it does", name, b.what())
		return nil
	}
	if !servedByIngress(b.s, svc.Body) {
		b.f.problem(c.ing.Ref, c.ing.UID, reasonUnsupportedBackend,
			"Service %s is of type %s, which an Ingress cannot lead to: %s has no servers from it",
			name, svc.Body.GetType(), b.what())
		return nil
	}
	port, found := backendPort(svc.Body, backend)
	if !found {
		b.f.problem(c.ing.Ref, c.ing.UID, reasonPortMissing,
			"Service %s has no port %s, which %s asks for", name, portText(backend), b.what())
	}
	return buildServers(b.d, b.s, c.ing.Ref.Namespace, backend.GetServiceName(), port)
}
