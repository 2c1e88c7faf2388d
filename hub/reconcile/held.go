package reconcile

import (
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
)

// asksForMore says that a unit asks for something that translation does not have
// yet, so that what an AKO made for it cannot be told from what nobody wants.
func (m *model) asksForMore() bool {
	for u := range m.unserved {
		if f := m.fragments[u]; f.Unserved() {
			return true
		}
	}
	return false
}

// keepsHeld says that an object on the controller belongs to a Service that asks
// for what nobody can have, and so keeps what it has. After a restart nobody
// remembers that; the names and the markers of the objects tell.
func (w *worker) keepsHeld(k plan.Key) bool {
	for u := range w.model.unserved {
		f := w.model.fragments[u]
		if !f.Held {
			continue
		}
		for _, p := range f.Publications {
			if w.isOf(p, k) {
				return true
			}
		}
	}
	return false
}

// isOf says whether an object on the controller is one of those of layer 4 that
// a Service is published by.
func (w *worker) isOf(p translate.Publication, k plan.Key) bool {
	if k.Tenant != p.VirtualService.Tenant {
		return false
	}
	switch k.Type {
	case "pool":
		o := w.observed[k]
		return o != nil && marker(o, "Namespace") == p.Object.Namespace && marker(o, "ServiceName") == p.Object.Name
	case typeVirtualService, "vsvip", "l4policyset":
		return k.Name == p.VirtualService.Name
	}
	return false
}

// marker returns the only value of a marker of an observed object; empty: it has
// none, or several (l4-infra.md §4.2).
func marker(o *plan.Observed, key string) string {
	markers, _ := o.Body["markers"].([]any)
	for _, m := range markers {
		fields, _ := m.(map[string]any)
		if fields["key"] != key {
			continue
		}
		if values, _ := fields["values"].([]any); len(values) == 1 {
			value, _ := values[0].(string)
			return value
		}
	}
	return ""
}
