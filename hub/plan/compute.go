package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/akohub/akohub/hub/desired"
)

// Compute returns the writes that make what is observed into what is desired.
func Compute(in Input) Plan {
	if in.Mode == "" {
		in.Mode = ModeObserve
	}
	c := &computation{
		in:      in,
		plan:    Plan{Cluster: in.Cluster, CreatedBy: in.CreatedBy, Mode: in.Mode},
		steps:   map[Key]*Step{},
		blocked: map[Key]string{},
		pruned:  map[Key]*desired.Object{},
	}
	c.block()
	c.edits()
	for _, o := range in.Desired {
		if c.inScope(o.Key) {
			c.want(o)
		}
	}
	c.widen()
	c.deletions()
	c.mode()
	c.brake()
	c.plan.Steps = order(c.steps)
	slices.SortFunc(c.plan.Conflicts, func(a, b Conflict) int { return desired.CompareKeys(a.Key, b.Key) })
	slices.SortFunc(c.plan.Skipped, func(a, b Skip) int { return desired.CompareKeys(a.Key, b.Key) })
	return c.plan
}

type computation struct {
	in    Input
	plan  Plan
	steps map[Key]*Step
	// blocked are wanted objects that can't be written, with the reason.
	blocked map[Key]string
	// pruned are wanted objects without their elements for blocked ones.
	pruned map[Key]*desired.Object
	wanted map[Key]bool // made when first needed, see isWanted
}

func (c *computation) inScope(k Key) bool { return c.in.Scope == nil || c.in.Scope[k] }

// isWanted is asked about a few keys of a scoped plan, or about all.
func (c *computation) isWanted(k Key) bool {
	if c.wanted == nil {
		c.wanted = map[Key]bool{}
		for _, o := range c.in.Desired {
			if c.inScope(o.Key) || c.named(o.Key) {
				c.wanted[o.Key] = true
			}
		}
	}
	return c.wanted[k]
}

// named reports whether the input says something about the key by itself.
func (c *computation) named(k Key) bool {
	_, foreign := c.in.Foreign[k]
	_, broken := c.in.Broken[k]
	return foreign || broken
}

// block finds the wanted objects that can't be: those whose name is taken,
// those that Avi refused, and those that can't be without one of them.
func (c *computation) block() {
	for k, owner := range c.in.Foreign {
		if c.in.Observed[k] == nil && c.isWanted(k) {
			c.conflict(k, owner)
		}
	}
	for k, reason := range c.in.Broken {
		if _, ok := c.blocked[k]; !ok && c.isWanted(k) {
			c.blocked[k] = reason
		}
	}
	for _, o := range c.in.Desired {
		if !c.inScope(o.Key) {
			continue
		}
		if h := c.in.Observed[o.Key]; h != nil && !Owned(h, c.in.Cluster, c.in.CreatedBy) {
			c.conflict(o.Key, Owner(h))
		}
	}
	if len(c.blocked) == 0 {
		return
	}
	for changed := true; changed; {
		changed = false
		for _, o := range c.in.Desired {
			if c.blocked[o.Key] != "" {
				continue
			}
			if p := c.pruned[o.Key]; p != nil {
				o = p
			}
			culprit, ok := c.missingRef(o)
			if !ok {
				continue
			}
			if p := prune(o, c.missing); p != nil {
				c.pruned[o.Key] = p
				if culprit, ok = c.missingRef(p); !ok {
					changed = true
					continue
				}
			}
			c.blocked[o.Key] = fmt.Sprintf("needs %s %q, which can't be written", culprit.Type, culprit.Name)
			changed = true
		}
	}
}

func (c *computation) conflict(k Key, owner string) {
	if c.inScope(k) {
		c.plan.Conflicts = append(c.plan.Conflicts, Conflict{Key: k, Owner: owner})
	}
	c.blocked[k] = "the name is taken by an object of " + ownerText(owner)
}

func ownerText(owner string) string {
	if owner == "" {
		return "somebody else"
	}
	return owner
}

