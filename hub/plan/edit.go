package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/translate"
)

// Merged is what an edit makes of a shared object.
type Merged struct {
	// Fields are the fields to write, whole. Empty: nothing is due.
	Fields map[string]any
	// Foreign says what of somebody else's is in the way; nothing is due then.
	Foreign string
}

// Due says that there is something to write.
func (m Merged) Due() bool { return len(m.Fields) > 0 }

// Merge says what an edit makes of the body of a shared object: labels and
// static routes of others stay as they are, in their places. The body isn't
// changed.
func Merge(body map[string]any, edit translate.Edit) Merged {
	m := Merged{Fields: map[string]any{}}
	if len(edit.Labels) > 0 {
		labels, due, foreign := mergeLabels(body, edit)
		if foreign != "" {
			return Merged{Foreign: foreign}
		}
		if due {
			m.Fields["labels"] = labels
		}
	}
	if edit.Routes != nil {
		if routes, due := mergeRoutes(body, edit.Routes); due {
			m.Fields["static_routes"] = routes
		}
	}
	return m
}

// mergeLabels follows l4-infra.md §2.9: nothing to do when all labels are
// there; all are added when the object has none; labels of somebody else's, or
// another value under one of the keys, are in the way.
func mergeLabels(body map[string]any, edit translate.Edit) (labels []any, due bool, foreign string) {
	list, _ := body["labels"].([]any)
	if edit.Remove {
		rest := slices.DeleteFunc(slices.Clone(list), func(e any) bool {
			key, value := label(e)
			want, ok := edit.Labels[key]
			return ok && want == value
		})
		return rest, len(rest) < len(list), ""
	}
	have := map[string]string{}
	for _, e := range list {
		key, value := label(e)
		have[key] = value
	}
	missing := 0
	for _, key := range slices.Sorted(maps.Keys(edit.Labels)) {
		if v, ok := have[key]; !ok {
			missing++
		} else if v != edit.Labels[key] {
			return nil, false, "label " + key + "=" + v
		}
	}
	if missing == 0 {
		return list, false, ""
	}
	if missing == len(edit.Labels) && len(have) > 0 {
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(have)) {
			parts = append(parts, key+"="+have[key])
		}
		return nil, false, "labels " + strings.Join(parts, ", ")
	}
	labels = slices.Clone(list)
	for _, key := range slices.Sorted(maps.Keys(edit.Labels)) {
		if _, ok := have[key]; !ok {
			labels = append(labels, map[string]any{"key": key, "value": edit.Labels[key]})
		}
	}
	return labels, true, ""
}

func label(e any) (key, value string) {
	m, _ := e.(map[string]any)
	key, _ = m["key"].(string)
	value, _ = m["value"].(string)
	return key, value
}

// DependsOnEdit reports whether a new object must wait for an edit: the
// service engines of a virtual service take the labels (the cluster's routes)
// of their group only when they are made (l4-infra.md §2.9).
func DependsOnEdit(o *desired.Object, edit Key) bool {
	if o.Key.Type != typeVirtualService || edit.Type != "serviceenginegroup" {
		return false
	}
	r, ok := parseRef(o.Body["se_group_ref"])
	return ok && r.Name == edit.Name
}
