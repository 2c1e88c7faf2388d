package writeback

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/akohub/akohub/pkg/kinds"
)

// mapping is what a kind of the wire is to the API server.
type mapping struct {
	resource schema.GroupVersionResource
	kind     schema.GroupVersionKind
}

// typed are the kinds whose mapping needs no discovery.
var typed = map[string]mapping{
	kinds.Ingress:       known("networking.k8s.io", "ingresses", "Ingress"),
	kinds.IngressClass:  known("networking.k8s.io", "ingressclasses", "IngressClass"),
	kinds.Route:         known("route.openshift.io", "routes", "Route"),
	kinds.Service:       known("", "services", "Service"),
	kinds.EndpointSlice: known("discovery.k8s.io", "endpointslices", "EndpointSlice"),
	kinds.Node:          known("", "nodes", "Node"),
	kinds.Namespace:     known("", "namespaces", "Namespace"),
	kinds.Secret:        known("", "secrets", "Secret"),
	kinds.Pod:           known("", "pods", "Pod"),
}

func known(group, resource, kind string) mapping {
	gv := schema.GroupVersion{Group: group, Version: "v1"}
	return mapping{gv.WithResource(resource), gv.WithKind(kind)}
}

// resolve finds out about a kind in the form RESOURCE or RESOURCE.GROUP.
func resolve(m meta.RESTMapper, kind string) (mapping, error) {
	if k, ok := typed[kind]; ok {
		return k, nil
	}
	resource, group, _ := strings.Cut(kind, ".")
	if resource == "" {
		return mapping{}, fmt.Errorf("write-back names no kind of object")
	}
	gvr, err := m.ResourceFor(schema.GroupVersionResource{Group: group, Resource: resource})
	if err != nil {
		return mapping{}, fmt.Errorf("find out about kind %q: %w", kind, err)
	}
	gvk, err := m.KindFor(gvr)
	if err != nil {
		return mapping{}, fmt.Errorf("find out about kind %q: %w", kind, err)
	}
	return mapping{gvr, gvk}, nil
}
