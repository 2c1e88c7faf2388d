package plan

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/akohub/akohub/hub/desired"
)

// deletions finds the observed objects that nobody wants. An object stays
// while another refers to it that stays and isn't rewritten: Avi would refuse.
func (c *computation) deletions() {
	victims := map[Key]bool{}
	moving := c.stuckMoves()
	for k := range c.candidates() {
		h := c.in.Observed[k]
		if h == nil || c.isWanted(k) || !desired.Own(k.Type) || !Owned(h, c.in.Cluster, c.in.CreatedBy) {
			continue
		}
		if c.in.KeepUnknown != nil && c.in.KeepUnknown(k) {
			c.skip(Delete, k, "what it was made from isn't known at the moment")
			continue
		}
		if to, ok := moving[idOf(k)]; ok && to.Tenant != k.Tenant {
			c.skip(Delete, k, fmt.Sprintf("what replaces it in tenant %q can't be written", to.Tenant))
			continue
		}
		victims[k] = true
	}
	if len(victims) == 0 {
		return
	}
	c.keepReferred(victims)
	for k := range victims {
		c.steps[k] = &Step{Op: Delete, Key: k, Have: c.in.Observed[k]}
	}
}

// candidates are the keys that may be of objects to delete: a plan of limited
// scope doesn't look at all that is observed.
func (c *computation) candidates() iter.Seq[Key] {
	if c.in.Scope != nil {
		return maps.Keys(c.in.Scope)
	}
	return maps.Keys(c.in.Observed)
}

func (c *computation) keepReferred(victims map[Key]bool) {
	type referral struct{ from, to Key }
	var referrals []referral
	byUUID := c.uuids()
	for from, h := range c.in.Observed {
		if !desired.Own(from.Type) {
			continue
		}
		for _, to := range h.refsOf(byUUID) {
			if victims[to] && !c.dropsRef(from, to) {
				referrals = append(referrals, referral{from, to})
			}
		}
	}
	slices.SortFunc(referrals, func(a, b referral) int {
		if cmp := desired.CompareKeys(a.to, b.to); cmp != 0 {
			return cmp
		}
		return desired.CompareKeys(a.from, b.from)
	})
	for changed := true; changed; {
		changed = false
		for _, r := range referrals {
			if victims[r.to] && !victims[r.from] {
				delete(victims, r.to)
				c.skip(Delete, r.to, fmt.Sprintf("%s %q still refers to it", r.from.Type, r.from.Name))
				changed = true
			}
		}
	}
}

// dropsRef reports whether a step of the plan rewrites an object so that it no
// longer refers to another, or makes it anew.
func (c *computation) dropsRef(from, to Key) bool {
	s := c.steps[from]
	if s == nil || s.Op != Update && !s.Again || c.in.Mode == ModeCreateOnly {
		return false
	}
	if s.Again {
		return true
	}
	_, still := slices.BinarySearchFunc(s.Want.Refs, to, desired.CompareKeys)
	return !still
}

// uuids returns a look-up of the observed objects by UUID, made when needed.
func (c *computation) uuids() func(typ, uuid string) (Key, bool) {
	type id struct{ typ, uuid string }
	var byUUID map[id]Key
	return func(typ, uuid string) (Key, bool) {
		if byUUID == nil {
			byUUID = make(map[id]Key, len(c.in.Observed))
			for k, h := range c.in.Observed {
				byUUID[id{k.Type, h.UUID}] = k
			}
		}
		k, ok := byUUID[id{typ, uuid}]
		return k, ok
	}
}
