package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/translate"
)

// Counts are the numbers of a plan.
type Counts struct {
	Creates, Updates, Deletes, Edits, Conflicts, Skipped int
}

// Writes is the number of steps.
func (c Counts) Writes() int { return c.Creates + c.Updates + c.Deletes + c.Edits }

// String is for logs: "3 create, 1 update".
func (c Counts) String() string {
	var parts []string
	for _, e := range []struct {
		n    int
		text string
	}{
		{c.Creates, "create"}, {c.Updates, "update"}, {c.Deletes, "delete"}, {c.Edits, "edit"},
		{c.Conflicts, "in conflict"}, {c.Skipped, "left out"},
	} {
		if e.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", e.n, e.text))
		}
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

// Counts counts the steps of the plan and what is left out of it.
func (p Plan) Counts() Counts {
	c := Counts{Conflicts: len(p.Conflicts), Skipped: len(p.Skipped)}
	for _, s := range p.Steps {
		switch s.Op {
		case Create:
			c.Creates++
		case Update:
			c.Updates++
		case Delete:
			c.Deletes++
		case Edit:
			c.Edits++
		}
	}
	return c
}

// Empty reports whether there is nothing to write.
func (p Plan) Empty() bool { return len(p.Steps) == 0 }

// Blocked says why the plan must not be applied; empty: it may be.
func (p Plan) Blocked() string {
	switch {
	case p.Mode != ModeEnforce && p.Mode != ModeCreateOnly:
		mode := p.Mode
		if mode == "" {
			mode = ModeObserve
		}
		return "the mode is " + string(mode)
	case p.Held != "":
		return p.Held
	}
	return ""
}

// The printed form of a plan.
type (
	printedPlan struct {
		Cluster   string            `json:"cluster" yaml:"cluster"`
		Mode      Mode              `json:"mode" yaml:"mode"`
		Summary   string            `json:"summary" yaml:"summary"`
		Held      string            `json:"held,omitempty" yaml:"held,omitempty"`
		Steps     []printedStep     `json:"steps" yaml:"steps"`
		Conflicts []printedConflict `json:"conflicts,omitempty" yaml:"conflicts,omitempty"`
		Skipped   []printedSkip     `json:"skipped,omitempty" yaml:"skipped,omitempty"`
	}
	printedStep struct {
		Op      Op              `json:"op" yaml:"op"`
		Tenant  string          `json:"tenant" yaml:"tenant"`
		Type    string          `json:"type" yaml:"type"`
		Name    string          `json:"name" yaml:"name"`
		After   []int           `json:"after,omitempty" yaml:"after,omitempty,flow"`
		Again   bool            `json:"again,omitempty" yaml:"again,omitempty"`
		Changes []printedChange `json:"changes,omitempty" yaml:"changes,omitempty"`
		Body    map[string]any  `json:"body,omitempty" yaml:"body,omitempty"`
	}
	printedChange struct {
		Path string `json:"path" yaml:"path"`
		From string `json:"from,omitempty" yaml:"from,omitempty"`
		To   string `json:"to,omitempty" yaml:"to,omitempty"`
	}
	printedConflict struct {
		Tenant string `json:"tenant" yaml:"tenant"`
		Type   string `json:"type" yaml:"type"`
		Name   string `json:"name" yaml:"name"`
		Owner  string `json:"owner" yaml:"owner"`
	}
	printedSkip struct {
		Op     Op     `json:"op" yaml:"op"`
		Tenant string `json:"tenant" yaml:"tenant"`
		Type   string `json:"type" yaml:"type"`
		Name   string `json:"name" yaml:"name"`
		Reason string `json:"reason" yaml:"reason"`
	}
)

// Redacted returns the plan in a form for printing as JSON or YAML: steps with
// what they create or change, secrets as "<redacted>".
func (p Plan) Redacted() any {
	out := printedPlan{
		Cluster: p.Cluster, Mode: p.Mode, Summary: p.Counts().String(), Held: p.Held,
		Steps: make([]printedStep, 0, len(p.Steps)),
	}
	for _, s := range p.Steps {
		step := printedStep{Op: s.Op, Tenant: s.Key.Tenant, Type: s.Key.Type, Name: s.Key.Name, After: s.After, Again: s.Again}
		for _, c := range s.Changes {
			step.Changes = append(step.Changes, printedChange(c))
		}
		if s.Op == Create && s.Want != nil {
			step.Body = RedactBody(s.Key.Type, s.Want.Body)
		}
		if s.Op == Edit && s.Edit != nil && len(step.Changes) == 0 {
			for _, c := range unread(*s.Edit) {
				step.Changes = append(step.Changes, printedChange(c))
			}
		}
		out.Steps = append(out.Steps, step)
	}
	for _, c := range p.Conflicts {
		out.Conflicts = append(out.Conflicts, printedConflict{c.Key.Tenant, c.Key.Type, c.Key.Name, c.Owner})
	}
	for _, s := range p.Skipped {
		out.Skipped = append(out.Skipped, printedSkip{s.Op, s.Key.Tenant, s.Key.Type, s.Key.Name, s.Reason})
	}
	return out
}

// unread says what an edit changes of an object that wasn't read.
func unread(e translate.Edit) []Change {
	var out []Change
	m := Merge(map[string]any{}, e)
	for _, field := range slices.Sorted(maps.Keys(m.Fields)) {
		out = append(out, Change{Path: field, To: text(m.Fields[field])})
	}
	return out
}
