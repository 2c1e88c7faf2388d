package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// judge bars the units that may not be: those beyond the limits of the
// registration and those whose host another cluster has. It looks at the units
// that were translated anew, and at those that another cluster's doing touches;
// with limits on numbers, where what they count has changed, at all of them.
//
// A limit takes nothing away that is there. A host that an older object of
// another cluster claims is given up, whether it is served or not. A Service
// keeps its VIP and does without the name.
func (w *worker) judge(reg *v1alpha1.Cluster) {
	m := w.model
	units := m.bars.restless
	for u := range w.claims.take(w.cluster) {
		units[u] = struct{}{}
	}
	maps.Copy(units, m.bars.waiting)
	if w.full {
		for u := range m.fragments {
			units[u] = struct{}{}
		}
		w.release(units)
	}
	if len(units) == 0 {
		if w.full {
			w.noteDenials()
		}
		return
	}
	j := judgement{w: w, limits: reg.Spec.Limits, d: newDelta(), unknown: w.claims.unknown(w.cluster)}
	order := sortedUnits(units)
	for _, u := range order {
		w.claim(reg, u, j.limits)
	}
	for _, u := range order {
		f := j.standing(u)
		j.set(u, f.bar)
		m.setNames(u, f.names, j.d)
		mark(m.bars.waiting, u, f.waits())
	}
	if w.full || m.recount {
		// With thousands of hosts it takes long, and most changes are none of it.
		m.recount = false
		j.counts()
	}
	m.bars.restless = emptied(m.bars.restless)
	m.assemble(j.d)
	for _, u := range j.newly {
		m.dropEmpty(u, func(k translate.Key) bool { return w.observed[k] != nil }, j.d)
	}
	w.takeDelta(j.d, false)
	w.noteDenials()
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

// claim has a unit claim the hosts that its cluster may have. A cluster for which
// nothing is written claims none; what its VIPs carry it holds all the same.
func (w *worker) claim(reg *v1alpha1.Cluster, u translate.UnitKey, limits v1alpha1.Limits) {
	var hosts map[domainHost]claim
	if _, ok := w.model.fragments[u]; ok && !w.offboarded && writes(reg.Spec.Mode) {
		for _, a := range w.model.bars.asked[u] {
			h, ok := w.domainHost(a.host)
			if ok && (allowed(a.host, limits) || w.has(u, a)) {
				if hosts == nil {
					hosts = map[domainHost]claim{}
				}
				hosts[h] = a.as
			}
		}
	}
	if _, had := w.claimed[u]; !had && len(hosts) == 0 {
		return
	}
	w.claims.set(w.cluster, u, hosts)
	mark(w.claimed, u, len(hosts) > 0)
}

// domainHost is a host in the DNS of the cluster's controller; false: it is in no
// domain of the cluster's cloud.
func (w *worker) domainHost(host string) (domainHost, bool) {
	return domainHost{w.at, host}, domainOf(host, w.model.settings.Domains) != ""
}

// allowed says whether a cluster may have a host.
func allowed(host string, l v1alpha1.Limits) bool {
	return len(l.FQDNSuffixes) == 0 || domainOf(host, l.FQDNSuffixes) != ""
}

// stands says that the controller holds something of a unit.
func (w *worker) stands(u translate.UnitKey) bool {
	return slices.ContainsFunc(w.model.owned[unitOwner(u)], func(k plan.Key) bool { return w.observed[k] != nil })
}

// serves says that the controller holds something of a unit under a host.
func (w *worker) serves(u translate.UnitKey, host string) bool {
	if !ownsVIP(u) {
		return w.stands(u)
	}
	return slices.ContainsFunc(w.model.owned[unitOwner(u)], func(k plan.Key) bool { return k.Type == typeVsVip && w.carries(k, host) })
}

// has says that the cluster has what a unit asks for. A generated host it has,
// too, where another VIP of its carries it: that of the unit in another tenant.
func (w *worker) has(u translate.UnitKey, a ask) bool {
	if w.serves(u, a.host) {
		return true
	}
	h, ok := w.domainHost(a.host)
	return ok && a.as.generated && w.claims.holds(h, w.cluster)
}

// ownsVIP says of a unit that it has a VIP of its own whatever it is called: that
// of Services, or of an Ingress that takes all requests.
func ownsVIP(u translate.UnitKey) bool {
	switch u.Kind {
	case translate.UnitL4, translate.UnitL4Shared, translate.UnitIngress:
		return true
	}
	return false
}

// judgement is one round of judge.
type judgement struct {
	w      *worker
	limits v1alpha1.Limits
	d      *delta
	// unknown is another cluster of the controller that was not asked yet what
	// it holds.
	unknown string
	// newly are units that were barred in this round.
	newly []translate.UnitKey
}

func (j *judgement) set(u translate.UnitKey, b *bar) {
	if b != nil && !j.w.model.barred(u) {
		j.newly = append(j.newly, u)
	}
	j.w.model.setBar(u, b, j.d)
}

// finding is the judgement about a unit.
type finding struct {
	bar   *bar
	names names
}

// waits says that more has to be known.
func (f finding) waits() bool {
	if f.bar != nil && f.bar.waits() {
		return true
	}
	for _, b := range f.names.denied {
		if b.waits() {
			return true
		}
	}
	return false
}

// standing says what bars a unit by the hosts that it asks for or by its network,
// or which names it is denied.
func (j *judgement) standing(u translate.UnitKey) finding {
	var out finding
	if _, ok := j.w.model.fragments[u]; !ok {
		return out
	}
	for _, a := range j.w.model.bars.asked[u] {
		has := j.w.has(u, a)
		if b := j.suffix(u, a); b != nil && !has {
			if !ownsVIP(u) || !a.as.generated && !j.w.stands(u) {
				return finding{bar: b}
			}
			out.names.deny(a.host, *b)
			continue
		}
		b, shared := j.elsewhere(u, a, has)
		switch {
		case shared:
			out.names.share(a.host, *b)
		case b == nil:
		case ownsVIP(u) && (!b.waits() || j.w.stands(u)):
			out.names.deny(a.host, *b)
		default:
			return finding{bar: b}
		}
	}
	out.bar = j.network(u)
	return out
}

// suffix bars a unit for a host name that the cluster may not have.
func (j *judgement) suffix(u translate.UnitKey, a ask) *bar {
	if allowed(a.host, j.limits) {
		return nil
	}
	whose := ""
	if u.Kind == translate.UnitL4Shared {
		whose = " of " + objectName(a.by[0])
	}
	what := "it is not created"
	if a.as.generated {
		whose = generatedFor(a)
		if what = "it is not served; "; ownsVIP(u) {
			what = "the VIP goes without it; "
		}
		what += remedy(u)
	}
	return &bar{reasonSuffix, fmt.Sprintf("host %q%s is outside of what this cluster may serve (%s): %s",
		a.host, whose, strings.Join(j.limits.FQDNSuffixes, ", "), what)}
}

// network bars a unit for the network of its VIP.
func (j *judgement) network(u translate.UnitKey) *bar {
	if len(j.limits.VIPNetworks) == 0 || j.w.stands(u) || !j.creates(u) {
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

// heldBack says how many objects of what is there are beyond a limit, and which
// the first of them is.
func (w *worker) heldBack() error {
	if len(w.over) == 0 {
		return nil
	}
	first := slices.MinFunc(slices.Collect(maps.Keys(w.over)), desired.CompareKeys)
	what := "1 object of a host that is there is not created"
	if len(w.over) > 1 {
		what = fmt.Sprintf("%d objects of hosts that are there are not created", len(w.over))
	}
	return fmt.Errorf("%s (%s): %s", what, reasonLimit, w.over[first])
}

// noteDenials keeps for people what the cluster does not get.
func (w *worker) noteDenials() {
	if w.model.bars.listed && !w.full && len(w.over) == 0 {
		return
	}
	w.model.bars.listed = len(w.over) == 0
	denied, more := w.model.denials()
	for _, k := range slices.SortedFunc(maps.Keys(w.over), desired.CompareKeys) {
		obj, ok := w.model.graph.Get(k)
		if !ok {
			continue
		}
		for _, ref := range obj.From {
			if len(denied) == maxDenials {
				more++
				continue
			}
			denied = append(denied, Denial{objectName(ref), reasonLimit, w.over[k]})
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Denied, w.status.DeniedMore = denied, more
}

// counted are the types that limits are about.
var counted = []struct {
	typ, name string
	limit     func(v1alpha1.Limits) int
}{
	{typeVirtualService, "virtual services", func(l v1alpha1.Limits) int { return l.VirtualServices }},
	{typeVsVip, "VIPs", func(l v1alpha1.Limits) int { return l.VIPs }},
	{"pool", "pools", func(l v1alpha1.Limits) int { return l.Pools }},
}

// limitsNumbers says that there is a limit on a number.
func limitsNumbers(l v1alpha1.Limits) bool { return l.VirtualServices > 0 || l.VIPs > 0 || l.Pools > 0 }

// counts bars the units that are beyond a limit: what is there comes first, then
// the oldest. Of what is there, objects that would be new are held back.
func (j *judgement) counts() {
	w := j.w
	over := map[plan.Key]string{}
	bars := map[translate.UnitKey]*bar{}
	if limitsNumbers(j.limits) {
		j.count(bars, over)
	}
	for k := range w.over {
		if over[k] == "" {
			w.tellOwners(k)
			w.undone[k] = struct{}{}
		}
	}
	for k, text := range over {
		if w.over[k] != text {
			w.tellOwners(k)
		}
	}
	w.over = over
	j.liftCounts(bars)
}

// count finds what is beyond a limit: units, and objects of units that are there.
func (j *judgement) count(bars map[translate.UnitKey]*bar, over map[plan.Key]string) {
	w := j.w
	c := counter{limits: j.limits, seen: map[plan.Key]bool{}, numbers: map[string]int{}}
	for k := range w.observed {
		// What nobody wants goes, once everything that is wanted is known.
		if _, wanted := w.model.graph.Get(k); wanted || !w.complete || w.keepsHeld(k) {
			c.add(k)
		}
	}
	for _, u := range j.candidates() {
		keys := j.keys(u)
		if !w.stands(u) {
			if text := c.exceeds(keys); text != "" {
				bars[u] = &bar{reasonLimit, text + ": it is not created"}
				continue
			}
		}
		for _, k := range keys {
			if text := c.exceeds([]plan.Key{k}); text != "" {
				over[k] = text + ": " + k.Name + " is not created"
				continue
			}
			c.add(k)
		}
	}
}

// candidates are the units that may be but for the numbers: those that are
// there, then the others, the oldest first.
func (j *judgement) candidates() []translate.UnitKey {
	m := j.w.model
	var out []translate.UnitKey
	stands := map[translate.UnitKey]bool{}
	for _, u := range sortedUnits(m.fragments) {
		b, barred := m.bars.byUnit[u]
		if barred && b.reason != reasonLimit || !j.creates(u) || j.network(u) != nil {
			continue
		}
		stands[u] = j.w.stands(u)
		out = append(out, u)
	}
	slices.SortStableFunc(out, func(a, b translate.UnitKey) int {
		if stands[a] != stands[b] {
			if stands[a] {
				return -1
			}
			return 1
		}
		return cmp.Compare(m.bars.born[a].created, m.bars.born[b].created)
	})
	return out
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
			for _, typ := range []string{typeVirtualService, typeVsVip} {
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
			name := x.name
			if limit == 1 {
				name = strings.TrimSuffix(name, "s")
			}
			return fmt.Sprintf("the limit of %d %s of this cluster is reached", limit, name)
		}
	}
	return ""
}
