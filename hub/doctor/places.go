package doctor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/settings"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

func (e *examination) request() avi.FactsRequest {
	return avi.FactsRequest{Tenant: e.asked, Cloud: e.reg.Spec.Cloud}
}

func (e *examination) cloud() bool {
	facts, err := e.ctl.Facts(e.ctx, e.request())
	if err != nil {
		e.failed("cloud", err, "set spec.cloud to the name of a cloud of the controller")
		return false
	}
	e.facts = facts
	if _, err := settings.For(e.reg, settings.Facts{
		CloudType: facts.CloudType, Domains: facts.Domains, LicenseTier: facts.LicenseTier,
		TransportZone: facts.TransportZone, IPAMType: facts.IPAMType, WithoutIPAM: facts.IPAMProfile == "",
	}); err != nil {
		e.add("cloud", Error, "change the field, or the cloud", "%v", err)
		return true
	}
	e.add("cloud", OK, "", "%q is a %s", e.reg.Spec.Cloud, facts.CloudType)
	if facts.ClusterUUID == "" {
		e.add("controller's uuid", OK, "", "user %q lacks PERMISSION_CONTROLLER (read): objects go without the annotation of the controller's uuid, which only AMKO reads", e.ctl.Username())
	}
	return true
}

// clusterLabel is the key of the label that a service-engine group has for the
// cluster whose static routes its engines take (l4-infra.md §2.9).
const clusterLabel = "clustername"

func (e *examination) group() {
	r := e.request()
	r.SEGroup = e.reg.Spec.ServiceEngineGroup
	facts, err := e.ctl.Facts(e.ctx, r)
	if err != nil {
		e.failed("service-engine group", err, "set spec.serviceEngineGroup to a group of the cloud")
		return
	}
	var others []string
	own := false
	labels, _ := facts.SEGroup.Body["labels"].([]any)
	for _, l := range labels {
		m, _ := l.(map[string]any)
		if m["key"] == clusterLabel && m["value"] == e.reg.ObjectPrefix() {
			own = true
			continue
		}
		others = append(others, fmt.Sprintf("%v=%v", m["key"], m["value"]))
	}
	routes := settings.StaticRoutes(e.reg, settings.Facts{CloudType: e.facts.CloudType})
	switch {
	case len(others) > 0 && !own && routes:
		e.add("service-engine group", Error, "give the cluster a group of its own (spec.serviceEngineGroup), or set spec.network.staticRoutes.sync: false where Pods are reachable anyway",
			"%q has labels of others: %s; it can serve the static routes of one cluster only", r.SEGroup, strings.Join(others, ", "))
	case own:
		e.add("service-engine group", OK, "", "%q carries the cluster's label", r.SEGroup)
	case routes:
		e.add("service-engine group", OK, "", "%q is free; it gets the cluster's label, and service engines that are made after that take the cluster's routes", r.SEGroup)
	default:
		e.add("service-engine group", OK, "", "%q is there; no static routes are made", r.SEGroup)
	}
}

func (e *examination) domains() {
	if len(e.facts.Domains) == 0 {
		e.add("DNS domains", Warning, "give the cloud a DNS profile, or take care of DNS elsewhere", "cloud %q has none: no host gets a DNS record, and Services no name of their own", e.reg.Spec.Cloud)
		return
	}
	if d := e.reg.Spec.Services.DefaultDomain; d != "" {
		found := false
		for _, domain := range e.facts.Domains {
			found = found || domain == d
		}
		if !found {
			e.add("DNS domains", Warning, "set spec.services.defaultDomain to one of them", "%q is not one of the cloud's: %s", d, strings.Join(e.facts.Domains, ", "))
			return
		}
	}
	e.add("DNS domains", OK, "", "%s", strings.Join(e.facts.Domains, ", "))
}

// fewAddresses is from how many free addresses on there is a warning.
const fewAddresses = 10

