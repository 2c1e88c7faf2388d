package translate

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// UnitRoutes is the unit of the static routes to the cluster's Pods; there is
// one, without name. It needs the Nodes, which nothing else may have to wait
// for.
const UnitRoutes UnitKind = "routes"

var routesKey = UnitKey{Kind: UnitRoutes}

// Reasons of problems with Nodes.
const (
	reasonPodNetworkTaken   = "PodNetworkTaken"
	reasonPodNetworkInvalid = "PodNetworkInvalid"
)

// Routes are the static routes of a cluster in a VRF context that it may share
// with others.
type Routes struct {
	// Cluster is the value of the label clustername, by which a route is the
	// cluster's. All other routes stay as they are.
	Cluster string
	// Routes are those wanted, sorted by prefix.
	Routes []StaticRoute
	// Former says that the cluster has left the VRF context: only routes whose ID
	// has the cluster's form, too, are taken for its own.
	Former bool `json:",omitempty"`
	// Keep are next hops (addresses of nodes) of which it isn't known what is
	// to be routed to them: the cluster's routes to them stay as they are.
	// Sorted.
	Keep []string
}

// StaticRoute leads to the Pods of a node.
type StaticRoute struct {
	// ID is unique in the VRF context: "<cluster>-<UUID>-<Index>".
	ID string
	// Index is that of the network in the list of its node.
	Index int
	// Prefix is the Pod network as its node says it ("10.244.0.0/24").
	Prefix netip.Prefix
	// NextHop is the node's address, of the prefix's family.
	NextHop netip.Addr
}

func vrfKey(s *Settings) Key {
	return Key{Tenant: tenantOr(s.VRFTenant), Type: "vrfcontext", Name: s.VRF}
}

// routesUnit translates the Pod networks of the nodes to static routes
// (l4-infra.md §2.12). Where it isn't known of all nodes which they have, it
// asks for nothing, and what is there stays.
func routesUnit(d *deps, s *Settings, k UnitKey) Fragment {
	f := Fragment{Unit: k}
	if s.RoutesWritten() && s.VRF != "" {
		r := nodeRoutes(&f, d, s)
		f.Edits = []Edit{{Key: vrfKey(s), Cloud: s.Cloud, Routes: &r}}
	}
	f.Deps = d.refs()
	f.sort()
	return f
}

// nodeRoutes returns the routes to all nodes. Of nodes that claim the same
// network the oldest has it; the others get it when that one goes.
func nodeRoutes(f *Fragment, d *deps, s *Settings) Routes {
	out := Routes{Cluster: s.ClusterName}
	networks := podNetworksOf(d, s)
	nodes := slices.Clone(d.Nodes())
	slices.SortStableFunc(nodes, func(a, b mirror.Object[*akohubv1.Node]) int {
		return cmp.Compare(a.Body.GetMeta().GetCreationSeconds(), b.Body.GetMeta().GetCreationSeconds())
	})
	taken := map[netip.Prefix]string{}
	for _, n := range nodes {
		v4, v6 := nodeAddrs(s, n.Body)
		prefixes, err := networks(n)
		if err != nil {
			f.problem(n.Ref, n.UID, reasonPodNetworkInvalid,
				"the Pod networks of the node cannot be read, its static routes stay as they are: %s", err)
			for _, a := range []netip.Addr{v4, v6} {
				if a.IsValid() {
					out.Keep = append(out.Keep, a.String())
				}
			}
			continue
		}
		for i, p := range prefixes {
			hop := v6
			if p.Addr().Is4() {
				hop = v4
			}
			if !hop.IsValid() {
				continue // l4-infra.md §2.12.3: no address of the family
			}
			if owner, ok := taken[p.Masked()]; ok {
				f.problem(n.Ref, n.UID, reasonPodNetworkTaken,
					"the Pod network %s is routed to node %s, which claims it too: there is no static route to this node for it", p, owner)
				continue
			}
			taken[p.Masked()] = n.Ref.Name
			out.Routes = append(out.Routes, StaticRoute{
				ID: routeID(s.ClusterName, n.Ref.Name, p, i), Index: i, Prefix: p, NextHop: hop,
			})
		}
	}
	slices.SortFunc(out.Routes, func(a, b StaticRoute) int {
		return cmp.Or(a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()))
	})
	slices.Sort(out.Keep)
	out.Keep = slices.Compact(out.Keep)
	return out
}

// routeID has AKO's form with a UUID that follows from what the route is for,
// so that a restart changes nothing.
func routeID(cluster, node string, p netip.Prefix, index int) string {
	h := sha256.Sum256([]byte(cluster + "\x00" + node + "\x00" + p.Masked().String()))
	h[6] = h[6]&0x0f | 0x80 // version 8, made in its maker's own way (RFC 9562)
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%s-%x-%x-%x-%x-%x-%s", cluster, h[:4], h[4:6], h[6:8], h[8:10], h[10:16], strconv.Itoa(index))
}
