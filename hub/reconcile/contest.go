package reconcile

import (
	"cmp"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
)

// Outcomes of a contest for a host.
const (
	// won: the host is the claimant's.
	won outcome = iota
	// behind: another cluster's claim comes first.
	behind
	// onVIP: another cluster's VIP carries the host, and it is none of the
	// claimant's yet.
	onVIP
	// early: it isn't known what the VIPs of other clusters carry.
	early
	// doubled: the claimant keeps the host, which another cluster was given first.
	doubled
)

type outcome int

// contest is how a claim stands against those of other clusters.
type contest struct {
	outcome
	// who is the other cluster's claimant, or its VIP, and theirs its claim.
	who    claimant
	theirs claim
}

// contest says how a claim of a cluster's unit to a host stands, and notes of a
// generated host whether it is given. carried says that a VIP of the cluster has
// the host, early that it isn't known yet what other clusters' VIPs carry.
func (c *claims) contest(h domainHost, cluster string, u translate.UnitKey, as claim, carried, isEarly bool) contest {
	c.mu.Lock()
	defer c.mu.Unlock()
	me := claimant{cluster: cluster, unit: u}
	mine, claimed := c.byHost[h][me]
	as.given = as.generated && (carried || mine.given)
	out := c.against(h, me, as, carried, isEarly)
	if given := as.generated && (out.outcome == won || out.outcome == doubled); claimed && mine.given != given {
		mine.given = given
		c.byHost[h][me] = mine
		c.tell(h, cluster)
	}
	return out
}

func (c *claims) against(h domainHost, me claimant, as claim, carried, isEarly bool) contest {
	if who, theirs, ok := c.first(h, me, as, func(o claim) bool { return !(as.given && o.generated) }); ok {
		return contest{behind, who, theirs}
	}
	if carried {
		if who, theirs, ok := c.first(h, me, as, func(o claim) bool { return o.given }); ok {
			return contest{doubled, who, theirs}
		}
		return contest{}
	}
	if who := c.carrier(h, me.cluster); who.held() {
		return contest{outcome: onVIP, who: who}
	}
	if isEarly && !as.given {
		return contest{outcome: early}
	}
	return contest{}
}

// first returns the first of other clusters' claims to a host that come before
// one and count.
func (c *claims) first(h domainHost, me claimant, as claim, counts func(claim) bool) (claimant, claim, bool) {
	best, of := as, me
	for other, o := range c.byHost[h] {
		if other.cluster != me.cluster && !other.held() && counts(o) && compareClaims(other, o, of, best) < 0 {
			of, best = other, o
		}
	}
	return of, best, of != me
}

// carrier returns another cluster's VIP that carries a host, the first of
// several.
func (c *claims) carrier(h domainHost, cluster string) claimant {
	var best claimant
	for other := range c.byHost[h] {
		if other.cluster != cluster && other.held() && (!best.held() || cmp.Or(cmp.Compare(other.cluster, best.cluster), desired.CompareKeys(other.vip, best.vip)) < 0) {
			best = other
		}
	}
	return best
}

// holds says that a VIP of a cluster carries a host.
func (c *claims) holds(h domainHost, cluster string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for other := range c.byHost[h] {
		if other.cluster == cluster && other.held() {
			return true
		}
	}
	return false
}

func compareClaims(a claimant, x claim, b claimant, y claim) int {
	return cmp.Or(falseFirst(x.generated, y.generated), falseFirst(!x.given, !y.given),
		cmp.Compare(x.created, y.created), cmp.Compare(a.cluster, b.cluster),
		cmp.Compare(a.unit.Kind, b.unit.Kind), cmp.Compare(a.unit.Namespace, b.unit.Namespace), cmp.Compare(a.unit.Name, b.unit.Name))
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// held says of a claimant that it is a VIP.
func (c claimant) held() bool { return c.vip != plan.Key{} }