// nodeNetworks looks for the networks that service engines reach nodes by.
func (e *examination) nodeNetworks() {
	r := e.request()
	r.Tier1 = e.reg.Spec.Network.NSXTTier1
	for _, n := range e.reg.Spec.Network.NodeNetworks {
		r.NodeNetworks = append(r.NodeNetworks, avi.NetworkName{Name: n.Name, UUID: n.UUID, CIDRs: n.CIDRs})
	}
	if len(r.NodeNetworks) == 0 {
		return
	}
	if _, err := e.ctl.Facts(e.ctx, r); err != nil {
		e.failed("node networks", err, "set spec.network.nodeNetworks to networks of the cloud")
		return
	}
	e.add("node networks", OK, "", "%d, all there", len(r.NodeNetworks))
}

func (e *examination) network() {
	networks := e.reg.Spec.Network.VIPNetworks
	if len(networks) == 0 {
		e.add("VIP network", OK, "", "none is named: the cloud's usable networks are used")
		return
	}
	r := e.request()
	r.VRF = e.reg.Spec.VRF
	for _, n := range networks {
		r.VIPNetworks = append(r.VIPNetworks, avi.NetworkName{Name: n.Name, UUID: n.UUID, CIDRs: cidrs(n)})
	}
	facts, err := e.ctl.Facts(e.ctx, r)
	if err != nil {
		e.failed("VIP network", err, "set spec.network.vipNetworks to networks of the cloud, and spec.vrf to theirs")
		return
	}
	for _, n := range networks {
		if n.UUID == "" {
			n.UUID = facts.NetworkUUIDs[n.Name]
		}
		e.addressesOf(n)
	}
}

// cidrs are the subnets that a registration limits a network to, as prefixOf
// writes them.
func cidrs(n v1alpha1.VIPNetwork) []string {
	var out []string
	for _, text := range []string{n.CIDR, n.V6CIDR} {
		if p, err := netip.ParsePrefix(text); err == nil {
			out = append(out, p.Masked().String())
		}
	}
	return out
}

// avisIPAM is the type of IPAM profile in which Avi gives out the addresses.
const avisIPAM = "IPAMDNS_TYPE_INTERNAL"

// addressesOf counts a network's free addresses, as far as Avi gives them out.
func (e *examination) addressesOf(n v1alpha1.VIPNetwork) {
	name := cmp.Or(n.Name, n.UUID)
	if t := e.facts.IPAMType; t != "" && t != avisIPAM {
		e.add("VIP network", Unknown, "", "%q: addresses come from the IPAM profile %q (%s), so how many are free is not the controller's to say", name, e.facts.IPAMProfile, t)
		return
	}
	network := e.networkOf(n)
	if network == nil {
		e.add("VIP network", Unknown, "", "%q is known by the cloud only; its free addresses can't be counted", name)
		return
	}
	ranges := rangesOf(network, cidrs(n))
	if len(ranges) == 0 {
		e.add("VIP network", Unknown, "", "%q has no static ranges for VIPs: where its addresses come from is not the controller's to say", name)
		return
	}
	total := new(big.Int)
	for _, r := range ranges {
		total.Add(total, r.size())
	}
	used, err := e.addressesInUse(network, ranges)
	if err != nil {
		e.add("VIP network", Unknown, "", "%q has %s addresses for VIPs; how many are free can't be known: %v", name, total, err)
		return
	}
	free := new(big.Int).Sub(total, big.NewInt(int64(used)))
	const detail = "%q: of %s addresses for VIPs, virtual services that user %q sees leave %s free"
	switch {
	case free.Sign() <= 0:
		e.add("VIP network", Error, "add a static range to the network, or use another network", "%q: none of its %s addresses for VIPs is free", name, total)
	case free.Cmp(big.NewInt(fewAddresses)) < 0:
		e.add("VIP network", Warning, "add a static range to the network", detail, name, total, e.ctl.Username(), free)
	default:
		e.add("VIP network", OK, "", detail, name, total, e.ctl.Username(), free)
	}
}

