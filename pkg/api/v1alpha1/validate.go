package v1alpha1

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/akohub/akohub/pkg/api/strictyaml"
)

// report takes a problem of the field at a path.
type report func(path, format string, args ...any)

// Validate checks a registration that was not read from a file, as
// ParseCluster does. The error is a *strictyaml.Error without lines of use.
func (c *Cluster) Validate() error {
	data, err := c.Marshal()
	if err != nil {
		return fmt.Errorf("checking registration %q: %w", c.Metadata.Name, err)
	}
	_, err = ParseCluster(data, "registration "+c.Metadata.Name)
	return err
}

// maxNodeNetworks is the limit of l4-infra.md §2.6 (checkNodeNetwork).
const maxNodeNetworks = 5

var vpcPath = regexp.MustCompile(`^/orgs/[^/]+/projects/[^/]+/vpcs/[^/]+$`)

// check reports what the fields alone can't tell: contradictions between them
// (l4-infra.md §2.6, §2.18), and addresses.
func (c *Cluster) check(bad report) {
	c.checkIngress(bad)
	c.checkNetwork(bad)
	c.checkLimits(bad)
	if sel := c.Spec.Namespaces.Selector; (sel.Key == "") != (sel.Value == "") {
		bad("spec.namespaces.selector", "key and value belong together; one of them is empty")
	}
	// A node's label may have an empty value (node-role.kubernetes.io/worker).
	if sel := c.Spec.Backends.NodeSelector; sel.Key == "" && sel.Value != "" {
		bad("spec.backends.nodeSelector", "a value without a key")
	}
	if c.Spec.Backends.NodeSelector.Key != "" && c.Spec.Backends.Type != BackendNodePort {
		bad("spec.backends.nodeSelector", "only NodePort backends have a node selector; the type is %s", c.Spec.Backends.Type)
	}
	for i, ns := range c.Spec.Namespaces.Blocked {
		if ns == "" {
			bad(fmt.Sprintf("spec.namespaces.blocked[%d]", i), "an empty name")
		}
	}
	if c.Spec.Features.MultiClusterIngress &&
		(c.Spec.Backends.Type != BackendNodePort || c.Spec.Ingress.Mode != IngressEVH) {
		bad("spec.features.multiClusterIngress", "needs backends.type NodePort and ingress.mode EVH")
	}
	for _, f := range []struct{ path, value string }{
		{"spec.controller", c.Spec.Controller},
		{"spec.tenant.name", c.Spec.Tenant.Name},
		{"spec.cloud", c.Spec.Cloud},
		{"spec.serviceEngineGroup", c.Spec.ServiceEngineGroup},
		{"spec.vrf", c.Spec.VRF},
	} {
		if strings.TrimSpace(f.value) != f.value {
			bad(f.path, "%q begins or ends with a space", f.value)
		}
	}
}

func (c *Cluster) checkIngress(bad report) {
	in := c.Spec.Ingress
	if in.Mode == IngressEVH {
		if !in.PoolGroupsForSNI {
			bad("spec.ingress.poolGroupsForSNI", "only mode SNI can do without pool groups")
		}
		return
	}
	if in.VIPPerNamespace {
		bad("spec.ingress.vipPerNamespace", "needs ingress.mode EVH")
	}
	if in.FQDNReuse == FQDNReuseStrict {
		bad("spec.ingress.fqdnReuse", "Strict needs ingress.mode EVH")
	}
}

func (c *Cluster) checkNetwork(bad report) {
	n := c.Spec.Network
	for i, v := range n.VIPNetworks {
		at := fmt.Sprintf("spec.network.vipNetworks[%d]", i)
		if v.Name == "" && v.UUID == "" {
			bad(at, "a name or a uuid is needed")
		}
		checkCIDR(bad, at+".cidr", v.CIDR, netip.Addr.Is4, "an IPv4 subnet such as 10.10.0.0/16")
		checkCIDR(bad, at+".v6cidr", v.V6CIDR, netip.Addr.Is6, "an IPv6 subnet such as 2001:db8::/64")
	}
	if len(n.NodeNetworks) > maxNodeNetworks {
		bad("spec.network.nodeNetworks", "%d networks; at most %d are allowed", len(n.NodeNetworks), maxNodeNetworks)
	}
	for i, v := range n.NodeNetworks {
		at := fmt.Sprintf("spec.network.nodeNetworks[%d]", i)
		if v.Name == "" && v.UUID == "" {
			bad(at, "a name or a uuid is needed")
		}
		for j, cidr := range v.CIDRs {
			checkCIDR(bad, fmt.Sprintf("%s.cidrs[%d]", at, j), cidr, netip.Addr.IsValid, "a subnet such as 10.10.0.0/16")
		}
	}
	if len(n.BGPPeerLabels) > 0 && !n.RHI {
		bad("spec.network.bgpPeerLabels", "need network.rhi: true")
	}
	if n.VPCMode && !vpcPath.MatchString(n.NSXTTier1) {
		bad("spec.network.nsxtTier1", "vpcMode needs a path /orgs/ORG/projects/PROJECT/vpcs/VPC, not %q", n.NSXTTier1)
	}
	if c.Spec.Backends.Type == BackendNodePortLocal && n.StaticRoutes.CNI != "antrea" {
		bad("spec.backends.type", "NodePortLocal needs network.staticRoutes.cni antrea")
	}
}

func (c *Cluster) checkLimits(bad report) {
	l := c.Spec.Limits
	for _, f := range []struct {
		name  string
		value int
	}{{"virtualServices", l.VirtualServices}, {"vips", l.VIPs}, {"pools", l.Pools}} {
		if f.value < 0 {
			bad("spec.limits."+f.name, "%d is less than 0; 0 is no limit", f.value)
		}
	}
	for i, s := range l.FQDNSuffixes {
		if strings.Trim(s, ". *") == "" || strings.ContainsAny(s, "*/ ") {
			bad(fmt.Sprintf("spec.limits.fqdnSuffixes[%d]", i), "%q is not a DNS name such as shop.example.com", s)
		}
	}
	for i, n := range l.VIPNetworks {
		if n == "" {
			bad(fmt.Sprintf("spec.limits.vipNetworks[%d]", i), "an empty name")
		}
	}
}

func checkCIDR(bad report, path, cidr string, family func(netip.Addr) bool, want string) {
	if cidr == "" {
		return
	}
	if p, err := netip.ParsePrefix(cidr); err != nil || !family(p.Addr()) {
		bad(path, "%q is not %s", cidr, want)
	}
}

// Problems returns the problems of an error of ParseCluster, or nil when it is
// another error.
func Problems(err error) []strictyaml.Problem {
	var e *strictyaml.Error
	if errors.As(err, &e) {
		return e.Problems
	}
	return nil
}
