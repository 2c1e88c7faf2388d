package translate

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuildVsVip(t *testing.T) {
	const head = `"cloud_ref":"/api/cloud/?name=Default-Cloud","east_west_placement":false,"markers":[{"key":"clustername","values":["cluster1"]}],"name":"vs","tenant_ref":"/api/tenant/?name=my+tenant",`
	const v4 = `"subnet":{"ip_addr":{"addr":"10.10.0.0","type":"V4"},"mask":16}`
	const vrf = `,"vrf_context_ref":"/api/vrfcontext/?name=global"`
	for _, tt := range []struct {
		name   string
		change func(*Settings)
		fqdns  []string
		ip     string
		want   string
	}{
		{"names sorted, without doubles", nil, []string{"b.test", "", "a.test", "b.test"}, "",
			`"dns_info":[{"fqdn":"a.test"},{"fqdn":"b.test"}],"vip":[{"auto_allocate_ip":true,"ipam_network_subnet":{"network_ref":"/api/network/?name=vip-net",` + v4 + `},"vip_id":"0"}]` + vrf},
		{"preferred address", nil, nil, "10.10.1.2",
			`"vip":[{"auto_allocate_ip":true,"ip_address":{"addr":"10.10.1.2","type":"V4"},"ipam_network_subnet":{"network_ref":"/api/network/?name=vip-net",` + v4 + `},"vip_id":"0"}]` + vrf},
		{"preferred IPv6 address", nil, nil, "2001:DB8::1",
			`"vip":[{"auto_allocate_ip":true,"ip6_address":{"addr":"2001:db8::1","type":"V6"},"ipam_network_subnet":{"network_ref":"/api/network/?name=vip-net",` + v4 + `},"vip_id":"0"}]` + vrf},
		{"IPv6 alone, by UUID", func(s *Settings) {
			s.VIPNetworks = []VIPNetwork{{Name: "n", UUID: "network-7", V6CIDR: "2001:db8::/64"}}
		}, nil, "",
			`"vip":[{"auto_allocate_ip":true,"auto_allocate_ip_type":"V6_ONLY","ipam_network_subnet":{"network_ref":"/api/network/network-7","subnet6":{"ip_addr":{"addr":"2001:db8::","type":"V6"},"mask":64}},"vip_id":"0"}]` + vrf},
		{"only the first network", func(s *Settings) { s.VIPNetworks = []VIPNetwork{{Name: "a"}, {Name: "b"}} }, nil, "",
			`"vip":[{"auto_allocate_ip":true,"ipam_network_subnet":{"network_ref":"/api/network/?name=a"},"vip_id":"0"}]` + vrf},
		{"no networks", func(s *Settings) { s.VIPNetworks = nil }, nil, "", `"vip":[{"auto_allocate_ip":true,"vip_id":"0"}]` + vrf},
		{"OpenStack", func(s *Settings) {
			s.CloudType, s.VIPNetworks = cloudOpenStack, []VIPNetwork{{Name: "a"}, {Name: "b", CIDR: "10.0.0.0/8", V6CIDR: "2001:db8::/64"}}
		}, nil, "10.10.1.2",
			`"vip":[{"auto_allocate_ip":true,"subnet_uuid":"a","vip_id":"1"},{"auto_allocate_ip":true,"auto_allocate_ip_type":"V4_V6","subnet_uuid":"b","vip_id":"2"}]` + vrf},
		{"NSX-T overlay", func(s *Settings) { s.CloudType, s.T1LR = cloudNSXT, "/infra/tier-1s/a" }, nil, "",
			`"tier1_lr":"/infra/tier-1s/a","vip":[{"auto_allocate_ip":true,"ipam_network_subnet":{"network_ref":"/api/network/?name=vip-net",` + v4 + `},"vip_id":"0"}]`},
		{"NSX-T VPC", func(s *Settings) {
			s.CloudType, s.VPCMode, s.T1LR = cloudNSXT, true, "/orgs/default/projects/shop/vpcs/east"
		}, nil, "", `"tier1_lr":"/orgs/default/projects/shop/vpcs/east","vip":[{"auto_allocate_ip":true,"subnet_uuid":"shop_AVISEPARATOR_east_AVISEPARATOR_","vip_id":"0"}]`},
		{"NSX-T VLAN", func(s *Settings) { s.CloudType = cloudNSXT }, nil, "",
			`"vip":[{"auto_allocate_ip":true,"ipam_network_subnet":{"network_ref":"/api/network/?name=vip-net",` + v4 + `},"placement_networks":[{"network_ref":"/api/network/?name=vip-net",` + v4 + `}],"vip_id":"0"}]` + vrf},
		{"peers without RHI", func(s *Settings) { s.VIPNetworks, s.BGPPeerLabels = nil, []string{"p"} }, nil, "", `"vip":[{"auto_allocate_ip":true,"vip_id":"0"}]` + vrf},
		{"peers", func(s *Settings) { s.VIPNetworks, s.EnableRHI, s.BGPPeerLabels = nil, true, []string{"p"} }, nil, "", `"bgp_peer_labels":["p"],"vip":[{"auto_allocate_ip":true,"vip_id":"0"}]` + vrf},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := l4Settings()
			if tt.change != nil {
				tt.change(s)
			}
			var opts vsVipOptions
			if tt.ip != "" {
				opts.StaticIP = netip.MustParseAddr(tt.ip)
			}
			raw, err := json.Marshal(buildVsVip(s, "vs", "my tenant", tt.fqdns, opts))
			must(t, err)
			var got, want any
			must(t, json.Unmarshal(raw, &got))
			must(t, json.Unmarshal([]byte("{"+head+tt.want+"}"), &want))
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("VsVip (-want +got):\n%s", d)
			}
		})
	}
}

func TestRefTo(t *testing.T) {
	for name, want := range map[string]string{
		"cluster1--default-web-TCP-80":  "/api/pool/?name=cluster1--default-web-TCP-80",
		"cluster1--*.shop.test_a~b-ing": "/api/pool/?name=cluster1--*.shop.test_a~b-ing",
		"a b":                           "/api/pool/?name=a+b",
		"a&name=b":                      "/api/pool/?name=a%26name%3Db",
		"größe#1":                       "/api/pool/?name=gr%C3%B6%C3%9Fe%231",
		"100%":                          "/api/pool/?name=100%25",
	} {
		if got := refTo("pool", name); got != want {
			t.Errorf("refTo(%q) = %s, want %s", name, got, want)
		}
	}
}

func TestMarkers(t *testing.T) {
	raw, err := json.Marshal(markers(&Settings{ClusterName: "c"}, mark("Path", "/b", "/a", "/b"), mark("Host", ""), mark("Namespace", "n")))
	must(t, err)
	const want = `[{"key":"Namespace","values":["n"]},{"key":"Path","values":["/a","/b"]},{"key":"clustername","values":["c"]}]`
	if string(raw) != want {
		t.Errorf("markers = %s, want %s", raw, want)
	}
}
