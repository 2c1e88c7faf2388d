package reconcile

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/kinds"
)

// ask is a host, and who asks for it.
type ask struct {
	host string
	// by are the objects whose it is, sorted.
	by []mirror.Ref
	// as is the claim to it.
	as claim
}

// oldest returns the claim of the oldest Kubernetes object behind a fragment.
func oldest(v mirror.View, f translate.Fragment) claim { return oldestOf(v, servedBy(f)) }

func oldestOf(v mirror.View, refs []mirror.Ref) claim {
	out := claim{created: math.MaxInt64}
	for _, r := range refs {
		if created, ok := createdOf(v, r); ok && created < out.created {
			out.created, out.by = created, objectName(r)
		}
	}
	return out
}

func objectName(r mirror.Ref) string {
	return fmt.Sprintf("%s %s/%s", title(r.Kind), r.Namespace, r.Name)
}

// askers are the objects whose a host is: those that name it, and those that it
// was generated for.
type askers struct{ named, generated map[mirror.Ref]struct{} }

// asks returns the hosts that a fragment is about, sorted. A host that somebody
// names is asked for by those who do; one that nobody names was generated.
func asks(v mirror.View, s *translate.Settings, f translate.Fragment) []ask {
	by := map[string]*askers{}
	note := func(host string, r mirror.Ref, generated bool) {
		if host = canonical(host); host == "" {
			return
		}
		if by[host] == nil {
			by[host] = &askers{map[mirror.Ref]struct{}{}, map[mirror.Ref]struct{}{}}
		}
		if generated {
			by[host].generated[r] = struct{}{}
		} else {
			by[host].named[r] = struct{}{}
		}
	}
	refs := servedBy(f)
	switch f.Unit.Kind {
	case translate.UnitL4, translate.UnitL4Shared:
		names := namesOf(f)
		for _, r := range refs {
			svc, ok := v.Service(r.Namespace, r.Name)
			if !ok || r.Kind != kinds.Service {
				continue
			}
			asked := translate.AskedNames(svc.Body.GetMeta().GetAnnotations(), names)
			for _, name := range asked {
				note(name, r, false)
			}
			if name := translate.GeneratedName(s, r.Namespace, r.Name); len(asked) == 0 && slices.Contains(names, name) {
				note(name, r, true)
			}
		}
	case translate.UnitHost:
		named := namedBy(v, f.Unit.Name)
		for _, host := range append(namesOf(f), f.Unit.Name) {
			for _, r := range refs {
				note(host, r, !named(r))
			}
		}
	case translate.UnitIngress:
		for _, host := range namesOf(f) {
			for _, r := range refs {
				note(host, r, true)
			}
		}
	}
	out := make([]ask, 0, len(by))
	for _, host := range sortedKeys(by) {
		whose := by[host].named
		if len(whose) == 0 {
			whose = by[host].generated
		}
		a := ask{host: host, by: slices.SortedFunc(maps.Keys(whose), compareRefs)}
		a.as = oldestOf(v, a.by)
		a.as.generated = len(by[host].named) == 0
		out = append(out, a)
	}
	return out
}

// namesOf returns the DNS names that a fragment has VIPs carry, as they stand.
func namesOf(f translate.Fragment) []string {
	var out []string
	for _, c := range f.Contributions {
		out = append(out, c.FQDNs...)
	}
	for _, o := range f.Objects {
		vip, ok := o.Body.(*models.VsVip)
		if !ok {
			continue
		}
		for _, info := range vip.DNSInfo {
			if info.Fqdn != nil {
				out = append(out, *info.Fqdn)
			}
		}
	}
	return out
}

// namedBy says of the objects that are served under a host whether they name it:
// for an Ingress with a rule that names none it was generated (l7.md §8.1).
func namedBy(v mirror.View, host string) func(mirror.Ref) bool {
	named := map[mirror.Ref]bool{}
	for _, o := range v.IngressesOfHost(host) {
		named[o.Ref] = true
	}
	return func(r mirror.Ref) bool { return r.Kind != kinds.Ingress || named[r] }
}

// objectsOf returns the Kubernetes objects that a fragment stands for, sorted.
func objectsOf(f translate.Fragment) []mirror.Ref {
	return objectsBehind(f, func(translate.Publication) bool { return true })
}

// servedBy returns those of them that are not refused.
func servedBy(f translate.Fragment) []mirror.Ref {
	return objectsBehind(f, func(p translate.Publication) bool { return p.Refused == "" })
}

func objectsBehind(f translate.Fragment, counts func(translate.Publication) bool) []mirror.Ref {
	var out []mirror.Ref
	for _, p := range f.Publications {
		if counts(p) {
			out = append(out, p.Object)
		}
	}
	for _, o := range f.Objects {
		out = append(out, o.From...)
	}
	for _, c := range f.Contributions {
		out = append(out, c.From...)
	}
	out = slices.DeleteFunc(out, func(r mirror.Ref) bool { return !told(r.Kind) })
	slices.SortFunc(out, compareRefs)
	return slices.Compact(out)
}

// told says of a kind that its objects stand for something on the controller.
// (A Secret or a namespace only takes part in it.)
func told(kind string) bool { return title(kind) != kind }
