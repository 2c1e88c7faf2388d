package reconcile

import (
	"fmt"

	"github.com/akohub/akohub/hub/translate"
)

// elsewhere bars a unit whose host another cluster has: by a claim that comes
// first, or, for what is new, by a VIP that carries it still. As long as a
// cluster's VIPs are not known, what is new waits. Of a generated host that
// another cluster was given as well it only says so (shared).
func (j *judgement) elsewhere(u translate.UnitKey, a ask, has bool) (b *bar, shared bool) {
	w := j.w
	h, ok := w.domainHost(a.host)
	if !ok {
		return nil, false
	}
	c := w.claims.contest(h, w.cluster, u, a.as, has, j.unknown != "")
	host := fmt.Sprintf("host %q", a.host)
	help := ""
	if a.as.generated {
		host += generatedFor(a)
		help = "; or " + remedy(u)
	}
	switch c.outcome {
	case behind:
		return &bar{reasonElsewhere, fmt.Sprintf("%s is cluster %q's, %s: it is served here once that cluster gives it up%s",
			host, c.who.cluster, whyFirst(c.theirs, a.as), help)}, false
	case onVIP:
		return &bar{reasonElsewhere, fmt.Sprintf("%s is on the VIP %q of cluster %q: it is served here once it is off that%s",
			host, c.who.vip.Name, c.who.cluster, help)}, false
	case early:
		return &bar{}, false
	case doubled:
		return &bar{reasonShared, fmt.Sprintf("%s is also that of %s of cluster %q, which came first, and on the VIPs of both: clients may come to either; %s",
			host, c.theirs.by, c.who.cluster, remedy(u))}, true
	}
	return nil, false
}

// whyFirst says why another cluster's claim comes before one.
func whyFirst(theirs, mine claim) string {
	switch {
	case mine.generated && !theirs.generated:
		return "whose " + theirs.by + " asks for it by name"
	case theirs.given:
		return "which has it for its " + theirs.by
	case theirs.created == mine.created:
		return "whose " + theirs.by + " is older (of the same second, and its cluster's name sorts first)"
	}
	return "whose " + theirs.by + " is older"
}

// generatedFor says for what a host was generated.
func generatedFor(a ask) string { return ", generated for " + a.as.by + "," }

// remedy is what one can do for a unit that can't have the host generated for it.
func remedy(u translate.UnitKey) string {
	switch u.Kind {
	case translate.UnitL4, translate.UnitL4Shared:
		return "name the Service by the annotation external-dns.alpha.kubernetes.io/hostname, " +
			"or have the cluster registered with another services.defaultDomain or services.autoFQDN: Disabled"
	}
	return "give the Ingress a rule that names a host"
}
