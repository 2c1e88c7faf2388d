package translate

import (
	"strings"

	"github.com/akohub/akohub/hub/mirror"
)

// Where Ingresses or Routes disagree, the oldest claim has its way: a path of a
// host leads where the oldest says, the host shows the oldest certificate.
// Others are told, and take over when the owner goes: ownership is worked out
// anew whenever one of them changes, never remembered.

// undisputed returns the claims of a tenant that can be served together, the
// oldest first. A host is passed through or its TLS ends here, for all; and
// where each namespace has an address of its own, a host is of one namespace.
func (b *hostBuilder) undisputed(claims []*claim) []*claim {
	owner := claims[0]
	var out []*claim
	for _, c := range claims {
		switch {
		case c.passthrough != owner.passthrough:
			b.problem(c, reasonHostConflict,
				"host %q belongs to the older %s, and only one of the two asks for TLS passthrough: this one is not served under the host until that one goes",
				b.host, owner.title())
		case b.s.VIPPerNamespace && !c.passthrough && c.ref.Namespace != owner.ref.Namespace:
			b.problem(c, reasonDuplicateHost,
				"host %q belongs to the older %s, and each namespace has its own address: this one is not served under the host until that one goes",
				b.host, owner.title())
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

// reportDuplicates tells the owners of claims on a path which an older one has
// (l7.md §8.4).
func (b *hostBuilder) reportDuplicates(claims []*claim, key func(claimPath) string) {
	if len(claims) < 2 && b.standings == nil {
		return
	}
	owners := ownersOf(claims, key)
	for _, c := range claims {
		for _, p := range c.paths {
			owner := owners[key(p)]
			b.note(c, p, PathStanding{Owner: owner.ref})
			if owner != c {
				b.problem(c, reasonDuplicateHostPath,
					"%s%s is claimed by the older %s too, which has it: this %s takes over when that one goes",
					b.host, p.path, owner.title(), c.kind())
			}
		}
	}
}

// strict says whether a host is only one namespace's, the first to claim it.
func strict(s *Settings) bool { return strings.EqualFold(s.FQDNReusePolicy, "strict") }

// allowed says whether the reuse policy lets an object have the host, and tells
// its owner if not. With a strict policy an object of which any host is another
// namespace's is refused as a whole (l7.md §5.3).
func (b *hostBuilder) allowed(src source) bool {
	if !strict(b.s) || !serves(b.d, b.s, src) {
		return true // what is not served is somebody else's to tell
	}
	r := &reuse{d: b.d, s: b.s, refused: map[mirror.Ref]*refusal{}}
	no := r.refusal(src)
	if no == nil {
		return true
	}
	o := src.from()
	reason := reasonIngressClaimed
	if o.isRoute() {
		reason = reasonRouteClaimed
		b.refuse(o, statusRouteClaimed)
	}
	b.f.problem(o.ref, o.uid, reason,
		"Host %s already claimed by the older %s of another namespace: nothing of this %s is served until that one lets go",
		no.host, no.by.title(), o.kind())
	return false
}

// reuse works out which objects a strict reuse policy refuses.
type reuse struct {
	d *deps
	s *Settings
	// refused has what was worked out already; nil: not refused.
	refused map[mirror.Ref]*refusal
}

// refusal says which host of an object is whose.
type refusal struct {
	host string
	by   origin
}

// refusal returns why an object is refused; nil: it is not. Only an older one
// that is not refused itself stands in the way, so that this ends.
func (r *reuse) refusal(src source) *refusal {
	ref := src.from().ref
	if no, known := r.refused[ref]; known {
		return no
	}
	r.refused[ref] = r.find(src)
	return r.refused[ref]
}

func (r *reuse) find(src source) *refusal {
	own := src.from()
	for _, host := range src.hosts(r.s) {
		for _, other := range sourcesOf(r.d, r.s, host) {
			o := other.from()
			if byAge(o, own) >= 0 {
				break
			}
			if o.ref.Namespace != own.ref.Namespace && serves(r.d, r.s, other) && r.refusal(other) == nil {
				return &refusal{host: host, by: o}
			}
		}
	}
	return nil
}

// reuseUnits are the units whose outcome a strict reuse policy ties to that of
// an object: those of every one that shares a host with it, and so on.
func reuseUnits(v mirror.View, s *Settings, src source) []UnitKey {
	var out []UnitKey
	seen := map[mirror.Ref]bool{src.from().ref: true}
	done := map[string]bool{}
	for todo := []source{src}; len(todo) > 0; todo = todo[1:] {
		out = append(out, sourceUnits(s, todo[0])...)
		for _, host := range todo[0].hosts(s) {
			if done[host] {
				continue
			}
			done[host] = true
			for _, other := range sourcesOf(newDeps(v), s, host) {
				if ref := other.from().ref; !seen[ref] {
					seen[ref] = true
					todo = append(todo, other)
				}
			}
		}
	}
	return out
}
