package parity

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/akohub/akohub/test/cluster"
	"github.com/akohub/akohub/test/harness"
)

// routeResource is OpenShift's.
var routeResource = schema.GroupVersionResource{Group: "route.openshift.io", Version: "v1", Resource: "routes"}

// namespaced are the resources that scenarios make objects of, and the Events
// that are written about them; global are those without a namespace.
var (
	namespaced = []schema.GroupVersionResource{
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
		routeResource,
		{Version: "v1", Resource: "services"},
		{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
		{Version: "v1", Resource: "secrets"},
		{Version: "v1", Resource: "configmaps"},
		{Version: "v1", Resource: "pods"},
		{Version: "v1", Resource: "events"},
		{Group: "events.k8s.io", Version: "v1", Resource: "events"},
	}
	global = []schema.GroupVersionResource{
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingressclasses"},
		{Version: "v1", Resource: "nodes"},
		{Group: "cilium.io", Version: "v2", Resource: "ciliumnodes"},
		{Group: "crd.projectcalico.org", Version: "v1", Resource: "blockaffinities"},
		{Group: "network.openshift.io", Version: "v1", Resource: "hostsubnets"},
	}
)

// ours says whether a namespace is the scenarios' to clean; default stays, but
// is emptied.
func ours(namespace string) bool {
	return !strings.HasPrefix(namespace, "kube-") && namespace != harness.AgentNamespace
}

// clean deletes everything that a scenario made.
func clean(ctx context.Context, c *cluster.Cluster) error {
	client, err := dynamic.NewForConfig(c.Config())
	if err != nil {
		return err
	}
	for _, resource := range global {
		if err := deleteAll(ctx, client, resource, metav1.NamespaceAll); err != nil {
			return err
		}
	}
	all, err := client.Resource(namespaces).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing namespaces: %w", err)
	}
	for _, ns := range all.Items {
		if !ours(ns.GetName()) {
			continue
		}
		if err := empty(ctx, client, ns.GetName()); err != nil {
			return err
		}
		if ns.GetName() == metav1.NamespaceDefault {
			continue
		}
		if err := deleteNamespace(ctx, c, ns.GetName()); err != nil {
			return err
		}
	}
	return nil
}

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// empty deletes what a namespace holds.
func empty(ctx context.Context, client dynamic.Interface, namespace string) error {
	for _, resource := range namespaced {
		if err := deleteAll(ctx, client, resource, namespace); err != nil {
			return err
		}
	}
	return nil
}

// deleteAll deletes all objects of a resource but those that the API server
// keeps itself.
func deleteAll(ctx context.Context, client dynamic.Interface, resource schema.GroupVersionResource, namespace string) error {
	var in dynamic.ResourceInterface = client.Resource(resource)
	if namespace != metav1.NamespaceAll {
		in = client.Resource(resource).Namespace(namespace)
	}
	list, err := in.List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil // not every cluster has the resource
	}
	if err != nil {
		return fmt.Errorf("listing %s: %w", resource.Resource, err)
	}
	now := int64(0)
	for _, obj := range list.Items {
		if kubernetesService(&obj) {
			continue
		}
		err := in.Delete(ctx, obj.GetName(), metav1.DeleteOptions{GracePeriodSeconds: &now})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("deleting %s %s: %w", resource.Resource, obj.GetName(), err)
		}
	}
	return nil
}

// kubernetesService says whether an object belongs to the API server's own
// Service.
func kubernetesService(obj *unstructured.Unstructured) bool {
	return obj.GetNamespace() == metav1.NamespaceDefault && obj.GetName() == "kubernetes"
}

// deleteNamespace deletes an empty namespace. There is no namespace controller
// that would take its finalizer away.
func deleteNamespace(ctx context.Context, c *cluster.Cluster, name string) error {
	client, err := c.Client()
	if err != nil {
		return err
	}
	err = client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deleting namespace %s: %w", name, err)
	}
	_, err = client.CoreV1().Namespaces().Finalize(ctx,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.UpdateOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("finalizing namespace %s: %w", name, err)
	}
	return nil
}
