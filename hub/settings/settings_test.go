package settings

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

func cluster(t *testing.T, spec string) *v1alpha1.Cluster {
	t.Helper()
	c, err := v1alpha1.ParseCluster([]byte("apiVersion: akohub.io/v1alpha1\nkind: Cluster\nmetadata: {name: c1}\nspec: "+spec+"\n"), "c1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestForDefaults(t *testing.T) {
	got, err := For(cluster(t, `{network: {vipNetworks: [{name: vip-net, cidr: 10.10.0.0/16}]}}`),
		Facts{Domains: []string{"b.test", "a.test"}, LicenseTier: "ENTERPRISE", NetworkVRF: "blue"})
	if err != nil {
		t.Fatal(err)
	}
	want := translate.Settings{
		ClusterName: "c1", Tenant: "admin", Cloud: "Default-Cloud", CloudType: "CLOUD_VCENTER",
		SEGroup: "Default-Group", VRF: "blue", LicenseTier: "ENTERPRISE", Domains: []string{"a.test", "b.test"},
		AutoFQDN: "default", ShardSize: 8, PassthroughShardSize: 1, FQDNReusePolicy: "InterNamespaceAllowed",
		ServiceType: "ClusterIP", AnnotateServices: true, IPFamily: "V4_V6",
		VIPNetworks:              []translate.VIPNetwork{{Name: "vip-net", CIDR: "10.10.0.0/16"}},
		DefaultIngressController: true, DefaultLBController: true, SystemNamespace: "avi-system",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("settings differ (-want +got):\n%s", d)
	}
}

// TestForCarriesEverything sets every field away from its default and checks
// that every field of the settings follows: a field forgotten in For stays zero.
func TestForCarriesEverything(t *testing.T) {
	c := cluster(t, `
  tenant: {name: t1}
  cloud: cloud1
  serviceEngineGroup: seg1
  naming: {clusterName: Old_Name, secondaryNamespace: avi-two}
  ingress: {mode: EVH, shardSize: Medium, passthroughShardSize: Large, vipPerNamespace: true, fqdnReuse: Strict, defaultSecretsOnly: true}
  services: {layer7Only: true, autoFQDN: Flat, defaultDomain: d.test}
  backends: {type: NodePort, nodeSelector: {key: role, value: edge}}
  network:
    vipNetworks: [{name: n, uuid: u, cidr: 10.0.0.0/8, v6cidr: "2001:db8::/64"}]
    nodeNetworks: [{name: nn, uuid: nu, cidrs: [10.1.0.0/16]}]
    ipFamily: V6
    rhi: true
    bgpPeerLabels: [p]
    nsxtTier1: /orgs/o/projects/p/vpcs/v
    vpcMode: true
    staticRoutes: {cni: calico}
  namespaces: {selector: {key: k, value: v}, blocked: [z, a], system: lb}`)
	got, err := For(c, Facts{CloudType: CloudNSXT, Domains: []string{"d.test"}, LicenseTier: "X", NetworkVRF: "n", Tier1VRF: "t1",
		SEGroupTenant: "t1", VRFTenant: "admin", IPAMType: ipamInfoblox})
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.ValueOf(got)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "NoPGForSNI" && name != "OpenShift" { // which the mirror knows
			t.Errorf("%s is zero", name)
		}
	}
	if !got.DisableStaticRouteSync {
		t.Error("NodePort backends need no static routes")
	}
	if got.ClusterName != "Old_Name" || got.CreatedBy() != c.CreatedBy() {
		t.Errorf("names differ: %q %q %q", got.ClusterName, got.CreatedBy(), c.CreatedBy())
	}
	if d := cmp.Diff([]string{"a", "z"}, got.BlockedNamespaces); d != "" {
		t.Error(d)
	}
	sni, err := For(cluster(t, `{ingress: {poolGroupsForSNI: false}, services: {defaultController: false}}`), Facts{})
	if err != nil || !sni.NoPGForSNI || sni.DefaultLBController {
		t.Errorf("NoPGForSNI %v, DefaultLBController %v, %v", sni.NoPGForSNI, sni.DefaultLBController, err)
	}
}

