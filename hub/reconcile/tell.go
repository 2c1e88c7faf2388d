package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/hub/feedback"
	"github.com/akohub/akohub/hub/mirror"
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
	reasonTenant  = "TenantMissing"
)

// confirmWithin is how long a write-back may take to show in the mirror before
// the same is written again.
const confirmWithin = 5 * time.Second

// addressWithin is after how long a VIP without address is looked at again.
const addressWithin = 10 * time.Second

// telling is what is known of the write-backs for one object.
type telling struct {
	uid string
	// flying counts those that the agent has not answered yet. What is to be
	// said in the meantime waits for it (again).
	flying int
	again  bool
	// sent is the status and the annotations that were last written, at; nil
	// once the object shows them.
	sent *akohubv1.WriteBack
	at   time.Time
	// shown are the entries that were last written into the status.
	shown []*akohubv1.LoadBalancerIngress
	// warned are the problems that were told and still stand.
	warned map[string]struct{}
	// lost is set while the last write-back failed.
	lost failure
}

func (t *telling) idle() bool {
	return t.flying == 0 && !t.again && t.sent == nil && len(t.shown) == 0 && len(t.warned) == 0 && !t.lost.waits()
}

// lookAtMarked notes the objects that carry an earlier write-back, so that a
// mark nothing stands behind any more is taken away.
//
// A mark in a namespace that is not this registration's is another's, unless it
// names a virtual service of this one: the namespace was this one's earlier.
func (w *worker) lookAtMarked(v mirror.View, g group) {
	var held *traces
	look := func(ref mirror.Ref, annotations map[string]string) {
		current := feedback.Current{Annotations: annotations}
		if !current.Ours() {
			return
		}
		w.news[ref] = struct{}{}
		if translate.Accepts(v, &w.model.settings, ref.Namespace) {
			return
		}
		if held == nil {
			x := tracesOf(w.observed)
			held = &x
		}
		if held.marked(current) {
			w.told[ref] = struct{}{}
		}
	}
	router := w.router()
	switch g {
	case groupHosts:
		for _, o := range v.Ingresses() {
			look(o.Ref, o.Body.GetMeta().GetAnnotations())
		}
		for _, o := range v.Routes() {
			if routeShows(o.Body).Shows(router) {
				w.news[o.Ref] = struct{}{}
			}
		}
	case groupServices:
		for _, o := range v.Services() {
			look(o.Ref, o.Body.GetMeta().GetAnnotations())
		}
	}
}

// retellAll has everything looked at about which something is or was said.
func (w *worker) retellAll() {
	if w.model == nil {
		return
	}
	for ref := range w.model.tellers {
		w.news[ref], w.told[ref] = struct{}{}, struct{}{}
	}
	for ref := range w.tellings {
		w.news[ref], w.told[ref] = struct{}{}, struct{}{}
	}
	w.mirror.Read(func(v mirror.View) {
		for _, g := range groups {
			w.lookAtMarked(v, g)
		}
	})
}

// canTell says that enough is known of the controller to say anything.
func (w *worker) canTell() bool { return w.removing() || w.model != nil && w.facts != nil }

// tell sends the write-backs for the objects that have news, and for those that
// are due to be looked at again.
func (w *worker) tell(reg *v1alpha1.Cluster) {
	if w.removing() {
		w.tellGone()
		return
	}
	if !w.canTell() {
		return
	}
	if !writes(reg.Spec.Mode) {
		// The mode that writes looks at everything.
		w.news = emptied(w.news)
		w.told = emptied(w.told)
		w.later = emptied(w.later)
		return
	}
	now := w.now()
	for ref, at := range w.later {
		if !now.Before(at) {
			w.news[ref] = struct{}{}
			delete(w.later, ref)
		}
	}
	if len(w.news) == 0 {
		return
	}
	refs := make([]mirror.Ref, 0, len(w.news))
	for r := range w.news {
		refs = append(refs, r)
	}
	w.news = emptied(w.news)
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
	t := w.tellings[ref]
	if !ok || t != nil && t.uid != uid {
		// Gone, or another one of the same name: nothing was told that.
		delete(w.tellings, ref)
		delete(w.later, ref)
		w.model.marksAreGone(ref)
		t = nil
	}
	if !ok {
		delete(w.told, ref)
		return nil
	}
	if !w.opened[groupOfKind(ref.Kind)] {
		// Before an object's group has been translated, nothing is known of it.
		w.news[ref] = struct{}{}
		return nil
	}
	if t == nil {
		t = &telling{uid: uid}
	}
	if t.flying > 0 {
		t.again = true
		return nil
	}
	object := &akohubv1.ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Uid: uid}
	var out []*akohubv1.WriteBack
	pubs := w.model.publications(ref)
	switch {
	case len(pubs) == 0 && w.held && w.showsOurs(t, current):
		// What it shows is served until the deletion is approved.
		w.news[ref] = struct{}{}
	case len(pubs) > 0 || !w.anothers(v, ref, t, current):
		if wb := w.statusOf(object, ref, t, pubs, current); wb != nil {
			out = append(out, wb)
		} else {
			delete(w.told, ref)
		}
	}
	out = append(out, w.warnings(object, ref, t, pubs)...)
	if t.flying = len(out); t.idle() {
		delete(w.tellings, ref)
	} else {
		w.tellings[ref] = t
	}
	return out
}

// showsOurs says that an object shows something that was told from here.
func (w *worker) showsOurs(t *telling, current feedback.Current) bool {
	return current.Ours() || len(t.shown) > 0 || len(w.router().Own(current.Admissions)) > 0
}

