package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/explain"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// What a claim is noted with that is not served though no problem says why.
const (
	noteDeleting = "the object is being deleted"
	noteForeign  = "its class or its namespace is not given to this hub"
	noteWaiting  = "the hub waits for the cluster's agent"
	noteOthers   = "the hub has not seen yet what the other clusters' VIPs carry"
	noteLeaving  = "the cluster is in mode offboard, in which nothing is served"
)

// claims returns what Kubernetes objects ask for of a unit, the oldest first.
func (e *explainer) claims(u translate.UnitKey) []explain.Claim {
	var refs []mirror.Ref
	switch u.Kind {
	case translate.UnitHost:
		return e.hostClaims(u)
	case translate.UnitIngress:
		refs = append(refs, mirror.Ref{Kind: kinds.Ingress, Namespace: u.Namespace, Name: u.Name})
	case translate.UnitHostlessRoute:
		refs = append(refs, mirror.Ref{Kind: kinds.Route, Namespace: u.Namespace, Name: u.Name})
	case translate.UnitL4:
		refs = append(refs, mirror.Ref{Kind: kinds.Service, Namespace: u.Namespace, Name: u.Name})
	case translate.UnitL4Shared:
		refs = e.sharers(u)
	}
	var out []explain.Claim
	for _, ref := range refs {
		if c, ok := e.claim(u, ref); ok {
			if ing, ok := e.v.Ingress(ref.Namespace, ref.Name); ok && ref.Kind == kinds.Ingress {
				c.Paths = fallbackPath(ing)
				stand(&c, explain.Owner, "")
			}
			out = append(out, c)
		}
	}
	return out
}

// sharers are the Services that a unit says something about.
func (e *explainer) sharers(u translate.UnitKey) []mirror.Ref {
	set := map[mirror.Ref]struct{}{}
	f := e.fragment(u)
	for _, p := range f.Publications {
		set[p.Object] = struct{}{}
	}
	for _, p := range f.Problems {
		set[p.Object] = struct{}{}
	}
	out := make([]mirror.Ref, 0, len(set))
	for ref := range set {
		out = append(out, ref)
	}
	slices.SortFunc(out, compareRefs)
	return out
}

func (e *explainer) fragment(u translate.UnitKey) translate.Fragment {
	if e.m == nil {
		return translate.Fragment{}
	}
	return e.m.fragments[u]
}

// claim is an object's claim on a unit without its paths; false: it isn't there.
func (e *explainer) claim(u translate.UnitKey, ref mirror.Ref) (explain.Claim, bool) {
	o := e.object(ref)
	if o == nil {
		return explain.Claim{}, false
	}
	c := explain.Claim{Object: *o}
	c.Problems = nil
	f := e.fragment(u)
	for _, p := range f.Problems {
		if p.Object == ref {
			c.Problems = append(c.Problems, explain.Problem{Reason: p.Reason, Message: p.Message})
		}
	}
	yields := e.m != nil && e.m.hasYielded(u)
	if yields {
		c.Problems = append(c.Problems, e.barriers(u, ref)...)
	}
	_, published := publicationOf(f, ref)
	c.Served = published && !yields
	switch {
	case c.Served || len(c.Problems) > 0:
	case e.w.removing():
		c.Note = noteLeaving
	case e.m != nil && e.m.barred(u):
		// Else there would be a problem.
		c.Note = noteOthers
	case !e.w.opened[groupOf(u.Kind)]:
		c.Note = noteWaiting
	case e.deleting(ref):
		c.Note = noteDeleting
	default:
		c.Note = noteForeign
	}
	return c, true
}

// barriers are what keeps a unit as a whole from being served: a name that
// another unit has, a limit of the registration, another cluster's claim.
func (e *explainer) barriers(u translate.UnitKey, ref mirror.Ref) []explain.Problem {
	var out []explain.Problem
	if _, late := e.m.yielded[unitOwner(u)]; late {
		for _, p := range e.m.collisions(ref) {
			if p.Reason == reasonCollision {
				out = append(out, explain.Problem{Reason: p.Reason, Message: p.Message})
			}
		}
	}
	for _, b := range e.m.bars.of(u, ref, e.m.bars.asked[u]) {
		out = append(out, explain.Problem{Reason: b.reason, Message: b.message})
	}
	return out
}

func publicationOf(f translate.Fragment, ref mirror.Ref) (translate.Publication, bool) {
	i := slices.IndexFunc(f.Publications, func(p translate.Publication) bool { return p.Object == ref && p.Refused == "" })
	if i < 0 {
		return translate.Publication{}, false
	}
	return f.Publications[i], true
}

func (e *explainer) deleting(ref mirror.Ref) bool {
	switch ref.Kind {
	case kinds.Service:
		o, _ := e.v.Service(ref.Namespace, ref.Name)
		return o.Body.GetMeta().GetDeleting()
	case kinds.Route:
		o, _ := e.v.Route(ref.Namespace, ref.Name)
		return o.Body.GetMeta().GetDeleting()
	}
	o, _ := e.v.Ingress(ref.Namespace, ref.Name)
	return o.Body.GetMeta().GetDeleting()
}

// hostClaim is a claim on a host, with the object that has it.
type hostClaim struct {
	explain.Claim
	ref mirror.Ref
}