// networkOf reads a network of the cloud; nil: there is none on the controller.
func (e *examination) networkOf(n v1alpha1.VIPNetwork) map[string]any {
	query := url.Values{"cloud_ref.name": {e.reg.Spec.Cloud}}
	if n.UUID != "" {
		query.Set("uuid", n.UUID)
	} else {
		query.Set("name", n.Name)
	}
	for _, tenant := range []string{e.asked, "admin"} {
		if list, err := e.ctl.List(e.ctx, tenant, "network", query); err == nil && len(list) > 0 {
			return list[0]
		}
	}
	return nil
}

// addressesInUse counts the addresses in the ranges that VsVips in the network's
// VRF context have, in all tenants that the user sees. (The same addresses may
// be used in another cloud or VRF context, where they are others.)
func (e *examination) addressesInUse(network map[string]any, ranges []addressRange) (int, error) {
	query := url.Values{"cloud_ref.name": {e.reg.Spec.Cloud}, "fields": {"uuid,name,vip,vrf_context_ref"}}
	vips, err := e.ctl.List(e.ctx, "*", "vsvip", query)
	if err != nil {
		return 0, err
	}
	vrf := name(network["vrf_context_ref"])
	used := map[netip.Addr]bool{}
	for _, vip := range vips {
		if in := name(vip["vrf_context_ref"]); vrf != "" && in != "" && in != vrf {
			continue
		}
		for _, a := range vipAddresses(vip) {
			for _, r := range ranges {
				if r.holds(a) {
					used[a] = true
				}
			}
		}
	}
	return len(used), nil
}

type addressRange struct{ first, last netip.Addr }

func (r addressRange) holds(a netip.Addr) bool {
	return a.Is4() == r.first.Is4() && r.first.Compare(a) <= 0 && a.Compare(r.last) <= 0
}

func (r addressRange) size() *big.Int {
	n := new(big.Int).Sub(new(big.Int).SetBytes(r.last.AsSlice()), new(big.Int).SetBytes(r.first.AsSlice()))
	return n.Add(n, big.NewInt(1))
}

// rangesOf returns the IPv4 ranges of a network that VIPs come from; the IPv6
// ones, where it has no others. Subnets limit them, if there are any.
func rangesOf(network map[string]any, cidrs []string) []addressRange {
	var v4, v6 []addressRange
	subnets, _ := network["configured_subnets"].([]any)
	for _, s := range subnets {
		subnet, _ := s.(map[string]any)
		if len(cidrs) > 0 && !slices.Contains(cidrs, prefixOf(subnet)) {
			continue
		}
		list, _ := subnet["static_ip_ranges"].([]any)
		for _, x := range list {
			entry, _ := x.(map[string]any)
			if entry["type"] == "STATIC_IPS_FOR_SE" {
				continue
			}
			between, _ := entry["range"].(map[string]any)
			r := addressRange{address(between["begin"]), address(between["end"])}
			switch {
			case !r.first.IsValid() || !r.last.IsValid() || r.last.Less(r.first):
			case r.first.Is4():
				v4 = append(v4, r)
			default:
				v6 = append(v6, r)
			}
		}
	}
	if len(v4) > 0 {
		return v4
	}
	return v6
}

func prefixOf(subnet map[string]any) string {
	prefix, _ := subnet["prefix"].(map[string]any)
	p, err := netip.ParsePrefix(fmt.Sprintf("%v/%v", address(prefix["ip_addr"]), prefix["mask"]))
	if err != nil {
		return ""
	}
	return p.Masked().String()
}

func address(v any) netip.Addr {
	m, _ := v.(map[string]any)
	text, _ := m["addr"].(string)
	a, _ := netip.ParseAddr(text)
	return a
}

func vipAddresses(vsvip map[string]any) []netip.Addr {
	var out []netip.Addr
	vips, _ := vsvip["vip"].([]any)
	for _, v := range vips {
		m, _ := v.(map[string]any)
		for _, field := range []string{"ip_address", "ip6_address"} {
			if a := address(m[field]); a.IsValid() {
				out = append(out, a)
			}
		}
	}
	return out
}

// text is a value of an answer as a word.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
