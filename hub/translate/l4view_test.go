package translate

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// l4Record is record with the kinds that only Services need.
func l4Record(tb testing.TB, namespace, name string, body proto.Message) *akohubv1.Record {
	tb.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(body)
	must(tb, err)
	hash := sha256.Sum256(raw)
	rec := &akohubv1.Record{Namespace: namespace, Name: name, Uid: "uid-" + name, ContentHash: hash[:]}
	switch b := body.(type) {
	case *akohubv1.Node:
		rec.Kind, rec.Body = kinds.Node, &akohubv1.Record_Node{Node: b}
	case *akohubv1.Pod:
		rec.Kind, rec.Body = kinds.Pod, &akohubv1.Record_Pod{Pod: b}
	default:
		return record(tb, namespace, name, body)
	}
	return rec
}

// l4Settings are the settings that parity scenarios start from.
func l4Settings(change ...func(*Settings)) *Settings {
	s := &Settings{
		ClusterName: "cluster1", Tenant: "admin",
		Cloud: "Default-Cloud", CloudType: cloudVCenter, SEGroup: "Default-Group", VRF: "global",
		LicenseTier: "ENTERPRISE", Domains: []string{"apps.example.test", "avi.internal"},
		AutoFQDN: autoFQDNDefault, ShardSize: 8, PassthroughShardSize: 1,
		ServiceType: "ClusterIP", DefaultLBController: true, SystemNamespace: "avi-system",
		VIPNetworks: []VIPNetwork{{Name: "vip-net", CIDR: "10.10.0.0/16"}},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

// port is a TCP port of a Service.
func l4Port(name string, port, target int32) *akohubv1.ServicePort {
	return &akohubv1.ServicePort{Name: name, Protocol: protocolTCP, Port: port, TargetPortNumber: target}
}

func withProtocol(p *akohubv1.ServicePort, protocol string) *akohubv1.ServicePort {
	p.Protocol = protocol
	return p
}

// loadBalancer is a Service of type LoadBalancer; without ports it has 80 → 8080.
func loadBalancer(ports ...*akohubv1.ServicePort) *akohubv1.Service {
	if len(ports) == 0 {
		ports = []*akohubv1.ServicePort{l4Port("http", 80, 8080)}
	}
	return &akohubv1.Service{
		Meta: &akohubv1.Meta{}, Type: serviceTypeLoadBalancer, Ports: ports,
		Selector: map[string]string{"app": "web"}, IpFamilies: []string{"IPv4"},
	}
}

// annotated sets annotations, given as keys and values in turn.
func annotated(svc *akohubv1.Service, kv ...string) *akohubv1.Service {
	svc.Meta.Annotations = map[string]string{}
	for i := 0; i < len(kv); i += 2 {
		svc.Meta.Annotations[kv[i]] = kv[i+1]
	}
	return svc
}

// withStatus gives a Service an address.
func withStatus(svc *akohubv1.Service, ip string) *akohubv1.Service {
	svc.Status = []*akohubv1.LoadBalancerIngress{{Ip: ip}}
	return svc
}

// l4Slice is a slice with the Service's ports and ready addresses.
func l4Slice(service string, ports []*akohubv1.ServicePort, addrs ...string) *akohubv1.EndpointSlice {
	slice := &akohubv1.EndpointSlice{ServiceName: service, AddressType: "IPv4"}
	for _, p := range ports {
		slice.Ports = append(slice.Ports, &akohubv1.EndpointPort{Name: p.GetName(), Protocol: p.GetProtocol(), Port: p.GetTargetPortNumber()})
	}
	for _, a := range addrs {
		slice.Endpoints = append(slice.Endpoints, &akohubv1.Endpoint{Addresses: []string{a}, Ready: proto.Bool(true)})
	}
	return slice
}

// checkGolden compares with testdata/NAME.golden.json.
func checkGolden(tb testing.TB, name string, got []byte) {
	tb.Helper()
	path := filepath.Join("testdata", name+".golden.json")
	if *update {
		must(tb, os.WriteFile(path, got, 0o644))
	}
	if want := readFile(tb, path); !bytes.Equal(want, got) {
		tb.Errorf("%s differs (run with -update to accept):\n%s", path, firstDifference(want, got))
	}
}

// firstDifference returns the lines around the first difference.
func firstDifference(want, got []byte) string {
	w, g := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	i := 0
	for i < len(w) && i < len(g) && bytes.Equal(w[i], g[i]) {
		i++
	}
	near := func(lines [][]byte) []byte {
		return bytes.Join(lines[min(max(0, i-3), len(lines)):min(i+4, len(lines))], []byte("\n"))
	}
	return "want:\n" + string(near(w)) + "\ngot:\n" + string(near(g))
}
