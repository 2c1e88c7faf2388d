package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/explain"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

const (
	// explainWithin is how long a worker that is in the middle of a cycle is
	// waited for.
	explainWithin = 15 * time.Second
	// explainAtOnce bounds how many clusters are asked at the same time.
	explainAtOnce = 16
)

// Explain says what the hub knows of a host in all clusters, or of an Ingress,
// Route or Service of one, and asks the controllers how the virtual services and
// pools fare. Nothing else is read and nothing changes. The error is
// explain.ErrUnknown if nothing is known of it.
func (m *Manager) Explain(ctx context.Context, q explain.Query) (explain.Answer, error) {
	workers, err := m.asked(q)
	if err != nil {
		return explain.Answer{}, err
	}
	a := explain.Answer{Query: q, At: m.cfg.Clock(), Clusters: []explain.Cluster{}}
	found := make([]*explain.Cluster, len(workers))
	failed := make([]error, len(workers))
	var g errgroup.Group
	g.SetLimit(explainAtOnce)
	for i, w := range workers {
		g.Go(func() error {
			found[i], failed[i] = w.explainSoon(ctx, q)
			return nil
		})
	}
	_ = g.Wait() // errors are answers here
	if err := ctx.Err(); err != nil {
		return explain.Answer{}, err
	}
	for i, w := range workers {
		if found[i] != nil {
			g.Go(func() error {
				addRuntime(ctx, w.ctl, found[i])
				return nil
			})
		}
	}
	_ = g.Wait() // so they are here
	for i, w := range workers {
		switch {
		case failed[i] != nil:
			a.Unanswered = append(a.Unanswered, explain.Unanswered{Cluster: w.cluster, Error: failed[i].Error()})
		case found[i] != nil:
			a.Clusters = append(a.Clusters, *found[i])
		}
	}
	if len(a.Clusters) == 0 {
		return explain.Answer{}, nothingKnown(q, workers, a.Unanswered)
	}
	return a, nil
}

// asked returns the workers that a query is for, sorted by cluster.
func (m *Manager) asked(q explain.Query) ([]*worker, error) {
	if q.Kind != explain.Host {
		w, err := m.worker(q.Cluster)
		return []*worker{w}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]*worker, 0, len(m.running))
	for _, r := range m.running {
		out = append(out, r.worker)
	}
	slices.SortFunc(out, func(a, b *worker) int { return strings.Compare(a.cluster, b.cluster) })
	return out, nil
}

// nothingKnown says who was asked in vain, and who knows too little to tell.
func nothingKnown(q explain.Query, workers []*worker, unanswered []explain.Unanswered) error {
	var b strings.Builder
	if q.Kind == explain.Host {
		fmt.Fprintf(&b, "host %q: no cluster (of %d) has an Ingress or a Route for it, and nothing of it is left on Avi", q.Name, len(workers))
	} else {
		fmt.Fprintf(&b, "cluster %q has no %s %s/%s, and nothing of it is left on Avi", q.Cluster, title(kindOf(q)), q.Namespace, q.Name)
	}
	for _, u := range unanswered {
		fmt.Fprintf(&b, "; %s could not be asked: %s", u.Cluster, u.Error)
	}
	for _, w := range workers {
		if waits := w.snapshot().Waits; len(waits) > 0 {
			fmt.Fprintf(&b, "; %s is not fully known, since the hub waits for %s", w.cluster, strings.Join(waits, ", "))
		}
	}
	return fmt.Errorf("%w: %s", explain.ErrUnknown, b.String())
}

// kindOf is the kind of the object of a query about one.
func kindOf(q explain.Query) string {
	switch q.Kind {
	case explain.Service:
		return kinds.Service
	case explain.Route:
		return kinds.Route
	}
	return kinds.Ingress
}

// explainSoon has the worker's loop explain. The loop may get to it after the
// caller has gone.
func (w *worker) explainSoon(ctx context.Context, q explain.Query) (*explain.Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, explainWithin)
	defer cancel()
	out := make(chan *explain.Cluster, 1)
	if err := w.do(ctx, func(context.Context) { out <- w.explain(q) }); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("it is busy with the controller: %w", err)
		}
		return nil, err
	}
	return <-out, nil
}

// explain says what a cluster knows of a host or an object; nil: nothing.
func (w *worker) explain(q explain.Query) *explain.Cluster {
	st := w.snapshot()
	c := &explain.Cluster{Name: w.cluster, Tenant: st.Tenant, Mode: st.Mode, Waits: st.Waits, Held: st.Held, Error: st.Error, Units: []explain.Unit{}}
	e := &explainer{w: w, m: w.model}
	if w.held {
		e.held = st.Held
	}
	var units []translate.UnitKey
	known := false
	w.mirror.Read(func(v mirror.View) {
		e.v = v
		if q.Kind == explain.Host {
			units = []translate.UnitKey{{Kind: translate.UnitHost, Name: q.Name}}
		} else {
			ref := mirror.Ref{Kind: kindOf(q), Namespace: q.Namespace, Name: q.Name}
			units = e.unitsOf(ref)
			c.Object = e.object(ref)
		}
		e.load(units, q)
		for _, u := range units {
			unit := e.unit(u)
			known = known || len(unit.Claims)+len(unit.Objects)+len(unit.Parents) > 0
			c.Units = append(c.Units, unit)
		}
		c.Parents = e.sharedParents()
		c.Leftovers = e.leftovers()
	})
	if !known && c.Object == nil && len(c.Leftovers) == 0 {
		return nil
	}
	return c
}

