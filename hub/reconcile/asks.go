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
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// ask is a host, and who asks for it.
type ask struct {
	host string
	by   []mirror.Ref
}

// oldest returns the claim of the oldest Kubernetes object behind a fragment.
func oldest(v mirror.View, f translate.Fragment) claim {
	out := claim{created: math.MaxInt64}
	for _, r := range servedBy(f) {
		if created, ok := createdOf(v, r); ok && created < out.created {
			out = claim{created: created, by: objectName(r)}
		}
	}
	return out
}

func objectName(r mirror.Ref) string {
	return fmt.Sprintf("%s %s/%s", title(r.Kind), r.Namespace, r.Name)
}

// asks returns the hosts that somebody asked for and a fragment is about, sorted.
// A name that is made up for a Service or an Ingress is nobody's claim: objects
// of the same name in several clusters are no rivals.
func asks(v mirror.View, f translate.Fragment) []ask {
	by := map[string]map[mirror.Ref]struct{}{}
	note := func(host string, r mirror.Ref) {
		if host = canonical(host); host == "" {
			return
		}
		if by[host] == nil {
			by[host] = map[mirror.Ref]struct{}{}
		}
		by[host][r] = struct{}{}
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
			for _, name := range translate.AskedNames(svc.Body.GetMeta().GetAnnotations(), names) {
				note(name, r)
			}
		}
	case translate.UnitHost:
		if madeUp(v, f.Unit.Name, refs) {
			break
		}
		for _, host := range append(namesOf(f), f.Unit.Name) {
			for _, r := range refs {
				note(host, r)
			}
		}
	}
	out := make([]ask, 0, len(by))
	for _, host := range sortedKeys(by) {
		out = append(out, ask{host, slices.SortedFunc(maps.Keys(by[host]), compareRefs)})
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

// madeUp says that a host stands in no rule of the Ingresses that are served
// under it: it was generated for one that names none (l7.md §8.1).
func madeUp(v mirror.View, host string, refs []mirror.Ref) bool {
	ings := v.IngressesOfHost(host)
	return !slices.ContainsFunc(refs, func(r mirror.Ref) bool {
		return r.Kind != kinds.Ingress || slices.ContainsFunc(ings, func(o mirror.Object[*akohubv1.Ingress]) bool { return o.Ref == r })
	})
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
