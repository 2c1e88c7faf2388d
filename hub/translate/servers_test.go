package translate

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// serversText returns servers as ADDR:PORT, with "-" for disabled, "?" where it is not said, and
// "@NODE".
func serversText(tb testing.TB, recs []*akohubv1.Record, s *Settings, m portMatch) []string {
	tb.Helper()
	var out []string
	readView(tb, recs, func(v mirror.View) {
		for _, sv := range buildServers(newDeps(v), s, "default", "web", m) {
			text := fmt.Sprintf("%s:%d", *sv.IP.Addr, *sv.Port)
			if *sv.ExternalUUID != text {
				tb.Errorf("external_uuid = %s, want %s", *sv.ExternalUUID, text)
			}
			if want := map[bool]string{true: familyV6, false: familyV4}[strings.Contains(*sv.IP.Addr, ":")]; *sv.IP.Type != want {
				tb.Errorf("type of %s = %s, want %s", text, *sv.IP.Type, want)
			}
			switch {
			case sv.Enabled == nil:
				text += "?"
			case !*sv.Enabled:
				text += "-"
			}
			if sv.ServerNode != nil {
				text += "@" + *sv.ServerNode
			}
			out = append(out, text)
		}
	})
	return out
}

func l4Endpoint(addrs string, change ...func(*akohubv1.Endpoint)) *akohubv1.Endpoint {
	ep := &akohubv1.Endpoint{Addresses: strings.Fields(addrs), Ready: proto.Bool(true)}
	for _, c := range change {
		c(ep)
	}
	return ep
}

func l4SlicePorts(text string) []*akohubv1.EndpointPort {
	var out []*akohubv1.EndpointPort
	for _, f := range strings.Fields(text) {
		name, number, _ := strings.Cut(f, "=")
		p := &akohubv1.EndpointPort{Name: name}
		if n, err := strconv.ParseInt(number, 10, 32); err == nil {
			p.Port = int32(n)
		}
		out = append(out, p)
	}
	return out
}

