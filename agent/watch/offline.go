package watch

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Reduce returns what the agent would send of an object that was not read from
// an API server, under a watch plan; nil for a kind that the plan does not have.
// It is for programs that work on manifests. Defaults that an API server would
// have filled in are the caller's.
func Reduce(plan *akohubv1.WatchPlan, kind string, u *unstructured.Unstructured) (*akohubv1.Record, error) {
	planned := false
	for _, w := range plan.GetKinds() {
		planned = planned || kinds.Of(w.GetGroup(), w.GetResource()) == kind
	}
	if !planned {
		return nil, nil
	}
	c := &converter{kind: kind, annotations: plan.GetAnnotationPrefixes(), secretKeys: plan.GetSecretKeys()}
	into, convert := c.forManifest()
	if into == nil {
		return recordOf(convert(u))
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(u.Object, into, true); err != nil {
		return nil, fmt.Errorf("%s %s/%s: %w", kind, u.GetNamespace(), u.GetName(), err)
	}
	return recordOf(convert(into))
}

// forManifest returns the type that a manifest of the kind is read into, nil for
// one that stays as it is, and its conversion.
func (c *converter) forManifest() (runtime.Object, func(runtime.Object) (*object, error)) {
	switch c.kind {
	case kinds.Ingress:
		return &networkingv1.Ingress{}, c.ingress
	case kinds.IngressClass:
		return &networkingv1.IngressClass{}, c.ingressClass
	case kinds.Service:
		return &corev1.Service{}, c.service
	case kinds.EndpointSlice:
		return &discoveryv1.EndpointSlice{}, c.endpointSlice
	case kinds.Node:
		return &corev1.Node{}, c.node
	case kinds.Namespace:
		return &corev1.Namespace{}, c.namespace
	case kinds.Secret:
		return &corev1.Secret{}, c.secret
	case kinds.Pod:
		return &corev1.Pod{}, c.pod
	case kinds.Route:
		return nil, c.route
	}
	return nil, c.custom
}

func recordOf(o *object, err error) (*akohubv1.Record, error) {
	if err != nil {
		return nil, err
	}
	return o.rec, nil
}
