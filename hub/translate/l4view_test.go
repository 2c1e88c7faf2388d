package translate

import (
	"crypto/sha256"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// l4Record makes a record of a body; the key is NAMESPACE and NAME.
func l4Record(tb testing.TB, namespace, name string, body proto.Message) *akohubv1.Record {
	tb.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(body)
	if err != nil {
		tb.Fatalf("marshal %s/%s: %v", namespace, name, err)
	}
	hash := sha256.Sum256(raw)
	rec := &akohubv1.Record{Namespace: namespace, Name: name, Uid: "uid-" + namespace + "-" + name, ContentHash: hash[:]}
	switch b := body.(type) {
	case *akohubv1.Service:
		rec.Kind, rec.Body = kinds.Service, &akohubv1.Record_Service{Service: b}
	case *akohubv1.EndpointSlice:
		rec.Kind, rec.Body = kinds.EndpointSlice, &akohubv1.Record_EndpointSlice{EndpointSlice: b}
	case *akohubv1.Node:
		rec.Kind, rec.Body = kinds.Node, &akohubv1.Record_Node{Node: b}
	case *akohubv1.Namespace:
		rec.Kind, rec.Body = kinds.Namespace, &akohubv1.Record_NamespaceObject{NamespaceObject: b}
	case *akohubv1.Pod:
		rec.Kind, rec.Body = kinds.Pod, &akohubv1.Record_Pod{Pod: b}
	default:
		tb.Fatalf("no record for %T", body)
	}
	return rec
}

// l4Read lends a view of a mirror that holds the records.
func l4Read(tb testing.TB, recs []*akohubv1.Record, fn func(v mirror.View)) {
	tb.Helper()
	m := mirror.New("cluster1")
	for _, r := range recs {
		if err := m.Apply(r); err != nil {
			tb.Fatalf("apply %s %s/%s: %v", r.GetKind(), r.GetNamespace(), r.GetName(), err)
		}
	}
	m.Read(fn)
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

// sliceFor is a slice with the Service's ports and ready addresses.
func sliceFor(service string, ports []*akohubv1.ServicePort, addrs ...string) *akohubv1.EndpointSlice {
	slice := &akohubv1.EndpointSlice{ServiceName: service, AddressType: "IPv4"}
	for _, p := range ports {
		slice.Ports = append(slice.Ports, &akohubv1.EndpointPort{Name: p.GetName(), Protocol: p.GetProtocol(), Port: p.GetTargetPortNumber()})
	}
	for _, a := range addrs {
		slice.Endpoints = append(slice.Endpoints, &akohubv1.Endpoint{Addresses: []string{a}, Ready: proto.Bool(true)})
	}
	return slice
}