// asker is an object that asks for a host, with its paths there.
type asker struct {
	ref     mirror.Ref
	created int64
	paths   []explain.Path
}

// askers returns the objects that ask for a host.
func (e *explainer) askers(u translate.UnitKey, f translate.Fragment) []asker {
	if e.m != nil && e.m.settings.OpenShift {
		return e.askingRoutes(u, f)
	}
	ings := slices.Clone(e.v.IngressesOfHost(u.Name))
	for _, d := range f.Deps {
		// A host that was generated stands in no rule.
		if d.Kind != kinds.Ingress || d.Name == "" || slices.ContainsFunc(ings, func(o mirror.Object[*akohubv1.Ingress]) bool { return o.Ref == d }) {
			continue
		}
		if ing, ok := e.v.Ingress(d.Namespace, d.Name); ok && len(rulesFor(ing, u.Name)) > 0 {
			ings = append(ings, ing)
		}
	}
	out := make([]asker, 0, len(ings))
	for _, ing := range ings {
		out = append(out, asker{ing.Ref, ing.Body.GetMeta().GetCreationSeconds(), pathsOf(ing, u.Name)})
	}
	return out
}

// hostClaims returns the claims on a host, the oldest first, with what became of
// their paths.
func (e *explainer) hostClaims(u translate.UnitKey) []explain.Claim {
	f := e.fragment(u)
	askers := e.askers(u, f)
	slices.SortFunc(askers, func(a, b asker) int { return cmp.Or(cmp.Compare(a.created, b.created), compareRefs(a.ref, b.ref)) })
	all := make([]*hostClaim, 0, len(askers))
	for _, a := range askers {
		c, ok := e.claim(u, a.ref)
		if !ok {
			continue
		}
		hc := &hostClaim{Claim: c, ref: a.ref}
		hc.Paths = a.paths
		all = append(all, hc)
	}
	e.settlePaths(u.Name, all)
	out := make([]explain.Claim, 0, len(all))
	for _, c := range all {
		out = append(out, c.Claim)
	}
	return out
}

// settlePaths says which claim has which path.
func (e *explainer) settlePaths(host string, claims []*hostClaim) {
	var standings map[translate.PathClaim]translate.PathStanding
	if e.m != nil {
		standings = translate.PathStandings(e.v, &e.m.settings, host)
	}
	for _, c := range claims {
		for i := range c.Paths {
			p := &c.Paths[i]
			st, served := standings[translate.PathClaim{Object: c.ref, Path: p.Path, Exact: p.Type == "Exact"}]
			switch {
			case !c.Served || !served:
				p.Standing = explain.NotServed
			case st.Shared:
				p.Standing = explain.Shared
			case st.Owner == c.ref:
				p.Standing = explain.Owner
			default:
				p.Standing, p.LostTo = explain.Lost, objectName(st.Owner)
			}
		}
	}
}

func stand(c *explain.Claim, s explain.Standing, lostTo string) {
	if !c.Served {
		s, lostTo = explain.NotServed, ""
	}
	for i := range c.Paths {
		c.Paths[i].Standing, c.Paths[i].LostTo = s, lostTo
	}
}

// rulesFor returns the rules of an Ingress for a host, counted from 1: those
// that name it, and those without host if it was generated from the Ingress.
func rulesFor(ing mirror.Object[*akohubv1.Ingress], host string) map[int]*akohubv1.IngressRule {
	out := map[int]*akohubv1.IngressRule{}
	generated := strings.HasPrefix(host, ing.Ref.Name+"."+ing.Ref.Namespace+".")
	for i, r := range ing.Body.GetRules() {
		if r.GetHost() == host || r.GetHost() == "" && generated {
			out[i+1] = r
		}
	}
	return out
}

// pathsOf returns the paths of an Ingress for a host. What none of them matches
// goes to the default backend.
func pathsOf(ing mirror.Object[*akohubv1.Ingress], host string) []explain.Path {
	var out []explain.Path
	rules := rulesFor(ing, host)
	takesAll := false
	for i := range ing.Body.GetRules() {
		for _, p := range rules[i+1].GetPaths() {
			out = append(out, explain.Path{Rule: i + 1, Path: p.GetPath(), Type: p.GetPathType(), Backend: backendText(ing.Ref.Namespace, p.GetBackend())})
			takesAll = takesAll || p.GetPath() == "" || p.GetPath() == "/" && p.GetPathType() != "Exact"
		}
	}
	if !takesAll {
		out = append(out, fallbackPath(ing)...)
	}
	return out
}

func fallbackPath(ing mirror.Object[*akohubv1.Ingress]) []explain.Path {
	b := ing.Body.GetDefaultBackend()
	if b.GetServiceName() == "" {
		return nil
	}
	return []explain.Path{{Backend: backendText(ing.Ref.Namespace, b)}}
}

func backendText(namespace string, b *akohubv1.IngressBackend) string {
	if b.GetServiceName() == "" {
		return "resource " + b.GetResource()
	}
	port := b.GetPortName()
	if port == "" {
		port = fmt.Sprint(b.GetPortNumber())
	}
	return namespace + "/" + b.GetServiceName() + ":" + port
}
