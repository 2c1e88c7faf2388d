package avi

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
)

// NetworkName names a network by UUID or, if that is empty, by name.
type NetworkName struct {
	Name, UUID string
	// CIDRs are subnets that the network must have, where several have the
	// name.
	CIDRs []string
}

// readNetworks looks for the networks that a registration names (l4-infra.md
// §2.6, §2.8).
func (c *Client) readNetworks(ctx context.Context, r FactsRequest, f *Facts) error {
	if subnetClouds[f.CloudType] {
		return nil
	}
	vrf := ""
	if f.CloudType == "CLOUD_VCENTER" || f.CloudType == "CLOUD_NONE" {
		vrf = r.VRF // elsewhere the VRF context isn't chosen by name
	}
	hosts := &networkHosts{client: c, r: r, f: f}
	for i, n := range r.VIPNetworks {
		network, several, err := c.findNetwork(ctx, r, n, vrf, hosts)
		if err != nil {
			return err
		}
		if several {
			f.NetworkUUIDs = noteUUID(f.NetworkUUIDs, n.Name, network)
		}
		if i == 0 {
			f.NetworkVRF = refName(network["vrf_context_ref"])
		}
	}
	if f.CloudType != "CLOUD_VCENTER" && (f.CloudType != "CLOUD_NSXT" || r.Tier1 != "") {
		return nil // service engines aren't placed by node networks
	}
	for _, n := range r.NodeNetworks {
		network, several, err := c.findNetwork(ctx, r, n, "", hosts)
		if err != nil {
			return fmt.Errorf("node networks: %w", err)
		}
		if several {
			f.NodeNetworkUUIDs = noteUUID(f.NodeNetworkUUIDs, n.Name, network)
		}
	}
	return nil
}

func noteUUID(m map[string]string, name string, network map[string]any) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[name], _ = network["uuid"].(string)
	return m
}

// findNetwork finds a network of the cloud, in a VRF context if one is given,
// and says whether several have its name.
func (c *Client) findNetwork(ctx context.Context, r FactsRequest, n NetworkName, vrf string, hosts *networkHosts) (network map[string]any, several bool, err error) {
	query := url.Values{"cloud_ref.name": {r.Cloud}}
	name, where := n.Name, fmt.Sprintf(" in cloud %q", r.Cloud)
	if n.UUID != "" {
		query.Set("uuid", n.UUID)
		name = n.UUID
	} else {
		query.Set("name", n.Name)
	}
	if vrf != "" {
		query.Set("vrf_context_ref.name", vrf)
		where += fmt.Sprintf(" and VRF context %q", vrf)
	}
	list, err := c.findShared(ctx, r, r.Tenant, "network", query)
	switch {
	case err != nil:
		return nil, false, err
	case len(list) == 0:
		return nil, false, missing("network", name, where)
	case len(list) == 1:
		return list[0], false, nil
	}
	if network := withSubnets(list, n.CIDRs); network != nil {
		return network, true, nil
	}
	shared, err := hosts.shared(ctx, list)
	if err != nil {
		return nil, false, err
	}
	return pickNetwork(list, shared), true, nil
}

// withSubnets returns the first network that has all the subnets; nil: none has,
// or none are asked for.
func withSubnets(list []map[string]any, cidrs []string) map[string]any {
	if len(cidrs) == 0 {
		return nil
	}
	for _, network := range list {
		have := subnetsOf(network)
		if !slices.ContainsFunc(cidrs, func(cidr string) bool {
			p, err := netip.ParsePrefix(cidr)
			return err == nil && !slices.Contains(have, p.Masked())
		}) {
			return network
		}
	}
	return nil
}

// pickNetwork chooses among networks of one name: those on hosts of the service
// engines before others, then those with subnets to allocate from, then the one
// with the most such hosts, then the first (l4-infra.md §2.8). shared counts
// those hosts, network by network.
func pickNetwork(list []map[string]any, shared []int) map[string]any {
	best := 0
	for i := range list {
		if betterNetwork(list[i], shared[i], list[best], shared[best]) {
			best = i
		}
	}
	return list[best]
}

func betterNetwork(a map[string]any, sharedA int, b map[string]any, sharedB int) bool {
	if reachA, reachB := sharedA > 0, sharedB > 0; reachA != reachB {
		return reachA
	}
	if hasA, hasB := len(subnetsOf(a)) > 0, len(subnetsOf(b)) > 0; hasA != hasB {
		return hasA
	}
	return sharedA > sharedB
}

// networkHosts knows on which hosts of a vCenter networks are. It asks when it
// is first needed, which is only where names of networks repeat.
type networkHosts struct {
	client *Client
	r      FactsRequest
	f      *Facts
	// hosts are the hosts' references by the UUID of the network; nil: not
	// read yet.
	hosts map[string][]string
}

// shared counts for each network the hosts that it has in common with the
// management network of the service engines: that of their group, else that of
// the cloud.
func (h *networkHosts) shared(ctx context.Context, list []map[string]any) ([]int, error) {
	counts := make([]int, len(list))
	management := h.f.ManagementNetwork
	if h.f.SEGroup != nil {
		if own := refUUID(h.f.SEGroup.Body["mgmt_network_ref"]); own != "" {
			management = own
		}
	}
	if h.f.CloudType != "CLOUD_VCENTER" || management == "" {
		return counts, nil
	}
	if err := h.read(ctx); err != nil {
		return nil, err
	}
	engines := h.hosts[management]
	for i, network := range list {
		uuid := refUUID(network["vimgrnw_ref"])
		if uuid == "" {
			uuid, _ = network["uuid"].(string)
		}
		for _, host := range h.hosts[uuid] {
			if slices.Contains(engines, host) {
				counts[i]++
			}
		}
	}
	return counts, nil
}

// read lists what the vCenter says of its networks. Without the right to that,
// or on a controller that hasn't got it, nothing is known of hosts.
func (h *networkHosts) read(ctx context.Context) error {
	if h.hosts != nil {
		return nil
	}
	// All tenants see those of a cloud in admin.
	as := h.r.Tenant
	if orAdmin(h.f.CloudTenant) == "admin" {
		as = "admin"
	}
	list, err := h.client.findShared(ctx, h.r, as, "vimgrnwruntime", url.Values{"cloud_ref.name": {h.r.Cloud}})
	if err != nil && !forbidden(err) && ClassOf(err) != NotFound {
		return err
	}
	h.hosts = map[string][]string{}
	for _, network := range list {
		uuid, _ := network["uuid"].(string)
		refs, _ := network["host_refs"].([]any)
		for _, e := range refs {
			text, _ := e.(string)
			host := refUUID(text)
			if host == "" {
				host = text
			}
			if host != "" && !slices.Contains(h.hosts[uuid], host) {
				h.hosts[uuid] = append(h.hosts[uuid], host)
			}
		}
	}
	return nil
}

func subnetsOf(network map[string]any) []netip.Prefix {
	var out []netip.Prefix
	list, _ := network["configured_subnets"].([]any)
	for _, e := range list {
		subnet, _ := e.(map[string]any)
		prefix, _ := subnet["prefix"].(map[string]any)
		ip, _ := prefix["ip_addr"].(map[string]any)
		addr, _ := ip["addr"].(string)
		p, err := netip.ParsePrefix(fmt.Sprintf("%s/%v", addr, prefix["mask"]))
		if err == nil {
			out = append(out, p.Masked())
		}
	}
	return out
}
