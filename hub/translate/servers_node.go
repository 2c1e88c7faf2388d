package translate

import (
	"encoding/json"
	"net/netip"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// nodePortServers are the cluster's nodes under the port's node port
// (l4-infra.md §1.8.2, l7.md §19.3): at most one address a node, IPv4 before
// IPv6. Readiness and taints of nodes are not asked for.
func nodePortServers(d *deps, s *Settings, svc mirror.Object[*akohubv1.Service], port portMatch) []server {
	if svc.Body.GetType() == "ClusterIP" {
		return nil
	}
	number := nodePortOf(svc.Body, port)
	if number == 0 {
		return nil
	}
	fams := servedFamilies(s, svc.Body)
	local := svc.Body.GetExternalTrafficPolicy() == "Local"
	var hosts map[string]families
	if local {
		hosts = endpointNodes(d, svc, port)
	}
	var out []server
	for _, n := range d.Nodes() {
		if !selectedForNodePorts(s, n.Body) {
			continue
		}
		allowed := fams
		if local {
			has := hosts[n.Ref.Name]
			allowed = families{v4: fams.v4 && has.v4, v6: fams.v6 && has.v6}
		}
		v4, v6 := nodeAddrs(s, n.Body)
		switch {
		case allowed.v4 && v4.IsValid():
			out = append(out, server{addr: v4, port: number})
		case allowed.v6 && v6.IsValid():
			out = append(out, server{addr: v6, port: number})
		}
	}
	return out
}

// selectedForNodePorts says whether a node's address is one for node ports. A
// label that is missing is not an empty one.
func selectedForNodePorts(s *Settings, n *akohubv1.Node) bool {
	sel := s.NodePortSelector
	if sel.Key == "" {
		return true
	}
	value, ok := n.GetMeta().GetLabels()[sel.Key]
	return ok && value == sel.Value
}

// nodePortOf finds the node port of a Service's port: by name, or the only one.
func nodePortOf(svc *akohubv1.Service, port portMatch) int32 {
	ports := svc.GetPorts()
	if len(ports) == 1 {
		return ports[0].GetNodePort()
	}
	for _, p := range ports {
		if p.GetName() == port.PortName {
			return p.GetNodePort()
		}
	}
	return 0
}

// endpointNodes are the nodes that have an endpoint for the port, ready or not,
// with the families of those endpoints.
func endpointNodes(d *deps, svc mirror.Object[*akohubv1.Service], port portMatch) map[string]families {
	out := make(map[string]families)
	epSlices := d.EndpointSlices(svc.Ref.Namespace, svc.Ref.Name)
	for _, slice := range epSlices {
		if _, ok := slicePort(slice.Body, port, len(epSlices) == 1); !ok {
			continue
		}
		for _, ep := range slice.Body.GetEndpoints() {
			if ep.GetNodeName() == "" || len(ep.GetAddresses()) == 0 {
				continue
			}
			addr, err := netip.ParseAddr(ep.GetAddresses()[0])
			if err != nil {
				continue
			}
			f := out[ep.GetNodeName()]
			f.v4 = f.v4 || addr.Is4()
			f.v6 = f.v6 || !addr.Is4()
			out[ep.GetNodeName()] = f
		}
	}
	return out
}

// Annotations by which network plugins tell a node's addresses.
const (
	calicoIPv4Annotation = "projectcalico.org/IPv4Address"
	calicoIPv6Annotation = "projectcalico.org/IPv6Address"
	antreaAnnotation     = "node.antrea.io/transport-addresses"
)

// nodeAddrs returns the addresses of a node: those of the network plugin where
// it says some, else the first internal address of each family (l4-infra.md
// §1.8.4). One that is missing is the zero value.
func nodeAddrs(s *Settings, n *akohubv1.Node) (v4, v6 netip.Addr) {
	take := func(text string) {
		text, _, _ = strings.Cut(strings.TrimSpace(text), "/")
		addr, err := netip.ParseAddr(text)
		switch {
		case err != nil:
		case addr.Is4() && !v4.IsValid():
			v4 = addr
		case addr.Is6() && !v6.IsValid():
			v6 = addr
		}
	}
	annotations := n.GetMeta().GetAnnotations()
	switch s.CNI {
	case "calico":
		take(annotations[calicoIPv4Annotation])
		take(annotations[calicoIPv6Annotation])
	case "antrea":
		for _, a := range strings.Split(annotations[antreaAnnotation], ",") {
			take(a)
		}
	}
	for _, a := range n.GetAddresses() {
		if a.GetType() == "InternalIP" {
			take(a.GetAddress())
		}
	}
	return v4, v6
}

// nplAnnotation on a Pod lists its NodePortLocal mappings.
const nplAnnotation = "nodeportlocal.antrea.io"

// nplMapping is an entry of nplAnnotation.
type nplMapping struct {
	PodPort  int32  `json:"podPort"`
	NodeIP   string `json:"nodeIP"`
	NodePort int32  `json:"nodePort"`
	// Protocol is "tcp" or "udp"; older Antreas don't say it.
	Protocol string `json:"protocol"`
}

// nodePortLocalServers are the Service's Pods under the node ports that Antrea
// mapped to them (l4-infra.md §1.8.3, l7.md §19.4). A Pod whose annotation is
// no list of mappings has none yet. A Pod that is being deleted is a server only
// as long as it is an endpoint, whose state then counts.
func nodePortLocalServers(d *deps, s *Settings, svc mirror.Object[*akohubv1.Service], port portMatch) []server {
	if svc.Body.GetType() == "NodePort" || len(svc.Body.GetSelector()) == 0 {
		return nil
	}
	fams := servedFamilies(s, svc.Body)
	enabled := podsEnabled(d, svc)
	var out []server
	for _, pod := range d.PodsOf(svc.Ref.Namespace, svc.Body.GetSelector()) {
		if !pod.Body.GetReady() {
			continue
		}
		var mappings []nplMapping
		if json.Unmarshal([]byte(pod.Body.GetMeta().GetAnnotations()[nplAnnotation]), &mappings) != nil {
			continue
		}
		on, known := enabled[pod.Ref.Name]
		if pod.Body.GetMeta().GetDeleting() && !known {
			continue
		}
		target := podPort(pod.Body, port)
		for _, m := range mappings {
			addr, err := netip.ParseAddr(m.NodeIP)
			if m.PodPort != target || err != nil || !fams.has(addr) ||
				m.Protocol != "" && !strings.EqualFold(m.Protocol, port.Protocol) {
				continue
			}
			out = append(out, server{addr: addr, port: m.NodePort, enabled: ptr(on || !known)})
		}
	}
	return out
}

// podPort is the number of the target port in a Pod; 0: the Pod doesn't have
// it.
func podPort(pod *akohubv1.Pod, port portMatch) int32 {
	if port.TargetName == "" {
		return port.TargetNumber
	}
	for _, p := range pod.GetPorts() {
		if p.GetName() == port.TargetName {
			return p.GetPort()
		}
	}
	return 0
}

// podsEnabled says of the Pods behind a Service's endpoints whether they take
// traffic.
func podsEnabled(d *deps, svc mirror.Object[*akohubv1.Service]) map[string]bool {
	out := make(map[string]bool)
	for _, slice := range d.EndpointSlices(svc.Ref.Namespace, svc.Ref.Name) {
		for _, ep := range slice.Body.GetEndpoints() {
			if name := ep.GetPodName(); name != "" {
				out[name] = out[name] || endpointEnabled(ep)
			}
		}
	}
	return out
}
