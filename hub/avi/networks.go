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

func (c *Client) readNetworks(ctx context.Context, r FactsRequest, f *Facts) error {
	if subnetClouds[f.CloudType] {
		return nil
	}
	for i, n := range r.VIPNetworks {
		query := url.Values{"cloud_ref.name": {r.Cloud}}
		name := n.Name
		if n.UUID != "" {
			query.Set("uuid", n.UUID)
			name = n.UUID
		} else {
			query.Set("name", n.Name)
			if r.VRF != "" {
				query.Set("vrf_context_ref.name", r.VRF) // l4-infra.md §2.8
			}
		}
		list, err := c.findAll(ctx, r.Tenant, "network", query)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return missing("network", name, fmt.Sprintf(" in cloud %q", r.Cloud))
		}
		network := pickNetwork(list, n.CIDRs)
		if len(list) > 1 {
			if f.NetworkUUIDs == nil {
				f.NetworkUUIDs = map[string]string{}
			}
			f.NetworkUUIDs[n.Name], _ = network["uuid"].(string)
		}
		if i == 0 {
			f.NetworkVRF = refName(network["vrf_context_ref"])
		}
	}
	return nil
}

// pickNetwork chooses among networks of one name: the first that has all the
// subnets, else the first that has subnets at all, else the first (l4-infra.md
// §2.8).
func pickNetwork(list []map[string]any, cidrs []string) map[string]any {
	if len(cidrs) > 0 {
		for _, network := range list {
			have := subnetsOf(network)
			if !slices.ContainsFunc(cidrs, func(cidr string) bool {
				p, err := netip.ParsePrefix(cidr)
				return err == nil && !slices.Contains(have, p.Masked())
			}) {
				return network
			}
		}
	}
	for _, network := range list {
		if len(subnetsOf(network)) > 0 {
			return network
		}
	}
	return list[0]
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
