package translate

import (
	"cmp"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Where Ingresses disagree, the oldest claim has its way: a path of a host
// leads where the oldest Ingress says, the host shows the oldest certificate.
// Others are told, and take over when the owner goes: ownership is worked out
// anew whenever one of them changes, never remembered.

// byAge orders Ingresses: the oldest first, and of those of the same second by
// name.
func byAge(a, b mirror.Object[*akohubv1.Ingress]) int {
	return cmp.Or(
		cmp.Compare(a.Body.GetMeta().GetCreationSeconds(), b.Body.GetMeta().GetCreationSeconds()),
		compareRefs(a.Ref, b.Ref),
	)
}

// undisputed returns the claims of a tenant that can be served together, the
// oldest first. A host is passed through or its TLS ends here, for all; and
// where each namespace has an address of its own, a host is of one namespace.
func (b *hostBuilder) undisputed(claims []*claim) []*claim {
	owner := claims[0]
	var out []*claim
	for _, c := range claims {
		switch {
		case c.passthrough != owner.passthrough:
			b.f.problem(c.ing.Ref, c.ing.UID, reasonHostConflict,
				"host %q belongs to the older Ingress %s, and only one of the two asks for TLS passthrough: the rules for the host are not served until that Ingress goes",
				b.host, owner.name())
		case b.s.VIPPerNamespace && !c.passthrough && c.ing.Ref.Namespace != owner.ing.Ref.Namespace:
			b.f.problem(c.ing.Ref, c.ing.UID, reasonDuplicateHost,
				"host %q belongs to the older Ingress %s, and each namespace has its own address: the rules for the host are not served until that Ingress goes",
				b.host, owner.name())
		default:
			out = append(out, c)
		}
	}
	return out
}

// pathKey tells paths apart where each is a rule.
func pathKey(p claimPath) string {
	if p.exact {
		return "=" + p.path
	}
	return p.path
}

// plainLabel is the label of a path in the pool group of plain hosts: in lower
// case, and without the path's type (l7.md §9.2).
func (b *hostBuilder) plainLabel(p claimPath) string { return strings.ToLower(b.host + p.path) }

// ownersOf returns the oldest claim on each path.
func ownersOf(claims []*claim, key func(claimPath) string) map[string]*claim {
	owners := map[string]*claim{}
	for _, c := range claims {
		for _, p := range c.paths {
			if _, taken := owners[key(p)]; !taken {
				owners[key(p)] = c
			}
		}
	}
	return owners
}

// reportDuplicates tells the owners of Ingresses that claim a path which an
// older one has (l7.md §8.4).
func (b *hostBuilder) reportDuplicates(claims []*claim, key func(claimPath) string) {
	if len(claims) < 2 {
		return
	}
	owners := ownersOf(claims, key)
	for _, c := range claims {
		for _, p := range c.paths {
			if owner := owners[key(p)]; owner != c {
				b.f.problem(c.ing.Ref, c.ing.UID, reasonDuplicateHostPath,
					"%s%s is claimed by the older Ingress %s too, which has it: the path of this Ingress takes over when that one goes",
					b.host, p.path, owner.name())
			}
		}
	}
}

// strict says whether a host is only one namespace's, the first to claim it.
func strict(s *Settings) bool { return strings.EqualFold(s.FQDNReusePolicy, "strict") }

// allowed says whether the reuse policy lets an Ingress have the host, and
// tells its owner if not. With a strict policy an Ingress of which any host is
// another namespace's is refused as a whole (l7.md §5.3).
func (b *hostBuilder) allowed(ing mirror.Object[*akohubv1.Ingress]) bool {
	if !strict(b.s) || !serves(b.d, b.s, ing) {
		return true // what is not served is somebody else's to tell
	}
	r := &reuse{d: b.d, s: b.s, refused: map[mirror.Ref]*refusal{}}
	no := r.refusal(ing)
	if no == nil {
		return true
	}
	b.f.problem(ing.Ref, ing.UID, reasonHostClaimed,
		"Host %s already claimed by the older Ingress %s/%s of another namespace: nothing of this Ingress is served until that one lets go",
		no.host, no.by.Namespace, no.by.Name)
	return false
}

// reuse works out which Ingresses a strict reuse policy refuses.
type reuse struct {
	d *deps
	s *Settings
	// refused has what was worked out already; nil: not refused.
	refused map[mirror.Ref]*refusal
}

// refusal says which host of an Ingress is whose.
type refusal struct {
	host string
	by   mirror.Ref
}

// refusal returns why an Ingress is refused; nil: it is not. Only an older
// Ingress that is not refused itself stands in the way, so that this ends.
func (r *reuse) refusal(ing mirror.Object[*akohubv1.Ingress]) *refusal {
	if no, known := r.refused[ing.Ref]; known {
		return no
	}
	r.refused[ing.Ref] = r.find(ing)
	return r.refused[ing.Ref]
}

func (r *reuse) find(ing mirror.Object[*akohubv1.Ingress]) *refusal {
	for _, host := range hostsOf(r.s, ing) {
		for _, other := range ingressesOf(r.d, r.s, host) {
			if byAge(other, ing) >= 0 {
				break
			}
			if other.Ref.Namespace != ing.Ref.Namespace && serves(r.d, r.s, other) && r.refusal(other) == nil {
				return &refusal{host: host, by: other.Ref}
			}
		}
	}
	return nil
}

// reuseUnits are the units whose outcome a strict reuse policy ties to that of
// an Ingress: those of every Ingress that shares a host with it, and so on.
func reuseUnits(v mirror.View, s *Settings, ing mirror.Object[*akohubv1.Ingress]) []UnitKey {
	var out []UnitKey
	seen := map[mirror.Ref]bool{ing.Ref: true}
	done := map[string]bool{}
	for todo := []mirror.Object[*akohubv1.Ingress]{ing}; len(todo) > 0; todo = todo[1:] {
		out = append(out, ingressUnits(s, todo[0])...)
		for _, host := range hostsOf(s, todo[0]) {
			if done[host] {
				continue
			}
			done[host] = true
			for _, other := range ingressesOf(newDeps(v), s, host) {
				if !seen[other.Ref] {
					seen[other.Ref] = true
					todo = append(todo, other)
				}
			}
		}
	}
	return out
}