func TestEndpointServers(t *testing.T) {
	notReady := func(ep *akohubv1.Endpoint) { ep.Ready = proto.Bool(false) }
	unknown := func(ep *akohubv1.Endpoint) { ep.Ready = nil }
	leaving := func(ep *akohubv1.Endpoint) { ep.Terminating = proto.Bool(true) }
	on := func(node string) func(*akohubv1.Endpoint) {
		return func(ep *akohubv1.Endpoint) { ep.NodeName = node }
	}
	slice := func(ports string, eps ...*akohubv1.Endpoint) *akohubv1.EndpointSlice {
		return &akohubv1.EndpointSlice{ServiceName: "web", Ports: l4SlicePorts(ports), Endpoints: eps}
	}
	http := portMatch{Protocol: protocolTCP, PortName: "http", Number: 80, TargetNumber: 8080}
	named := portMatch{Protocol: protocolTCP, PortName: "http", Number: 80, TargetName: "web-port"}
	both, v6 := []string{"IPv4", "IPv6"}, []string{"IPv6"}
	for _, tt := range []struct {
		name     string
		port     portMatch
		families []string
		ipFamily string
		cloud    string
		slices   []*akohubv1.EndpointSlice
		want     string
	}{
		{name: "no slices", port: http},
		{name: "sorted by text", port: http, slices: []*akohubv1.EndpointSlice{slice("http=8080", l4Endpoint("10.0.0.9"), l4Endpoint("10.0.0.10"), l4Endpoint("10.0.0.2"))},
			want: "10.0.0.10:8080 10.0.0.2:8080 10.0.0.9:8080"},
		{name: "states", port: http, slices: []*akohubv1.EndpointSlice{slice("http=8080",
			l4Endpoint("10.0.0.1"), l4Endpoint("10.0.0.2", notReady), l4Endpoint("10.0.0.3", leaving), l4Endpoint("10.0.0.4", unknown), l4Endpoint("10.0.0.5", on("n1")))},
			want: "10.0.0.1:8080 10.0.0.2:8080- 10.0.0.3:8080- 10.0.0.4:8080 10.0.0.5:8080@n1"},
		{name: "only the first address", port: http, slices: []*akohubv1.EndpointSlice{slice("http=8080", l4Endpoint("10.0.0.1 10.0.0.2"), l4Endpoint(""))},
			want: "10.0.0.1:8080"},
		{name: "no address", port: http, slices: []*akohubv1.EndpointSlice{slice("http=8080", l4Endpoint("web.example.test"))}},
		{name: "the only port of the only slice", port: http, slices: []*akohubv1.EndpointSlice{slice("other=9000", l4Endpoint("10.0.0.1"))},
			want: "10.0.0.1:9000"},
		{name: "by name", port: named, slices: []*akohubv1.EndpointSlice{slice("adm=9000 http=8081", l4Endpoint("10.0.0.1"))},
			want: "10.0.0.1:8081"},
		{name: "by number", port: http, slices: []*akohubv1.EndpointSlice{slice("adm=9000 web=8080", l4Endpoint("10.0.0.1"))},
			want: "10.0.0.1:8080"},
		{name: "name before number", port: http, slices: []*akohubv1.EndpointSlice{slice("adm=8080 http=8081", l4Endpoint("10.0.0.1"))},
			want: "10.0.0.1:8081"},
		{name: "no port", port: http, slices: []*akohubv1.EndpointSlice{slice("adm=9000 other=9001", l4Endpoint("10.0.0.1"))}},
		{name: "a port without number, alone", port: http, slices: []*akohubv1.EndpointSlice{slice("http=", l4Endpoint("10.0.0.1"))}},
		{name: "a port without number", port: http, slices: []*akohubv1.EndpointSlice{slice("http= web=8080", l4Endpoint("10.0.0.1"))},
			want: "10.0.0.1:8080"},
		{name: "an unnamed port", port: portMatch{Protocol: protocolTCP, Number: 80, TargetNumber: 8080},
			slices: []*akohubv1.EndpointSlice{slice("=8080", l4Endpoint("10.0.0.1")), slice("=8080", l4Endpoint("10.0.0.2"))},
			want:   "10.0.0.1:8080 10.0.0.2:8080"},
		{name: "a Service port renamed before its slices", port: portMatch{Protocol: protocolTCP, PortName: "web", Number: 80, TargetNumber: 8080},
			slices: []*akohubv1.EndpointSlice{slice("http=8080 adm=9000", l4Endpoint("10.0.0.1"))},
			want:   "10.0.0.1:8080"},
		{name: "renamed, and the target has no number", port: portMatch{Protocol: protocolTCP, PortName: "web", Number: 80, TargetName: "web-port"},
			slices: []*akohubv1.EndpointSlice{slice("http=8080 adm=9000", l4Endpoint("10.0.0.1"))}},
		{name: "a slice that doesn't match among two", port: http,
			slices: []*akohubv1.EndpointSlice{slice("adm=9000", l4Endpoint("10.0.0.1")), slice("http=8080", l4Endpoint("10.0.0.2"))},
			want:   "10.0.0.2:8080"},
		{name: "each slice its port", port: named,
			slices: []*akohubv1.EndpointSlice{slice("http=8080", l4Endpoint("10.0.0.1")), slice("http=8081", l4Endpoint("10.0.0.2"))},
			want:   "10.0.0.1:8080 10.0.0.2:8081"},
		{name: "doubles, enabled wins", port: http,
			slices: []*akohubv1.EndpointSlice{slice("http=8080", l4Endpoint("10.0.0.1", notReady, on("n1"))), slice("http=8080", l4Endpoint("10.0.0.1"))},
			want:   "10.0.0.1:8080"},
		{name: "IPv6 of a Service that has none", port: http, slices: []*akohubv1.EndpointSlice{slice("http=8080", l4Endpoint("10.0.0.1"), l4Endpoint("2001:db8::1"))},
			want: "10.0.0.1:8080"},
		{name: "both families", port: http, families: both, slices: []*akohubv1.EndpointSlice{slice("http=8080", l4Endpoint("10.0.0.1"), l4Endpoint("2001:db8::1"))},
			want: "10.0.0.1:8080 2001:db8::1:8080"},
		{name: "IPv6 alone", port: http, families: v6, slices: []*akohubv1.EndpointSlice{slice("http=8080", l4Endpoint("10.0.0.1"), l4Endpoint("2001:db8::1"))},
			want: "2001:db8::1:8080"},
		{name: "cluster with IPv4 alone", port: http, families: both, ipFamily: familyV4, slices: []*akohubv1.EndpointSlice{slice("http=8080", l4Endpoint("10.0.0.1"), l4Endpoint("2001:db8::1"))},
			want: "10.0.0.1:8080"},
		{name: "cluster with IPv6 alone", port: http, families: both, ipFamily: familyV6, slices: []*akohubv1.EndpointSlice{slice("http=8080", l4Endpoint("10.0.0.1"), l4Endpoint("2001:db8::1"))},
			want: "2001:db8::1:8080"},
		{name: "cloud with IPv4 alone", port: http, families: both, ipFamily: familyBoth, cloud: cloudAWS, slices: []*akohubv1.EndpointSlice{slice("http=8080", l4Endpoint("10.0.0.1"), l4Endpoint("2001:db8::1"))},
			want: "10.0.0.1:8080"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			svc := loadBalancer()
			svc.IpFamilies = tt.families
			recs := []*akohubv1.Record{l4Record(t, "default", "web", svc)}
			for i, sl := range tt.slices {
				recs = append(recs, l4Record(t, "default", fmt.Sprintf("web-%d", i), sl))
			}
			s := l4Settings(func(s *Settings) {
				s.IPFamily = tt.ipFamily
				if tt.cloud != "" {
					s.CloudType = tt.cloud
				}
			})
			if got := strings.Join(serversText(t, recs, s, tt.port), " "); got != tt.want {
				t.Errorf("servers = %q, want %q", got, tt.want)
			}
		})
	}
	if got := serversText(t, []*akohubv1.Record{l4Record(t, "default", "web-1", slice("http=8080", l4Endpoint("10.0.0.1")))}, l4Settings(), http); got != nil {
		t.Errorf("servers of a missing Service = %v, want none", got)
	}
}

