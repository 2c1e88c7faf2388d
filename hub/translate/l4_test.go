package translate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// lbBackend is a Service default/web and a slice with two ready addresses.
func lbBackend(tb testing.TB, svc *akohubv1.Service) []*akohubv1.Record {
	return lbBackendIn(tb, "default", "web", svc)
}

func lbBackendIn(tb testing.TB, namespace, name string, svc *akohubv1.Service) []*akohubv1.Record {
	return []*akohubv1.Record{
		l4Record(tb, namespace, name, svc),
		l4Record(tb, namespace, name+"-1", l4Slice(name, svc.Ports, "10.244.0.10", "10.244.1.10")),
	}
}

func l4Join(recs ...[]*akohubv1.Record) []*akohubv1.Record {
	var out []*akohubv1.Record
	for _, r := range recs {
		out = append(out, r...)
	}
	return out
}

func l4Namespace(tb testing.TB, name string, annotations, labels map[string]string) []*akohubv1.Record {
	return []*akohubv1.Record{l4Record(tb, "", name, &akohubv1.Namespace{Meta: &akohubv1.Meta{Annotations: annotations, Labels: labels}})}
}

func l4Node(tb testing.TB, name, ip string, meta *akohubv1.Meta) []*akohubv1.Record {
	return []*akohubv1.Record{l4Record(tb, "", name, &akohubv1.Node{
		Meta: meta, Addresses: []*akohubv1.NodeAddress{{Type: "Hostname", Address: name}, {Type: "InternalIP", Address: ip}},
	})}
}

// l4Case is an input whose fragments are compared with a golden file.
type l4Case struct {
	name     string
	settings *Settings
	recs     []*akohubv1.Record
}

func l4Cases(tb testing.TB) []l4Case {
	onNode := l4Slice("web", []*akohubv1.ServicePort{l4Port("http", 80, 8080)}, "10.244.0.11")
	onNode.Endpoints[0].NodeName = "node-1"
	local := loadBalancer(&akohubv1.ServicePort{Name: "http", Protocol: protocolTCP, Port: 80, TargetPortNumber: 8080, NodePort: 30080})
	local.ExternalTrafficPolicy = "Local"
	preferred := loadBalancer()
	preferred.LoadBalancerIp = "10.10.64.78"
	return []l4Case{
		{"l4-one-port", l4Settings(), lbBackend(tb, loadBalancer())},
		{"l4-three-protocols", l4Settings(), lbBackend(tb, loadBalancer(
			withProtocol(l4Port("s", 3868, 3868), protocolSCTP),
			l4Port("t", 3868, 3868),
			withProtocol(l4Port("u", 3869, 3869), protocolUDP)))},
		{"l4-preferred-ip", l4Settings(), lbBackend(tb, annotated(preferred, loadBalancerIPAnnotation, "10.10.64.77"))},
		{"l4-annotations", l4Settings(), lbBackend(tb, annotated(loadBalancer(),
			loadBalancerIPAnnotation, "2001:db8:10::77",
			externalDNSAnnotation, "shop.avi.internal",
			disableTrafficAnnotation, "True",
			applicationProfileAnnotation, "custom app"))},
		{"l4-no-endpoints", l4Settings(), []*akohubv1.Record{l4Record(tb, "default", "web", loadBalancer())}},
		{"l4-no-dns-rhi-dual-stack", l4Settings(func(s *Settings) {
			s.AutoFQDN = "disabled"
			s.LicenseTier = "BASIC"
			s.EnableRHI, s.BGPPeerLabels = true, []string{"peer1", "peer2"}
			s.VIPNetworks[0].V6CIDR = "2001:db8:10::/64"
			s.NodeNetworks = []NodeNetwork{{Name: "node-net", UUID: "network-1", CIDRs: []string{"192.168.10.7/24", "2001:db8:5::/64"}}}
		}), lbBackend(tb, loadBalancer())},
		{"l4-namespace-tenant", l4Settings(), l4Join(
			l4Namespace(tb, "red", map[string]string{tenantAnnotation: "tenant a"}, nil),
			lbBackendIn(tb, "red", "web", loadBalancer()),
			lbBackendIn(tb, "blue", "web", loadBalancer()))},
		{"l4-aws", l4Settings(func(s *Settings) {
			s.Cloud, s.CloudType = "aws", cloudAWS
			s.VIPNetworks = []VIPNetwork{{Name: "subnet-0a"}, {Name: "subnet-0b"}}
		}), lbBackend(tb, preferred)},
		{"l4-nsxt-tier1", l4Settings(func(s *Settings) {
			s.CloudType, s.T1LR = cloudNSXT, "/infra/tier-1s/t1-east"
		}), lbBackend(tb, loadBalancer())},
		{"l4-evh-names", l4Settings(func(s *Settings) { s.EVH = true }), lbBackend(tb, loadBalancer())},
		{"l4-node-port-local", l4Settings(func(s *Settings) { s.ServiceType = serviceTypeNodePort }), l4Join(
			l4Node(tb, "node-1", "192.168.10.11", nil),
			l4Node(tb, "node-2", "192.168.10.12", nil),
			[]*akohubv1.Record{l4Record(tb, "default", "web", local), l4Record(tb, "default", "web-1", onNode)})},
		{"l4-shared-vip", l4Settings(), l4Join(
			lbBackendIn(tb, "default", "t", annotated(loadBalancer(l4Port("t", 53, 5353)), sharedVIPAnnotation, "pair")),
			lbBackendIn(tb, "default", "u", annotated(loadBalancer(withProtocol(l4Port("u", 53, 5353), protocolUDP)), sharedVIPAnnotation, "pair")))},
	}
}

