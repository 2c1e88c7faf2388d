package translate

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// settings are those of a cluster as most tests have it.
func settings(change ...func(*Settings)) *Settings {
	s := &Settings{
		ClusterName: "east", Tenant: "shop",
		Cloud: "dc", CloudType: cloudVCenter, SEGroup: "Default-Group", VRF: "global",
		Domains:   []string{"apps.example.test", "shop.example.test"},
		AutoFQDN:  autoFQDNDefault,
		ShardSize: 8, PassthroughShardSize: 1,
		ServiceType: "ClusterIP", SystemNamespace: "avi-system",
		VIPNetworks: []VIPNetwork{{Name: "front", CIDR: "10.10.0.0/16"}},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

// readView lends a view of a mirror that holds the records.
func readView(tb testing.TB, recs []*akohubv1.Record, fn func(v mirror.View)) {
	tb.Helper()
	m := mirror.New("east")
	for _, r := range recs {
		if err := m.Apply(r); err != nil {
			tb.Fatalf("apply %s %s/%s: %v", r.GetKind(), r.GetNamespace(), r.GetName(), err)
		}
	}
	m.Read(fn)
}

// translateAll translates every unit and assembles every parent.
func translateAll(v mirror.View, s *Settings) (objects []Object, fragments []Fragment) {
	parents := map[ParentKey][]Contribution{}
	for _, k := range AllUnits(v, s) {
		f := Unit(v, s, k)
		fragments = append(fragments, f)
		objects = append(objects, f.Objects...)
		for _, c := range f.Contributions {
			parents[c.Parent] = append(parents[c.Parent], c)
		}
	}
	for p, cs := range parents {
		objects = append(objects, Assemble(s, p, cs)...)
	}
	sortObjects(objects)
	return objects, fragments
}

// record makes the record of a body.
func record(tb testing.TB, namespace, name string, body proto.Message) *akohubv1.Record {
	tb.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(body)
	if err != nil {
		tb.Fatalf("marshal %s/%s: %v", namespace, name, err)
	}
	hash := sha256.Sum256(raw)
	rec := &akohubv1.Record{Namespace: namespace, Name: name, Uid: "uid-" + name, ContentHash: hash[:]}
	switch b := body.(type) {
	case *akohubv1.Ingress:
		rec.Kind, rec.Body = kinds.Ingress, &akohubv1.Record_Ingress{Ingress: b}
	case *akohubv1.IngressClass:
		rec.Kind, rec.Body = kinds.IngressClass, &akohubv1.Record_IngressClass{IngressClass: b}
	case *akohubv1.Service:
		rec.Kind, rec.Body = kinds.Service, &akohubv1.Record_Service{Service: b}
	case *akohubv1.EndpointSlice:
		rec.Kind, rec.Body = kinds.EndpointSlice, &akohubv1.Record_EndpointSlice{EndpointSlice: b}
	case *akohubv1.Route:
		rec.Kind, rec.Body = kinds.Route, &akohubv1.Record_Route{Route: b}
	case *akohubv1.Secret:
		rec.Kind, rec.Body = kinds.Secret, &akohubv1.Record_Secret{Secret: b}
	case *akohubv1.Namespace:
		rec.Kind, rec.Body = kinds.Namespace, &akohubv1.Record_NamespaceObject{NamespaceObject: b}
	default:
		tb.Fatalf("no record for %T", body)
	}
	return rec
}

// aviClass is the class that a cluster with AKO's chart has.
func aviClass(tb testing.TB, isDefault bool) *akohubv1.Record {
	return record(tb, "", "avi-lb", &akohubv1.IngressClass{
		Controller: controllerName,
		Meta:       &akohubv1.Meta{Annotations: map[string]string{defaultClassAnnotation: fmt.Sprint(isDefault)}},
	})
}

// backendSpec is the shorthand of a Service with its slice.
type backendSpec struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Addresses []json.RawMessage `json:"addresses"`
		Ports     []struct {
			Name       string `json:"name"`
			Port       int32  `json:"port"`
			TargetPort int32  `json:"targetPort"`
		} `json:"ports"`
		Service struct {
			Type string `json:"type"`
		} `json:"service"`
	} `json:"spec"`
}