func TestNodePortServers(t *testing.T) {
	service := func(change ...func(*akohubv1.Service)) *akohubv1.Service {
		svc := loadBalancer(
			&akohubv1.ServicePort{Name: "http", Protocol: protocolTCP, Port: 80, TargetPortNumber: 8080, NodePort: 30080},
			&akohubv1.ServicePort{Name: "adm", Protocol: protocolTCP, Port: 81, TargetPortNumber: 8081, NodePort: 30081})
		for _, c := range change {
			c(svc)
		}
		return svc
	}
	local := func(s *akohubv1.Service) { s.ExternalTrafficPolicy = "Local" }
	edge := &akohubv1.Meta{Labels: map[string]string{"role": "edge"}}
	calico := &akohubv1.Meta{Annotations: map[string]string{calicoIPv4Annotation: "172.16.0.1/24"}}
	antrea := &akohubv1.Meta{Annotations: map[string]string{antreaAnnotation: "172.16.0.2, 2001:db8::2"}}
	onN2 := &akohubv1.EndpointSlice{ServiceName: "web", Ports: l4SlicePorts("http=8080 adm=8081"),
		Endpoints: []*akohubv1.Endpoint{{Addresses: []string{"10.0.0.1"}, NodeName: "n2", Ready: proto.Bool(false)}}}
	v6only := l4Record(t, "", "n3", &akohubv1.Node{Addresses: []*akohubv1.NodeAddress{
		{Type: "ExternalIP", Address: "203.0.113.1"}, {Type: "InternalIP", Address: "2001:db8::3"}}})
	nodes := l4Join(l4Node(t, "n1", "192.168.0.1", edge), l4Node(t, "n2", "192.168.0.2", nil), []*akohubv1.Record{v6only})
	m := portMatch{Protocol: protocolTCP, PortName: "adm", Number: 81, TargetNumber: 8081}
	for _, tt := range []struct {
		name   string
		svc    *akohubv1.Service
		change func(*Settings)
		nodes  []*akohubv1.Record
		want   []string
	}{
		{"all nodes with IPv4", service(), nil, nodes, []string{"192.168.0.1:30081?", "192.168.0.2:30081?"}},
		{"one address a node", service(func(s *akohubv1.Service) { s.IpFamilies = []string{"IPv4", "IPv6"} }), nil, nodes,
			[]string{"192.168.0.1:30081?", "192.168.0.2:30081?", "2001:db8::3:30081?"}},
		{"labelled nodes", service(), func(s *Settings) { s.NodePortSelector = Label{Key: "role", Value: "edge"} }, nodes, []string{"192.168.0.1:30081?"}},
		{"nodes with endpoints", service(local), nil, nodes, []string{"192.168.0.2:30081?"}},
		{"ClusterIP", service(func(s *akohubv1.Service) { s.Type = "ClusterIP" }), nil, nodes, nil},
		{"no such port", service(func(s *akohubv1.Service) { s.Ports[1].Name = "other" }), nil, nodes, nil},
		{"the only port", service(func(s *akohubv1.Service) { s.Ports = s.Ports[:1] }), nil, nodes[:1], []string{"192.168.0.1:30080?"}},
		{"calico", service(), func(s *Settings) { s.CNI = "calico" }, l4Node(t, "n1", "192.168.0.1", calico), []string{"172.16.0.1:30081?"}},
		{"antrea", service(), func(s *Settings) { s.CNI = "antrea" }, l4Node(t, "n1", "192.168.0.1", antrea), []string{"172.16.0.2:30081?"}},
		{"a selector that no node has", service(), func(s *Settings) { s.NodePortSelector = Label{Key: "role"} }, nodes, nil},
		{"nodes with endpoints of both families", service(local, func(s *akohubv1.Service) { s.IpFamilies = []string{"IPv4", "IPv6"} }), nil,
			l4Join(nodes, []*akohubv1.Record{l4Record(t, "default", "web-6", &akohubv1.EndpointSlice{
				ServiceName: "web", Ports: l4SlicePorts("http=8080 adm=8081"),
				Endpoints: []*akohubv1.Endpoint{{Addresses: []string{"2001:db8:1::1"}, NodeName: "n3"}, {Addresses: []string{"2001:db8:1::2"}, NodeName: "n1"}},
			})}), []string{"192.168.0.2:30081?", "2001:db8::3:30081?"}},
		{"annotation of another plugin", service(), nil, l4Node(t, "n1", "192.168.0.1", calico), []string{"192.168.0.1:30081?"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := l4Settings(func(s *Settings) { s.ServiceType = serviceTypeNodePort })
			if tt.change != nil {
				tt.change(s)
			}
			recs := l4Join(tt.nodes, []*akohubv1.Record{l4Record(t, "default", "web", tt.svc), l4Record(t, "default", "web-1", onN2)})
			if d := cmp.Diff(tt.want, serversText(t, recs, s, m)); d != "" {
				t.Errorf("servers (-want +got):\n%s", d)
			}
		})
	}
}

