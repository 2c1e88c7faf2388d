package watch

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// errType reports an object of another type than the kind's; the reflector
// rules it out.
func (c *converter) errType(o runtime.Object) error {
	return fmt.Errorf("convert %s: unexpected type %T", c.kind, o)
}

func (c *converter) service(o runtime.Object) (*object, error) {
	s, ok := o.(*corev1.Service)
	if !ok {
		return nil, c.errType(o)
	}
	body := &akohubv1.Service{
		Meta:                  c.meta(s, false),
		Type:                  string(s.Spec.Type),
		Selector:              s.Spec.Selector,
		LoadBalancerClass:     s.Spec.LoadBalancerClass,
		LoadBalancerIp:        s.Spec.LoadBalancerIP,
		ExternalTrafficPolicy: string(s.Spec.ExternalTrafficPolicy),
		Headless:              s.Spec.ClusterIP == corev1.ClusterIPNone,
	}
	for _, p := range s.Spec.Ports {
		port := &akohubv1.ServicePort{
			Name:     p.Name,
			Protocol: string(p.Protocol),
			Port:     p.Port,
			NodePort: p.NodePort,
		}
		port.TargetPortNumber, port.TargetPortName = portRef(p.TargetPort)
		body.Ports = append(body.Ports, port)
	}
	for _, f := range s.Spec.IPFamilies {
		body.IpFamilies = append(body.IpFamilies, string(f))
	}
	for _, in := range s.Status.LoadBalancer.Ingress {
		body.Status = append(body.Status, &akohubv1.LoadBalancerIngress{Ip: in.IP, Hostname: in.Hostname})
	}
	return c.record(s, body, &akohubv1.Record{Body: &akohubv1.Record_Service{Service: body}})
}

func portRef(p intstr.IntOrString) (int32, string) {
	if p.Type == intstr.String {
		return 0, p.StrVal
	}
	return p.IntVal, ""
}

func (c *converter) endpointSlice(o runtime.Object) (*object, error) {
	s, ok := o.(*discoveryv1.EndpointSlice)
	if !ok {
		return nil, c.errType(o)
	}
	body := &akohubv1.EndpointSlice{
		Meta:        c.meta(s, false),
		ServiceName: s.Labels[discoveryv1.LabelServiceName],
		AddressType: string(s.AddressType),
	}
	for _, p := range s.Ports {
		port := &akohubv1.EndpointPort{Protocol: string(corev1.ProtocolTCP)}
		if p.Name != nil {
			port.Name = *p.Name
		}
		if p.Protocol != nil {
			port.Protocol = string(*p.Protocol)
		}
		if p.Port != nil {
			port.Port = *p.Port
		}
		body.Ports = append(body.Ports, port)
	}
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		out := &akohubv1.Endpoint{
			Addresses:   e.Addresses,
			Ready:       e.Conditions.Ready,
			Serving:     e.Conditions.Serving,
			Terminating: e.Conditions.Terminating,
		}
		if e.NodeName != nil {
			out.NodeName = *e.NodeName
		}
		if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
			out.PodName = e.TargetRef.Name
		}
		body.Endpoints = append(body.Endpoints, out)
	}
	return c.record(s, body, &akohubv1.Record{Body: &akohubv1.Record_EndpointSlice{EndpointSlice: body}})
}

func (c *converter) node(o runtime.Object) (*object, error) {
	n, ok := o.(*corev1.Node)
	if !ok {
		return nil, c.errType(o)
	}
	body := &akohubv1.Node{
		Meta:          c.meta(n, true),
		PodCidrs:      n.Spec.PodCIDRs,
		Unschedulable: n.Spec.Unschedulable,
	}
	if len(body.PodCidrs) == 0 && n.Spec.PodCIDR != "" {
		body.PodCidrs = []string{n.Spec.PodCIDR}
	}
	for _, a := range n.Status.Addresses {
		body.Addresses = append(body.Addresses, &akohubv1.NodeAddress{Type: string(a.Type), Address: a.Address})
	}
	for _, cond := range n.Status.Conditions {
		if cond.Type == corev1.NodeReady {
			body.Ready = cond.Status == corev1.ConditionTrue
		}
	}
	return c.record(n, body, &akohubv1.Record{Body: &akohubv1.Record_Node{Node: body}})
}

func (c *converter) namespace(o runtime.Object) (*object, error) {
	n, ok := o.(*corev1.Namespace)
	if !ok {
		return nil, c.errType(o)
	}
	body := &akohubv1.Namespace{Meta: c.meta(n, true)}
	return c.record(n, body, &akohubv1.Record{Body: &akohubv1.Record_NamespaceObject{NamespaceObject: body}})
}

func (c *converter) pod(o runtime.Object) (*object, error) {
	p, ok := o.(*corev1.Pod)
	if !ok {
		return nil, c.errType(o)
	}
	body := &akohubv1.Pod{Meta: c.meta(p, true), NodeName: p.Spec.NodeName, Ready: true}
	for _, cond := range p.Status.Conditions {
		if cond.Type == corev1.PodReady {
			body.Ready = cond.Status != corev1.ConditionFalse
		}
	}
	for i := range p.Spec.Containers {
		for _, port := range p.Spec.Containers[i].Ports {
			body.Ports = append(body.Ports, &akohubv1.ContainerPort{
				Name: port.Name, Port: port.ContainerPort, Protocol: string(port.Protocol),
			})
		}
	}
	for _, ip := range p.Status.PodIPs {
		body.Ips = append(body.Ips, ip.IP)
	}
	return c.record(p, body, &akohubv1.Record{Body: &akohubv1.Record_Pod{Pod: body}})
}

// secret sends the admitted keys of data only.
func (c *converter) secret(o runtime.Object) (*object, error) {
	s, ok := o.(*corev1.Secret)
	if !ok {
		return nil, c.errType(o)
	}
	body := &akohubv1.Secret{Meta: c.meta(s, false), Type: string(s.Type)}
	for _, name := range c.secretKeys {
		if v, ok := s.Data[name]; ok {
			if body.Data == nil {
				body.Data = make(map[string][]byte, len(c.secretKeys))
			}
			body.Data[name] = v
		}
	}
	return c.record(s, body, &akohubv1.Record{Body: &akohubv1.Record_Secret{Secret: body}})
}
