package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"
)

// fieldManager owns what Apply writes.
const fieldManager = "akohub-test"

// clients of the administrator, made on first use and kept: discovery takes
// longer than most tests.
type clients struct {
	typed   kubernetes.Interface
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

func (c *Cluster) admin() (*clients, error) {
	c.clientsOnce.Do(func() {
		typed, err := kubernetes.NewForConfig(c.Config())
		if err != nil {
			c.clientsErr = fmt.Errorf("cluster %s: making a client: %w", c.Name, err)
			return
		}
		dyn, err := dynamic.NewForConfig(c.Config())
		if err != nil {
			c.clientsErr = fmt.Errorf("cluster %s: making a dynamic client: %w", c.Name, err)
			return
		}
		mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(typed.Discovery()))
		c.clients = &clients{typed: typed, dynamic: dyn, mapper: mapper}
	})
	return c.clients, c.clientsErr
}

// ParseYAML splits manifests into objects; empty documents are left out and
// items of a List are taken apart.
func ParseYAML(manifests []byte) ([]*unstructured.Unstructured, error) {
	var objs []*unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifests)))
	for n := 1; ; n++ {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objs, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading document %d: %w", n, err)
		}
		var fields map[string]any
		if err := yaml.Unmarshal(doc, &fields); err != nil {
			return nil, fmt.Errorf("parsing document %d: %w", n, err)
		}
		if len(fields) == 0 {
			continue
		}
		obj := &unstructured.Unstructured{Object: fields}
		if obj.GetKind() == "" || obj.GetAPIVersion() == "" {
			return nil, fmt.Errorf("document %d has no kind or no apiVersion", n)
		}
		if !obj.IsList() {
			objs = append(objs, obj)
			continue
		}
		err = obj.EachListItem(func(item runtime.Object) error {
			objs = append(objs, item.(*unstructured.Unstructured))
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("taking the list of document %d apart: %w", n, err)
		}
	}
}

// Apply creates the objects or makes them as given, by server-side apply, in the
// order given. A status is applied too where the kind has one of its own. The
// namespace of an object that names none is "default".
func (c *Cluster) Apply(ctx context.Context, objs ...*unstructured.Unstructured) error {
	for _, obj := range objs {
		if err := c.applyOne(ctx, obj.DeepCopy()); err != nil {
			return fmt.Errorf("cluster %s: applying %s: %w", c.Name, describe(obj), err)
		}
	}
	return nil
}

// ApplyYAML is Apply for manifests.
func (c *Cluster) ApplyYAML(ctx context.Context, manifests []byte) error {
	objs, err := ParseYAML(manifests)
	if err != nil {
		return fmt.Errorf("cluster %s: %w", c.Name, err)
	}
	return c.Apply(ctx, objs...)
}

// ApplyFiles is Apply for the manifests of files and folders, see InstallCRDs.
func (c *Cluster) ApplyFiles(ctx context.Context, paths ...string) error {
	objs, err := parseFiles(paths)
	if err != nil {
		return fmt.Errorf("cluster %s: %w", c.Name, err)
	}
	return c.Apply(ctx, objs...)
}

func (c *Cluster) applyOne(ctx context.Context, obj *unstructured.Unstructured) error {
	client, err := c.resource(obj)
	if err != nil {
		return err
	}
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
	// An object that was read from a cluster may be given: these two are the
	// server's, and apply refuses them.
	obj.SetManagedFields(nil)
	obj.SetResourceVersion("")
	status, hasStatus := obj.Object["status"]
	delete(obj.Object, "status")
	if _, err := client.Apply(ctx, obj.GetName(), obj, options); err != nil {
		return err
	}
	if !hasStatus {
		return nil
	}
	obj.Object["status"] = status
	if _, err := client.ApplyStatus(ctx, obj.GetName(), obj, options); err != nil {
		if apierrors.IsNotFound(err) {
			// No status of its own: it is a field like others.
			_, err = client.Apply(ctx, obj.GetName(), obj, options)
		}
		return err
	}
	return nil
}

