package reconcile

import (
	"cmp"
	"fmt"
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
)

// bar keeps a unit from having anything on the controller, by a rule that is not
// translation's: a limit of the registration, or another cluster's claim.
type bar struct{ reason, message string }

// bars are the units that are barred.
type bars struct {
	byUnit map[translate.UnitKey]bar
	// refs are the Kubernetes objects of a barred unit.
	refs map[translate.UnitKey][]mirror.Ref
	// byObject lists the barred units of a Kubernetes object.
	byObject map[mirror.Ref]map[translate.UnitKey]struct{}
	// restless are the units to be judged again, for they were translated anew.
	restless map[translate.UnitKey]struct{}
	// born is the age of the oldest object behind a unit, in seconds.
	born map[translate.UnitKey]int64
}

func newBars() bars {
	return bars{
		byUnit:   map[translate.UnitKey]bar{},
		refs:     map[translate.UnitKey][]mirror.Ref{},
		byObject: map[mirror.Ref]map[translate.UnitKey]struct{}{},
		restless: map[translate.UnitKey]struct{}{},
		born:     map[translate.UnitKey]int64{},
	}
}

// noteBorn notes that a unit was translated anew.
func (m *model) noteBorn(v mirror.View, u translate.UnitKey, f translate.Fragment) {
	m.bars.restless[u] = struct{}{}
	objects := slices.Clone(f.Objects)
	for _, c := range f.Contributions {
		objects = append(objects, translate.Object{From: c.From})
	}
	if len(objects) == 0 {
		delete(m.bars.born, u)
		return
	}
	m.bars.born[u] = age(v, objects)
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
	refs := objectsOf(f)
	same := was && b != nil && old == *b
	if same && slices.Equal(refs, m.bars.refs[u]) {
		return
	}
	for _, ref := range m.bars.refs[u] {
		drop(m.bars.byObject, ref, u)
		d.told[ref] = struct{}{}
	}
	delete(m.bars.refs, u)
	delete(m.bars.byUnit, u)
	if b != nil {
		m.bars.byUnit[u], m.bars.refs[u] = *b, refs
		for _, ref := range refs {
			add(m.bars.byObject, ref, u)
			d.told[ref] = struct{}{}
		}
	}
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

// barProblems returns what keeps the units of an object off the controller.
func (m *model) barProblems(ref mirror.Ref) []translate.Problem {
	var out []translate.Problem
	for _, u := range sortedUnits(m.bars.byObject[ref]) {
		b, ok := m.bars.byUnit[u]
		if p := (translate.Problem{Object: ref, Reason: b.reason, Message: b.message}); ok && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// standing says how many units are barred, and why the first of them is.
func (b *bars) standing() error {
	if len(b.byUnit) == 0 {
		return nil
	}
	counts := map[string]int{}
	for _, x := range b.byUnit {
		counts[x.reason]++
	}
	var parts []string
	for _, reason := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%s %d", reason, counts[reason]))
	}
	first := b.byUnit[sortedUnits(b.byUnit)[0]]
	return fmt.Errorf("%d hosts or Services are not created (%s): %s", len(b.byUnit), strings.Join(parts, ", "), first.message)
}

// objectsOf returns the Kubernetes objects that a fragment stands for, sorted.
func objectsOf(f translate.Fragment) []mirror.Ref {
	var out []mirror.Ref
	for _, p := range f.Publications {
		out = append(out, p.Object)
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

// hostsOf returns the host names that somebody asked for and a fragment is about,
// sorted. A name that is made up for a Service is nobody's claim: Services of
// the same name in several clusters are no rivals.
func hostsOf(f translate.Fragment) []string {
	var out []string
	if f.Unit.Kind == translate.UnitHost && len(f.Objects)+len(f.Contributions) > 0 {
		out = append(out, f.Unit.Name)
	}
	for _, c := range f.Contributions {
		out = append(out, c.FQDNs...)
	}
	for _, p := range f.Publications {
		if p.Refused == "" {
			out = append(out, p.Host)
		}
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
	for i := range out {
		out[i] = strings.ToLower(out[i])
	}
	out = slices.DeleteFunc(out, func(h string) bool { return h == "" || madeUp(f, h) })
	slices.SortFunc(out, cmp.Compare[string])
	return slices.Compact(out)
}

// madeUp says that a host has the form of a Service's generated name
// (l4-infra.md §1.8): NAME.NAMESPACE.DOMAIN, or NAME-NAMESPACE.DOMAIN.
func madeUp(f translate.Fragment, host string) bool {
	if f.Unit.Kind != translate.UnitL4 {
		return false
	}
	for _, r := range objectsOf(f) {
		for _, between := range []string{".", "-"} {
			if strings.HasPrefix(host, strings.ToLower(r.Name+between+r.Namespace+".")) {
				return true
			}
		}
	}
	return false
}
