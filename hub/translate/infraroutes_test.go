package translate

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// routeNode is a Node with an age (the smaller the older), Pod networks,
// annotations and internal addresses.
func routeNode(tb testing.TB, name string, created int64, cidrs []string, annotations map[string]string, addrs ...string) *akohubv1.Record {
	n := &akohubv1.Node{Meta: &akohubv1.Meta{CreationSeconds: created, Annotations: annotations}, PodCidrs: cidrs}
	for _, a := range addrs {
		n.Addresses = append(n.Addresses, &akohubv1.NodeAddress{Type: "InternalIP", Address: a})
	}
	return l4Record(tb, "", name, n)
}

func customRecord(kind, name, spec string) *akohubv1.Record {
	return &akohubv1.Record{
		Kind: kind, Name: name, Uid: "uid-" + name, ContentHash: []byte(kind + name + spec),
		Body: &akohubv1.Record_CustomResource{CustomResource: &akohubv1.CustomResource{Meta: &akohubv1.Meta{}, SpecJson: []byte(spec)}},
	}
}

// routesOf translates the routes, as "prefix via hop #index", and the next hops
// of which nothing is known.
func routesOf(tb testing.TB, s *Settings, recs ...*akohubv1.Record) (routes, keep []string, f Fragment) {
	tb.Helper()
	readView(tb, recs, func(v mirror.View) { f = Unit(v, s, routesKey) })
	for _, e := range f.Edits {
		for _, r := range e.Routes.Routes {
			routes = append(routes, fmt.Sprintf("%s via %s #%d", r.Prefix, r.NextHop, r.Index))
		}
		keep = append(keep, e.Routes.Keep...)
	}
	return routes, keep, f
}

