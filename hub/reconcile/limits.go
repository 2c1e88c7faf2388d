package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// judge bars the units that may not be: those beyond the limits of the
// registration and those whose host another cluster has. It looks at the units
// that were translated anew, and at those that another cluster's doing touches;
// with limits on numbers, at all of them.
//
// A limit takes nothing away that is there. A host that an older object of
// another cluster claims is given up, whether it is served or not.
func (w *worker) judge(reg *v1alpha1.Cluster) {
	m := w.model
	units := m.bars.restless
	for u := range w.claims.take(w.cluster) {
		units[u] = struct{}{}
	}
	if w.full {
		for u := range m.fragments {
			units[u] = struct{}{}
		}
		w.release(units)
		if !w.complete || len(units) == 0 {
			w.holdHosts()
		}
	}
	if len(units) == 0 {
		return
	}
	j := judgement{w: w, limits: reg.Spec.Limits, d: newDelta()}
	order := sortedUnits(units)
	for _, u := range order {
		w.claim(reg, u, j.suffix(u) == nil)
	}
	if w.full {
		// Held hosts are given free only once the claims of their objects stand:
		// another cluster's worker looks at any moment.
		w.holdHosts()
	}
	for _, u := range order {
		j.set(u, cmp.Or(j.suffix(u), j.network(u), j.elsewhere(u)))
	}
	j.counts()
	m.bars.restless = emptied(m.bars.restless)
	m.assemble(j.d)
	for _, u := range j.newly {
		m.dropEmpty(u, func(k translate.Key) bool { return w.observed[k] != nil }, j.d)
	}
	w.takeDelta(j.d, false)
}

// release marks the units whose claims have lost their fragment, once all
// fragments are there.
func (w *worker) release(units map[translate.UnitKey]struct{}) {
	if !w.complete {
		return
	}
	for u := range w.claimed {
		units[u] = struct{}{}
	}
}

// claim has a unit claim its hosts. A cluster for which nothing is written
// claims none, unless it is frozen: what it has is served.
func (w *worker) claim(reg *v1alpha1.Cluster, u translate.UnitKey, entitled bool) {
	var hosts []domainHost
	f, ok := w.model.fragments[u]
	if ok && entitled && !w.offboarded && reg.Spec.Mode != v1alpha1.ModeObserve {
		hosts = w.hosts(f)
	}
	if _, had := w.claimed[u]; !had && len(hosts) == 0 {
		return
	}
	w.claims.set(claimant{w.cluster, u}, hosts, w.claimOf(u))
	mark(w.claimed, u, len(hosts) > 0)
}

func (w *worker) hosts(f translate.Fragment) []domainHost {
	var out []domainHost
	for _, host := range hostsOf(f) {
		if h, ok := w.domainHost(host); ok {
			out = append(out, h)
		}
	}
	return out
}

func (w *worker) claimOf(u translate.UnitKey) claim {
	var names []string
	for _, r := range objectsOf(w.model.fragments[u]) {
		names = append(names, fmt.Sprintf("%s %s/%s", title(r.Kind), r.Namespace, r.Name))
	}
	return claim{created: w.model.bars.born[u], by: strings.Join(names, ", ")}
}

// judgement is one round of judge.
type judgement struct {
	w      *worker
	limits v1alpha1.Limits
	d      *delta
	// newly are units that were barred in this round.
	newly []translate.UnitKey
}

func (j *judgement) set(u translate.UnitKey, b *bar) {
	if b != nil && !j.w.model.barred(u) {
		j.newly = append(j.newly, u)
	}
	j.w.model.setBar(u, b, j.d)
}

// stands says that the controller holds something of a unit.
func (j *judgement) stands(u translate.UnitKey) bool {
	return slices.ContainsFunc(j.w.model.owned[unitOwner(u)], func(k plan.Key) bool { return j.w.observed[k] != nil })
}

// suffix bars a unit for a host name that the cluster may not have.
func (j *judgement) suffix(u translate.UnitKey) *bar {
	if len(j.limits.FQDNSuffixes) == 0 || j.stands(u) {
		return nil
	}
	for _, host := range hostsOf(j.w.model.fragments[u]) {
		if domainOf(host, j.limits.FQDNSuffixes) == "" {
			return &bar{reasonSuffix, fmt.Sprintf("host %q is outside of what this cluster may serve (%s): it is not created",
				host, strings.Join(j.limits.FQDNSuffixes, ", "))}
		}
	}
	return nil
}

// network bars a unit for the network of its VIP.
func (j *judgement) network(u translate.UnitKey) *bar {
	if len(j.limits.VIPNetworks) == 0 || j.stands(u) || !j.creates(u) {
		return nil
	}
	for _, n := range j.w.model.settings.VIPNetworks {
		if !slices.Contains(j.limits.VIPNetworks, n.Name) && (n.UUID == "" || !slices.Contains(j.limits.VIPNetworks, n.UUID)) {
			return &bar{reasonLimit, fmt.Sprintf("VIP network %q is not among those that this cluster may use (%s): nothing is created",
				cmp.Or(n.Name, n.UUID), strings.Join(j.limits.VIPNetworks, ", "))}
		}
	}
	return nil
}

func (j *judgement) creates(u translate.UnitKey) bool {
	f := j.w.model.fragments[u]
	return len(f.Objects)+len(f.Contributions) > 0
}

