package reconcile

import (
	"maps"
	"slices"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
)

// nodePortType is the type of Services that never carry marks.
const nodePortType = "NodePort"

// marks returns the annotations that an object is to carry for others; those
// with an empty value are to go.
func (m *model) marks(ref mirror.Ref) map[string]string {
	out := maps.Clone(m.unmarked[ref])
	if out == nil {
		out = map[string]string{}
	}
	for _, u := range sortedUnits(m.tellers[ref]) {
		for _, x := range m.fragments[u].Marks {
			if x.Object == ref {
				out[x.Name] = x.Value
			}
		}
	}
	return out
}

// unmark notes which marks of a unit nobody stands behind any more: those that
// its Ingresses asked for, and those of Services that have become of type
// NodePort. A Service that only ceases to have a virtual service of its own
// keeps its mark, as with AKO (l4-infra.md §1.8.3, §2.1 "AUTO_ANNOTATE_SERVICE").
func (m *model) unmark(v mirror.View, u translate.UnitKey, old, now []translate.Mark) {
	for _, x := range old {
		svc, ok := v.Service(x.Object.Namespace, x.Object.Name)
		if !ok || svc.UID != x.UID || slices.Contains(now, x) || groupOf(u.Kind) == groupServices && svc.Body.GetType() != nodePortType {
			continue
		}
		if m.unmarked[x.Object] == nil {
			m.unmarked[x.Object] = map[string]string{}
		}
		m.unmarked[x.Object][x.Name] = ""
	}
}

// marksAreGone says that an object shows what it should: a mark that is put
// there from now on is its owner's.
func (m *model) marksAreGone(ref mirror.Ref) { delete(m.unmarked, ref) }
