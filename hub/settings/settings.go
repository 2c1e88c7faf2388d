// Package settings joins the registration of a cluster and the facts of its
// Avi Controller into what translation needs.
//
// In come a v1alpha1.Cluster and Facts, out comes a translate.Settings, or a
// reason why this registration can't work on this cloud. It is pure: no I/O,
// no clock, no logger.
package settings

import (
	"fmt"
	"sort"
	"strings"

	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// The types of cloud (vtype) that rules differ for (l4-infra.md §2.7).
const (
	CloudVCenter   = "CLOUD_VCENTER"
	CloudNSXT      = "CLOUD_NSXT"
	CloudNone      = "CLOUD_NONE"
	CloudAWS       = "CLOUD_AWS"
	CloudAzure     = "CLOUD_AZURE"
	CloudGCP       = "CLOUD_GCP"
	CloudOpenStack = "CLOUD_OPENSTACK"
)

// Facts are what the controller says about the places that a registration
// names. The zero value stands for a controller that was not asked: a vCenter
// cloud without DNS domains.
type Facts struct {
	// CloudType is the vtype of the cloud (CLOUD_VCENTER…).
	CloudType string
	// Domains are the cloud's DNS sub-domains, in any order.
	Domains []string
	// LicenseTier is the default_license_tier of the system configuration.
	LicenseTier string
	// NetworkVRF is the name of the VRF context of the first VIP network.
	NetworkVRF string
	// NetworkUUIDs are the UUIDs of VIP networks whose names are not unique,
	// NodeNetworkUUIDs those of such node networks.
	NetworkUUIDs     map[string]string
	NodeNetworkUUIDs map[string]string
	// TransportZone is OVERLAY or VLAN in an NSX-T cloud that says so.
	TransportZone string
	// IPAMType is the type of the cloud's IPAM profile (IPAMDNS_TYPE_INTERNAL…);
	// empty: not known. WithoutIPAM says that the cloud has no profile.
	IPAMType    string
	WithoutIPAM bool
	// Tier1VRF is the name of the VRF context whose attribute tier1path is the
	// registration's nsxtTier1; empty: there is none.
	Tier1VRF string
	// SEGroupTenant and VRFTenant are the tenants that the service-engine group
	// and the VRF context live in; empty: admin, or not known.
	SEGroupTenant string
	VRFTenant     string
}

// The IPAM types whose VIPs are not changed once they are there (l4-infra.md
// §1.5).
const (
	ipamInfoblox = "IPAMDNS_TYPE_INFOBLOX"
	ipamCustom   = "IPAMDNS_TYPE_CUSTOM"
)

// The transport zones of NSX-T (l4-infra.md §2.6).
const (
	zoneOverlay = "OVERLAY"
	zoneVLAN    = "VLAN"
)

// globalVRF is the VRF context that every cloud has.
const globalVRF = "global"

// For returns the settings of a cluster. The error names the field of the
// registration that the controller's facts contradict.
func For(c *v1alpha1.Cluster, f Facts) (translate.Settings, error) {
	if f.CloudType == "" {
		f.CloudType = CloudVCenter
	}
	if err := check(c, f); err != nil {
		return translate.Settings{}, fmt.Errorf("registration of cluster %q: %w", c.Metadata.Name, err)
	}
	sp := c.Spec
	evh := sp.Ingress.Mode == v1alpha1.IngressEVH
	s := translate.Settings{
		ClusterName: c.ObjectPrefix(),

		SecondaryNamespace: c.Spec.Naming.SecondaryNamespace,

		Tenant:      sp.Tenant.Name,
		Cloud:       sp.Cloud,
		CloudType:   f.CloudType,
		SEGroup:     sp.ServiceEngineGroup,
		VRF:         VRF(c, f),
		T1LR:        sp.Network.NSXTTier1,
		VPCMode:     sp.Network.VPCMode,
		LicenseTier: f.LicenseTier,
		FixedVIPs:   f.IPAMType == ipamInfoblox || f.IPAMType == ipamCustom,

		SEGroupTenant: f.SEGroupTenant,
		VRFTenant:     f.VRFTenant,

		Domains: sorted(f.Domains),

		DefaultDomain: sp.Services.DefaultDomain,
		AutoFQDN:      strings.ToLower(string(sp.Services.AutoFQDN)),

		ShardSize:            shards(sp.Ingress.ShardSize),
		PassthroughShardSize: shards(sp.Ingress.PassthroughShardSize),
		EVH:                  evh,
		NoPGForSNI:           !evh && !sp.Ingress.PoolGroupsForSNI,
		VIPPerNamespace:      evh && sp.Ingress.VIPPerNamespace,
		FQDNReusePolicy:      string(v1alpha1.FQDNReuseAllowed),

		ServiceType:      string(sp.Backends.Type),
		AnnotateServices: sp.Backends.AnnotateServices,
		IPFamily:         ipFamily(sp.Network.IPFamily, f.CloudType),

		EnableRHI:     sp.Network.RHI,
		BGPPeerLabels: append([]string(nil), sp.Network.BGPPeerLabels...),

		Layer7Only:               sp.Services.Layer7Only,
		DefaultIngressController: sp.Ingress.DefaultController,
		DefaultLBController:      sp.Services.DefaultController,
		DisableStaticRouteSync:   !StaticRoutes(c, f),
		CNI:                      sp.Network.StaticRoutes.CNI,

		NamespaceSelector:  translate.Label(sp.Namespaces.Selector),
		BlockedNamespaces:  sorted(sp.Namespaces.Blocked),
		SystemNamespace:    sp.Namespaces.System,
		DefaultSecretsOnly: sp.Ingress.DefaultSecretsOnly,
	}
	if evh {
		s.FQDNReusePolicy = string(sp.Ingress.FQDNReuse)
	}
	if sp.Backends.Type == v1alpha1.BackendNodePort {
		s.NodePortSelector = translate.Label(sp.Backends.NodeSelector)
	}
	for _, n := range sp.Network.VIPNetworks {
		v := translate.VIPNetwork(n)
		switch {
		case v.UUID == "":
			v.UUID = f.NetworkUUIDs[v.Name]
		case v.Name == "" && bySubnet(f.CloudType):
			v.Name = v.UUID // where VIPs are placed, by whatever names it
		}
		s.VIPNetworks = append(s.VIPNetworks, v)
	}
	for _, n := range sp.Network.NodeNetworks {
		uuid := n.UUID
		if uuid == "" {
			uuid = f.NodeNetworkUUIDs[n.Name]
		}
		s.NodeNetworks = append(s.NodeNetworks, translate.NodeNetwork{
			Name: n.Name, UUID: uuid, CIDRs: append([]string(nil), n.CIDRs...),
		})
	}
	return s, nil
}

// check holds the rules of l4-infra.md §2.6 that need the type of the cloud.
func check(c *v1alpha1.Cluster, f Facts) error {
	n := c.Spec.Network
	if n.NSXTTier1 != "" && f.CloudType != CloudNSXT {
		return fmt.Errorf("spec.network.nsxtTier1: cloud %q is a %s, not NSX-T", c.Spec.Cloud, f.CloudType)
	}
	if n.VPCMode && f.CloudType != CloudNSXT {
		return fmt.Errorf("spec.network.vpcMode: cloud %q is a %s, not NSX-T", c.Spec.Cloud, f.CloudType)
	}
	if f.CloudType == CloudNSXT && f.TransportZone == zoneOverlay && n.NSXTTier1 == "" {
		return fmt.Errorf("spec.network.nsxtTier1: needed, since cloud %q is an overlay of NSX-T", c.Spec.Cloud)
	}
	if f.TransportZone == zoneVLAN && n.NSXTTier1 != "" && !n.VPCMode {
		return fmt.Errorf("spec.network.nsxtTier1: cloud %q has VLAN segments, which no tier-1 router serves", c.Spec.Cloud)
	}
	if f.WithoutIPAM && !publicCloud(f.CloudType) && !n.VPCMode {
		return fmt.Errorf("spec.cloud: cloud %q has no IPAM profile to allocate addresses from", c.Spec.Cloud)
	}
	if len(n.VIPNetworks) > 1 && f.CloudType != CloudAWS {
		return fmt.Errorf("spec.network.vipNetworks: %d networks, but only AWS takes more than one; cloud %q is a %s",
			len(n.VIPNetworks), c.Spec.Cloud, f.CloudType)
	}
	if len(n.VIPNetworks) == 0 && publicCloud(f.CloudType) {
		return fmt.Errorf("spec.network.vipNetworks: needed on a public cloud; cloud %q is a %s", c.Spec.Cloud, f.CloudType)
	}
	for i, v := range n.VIPNetworks {
		if v.V6CIDR != "" && !v6Capable(f.CloudType) {
			return fmt.Errorf("spec.network.vipNetworks[%d].v6cidr: IPv6 needs vCenter, NSX-T or a cloud without orchestrator; cloud %q is a %s",
				i, c.Spec.Cloud, f.CloudType)
		}
	}
	return nil
}

// VRF returns the name of the VRF context that a cluster's objects are in. It
// follows l4-infra.md §2.11; the first rule that fits decides.
func VRF(c *v1alpha1.Cluster, f Facts) string {
	sp := c.Spec
	name := ""
	switch {
	case f.CloudType == CloudOpenStack && sp.Tenant.Name != "admin":
		name = sp.Tenant.Name + "-default"
	case publicCloud(f.CloudType):
		name = globalVRF
	case sp.Backends.Type == v1alpha1.BackendNodePort:
		name = sp.VRF
	case sp.VRF != "" && (f.CloudType == CloudVCenter || f.CloudType == CloudNone):
		name = sp.VRF
	case f.CloudType == CloudNSXT && sp.Network.NSXTTier1 != "" && !sp.Network.VPCMode &&
		sp.Backends.Type == v1alpha1.BackendClusterIP && sp.Network.StaticRoutes.CNI != "ncp" && f.Tier1VRF != "":
		name = f.Tier1VRF
	default:
		name = f.NetworkVRF
	}
	if name == "" {
		return globalVRF
	}
	return name
}

// StaticRoutes says whether Avi routes to a cluster's Pods. It follows
// l4-infra.md §2.12.1 and §2.14.
func StaticRoutes(c *v1alpha1.Cluster, f Facts) bool {
	n := c.Spec.Network
	return n.StaticRoutes.Sync &&
		c.Spec.Backends.Type == v1alpha1.BackendClusterIP &&
		!n.VPCMode &&
		(f.CloudType != CloudNSXT || n.StaticRoutes.CNI != "ncp")
}

// ipFamily follows l4-infra.md §2.18: clouds that can't do IPv6 are V4
// whatever is asked for.
func ipFamily(want v1alpha1.IPFamily, cloudType string) string {
	switch {
	case !v6Capable(cloudType):
		return string(v1alpha1.IPv4)
	case want == "":
		return string(v1alpha1.DualStack)
	}
	return string(want)
}

func shards(s v1alpha1.ShardSize) int {
	switch s {
	case v1alpha1.ShardLarge:
		return 8
	case v1alpha1.ShardMedium:
		return 4
	case v1alpha1.ShardDedicated:
		return 0
	}
	return 1
}

// bySubnet says that a cloud places VIPs by the name or UUID of a subnet
// (l4-infra.md §1.5).
func bySubnet(t string) bool { return t == CloudAWS || t == CloudAzure || t == CloudOpenStack }

func publicCloud(t string) bool {
	switch t {
	case CloudAWS, CloudAzure, CloudGCP, CloudOpenStack:
		return true
	}
	return false
}

func v6Capable(t string) bool {
	switch t {
	case CloudVCenter, CloudNone, CloudNSXT:
		return true
	}
	return false
}

func sorted(in []string) []string {
	out := append([]string(nil), in...)
	sort.Strings(out)
	return out
}

// WithoutEffect lists the fields of a registration that ask for something this
// hub does not make yet, so that whoever asked is told.
func WithoutEffect(c *v1alpha1.Cluster) []string {
	var out []string
	f := c.Spec.Features
	for _, x := range []struct {
		on   bool
		path string
	}{
		{f.GatewayAPI, "spec.features.gatewayAPI"},
		{f.ServicesAPI, "spec.features.servicesAPI"},
		{f.MultiClusterIngress, "spec.features.multiClusterIngress"},
		{f.Istio, "spec.features.istio"},
	} {
		if x.on {
			out = append(out, x.path)
		}
	}
	return out
}
