package plan

import (
	"slices"

	"github.com/akohub/akohub/hub/desired"
)

const typeVsVip = "vsvip"

// Avi gives an address to one VsVip at a time (l4-infra.md §1.5), so a VIP that
// asks for one waits until the VIP that has it is gone. That is the one case in
// which something is taken away before its like is there. A DNS name may be on
// two VIPs for a moment: it is added where it will be before it goes where it
// was, so that it resolves all the time.

// place is an address where it can be only once: in a cloud's VRF context or
// behind a tier-1 router. Two tenants may have VRF contexts of one name; that
// these are different ones cannot be told, and is no harm.
type place struct{ cloud, network, addr string }

// placesOf returns the addresses of a VsVip's body: what it asks for, or has.
func placesOf(body map[string]any) []place {
	p := place{cloud: refName(body["cloud_ref"]), network: refName(body["vrf_context_ref"])}
	if path, _ := body["tier1_lr"].(string); path != "" {
		p.network = path
	}
	var out []place
	vips, _ := body["vip"].([]any)
	for _, v := range vips {
		vip, _ := v.(map[string]any)
		for _, field := range []string{"ip_address", "ip6_address"} {
			if p.addr = addrOf(vip[field]); p.addr != "" {
				out = append(out, p)
			}
		}
	}
	return out
}

// refName is the name in a reference; empty: it has none.
func refName(v any) string {
	r, _ := parseRef(v)
	return r.Name
}

// same says whether two places are one, as far as is known.
func (p place) same(o place) bool {
	either := func(a, b string) bool { return a == b || a == "" || b == "" }
	return p.addr == o.addr && either(p.cloud, o.cloud) && either(p.network, o.network)
}

// linkAddresses has each step that needs an address wait for the one that gives
// it back, and returns the steps that this hurries: what must go before it. These
// wait for no replacement in another tenant, which would wait for them.
//
// An address is given back by deletions only: Avi refuses any other address for
// a VIP that has one, so that two VIPs cannot change theirs with each other but
// by being made anew.
func linkAddresses(nodes []*node) map[*node]bool {
	type held struct {
		place
		by *node
	}
	freed := map[string][]held{}
	for _, n := range nodes {
		if n.step.Op == Delete && n.step.Key.Type == typeVsVip {
			for _, p := range placesOf(n.step.Have.Body) {
				freed[p.addr] = append(freed[p.addr], held{p, n})
			}
		}
	}
	if len(freed) == 0 {
		return nil
	}
	urgent := map[*node]bool{}
	for _, n := range nodes {
		if n.step.Want == nil || n.step.Key.Type != typeVsVip {
			continue
		}
		for _, p := range placesOf(n.step.Want.Body) {
			for _, h := range freed[p.addr] {
				// What goes only after what needs it can't go first.
				if p.same(h.place) && !h.by.comesAfter(n) {
					n.mustFollow(h.by)
					h.by.hurry(urgent)
				}
			}
		}
	}
	return urgent
}

// comesAfter says whether a step waits for another, over any number of others.
func (n *node) comesAfter(m *node) bool {
	return slices.ContainsFunc(n.after, func(a *node) bool { return a == m || a.comesAfter(m) })
}

// hurry adds a step and all that it waits for to a set.
func (n *node) hurry(set map[*node]bool) {
	if set[n] {
		return
	}
	set[n] = true
	for _, m := range n.after {
		m.hurry(set)
	}
}

// Freed returns the DNS names and addresses that a VsVip's body had and another
// has not; nil stands for none. What was refused for want of one may be tried
// again.
func Freed(before, after map[string]any) map[string]bool {
	out := map[string]bool{}
	for _, t := range taken(before) {
		out[t] = true
	}
	for _, t := range taken(after) {
		delete(out, t)
	}
	return out
}

// Needs says whether a wanted VsVip asks for one of these names and addresses.
func Needs(o *desired.Object, freed map[string]bool) bool {
	return o.Key.Type == typeVsVip && slices.ContainsFunc(taken(o.Body), func(t string) bool { return freed[t] })
}

// taken are the addresses and the names of a VsVip's body.
func taken(body map[string]any) []string {
	var out []string
	for _, p := range placesOf(body) {
		out = append(out, p.addr)
	}
	return append(out, Names(body)...)
}

// Names returns the DNS names of a VsVip's body as they stand there.
func Names(body map[string]any) []string {
	var out []string
	list, _ := body["dns_info"].([]any)
	for _, e := range list {
		info, _ := e.(map[string]any)
		if name, _ := info["fqdn"].(string); name != "" {
			out = append(out, name)
		}
	}
	return out
}
