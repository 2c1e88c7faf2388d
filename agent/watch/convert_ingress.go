package watch

import (
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func (c *converter) ingress(o runtime.Object) (*object, error) {
	in, ok := o.(*networkingv1.Ingress)
	if !ok {
		return nil, c.errType(o)
	}
	body := &akohubv1.Ingress{
		Meta:             c.meta(in, false),
		IngressClassName: in.Spec.IngressClassName,
		DefaultBackend:   ingressBackend(in.Spec.DefaultBackend),
	}
	var secrets []key
	for _, t := range in.Spec.TLS {
		body.Tls = append(body.Tls, &akohubv1.IngressTls{Hosts: t.Hosts, SecretName: t.SecretName})
		if t.SecretName != "" {
			secrets = append(secrets, key{in.Namespace, t.SecretName})
		}
	}
	for i := range in.Spec.Rules {
		r := &in.Spec.Rules[i]
		rule := &akohubv1.IngressRule{Host: r.Host, HasHttp: r.HTTP != nil}
		if r.HTTP != nil {
			for j := range r.HTTP.Paths {
				p := &r.HTTP.Paths[j]
				path := &akohubv1.IngressPath{Path: p.Path, Backend: ingressBackend(&p.Backend)}
				if p.PathType != nil {
					path.PathType = string(*p.PathType)
				}
				rule.Paths = append(rule.Paths, path)
			}
		}
		body.Rules = append(body.Rules, rule)
	}
	for _, s := range in.Status.LoadBalancer.Ingress {
		body.Status = append(body.Status, &akohubv1.LoadBalancerIngress{Ip: s.IP, Hostname: s.Hostname})
	}
	out, err := c.record(in, body, &akohubv1.Record{Body: &akohubv1.Record_Ingress{Ingress: body}})
	if err != nil {
		return nil, err
	}
	out.secrets = secrets
	return out, nil
}

func ingressBackend(b *networkingv1.IngressBackend) *akohubv1.IngressBackend {
	if b == nil {
		return nil
	}
	out := &akohubv1.IngressBackend{}
	if s := b.Service; s != nil {
		out.ServiceName = s.Name
		out.PortNumber = s.Port.Number
		out.PortName = s.Port.Name
	}
	if r := b.Resource; r != nil {
		out.Resource = r.Kind
		if r.APIGroup != nil && *r.APIGroup != "" {
			out.Resource += "." + *r.APIGroup
		}
		out.Resource += "/" + r.Name
	}
	return out
}

func (c *converter) ingressClass(o runtime.Object) (*object, error) {
	in, ok := o.(*networkingv1.IngressClass)
	if !ok {
		return nil, c.errType(o)
	}
	body := &akohubv1.IngressClass{Meta: c.meta(in, false), Controller: in.Spec.Controller}
	if p := in.Spec.Parameters; p != nil {
		body.Parameters = &akohubv1.IngressClassParameters{Kind: p.Kind, Name: p.Name}
		if p.APIGroup != nil {
			body.Parameters.ApiGroup = *p.APIGroup
		}
		if p.Namespace != nil {
			body.Parameters.Namespace = *p.Namespace
		}
	}
	return c.record(in, body, &akohubv1.Record{Body: &akohubv1.Record_IngressClass{IngressClass: body}})
}
