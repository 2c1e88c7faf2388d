package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/feedback"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Reasons of the Events that the hub has written beside those of translation.
const (
	reasonSynced  = "Synced"
	reasonRemoved = "Removed"
	reasonRefused = "AviRefused"
)

// lookAtMarked notes the objects that carry an earlier write-back, so that a
// mark nothing stands behind any more is taken away.
func (w *worker) lookAtMarked(v mirror.View, g group, d *delta) {
	mark := func(ref mirror.Ref, annotations map[string]string) {
		if (feedback.Current{Annotations: annotations}).Ours() {
			d.told[ref] = struct{}{}
		}
	}
	switch g {
	case groupHosts:
		for _, o := range v.Ingresses() {
			mark(o.Ref, o.Body.GetMeta().GetAnnotations())
		}
	case groupServices:
		for _, o := range v.Services() {
			mark(o.Ref, o.Body.GetMeta().GetAnnotations())
		}
	}
}

// tell sends the write-backs for the objects that have news, and for those whose
// last write-back failed and is due.
func (w *worker) tell(reg *v1alpha1.Cluster, told map[mirror.Ref]struct{}) {
	if !writes(reg.Spec.Mode) {
		return
	}
	now := w.now()
	w.mu.Lock()
	for ref, f := range w.untold {
		if !now.Before(f.next) {
			told[ref] = struct{}{}
		}
	}
	w.mu.Unlock()
	refs := make([]mirror.Ref, 0, len(told))
	for r := range told {
		refs = append(refs, r)
	}
	slices.SortFunc(refs, compareRefs)
	var out []*akohubv1.WriteBack
	w.mirror.Read(func(v mirror.View) {
		for _, ref := range refs {
			out = append(out, w.tellOne(v, ref)...)
		}
	})
	for _, wb := range out {
		w.send(wb)
	}
}

// tellOne returns the write-backs for one object: its status and annotations,
// and an Event for each problem that was not told yet.
func (w *worker) tellOne(v mirror.View, ref mirror.Ref) []*akohubv1.WriteBack {
	uid, current, ok := shows(v, ref)
	if !ok {
		delete(w.written, ref)
		delete(w.warned, ref)
		w.mu.Lock()
		delete(w.untold, ref)
		w.mu.Unlock()
		return nil
	}
	object := &akohubv1.ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Uid: uid}
	var out []*akohubv1.WriteBack
	pubs := w.model.publications(ref)
	if wb := w.statusOf(object, ref, pubs, current); wb != nil {
		out = append(out, wb)
	}
	return append(out, w.warnings(object, ref, pubs)...)
}

func (w *worker) statusOf(object *akohubv1.ObjectRef, ref mirror.Ref, pubs []translate.Publication, current feedback.Current) *akohubv1.WriteBack {
	// Before the group of an object has been translated, nothing is known of it.
	if g := groupOfKind(ref.Kind); !w.opened[g] {
		return nil
	}
	entries := make([]feedback.Entry, 0, len(pubs))
	for _, p := range pubs {
		entries = append(entries, w.entryOf(p))
	}
	_, written := w.written[ref]
	wb, err := feedback.For(object, entries, w.facts.ClusterUUID, current, written)
	if err != nil {
		w.log.Error("cannot say what to write on the object", "kind", ref.Kind, "namespace", ref.Namespace, "name", ref.Name, "error", err)
		return nil
	}
	if wb == nil {
		return nil
	}
	if s := wb.GetLoadBalancer(); s != nil {
		if len(s.GetIngress()) > 0 {
			w.written[ref] = struct{}{}
			if len(current.Status) == 0 {
				wb.Event = &akohubv1.ObjectEvent{Severity: akohubv1.ObjectEvent_SEVERITY_NORMAL, Reason: reasonSynced, Message: syncedMessage(pubs)}
			}
		} else {
			delete(w.written, ref)
			wb.Event = &akohubv1.ObjectEvent{Severity: akohubv1.ObjectEvent_SEVERITY_NORMAL, Reason: reasonRemoved, Message: "Removed the virtual service of the object"}
		}
	}
	return wb
}