// manifests reads Kubernetes objects. Besides the real kinds there are Backend,
// a Service (80 → 8080, "http", unless it says otherwise) with a slice of ready
// addresses, and TLSSecret, a Secret with a pair of the directory certs.
func manifests(tb testing.TB, certs string, data []byte) []*akohubv1.Record {
	tb.Helper()
	var out []*akohubv1.Record
	for doc := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var kind struct {
			Kind string `json:"kind"`
		}
		must(tb, yaml.Unmarshal(doc, &kind))
		decode, ok := decoders[kind.Kind]
		if !ok {
			tb.Fatalf("no decoder for kind %q", kind.Kind)
		}
		out = append(out, decode(tb, certs, doc)...)
	}
	return out
}

var decoders = map[string]func(testing.TB, string, []byte) []*akohubv1.Record{
	"Backend":       decodeBackend,
	"TLSSecret":     decodeTLSSecret,
	"Secret":        decodeSecret,
	"Service":       decodeService,
	"EndpointSlice": decodeSlice,
	"Ingress":       decodeIngress,
	"IngressClass":  decodeClass,
	"Namespace":     decodeNamespace,
	"Route":         decodeRoute,
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func metaOf(m metav1.ObjectMeta) *akohubv1.Meta {
	meta := &akohubv1.Meta{Labels: m.Labels, Annotations: m.Annotations, Deleting: m.DeletionTimestamp != nil}
	if !m.CreationTimestamp.IsZero() {
		meta.CreationSeconds = m.CreationTimestamp.Unix()
	}
	return meta
}

func decodeBackend(tb testing.TB, _ string, doc []byte) []*akohubv1.Record {
	var b backendSpec
	must(tb, yaml.Unmarshal(doc, &b))
	svc := &akohubv1.Service{Meta: metaOf(b.Metadata), Type: b.Spec.Service.Type, IpFamilies: []string{"IPv4"}}
	if svc.Type == "" {
		svc.Type = "ClusterIP"
	}
	slice := &akohubv1.EndpointSlice{Meta: &akohubv1.Meta{}, ServiceName: b.Metadata.Name, AddressType: "IPv4"}
	add := func(name string, port, target int32) {
		svc.Ports = append(svc.Ports, &akohubv1.ServicePort{Name: name, Protocol: "TCP", Port: port, TargetPortNumber: target})
		slice.Ports = append(slice.Ports, &akohubv1.EndpointPort{Name: name, Protocol: "TCP", Port: target})
	}
	for _, p := range b.Spec.Ports {
		add(p.Name, p.Port, p.TargetPort)
	}
	if len(b.Spec.Ports) == 0 {
		add("http", 80, 8080)
	}
	for _, a := range b.Spec.Addresses {
		slice.Endpoints = append(slice.Endpoints, decodeEndpoint(tb, a))
	}
	ns := b.Metadata.Namespace
	return []*akohubv1.Record{record(tb, ns, b.Metadata.Name, svc), record(tb, ns, b.Metadata.Name+"-1", slice)}
}

// decodeEndpoint reads an endpoint: a plain address is ready.
func decodeEndpoint(tb testing.TB, raw []byte) *akohubv1.Endpoint {
	var addr string
	if json.Unmarshal(raw, &addr) == nil {
		return &akohubv1.Endpoint{Addresses: []string{addr}, Ready: proto.Bool(true)}
	}
	var ep discoveryv1.Endpoint
	must(tb, json.Unmarshal(raw, &ep))
	return endpointOf(ep)
}

func endpointOf(e discoveryv1.Endpoint) *akohubv1.Endpoint {
	ep := &akohubv1.Endpoint{
		Addresses: e.Addresses, Ready: e.Conditions.Ready, Serving: e.Conditions.Serving, Terminating: e.Conditions.Terminating,
	}
	if e.NodeName != nil {
		ep.NodeName = *e.NodeName
	}
	return ep
}

func decodeTLSSecret(tb testing.TB, certs string, doc []byte) []*akohubv1.Record {
	var s struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
		Cert     string            `json:"cert"`
	}
	must(tb, yaml.Unmarshal(doc, &s))
	return []*akohubv1.Record{record(tb, s.Metadata.Namespace, s.Metadata.Name, &akohubv1.Secret{
		Meta: metaOf(s.Metadata),
		Data: map[string][]byte{
			tlsCertKey: readFile(tb, certs, s.Cert+".crt"),
			tlsKeyKey:  readFile(tb, certs, s.Cert+".key"),
		},
	})}
}