func TestVRF(t *testing.T) {
	for _, tc := range []struct {
		name, spec, want string
		facts            Facts
	}{
		{"openstack admin", `{vrf: x, network: {vipNetworks: [{name: n}]}}`, "global", Facts{CloudType: CloudOpenStack, NetworkVRF: "n"}},
		{"openstack tenant", `{tenant: {name: t}, network: {vipNetworks: [{name: n}]}}`, "t-default", Facts{CloudType: CloudOpenStack}},
		{"aws", `{vrf: x, network: {vipNetworks: [{name: n}]}}`, "global", Facts{CloudType: CloudAWS, NetworkVRF: "n"}},
		{"nodeport", `{vrf: x, backends: {type: NodePort}}`, "x", Facts{CloudType: CloudNSXT, NetworkVRF: "n"}},
		{"nodeport without", `{backends: {type: NodePort}}`, "global", Facts{NetworkVRF: "n"}},
		{"vcenter named", `{vrf: blue}`, "blue", Facts{CloudType: CloudVCenter, NetworkVRF: "n"}},
		{"vcenter network", `{}`, "n", Facts{CloudType: CloudVCenter, NetworkVRF: "n"}},
		{"nsxt ignores the name", `{vrf: blue}`, "n", Facts{CloudType: CloudNSXT, NetworkVRF: "n"}},
		{"nsxt tier 1", `{network: {nsxtTier1: /infra/tier-1s/t1}}`, "t1", Facts{CloudType: CloudNSXT, NetworkVRF: "n", Tier1VRF: "t1"}},
		{"nsxt tier 1 unknown", `{network: {nsxtTier1: /infra/tier-1s/t1}}`, "n", Facts{CloudType: CloudNSXT, NetworkVRF: "n"}},
		{"nsxt ncp", `{network: {nsxtTier1: /infra/tier-1s/t1, staticRoutes: {cni: ncp}}}`, "n", Facts{CloudType: CloudNSXT, NetworkVRF: "n", Tier1VRF: "t1"}},
		{"nothing known", `{}`, "global", Facts{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := For(cluster(t, tc.spec), tc.facts)
			if err != nil {
				t.Fatal(err)
			}
			if s.VRF != tc.want {
				t.Errorf("VRF %q, want %q", s.VRF, tc.want)
			}
		})
	}
}

