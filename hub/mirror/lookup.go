package mirror

import akohubv1 "github.com/akohub/akohub/proto/akohub/v1"

// view implements View over a mirror whose lock is held.
type view struct{ m *Mirror }

var _ View = view{}

func (v view) Ingress(namespace, name string) (Object[*akohubv1.Ingress], bool) {
	return v.m.ingresses.get(namespace, name)
}

func (v view) Ingresses() []Object[*akohubv1.Ingress] { return v.m.ingresses.list() }

func (v view) IngressesOfHost(host string) []Object[*akohubv1.Ingress] {
	return v.m.ingressByHost.find(host)
}

func (v view) IngressClass(name string) (Object[*akohubv1.IngressClass], bool) {
	return v.m.ingressClasses.get("", name)
}

func (v view) IngressClasses() []Object[*akohubv1.IngressClass] { return v.m.ingressClasses.list() }

func (v view) Service(namespace, name string) (Object[*akohubv1.Service], bool) {
	return v.m.services.get(namespace, name)
}

func (v view) Services() []Object[*akohubv1.Service] { return v.m.services.list() }

func (v view) EndpointSlice(namespace, name string) (Object[*akohubv1.EndpointSlice], bool) {
	return v.m.slices.get(namespace, name)
}

func (v view) EndpointSlices(namespace, service string) []Object[*akohubv1.EndpointSlice] {
	return v.m.slicesOf.find(namespace + "/" + service)
}

func (v view) Secret(namespace, name string) (Object[*akohubv1.Secret], bool) {
	return v.m.secrets.get(namespace, name)
}

func (v view) Namespace(name string) (Object[*akohubv1.Namespace], bool) {
	return v.m.namespaces.get("", name)
}

func (v view) Namespaces() []Object[*akohubv1.Namespace] { return v.m.namespaces.list() }

func (v view) Node(name string) (Object[*akohubv1.Node], bool) { return v.m.nodes.get("", name) }

func (v view) Nodes() []Object[*akohubv1.Node] { return v.m.nodes.list() }

func (v view) PodsOf(namespace string, selector map[string]string) []Object[*akohubv1.Pod] {
	var out []Object[*akohubv1.Pod]
	for _, pod := range v.m.podsIn.find(namespace) {
		if hasLabels(pod.Body.GetMeta().GetLabels(), selector) {
			out = append(out, pod)
		}
	}
	return out
}

func hasLabels(labels, selector map[string]string) bool {
	for k, want := range selector {
		if got, ok := labels[k]; !ok || got != want {
			return false
		}
	}
	return true
}

func (v view) Route(namespace, name string) (Object[*akohubv1.Route], bool) {
	return v.m.routes.get(namespace, name)
}

func (v view) Routes() []Object[*akohubv1.Route] { return v.m.routes.list() }

func (v view) RoutesOfSubdomain(subdomain string) []Object[*akohubv1.Route] {
	return v.m.routeBySubdomain.find(subdomain)
}

func (v view) RoutesOfHost(host string) []Object[*akohubv1.Route] {
	return v.m.routeByHost.find(host)
}

func (v view) Custom(ref Ref) (Object[*akohubv1.CustomResource], bool) {
	if s := v.customs(ref.Kind); s != nil {
		return s.get(ref.Namespace, ref.Name)
	}
	return Object[*akohubv1.CustomResource]{}, false
}

func (v view) Customs(kind string) []Object[*akohubv1.CustomResource] {
	if s := v.customs(kind); s != nil {
		return s.list()
	}
	return nil
}

func (v view) customs(kind string) *store[*akohubv1.CustomResource] {
	ks := v.m.kinds[kind]
	if ks == nil {
		return nil
	}
	s, _ := ks.objects.(*store[*akohubv1.CustomResource])
	return s
}

func (v view) Synced(kind string) bool {
	ks := v.m.kinds[kind]
	return ks != nil && ks.synced
}

func (v view) Absent(kind string) bool {
	ks := v.m.kinds[kind]
	return ks != nil && ks.absent()
}
