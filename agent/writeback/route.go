package writeback

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// conditionAdmitted is the type of the condition that says whether a router
// serves a Route.
const conditionAdmitted = "Admitted"

// routePatch returns the patch that makes the entries of one router in a Route's
// status.ingress as wanted, or nil when they are so. The entries of other
// routers stay as and where they are; those that are new come after them. An
// entry that stays keeps what else it has.
func routePatch(live *unstructured.Unstructured, want *akohubv1.RouteStatus, now time.Time) map[string]any {
	if want == nil {
		return nil
	}
	// An unexpected form reads as empty, and is then written as it should be.
	have, _, _ := unstructured.NestedSlice(live.Object, "status", "ingress")
	var ours []map[string]any
	list := make([]any, 0, len(have)+len(want.GetIngress()))
	for _, h := range have {
		m, ok := h.(map[string]any)
		if !ok {
			continue
		}
		if m["routerName"] == want.GetRouterName() {
			ours = append(ours, m)
			continue
		}
		list = append(list, m)
	}
	same := len(ours) == len(want.GetIngress())
	for i, in := range want.GetIngress() {
		old := matching(ours, in)
		same = same && old != nil && i < len(ours) && saysSo(ours[i], in)
		list = append(list, routeEntry(old, want.GetRouterName(), in, now))
	}
	if same {
		return nil
	}
	var value any = list
	if len(list) == 0 {
		value = nil
	}
	return map[string]any{"status": map[string]any{"ingress": value}}
}

// matching finds the entry that an admission is about: that of the host and the
// address, else one of the host.
func matching(ours []map[string]any, in *akohubv1.RouteAdmission) map[string]any {
	var found map[string]any
	for _, m := range ours {
		if m["host"] != in.GetHost() {
			continue
		}
		if c := admittedOf(m); c != nil && text(c, "message") == in.GetMessage() {
			return m
		}
		if found == nil {
			found = m
		}
	}
	return found
}

func text(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

// admittedOf returns the condition of an entry, or nil.
func admittedOf(entry map[string]any) map[string]any {
	conditions, _ := entry["conditions"].([]any)
	for _, one := range conditions {
		if c, ok := one.(map[string]any); ok && c["type"] == conditionAdmitted {
			return c
		}
	}
	return nil
}

// saysSo tells whether an entry says what is wanted.
func saysSo(entry map[string]any, in *akohubv1.RouteAdmission) bool {
	c := admittedOf(entry)
	return c != nil && entry["host"] == in.GetHost() && c["status"] == conditionStatus(in) &&
		text(c, "reason") == in.GetReason() && text(c, "message") == in.GetMessage()
}

func conditionStatus(in *akohubv1.RouteAdmission) string {
	if in.GetAdmitted() {
		return "True"
	}
	return "False"
}

// routeEntry makes an entry from the one that there was, which may be nil. The
// time of its condition changes with the condition's status.
func routeEntry(old map[string]any, router string, in *akohubv1.RouteAdmission, now time.Time) map[string]any {
	entry := map[string]any{}
	for name, value := range old {
		entry[name] = value
	}
	since := now.UTC().Format(time.RFC3339)
	var conditions []any
	before, _ := old["conditions"].([]any)
	for _, one := range before {
		c, ok := one.(map[string]any)
		if !ok || c["type"] == conditionAdmitted {
			continue
		}
		conditions = append(conditions, c)
	}
	if c := admittedOf(old); c != nil && c["status"] == conditionStatus(in) && text(c, "lastTransitionTime") != "" {
		since = text(c, "lastTransitionTime")
	}
	admitted := map[string]any{"type": conditionAdmitted, "status": conditionStatus(in), "lastTransitionTime": since}
	if in.GetReason() != "" {
		admitted["reason"] = in.GetReason()
	}
	if in.GetMessage() != "" {
		admitted["message"] = in.GetMessage()
	}
	entry["host"], entry["routerName"] = in.GetHost(), router
	entry["conditions"] = append(conditions, admitted)
	return entry
}
