package reconcile

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
)

// cloudsSeed has a cloud of each type that differs (l4-infra.md §2.7).
const cloudsSeed = `
version: 30.2.1
user: {name: admin, password: sim-password}
tenants: {default: [admin, team]}
clouds:
- {name: Default-Cloud, vtype: CLOUD_VCENTER, vrfs: [blue], domains: [avi.internal], networks: [{name: net-a, v4: 10, v6: 10}, {name: net-b, vrf: blue, v4: 40}, {name: nodes}]}
- {name: none, vtype: CLOUD_NONE, domains: [avi.internal], networks: [{name: net-a, v4: 11, v6: 11}, {name: nodes}]}
- {name: overlay, vtype: CLOUD_NSXT, transportZone: OVERLAY, vrfs: [t1-east], domains: [avi.internal], networks: [{name: net-a, v4: 12, v6: 12}, {name: nodes}]}
- {name: vlan, vtype: CLOUD_NSXT, transportZone: VLAN, domains: [avi.internal], networks: [{name: net-a, v4: 13, v6: 13}, {name: nodes}]}
- {name: vpc, vtype: CLOUD_NSXT, vrfs: [/orgs/default/projects/p1/vpcs/v1], domains: [avi.internal], networks: [{name: net-a, v4: 14}]}
- {name: aws, vtype: CLOUD_AWS, domains: [avi.internal], networks: [{name: net-a, v4: 15}, {name: net-b, v4: 45}]}
- {name: azure, vtype: CLOUD_AZURE, domains: [avi.internal], networks: [{name: net-a, v4: 16}]}
- {name: gcp, vtype: CLOUD_GCP, domains: [avi.internal], networks: [{name: net-a, v4: 17}]}
- {name: openstack, vtype: CLOUD_OPENSTACK, domains: [avi.internal], networks: [{name: net-a, v4: 18}]}
objects:
  applicationprofile: {http: [System-HTTP, System-Secure-HTTP], l4: [System-L4-Application]}
  networkprofile: {tcp_proxy: [System-TCP-Proxy], tcp_fast_path: [System-TCP-Fast-Path]}
  healthmonitor: {tcp: [System-TCP]}
`

