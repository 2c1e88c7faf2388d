package writeback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// fieldManager names us in an object's managed fields.
const fieldManager = "akohub-agent"

var errOtherUID = errors.New("an object of this name exists, but it is another one")

// once reads the object, writes what differs, and records the Event.
func (w *Writer) once(ctx context.Context, b *akohubv1.WriteBack) (akohubv1.WriteBackResult_Outcome, error) {
	o := b.GetObject()
	m, err := resolve(w.cfg.Mapper, o.GetKind())
	if err != nil {
		return outcomeOf(err), err
	}
	if b.GetLoadBalancer() != nil && o.GetKind() != kinds.Ingress && o.GetKind() != kinds.Service {
		return failed, fmt.Errorf("%s have no load-balancer status", o.GetKind())
	}
	if b.GetRoute() != nil && (o.GetKind() != kinds.Route || b.GetRoute().GetRouterName() == "") {
		return failed, fmt.Errorf("a status of Routes needs a Route and a router's name, and not %s", o.GetKind())
	}
	var res dynamic.ResourceInterface = w.cfg.Dynamic.Resource(m.resource)
	if o.GetNamespace() != "" {
		res = w.cfg.Dynamic.Resource(m.resource).Namespace(o.GetNamespace())
	}
	live, err := res.Get(ctx, o.GetName(), metav1.GetOptions{})
	if err != nil {
		return outcomeOf(err), fmt.Errorf("read the object: %w", err)
	}
	if string(live.GetUID()) != o.GetUid() {
		return gone, errOtherUID
	}
	outcome := unchanged
	patch := statusPatch(live, b.GetLoadBalancer())
	if patch == nil {
		patch = routePatch(live, b.GetRoute(), w.cfg.Now())
	}
	if patch != nil {
		if live, err = apply(ctx, res, live, patch, "status"); err != nil {
			return outcomeOf(err), fmt.Errorf("patch the status: %w", err)
		}
		outcome = applied
	}
	if patch := annotationPatch(live, b.GetAnnotations()); patch != nil {
		if _, err = apply(ctx, res, live, patch); err != nil {
			return outcomeOf(err), fmt.Errorf("patch the annotations: %w", err)
		}
		outcome = applied
	}
	if e := b.GetEvent(); e != nil {
		w.cfg.Events.record(m, o, e)
		outcome = applied
	}
	return outcome, nil
}

// apply sends a merge patch that holds only for the version that was read.
func apply(ctx context.Context, res dynamic.ResourceInterface, live *unstructured.Unstructured, patch map[string]any, subresource ...string) (*unstructured.Unstructured, error) {
	md, _ := patch["metadata"].(map[string]any)
	if md == nil {
		md = map[string]any{}
		patch["metadata"] = md
	}
	md["resourceVersion"] = live.GetResourceVersion()
	raw, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return res.Patch(ctx, live.GetName(), types.MergePatchType, raw, metav1.PatchOptions{FieldManager: fieldManager}, subresource...)
}

type address struct{ ip, hostname string }

// statusPatch returns the patch that makes status.loadBalancer as wanted, or
// nil when it is so. Entries that stay keep what else they have (ipMode, ports).
func statusPatch(live *unstructured.Unstructured, want *akohubv1.LoadBalancerStatus) map[string]any {
	if want == nil {
		return nil
	}
	// An unexpected form reads as empty, and is then written as it should be.
	have, _, _ := unstructured.NestedSlice(live.Object, "status", "loadBalancer", "ingress")
	old := make(map[address]map[string]any, len(have))
	for _, h := range have {
		if m, ok := h.(map[string]any); ok {
			ip, _ := m["ip"].(string)
			name, _ := m["hostname"].(string)
			old[address{ip, name}] = m
		}
	}
	seen := make(map[address]bool, len(want.GetIngress()))
	list := make([]any, 0, len(want.GetIngress()))
	same := true
	for _, in := range want.GetIngress() {
		a := address{in.GetIp(), in.GetHostname()}
		if seen[a] || a == (address{}) {
			continue
		}
		seen[a] = true
		if m := old[a]; m != nil {
			list = append(list, m)
			continue
		}
		same = false
		entry := map[string]any{}
		if a.ip != "" {
			entry["ip"] = a.ip
		}
		if a.hostname != "" {
			entry["hostname"] = a.hostname
		}
		list = append(list, entry)
	}
	// Order does not matter to anyone who reads the status.
	if same && len(seen) == len(have) {
		return nil
	}
	var value any = list
	if len(list) == 0 {
		value = nil
	}
	return map[string]any{"status": map[string]any{"loadBalancer": map[string]any{"ingress": value}}}
}

// annotationPatch returns the patch that makes annotations as wanted, or nil
// when they are so.
func annotationPatch(live *unstructured.Unstructured, want *akohubv1.AnnotationPatch) map[string]any {
	have := live.GetAnnotations()
	change := map[string]any{}
	remove := append([]string(nil), want.GetRemove()...)
	sort.Strings(remove)
	for _, name := range remove {
		if _, ok := have[name]; ok {
			change[name] = nil
		}
	}
	// A name that is both removed and set is set.
	for name, value := range want.GetSet() {
		if old, ok := have[name]; !ok || old != value {
			change[name] = value
		} else {
			delete(change, name)
		}
	}
	if len(change) == 0 {
		return nil
	}
	return map[string]any{"metadata": map[string]any{"annotations": change}}
}
