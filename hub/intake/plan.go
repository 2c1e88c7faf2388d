package intake

import (
	"slices"
	"strings"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// DefaultLimits returns the bounds of a session. A batch stays under 256 KiB
// (decisions.md 12), and a record fits in a batch.
func DefaultLimits() *akohubv1.Limits {
	return &akohubv1.Limits{
		MaxBatchBytes:       250 << 10,
		MaxRecordBytes:      240 << 10,
		MaxUnacked:          256,
		HeartbeatIntervalMs: 15_000,
	}
}

// PlanOptions say what a cluster's registration asks of its watch plan.
type PlanOptions struct {
	// Routes: watch OpenShift Routes.
	Routes bool
	// Pods: watch Pods, for NodePortLocal.
	Pods bool
	// SystemNamespace holds the default certificate; empty: "avi-system".
	SystemNamespace string
	// More are further kinds, watched last.
	More []*akohubv1.WatchKind
}

// OptionsFor returns what a registration asks of its watch plan.
func OptionsFor(reg *v1alpha1.Cluster) PlanOptions {
	sp := reg.Spec
	o := PlanOptions{
		// Whether there are any is what the cluster says: it is OpenShift then.
		Routes:          true,
		Pods:            sp.Backends.Type == v1alpha1.BackendNodePortLocal,
		SystemNamespace: sp.Namespaces.System,
	}
	routes := sp.Network.StaticRoutes
	kind, version := kinds.PodNetworks(routes.CNI)
	if kind != "" && routes.Sync && sp.Backends.Type == v1alpha1.BackendClusterIP {
		resource, apiGroup, _ := strings.Cut(kind, ".")
		o.More = append(o.More, &akohubv1.WatchKind{Group: apiGroup, Version: version, Resource: resource})
	}
	return o
}

// annotationPrefixes are the annotations that the hub reads, or has written
// and must find again.
var annotationPrefixes = []string{
	"ako.vmware.com/",
	"aviinfrasetting.ako.vmware.com/",
	"external-dns.alpha.kubernetes.io/hostname",
	"ingressclass.kubernetes.io/",
	"k8s.ovn.org/node-subnets",
	"node.antrea.io/",
	// Also nodeportlocal.antrea.io/enabled.
	"nodeportlocal.antrea.io",
	"passthrough.ako.vmware.com/",
	"projectcalico.org/",
	"skipnodeport.ako.vmware.com/",
}

// secretKeys are the parts of a Secret that certificates are made of
// (l7.md, certificates).
var secretKeys = []string{"alt.crt", "alt.key", "ca.crt", "tls.crt", "tls.key"}

// DefaultPlan returns the watch plan of a cluster. Secrets come after the kinds
// that refer to them, since an agent sends only those that are referred to.
func DefaultPlan(o PlanOptions) *akohubv1.WatchPlan {
	if o.SystemNamespace == "" {
		o.SystemNamespace = "avi-system"
	}
	p := &akohubv1.WatchPlan{
		Kinds: []*akohubv1.WatchKind{
			{Group: "networking.k8s.io", Version: "v1", Resource: "ingressclasses"},
			{Version: "v1", Resource: "namespaces"},
			{Version: "v1", Resource: "services"},
			// Slices without a Service serve nothing.
			{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices", LabelSelector: "kubernetes.io/service-name"},
			{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
		},
		AnnotationPrefixes: slices.Clone(annotationPrefixes),
		ExtraSecrets:       []*akohubv1.NamespacedName{{Namespace: o.SystemNamespace, Name: "router-certs-default"}},
		SecretKeys:         slices.Clone(secretKeys),
	}
	if o.Routes {
		p.Kinds = append(p.Kinds, &akohubv1.WatchKind{Group: "route.openshift.io", Version: "v1", Resource: "routes"})
	}
	p.Kinds = append(p.Kinds,
		&akohubv1.WatchKind{Version: "v1", Resource: "secrets"},
		&akohubv1.WatchKind{Version: "v1", Resource: "nodes"},
	)
	if o.Pods {
		p.Kinds = append(p.Kinds, &akohubv1.WatchKind{Version: "v1", Resource: "pods"})
	}
	p.Kinds = append(p.Kinds, o.More...)
	return p
}

// planned says whether a plan has a kind.
func planned(p *akohubv1.WatchPlan, kind string) bool {
	return slices.ContainsFunc(p.GetKinds(), func(k *akohubv1.WatchKind) bool {
		return kinds.Of(k.GetGroup(), k.GetResource()) == kind
	})
}
