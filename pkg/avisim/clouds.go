package avisim

import (
	"net/netip"
	"slices"
	"strings"
)

// cloudKind is how a cloud of some type places VIPs (l4-infra.md §1.5, §2.7).
type cloudKind struct {
	// bySubnet clouds are told the name or uuid of a subnet, the others refer
	// to a network.
	bySubnet bool
	// v6 clouds give IPv6 addresses.
	v6 bool
	// floating clouds give public addresses besides.
	floating bool
	// onePerSubnet clouds take several VIPs, each in a subnet of its own (an
	// availability zone).
	onePerSubnet bool
	// tenantVRF clouds have a VRF "<tenant>-default" for each tenant but admin.
	tenantVRF bool
	// tier1 clouds place by a tier-1 router.
	tier1 bool
}

// cloudKinds by vtype; a type that isn't here is like vCenter.
var cloudKinds = map[string]cloudKind{
	"CLOUD_NONE":      {v6: true},
	"CLOUD_VCENTER":   {v6: true},
	"CLOUD_NSXT":      {v6: true, tier1: true},
	"CLOUD_AWS":       {bySubnet: true, floating: true, onePerSubnet: true},
	"CLOUD_AZURE":     {bySubnet: true, floating: true},
	"CLOUD_OPENSTACK": {bySubnet: true, floating: true, tenantVRF: true},
	"CLOUD_GCP":       {floating: true},
}

func vtype(cloud *object) string {
	s, _ := cloud.body["vtype"].(string)
	return s
}

func kindOf(cloud *object) cloudKind {
	if k, ok := cloudKinds[vtype(cloud)]; ok {
		return k
	}
	return cloudKinds["CLOUD_VCENTER"]
}

// isVPCSubnet recognizes how NSX-T's VPC mode names a subnet
// ("<project>_AVISEPARATOR_<vpc>_AVISEPARATOR_<type>", l4-infra.md §2.7).
func isVPCSubnet(id string) bool { return strings.Count(id, "_AVISEPARATOR_") == 2 }

// checkCloud refuses what the VsVip's cloud can't do.
func checkCloud(st *store, w *write) error {
	if st.assume.AnyPlacement || w.trusted {
		return nil
	}
	cloud := w.o.cloud
	kind := kindOf(cloud)
	refuse := func(what string) error {
		return badRequest("VsVip." + what + " in cloud " + quote(cloud.name) + " of type " + vtype(cloud))
	}
	if w.body["tier1_lr"] != nil && !kind.tier1 {
		return refuse("tier1_lr: is not supported")
	}
	subnets := map[string]bool{}
	for _, vip := range messages(w.body["vip"]) {
		auto := vip["auto_allocate_ip"] == true
		family, _ := vip["auto_allocate_ip_type"].(string)
		_, has6 := vip["ip6_address"]
		if !kind.v6 && (has6 || auto && strings.Contains(family, "V6")) {
			return refuse("vip: IPv6 is not supported")
		}
		if vip["auto_allocate_floating_ip"] == true && !kind.floating {
			return refuse("vip.auto_allocate_floating_ip: is not supported")
		}
		subnet, _ := vip["subnet_uuid"].(string)
		switch {
		case kind.bySubnet && auto && subnet == "" && vip["ipam_network_subnet"] == nil && vip["network_ref"] == nil && vip["availability_zone"] == nil:
			return refuse("vip.subnet_uuid: is required")
		case !kind.bySubnet && subnet != "" && (!kind.tier1 || !isVPCSubnet(subnet)):
			return refuse("vip.subnet_uuid: is not supported")
		case kind.onePerSubnet && subnet != "" && subnets[subnet]:
			return refuse("vip.subnet_uuid: two VIPs are in subnet " + quote(subnet))
		}
		subnets[subnet] = true
	}
	return nil
}

// tier1VRF finds the VRF of a tier-1 router: its attribute "tier1path".
func (st *store) tier1VRF(cloud *object, path string) *object {
	for _, vrf := range st.all[st.vocab.byName["VrfContext"]].items() {
		if vrf.cloud != cloud {
			continue
		}
		for _, a := range messages(vrf.body["attrs"]) {
			if a["key"] == "tier1path" && a["value"] == path {
				return vrf
			}
		}
	}
	return nil
}

// vrfOf is the VRF that a VsVip or virtual service is in: the one it names,
// its tier-1 router's, or the default.
func (st *store) vrfOf(t *objectType, tenant, cloud *object, body message) *object {
	if vrf, ok := body["vrf_context_ref"].(*object); ok {
		return vrf
	}
	if path, ok := body["tier1_lr"].(string); ok {
		return st.tier1VRF(cloud, path)
	}
	return st.implied(&object{t: t, tenant: tenant, cloud: cloud, body: body}, "vrf_context_ref")
}

