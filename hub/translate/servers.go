package translate

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Values of Settings.ServiceType beside ClusterIP, the default.
const (
	serviceTypeNodePort      = "NodePort"
	serviceTypeNodePortLocal = "NodePortLocal"
)

// portMatch is a port of a Service, as pools are looked up by.
type portMatch struct {
	// Protocol is TCP, UDP or SCTP.
	Protocol string
	// PortName is the name of the Service's port; it may be empty.
	PortName string
	// Number is that of the Service's port.
	Number int32
	// TargetNumber is the target port as a number; 0: it is given by name.
	TargetNumber int32
	// TargetName is the target port's name; empty: it is given as a number.
	TargetName string
}

// matchOf is the match of a Service's port.
func matchOf(p *akohubv1.ServicePort) portMatch {
	protocol := p.GetProtocol()
	if protocol == "" {
		protocol = protocolTCP
	}
	return portMatch{
		Protocol:     protocol,
		PortName:     p.GetName(),
		Number:       p.GetPort(),
		TargetNumber: p.GetTargetPortNumber(),
		TargetName:   p.GetTargetPortName(),
	}
}

// server is an endpoint before it becomes a model.
type server struct {
	addr netip.Addr
	// text is addr as text; serverModels fills it in.
	text string
	port int32
	// enabled is nil where it is not said (NodePort).
	enabled *bool
	node    string
}

// buildServers returns the servers of the pool of a Service's port, by the
// cluster's mode, sorted by address text and port, without doubles
// (l7.md §19, l4-infra.md §1.8). A missing Service has none.
//
// It asks nothing about the Service's type beyond what the mode needs: that an
// Ingress may not lead to a LoadBalancer Service is the caller's knowledge.
func buildServers(d *deps, s *Settings, namespace, service string, port portMatch) []*models.Server {
	svc, ok := d.Service(namespace, service)
	if !ok {
		return nil
	}
	switch s.ServiceType {
	case serviceTypeNodePort:
		return serverModels(nodePortServers(d, s, svc, port))
	case serviceTypeNodePortLocal:
		return serverModels(nodePortLocalServers(d, s, svc, port))
	}
	return serverModels(endpointServers(d, s, svc, port))
}

// endpointServers are the endpoints themselves (l4-infra.md §1.8.1).
//
// Each slice's endpoints get that slice's port number: a target port given by
// name may have different numbers in different Pods. AKO gives all the number
// that it read last.
func endpointServers(d *deps, s *Settings, svc mirror.Object[*akohubv1.Service], port portMatch) []server {
	fams := servedFamilies(s, svc.Body)
	epSlices := d.EndpointSlices(svc.Ref.Namespace, svc.Ref.Name)
	var out []server
	for _, slice := range epSlices {
		number, ok := slicePort(slice.Body, port, len(epSlices) == 1)
		if !ok {
			continue
		}
		for _, ep := range slice.Body.GetEndpoints() {
			if len(ep.GetAddresses()) == 0 {
				continue
			}
			// Further addresses lead to the same endpoint.
			addr, err := netip.ParseAddr(ep.GetAddresses()[0])
			if err != nil || !fams.has(addr) {
				continue
			}
			out = append(out, server{
				addr:    addr,
				port:    number,
				enabled: ptr(endpointEnabled(ep)),
				node:    ep.GetNodeName(),
			})
		}
	}
	return out
}

// slicePort finds the port of a slice that belongs to a Service's port: by the
// Service port's name, else by the number of the target port. The only port of
// the only slice always does. A port without number stands for none.
func slicePort(slice *akohubv1.EndpointSlice, port portMatch, only bool) (int32, bool) {
	ports := slice.GetPorts()
	if only && len(ports) == 1 {
		return ports[0].GetPort(), ports[0].GetPort() != 0
	}
	for _, p := range ports {
		if p.GetName() == port.PortName && p.GetPort() != 0 {
			return p.GetPort(), true
		}
	}
	if port.TargetNumber != 0 {
		for _, p := range ports {
			if p.GetPort() == port.TargetNumber {
				return p.GetPort(), true
			}
		}
	}
	return 0, false
}

// endpointEnabled says whether an endpoint takes traffic: ready and not on its
// way out. Others stay in the pool, disabled, so that their connections end
// in peace. An unknown readiness counts as ready, as Kubernetes defines it.
func endpointEnabled(ep *akohubv1.Endpoint) bool {
	ready := ep.Ready == nil || ep.GetReady()
	return ready && !ep.GetTerminating()
}

// families are the address families that servers may have.
type families struct{ v4, v6 bool }

func (f families) has(a netip.Addr) bool {
	if a.Is4() {
		return f.v4
	}
	return f.v6
}

// servedFamilies are those that both the cluster and the Service have
// (l7.md §19.2, l4-infra.md §2.18).
func servedFamilies(s *Settings, svc *akohubv1.Service) families {
	cluster := families{v4: true}
	switch s.CloudType {
	case cloudVCenter, cloudNone, cloudNSXT, "":
		switch s.IPFamily {
		case familyV4:
		case familyV6:
			cluster = families{v6: true}
		default:
			cluster.v6 = true
		}
	}
	service := families{v4: true}
	switch fs := svc.GetIpFamilies(); {
	case len(fs) > 1:
		service.v6 = true
	case len(fs) == 1 && fs[0] == "IPv6":
		service = families{v6: true}
	}
	return families{v4: cluster.v4 && service.v4, v6: cluster.v6 && service.v6}
}

// serverModels sorts servers by address text, then port, and makes one of
// doubles: an endpoint can be in two slices while it moves between them. Of
// doubles the enabled one counts.
func serverModels(servers []server) []*models.Server {
	for i := range servers {
		servers[i].text = servers[i].addr.String()
	}
	slices.SortFunc(servers, func(a, b server) int {
		return cmp.Or(
			strings.Compare(a.text, b.text),
			cmp.Compare(a.port, b.port),
			cmp.Compare(rank(a), rank(b)),
			strings.Compare(b.node, a.node), // one with a node first
		)
	})
	servers = slices.CompactFunc(servers, func(a, b server) bool { return a.addr == b.addr && a.port == b.port })
	out := make([]*models.Server, 0, len(servers))
	for _, sv := range servers {
		m := &models.Server{
			IP:           ipAddr(sv.text, family(sv.addr)),
			Port:         ptr(sv.port),
			ExternalUUID: ptr(sv.text + ":" + strconv.Itoa(int(sv.port))),
			Enabled:      sv.enabled,
		}
		if sv.node != "" {
			m.ServerNode = ptr(sv.node)
		}
		out = append(out, m)
	}
	return out
}

func rank(s server) int {
	if s.enabled != nil && *s.enabled {
		return 0
	}
	return 1
}

// placementNetworks tells the controller on which networks a pool's servers
// are, where the cloud can't find out by itself (l4-infra.md §1.8.5).
func placementNetworks(s *Settings) []*models.PlacementNetwork {
	if s.CloudType != cloudVCenter && (s.CloudType != cloudNSXT || s.T1LR != "") {
		return nil
	}
	var out []*models.PlacementNetwork
	for _, n := range s.NodeNetworks {
		for _, cidr := range n.CIDRs {
			p, err := netip.ParsePrefix(cidr)
			if err != nil {
				continue // registration has refused it
			}
			out = append(out, &models.PlacementNetwork{
				NetworkRef: networkRef(n.Name, n.UUID),
				Subnet:     addrPrefix(p.Masked()),
			})
		}
	}
	return out
}
