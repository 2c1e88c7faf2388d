package translate

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Annotations of a Node that name its Pod networks.
const (
	podCIDRsAnnotation = "ako.vmware.com/pod-cidrs"
	ovnAnnotation      = "k8s.ovn.org/node-subnets"
)

const cniOVN = "ovn-kubernetes"

// podNetworksOf returns a function that says which Pod networks a node has, in
// the order in which the cluster's network plugin names them (l4-infra.md
// §2.12.2). An error says that they can't be read.
func podNetworksOf(d *deps, s *Settings) func(mirror.Object[*akohubv1.Node]) ([]netip.Prefix, error) {
	kind, _ := kinds.PodNetworks(s.CNI)
	switch {
	case kind != "":
		texts, broken := customNetworks(d, kind)
		return func(n mirror.Object[*akohubv1.Node]) ([]netip.Prefix, error) {
			if err := broken[n.Ref.Name]; err != nil {
				return nil, err
			}
			return parsePrefixes(texts[n.Ref.Name])
		}
	case s.CNI == cniOVN:
		return func(n mirror.Object[*akohubv1.Node]) ([]netip.Prefix, error) {
			return ovnNetworks(n.Body.GetMeta().GetAnnotations()[ovnAnnotation])
		}
	}
	return func(n mirror.Object[*akohubv1.Node]) ([]netip.Prefix, error) {
		text := strings.TrimSpace(n.Body.GetMeta().GetAnnotations()[podCIDRsAnnotation])
		if text == "" {
			return parsePrefixes(n.Body.GetPodCidrs())
		}
		out, err := parsePrefixes(strings.Split(text, ","))
		if err != nil {
			return nil, fmt.Errorf("annotation %s: %w", podCIDRsAnnotation, err)
		}
		return out, nil
	}
}

// customNetworks reads the networks of all nodes from a network plugin's own
// kind; broken are the nodes of which an object can't be read.
func customNetworks(d *deps, kind string) (texts map[string][]string, broken map[string]error) {
	texts, broken = map[string][]string{}, map[string]error{}
	for _, o := range d.Customs(kind) {
		if o.Body.GetMeta().GetDeleting() {
			continue
		}
		var spec struct {
			// Calico's BlockAffinity.
			Node    string `json:"node"`
			CIDR    string `json:"cidr"`
			Deleted string `json:"deleted"`
			// OpenShift's HostSubnet.
			Host   string `json:"host"`
			Subnet string `json:"subnet"`
			// Cilium's CiliumNode.
			IPAM struct {
				PodCIDRs []string `json:"podCIDRs"`
			} `json:"ipam"`
		}
		if raw := o.Body.GetSpecJson(); len(raw) > 0 {
			if err := json.Unmarshal(raw, &spec); err != nil {
				broken[o.Ref.Name] = fmt.Errorf("%s %s: %w", kind, o.Ref.Name, err)
				continue
			}
		}
		switch kind {
		case kinds.BlockAffinity:
			if spec.Deleted != "true" && spec.CIDR != "" {
				texts[spec.Node] = append(texts[spec.Node], spec.CIDR)
			}
		case kinds.HostSubnet:
			if spec.Subnet != "" {
				texts[spec.Host] = append(texts[spec.Host], spec.Subnet)
			}
		case kinds.CiliumNode:
			texts[o.Ref.Name] = append(texts[o.Ref.Name], spec.IPAM.PodCIDRs...)
		}
	}
	return texts, broken
}

// ovnNetworks reads OVN-Kubernetes's annotation: a JSON object whose member
// "default" is a network or a list of them.
func ovnNetworks(text string) ([]netip.Prefix, error) {
	if text == "" {
		return nil, nil
	}
	var subnets struct {
		Default json.RawMessage `json:"default"`
	}
	if err := json.Unmarshal([]byte(text), &subnets); err != nil {
		return nil, fmt.Errorf("annotation %s: %w", ovnAnnotation, err)
	}
	if len(subnets.Default) == 0 {
		return nil, nil
	}
	var one string
	list := []string{}
	if json.Unmarshal(subnets.Default, &one) == nil {
		list = append(list, one)
	} else if err := json.Unmarshal(subnets.Default, &list); err != nil {
		return nil, fmt.Errorf("annotation %s: %w", ovnAnnotation, err)
	}
	out, err := parsePrefixes(list)
	if err != nil {
		return nil, fmt.Errorf("annotation %s: %w", ovnAnnotation, err)
	}
	return out, nil
}

// parsePrefixes parses networks, without empty ones and doubles.
func parsePrefixes(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, t := range texts {
		if t = strings.TrimSpace(t); t == "" {
			continue
		}
		p, err := netip.ParsePrefix(t)
		if err != nil {
			return nil, fmt.Errorf("%q is no network such as 10.244.0.0/24", t)
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, nil
}