// elsewhere bars a unit whose host an older object of another cluster has.
func (j *judgement) elsewhere(u translate.UnitKey) *bar {
	f, ok := j.w.model.fragments[u]
	if !ok {
		return nil
	}
	mine := j.w.claimOf(u)
	for _, h := range j.w.hosts(f) {
		who, c, ok := j.w.claims.ahead(h, claimant{j.w.cluster, u}, mine)
		if !ok || c.held && j.stands(u) {
			continue
		}
		by := "it was first there"
		if c.by != "" {
			by = "its " + c.by + " is older"
		}
		return &bar{reasonElsewhere, fmt.Sprintf("host %q in DNS domain %s is cluster %q's: %s. It is served here once that cluster gives it up",
			h.host, h.domain, who.cluster, by)}
	}
	return nil
}

// counted are the types that limits are about.
var counted = []struct {
	typ, name string
	limit     func(v1alpha1.Limits) int
}{
	{typeVirtualService, "virtual services", func(l v1alpha1.Limits) int { return l.VirtualServices }},
	{"vsvip", "VIPs", func(l v1alpha1.Limits) int { return l.VIPs }},
	{"pool", "pools", func(l v1alpha1.Limits) int { return l.Pools }},
}

// counts bars the units that are beyond a limit: what is there comes first, then
// the oldest. Of what is there, objects that would be new are held back.
func (j *judgement) counts() {
	w := j.w
	w.over = emptied(w.over)
	if !slices.ContainsFunc(counted, func(c struct {
		typ, name string
		limit     func(v1alpha1.Limits) int
	},
	) bool {
		return c.limit(j.limits) > 0
	}) {
		j.liftCounts(nil)
		return
	}
	units := sortedUnits(w.model.fragments)
	units = slices.DeleteFunc(units, func(u translate.UnitKey) bool {
		b, barred := w.model.bars.byUnit[u]
		return barred && b.reason != reasonLimit || !j.creates(u)
	})
	stands := map[translate.UnitKey]bool{}
	for _, u := range units {
		stands[u] = j.stands(u)
	}
	slices.SortStableFunc(units, func(a, b translate.UnitKey) int {
		if stands[a] != stands[b] {
			if stands[a] {
				return -1
			}
			return 1
		}
		return cmp.Compare(w.model.bars.born[a], w.model.bars.born[b])
	})
	c := counter{limits: j.limits, seen: map[plan.Key]bool{}, numbers: map[string]int{}}
	for _, u := range units {
		if !stands[u] {
			continue
		}
		for _, k := range j.keys(u) {
			if w.observed[k] != nil {
				c.add(k)
			}
		}
	}
	bars := map[translate.UnitKey]*bar{}
	for _, u := range units {
		keys := j.keys(u)
		if !stands[u] {
			if text := c.exceeds(keys); text != "" {
				bars[u] = &bar{reasonLimit, text + ": it is not created"}
				continue
			}
		}
		for _, k := range keys {
			if text := c.exceeds([]plan.Key{k}); text != "" {
				w.over[k] = text + ": " + k.Name + " is not created"
				continue
			}
			c.add(k)
		}
	}
	j.liftCounts(bars)
}

// liftCounts sets the bars for numbers, and lifts those that are none any more.
func (j *judgement) liftCounts(now map[translate.UnitKey]*bar) {
	m := j.w.model
	for _, u := range sortedUnits(m.bars.byUnit) {
		if b := m.bars.byUnit[u]; b.reason == reasonLimit && now[u] == nil && j.network(u) == nil {
			j.set(u, nil)
		}
	}
	for _, u := range sortedUnits(now) {
		j.set(u, now[u])
	}
}

// keys are the objects of a unit that count, with those of the shared parents
// that it is on.
func (j *judgement) keys(u translate.UnitKey) []plan.Key {
	m := j.w.model
	out := slices.Clone(m.owned[unitOwner(u)])
	for _, c := range m.fragments[u].Contributions {
		if owned := m.owned[parentOwner(c.Parent)]; len(owned) > 0 {
			out = append(out, owned...)
		} else if len(c.FQDNs)+len(c.Members)+len(c.RedirectHosts)+len(c.PoolGroups)+len(c.CertificateNames) > 0 {
			for _, typ := range []string{typeVirtualService, "vsvip"} {
				out = append(out, plan.Key{Tenant: c.Parent.Tenant, Type: typ, Name: c.Parent.Name})
			}
		}
	}
	return out
}

// counter counts objects against limits.
type counter struct {
	limits  v1alpha1.Limits
	seen    map[plan.Key]bool
	numbers map[string]int
}

func (c *counter) add(k plan.Key) {
	if !c.seen[k] {
		c.seen[k] = true
		c.numbers[k.Type]++
	}
}

// exceeds says which limit would be exceeded by objects; empty: none.
func (c *counter) exceeds(keys []plan.Key) string {
	for _, x := range counted {
		limit := x.limit(c.limits)
		if limit <= 0 {
			continue
		}
		more := map[plan.Key]bool{}
		for _, k := range keys {
			if k.Type == x.typ && !c.seen[k] {
				more[k] = true
			}
		}
		if len(more) > 0 && c.numbers[x.typ]+len(more) > limit {
			return fmt.Sprintf("the limit of %d %s of this cluster is reached", limit, x.name)
		}
	}
	return ""
}
