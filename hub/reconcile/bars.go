package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
)

// Reasons of the Events for what may not be.
const (
	reasonLimit     = "LimitExceeded"
	reasonSuffix    = "ForeignSuffix"
	reasonElsewhere = "HostClaimedElsewhere"
	reasonShared    = "HostAlsoElsewhere"
)

// bar keeps a unit from having anything on the controller, by a rule that is not
// translation's: a limit of the registration, or another cluster's claim.
type bar struct{ reason, message string }

// waits says that a bar is there only until more is known; nobody is told.
func (b bar) waits() bool { return b.reason == "" }

// bars are the units that are barred, and what else the judgement about units
// rests on.
type bars struct {
	byUnit map[translate.UnitKey]bar
	// names is what stands against DNS names of a unit with a VIP of its own.
	names map[translate.UnitKey]names
	// waiting are the units of which more has to be known.
	waiting map[translate.UnitKey]struct{}
	// refs are the Kubernetes objects of a unit that something stands against.
	refs map[translate.UnitKey][]mirror.Ref
	// byObject lists these units of a Kubernetes object.
	byObject map[mirror.Ref]map[translate.UnitKey]struct{}
	// restless are the units to be judged again, for they were translated anew.
	restless map[translate.UnitKey]struct{}
	// born is the claim of the oldest object behind a unit.
	born map[translate.UnitKey]claim
	// asked are the hosts that units are about.
	asked map[translate.UnitKey][]ask
	// summed and listed say that sum, and what people are shown of it, are as
	// things stand: where thousands of hosts are barred, both take long.
	summed, listed bool
	sum            error
}

// names is what stands against DNS names of a unit, by name.
type names struct {
	// denied are those that it may not have: its VIP goes without them.
	denied map[string]bar
	// shared are generated ones that another cluster's VIP carries as well.
	shared map[string]bar
}

func (n *names) deny(host string, b bar)  { n.denied = noteBar(n.denied, host, b) }
func (n *names) share(host string, b bar) { n.shared = noteBar(n.shared, host, b) }

func noteBar(m map[string]bar, host string, b bar) map[string]bar {
	if m == nil {
		m = map[string]bar{}
	}
	m[host] = b
	return m
}

func (n names) empty() bool { return len(n.denied)+len(n.shared) == 0 }

func (n names) equal(o names) bool {
	return maps.Equal(n.denied, o.denied) && maps.Equal(n.shared, o.shared)
}

func newBars() bars {
	return bars{
		byUnit:   map[translate.UnitKey]bar{},
		names:    map[translate.UnitKey]names{},
		waiting:  map[translate.UnitKey]struct{}{},
		refs:     map[translate.UnitKey][]mirror.Ref{},
		byObject: map[mirror.Ref]map[translate.UnitKey]struct{}{},
		restless: map[translate.UnitKey]struct{}{},
		born:     map[translate.UnitKey]claim{},
		asked:    map[translate.UnitKey][]ask{},
	}
}

// noteBorn notes that a unit was translated anew.
func (m *model) noteBorn(v mirror.View, u translate.UnitKey, f translate.Fragment) {
	m.bars.restless[u] = struct{}{}
	if m.bars.refs[u] != nil {
		m.bars.listed = false // it may be somebody else who is denied a name
	}
	if len(f.Objects)+len(f.Contributions) == 0 {
		delete(m.bars.born, u)
		delete(m.bars.asked, u)
		return
	}
	m.bars.born[u] = oldest(v, f)
	m.bars.asked[u] = asks(v, &m.settings, f)
}

func (m *model) barred(u translate.UnitKey) bool {
	_, ok := m.bars.byUnit[u]
	return ok
}

// ownerBarred says the same of a unit by its name as an owner.
func (m *model) ownerBarred(owner string) bool {
	if len(m.bars.byUnit) == 0 {
		return false
	}
	u := m.ranks[owner].unit
	return u != nil && m.barred(*u)
}