func syncedMessage(pubs []translate.Publication) string {
	var parts []string
	for _, p := range pubs {
		part := p.VirtualService.Name
		if p.Host != "" {
			part += " for " + p.Host
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	// An Event's message is limited to 1024 bytes.
	if len(parts) > 5 {
		parts = append(parts[:5], fmt.Sprintf("and %d more", len(parts)-5))
	}
	return "Added virtualservice " + strings.Join(parts, ", ")
}

// entryOf looks up what the controller holds of a publication.
func (w *worker) entryOf(p translate.Publication) feedback.Entry {
	e := feedback.Entry{Host: p.Host, Tenant: p.VirtualService.Tenant, Status: p.Status, Annotate: p.Annotate}
	vs, ok := w.observed[p.VirtualService]
	if !ok {
		return e
	}
	e.VirtualServiceUUID = vs.UUID
	if vip, ok := w.observed[p.VsVip]; ok {
		e.Addresses = addresses(vip.Body)
	}
	return e
}

// addresses reads a VsVip's addresses: the floating ones if there are any, else
// the IPv4 addresses followed by the IPv6 ones (l7.md §22.1).
func addresses(body map[string]any) []string {
	var floating, v4, v6 []string
	vips, _ := body["vip"].([]any)
	for _, item := range vips {
		vip, _ := item.(map[string]any)
		take := func(field string, to *[]string) {
			ip, _ := vip[field].(map[string]any)
			if addr, _ := ip["addr"].(string); addr != "" {
				*to = append(*to, addr)
			}
		}
		take("floating_ip", &floating)
		take("floating_ip6", &floating)
		take("ip_address", &v4)
		take("ip6_address", &v6)
	}
	if len(floating) > 0 {
		return floating
	}
	return append(v4, v6...)
}

// warnings returns an Event for each problem of the object that was not told.
func (w *worker) warnings(object *akohubv1.ObjectRef, ref mirror.Ref, pubs []translate.Publication) []*akohubv1.WriteBack {
	type warning struct{ reason, message string }
	var now []warning
	for _, p := range w.model.problems(ref) {
		now = append(now, warning{p.Reason, p.Message})
	}
	for k, err := range w.refusals(ref, pubs) {
		now = append(now, warning{reasonRefused, fmt.Sprintf("%s %q: %s", k.Type, k.Name, err)})
	}
	slices.SortFunc(now, func(a, b warning) int {
		return cmp.Or(cmp.Compare(a.reason, b.reason), cmp.Compare(a.message, b.message))
	})
	before := w.warned[ref]
	delete(w.warned, ref)
	var out []*akohubv1.WriteBack
	for _, x := range now {
		id := x.reason + "\n" + x.message
		if w.warned[ref] == nil {
			w.warned[ref] = map[string]struct{}{}
		}
		if _, done := w.warned[ref][id]; done {
			continue
		}
		w.warned[ref][id] = struct{}{}
		if _, done := before[id]; done {
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

// send hands a write-back to the agent and notes what becomes of it.
func (w *worker) send(wb *akohubv1.WriteBack) {
	ref := mirror.Ref{Kind: wb.GetObject().GetKind(), Namespace: wb.GetObject().GetNamespace(), Name: wb.GetObject().GetName()}
	log := w.log.With("kind", ref.Kind, "namespace", ref.Namespace, "name", ref.Name)
	statusToo := wb.GetLoadBalancer() != nil || wb.GetAnnotations() != nil
	w.agents.Send(w.cluster, wb, func(r *akohubv1.WriteBackResult, err error) {
		outcome := r.GetOutcome()
		w.metrics.writeBack(w.cluster, outcome, err)
		ok := err == nil && (outcome == akohubv1.WriteBackResult_OUTCOME_APPLIED ||
			outcome == akohubv1.WriteBackResult_OUTCOME_UNCHANGED || outcome == akohubv1.WriteBackResult_OUTCOME_GONE)
		w.mu.Lock()
		defer w.mu.Unlock()
		if ok || !statusToo {
			if ok && statusToo {
				delete(w.untold, ref)
			}
			return
		}
		if err == nil {
			err = fmt.Errorf("%s: %s", strings.ToLower(strings.TrimPrefix(outcome.String(), "OUTCOME_")), r.GetMessage())
		}
		f := w.untold[ref]
		if f == nil {
			f = &failure{}
			w.untold[ref] = f
		}
		f.again(w.now(), err)
		log.Warn("write-back failed; it is repeated", "error", err)
		w.kick()
	})
}

// shows returns what an object shows now, and whether it is there.
func shows(v mirror.View, ref mirror.Ref) (uid string, c feedback.Current, ok bool) {
	switch ref.Kind {
	case kinds.Ingress:
		o, ok := v.Ingress(ref.Namespace, ref.Name)
		return o.UID, feedback.Current{Status: o.Body.GetStatus(), Annotations: o.Body.GetMeta().GetAnnotations()}, ok
	case kinds.Service:
		o, ok := v.Service(ref.Namespace, ref.Name)
		return o.UID, feedback.Current{Status: o.Body.GetStatus(), Annotations: o.Body.GetMeta().GetAnnotations()}, ok
	case kinds.IngressClass:
		o, ok := v.IngressClass(ref.Name)
		return o.UID, feedback.Current{}, ok
	case kinds.Secret:
		o, ok := v.Secret(ref.Namespace, ref.Name)
		return o.UID, feedback.Current{}, ok
	case kinds.Namespace:
		o, ok := v.Namespace(ref.Name)
		return o.UID, feedback.Current{}, ok
	}
	return "", feedback.Current{}, false
}

func groupOfKind(kind string) group {
	if kind == kinds.Service {
		return groupServices
	}
	return groupHosts
}

func compareRefs(a, b mirror.Ref) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
