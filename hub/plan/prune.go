package plan

import (
	"maps"
	"slices"

	"github.com/akohub/akohub/hub/desired"
)

// prune returns a shared object without the elements that refer to objects
// which can't be: the members of a pool group, the rules of an L4 policy. One
// refused pool must not keep its siblings from being served; AKO means to do
// the same (l4-infra.md §5.4). It returns nil if there is nothing to take out.
//
// Rules of HTTP policies and certificates of virtual services are not pruned:
// a host with half its rules sends requests to the wrong place.
func prune(o *desired.Object, missing func(Key) bool) *desired.Object {
	var body map[string]any
	switch o.Key.Type {
	case "poolgroup":
		members, changed := without(o, "members", o.Body, missing)
		if !changed {
			return nil
		}
		body = replaced(o.Body, "members", members)
	case "l4policyset":
		policy, ok := o.Body["l4_connection_policy"].(map[string]any)
		if !ok {
			return nil
		}
		rules, changed := without(o, "rules", policy, missing)
		if !changed {
			return nil
		}
		body = maps.Clone(o.Body)
		body["l4_connection_policy"] = replaced(policy, "rules", rules)
	default:
		return nil
	}
	p, err := desired.FromBody(o.Key, body, o.From)
	if err != nil {
		return nil // a canonical body without an element always encodes
	}
	return p
}

// without returns the list in a field of part without the elements that refer
// to missing objects.
func without(o *desired.Object, field string, part map[string]any, missing func(Key) bool) ([]any, bool) {
	list, _ := part[field].([]any)
	kept := make([]any, 0, len(list))
	for _, e := range list {
		m, ok := e.(map[string]any)
		if ok && refersToMissing(o, field, m, missing) {
			continue
		}
		kept = append(kept, e)
	}
	return kept, len(kept) < len(list)
}

func refersToMissing(o *desired.Object, field string, element map[string]any, missing func(Key) bool) bool {
	// RefsOf walks whole objects: lend the element one.
	body := map[string]any{field: []any{element}}
	if o.Key.Type == "l4policyset" {
		body = map[string]any{"l4_connection_policy": body}
	}
	return slices.ContainsFunc(desired.RefsOf(o.Key, body, nil), missing)
}

func replaced(body map[string]any, field string, v []any) map[string]any {
	out := maps.Clone(body)
	if len(v) == 0 {
		delete(out, field)
	} else {
		out[field] = v
	}
	return out
}