// setBar bars a unit, for another reason maybe than before, or no longer (nil).
func (m *model) setBar(u translate.UnitKey, b *bar, d *delta) {
	old, was := m.bars.byUnit[u]
	if !was && b == nil {
		return
	}
	f := m.fragments[u]
	if was && b != nil && old == *b && slices.Equal(objectsOf(f), m.bars.refs[u]) {
		return
	}
	delete(m.bars.byUnit, u)
	if b != nil {
		m.bars.byUnit[u] = *b
	}
	m.noteRefs(u, d)
	if was == (b != nil) {
		return
	}
	m.withdraw(u, f.Contributions, d)
	if !m.hasYielded(u) {
		m.contribute(u, f.Contributions, d)
	}
	for _, k := range m.owned[unitOwner(u)] {
		m.settle(k, d)
	}
}

// setNames notes what stands against DNS names of a unit, other maybe than
// before, or nothing any more.
func (m *model) setNames(u translate.UnitKey, now names, d *delta) {
	old := m.bars.names[u]
	if old.empty() && now.empty() {
		return
	}
	f := m.fragments[u]
	if old.equal(now) && slices.Equal(objectsOf(f), m.bars.refs[u]) {
		return
	}
	delete(m.bars.names, u)
	if !now.empty() {
		m.bars.names[u] = now
	}
	m.noteRefs(u, d)
	owner := unitOwner(u)
	if len(m.owned[owner]) > 0 {
		m.offer(owner, &u, m.granted(u, f.Objects), m.ranks[owner].created, d)
	}
}

// granted returns the objects of a unit without the DNS names that it is denied.
func (m *model) granted(u translate.UnitKey, objects []translate.Object) []translate.Object {
	denied := m.bars.names[u].denied
	if len(denied) == 0 {
		return objects
	}
	out := slices.Clone(objects)
	for i := range out {
		vip, ok := out[i].Body.(*models.VsVip)
		if !ok {
			continue
		}
		less := *vip
		less.DNSInfo = slices.DeleteFunc(slices.Clone(vip.DNSInfo), func(info *models.DNSInfo) bool {
			return info.Fqdn != nil && isDenied(denied, *info.Fqdn)
		})
		out[i].Body = &less
	}
	return out
}

// isDenied says whether a name, or one of a list of names, is denied.
func isDenied(denied map[string]bar, names string) bool {
	return slices.ContainsFunc(translate.SplitNames(names), func(n string) bool {
		_, no := denied[canonical(n)]
		return no
	})
}

// published is a publication without a name that the unit is denied. As long as
// that isn't known, what is shown stays.
func (m *model) published(u translate.UnitKey, p translate.Publication) translate.Publication {
	denied := m.bars.names[u].denied
	if len(denied) == 0 {
		return p
	}
	for _, n := range translate.SplitNames(p.Host) {
		if b, no := denied[canonical(n)]; no {
			p.Host, p.Annotate, p.Keep = "", false, p.Keep || b.waits()
		}
	}
	return p
}

// noteRefs notes the Kubernetes objects of a unit that is barred or denied
// names, and has them told.
func (m *model) noteRefs(u translate.UnitKey, d *delta) {
	m.bars.summed, m.bars.listed = false, false
	for _, ref := range m.bars.refs[u] {
		drop(m.bars.byObject, ref, u)
		d.told[ref] = struct{}{}
	}
	delete(m.bars.refs, u)
	if !m.barred(u) && m.bars.names[u].empty() {
		return
	}
	refs := objectsOf(m.fragments[u])
	m.bars.refs[u] = refs
	for _, ref := range refs {
		add(m.bars.byObject, ref, u)
		d.told[ref] = struct{}{}
	}
}

// dropEmpty forgets the shared parents that a barred unit leaves without any
// host, unless the controller holds them: they have no VIP to keep.
func (m *model) dropEmpty(u translate.UnitKey, held func(translate.Key) bool, d *delta) {
	for _, c := range m.fragments[u].Contributions {
		owner := parentOwner(c.Parent)
		if us, ok := m.parents[c.Parent]; !ok || len(us) > 0 || slices.ContainsFunc(m.owned[owner], held) {
			continue
		}
		delete(m.parents, c.Parent)
		delete(m.redirects, c.Parent)
		delete(d.parents, c.Parent)
		m.offer(owner, nil, nil, 0, d)
	}
}

