package translate

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vmware/alb-sdk/go/models"
)

// Cloud types that translation tells apart (l4-infra.md §2.7).
const (
	cloudVCenter   = "CLOUD_VCENTER"
	cloudNone      = "CLOUD_NONE"
	cloudNSXT      = "CLOUD_NSXT"
	cloudAWS       = "CLOUD_AWS"
	cloudAzure     = "CLOUD_AZURE"
	cloudOpenStack = "CLOUD_OPENSTACK"
)

// Address families, in Avi's words and in Settings.IPFamily.
const (
	familyV4   = "V4"
	familyV6   = "V6"
	familyBoth = "V4_V6"
)

// vsVipOptions are what a VsVip has beside its names.
type vsVipOptions struct {
	// StaticIP is the preferred address; the zero value: any. Clouds with one
	// VIP a network don't have it (see takesStaticIP).
	StaticIP netip.Addr
	// WithoutPeers leaves the labels of BGP peers out (l7.md §12.1).
	WithoutPeers bool
}

// vipPerNetwork says whether the cloud has one VIP for each VIP network,
// rather than one on the first of them.
func vipPerNetwork(s *Settings) bool {
	return (s.CloudType == cloudAWS || s.CloudType == cloudAzure || s.CloudType == cloudOpenStack) &&
		len(s.VIPNetworks) > 0
}

// takesStaticIP says whether a preferred address has an effect (l4-infra.md
// §1.5).
func takesStaticIP(s *Settings) bool { return !vipPerNetwork(s) }

// buildVsVip builds the VsVip of a virtual service: its addresses and DNS names
// (l4-infra.md §1.5, l7.md §17.5). Empty FQDNs are left out.
func buildVsVip(s *Settings, name, tenant string, fqdns []string, opts vsVipOptions) *models.VsVip {
	vv := &models.VsVip{
		Name:              &name,
		TenantRef:         ref("tenant", tenant),
		CloudRef:          ref("cloud", s.Cloud),
		EastWestPlacement: ptr(false),
		Markers:           markers(s),
		DNSInfo:           dnsInfo(fqdns),
		Vip:               vips(s, opts),
	}
	if s.T1LR != "" {
		vv.Tier1Lr = ptr(s.T1LR)
	} else {
		vv.VrfContextRef = ref("vrfcontext", s.VRF)
	}
	if s.EnableRHI && !opts.WithoutPeers {
		vv.BgpPeerLabels = slices.Clone(s.BGPPeerLabels)
	}
	return vv
}

// dnsInfo returns the names sorted, without doubles.
func dnsInfo(fqdns []string) []*models.DNSInfo {
	var out []*models.DNSInfo
	for _, n := range sortedNames(fqdns) {
		out = append(out, &models.DNSInfo{Fqdn: ptr(n)})
	}
	return out
}

func vips(s *Settings, opts vsVipOptions) []*models.Vip {
	if vipPerNetwork(s) {
		out := make([]*models.Vip, 0, len(s.VIPNetworks))
		for i, n := range s.VIPNetworks {
			out = append(out, &models.Vip{
				VipID:              ptr(strconv.Itoa(i + 1)),
				AutoAllocateIP:     ptr(true),
				AutoAllocateIPType: allocateType(n),
				SubnetUUID:         ptr(n.Name),
			})
		}
		return out
	}
	vip := &models.Vip{VipID: ptr("0"), AutoAllocateIP: ptr(true)}
	switch {
	case s.VPCMode:
		vip.SubnetUUID = ptr(vpcSubnet(s.T1LR))
	case len(s.VIPNetworks) > 0:
		n := s.VIPNetworks[0]
		vip.AutoAllocateIPType = allocateType(n)
		vip.IPAMNetworkSubnet = &models.IPNetworkSubnet{
			NetworkRef: networkRef(n.Name, n.UUID),
			Subnet:     prefix(n.CIDR),
			Subnet6:    prefix(n.V6CIDR),
		}
		// An NSX-T cloud without a tier-1 router has VLAN segments.
		if s.CloudType == cloudNSXT && s.T1LR == "" && n.CIDR != "" {
			vip.PlacementNetworks = []*models.VipPlacementNetwork{{
				NetworkRef: networkRef(n.Name, n.UUID),
				Subnet:     prefix(n.CIDR),
			}}
		}
	}
	switch ip := opts.StaticIP; {
	case !ip.IsValid():
	case ip.Is4():
		vip.IPAddress = ipAddr(ip.String(), familyV4)
	default:
		vip.Ip6Address = ipAddr(ip.String(), familyV6)
	}
	return []*models.Vip{vip}
}

// vpcSubnet is what stands for a VPC's subnets: project, VPC and kind of subnet.
// The kind is left to the controller, as it is with AKO (l4-infra.md §2.14).
func vpcSubnet(path string) string {
	const separator = "_AVISEPARATOR_"
	parts := strings.Split(path, "/")
	if len(parts) != 7 { // registration has refused it
		return ""
	}
	return parts[4] + separator + parts[6] + separator
}

// allocateType says which families are allocated from a network; nil: IPv4,
// the controller's default.
func allocateType(n VIPNetwork) *string {
	switch {
	case n.V6CIDR == "":
		return nil
	case n.CIDR == "":
		return ptr("V6_ONLY")
	}
	return ptr(familyBoth)
}

// networkRef refers to a network by UUID where that is known, since names of
// networks may repeat (l4-infra.md §2.8).
func networkRef(name, uuid string) *string {
	if uuid != "" {
		return refByID("network", uuid)
	}
	return ref("network", name)
}

// prefix is a CIDR with its address as typed; nil for an empty or malformed
// one, which registration has refused already.
func prefix(cidr string) *models.IPAddrPrefix {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return nil
	}
	return addrPrefix(p)
}

func addrPrefix(p netip.Prefix) *models.IPAddrPrefix {
	return &models.IPAddrPrefix{
		IPAddr: ipAddr(p.Addr().String(), family(p.Addr())),
		Mask:   ptr(int32(p.Bits())),
	}
}

func ipAddr(addr, family string) *models.IPAddr {
	return &models.IPAddr{Addr: &addr, Type: &family}
}

func family(a netip.Addr) string {
	if a.Is4() {
		return familyV4
	}
	return familyV6
}