func TestRoutesByPlugin(t *testing.T) {
	const kube = "10.244.0.0/24"
	annotated := func(kv ...string) map[string]string {
		out := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			out[kv[i]] = kv[i+1]
		}
		return out
	}
	tests := map[string]struct {
		cni  string
		recs []*akohubv1.Record
		want []string
		keep []string
	}{
		"node": {"", []*akohubv1.Record{
			routeNode(t, "n1", 1, []string{"10.244.0.0/24", "fd00:1::/64"}, nil, "192.168.10.11", "fd00::11"),
			routeNode(t, "n2", 1, []string{"10.244.1.0/24", "fd00:2::/64"}, nil, "192.168.10.12"),
			routeNode(t, "n3", 1, nil, nil, "192.168.10.13"),
			routeNode(t, "n4", 1, []string{"10.244.4.0/24"}, nil),
		}, []string{"10.244.0.0/24 via 192.168.10.11 #0", "10.244.1.0/24 via 192.168.10.12 #0", "fd00:1::/64 via fd00::11 #1"}, nil},
		"annotation": {"flannel", []*akohubv1.Record{
			routeNode(t, "n1", 1, []string{kube}, annotated(podCIDRsAnnotation, "10.1.0.0/24, 10.2.0.0/24"), "192.168.10.11"),
			routeNode(t, "n2", 1, []string{"10.244.1.0/24"}, annotated(podCIDRsAnnotation, ""), "192.168.10.12"),
			routeNode(t, "n3", 1, []string{"10.244.2.0/24"}, annotated(podCIDRsAnnotation, "10.3.0.0/24,10.3"), "192.168.10.13"),
		}, []string{"10.1.0.0/24 via 192.168.10.11 #0", "10.2.0.0/24 via 192.168.10.11 #1", "10.244.1.0/24 via 192.168.10.12 #0"}, []string{"192.168.10.13"}},
		"antrea": {"antrea", []*akohubv1.Record{
			routeNode(t, "n1", 1, []string{kube}, annotated(antreaAnnotation, "172.16.0.1,fd00::1"), "192.168.10.11"),
		}, []string{"10.244.0.0/24 via 172.16.0.1 #0"}, nil},
		"calico": {"calico", []*akohubv1.Record{
			routeNode(t, "n1", 1, []string{kube}, annotated(calicoIPv4Annotation, "172.16.0.1/24"), "192.168.10.11"),
			routeNode(t, "n2", 1, []string{kube}, nil, "192.168.10.12"),
			customRecord(kinds.BlockAffinity, "n1-b", `{"node":"n1","cidr":"10.60.1.0/26","state":"confirmed","deleted":"false"}`),
			customRecord(kinds.BlockAffinity, "n1-a", `{"node":"n1","cidr":"10.60.0.0/26"}`),
			customRecord(kinds.BlockAffinity, "n1-c", `{"node":"n1","cidr":"10.60.0.0/26"}`),
			customRecord(kinds.BlockAffinity, "n1-d", `{"node":"n1","cidr":"10.60.4.0/26","deleted":"true"}`),
			customRecord(kinds.BlockAffinity, "gone", `{"node":"gone","cidr":"10.60.9.0/26"}`),
		}, []string{"10.60.0.0/26 via 172.16.0.1 #0", "10.60.1.0/26 via 172.16.0.1 #1"}, nil},
		"cilium": {"cilium", []*akohubv1.Record{
			routeNode(t, "n1", 1, []string{kube}, nil, "192.168.10.11"),
			routeNode(t, "n2", 1, []string{kube}, nil, "192.168.10.12"),
			routeNode(t, "n3", 1, []string{kube}, nil, "192.168.10.13"),
			customRecord(kinds.CiliumNode, "n1", `{"ipam":{"podCIDRs":["10.60.0.0/24","10.60.8.0/24"]}}`),
			customRecord(kinds.CiliumNode, "n3", `{"ipam":{"podCIDRs":"10.60.3.0/24"}}`),
		}, []string{"10.60.0.0/24 via 192.168.10.11 #0", "10.60.8.0/24 via 192.168.10.11 #1"}, []string{"192.168.10.13"}},
		"openshift": {"openshift", []*akohubv1.Record{
			routeNode(t, "n1", 1, []string{kube}, nil, "192.168.10.11"),
			customRecord(kinds.HostSubnet, "n1", `{"host":"n1","subnet":"10.128.0.0/23"}`),
		}, []string{"10.128.0.0/23 via 192.168.10.11 #0"}, nil},
		"ovn": {cniOVN, []*akohubv1.Record{
			routeNode(t, "n1", 1, nil, annotated(ovnAnnotation, `{"default":"10.70.0.0/23"}`), "192.168.10.11"),
			routeNode(t, "n2", 1, nil, annotated(ovnAnnotation, `{"default":["10.70.2.0/23","fd00:70::/64"]}`), "192.168.10.12"),
			routeNode(t, "n3", 1, []string{kube}, nil, "192.168.10.13"),
			routeNode(t, "n4", 1, nil, annotated(ovnAnnotation, `not json`), "192.168.10.14", "fd00::14"),
			routeNode(t, "n5", 1, nil, annotated(ovnAnnotation, `{"other":"10.71.0.0/23"}`), "192.168.10.15"),
			routeNode(t, "n6", 1, nil, annotated(ovnAnnotation, `{"default":{}}`), "192.168.10.16"),
		}, []string{"10.70.0.0/23 via 192.168.10.11 #0", "10.70.2.0/23 via 192.168.10.12 #0"},
			[]string{"192.168.10.14", "192.168.10.16", "fd00::14"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := l4Settings(func(s *Settings) { s.CNI = tt.cni })
			routes, keep, f := routesOf(t, s, tt.recs...)
			if d := cmp.Diff(tt.want, routes); d != "" {
				t.Errorf("routes (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.keep, keep); d != "" {
				t.Errorf("kept (-want +got):\n%s", d)
			}
			if (len(f.Problems) > 0) != (len(tt.keep) > 0) {
				t.Errorf("problems: %+v", f.Problems)
			}
		})
	}
}

// Of nodes that claim a network the oldest has it, and the next when it goes.
func TestPodNetworkOfTwoNodes(t *testing.T) {
	young := routeNode(t, "a", 20, []string{"10.244.0.0/24", "10.244.9.0/24"}, nil, "192.168.10.14")
	old := routeNode(t, "b", 10, []string{"10.244.0.0/24"}, nil, "192.168.10.11")
	routes, _, f := routesOf(t, l4Settings(), young, old)
	if d := cmp.Diff([]string{"10.244.0.0/24 via 192.168.10.11 #0", "10.244.9.0/24 via 192.168.10.14 #1"}, routes); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if len(f.Problems) != 1 || f.Problems[0].Object.Name != "a" || f.Problems[0].Reason != reasonPodNetworkTaken {
		t.Errorf("problems: %+v", f.Problems)
	}
	routes, _, f = routesOf(t, l4Settings(), young)
	if len(routes) != 2 || len(f.Problems) != 0 {
		t.Errorf("routes %v, problems %+v", routes, f.Problems)
	}
}