// missing reports whether an object is wanted, can't be written, and isn't
// there in an earlier form of the cluster's own.
func (c *computation) missing(k Key) bool {
	if _, ok := c.blocked[k]; !ok {
		return false
	}
	h := c.in.Observed[k]
	return h == nil || !Owned(h, c.in.Cluster, c.in.CreatedBy)
}

func (c *computation) missingRef(o *desired.Object) (Key, bool) {
	for _, r := range o.Refs {
		if c.missing(r) {
			return r, true
		}
	}
	return Key{}, false
}

func (c *computation) edits() {
	for i := range c.in.Edits {
		e := &c.in.Edits[i]
		if !c.inScope(e.Key) {
			continue
		}
		h := c.in.Observed[e.Key]
		step := &Step{Op: Edit, Key: e.Key, Edit: e, Have: h}
		if h != nil {
			m := Merge(h.Body, *e)
			if m.Foreign != "" {
				c.plan.Conflicts = append(c.plan.Conflicts, Conflict{Key: e.Key, Owner: m.Foreign})
				c.blockEdited(e.Key)
				continue
			}
			if !m.Due() {
				continue
			}
			for _, field := range slices.Sorted(maps.Keys(m.Fields)) {
				step.Changes = append(step.Changes, Change{Path: field, From: text(h.Body[field]), To: text(m.Fields[field])})
			}
		}
		c.steps[e.Key] = step
	}
}

// blockEdited keeps new virtual services off a service-engine group that has
// somebody else's labels.
func (c *computation) blockEdited(edit Key) {
	for _, o := range c.in.Desired {
		if c.in.Observed[o.Key] == nil && DependsOnEdit(o, edit) && c.blocked[o.Key] == "" {
			c.blocked[o.Key] = fmt.Sprintf("the labels of %s %q are another cluster's", edit.Type, edit.Name)
		}
	}
}

func (c *computation) want(o *desired.Object) {
	h := c.in.Observed[o.Key]
	op := Create
	if h != nil {
		op = Update
	}
	if reason, ok := c.blocked[o.Key]; ok {
		c.skip(op, o.Key, reason)
		return
	}
	if p := c.pruned[o.Key]; p != nil {
		o = p
	}
	if h == nil {
		c.steps[o.Key] = &Step{Op: Create, Key: o.Key, Want: o}
		return
	}
	changes := Diff(o, h)
	switch {
	case len(changes) == 0:
	case !isFixed(o, h):
		c.steps[o.Key] = &Step{Op: Update, Key: o.Key, Want: o, Have: h, Changes: changes}
	default:
		c.again(h, changes)
	}
}

// widen takes into a scoped plan what refers to an object that it creates: it
// may be there already, without what could not be until now (see prune).
func (c *computation) widen() {
	if c.in.Scope == nil {
		return
	}
	created := map[Key]bool{}
	for k, s := range c.steps {
		if s.Op == Create {
			created[k] = true
		}
	}
	for len(created) > 0 {
		more := map[Key]bool{}
		for _, o := range c.in.Desired {
			if c.inScope(o.Key) || c.steps[o.Key] != nil || !slices.ContainsFunc(o.Refs, func(k Key) bool { return created[k] }) {
				continue
			}
			c.want(o)
			if s := c.steps[o.Key]; s != nil && s.Op == Create {
				more[o.Key] = true
			}
		}
		created = more
	}
}

func (c *computation) skip(op Op, k Key, reason string) {
	c.plan.Skipped = append(c.plan.Skipped, Skip{Op: op, Key: k, Reason: reason})
}

// mode takes out what a mode doesn't apply. Observe and frozen keep all steps
// to be looked at; the plan as a whole isn't applied then.
func (c *computation) mode() {
	if c.in.Mode != ModeCreateOnly {
		return
	}
	for k, s := range c.steps {
		if s.Op == Update || s.Op == Delete {
			c.skip(s.Op, k, "the mode is "+string(ModeCreateOnly))
			delete(c.steps, k)
		}
	}
}

func (c *computation) tombstoned(k Key) bool { return c.in.Tombstoned != nil && c.in.Tombstoned(k) }