// checkPlacement refuses a network whose addresses a VIP can't have: one that
// the cloud's IPAM profile doesn't list, or one in another VRF.
func (a *allocator) checkPlacement(auto bool) error {
	if a.network == nil || a.w.trusted || a.st.assume.AnyPlacement {
		return nil
	}
	cloud := a.w.o.cloud
	ours := a.network.tenant.isAdmin() // a tenant's own networks are for it to use
	if profile, _ := cloud.body["ipam_provider_ref"].(*object); auto && ours && profile != nil && profile.body["type"] == "IPAMDNS_TYPE_INTERNAL" {
		internal, _ := profile.body["internal_profile"].(message)
		usable := messages(internal["usable_networks"])
		if len(usable) > 0 && !slices.ContainsFunc(usable, func(u message) bool { return u["nw_ref"] == a.network }) {
			return badRequest("network " + quote(a.network.name) + " is not usable: IPAM profile " + quote(profile.name) + " of cloud " + quote(cloud.name) + " doesn't list it")
		}
	}
	if kindOf(cloud).bySubnet || a.w.body["tier1_lr"] != nil {
		return nil // placed by the cloud or the router
	}
	if has := a.st.networkOf(a.network).vrf; has != a.vrf {
		return badRequest("network " + quote(a.network.name) + " is in VRF " + inTenant(has) + ", the VsVip in " + inTenant(a.vrf))
	}
	return nil
}

func inTenant(o *object) string {
	if o == nil {
		return "none"
	}
	return quote(o.name) + " of tenant " + quote(o.tenant.name)
}

// checkDomains refuses a name outside the domains that the cloud's DNS profile
// serves, if there are any.
func checkDomains(st *store, w *write) error {
	if st.assume.AnyDomain || w.trusted {
		return nil
	}
	domains := st.domainsOf(w.o.cloud)
	if len(domains) == 0 {
		return nil
	}
	for _, d := range messages(w.body["dns_info"]) {
		fqdn, _ := d["fqdn"].(string)
		name := strings.TrimSuffix(strings.ToLower(fqdn), ".")
		if !slices.ContainsFunc(domains, func(domain string) bool {
			domain = strings.ToLower(strings.Trim(domain, "."))
			return name == domain || strings.HasSuffix(name, "."+domain)
		}) {
			return badRequest("VsVip.dns_info: " + quote(fqdn) + " is in none of the domains of cloud " + quote(w.o.cloud.name) + ": " + strings.Join(domains, ", "))
		}
	}
	return nil
}

// domainsOf are the domains of a cloud's DNS profile.
func (st *store) domainsOf(cloud *object) []string {
	profile, _ := cloud.body["dns_provider_ref"].(*object)
	if profile == nil {
		return nil
	}
	var domains []string
	internal, _ := profile.body["internal_profile"].(message)
	for _, d := range messages(internal["dns_service_domain"]) {
		if name, ok := d["domain_name"].(string); ok {
			domains = append(domains, name)
		}
	}
	return domains
}

// floatingRange is where public addresses come from: one set aside for tests
// of networks (RFC 2544).
var floatingRange = addressRange{netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("198.19.255.254")}

// floating gives the VIP its public address, or keeps it.
func (a *allocator) floating() error {
	vipID, _ := a.vip["vip_id"].(string)
	if a.vip["auto_allocate_floating_ip"] != true {
		if _, ok := a.vip["floating_ip"]; ok && a.st.ipam.findFloating(a.w.o, vipID) != nil {
			delete(a.vip, "floating_ip")
		}
		return nil
	}
	al := a.st.ipam.findFloating(a.w.o, vipID)
	if al == nil {
		n := network{subnets: []subnet{{prefix: netip.MustParsePrefix("198.18.0.0/15"), ranges: []addressRange{floatingRange}}}}
		key := func(addr netip.Addr) addressKey { return addressKey{addr: addr} }
		addr, ok := n.pick(false, netip.Prefix{}, identity(a.w.o)+"/"+vipID, func(addr netip.Addr) bool { return a.isFree(key(addr)) })
		if !ok {
			return badRequest(noFreeIPs + " for floating addresses")
		}
		al = &allocation{key: key(addr), vipID: vipID, floating: true}
	}
	a.take(*al, "floating_ip")
	return nil
}