func TestWhereRoutesGo(t *testing.T) {
	node := routeNode(t, "n1", 1, []string{"10.244.0.0/24"}, nil, "192.168.10.11")
	_, _, f := routesOf(t, l4Settings(func(s *Settings) { s.VRF, s.VRFTenant = "blue", "team" }), node)
	if want := (Key{Tenant: "team", Type: "vrfcontext", Name: "blue"}); len(f.Edits) != 1 || f.Edits[0].Key != want || f.Edits[0].Cloud != "Default-Cloud" {
		t.Errorf("edits: %+v", f.Edits)
	}
	for name, change := range map[string]func(*Settings){
		"off":           func(s *Settings) { s.DisableStaticRouteSync = true },
		"NodePort":      func(s *Settings) { s.ServiceType = serviceTypeNodePort },
		"NodePortLocal": func(s *Settings) { s.ServiceType = serviceTypeNodePortLocal },
		"NCP":           func(s *Settings) { s.CloudType, s.CNI = cloudNSXT, cniNCP },
	} {
		if _, _, f := routesOf(t, l4Settings(change), node); len(f.Edits) != 0 {
			t.Errorf("%s: edits %+v", name, f.Edits)
		}
	}
	for _, tenant := range []string{"", "team"} {
		s := l4Settings(func(s *Settings) { s.SEGroupTenant = tenant })
		readView(t, nil, func(v mirror.View) { f = Unit(v, s, infraKey) })
		if want := tenantOr(tenant); len(f.Edits) != 1 || f.Edits[0].Key.Tenant != want {
			t.Errorf("the group's tenant is %q: edits %+v", tenant, f.Edits)
		}
	}
}

// Ids have AKO's form, follow from what the route is for alone, and tell
// clusters, nodes and networks apart.
func TestRouteIDs(t *testing.T) {
	form := regexp.MustCompile(`^(prod|prod-2)-[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-[0-9]+$`)
	seen := map[string]bool{}
	for range 2 {
		for _, cluster := range []string{"prod", "prod-2"} {
			for _, node := range []string{"n1", "n2"} {
				_, _, f := routesOf(t, l4Settings(func(s *Settings) { s.ClusterName = cluster }),
					routeNode(t, node, 1, []string{"10.244.0.0/24", "10.244.1.0/24"}, nil, "192.168.10.11"))
				for _, r := range f.Edits[0].Routes.Routes {
					if !form.MatchString(r.ID) {
						t.Errorf("id %q", r.ID)
					}
					seen[r.ID] = true
				}
			}
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d ids for 8 routes: %v", len(seen), seen)
	}
}

// The Services that traffic is sent to are those that Antrea is to map.
func TestNodePortLocalMarks(t *testing.T) {
	plain := loadBalancer()
	other := loadBalancer()
	other.Type = "ClusterIP"
	bare := loadBalancer()
	bare.Selector = nil
	sctp := loadBalancer(withProtocol(l4Port("s", 3868, 3868), protocolSCTP))
	recs := []*akohubv1.Record{
		l4Record(t, "default", "sctp", sctp),
		l4Record(t, "default", "web", plain), l4Record(t, "default", "other", other), l4Record(t, "default", "bare", bare),
	}
	marked := func(s *Settings) (out []string) {
		readView(t, recs, func(v mirror.View) {
			for _, k := range AllUnits(v, s) {
				for _, m := range Unit(v, s, k).Marks {
					out = append(out, m.Object.Name+" "+m.UID+" "+m.Name+"="+m.Value)
				}
			}
		})
		return out
	}
	npl := l4Settings(func(s *Settings) { s.ServiceType, s.AnnotateServices = serviceTypeNodePortLocal, true })
	if d := cmp.Diff([]string{
		"bare uid-bare nodeportlocal.antrea.io/enabled=true",
		"sctp uid-sctp nodeportlocal.antrea.io/enabled=true",
		"web uid-web nodeportlocal.antrea.io/enabled=true",
	}, marked(npl)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	npl.AnnotateServices = false
	if got := marked(npl); got != nil {
		t.Errorf("switched off: %v", got)
	}
	if got := marked(l4Settings(func(s *Settings) { s.AnnotateServices = true })); got != nil {
		t.Errorf("another mode: %v", got)
	}
}
