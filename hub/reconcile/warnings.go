package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

type warning struct{ reason, message string }

func (x warning) id() string { return x.reason + "\n" + x.message }

// warnings returns an Event for each problem of the object that was not told.
func (w *worker) warnings(object *akohubv1.ObjectRef, ref mirror.Ref, t *telling, pubs []translate.Publication) []*akohubv1.WriteBack {
	var now []warning
	for _, p := range w.model.problems(ref) {
		now = append(now, warning{p.Reason, p.Message})
	}
	for k, text := range w.over {
		if obj, ok := w.model.graph.Get(k); ok && slices.Contains(obj.From, ref) {
			now = append(now, warning{reasonLimit, text})
		}
	}
	for k, text := range w.refusals(ref, pubs) {
		now = append(now, warning{reasonRefused, fmt.Sprintf("%s %q: %s", k.Type, k.Name, withRemedy(text))})
	}
	for _, p := range pubs {
		if f := w.absent[p.VirtualService.Tenant]; f != nil {
			now = append(now, absentWarning(p.VirtualService.Tenant, f.err))
		}
	}
	slices.SortFunc(now, func(a, b warning) int {
		return cmp.Or(cmp.Compare(a.reason, b.reason), cmp.Compare(a.message, b.message))
	})
	now = slices.Compact(now)
	before := t.warned
	t.warned = nil
	var out []*akohubv1.WriteBack
	for _, x := range now {
		if t.warned == nil {
			t.warned = map[string]struct{}{}
		}
		t.warned[x.id()] = struct{}{}
		if _, done := before[x.id()]; done {
			continue
		}
		out = append(out, &akohubv1.WriteBack{Object: object, Event: &akohubv1.ObjectEvent{
			Severity: akohubv1.ObjectEvent_SEVERITY_WARNING, Reason: x.reason, Message: truncate(x.message, 1000)}})
	}
	return out
}

// refusals returns, for the Avi objects that exist for a Kubernetes object, what
// the controller last refused them with.
func (w *worker) refusals(ref mirror.Ref, pubs []translate.Publication) map[plan.Key]string {
	out := map[plan.Key]string{}
	for k, r := range w.refused {
		obj, ok := w.model.graph.Get(k)
		if !ok {
			if w.keptWaiting(k, pubs) {
				out[k] = r.text
			}
			continue
		}
		if slices.Contains(obj.From, ref) {
			out[k] = r.text
			continue
		}
		for _, p := range pubs {
			if p.VirtualService == k || p.VsVip == k {
				out[k] = r.text
			}
		}
	}
	return out
}

// keptAddress is in the words with which Avi refuses another preferred address
// for a VIP that has one (l4-infra.md §1.5).
const keptAddress = "recreate the VIP"

// withRemedy adds what an owner can do about a refusal where Avi's words don't
// say it in terms of Kubernetes.
func withRemedy(text string) string {
	if strings.Contains(text, keptAddress) {
		return text + ". The address that is there goes on being served: take the wish for another one back, " +
			"or delete the object and create it again for the new address"
	}
	return text
}