// What a Service gets in each type of cloud, with a preferred address and
// without, with the routes to the Pods where there are any (l4-infra.md §1.5,
// §2.7, §2.11).
func TestClouds(t *testing.T) {
	net := func(v4, v6 string) func(*v1alpha1.Cluster) {
		return func(r *v1alpha1.Cluster) {
			r.Spec.Network.VIPNetworks = []v1alpha1.VIPNetwork{{Name: "net-a", CIDR: v4, V6CIDR: v6}}
		}
	}
	with := func(fs ...func(*v1alpha1.Cluster)) func(*v1alpha1.Cluster) {
		return func(r *v1alpha1.Cluster) {
			for _, f := range fs {
				f(r)
			}
		}
	}
	tier1 := func(path string) func(*v1alpha1.Cluster) {
		return func(r *v1alpha1.Cluster) { r.Spec.Network.NSXTTier1 = path }
	}
	vpc := func(r *v1alpha1.Cluster) {
		r.Spec.Network.NSXTTier1, r.Spec.Network.VPCMode, r.Spec.Network.VIPNetworks = "/orgs/default/projects/p1/vpcs/v1", true, nil
	}
	nodes := func(r *v1alpha1.Cluster) {
		r.Spec.Network.NodeNetworks = []v1alpha1.NodeNetwork{{Name: "nodes", CIDRs: []string{"192.168.10.0/24"}}}
	}
	for _, tt := range []struct {
		name, cloud string
		change      func(*v1alpha1.Cluster)
		preferred   string
		// vip are the VIPs without the addresses that the controller chose, place
		// is where else the VsVip and the pool are, routes the VRF context that
		// has the routes to the Pods.
		vip, place, routes string
	}{
		{
			name: "vCenter", cloud: "Default-Cloud",
			change: with(net("10.10.0.0/16", ""), nodes),
			vip:    `[{"auto_allocate_ip":true,"ipam_network_subnet":{"network_ref":"network/net-a","subnet":{"ip_addr":{"addr":"10.10.0.0","type":"V4"},"mask":16}},"vip_id":"0"}]`,
			place:  `{"pool.placement_networks":[{"network_ref":"network/nodes","subnet":{"ip_addr":{"addr":"192.168.10.0","type":"V4"},"mask":24}}],"pool.vrf_ref":"vrfcontext/global","vrf_context_ref":"vrfcontext/global"}`,
			routes: "global",
		},
		{
			name: "vCenter, preferred address", cloud: "Default-Cloud",
			change:    net("10.10.0.0/16", ""),
			preferred: "10.10.70.7",
			vip:       `[{"auto_allocate_ip":true,"ip_address":{"addr":"10.10.70.7","type":"V4"},"ipam_network_subnet":{"network_ref":"network/net-a","subnet":{"ip_addr":{"addr":"10.10.0.0","type":"V4"},"mask":16}},"vip_id":"0"}]`,
			place:     `{"pool.vrf_ref":"vrfcontext/global","vrf_context_ref":"vrfcontext/global"}`,
			routes:    "global",
		},
		{
			name: "vCenter, both families", cloud: "Default-Cloud",
			change: net("10.10.0.0/16", "2001:db8:10::/64"),
			vip:    `[{"auto_allocate_ip":true,"auto_allocate_ip_type":"V4_V6","ipam_network_subnet":{"network_ref":"network/net-a","subnet":{"ip_addr":{"addr":"10.10.0.0","type":"V4"},"mask":16},"subnet6":{"ip_addr":{"addr":"2001:db8:10::","type":"V6"},"mask":64}},"vip_id":"0"}]`,
			place:  `{"pool.vrf_ref":"vrfcontext/global","vrf_context_ref":"vrfcontext/global"}`,
			routes: "global",
		},
		{
			name: "vCenter, IPv6", cloud: "Default-Cloud",
			change:    net("", "2001:db8:10::/64"),
			preferred: "2001:db8:10::1007",
			vip:       `[{"auto_allocate_ip":true,"auto_allocate_ip_type":"V6_ONLY","ip6_address":{"addr":"2001:db8:10::1007","type":"V6"},"ipam_network_subnet":{"network_ref":"network/net-a","subnet6":{"ip_addr":{"addr":"2001:db8:10::","type":"V6"},"mask":64}},"vip_id":"0"}]`,
			place:     `{"pool.vrf_ref":"vrfcontext/global","vrf_context_ref":"vrfcontext/global"}`,
			routes:    "global",
		},
		{
			name: "vCenter, network in another VRF context", cloud: "Default-Cloud",
			change: func(r *v1alpha1.Cluster) { r.Spec.Network.VIPNetworks[0].Name = "net-b" },
			vip:    `[{"auto_allocate_ip":true,"ipam_network_subnet":{"network_ref":"network/net-b"},"vip_id":"0"}]`,
			place:  `{"pool.vrf_ref":"vrfcontext/blue","vrf_context_ref":"vrfcontext/blue"}`,
			routes: "blue",
		},
		{
			name: "no orchestrator", cloud: "none",
			change:    with(net("10.11.0.0/16", "2001:db8:11::/64"), nodes),
			preferred: "10.11.70.7",
			vip:       `[{"auto_allocate_ip":true,"auto_allocate_ip_type":"V4_V6","ip_address":{"addr":"10.11.70.7","type":"V4"},"ipam_network_subnet":{"network_ref":"network/net-a","subnet":{"ip_addr":{"addr":"10.11.0.0","type":"V4"},"mask":16},"subnet6":{"ip_addr":{"addr":"2001:db8:11::","type":"V6"},"mask":64}},"vip_id":"0"}]`,
			place:     `{"pool.vrf_ref":"vrfcontext/global","vrf_context_ref":"vrfcontext/global"}`,
			routes:    "global",
		},
		{
			name: "NSX-T overlay", cloud: "overlay",
			change:    with(net("10.12.0.0/16", ""), tier1("/infra/tier-1s/t1-east"), nodes),
			preferred: "10.12.70.7",
			vip:       `[{"auto_allocate_ip":true,"ip_address":{"addr":"10.12.70.7","type":"V4"},"ipam_network_subnet":{"network_ref":"network/net-a","subnet":{"ip_addr":{"addr":"10.12.0.0","type":"V4"},"mask":16}},"vip_id":"0"}]`,
			place:     `{"pool.tier1_lr":"/infra/tier-1s/t1-east","tier1_lr":"/infra/tier-1s/t1-east"}`,
			routes:    "t1-east",
		},
		{
			name: "NSX-T overlay, both families", cloud: "overlay",
			change: with(net("10.12.0.0/16", "2001:db8:12::/64"), tier1("/infra/tier-1s/t1-east")),
			vip:    `[{"auto_allocate_ip":true,"auto_allocate_ip_type":"V4_V6","ipam_network_subnet":{"network_ref":"network/net-a","subnet":{"ip_addr":{"addr":"10.12.0.0","type":"V4"},"mask":16},"subnet6":{"ip_addr":{"addr":"2001:db8:12::","type":"V6"},"mask":64}},"vip_id":"0"}]`,
			place:  `{"pool.tier1_lr":"/infra/tier-1s/t1-east","tier1_lr":"/infra/tier-1s/t1-east"}`,
			routes: "t1-east",
		},
		{
			name: "NSX-T VLAN", cloud: "vlan",
			change: with(net("10.13.0.0/16", ""), nodes),
			vip:    `[{"auto_allocate_ip":true,"ipam_network_subnet":{"network_ref":"network/net-a","subnet":{"ip_addr":{"addr":"10.13.0.0","type":"V4"},"mask":16}},"placement_networks":[{"network_ref":"network/net-a","subnet":{"ip_addr":{"addr":"10.13.0.0","type":"V4"},"mask":16}}],"vip_id":"0"}]`,
			place:  `{"pool.placement_networks":[{"network_ref":"network/nodes","subnet":{"ip_addr":{"addr":"192.168.10.0","type":"V4"},"mask":24}}],"pool.vrf_ref":"vrfcontext/global","vrf_context_ref":"vrfcontext/global"}`,
			routes: "global",
		},
		{
			name: "NSX-T VPC", cloud: "vpc",
			change: vpc,
			vip:    `[{"auto_allocate_ip":true,"subnet_uuid":"p1_AVISEPARATOR_v1_AVISEPARATOR_","vip_id":"0"}]`,
			place:  `{"pool.tier1_lr":"/orgs/default/projects/p1/vpcs/v1","tier1_lr":"/orgs/default/projects/p1/vpcs/v1"}`,
		},
		{
			name: "AWS", cloud: "aws",
			change: func(r *v1alpha1.Cluster) {
				r.Spec.Network.VIPNetworks = append(r.Spec.Network.VIPNetworks, v1alpha1.VIPNetwork{Name: "net-b"})
			},
			preferred: "10.15.70.7",
			vip:       `[{"auto_allocate_ip":true,"subnet_uuid":"net-a","vip_id":"1"},{"auto_allocate_ip":true,"subnet_uuid":"net-b","vip_id":"2"}]`,
			place:     `{"pool.vrf_ref":"vrfcontext/global","vrf_context_ref":"vrfcontext/global"}`,
			routes:    "global",
		},
		{
			name: "Azure", cloud: "azure",
			change:    net("10.16.0.0/16", ""),
			preferred: "10.16.70.7",
			vip:       `[{"auto_allocate_ip":true,"subnet_uuid":"net-a","vip_id":"1"}]`,
			place:     `{"pool.vrf_ref":"vrfcontext/global","vrf_context_ref":"vrfcontext/global"}`,
			routes:    "global",
		},
		{
			name: "GCP", cloud: "gcp",
			change:    with(net("10.17.0.0/16", ""), nodes),
			preferred: "10.17.70.7",
			vip:       `[{"auto_allocate_ip":true,"ip_address":{"addr":"10.17.70.7","type":"V4"},"ipam_network_subnet":{"network_ref":"network/net-a","subnet":{"ip_addr":{"addr":"10.17.0.0","type":"V4"},"mask":16}},"vip_id":"0"}]`,
			place:     `{"pool.vrf_ref":"vrfcontext/global","vrf_context_ref":"vrfcontext/global"}`,
			routes:    "global",
		},
		{
			name: "OpenStack", cloud: "openstack",
			change:    net("", ""),
			preferred: "10.18.70.7",
			vip:       `[{"auto_allocate_ip":true,"subnet_uuid":"net-a","vip_id":"1"}]`,
			place:     `{"pool.vrf_ref":"vrfcontext/team-default","vrf_context_ref":"vrfcontext/team-default"}`,
			routes:    "team-default",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seed, err := avisim.ParseSeed([]byte(cloudsSeed))
			if err != nil {
				t.Fatal(err)
			}
			f := startWith(t, avisim.Options{Seed: seed})
			w := sites(0, 1)
			w[serviceRef("lb0")].GetService().LoadBalancerIp = tt.preferred
			w.node(1, "192.168.10.11")
			c := f.up(withRoutes("c1", "Default-Group", func(r *v1alpha1.Cluster) { r.Spec.Cloud = tt.cloud }, net("", ""), tt.change), w)
			if err := c.try(); err != nil {
				t.Fatal(err)
			}
			objects := f.sim.Dump().Tenants["team"]
			if len(objects["vsvip"]) != 1 || len(objects["pool"]) != 1 {
				t.Fatalf("objects: %v", objects)
			}
			vsvip, pool := objects["vsvip"][0], objects["pool"][0]
			if d := cmp.Diff(tt.vip, asJSON(t, withoutAllocated(vsvip["vip"], tt.preferred))); d != "" {
				t.Errorf("vip (-want +got):\n%s", d)
			}
			place := map[string]any{}
			for _, field := range []string{"vrf_context_ref", "tier1_lr"} {
				if v := vsvip[field]; v != nil {
					place[field] = v
				}
			}
			for _, field := range []string{"vrf_ref", "tier1_lr", "placement_networks"} {
				if v := pool[field]; v != nil {
					place["pool."+field] = v
				}
			}
			if d := cmp.Diff(tt.place, asJSON(t, place)); d != "" {
				t.Errorf("place (-want +got):\n%s", d)
			}
			var routed []string
			for name, vrf := range f.sim.Dump().SystemChanges["vrfcontext"] {
				if vrf["static_routes"] != nil {
					routed = append(routed, name)
				}
			}
			slices.Sort(routed)
			want := []string{tt.cloud + "/" + tt.routes}
			if tt.routes == "" {
				want = nil
			}
			if d := cmp.Diff(want, routed); d != "" {
				t.Errorf("routes (-want +got):\n%s", d)
			}
			if status, _ := c.shown(serviceRef("lb0")); len(status) == 0 {
				t.Error("the Service has no address")
			}
			f.restart()
			f.writes()
			c = f.up(withRoutes("c1", "Default-Group", func(r *v1alpha1.Cluster) { r.Spec.Cloud = tt.cloud }, net("", ""), tt.change), w)
			_ = c.try()
			f.noWrites("after a restart")
		})
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// withoutAllocated leaves the addresses that the controller chose out of VIPs.
func withoutAllocated(vips any, preferred string) any {
	list, _ := vips.([]any)
	for _, e := range list {
		vip, _ := e.(map[string]any)
		for _, field := range []string{"ip_address", "ip6_address"} {
			if a, _ := vip[field].(map[string]any); a["addr"] != preferred {
				delete(vip, field)
			}
		}
	}
	return list
}

// What keeps a cluster from being served on a controller is said in the
// cluster's standing, and nothing is written (l4-infra.md §2.4, §2.6).
func TestControllersThatWontDo(t *testing.T) {
	for _, tt := range []struct {
		name, seed, cloud, state, want string
	}{
		{"old", strings.Replace(cloudsSeed, "30.2.1", "22.1.2", 1), "Default-Cloud", "", "the controller runs release 22.1.2; at least 22.1.3 is needed"},
		{"down", cloudsSeed, "Default-Cloud", "CLUSTER_DOWN", "the controller's state is CLUSTER_DOWN"},
		{"no IPAM", strings.Replace(cloudsSeed, "CLOUD_NONE", "CLOUD_NONE, ipam: none", 1), "none", "", `cloud "none" has no IPAM profile`},
		{"no tier 1", cloudsSeed, "overlay", "", "spec.network.nsxtTier1: needed"},
		{"no cloud", cloudsSeed, "nowhere", "", "nowhere"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seed, err := avisim.ParseSeed([]byte(tt.seed))
			if err != nil {
				t.Fatal(err)
			}
			f := startWith(t, avisim.Options{Seed: seed})
			f.sim.SetClusterState(tt.state)
			c := f.up(registration("c1", func(r *v1alpha1.Cluster) {
				r.Spec.Cloud, r.Spec.Network.VIPNetworks[0].Name = tt.cloud, "net-a"
			}), sites(1, 1))
			if err := c.status().Error; !strings.Contains(err, tt.want) {
				t.Errorf("standing %q, want one that says %q", err, tt.want)
			}
			f.noWrites("to a controller that won't do")
			if tt.state == "" {
				return
			}
			f.sim.SetClusterState("")
			f.pass(time.Hour)
			c.settle()
			if err := c.status().Error; err != "" || len(f.names("team", "virtualservice")) == 0 {
				t.Errorf("once it is up: %q", err)
			}
		})
	}
}
