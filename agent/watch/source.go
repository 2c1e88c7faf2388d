package watch

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Clients are the ways to the API server that the package uses.
type Clients struct {
	Kubernetes kubernetes.Interface
	Dynamic    dynamic.Interface
	Metadata   metadata.Interface
}

// kindTarget lets a reflector feed a kind directly.
type kindTarget struct {
	k       *kind
	convert func(runtime.Object) (*object, error)
}

func (t kindTarget) transform(o runtime.Object) (*object, error) { return t.convert(o) }

func (t kindTarget) replace(ctx context.Context, objs []*object) error {
	return t.k.submit(ctx, op{replace: &objs})
}

func (t kindTarget) upsert(ctx context.Context, o *object) error {
	return t.k.submit(ctx, op{upsert: o})
}

func (t kindTarget) remove(ctx context.Context, obj key) error {
	return t.k.submit(ctx, op{remove: &obj})
}

func (t kindTarget) state(ctx context.Context, s state) error {
	return t.k.submit(ctx, op{state: &s})
}

// typedList is the part of a typed client that a reflector uses.
type typedList[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (apiwatch.Interface, error)
}

// lister is a way to list and watch one kind, and how to reduce its objects.
type lister struct {
	example runtime.Object
	list    func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch   func(context.Context, metav1.ListOptions) (apiwatch.Interface, error)
	client  any
	convert func(runtime.Object) (*object, error)
}

func typed[L runtime.Object](c typedList[L], client any, example runtime.Object, convert func(runtime.Object) (*object, error)) lister {
	return lister{
		example: example,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return c.List(ctx, o)
		},
		watch:   c.Watch,
		client:  client,
		convert: convert,
	}
}

// listerFor chooses the client and the conversion for a kind of the plan. A
// kind with a typed message in another version than the one known here
// travels as a custom resource, and the hub sees which version that is.
func listerFor(c Clients, w *akohubv1.WatchKind, conv *converter) lister {
	all := metav1.NamespaceAll
	k := c.Kubernetes
	if w.GetVersion() == "v1" {
		switch conv.kind {
		case kinds.Ingress:
			return typed(k.NetworkingV1().Ingresses(all), k, &networkingv1.Ingress{}, conv.ingress)
		case kinds.IngressClass:
			return typed(k.NetworkingV1().IngressClasses(), k, &networkingv1.IngressClass{}, conv.ingressClass)
		case kinds.Service:
			return typed(k.CoreV1().Services(all), k, &corev1.Service{}, conv.service)
		case kinds.EndpointSlice:
			return typed(k.DiscoveryV1().EndpointSlices(all), k, &discoveryv1.EndpointSlice{}, conv.endpointSlice)
		case kinds.Node:
			return typed(k.CoreV1().Nodes(), k, &corev1.Node{}, conv.node)
		case kinds.Namespace:
			return typed(k.CoreV1().Namespaces(), k, &corev1.Namespace{}, conv.namespace)
		case kinds.Pod:
			return typed(k.CoreV1().Pods(all), k, &corev1.Pod{}, conv.pod)
		case kinds.Route:
			return dynamicLister(c.Dynamic, w, conv.route)
		}
	}
	return dynamicLister(c.Dynamic, w, conv.custom)
}

func dynamicLister(c dynamic.Interface, w *akohubv1.WatchKind, convert func(runtime.Object) (*object, error)) lister {
	res := c.Resource(gvrOf(w))
	return lister{
		example: &unstructured.Unstructured{},
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return res.List(ctx, o)
		},
		watch:   res.Watch,
		client:  c,
		convert: convert,
	}
}

// secretMetadata lists Secrets without their contents.
func secretMetadata(c metadata.Interface, w *akohubv1.WatchKind) lister {
	res := c.Resource(gvrOf(w))
	return lister{
		example: &metav1.PartialObjectMetadata{},
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return res.List(ctx, o)
		},
		watch:  res.Watch,
		client: c,
		convert: func(o runtime.Object) (*object, error) {
			m, ok := o.(*metav1.PartialObjectMetadata)
			if !ok {
				return nil, fmt.Errorf("convert metadata of secrets: unexpected type %T", o)
			}
			return &object{key: key{m.Namespace, m.Name}, uid: string(m.UID)}, nil
		},
	}
}

func gvrOf(w *akohubv1.WatchKind) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: w.GetGroup(), Version: w.GetVersion(), Resource: w.GetResource()}
}

// selecting narrows a lister to the plan's selectors.
func selecting(l lister, w *akohubv1.WatchKind) lister {
	if w.GetLabelSelector() == "" && w.GetFieldSelector() == "" {
		return l
	}
	list, watch := l.list, l.watch
	narrow := func(o metav1.ListOptions) metav1.ListOptions {
		o.LabelSelector, o.FieldSelector = w.GetLabelSelector(), w.GetFieldSelector()
		return o
	}
	l.list = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return list(ctx, narrow(o)) }
	l.watch = func(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
		return watch(ctx, narrow(o))
	}
	return l
}