// barProblems returns what keeps the units of an object off the controller, and
// the names that it is denied.
func (m *model) barProblems(ref mirror.Ref) []translate.Problem {
	var out []translate.Problem
	for _, u := range sortedUnits(m.bars.byObject[ref]) {
		for _, b := range m.bars.of(u, ref, m.bars.asked[u]) {
			if p := (translate.Problem{Object: ref, Reason: b.reason, Message: b.message}); !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// of returns what stands against an object in a unit: what bars the whole of it,
// and what stands against names of its own.
func (b *bars) of(u translate.UnitKey, ref mirror.Ref, asked []ask) []bar {
	var out []bar
	if x, ok := b.byUnit[u]; ok && !x.waits() {
		out = append(out, x)
	}
	for _, a := range asked {
		if !slices.Contains(a.by, ref) {
			continue
		}
		if x, ok := b.names[u].denied[a.host]; ok && !x.waits() {
			out = append(out, x)
		}
		if x, ok := b.names[u].shared[a.host]; ok {
			out = append(out, x)
		}
	}
	return out
}

// Denial is what a cluster asks for that it does not get by a rule of the hub's,
// a limit or another cluster's claim, or that it shares with another cluster.
type Denial struct {
	// Object is a Kubernetes object, "Ingress shop/web".
	Object string
	// Reason and Message are those of the Event that it was told with.
	Reason, Message string
}

// maxDenials bounds how many are listed.
const maxDenials = 100

// denials lists what is barred, denied or shared, by object, and says how many more
// there are than are listed.
func (m *model) denials() (out []Denial, more int) {
	for _, ref := range slices.SortedFunc(maps.Keys(m.bars.byObject), compareRefs) {
		for _, p := range m.barProblems(ref) {
			if len(out) == maxDenials {
				more++
				continue
			}
			out = append(out, Denial{objectName(ref), p.Reason, p.Message})
		}
	}
	return out, more
}

// standing says how many units are barred and names denied, and why the first
// of them is.
func (b *bars) standing() error {
	if !b.summed {
		b.summed, b.sum = true, b.sumUp()
	}
	return b.sum
}

func (b *bars) sumUp() error {
	counts := map[string]int{}
	var first bar
	count := func(x bar) {
		if first == (bar{}) {
			first = x
		}
		counts[x.reason]++
	}
	units, without, shared := 0, 0, 0
	for _, u := range sortedUnits(b.byUnit) {
		if x := b.byUnit[u]; !x.waits() {
			count(x)
			units++
		}
	}
	for _, u := range sortedUnits(b.names) {
		n := b.names[u]
		for _, host := range sortedKeys(n.denied) {
			if x := n.denied[host]; !x.waits() {
				count(x)
				without++
			}
		}
		for _, host := range sortedKeys(n.shared) {
			count(n.shared[host])
			shared++
		}
	}
	var what []string
	switch {
	case units == 1:
		what = append(what, "1 host or Service is not created")
	case units > 1:
		what = append(what, fmt.Sprintf("%d hosts or Services are not created", units))
	}
	switch {
	case without == 1:
		what = append(what, "1 DNS name is not given to a Service")
	case without > 1:
		what = append(what, fmt.Sprintf("%d DNS names are not given to Services", without))
	}
	switch {
	case shared == 1:
		what = append(what, "1 generated DNS name is another cluster's as well")
	case shared > 1:
		what = append(what, fmt.Sprintf("%d generated DNS names are other clusters' as well", shared))
	}
	if len(what) == 0 {
		return nil
	}
	var parts []string
	for _, reason := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%s %d", reason, counts[reason]))
	}
	return fmt.Errorf("%s (%s): %s", strings.Join(what, ", "), strings.Join(parts, ", "), first.message)
}
