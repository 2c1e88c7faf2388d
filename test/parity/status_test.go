package parity

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/akohub/akohub/pkg/avisim/normal"
	"github.com/akohub/akohub/test/cluster"
)

// The annotations that AKO writes on Ingresses and Services.
const (
	annotationHosts   = "ako.vmware.com/host-fqdn-vs-uuid-map"
	annotationCluster = "ako.vmware.com/controller-cluster-uuid"
	annotationTenant  = "ako.vmware.com/tenant-name"
	// With NodePortLocal, on Services: Antrea acts on it.
	annotationNodePortLocal = "nodeportlocal.antrea.io/enabled"
)

// readStatus reads what AKO had written on Kubernetes objects after a step.
func readStatus(file string, n int) (map[string]map[string]any, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var steps map[string]map[string]map[string]any
	if err := json.Unmarshal(data, &steps); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	objects, ok := steps[fmt.Sprintf("step%d", n)]
	if !ok {
		return nil, fmt.Errorf("%s has no step %d", file, n)
	}
	return objects, nil
}

// observed is what was written on the Ingresses and Services of a cluster, in
// the form of status.json: those that bear nothing are left out.
func observed(ctx context.Context, c *cluster.Cluster) (map[string]map[string]any, error) {
	client, err := c.Client()
	if err != nil {
		return nil, err
	}
	out := make(map[string]map[string]any)
	ingresses, err := client.NetworkingV1().Ingresses(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading Ingresses: %w", err)
	}
	for i := range ingresses.Items {
		if err := observe(out, "Ingress", &ingresses.Items[i].ObjectMeta, &ingresses.Items[i].Status); err != nil {
			return nil, err
		}
	}
	services, err := client.CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading Services: %w", err)
	}
	for i := range services.Items {
		if err := observe(out, "Service", &services.Items[i].ObjectMeta, &services.Items[i].Status); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func observe(out map[string]map[string]any, kind string, meta *metav1.ObjectMeta, status any) error {
	name := kind + "/" + meta.Namespace + "/" + meta.Name
	one := make(map[string]any)
	annotations := make(map[string]any)
	for _, key := range []string{annotationHosts, annotationCluster, annotationTenant, annotationNodePortLocal} {
		value, ok := meta.Annotations[key]
		if !ok {
			continue
		}
		annotations[key] = value
		if key != annotationHosts && key != annotationNodePortLocal {
			continue
		}
		// These two are JSON.
		var parsed any
		if err := json.Unmarshal([]byte(value), &parsed); err != nil {
			return fmt.Errorf("annotation %s of %s: %w", key, name, err)
		}
		annotations[key] = parsed
	}
	if len(annotations) > 0 {
		one["annotations"] = annotations
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(status)
	if err != nil {
		return fmt.Errorf("status of %s: %w", name, err)
	}
	if balancer, _ := fields["loadBalancer"].(map[string]any); len(balancer) > 0 {
		one["status"] = map[string]any{"loadBalancer": balancer}
	}
	if len(one) > 0 {
		out[name] = one
	}
	return nil
}

// sortStatuses brings the lists of statuses that have no meaningful order into
// one, after addresses were replaced.
func sortStatuses(objects map[string]map[string]any) {
	for name, o := range objects {
		if status, ok := o["status"].(map[string]any); ok {
			o["status"] = normal.Object(strings.ToLower(name), status)
		}
	}
}
