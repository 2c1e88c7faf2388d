package translate

import "github.com/akohub/akohub/hub/mirror"

// PathClaim names a claim on a path of a host. It is comparable.
type PathClaim struct {
	Object mirror.Ref
	Path   string
	Exact  bool
}

// PathStanding is what became of a claim on a path.
type PathStanding struct {
	// Owner is the object whose claim holds: the claim's own, or that which it
	// has lost to.
	Owner mirror.Ref
	// Shared says that paths are not told apart, so that all that is claimed takes
	// turns.
	Shared bool
}

// PathStandings says who has which path of a host, by the rules by which the host
// is translated. A claim that is not among them is not served.
func PathStandings(v mirror.View, s *Settings, host string) map[PathClaim]PathStanding {
	f := Fragment{Unit: UnitKey{Kind: UnitHost, Name: host}}
	b := &hostBuilder{d: newDeps(v), s: s, host: host, f: &f, standings: map[PathClaim]PathStanding{}}
	b.build()
	return b.standings
}

// note keeps what became of a claim on a path, if that is asked for. What is
// noted later counts: a claim that is served both plainly and by its certificate
// stands as it does by the certificate.
func (b *hostBuilder) note(c *claim, p claimPath, st PathStanding) {
	if b.standings != nil {
		b.standings[PathClaim{Object: c.ref, Path: p.path, Exact: p.exact}] = st
	}
}

// noteAll does so for all paths of a claim.
func (b *hostBuilder) noteAll(c *claim, st PathStanding) {
	for _, p := range c.paths {
		b.note(c, p, st)
	}
}
