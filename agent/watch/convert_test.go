package watch

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

var created = metav1.NewTime(time.Unix(1700000000, 0))

func objectMeta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: "red", Name: name, UID: "u-1", ResourceVersion: "77", CreationTimestamp: created,
		Labels:        map[string]string{"app": "x"},
		Annotations:   map[string]string{"ako.vmware.com/a": "1", "other/b": "2", lastApplied: "everything"},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}},
	}
}

func clusterMeta(name string) metav1.ObjectMeta {
	m := objectMeta(name)
	m.Namespace = ""
	return m
}

func fromYAML(t *testing.T, s string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	return u
}

// Common forms of meta in the wanted texts.
const (
	plainMeta   = `meta {creation_seconds: 1700000000 annotations {key: "ako.vmware.com/a" value: "1"}}`
	labelledMet = `meta {creation_seconds: 1700000000 labels {key: "app" value: "x"} annotations {key: "ako.vmware.com/a" value: "1"}}`
)

func TestConvert(t *testing.T) {
	prefix := networkingv1.PathTypePrefix
	deleting := objectMeta("s")
	deleting.DeletionTimestamp = &created
	slice := objectMeta("web-1")
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: "web"}
	tests := []struct {
		name    string
		kind    string
		convert func(*converter) func(runtime.Object) (*object, error)
		in      runtime.Object
		want    string // the body's field of a record, prototext
		secrets []key
	}{
		{
			name: "ingress", kind: kinds.Ingress,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.ingress },
			in: &networkingv1.Ingress{
				ObjectMeta: objectMeta("i"),
				Spec: networkingv1.IngressSpec{
					IngressClassName: new("avi-lb"),
					DefaultBackend:   &networkingv1.IngressBackend{Resource: &corev1.TypedLocalObjectReference{APIGroup: new("g.io"), Kind: "K", Name: "n"}},
					TLS: []networkingv1.IngressTLS{
						{Hosts: []string{"a.com", "b.com"}, SecretName: "cert"}, {Hosts: []string{"c.com"}},
					},
					Rules: []networkingv1.IngressRule{
						{Host: "a.com", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{
							{Path: "/x", PathType: &prefix, Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
								Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}}},
							{Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
								Name: "web", Port: networkingv1.ServiceBackendPort{Name: "http"}}}},
						}}}},
						{Host: "empty.com"},
					},
				},
				Status: networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{
					Ingress: []networkingv1.IngressLoadBalancerIngress{{IP: "10.0.0.1", Hostname: "a.com"}}}},
			},
			want: `ingress {` + plainMeta + ` ingress_class_name: "avi-lb" default_backend {resource: "K.g.io/n"}
				tls {hosts: "a.com" hosts: "b.com" secret_name: "cert"} tls {hosts: "c.com"}
				rules {host: "a.com" has_http: true
					paths {path: "/x" path_type: "Prefix" backend {service_name: "web" port_number: 80}}
					paths {backend {service_name: "web" port_name: "http"}}}
				rules {host: "empty.com"}
				status {ip: "10.0.0.1" hostname: "a.com"}}`,
			secrets: []key{{"red", "cert"}},
		},
		{
			name: "ingress class", kind: kinds.IngressClass,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.ingressClass },
			in: &networkingv1.IngressClass{ObjectMeta: clusterMeta("avi"), Spec: networkingv1.IngressClassSpec{
				Controller: "ako.vmware.com/avi-lb",
				Parameters: &networkingv1.IngressClassParametersReference{APIGroup: new("ako.vmware.com"), Kind: "AviInfraSetting", Name: "p"},
			}},
			want: `ingress_class {` + plainMeta + ` controller: "ako.vmware.com/avi-lb"
				parameters {api_group: "ako.vmware.com" kind: "AviInfraSetting" name: "p"}}`,
		},
		{
			name: "service", kind: kinds.Service,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.service },
			in: &corev1.Service{
				ObjectMeta: deleting,
				Spec: corev1.ServiceSpec{
					Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "x"},
					LoadBalancerClass: new("c"), LoadBalancerIP: "1.1.1.1", ExternalTrafficPolicy: "Local",
					IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol},
					Ports: []corev1.ServicePort{
						{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80, TargetPort: intstr.FromInt32(8080), NodePort: 30080},
						{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromString("dns")},
					},
				},
				Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "1.1.1.1"}}}},
			},
			want: `service {meta {creation_seconds: 1700000000 annotations {key: "ako.vmware.com/a" value: "1"} deleting: true}
				type: "LoadBalancer" selector {key: "app" value: "x"} load_balancer_class: "c" load_balancer_ip: "1.1.1.1"
				external_traffic_policy: "Local" ip_families: "IPv4" ip_families: "IPv6"
				ports {name: "http" protocol: "TCP" port: 80 target_port_number: 8080 node_port: 30080}
				ports {name: "dns" protocol: "UDP" port: 53 target_port_name: "dns"}
				status {ip: "1.1.1.1"}}`,
		},
		{
			name: "headless service", kind: kinds.Service,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.service },
			in:      &corev1.Service{ObjectMeta: objectMeta("h"), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: "None"}},
			want:    `service {` + plainMeta + ` type: "ClusterIP" headless: true}`,
		},
		{
			name: "endpoint slice", kind: kinds.EndpointSlice,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.endpointSlice },
			in: &discoveryv1.EndpointSlice{
				ObjectMeta: slice, AddressType: discoveryv1.AddressTypeIPv4,
				Ports: []discoveryv1.EndpointPort{{Name: new("http"), Protocol: new(corev1.ProtocolTCP), Port: new(int32(8080))}, {}},
				Endpoints: []discoveryv1.Endpoint{
					{Addresses: []string{"10.1.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: new(true), Serving: new(true), Terminating: new(false)},
						NodeName: new("n1"), TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "p1"}},
					{Addresses: []string{"10.1.0.2"}, TargetRef: &corev1.ObjectReference{Kind: "Other", Name: "o"}},
				},
			},
			want: `endpoint_slice {` + plainMeta + ` service_name: "web" address_type: "IPv4"
				ports {name: "http" protocol: "TCP" port: 8080} ports {protocol: "TCP"}
				endpoints {addresses: "10.1.0.1" ready: true serving: true terminating: false node_name: "n1" pod_name: "p1"}
				endpoints {addresses: "10.1.0.2"}}`,
		},
		{
			name: "node", kind: kinds.Node,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.node },
			in: &corev1.Node{
				ObjectMeta: clusterMeta("n1"), Spec: corev1.NodeSpec{PodCIDR: "10.2.0.0/24", Unschedulable: true},
				Status: corev1.NodeStatus{
					Addresses:  []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "192.0.2.1"}},
					Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: created}},
				},
			},
			want: `node {` + labelledMet + ` addresses {type: "InternalIP" address: "192.0.2.1"} pod_cidrs: "10.2.0.0/24" unschedulable: true ready: true}`,
		},
		{
			name: "node with both forms of CIDR", kind: kinds.Node,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.node },
			in: &corev1.Node{ObjectMeta: clusterMeta("n2"), Spec: corev1.NodeSpec{PodCIDR: "a", PodCIDRs: []string{"a", "b"}},
				Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}}},
			want: `node {` + labelledMet + ` pod_cidrs: "a" pod_cidrs: "b"}`,
		},
		{
			name: "namespace", kind: kinds.Namespace,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.namespace },
			in:      &corev1.Namespace{ObjectMeta: clusterMeta("red")},
			want:    `namespace_object {` + labelledMet + `}`,
		},
		{
			name: "pod", kind: kinds.Pod,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.pod },
			in: &corev1.Pod{
				ObjectMeta: objectMeta("p"),
				Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{
					Env:   []corev1.EnvVar{{Name: "PASSWORD", Value: "stays"}},
					Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}}}}},
				Status: corev1.PodStatus{PodIPs: []corev1.PodIP{{IP: "10.1.0.1"}},
					Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
			},
			want: `pod {` + labelledMet + ` node_name: "n1" ready: true ports {name: "http" port: 8080 protocol: "TCP"} ips: "10.1.0.1"}`,
		},
		{
			name: "pod that says it is not ready", kind: kinds.Pod,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.pod },
			in: &corev1.Pod{ObjectMeta: objectMeta("p"), Status: corev1.PodStatus{
				Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}}},
			want: `pod {` + labelledMet + `}`,
		},
		{
			name: "pod that does not know", kind: kinds.Pod,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.pod },
			in: &corev1.Pod{ObjectMeta: objectMeta("p"), Status: corev1.PodStatus{
				Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionUnknown}}}},
			want: `pod {` + labelledMet + ` ready: true}`,
		},
		{
			name: "secret", kind: kinds.Secret,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.secret },
			in: &corev1.Secret{ObjectMeta: objectMeta("cert"), Type: corev1.SecretTypeTLS,
				Data: map[string][]byte{"tls.crt": []byte("C"), "tls.key": []byte("K"), "password": []byte("stays")}},
			want: `secret {` + plainMeta + ` type: "kubernetes.io/tls" data {key: "tls.crt" value: "C"} data {key: "tls.key" value: "K"}}`,
		},
		{
			name: "route", kind: kinds.Route,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.route },
			in: fromYAML(t, `
apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: r, namespace: red, uid: u-1, creationTimestamp: "2023-11-14T22:13:20Z", labels: {app: x}, annotations: {ako.vmware.com/a: "1"}}
spec:
  host: a.com
  subdomain: s
  path: /p
  wildcardPolicy: None
  to: {kind: Service, name: web, weight: 0}
  alternateBackends: [{kind: Service, name: old, weight: 30}, {kind: Service, name: older}]
  port: {targetPort: 8080}
  tls: {termination: reencrypt, certificate: C, key: K, caCertificate: CA, destinationCACertificate: D, insecureEdgeTerminationPolicy: Redirect, externalCertificate: {name: ext}}
status:
  ingress:
  - {host: a.com, routerName: default, conditions: [{type: Other, status: "True"}, {type: Admitted, status: "True", lastTransitionTime: "2023-11-14T22:13:20Z"}]}
  - {host: a.com, routerName: ako-c, conditions: [{type: Admitted, status: "False", reason: R, message: M}]}
  - {host: a.com, routerName: new, conditions: [odd, {type: Other, status: "True"}]}
  - odd
`),
			want: `route {` + plainMeta + ` host: "a.com" subdomain: "s" path: "/p" wildcard_policy: "None" target_port_number: 8080
				backends {kind: "Service" name: "web" weight: 0} backends {kind: "Service" name: "old" weight: 30} backends {kind: "Service" name: "older"}
				tls {termination: "reencrypt" certificate: "C" key: "K" ca_certificate: "CA" destination_ca_certificate: "D" insecure_policy: "Redirect" external_certificate: "ext"}
				status {host: "a.com" router_name: "default" admitted: true} status {host: "a.com" router_name: "ako-c" reason: "R" message: "M"} status {host: "a.com" router_name: "new"}}`,
			secrets: []key{{"red", "ext"}},
		},
		{
			name: "route with a named port and odd fields", kind: kinds.Route,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.route },
			in: fromYAML(t, `
apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: r, namespace: red, uid: u-1}
spec: {host: [not, text], to: {kind: Service, name: web}, port: {targetPort: http}, alternateBackends: [text], tls: text}
`),
			want: `route {meta {} target_port_name: "http" backends {kind: "Service" name: "web"}}`,
		},
		{
			name: "custom resource", kind: "hostrules.ako.vmware.com",
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.custom },
			in: fromYAML(t, `
apiVersion: ako.vmware.com/v1beta1
kind: HostRule
metadata: {name: h, namespace: red, uid: u-1, labels: {app: x}, annotations: {other: y}, managedFields: [{manager: m}]}
spec: {z: 1, a: {b: [1, x]}}
status: {status: Accepted}
`),
			want: `custom_resource {meta {labels {key: "app" value: "x"}} api_version: "ako.vmware.com/v1beta1" kind: "HostRule"
				spec_json: "{\"a\":{\"b\":[1,\"x\"]},\"z\":1}" status_json: "{\"status\":\"Accepted\"}"}`,
		},
		{
			name: "host subnet", kind: kinds.HostSubnet,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.custom },
			in: fromYAML(t, `
apiVersion: network.openshift.io/v1
kind: HostSubnet
metadata: {name: n, uid: u-1}
host: node-1
hostIP: 192.168.10.11
subnet: 10.128.0.0/23
`),
			want: `custom_resource {meta {} api_version: "network.openshift.io/v1" kind: "HostSubnet"
				spec_json: "{\"host\":\"node-1\",\"subnet\":\"10.128.0.0/23\"}"}`,
		},
		{
			name: "gateway", kind: Gateway,
			convert: func(c *converter) func(runtime.Object) (*object, error) { return c.custom },
			in: fromYAML(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: red, uid: u-1}
spec: {listeners: [{tls: {certificateRefs: [{name: own}, {name: far, namespace: blue, kind: Secret, group: ""}, {name: x, kind: ConfigMap}, {name: w, group: g.io}]}}, {name: plain}]}
`),
			want: `custom_resource {meta {} api_version: "gateway.networking.k8s.io/v1" kind: "Gateway"
				spec_json: "{\"listeners\":[{\"tls\":{\"certificateRefs\":[{\"name\":\"own\"},{\"group\":\"\",\"kind\":\"Secret\",\"name\":\"far\",\"namespace\":\"blue\"},{\"kind\":\"ConfigMap\",\"name\":\"x\"},{\"group\":\"g.io\",\"name\":\"w\"}]}},{\"name\":\"plain\"}]}"}`,
			secrets: []key{{"red", "own"}, {"blue", "far"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &converter{kind: tt.kind, annotations: []string{"", "ako.vmware.com/"}, secretKeys: []string{"tls.crt", "tls.key", "absent"}}
			got, err := tt.convert(c)(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			want := &akohubv1.Record{}
			if err := prototext.Unmarshal([]byte(tt.want), want); err != nil {
				t.Fatal(err)
			}
			want.Kind, want.Namespace, want.Name, want.Uid = tt.kind, got.key.namespace, got.key.name, "u-1"
			want.ContentHash = got.hash[:]
			if d := cmp.Diff(want, got.rec, protocmp.Transform()); d != "" {
				t.Errorf("record (-want +got):\n%s", d)
			}
			if !slices.Equal(got.secrets, tt.secrets) {
				t.Errorf("secrets %v, want %v", got.secrets, tt.secrets)
			}
			again, err := tt.convert(c)(tt.in.DeepCopyObject())
			if err != nil || again.hash != got.hash {
				t.Errorf("the hash of the same object differs (%v)", err)
			}
			if _, err := tt.convert(c)(&corev1.ConfigMap{}); err == nil {
				t.Error("an object of another type was converted")
			}
			raw, err := proto.Marshal(got.rec)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"stays", "everything"} {
				if strings.Contains(string(raw), secret) {
					t.Errorf("%q leaves the cluster", secret)
				}
			}
		})
	}
}

func TestHashSeesContentOnly(t *testing.T) {
	c := &converter{kind: kinds.Node}
	node := &corev1.Node{ObjectMeta: clusterMeta("n"), Status: corev1.NodeStatus{
		Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}}}
	hashOf := func() hash {
		t.Helper()
		o, err := c.node(node)
		if err != nil {
			t.Fatal(err)
		}
		return o.hash
	}
	before := hashOf()
	node.ResourceVersion, node.Annotations["unseen"] = "78", "x"
	node.Status.Conditions[0].LastHeartbeatTime = created
	if hashOf() != before {
		t.Error("a heartbeat of a node changes its hash")
	}
	node.Status.Conditions[0].Status = corev1.ConditionFalse
	if hashOf() == before {
		t.Error("readiness does not change the hash")
	}
}