func readFile(tb testing.TB, path ...string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	must(tb, err)
	return data
}

func decodeSecret(tb testing.TB, certs string, doc []byte) []*akohubv1.Record {
	var s corev1.Secret
	must(tb, yaml.Unmarshal(doc, &s))
	data := map[string][]byte{}
	for k, v := range s.StringData {
		data[k] = []byte(v)
		if file, ok := bytes.CutPrefix(data[k], []byte("@cert:")); ok {
			data[k] = readFile(tb, certs, string(file))
		}
	}
	return []*akohubv1.Record{record(tb, s.Namespace, s.Name, &akohubv1.Secret{Meta: metaOf(s.ObjectMeta), Type: string(s.Type), Data: data})}
}

func decodeService(tb testing.TB, _ string, doc []byte) []*akohubv1.Record {
	var s corev1.Service
	must(tb, yaml.Unmarshal(doc, &s))
	body := &akohubv1.Service{Meta: metaOf(s.ObjectMeta), Type: string(s.Spec.Type), IpFamilies: []string{"IPv4"}}
	if body.Type == "" {
		body.Type = "ClusterIP"
	}
	for _, p := range s.Spec.Ports {
		sp := &akohubv1.ServicePort{Name: p.Name, Protocol: string(p.Protocol), Port: p.Port}
		switch {
		case p.TargetPort.Type == intstr.String:
			sp.TargetPortName = p.TargetPort.StrVal
		case p.TargetPort.IntVal != 0:
			sp.TargetPortNumber = p.TargetPort.IntVal
		default:
			sp.TargetPortNumber = p.Port
		}
		body.Ports = append(body.Ports, sp)
	}
	return []*akohubv1.Record{record(tb, s.Namespace, s.Name, body)}
}

func decodeSlice(tb testing.TB, _ string, doc []byte) []*akohubv1.Record {
	var s discoveryv1.EndpointSlice
	must(tb, yaml.Unmarshal(doc, &s))
	body := &akohubv1.EndpointSlice{
		Meta: metaOf(s.ObjectMeta), ServiceName: s.Labels[discoveryv1.LabelServiceName], AddressType: string(s.AddressType),
	}
	for _, p := range s.Ports {
		ep := &akohubv1.EndpointPort{}
		if p.Name != nil {
			ep.Name = *p.Name
		}
		if p.Port != nil {
			ep.Port = *p.Port
		}
		body.Ports = append(body.Ports, ep)
	}
	for _, e := range s.Endpoints {
		body.Endpoints = append(body.Endpoints, endpointOf(e))
	}
	return []*akohubv1.Record{record(tb, s.Namespace, s.Name, body)}
}

func decodeIngress(tb testing.TB, _ string, doc []byte) []*akohubv1.Record {
	var in networkingv1.Ingress
	must(tb, yaml.Unmarshal(doc, &in))
	body := &akohubv1.Ingress{Meta: metaOf(in.ObjectMeta), IngressClassName: in.Spec.IngressClassName}
	if in.Spec.DefaultBackend != nil {
		body.DefaultBackend = decodeIngressBackend(*in.Spec.DefaultBackend)
	}
	for _, t := range in.Spec.TLS {
		body.Tls = append(body.Tls, &akohubv1.IngressTls{Hosts: t.Hosts, SecretName: t.SecretName})
	}
	for _, r := range in.Spec.Rules {
		rule := &akohubv1.IngressRule{Host: r.Host, HasHttp: r.HTTP != nil}
		if r.HTTP != nil {
			for _, p := range r.HTTP.Paths {
				path := &akohubv1.IngressPath{Path: p.Path, Backend: decodeIngressBackend(p.Backend)}
				if p.PathType != nil {
					path.PathType = string(*p.PathType)
				}
				rule.Paths = append(rule.Paths, path)
			}
		}
		body.Rules = append(body.Rules, rule)
	}
	return []*akohubv1.Record{record(tb, in.Namespace, in.Name, body)}
}

