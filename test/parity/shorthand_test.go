package parity

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// expand writes out the shorthands of the recordings: kind Backend is a Service
// with its EndpointSlice, kind TLSSecret a Secret with a pair of certs/, and a
// string "@cert:FILE" stands for a file there.
func expand(fields map[string]any) ([]*unstructured.Unstructured, error) {
	switch fields["kind"] {
	case "Backend":
		return expandBackend(fields), nil
	case "TLSSecret":
		name, _ := fields["cert"].(string)
		delete(fields, "cert")
		fields["apiVersion"], fields["kind"], fields["type"] = "v1", "Secret", "kubernetes.io/tls"
		fields["stringData"] = map[string]any{"tls.crt": "@cert:" + name + ".crt", "tls.key": "@cert:" + name + ".key"}
	}
	withFiles, err := insertFiles(fields)
	if err != nil {
		return nil, err
	}
	return []*unstructured.Unstructured{{Object: withFiles.(map[string]any)}}, nil
}

// expandBackend makes the Service (80 → 8080 "http" unless the ports say
// otherwise, selector app: NAME, the fields of spec.service over that) and, if
// there are addresses, the slice NAME-1.
func expandBackend(b map[string]any) []*unstructured.Unstructured {
	meta, _ := b["metadata"].(map[string]any)
	spec, _ := b["spec"].(map[string]any)
	name, namespace := meta["name"], meta["namespace"]
	ports, ok := spec["ports"].([]any)
	if !ok {
		ports = []any{map[string]any{"name": "http", "port": int64(80), "targetPort": int64(8080)}}
	}
	service := map[string]any{"selector": map[string]any{"app": name}, "ports": ports}
	overrides, _ := spec["service"].(map[string]any)
	for key, value := range overrides {
		service[key] = value
	}
	out := []*unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service,
	}}}
	addresses, ok := spec["addresses"].([]any)
	if !ok {
		return out
	}
	return append(out, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
		"metadata": map[string]any{
			"name": fmt.Sprintf("%s-1", name), "namespace": namespace,
			"labels": map[string]any{"kubernetes.io/service-name": name},
		},
		"ports": slicePorts(ports), "endpoints": endpoints(addresses),
	}})
}

// slicePorts are the target ports of a Service's ports.
func slicePorts(ports []any) []any {
	var out []any
	for _, p := range ports {
		port, _ := p.(map[string]any)
		one := map[string]any{"port": port["targetPort"]}
		for _, key := range []string{"name", "protocol"} {
			if value, ok := port[key]; ok {
				one[key] = value
			}
		}
		out = append(out, one)
	}
	return out
}

// endpoints are those of a slice: a plain address is ready, serving, not
// terminating.
func endpoints(addresses []any) []any {
	out := make([]any, 0, len(addresses))
	for _, a := range addresses {
		if text, ok := a.(string); ok {
			a = map[string]any{
				"addresses":  []any{text},
				"conditions": map[string]any{"ready": true, "serving": true, "terminating": false},
			}
		}
		out = append(out, a)
	}
	return out
}

// insertFiles replaces "@cert:FILE" by the file's content.
func insertFiles(value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		for key, one := range v {
			replaced, err := insertFiles(one)
			if err != nil {
				return nil, err
			}
			v[key] = replaced
		}
	case []any:
		for i, one := range v {
			replaced, err := insertFiles(one)
			if err != nil {
				return nil, err
			}
			v[i] = replaced
		}
	case string:
		if file, ok := strings.CutPrefix(v, "@cert:"); ok {
			data, err := os.ReadFile(filepath.Join("certs", filepath.Base(file)))
			return string(data), err
		}
	}
	return value, nil
}