// l4Fragments translates the units that are no Ingress's.
func l4Fragments(tb testing.TB, s *Settings, recs []*akohubv1.Record) []Fragment {
	tb.Helper()
	var out []Fragment
	readView(tb, recs, func(v mirror.View) {
		for _, k := range AllUnits(v, s) {
			out = append(out, Unit(v, s, k))
		}
	})
	return out
}

func TestL4Golden(t *testing.T) {
	for _, c := range l4Cases(t) {
		t.Run(c.name, func(t *testing.T) {
			checkGolden(t, c.name, indented(t, l4Fragments(t, c.settings, c.recs)))
		})
	}
}

// The order in which objects and endpoints came must not show.
func TestL4IsDeterministic(t *testing.T) {
	for _, c := range l4Cases(t) {
		t.Run(c.name, func(t *testing.T) {
			want := indented(t, l4Fragments(t, c.settings, c.recs))
			for seed := range uint64(20) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				recs := make([]*akohubv1.Record, 0, len(c.recs))
				for _, r := range c.recs {
					r := proto.Clone(r).(*akohubv1.Record)
					if eps := r.GetEndpointSlice().GetEndpoints(); eps != nil {
						rnd.Shuffle(len(eps), func(i, j int) { eps[i], eps[j] = eps[j], eps[i] })
					}
					recs = append(recs, r)
				}
				rnd.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
				if got := indented(t, l4Fragments(t, c.settings, recs)); !bytes.Equal(want, got) {
					t.Fatalf("seed %d: %s", seed, firstDifference(want, got))
				}
			}
		})
	}
}

