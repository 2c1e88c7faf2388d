package parity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/akohub/akohub/pkg/avisim/normal"
	"github.com/akohub/akohub/test/cluster"
)

// The annotations that AKO writes on Ingresses, Routes and Services.
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
	if err := parseReasons(objects); err != nil {
		return nil, fmt.Errorf("%s, step %d: %w", file, n, err)
	}
	return objects, nil
}

// observed is what was written on the Ingresses, Routes and Services of a
// cluster, in the form of status.json: those that bear nothing are left out.
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
		if err := observe(out, "Ingress", &ingresses.Items[i], &ingresses.Items[i].Status); err != nil {
			return nil, err
		}
	}
	services, err := client.CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading Services: %w", err)
	}
	for i := range services.Items {
		if err := observe(out, "Service", &services.Items[i], &services.Items[i].Status); err != nil {
			return nil, err
		}
	}
	return out, observeRoutes(ctx, c, out)
}

// observeRoutes adds the Routes; a plain cluster has no such resource.
func observeRoutes(ctx context.Context, c *cluster.Cluster, out map[string]map[string]any) error {
	client, err := dynamic.NewForConfig(c.Config())
	if err != nil {
		return err
	}
	routes, err := client.Resource(routeResource).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading Routes: %w", err)
	}
	for i := range routes.Items {
		route := &routes.Items[i]
		status, _ := route.Object["status"].(map[string]any)
		if err := observe(out, "Route", route, &status); err != nil {
			return err
		}
	}
	return nil
}

// observe notes what stands on one object.
func observe(out map[string]map[string]any, kind string, o metav1.Object, status any) error {
	name := kind + "/" + o.GetNamespace() + "/" + o.GetName()
	one := make(map[string]any)
	annotations, err := parseAnnotations(o.GetAnnotations())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(annotations) > 0 {
		one["annotations"] = annotations
	}
	// As status.json has it.
	text, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("status of %s: %w", name, err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return fmt.Errorf("status of %s: %w", name, err)
	}
	if balancer, _ := fields["loadBalancer"].(map[string]any); len(balancer) > 0 {
		one["status"] = map[string]any{"loadBalancer": balancer}
	}
	if hosts, _ := fields["ingress"].([]any); len(hosts) > 0 {
		one["status"] = map[string]any{"ingress": hosts}
	}
	eachCondition(one, func(_ string, condition map[string]any) { delete(condition, "lastTransitionTime") })
	if len(one) > 0 {
		out[name] = one
	}
	return nil
}

// parseAnnotations takes the annotations that AKO writes, those that are JSON as
// what they say.
func parseAnnotations(all map[string]string) (map[string]any, error) {
	out := make(map[string]any)
	for _, key := range []string{annotationHosts, annotationCluster, annotationTenant, annotationNodePortLocal} {
		value, ok := all[key]
		if !ok {
			continue
		}
		out[key] = value
		if key != annotationHosts && key != annotationNodePortLocal {
			continue
		}
		var parsed any
		if err := json.Unmarshal([]byte(value), &parsed); err != nil {
			return nil, fmt.Errorf("annotation %s: %w", key, err)
		}
		out[key] = parsed
	}
	return out, nil
}

// eachCondition calls f for the conditions of a Route's hosts: the status has
// them below the host and the router's name.
func eachCondition(object map[string]any, f func(place string, condition map[string]any)) {
	status, _ := object["status"].(map[string]any)
	hosts, _ := status["ingress"].([]any)
	for _, one := range hosts {
		host, _ := one.(map[string]any)
		conditions, _ := host["conditions"].([]any)
		for _, c := range conditions {
			if condition, ok := c.(map[string]any); ok {
				f(fmt.Sprintf("%v of %v", host["host"], host["routerName"]), condition)
			}
		}
	}
}

// parseReasons replaces the annotations that AKO writes as the reason of a
// Route's condition, which are JSON, by what they say. Other reasons are words.
func parseReasons(objects map[string]map[string]any) error {
	var failed error
	for name, object := range objects {
		eachCondition(object, func(place string, condition map[string]any) {
			text, _ := condition["reason"].(string)
			if !strings.HasPrefix(text, "{") {
				return
			}
			var all map[string]string
			err := json.Unmarshal([]byte(text), &all)
			if err == nil {
				condition["reason"], err = parseAnnotations(all)
			}
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: reason of %s: %w", name, place, err))
			}
		})
	}
	return failed
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