// explainer explains within one look at the mirror.
type explainer struct {
	w *worker
	v mirror.View
	// m is nil as long as nothing could be translated.
	m    *model
	held string
	// parents are those that the explained units have a part in, states what
	// became of the objects that are shown, and unwanted those of them that
	// nobody wants.
	parents  []translate.ParentKey
	states   states
	unwanted []translate.Key
}

// unitsOf returns the units that serve an object: those of the hosts of an
// Ingress or a Route; that of a Service of type LoadBalancer, and those of the
// hosts that lead to a Service.
func (e *explainer) unitsOf(ref mirror.Ref) []translate.UnitKey {
	if e.m == nil {
		return nil
	}
	set := map[translate.UnitKey]struct{}{}
	candidates := translate.UnitsOf(e.v, &e.m.settings, ref)
	if ref.Kind != kinds.Route {
		// A Route that is looked at for another's sake has no part in its units.
		candidates = append(candidates, sortedUnits(e.m.users[ref])...)
	}
	ing, isIngress := e.v.Ingress(ref.Namespace, ref.Name)
	isIngress = isIngress && ref.Kind == kinds.Ingress
	for _, u := range candidates {
		switch {
		case u.Kind == translate.UnitInfra, u.Kind == translate.UnitRoutes:
		case isIngress && u.Kind == translate.UnitHost && len(rulesFor(ing, u.Name)) == 0:
			// It was looked at for another's sake.
		default:
			set[u] = struct{}{}
		}
	}
	return sortedUnits(set)
}

// object is a Kubernetes object as it stands; nil: it isn't there.
func (e *explainer) object(ref mirror.Ref) *explain.Object {
	out := &explain.Object{Kind: title(ref.Kind), Namespace: ref.Namespace, Name: ref.Name}
	var meta *akohubv1.Meta
	switch ref.Kind {
	case kinds.Ingress:
		o, ok := e.v.Ingress(ref.Namespace, ref.Name)
		if !ok {
			return nil
		}
		meta, out.Status = o.Body.GetMeta(), statusText(o.Body.GetStatus())
	case kinds.Service:
		o, ok := e.v.Service(ref.Namespace, ref.Name)
		if !ok {
			return nil
		}
		meta, out.Status = o.Body.GetMeta(), statusText(o.Body.GetStatus())
	case kinds.Route:
		o, ok := e.v.Route(ref.Namespace, ref.Name)
		if !ok {
			return nil
		}
		meta, out.Status = o.Body.GetMeta(), e.admissionText(o.Body.GetStatus())
	}
	out.Created = created(meta)
	if e.m != nil {
		for _, p := range e.m.problems(ref) {
			out.Problems = append(out.Problems, explain.Problem{Reason: p.Reason, Message: p.Message})
		}
	}
	return out
}

func created(meta *akohubv1.Meta) *time.Time {
	if meta.GetCreationSeconds() == 0 {
		return nil
	}
	t := time.Unix(meta.GetCreationSeconds(), 0).UTC()
	return &t
}

func statusText(entries []*akohubv1.LoadBalancerIngress) []string {
	var out []string
	for _, s := range entries {
		text := cmp.Or(s.GetHostname(), s.GetIp())
		if s.GetHostname() != "" && s.GetIp() != "" {
			text += "=" + s.GetIp()
		}
		out = append(out, text)
	}
	return out
}

// unit explains one unit.
func (e *explainer) unit(u translate.UnitKey) explain.Unit {
	out := explain.Unit{Kind: string(u.Kind), Namespace: u.Namespace, Name: u.Name, Claims: e.claims(u)}
	if e.m == nil {
		return out
	}
	owner := unitOwner(u)
	if err := e.m.defects[owner]; err != nil {
		out.Error = err.Error()
	}
	late, yields := e.m.yielded[owner]
	_, barred := e.m.bars.byUnit[u]
	for _, k := range sortedKeysOf(e.m.owned[owner]) {
		o := explain.AviObject{Tenant: k.Tenant, Type: k.Type, Name: k.Name, State: explain.Skipped}
		switch {
		case yields:
			o.Reason = fmt.Sprintf("the name of %s %q is another's", late.key.Type, late.key.Name)
		case barred && e.w.observed[k] == nil:
			o.Reason = "it may not be, see above"
		default:
			// What a barred unit has on the controller may be on its way out.
			o = e.states.of(k)
		}
		out.Objects = append(out.Objects, o)
	}
	if yields || barred {
		return out
	}
	for _, c := range e.m.fragments[u].Contributions {
		out.Parents = append(out.Parents, c.Parent.Name)
	}
	return out
}

// sharedParents explains the parents of the units that were loaded.
func (e *explainer) sharedParents() []explain.Parent {
	var out []explain.Parent
	for _, p := range e.parents {
		shown := explain.Parent{Tenant: p.Tenant, Name: p.Name, Units: len(e.m.parents[p]), Objects: []explain.AviObject{}}
		for _, k := range sortedKeysOf(e.m.owned[parentOwner(p)]) {
			o := e.states.of(k)
			shown.VIP = append(shown.VIP, o.Addresses...)
			shown.Objects = append(shown.Objects, o)
		}
		out = append(out, shown)
	}
	return out
}

func (e *explainer) leftovers() []explain.AviObject {
	var out []explain.AviObject
	for _, k := range e.unwanted {
		out = append(out, e.states.of(k))
	}
	return out
}