func TestL4Selection(t *testing.T) {
	class := func(name string) *akohubv1.Service {
		svc := loadBalancer()
		svc.LoadBalancerClass = &name
		return svc
	}
	of := func(typ string) *akohubv1.Service {
		svc := loadBalancer()
		svc.Type = typ
		return svc
	}
	labelled := l4Namespace(t, "default", nil, map[string]string{"team": "shop"})
	selector := func(value string) func(*Settings) {
		return func(s *Settings) { s.NamespaceSelector = Label{Key: "team", Value: value} }
	}
	for _, tt := range []struct {
		name  string
		s     *Settings
		svc   *akohubv1.Service
		extra []*akohubv1.Record
		want  bool
	}{
		{"no class", l4Settings(), loadBalancer(), nil, true},
		{"no class, not the default", l4Settings(func(s *Settings) { s.DefaultLBController = false }), loadBalancer(), nil, false},
		{"our class, not the default", l4Settings(func(s *Settings) { s.DefaultLBController = false }), class(loadBalancerClass), nil, true},
		{"foreign class", l4Settings(), class("example.test/lb"), nil, false},
		{"longer class", l4Settings(), class(loadBalancerClass + "2"), nil, false},
		{"ClusterIP", l4Settings(), of("ClusterIP"), nil, false},
		{"NodePort", l4Settings(), of("NodePort"), nil, false},
		{"ExternalName", l4Settings(), of("ExternalName"), nil, false},
		{"layer 7 only", l4Settings(func(s *Settings) { s.Layer7Only = true }), loadBalancer(), nil, false},
		{"blocked", l4Settings(func(s *Settings) { s.BlockedNamespaces = []string{"default"} }), loadBalancer(), nil, false},
		{"another blocked", l4Settings(func(s *Settings) { s.BlockedNamespaces = []string{"defaul"} }), loadBalancer(), nil, true},
		{"selected", l4Settings(selector("shop")), loadBalancer(), labelled, true},
		{"not selected", l4Settings(selector("bank")), loadBalancer(), labelled, false},
		{"namespace unknown", l4Settings(selector("shop")), loadBalancer(), nil, false},
		{"selector without value is off", l4Settings(selector("")), loadBalancer(), nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			readView(t, l4Join(lbBackend(t, tt.svc), tt.extra), func(v mirror.View) {
				k := UnitKey{Kind: UnitL4, Namespace: "default", Name: "web"}
				f := Unit(v, tt.s, k)
				if got := len(f.Objects) > 0; got != tt.want || len(f.Problems) > 0 {
					t.Errorf("objects = %v, problems = %v; want objects: %v and no problems", len(f.Objects), f.Problems, tt.want)
				}
				if len(f.Deps) == 0 || f.Deps[len(f.Deps)-1] != (mirror.Ref{Kind: kinds.Service, Namespace: "default", Name: "web"}) {
					t.Errorf("deps = %v, want the Service among them", f.Deps)
				}
				units := UnitsOf(v, tt.s, mirror.Ref{Kind: kinds.Service, Namespace: "default", Name: "web"})
				if got := len(units) == 1 && units[0] == k; got != tt.want {
					t.Errorf("UnitsOf = %v, want the unit: %v", units, tt.want)
				}
			})
		})
	}
}

func TestL4UnitsOf(t *testing.T) {
	pod := l4Record(t, "default", "web-0", &akohubv1.Pod{Meta: &akohubv1.Meta{Labels: map[string]string{"app": "web"}}, Ready: true})
	recs := l4Join(
		lbBackend(t, loadBalancer()),
		lbBackendIn(t, "default", "a", annotated(loadBalancer(), sharedVIPAnnotation, "pair")),
		lbBackendIn(t, "other", "web", loadBalancer()),
		[]*akohubv1.Record{pod},
	)
	web := UnitKey{Kind: UnitL4, Namespace: "default", Name: "web"}
	pair := UnitKey{Kind: UnitL4Shared, Namespace: "default", Name: "pair"}
	other := UnitKey{Kind: UnitL4, Namespace: "other", Name: "web"}
	nodePorts := func(s *Settings) { s.ServiceType = serviceTypeNodePort }
	podPorts := func(s *Settings) { s.ServiceType = serviceTypeNodePortLocal }
	for _, tt := range []struct {
		name string
		s    *Settings
		ref  mirror.Ref
		want []UnitKey
	}{
		{"Service", l4Settings(), mirror.Ref{Kind: kinds.Service, Namespace: "default", Name: "web"}, []UnitKey{web}},
		{"member of a shared VIP", l4Settings(), mirror.Ref{Kind: kinds.Service, Namespace: "default", Name: "a"}, []UnitKey{pair}},
		{"missing Service", l4Settings(), mirror.Ref{Kind: kinds.Service, Namespace: "default", Name: "x"}, nil},
		{"slice", l4Settings(), mirror.Ref{Kind: kinds.EndpointSlice, Namespace: "default", Name: "web-1"}, []UnitKey{web}},
		{"slice of a member", l4Settings(), mirror.Ref{Kind: kinds.EndpointSlice, Namespace: "default", Name: "a-1"}, []UnitKey{pair}},
		{"missing slice", l4Settings(), mirror.Ref{Kind: kinds.EndpointSlice, Namespace: "default", Name: "x"}, nil},
		{"Namespace", l4Settings(), mirror.Ref{Kind: kinds.Namespace, Name: "default"}, []UnitKey{web, pair}},
		{"Node", l4Settings(), mirror.Ref{Kind: kinds.Node, Name: "n"}, nil},
		{"Node with node ports", l4Settings(nodePorts), mirror.Ref{Kind: kinds.Node, Name: "n"}, []UnitKey{web, other, pair}},
		{"Pod", l4Settings(), mirror.Ref{Kind: kinds.Pod, Namespace: "default", Name: "web-0"}, nil},
		{"Pod with its own node ports", l4Settings(podPorts), mirror.Ref{Kind: kinds.Pod, Namespace: "default", Name: "web-0"}, nil},
		{"Namespace without Services", l4Settings(), mirror.Ref{Kind: kinds.Namespace, Name: "defaul"}, nil},
		{"layer 7 only", l4Settings(func(s *Settings) { s.Layer7Only = true }), mirror.Ref{Kind: kinds.Service, Namespace: "default", Name: "web"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			readView(t, recs, func(v mirror.View) {
				if d := cmp.Diff(tt.want, UnitsOf(v, tt.s, tt.ref)); d != "" {
					t.Errorf("UnitsOf(%v) (-want +got):\n%s", tt.ref, d)
				}
			})
		})
	}
}

