package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/translate"
)

// MergeLabels says what an edit makes of a shared object's labels
// (l4-infra.md §2.9): nothing to do when all are there; all are added when the
// object has no labels; labels of somebody else's, or another value under one
// of the keys, make foreign say what is in the way. The body isn't changed.
func MergeLabels(body map[string]any, edit translate.Edit) (labels []any, due bool, foreign string) {
	have := map[string]string{}
	list, _ := body["labels"].([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		key, _ := m["key"].(string)
		value, _ := m["value"].(string)
		have[key] = value
	}
	missing := 0
	for key, value := range edit.Labels {
		if v, ok := have[key]; !ok {
			missing++
		} else if v != value {
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

// dependsOnEdit reports whether a new object must wait for an edit: the
// service engines of a virtual service take the labels (the cluster's routes)
// of their group only when they are made (l4-infra.md §2.9).
func dependsOnEdit(o *desired.Object, edit Key) bool {
	if o.Key.Type != "virtualservice" || edit.Type != "serviceenginegroup" {
		return false
	}
	r, ok := parseRef(o.Body["se_group_ref"])
	return ok && r.Name == edit.Name
}