// A Service can ask for its endpoints although nodes are used otherwise.
func TestSkipNodePort(t *testing.T) {
	svc := annotated(loadBalancer(), skipNodePortAnnotation, "")
	readView(t, lbBackend(t, svc), func(v mirror.View) {
		f := Unit(v, l4Settings(func(s *Settings) { s.ServiceType = serviceTypeNodePort }), UnitKey{Kind: UnitL4, Namespace: "default", Name: "web"})
		raw, err := json.Marshal(f.Objects)
		must(t, err)
		if !strings.Contains(string(raw), "10.244.0.10:8080") {
			t.Errorf("no endpoint in %s", raw)
		}
	})
}

func TestNodePortLocalServers(t *testing.T) {
	pod := func(name, annotation string, ready bool) *akohubv1.Record {
		return l4Record(t, "default", name, &akohubv1.Pod{
			Meta: &akohubv1.Meta{
				Labels:      map[string]string{"app": "web"},
				Annotations: map[string]string{nplAnnotation: annotation},
			},
			Ready: ready,
			Ports: []*akohubv1.ContainerPort{{Name: "web-port", Port: 8080}},
		})
	}
	going := func(r *akohubv1.Record) *akohubv1.Record {
		r.GetPod().Meta.Deleting = true
		return r
	}
	slice := &akohubv1.EndpointSlice{ServiceName: "web", Ports: l4SlicePorts("http=8080"), Endpoints: []*akohubv1.Endpoint{
		{Addresses: []string{"10.0.0.8"}, PodName: "h", Ready: proto.Bool(false), Terminating: proto.Bool(true)},
		{Addresses: []string{"10.0.0.1"}, PodName: "a", Ready: proto.Bool(true)},
		{Addresses: []string{"10.0.0.2"}, PodName: "b", Ready: proto.Bool(true), Terminating: proto.Bool(true)},
	}}
	recs := []*akohubv1.Record{
		pod("a", `[{"podPort":8080,"nodeIP":"192.168.0.1","nodePort":40001},{"podPort":9,"nodeIP":"192.168.0.1","nodePort":40009}]`, true),
		pod("b", `[{"podPort":8080,"nodeIP":"192.168.0.2","nodePort":40002}]`, true),
		pod("c", `[{"podPort":8080,"nodeIP":"192.168.0.3","nodePort":40003}]`, true),
		pod("d", `[{"podPort":8080,"nodeIP":"192.168.0.4","nodePort":40004}]`, false),
		pod("e", `no list`, true),
		pod("f", `[{"podPort":8080,"nodeIP":"node","nodePort":40005}]`, true),
		going(pod("g", `[{"podPort":8080,"nodeIP":"192.168.0.7","nodePort":40007}]`, true)),
		going(pod("h", `[{"podPort":8080,"nodeIP":"192.168.0.8","nodePort":40008,"protocol":"tcp"}]`, true)),
		pod("i", `[{"podPort":8080,"nodeIP":"192.168.0.9","nodePort":40009,"protocol":"udp"}]`, true),
		l4Record(t, "default", "web-1", slice),
	}
	s := l4Settings(func(s *Settings) { s.ServiceType = serviceTypeNodePortLocal })
	want := []string{"192.168.0.1:40001", "192.168.0.2:40002-", "192.168.0.3:40003", "192.168.0.8:40008-"}
	for name, m := range map[string]portMatch{
		"number": {Protocol: protocolTCP, PortName: "http", Number: 80, TargetNumber: 8080},
		"name":   {Protocol: protocolTCP, PortName: "http", Number: 80, TargetName: "web-port"},
	} {
		got := serversText(t, append(recs, l4Record(t, "default", "web", loadBalancer())), s, m)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("by %s: servers (-want +got):\n%s", name, d)
		}
	}
	bare := loadBalancer()
	bare.Selector = nil
	if got := serversText(t, append(recs, l4Record(t, "default", "web", bare)), s, portMatch{TargetNumber: 8080}); got != nil {
		t.Errorf("servers of a Service without selector = %v, want none", got)
	}
}
