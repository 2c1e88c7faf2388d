package watch

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Gateway is the wire name of the Gateway API's Gateway. It travels as a
// custom resource, but its listeners refer to Secrets.
const Gateway = "gateways.gateway.networking.k8s.io"

// route reads OpenShift's Route from its generic form: the agent needs a dozen
// fields of it, not OpenShift's client. A field of an unexpected type reads as
// not set; the API server's schema rules that out.
func (c *converter) route(o runtime.Object) (*object, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, c.errType(o)
	}
	spec := tree(u.Object).child("spec")
	body := &akohubv1.Route{
		Meta:           c.meta(u, false),
		Host:           spec.text("host"),
		Subdomain:      spec.text("subdomain"),
		Path:           spec.text("path"),
		WildcardPolicy: spec.text("wildcardPolicy"),
	}
	if to := spec.child("to"); to != nil {
		body.Backends = append(body.Backends, routeBackend(to))
	}
	for _, b := range spec.list("alternateBackends") {
		body.Backends = append(body.Backends, routeBackend(b))
	}
	switch p := spec.child("port")["targetPort"].(type) {
	case int64:
		body.TargetPortNumber = int32(p) // a port: the API server bounds it
	case float64:
		body.TargetPortNumber = int32(p)
	case string:
		body.TargetPortName = p
	}
	var secrets []key
	if t := spec.child("tls"); t != nil {
		body.Tls = &akohubv1.RouteTls{
			Termination:              t.text("termination"),
			Certificate:              t.text("certificate"),
			CaCertificate:            t.text("caCertificate"),
			DestinationCaCertificate: t.text("destinationCACertificate"),
			InsecurePolicy:           t.text("insecureEdgeTerminationPolicy"),
		}
		if k := t.text("key"); k != "" {
			body.Tls.Key = []byte(k)
		}
		if name := t.child("externalCertificate").text("name"); name != "" {
			body.Tls.ExternalCertificate = name
			secrets = append(secrets, key{u.GetNamespace(), name})
		}
	}
	for _, in := range tree(u.Object).child("status").list("ingress") {
		body.Status = append(body.Status, routeAdmission(in))
	}
	out, err := c.record(u, body, &akohubv1.Record{Body: &akohubv1.Record_Route{Route: body}})
	if err != nil {
		return nil, err
	}
	out.secrets = secrets
	return out, nil
}

func routeBackend(b tree) *akohubv1.RouteBackend {
	out := &akohubv1.RouteBackend{Kind: b.text("kind"), Name: b.text("name")}
	switch w := b["weight"].(type) {
	case int64:
		v := int32(w) // 0 to 256 by the API's own validation
		out.Weight = &v
	case float64:
		v := int32(w)
		out.Weight = &v
	}
	return out
}

// routeAdmission reads an entry of a Route's status.
func routeAdmission(in tree) *akohubv1.RouteAdmission {
	out := &akohubv1.RouteAdmission{Host: in.text("host"), RouterName: in.text("routerName")}
	for _, c := range in.list("conditions") {
		if c.text("type") == "Admitted" {
			out.Admitted = c.text("status") == "True"
			out.Reason, out.Message = c.text("reason"), c.text("message")
		}
	}
	return out
}

// custom sends any other kind: metadata, spec and status.
func (c *converter) custom(o runtime.Object) (*object, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, c.errType(o)
	}
	body := &akohubv1.CustomResource{
		Meta:       c.meta(u, true),
		ApiVersion: u.GetAPIVersion(),
		Kind:       u.GetKind(),
	}
	var err error
	if body.SpecJson, err = jsonOf(specOf(c.kind, u)); err != nil {
		return nil, fmt.Errorf("encode spec of %s %s/%s: %w", c.kind, u.GetNamespace(), u.GetName(), err)
	}
	if body.StatusJson, err = jsonOf(u.Object["status"]); err != nil {
		return nil, fmt.Errorf("encode status of %s %s/%s: %w", c.kind, u.GetNamespace(), u.GetName(), err)
	}
	out, err := c.record(u, body, &akohubv1.Record{Body: &akohubv1.Record_CustomResource{CustomResource: body}})
	if err != nil {
		return nil, err
	}
	if c.kind == Gateway {
		out.secrets = gatewaySecrets(u)
	}
	return out, nil
}

// specOf returns what is sent as an object's spec. OpenShift's HostSubnets have
// none: what would be in it stands at their top.
func specOf(kind string, u *unstructured.Unstructured) any {
	if kind != kinds.HostSubnet {
		return u.Object["spec"]
	}
	out := map[string]any{}
	for _, name := range []string{"host", "subnet"} {
		if v, ok := u.Object[name]; ok {
			out[name] = v
		}
	}
	return out
}

// jsonOf encodes with sorted names, so that equal content has equal bytes.
func jsonOf(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

// gatewaySecrets returns the Secrets that spec.listeners[].tls.certificateRefs
// name. A reference defaults to a core Secret in the Gateway's namespace.
func gatewaySecrets(u *unstructured.Unstructured) []key {
	var out []key
	for _, l := range tree(u.Object).child("spec").list("listeners") {
		for _, r := range l.child("tls").list("certificateRefs") {
			if r.text("group") != "" || (r.text("kind") != "" && r.text("kind") != "Secret") || r.text("name") == "" {
				continue
			}
			k := key{u.GetNamespace(), r.text("name")}
			if ns := r.text("namespace"); ns != "" {
				k.namespace = ns
			}
			out = append(out, k)
		}
	}
	return out
}

// refersToSecrets tells whether objects of a kind can name Secrets.
func refersToSecrets(kind string) bool {
	return kind == kinds.Ingress || kind == kinds.Route || kind == Gateway
}

// tree is a JSON object whose members are read leniently; a nil tree has none.
type tree map[string]any

func (t tree) child(name string) tree {
	m, ok := t[name].(map[string]any)
	if !ok {
		return nil
	}
	return m
}

func (t tree) text(name string) string {
	s, _ := t[name].(string)
	return s
}

func (t tree) list(name string) []tree {
	items, _ := t[name].([]any)
	out := make([]tree, 0, len(items))
	for _, i := range items {
		if m, ok := i.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}