// What another cloud needs is no matter in this one (l4-infra.md §2.6).
func TestForAccepts(t *testing.T) {
	for name, tc := range map[string]struct {
		spec  string
		facts Facts
	}{
		"overlay":                 {`{network: {nsxtTier1: /infra/tier-1s/t1}}`, Facts{CloudType: CloudNSXT, TransportZone: "OVERLAY"}},
		"VLAN":                    {`{network: {nodeNetworks: [{name: n}]}}`, Facts{CloudType: CloudNSXT, TransportZone: "VLAN"}},
		"VPC without IPAM":        {`{network: {vpcMode: true, nsxtTier1: /orgs/o/projects/p/vpcs/v}}`, Facts{CloudType: CloudNSXT, WithoutIPAM: true}},
		"AWS without IPAM":        {`{network: {vipNetworks: [{name: a}, {name: b}]}}`, Facts{CloudType: CloudAWS, WithoutIPAM: true}},
		"NSX-T that says nothing": {`{}`, Facts{CloudType: CloudNSXT}},
	} {
		if _, err := For(cluster(t, tc.spec), tc.facts); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Clouds that place VIPs by subnet are told what the registration says, name or
// UUID; the others refer to the network.
func TestForSubnetByUUID(t *testing.T) {
	for cloud, want := range map[string]translate.VIPNetwork{
		CloudOpenStack: {Name: "9f2c", UUID: "9f2c"}, CloudAWS: {Name: "9f2c", UUID: "9f2c"}, CloudAzure: {Name: "9f2c", UUID: "9f2c"},
		CloudGCP: {UUID: "9f2c"}, CloudVCenter: {UUID: "9f2c"},
	} {
		s, err := For(cluster(t, `{network: {vipNetworks: [{uuid: 9f2c}]}}`), Facts{CloudType: cloud})
		if err != nil || len(s.VIPNetworks) != 1 || s.VIPNetworks[0] != want {
			t.Errorf("%s: networks %+v, %v; want %+v", cloud, s.VIPNetworks, err, want)
		}
	}
}

func TestFixedVIPs(t *testing.T) {
	for typ, want := range map[string]bool{"": false, "IPAMDNS_TYPE_INTERNAL": false, "IPAMDNS_TYPE_INFOBLOX": true, "IPAMDNS_TYPE_CUSTOM": true} {
		if s, err := For(cluster(t, `{}`), Facts{IPAMType: typ}); err != nil || s.FixedVIPs != want {
			t.Errorf("%q: %v, %v", typ, s.FixedVIPs, err)
		}
	}
}

func TestIPFamily(t *testing.T) {
	for _, tc := range []struct{ family, cloud, want string }{
		{"", CloudVCenter, "V4_V6"}, {"", CloudNone, "V4_V6"}, {"", CloudNSXT, "V4_V6"}, {"", CloudAWS, "V4"},
		{"V4", CloudVCenter, "V4"}, {"V6", CloudNone, "V6"}, {"V6", CloudGCP, "V4"}, {"V4_V6", CloudNSXT, "V4_V6"},
	} {
		if got := ipFamily(v1alpha1.IPFamily(tc.family), tc.cloud); got != tc.want {
			t.Errorf("ipFamily(%q, %s) = %q, want %q", tc.family, tc.cloud, got, tc.want)
		}
	}
}

func TestForRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, spec, want string
		facts            Facts
	}{
		{"tier 1 elsewhere", `{network: {nsxtTier1: /t1}}`, `spec.network.nsxtTier1: cloud "Default-Cloud" is a CLOUD_VCENTER, not NSX-T`, Facts{}},
		{"vpc elsewhere", `{network: {vpcMode: true, nsxtTier1: /orgs/o/projects/p/vpcs/v}}`, "not NSX-T", Facts{CloudType: CloudNone}},
		{"two networks", `{network: {vipNetworks: [{name: a}, {name: b}]}}`, "only AWS takes more than one", Facts{}},
		{"public without network", `{}`, "needed on a public cloud", Facts{CloudType: CloudGCP}},
		{"v6 on aws", `{network: {vipNetworks: [{name: a, v6cidr: "2001:db8::/64"}]}}`, "vipNetworks[0].v6cidr", Facts{CloudType: CloudAWS}},
		{"overlay without a tier 1", `{}`, "spec.network.nsxtTier1: needed", Facts{CloudType: CloudNSXT, TransportZone: "OVERLAY"}},
		{"tier 1 over VLANs", `{network: {nsxtTier1: /infra/tier-1s/t1}}`, "has VLAN segments", Facts{CloudType: CloudNSXT, TransportZone: "VLAN"}},
		{"no IPAM", `{}`, `cloud "Default-Cloud" has no IPAM profile`, Facts{WithoutIPAM: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := For(cluster(t, tc.spec), tc.facts)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// A secondary AKO's names and owner are its own; the routes and the label are as
// for the primary one, which writes the routes.
func TestForSecondary(t *testing.T) {
	got, err := For(cluster(t, `{naming: {clusterName: c1, secondaryNamespace: avi-two}}`), Facts{})
	if err != nil {
		t.Fatal(err)
	}
	if got.CreatedBy() != "ako-c1-avi-two" || !got.RoutesSynced() || got.RoutesWritten() {
		t.Errorf("%q, %t, %t", got.CreatedBy(), got.RoutesSynced(), got.RoutesWritten())
	}
}

func TestWithoutEffect(t *testing.T) {
	if got := WithoutEffect(cluster(t, `{}`)); len(got) != 0 {
		t.Errorf("defaults: %v", got)
	}
	want := []string{"spec.features.gatewayAPI", "spec.features.istio"}
	if d := cmp.Diff(want, WithoutEffect(cluster(t, `{ingress: {mode: EVH}, features: {istio: true, gatewayAPI: true}}`))); d != "" {
		t.Error(d)
	}
}

// A network whose name several have is referred to by UUID; one that is named
// by UUID stays so.
func TestForNetworkUUIDs(t *testing.T) {
	got, err := For(cluster(t, `{network: {vipNetworks: [{name: twice, cidr: 10.0.0.0/8}]}}`), Facts{NetworkUUIDs: map[string]string{"twice": "network-2"}})
	if err != nil || got.VIPNetworks[0].UUID != "network-2" {
		t.Errorf("networks %+v, %v", got.VIPNetworks, err)
	}
	got, err = For(cluster(t, `{network: {nodeNetworks: [{name: twice}, {name: once}, {uuid: u}]}}`), Facts{NodeNetworkUUIDs: map[string]string{"twice": "network-3"}})
	if err != nil || got.NodeNetworks[0].UUID != "network-3" || got.NodeNetworks[1].UUID != "" || got.NodeNetworks[2].UUID != "u" {
		t.Errorf("node networks %+v, %v", got.NodeNetworks, err)
	}
	got, err = For(cluster(t, `{network: {vipNetworks: [{name: once}]}}`), Facts{})
	if err != nil || got.VIPNetworks[0].UUID != "" {
		t.Errorf("networks %+v, %v", got.VIPNetworks, err)
	}
}
