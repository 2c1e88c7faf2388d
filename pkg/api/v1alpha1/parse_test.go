package v1alpha1

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/api/strictyaml"
)

const head = "apiVersion: akohub.io/v1alpha1\nkind: Cluster\nmetadata:\n  name: c1\n"

func TestMinimal(t *testing.T) {
	for _, text := range []string{head, head + "spec:\n", head + "spec: {}\n"} {
		c, err := ParseCluster([]byte(text), "c1.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(NewCluster("c1"), c); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
	}
	c := NewCluster("c1")
	if c.Spec.Mode != ModeObserve {
		t.Errorf("a new cluster is in mode %q", c.Spec.Mode)
	}
	if c.CreatedBy() != "ako-c1" || c.ObjectPrefix() != "c1" {
		t.Errorf("%q %q", c.CreatedBy(), c.ObjectPrefix())
	}
	c.Spec.Naming = Naming{ClusterName: "Old_1", SecondaryNamespace: "avi-two"}
	if c.CreatedBy() != "ako-Old_1-avi-two" || c.ObjectPrefix() != "Old_1" {
		t.Errorf("%q %q", c.CreatedBy(), c.ObjectPrefix())
	}
}

func TestMarshalMinimal(t *testing.T) {
	got, err := NewCluster("c1").Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want := head + "spec:\n  mode: observe\n  tenant:\n    name: admin\n"
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestRefuses(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"version", strings.Replace(head, "v1alpha1", "v9", 1), `line 1: apiVersion: "akohub.io/v9" is not one of akohub.io/v1alpha1`},
		{"kind", strings.Replace(head, "Cluster", "Deployment", 1), `line 2: kind: "Deployment" is not one of Cluster`},
		{"no name", "apiVersion: akohub.io/v1alpha1\nkind: Cluster\n", "line 1: metadata.name: is required"},
		{"name", strings.Replace(head, "c1", "C_1", 1), `line 4: metadata.name: "C_1" does not match`},
		{"long name", strings.Replace(head, "c1", strings.Repeat("c", 64), 1), "line 4: metadata.name: 64 characters"},
		{"mode", head + "spec:\n  mode: write\n", `line 6: spec.mode: "write" is not one of observe, create-only, enforce, frozen, offboard`},
		{"vip network", head + "spec:\n  network:\n    vipNetworks:\n    - cidr: 10.0.0.0/8\n", "line 8: spec.network.vipNetworks[0]: a name or a uuid is needed"},
		{"cidr", head + "spec:\n  network:\n    vipNetworks:\n    - name: n\n      cidr: 10.0.0.0\n", `line 9: spec.network.vipNetworks[0].cidr: "10.0.0.0" is not an IPv4 subnet`},
		{"v6 in cidr", head + "spec:\n  network:\n    vipNetworks:\n    - {name: n, cidr: '2001:db8::/64'}\n", "is not an IPv4 subnet"},
		{"v4 in v6cidr", head + "spec:\n  network:\n    vipNetworks:\n    - {name: n, v6cidr: 10.0.0.0/8}\n", "is not an IPv6 subnet"},
		{"node networks", head + "spec:\n  network:\n    nodeNetworks: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {name: f}]\n", "line 7: spec.network.nodeNetworks: 6 networks; at most 5 are allowed"},
		{"negative limit", head + "spec:\n  limits:\n    pools: -1\n", "line 7: spec.limits.pools: -1 is less than 0"},
		{"limit that is no number", head + "spec:\n  limits:\n    vips: many\n", "line 7: spec.limits.vips"},
		{"suffix with a wildcard", head + "spec:\n  limits:\n    fqdnSuffixes: ['*.a.test']\n", "spec.limits.fqdnSuffixes[0]"},
		{"network without a name", head + "spec:\n  limits:\n    vipNetworks: ['']\n", "spec.limits.vipNetworks[0]"},
		{"node cidr", head + "spec:\n  network:\n    nodeNetworks: [{name: a, cidrs: [x]}]\n", `line 7: spec.network.nodeNetworks[0].cidrs[0]: "x" is not a subnet`},
		{"bgp", head + "spec:\n  network:\n    bgpPeerLabels: [a]\n", "line 7: spec.network.bgpPeerLabels: need network.rhi: true"},
		{"vpc", head + "spec:\n  network:\n    vpcMode: true\n    nsxtTier1: /infra/tier-1s/t1\n", "line 8: spec.network.nsxtTier1: vpcMode needs a path"},
		{"npl", head + "spec:\n  backends: {type: NodePortLocal}\n", "line 6: spec.backends.type: NodePortLocal needs"},
		{"selector", head + "spec:\n  namespaces:\n    selector: {key: a}\n", "line 7: spec.namespaces.selector: key and value belong together"},
		{"node selector", head + "spec:\n  backends:\n    nodeSelector: {key: a, value: b}\n", "line 7: spec.backends.nodeSelector: only NodePort backends"},
		{"blocked", head + "spec:\n  namespaces:\n    blocked: ['']\n", "spec.namespaces.blocked[0]: an empty name"},
		{"mci", head + "spec:\n  features: {multiClusterIngress: true}\n", "line 6: spec.features.multiClusterIngress: needs"},
		{"vip per namespace", head + "spec:\n  ingress: {vipPerNamespace: true}\n", "line 6: spec.ingress.vipPerNamespace: needs ingress.mode EVH"},
		{"strict", head + "spec:\n  ingress: {fqdnReuse: Strict}\n", "Strict needs ingress.mode EVH"},
		{"pool groups", head + "spec:\n  ingress: {mode: EVH, poolGroupsForSNI: false}\n", "only mode SNI"},
		{"space", head + "spec:\n  cloud: 'a '\n", `line 6: spec.cloud: "a " begins or ends with a space`},
		{"cluster name", head + "spec:\n  naming: {clusterName: a.b}\n", "spec.naming.clusterName"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseCluster([]byte(tc.text), "c1.yaml")
			var e *strictyaml.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want one with %q", err, tc.want)
			}
			if len(Problems(err)) == 0 {
				t.Error("no problems listed")
			}
		})
	}
}

func TestValidate(t *testing.T) {
	c := NewCluster("c1")
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.Spec.Network.BGPPeerLabels = []string{"x"}
	if err := c.Validate(); err == nil {
		t.Error("bgpPeerLabels without rhi passed")
	}
}