// anothers says that what an object shows is for another registration to say:
// its namespace is not this one's, and nothing was told of it from here. Several
// registrations may be of one cluster, each with its namespaces
// (l4-infra.md §2.19).
func (w *worker) anothers(v mirror.View, ref mirror.Ref, t *telling, current feedback.Current) bool {
	if translate.Accepts(v, &w.model.settings, ref.Namespace) || len(w.router().Own(current.Admissions)) > 0 {
		return false
	}
	_, told := w.told[ref]
	return !told && t.sent == nil && len(t.shown) == 0
}

func (w *worker) statusOf(object *akohubv1.ObjectRef, ref mirror.Ref, t *telling, pubs []translate.Publication, current feedback.Current) *akohubv1.WriteBack {
	wb, err := w.writeOf(object, t, pubs, current)
	if err != nil {
		w.log.Error("cannot say what to write on the object", "kind", ref.Kind, "namespace", ref.Namespace, "name", ref.Name, "error", err)
		return nil
	}
	wb = feedback.Mark(wb, object, w.model.marks(ref), current)
	if wb == nil {
		w.model.marksAreGone(ref)
		t.sent = nil
		if len(pubs) == 0 {
			t.shown = nil
		}
		return nil
	}
	now := w.now()
	if t.sent != nil && proto.Equal(t.sent, wb) && now.Before(t.at.Add(confirmWithin)) {
		// It was written, and the mirror does not know yet.
		w.later[ref] = t.at.Add(confirmWithin)
		return nil
	}
	t.sent, t.at = proto.CloneOf(wb), now
	if s := wb.GetLoadBalancer(); s != nil {
		t.shown = nil
		if len(pubs) > 0 {
			t.shown = s.GetIngress()
		}
		wb.Event = w.normalEvent(pubs, current)
	}
	if s := wb.GetRoute(); s != nil {
		wb.Event = w.routeEvent(s, pubs, current)
	}
	return wb
}

// writeOf is the write of what an object shows of what is served for it; nil:
// it shows that already, or what it shows is to stay.
func (w *worker) writeOf(object *akohubv1.ObjectRef, t *telling, pubs []translate.Publication, current feedback.Current) (*akohubv1.WriteBack, error) {
	entries := make([]feedback.Entry, 0, len(pubs))
	for _, p := range pubs {
		if p.Keep || w.unseen(p) {
			return nil, nil
		}
		entries = append(entries, w.entryOf(p))
	}
	if object.GetKind() == kinds.Route {
		return feedback.ForRoute(object, w.router(), entries, w.facts.ClusterUUID, current)
	}
	return feedback.For(object, entries, w.facts.ClusterUUID, current, t.shown)
}

// unseen says that it is not known whether anything serves a publication, since
// its tenant could not be read. What it had in a tenant before may serve it still.
func (w *worker) unseen(p translate.Publication) bool {
	k := p.VirtualService
	return k.Tenant != "" && !w.loaded[k.Tenant] && w.observed[k] == nil
}

// router is who the hub is to Routes.
func (w *worker) router() feedback.Router { return feedback.Router(w.model.settings.CreatedBy()) }

// normalEvent is the Event that goes with a changed status; nil: none.
func (w *worker) normalEvent(pubs []translate.Publication, current feedback.Current) *akohubv1.ObjectEvent {
	e := &akohubv1.ObjectEvent{Severity: akohubv1.ObjectEvent_SEVERITY_NORMAL}
	switch {
	case !w.inForce.Spec.Events.Normal:
		return nil
	case len(pubs) == 0:
		e.Reason, e.Message = reasonRemoved, "Removed the virtual service of the object"
	case len(current.Status) == 0:
		e.Reason, e.Message = reasonSynced, syncedMessage(pubs)
	default:
		return nil
	}
	return e
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
	return "Added virtualservice " + truncate(strings.Join(parts, ", "), 950)
}

// entryOf looks up what the controller holds of a publication.
func (w *worker) entryOf(p translate.Publication) feedback.Entry {
	e := feedback.Entry{Host: p.Host, Tenant: p.VirtualService.Tenant, Status: p.Status, Annotate: p.Annotate, Refused: p.Refused}
	vs, ok := w.observed[p.VirtualService]
	if !ok {
		return e
	}
	e.VirtualServiceUUID = vs.UUID
	if vip, ok := w.observed[p.VsVip]; ok {
		if e.Addresses = addresses(vip.Body); len(e.Addresses) == 0 {
			// It may be allocated a moment later than the answer.
			w.readAgainBy(w.now().Add(addressWithin))
		}
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

// shows returns what an object shows now, and whether it is there.
func shows(v mirror.View, ref mirror.Ref) (uid string, c feedback.Current, ok bool) {
	switch ref.Kind {
	case kinds.Ingress:
		o, ok := v.Ingress(ref.Namespace, ref.Name)
		return o.UID, feedback.Current{Status: o.Body.GetStatus(), Annotations: o.Body.GetMeta().GetAnnotations()}, ok
	case kinds.Service:
		o, ok := v.Service(ref.Namespace, ref.Name)
		return o.UID, feedback.Current{Status: o.Body.GetStatus(), Annotations: o.Body.GetMeta().GetAnnotations()}, ok
	case kinds.Route:
		o, ok := v.Route(ref.Namespace, ref.Name)
		return o.UID, routeShows(o.Body), ok
	case kinds.IngressClass:
		o, ok := v.IngressClass(ref.Name)
		return o.UID, feedback.Current{}, ok
	case kinds.Node:
		o, ok := v.Node(ref.Name)
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
	switch kind {
	case kinds.Service:
		return groupServices
	case kinds.Node:
		return groupRoutes
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