// A Pod of the namespace, even one that isn't there yet, is looked for by every
// unit that Pods serve.
func TestL4LooksAtPods(t *testing.T) {
	s := l4Settings(func(s *Settings) { s.ServiceType = serviceTypeNodePortLocal })
	f := webUnit(t, s, loadBalancer())
	if !slices.Contains(f.Deps, mirror.Ref{Kind: kinds.Pod, Namespace: "default"}) {
		t.Errorf("deps = %v", f.Deps)
	}
	if f = sharedUnit(t, s, sharing(t, "a", 80)); !slices.Contains(f.Deps, mirror.Ref{Kind: kinds.Pod, Namespace: "default"}) {
		t.Errorf("deps behind a shared VIP = %v", f.Deps)
	}
}

func TestL4Problems(t *testing.T) {
	ip := func(text string) *akohubv1.Service {
		svc := loadBalancer()
		svc.LoadBalancerIp = text
		return svc
	}
	long := strings.Repeat("x", 120)
	for _, tt := range []struct {
		name    string
		s       *Settings
		svc     *akohubv1.Service
		reason  string
		objects bool
	}{
		{"no ports", l4Settings(), &akohubv1.Service{Type: serviceTypeLoadBalancer}, reasonNoPorts, false},
		{"not an address", l4Settings(), ip("10.10.64"), reasonInvalidIP, false},
		{"a zone", l4Settings(), ip("fe80::1%eth0"), reasonInvalidIP, false},
		{"not an address in the annotation", l4Settings(), annotated(loadBalancer(), loadBalancerIPAnnotation, "next"), reasonInvalidIP, false},
		{"not an address, for a Service that has one", l4Settings(), withStatus(ip("10.10.64"), "10.10.64.7"), reasonInvalidIP, true},
		{"address where it can't be asked for", l4Settings(func(s *Settings) { s.CloudType = cloudAzure }), ip("10.10.64.1"), reasonIPNotSupported, true},
		{"odd protocol", l4Settings(), loadBalancer(withProtocol(l4Port("x", 1, 1), "DCCP")), reasonUnsupportedProtocol, false},
		{"SCTP to Pod ports", l4Settings(func(s *Settings) { s.ServiceType = serviceTypeNodePortLocal }), loadBalancer(withProtocol(l4Port("x", 1, 1), protocolSCTP)), reasonUnsupportedProtocol, false},
		{"long name", l4Settings(func(s *Settings) { s.ClusterName = long + long }), loadBalancer(), reasonNameTooLong, false},
		{"list of names", l4Settings(), annotated(loadBalancer(), externalDNSAnnotation, "a.test,b.test"), reasonInvalidHostname, true},
		{"AviInfraSetting", l4Settings(), annotated(loadBalancer(), infraSettingAnnotation, "gold"), reasonUnsupportedMode, false},
		{"L4Rule", l4Settings(), annotated(loadBalancer(), l4RuleAnnotation, "rule"), reasonUnsupportedMode, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			readView(t, lbBackend(t, tt.svc), func(v mirror.View) {
				f := Unit(v, tt.s, UnitKey{Kind: UnitL4, Namespace: "default", Name: "web"})
				if len(f.Problems) != 1 || f.Problems[0].Reason != tt.reason || f.Problems[0].UID != "uid-web" || f.Problems[0].Message == "" {
					t.Errorf("problems = %v, want one with reason %s and the Service's UID", f.Problems, tt.reason)
				}
				if got := len(f.Objects) > 0; got != tt.objects {
					t.Errorf("objects: %v, want %v", got, tt.objects)
				}
				keep := tt.reason == reasonInvalidHostname
				for _, p := range f.Publications {
					if p.Keep != keep || p.Status == keep {
						t.Errorf("publication %+v, want one that keeps what is shown: %v", p, keep)
					}
				}
				// Nothing is taken away from a Service that asks for what can't be.
				if held := tt.reason == reasonUnsupportedProtocol || tt.reason == reasonInvalidIP && !tt.objects; f.Held != held || held && len(f.Publications) != 1 {
					t.Errorf("held: %v, want %v; publications %v", f.Held, held, f.Publications)
				}
			})
		})
	}
}

