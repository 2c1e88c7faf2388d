package plan

import "slices"

// id is what stays of a key when an object moves to another tenant.
type id struct{ typ, name string }

func idOf(k Key) id { return id{k.Type, k.Name} }

// moves are the creations of a plan by what they may replace in other tenants: a
// namespace that changes its tenant has its new objects made before the old ones
// go, and what used the old ones is not changed before.
type moves map[id][]*node

func movesOf(nodes []*node) moves {
	out := moves{}
	for _, n := range nodes {
		if n.step.Op == Create {
			out[idOf(n.step.Key)] = append(out[idOf(n.step.Key)], n)
		}
	}
	return out
}

// first lets a step wait for the creation of what replaces an object.
func (m moves) first(n *node, replaced Key) {
	for _, c := range m[idOf(replaced)] {
		if c.step.Key.Tenant != replaced.Tenant {
			n.mustFollow(c)
		}
	}
}

// stuckMoves are the wanted objects that are not there, or not whole, since
// something of them can't be written: what they replace in another tenant serves
// on.
func (c *computation) stuckMoves() map[id]Key {
	if len(c.blocked) == 0 {
		return nil
	}
	stuck := map[Key]bool{}
	for k := range c.blocked {
		stuck[k] = c.in.Observed[k] == nil
	}
	for k := range c.pruned {
		stuck[k] = true
	}
	for changed := true; changed; {
		changed = false
		for _, o := range c.in.Desired {
			if !stuck[o.Key] && slices.ContainsFunc(o.Refs, func(k Key) bool { return stuck[k] }) {
				stuck[o.Key], changed = true, true
			}
		}
	}
	out := map[id]Key{}
	for k, is := range stuck {
		// Of several tenants any will do, but always the same.
		if old, ok := out[idOf(k)]; is && (!ok || k.Tenant < old.Tenant) {
			out[idOf(k)] = k
		}
	}
	return out
}