// Delete deletes the objects; those that are gone already are fine. It does not
// wait for finalizers.
func (c *Cluster) Delete(ctx context.Context, objs ...*unstructured.Unstructured) error {
	background := metav1.DeletePropagationBackground
	for _, obj := range objs {
		client, err := c.resource(obj)
		if err == nil {
			err = client.Delete(ctx, obj.GetName(), metav1.DeleteOptions{PropagationPolicy: &background})
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("cluster %s: deleting %s: %w", c.Name, describe(obj), err)
		}
	}
	return nil
}

// Get reads an object of the kind, namespace and name of obj.
func (c *Cluster) Get(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	client, err := c.resource(obj)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: reading %s: %w", c.Name, describe(obj), err)
	}
	got, err := client.Get(ctx, obj.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("cluster %s: reading %s: %w", c.Name, describe(obj), err)
	}
	return got, nil
}

// resource is the client for obj's kind and namespace.
func (c *Cluster) resource(obj *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	all, err := c.admin()
	if err != nil {
		return nil, err
	}
	kind := obj.GroupVersionKind()
	mapping, err := all.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		// A definition may have come since discovery.
		all.mapper.Reset()
		mapping, err = all.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("finding the resource of %s: %w", kind, err)
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return all.dynamic.Resource(mapping.Resource), nil
	}
	namespace := obj.GetNamespace()
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return all.dynamic.Resource(mapping.Resource).Namespace(namespace), nil
}

var crdKind = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// InstallCRDs applies the manifests of files, and of all .yaml and .yml files
// below folders, and returns when every CustomResourceDefinition among them is
// established.
func (c *Cluster) InstallCRDs(ctx context.Context, paths ...string) error {
	objs, err := parseFiles(paths)
	if err != nil {
		return fmt.Errorf("cluster %s: %w", c.Name, err)
	}
	if err := c.Apply(ctx, objs...); err != nil {
		return err
	}
	for _, obj := range objs {
		if obj.GroupVersionKind().GroupKind() != crdKind {
			continue
		}
		if err := c.waitEstablished(ctx, obj); err != nil {
			return fmt.Errorf("cluster %s: waiting for %s: %w", c.Name, describe(obj), err)
		}
	}
	return nil
}

func (c *Cluster) waitEstablished(ctx context.Context, crd *unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := c.Get(ctx, crd)
		if err != nil {
			return err
		}
		if established(got) {
			return nil
		}
		select {
		case <-ctx.Done():
			conditions, _, _ := unstructured.NestedSlice(got.Object, "status", "conditions")
			return fmt.Errorf("it is not established: %w; conditions: %v", context.Cause(ctx), conditions)
		case <-tick.C:
		}
	}
}

func established(crd *unstructured.Unstructured) bool {
	conditions, _, err := unstructured.NestedSlice(crd.Object, "status", "conditions")
	return err == nil && slices.ContainsFunc(conditions, func(c any) bool {
		condition, ok := c.(map[string]any)
		return ok && condition["type"] == "Established" && condition["status"] == "True"
	})
}

// parseFiles reads manifests in the order of paths, those of a folder in the
// order of their names.
func parseFiles(paths []string) ([]*unstructured.Unstructured, error) {
	var objs []*unstructured.Unstructured
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			ext := filepath.Ext(file)
			if entry.IsDir() || (file != path && ext != ".yaml" && ext != ".yml") {
				return nil
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			found, err := ParseYAML(data)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			objs = append(objs, found...)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading manifests: %w", err)
		}
	}
	return objs, nil
}

func describe(obj *unstructured.Unstructured) string {
	if obj.GetNamespace() == "" {
		return obj.GetKind() + " " + obj.GetName()
	}
	return obj.GetKind() + " " + obj.GetNamespace() + "/" + obj.GetName()
}