func TestNetworkProfile(t *testing.T) {
	for _, tt := range []struct {
		tier      string
		protocols string
		want      string
	}{
		{"ENTERPRISE", "TCP", "System-TCP-Proxy"},
		{"ENTERPRISE_WITH_CLOUD_SERVICES", "TCP", "System-TCP-Proxy"},
		{"ESSENTIALS", "TCP", "System-TCP-Fast-Path"},
		{"", "TCP", "System-TCP-Fast-Path"},
		{"ENTERPRISE", "UDP", "System-UDP-Fast-Path"},
		{"ENTERPRISE", "SCTP", "System-SCTP-Proxy"},
		{"ENTERPRISE", "SCTP TCP UDP", "System-TCP-Proxy"},
		{"BASIC", "TCP UDP", "System-TCP-Fast-Path"},
		{"ENTERPRISE", "SCTP UDP", "System-UDP-Fast-Path"},
	} {
		if got := networkProfile(&Settings{LicenseTier: tt.tier}, strings.Fields(tt.protocols)); got != tt.want {
			t.Errorf("networkProfile(%q, %s) = %s, want %s", tt.tier, tt.protocols, got, tt.want)
		}
	}
}

func TestInfraUnit(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Settings)
		want   bool
	}{
		{"ClusterIP", func(*Settings) {}, true},
		{"switched off", func(s *Settings) { s.DisableStaticRouteSync = true }, false},
		{"NodePort", func(s *Settings) { s.ServiceType = serviceTypeNodePort }, false},
		{"NodePortLocal", func(s *Settings) { s.ServiceType = serviceTypeNodePortLocal }, false},
		{"NSX-T with ncp", func(s *Settings) { s.CloudType, s.CNI = cloudNSXT, cniNCP }, false},
		{"NSX-T", func(s *Settings) { s.CloudType = cloudNSXT }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			readView(t, nil, func(v mirror.View) {
				f := Unit(v, l4Settings(tt.change), infraKey)
				if (len(f.Edits) == 1) != tt.want {
					t.Fatalf("edits = %v, want one: %v", f.Edits, tt.want)
				}
				if tt.want && f.Edits[0].Labels[markerCluster] != "cluster1" {
					t.Errorf("labels = %v", f.Edits[0].Labels)
				}
			})
		})
	}
}

func BenchmarkL4Unit(b *testing.B) {
	slice := l4Slice("web", []*akohubv1.ServicePort{l4Port("http", 80, 8080)})
	for i := range 100 {
		slice.Endpoints = append(slice.Endpoints, &akohubv1.Endpoint{
			Addresses: []string{fmt.Sprintf("10.244.%d.%d", i%7, i)}, Ready: proto.Bool(true), NodeName: "node-1",
		})
	}
	recs := []*akohubv1.Record{l4Record(b, "default", "web", loadBalancer()), l4Record(b, "default", "web-1", slice)}
	s := l4Settings()
	readView(b, recs, func(v mirror.View) {
		b.ReportAllocs()
		for b.Loop() {
			if f := Unit(v, s, UnitKey{Kind: UnitL4, Namespace: "default", Name: "web"}); len(f.Objects) != 4 {
				b.Fatalf("%d objects", len(f.Objects))
			}
		}
	})
}
