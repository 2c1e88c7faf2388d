package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/akohub/akohub/agent/watch"
	"github.com/akohub/akohub/hub/intake"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// kindsOfManifests maps apiVersion and kind to the kind on the wire.
var kindsOfManifests = map[string]string{
	"networking.k8s.io/v1 Ingress":      kinds.Ingress,
	"networking.k8s.io/v1 IngressClass": kinds.IngressClass,
	"v1 Service":                        kinds.Service,
	"discovery.k8s.io/v1 EndpointSlice": kinds.EndpointSlice,
	"v1 Secret":                         kinds.Secret,
	"v1 Namespace":                      kinds.Namespace,
	"v1 Node":                           kinds.Node,
	"v1 Pod":                            kinds.Pod,
	"route.openshift.io/v1 Route":       kinds.Route,
	// Those of network plugins that static routes are made from.
	"crd.projectcalico.org/v1 BlockAffinity": kinds.BlockAffinity,
	"cilium.io/v2 CiliumNode":                kinds.CiliumNode,
	"network.openshift.io/v1 HostSubnet":     kinds.HostSubnet,
}

// kindInManifests is the kind as manifests write it.
func kindInManifests(kind string) string {
	for id, k := range kindsOfManifests {
		if k == kind {
			_, name, _ := strings.Cut(id, " ")
			return name
		}
	}
	return kind
}

// loadManifests puts manifests into a mirror, as an agent would have sent them.
func loadManifests(m *mirror.Mirror, reg *v1alpha1.Cluster, files []string) error {
	l := &loader{
		mirror: m,
		plan:   intake.DefaultPlan(intake.OptionsFor(reg)),
	}
	for _, f := range files {
		if err := l.file(f); err != nil {
			return err
		}
	}
	return l.surroundings()
}

type loader struct {
	mirror     *mirror.Mirror
	plan       *akohubv1.WatchPlan
	namespaces map[string]bool
	hasClass   bool
}

func (l *loader) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading manifests: %w", err)
	}
	defer func() { _ = f.Close() }()
	dec := utilyaml.NewYAMLOrJSONDecoder(f, 4096)
	for n := 1; ; n++ {
		u := &unstructured.Unstructured{}
		switch err := dec.Decode(&u.Object); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: document %d: %w", path, n, err)
		case len(u.Object) == 0:
			continue
		}
		items := []*unstructured.Unstructured{u}
		if u.IsList() {
			list, err := u.ToList()
			if err != nil {
				return fmt.Errorf("%s: document %d: %w", path, n, err)
			}
			items = items[:0]
			for i := range list.Items {
				items = append(items, &list.Items[i])
			}
		}
		for _, item := range items {
			if err := l.object(item); err != nil {
				return fmt.Errorf("%s: document %d: %w", path, n, err)
			}
		}
	}
}

func (l *loader) object(u *unstructured.Unstructured) error {
	kind, known := kindsOfManifests[u.GetAPIVersion()+" "+u.GetKind()]
	if !known {
		// A folder of manifests holds Deployments and more; they are no business
		// of a load balancer.
		return nil
	}
	if err := l.defaults(kind, u); err != nil {
		return err
	}
	rec, err := watch.Reduce(l.plan, kind, u)
	if err != nil || rec == nil {
		return err
	}
	return l.mirror.Apply(rec)
}

// defaults fills in what an API server would have.
func (l *loader) defaults(kind string, u *unstructured.Unstructured) error {
	switch kind {
	case kinds.IngressClass:
		l.hasClass = true
	case kinds.Node, kinds.BlockAffinity, kinds.CiliumNode, kinds.HostSubnet:
	case kinds.Namespace:
		l.noteNamespace(u.GetName(), false)
	default:
		if u.GetNamespace() == "" {
			u.SetNamespace("default")
		}
		l.noteNamespace(u.GetNamespace(), true)
	}
	u.SetUID(types.UID(strings.Join([]string{"offline", kind, u.GetNamespace(), u.GetName()}, "-")))
	switch kind {
	case kinds.Service:
		return serviceDefaults(u)
	case kinds.Secret:
		return secretDefaults(u)
	}
	return nil
}

func (l *loader) noteNamespace(name string, missing bool) {
	if l.namespaces == nil {
		l.namespaces = map[string]bool{}
	}
	if was, ok := l.namespaces[name]; ok {
		missing = missing && was
	}
	l.namespaces[name] = missing
}

// surroundings adds what manifests of an application usually do not hold.
func (l *loader) surroundings() error {
	for name, missing := range l.namespaces {
		if !missing {
			continue
		}
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
		if err := l.object(u); err != nil {
			return err
		}
	}
	if l.hasClass {
		return nil
	}
	return l.object(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
		"metadata": map[string]any{"name": "avi-lb", "annotations": map[string]any{"ingressclass.kubernetes.io/is-default-class": "true"}},
		"spec":     map[string]any{"controller": "ako.vmware.com/avi-lb"},
	}})
}

func serviceDefaults(u *unstructured.Unstructured) error {
	spec, _, err := unstructured.NestedMap(u.Object, "spec")
	if err != nil {
		return err
	}
	if spec == nil {
		spec = map[string]any{}
	}
	if spec["type"] == nil {
		spec["type"] = "ClusterIP"
	}
	if spec["ipFamilies"] == nil {
		spec["ipFamilies"] = []any{"IPv4"}
	}
	ports, _ := spec["ports"].([]any)
	for _, p := range ports {
		port, ok := p.(map[string]any)
		if !ok {
			continue
		}
		if port["protocol"] == nil {
			port["protocol"] = "TCP"
		}
		if port["targetPort"] == nil {
			port["targetPort"] = port["port"]
		}
	}
	return unstructured.SetNestedMap(u.Object, spec, "spec")
}

// secretDefaults moves stringData to data.
func secretDefaults(u *unstructured.Unstructured) error {
	text, found, err := unstructured.NestedStringMap(u.Object, "stringData")
	if err != nil || !found {
		return err
	}
	data, _, err := unstructured.NestedStringMap(u.Object, "data")
	if err != nil {
		return err
	}
	if data == nil {
		data = map[string]string{}
	}
	for k, v := range text {
		data[k] = base64.StdEncoding.EncodeToString([]byte(v))
	}
	unstructured.RemoveNestedField(u.Object, "stringData")
	return unstructured.SetNestedStringMap(u.Object, data, "data")
}