func decodeIngressBackend(b networkingv1.IngressBackend) *akohubv1.IngressBackend {
	if b.Service == nil {
		return &akohubv1.IngressBackend{Resource: b.Resource.Kind + "/" + b.Resource.Name}
	}
	return &akohubv1.IngressBackend{
		ServiceName: b.Service.Name, PortNumber: b.Service.Port.Number, PortName: b.Service.Port.Name,
	}
}

func decodeClass(tb testing.TB, _ string, doc []byte) []*akohubv1.Record {
	var c networkingv1.IngressClass
	must(tb, yaml.Unmarshal(doc, &c))
	body := &akohubv1.IngressClass{Meta: metaOf(c.ObjectMeta), Controller: c.Spec.Controller}
	if p := c.Spec.Parameters; p != nil {
		body.Parameters = &akohubv1.IngressClassParameters{Kind: p.Kind, Name: p.Name}
		if p.APIGroup != nil {
			body.Parameters.ApiGroup = *p.APIGroup
		}
	}
	return []*akohubv1.Record{record(tb, "", c.Name, body)}
}

// routeSpec is a Route as far as it is served.
type routeSpec struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Host              string             `json:"host"`
		Subdomain         string             `json:"subdomain"`
		Path              string             `json:"path"`
		To                routeBackendSpec   `json:"to"`
		AlternateBackends []routeBackendSpec `json:"alternateBackends"`
		Port              struct {
			TargetPort intstr.IntOrString `json:"targetPort"`
		} `json:"port"`
		TLS *struct {
			Termination                   string `json:"termination"`
			Certificate                   string `json:"certificate"`
			Key                           string `json:"key"`
			CACertificate                 string `json:"caCertificate"`
			DestinationCACertificate      string `json:"destinationCACertificate"`
			InsecureEdgeTerminationPolicy string `json:"insecureEdgeTerminationPolicy"`
		} `json:"tls"`
	} `json:"spec"`
}

type routeBackendSpec struct {
	Name   string `json:"name"`
	Weight *int32 `json:"weight"`
}

// decodeRoute reads a Route. "@cert:FILE" stands for a file of the directory.
func decodeRoute(tb testing.TB, certs string, doc []byte) []*akohubv1.Record {
	var r routeSpec
	must(tb, yaml.Unmarshal(doc, &r))
	spec := r.Spec
	body := &akohubv1.Route{
		Meta: metaOf(r.Metadata), Host: spec.Host, Subdomain: spec.Subdomain, Path: spec.Path,
		TargetPortNumber: spec.Port.TargetPort.IntVal, TargetPortName: spec.Port.TargetPort.StrVal,
	}
	for _, to := range append([]routeBackendSpec{spec.To}, spec.AlternateBackends...) {
		body.Backends = append(body.Backends, &akohubv1.RouteBackend{Kind: "Service", Name: to.Name, Weight: to.Weight})
	}
	if t := spec.TLS; t != nil {
		text := func(s string) string {
			if file, ok := strings.CutPrefix(s, "@cert:"); ok {
				return string(readFile(tb, certs, file))
			}
			return s
		}
		body.Tls = &akohubv1.RouteTls{
			Termination: t.Termination, InsecurePolicy: t.InsecureEdgeTerminationPolicy,
			Certificate: text(t.Certificate), Key: []byte(text(t.Key)),
			CaCertificate: text(t.CACertificate), DestinationCaCertificate: text(t.DestinationCACertificate),
		}
	}
	return []*akohubv1.Record{record(tb, r.Metadata.Namespace, r.Metadata.Name, body)}
}

func decodeNamespace(tb testing.TB, _ string, doc []byte) []*akohubv1.Record {
	var n corev1.Namespace
	must(tb, yaml.Unmarshal(doc, &n))
	return []*akohubv1.Record{record(tb, "", n.Name, &akohubv1.Namespace{Meta: metaOf(n.ObjectMeta)})}
}

// indented is the JSON of a value, for golden files.
func indented(tb testing.TB, v any) []byte {
	tb.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	must(tb, enc.Encode(v))
	return buf.Bytes()
}
