package writeback

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func routeOf(t *testing.T, status string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	text := `
apiVersion: route.openshift.io/v1
kind: Route
metadata: {namespace: red, name: web, uid: u-1, resourceVersion: "5"}
spec: {host: a.com}
` + status
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

func admitted(reason string, addresses ...string) *akohubv1.WriteBack {
	s := &akohubv1.RouteStatus{RouterName: "ako-c"}
	for _, a := range addresses {
		s.Ingress = append(s.Ingress, &akohubv1.RouteAdmission{Host: "a.com", RouterName: "ako-c", Admitted: true, Reason: reason, Message: a})
	}
	return &akohubv1.WriteBack{Object: ref(kinds.Route), Route: s}
}

func refused(reason string) *akohubv1.WriteBack {
	return &akohubv1.WriteBack{Object: ref(kinds.Route), Route: &akohubv1.RouteStatus{RouterName: "ako-c",
		Ingress: []*akohubv1.RouteAdmission{{Host: "a.com", RouterName: "ako-c", Reason: reason}}}}
}

// Entries as patches have them: what another router says, and what we say.
const (
	theirs = `{"conditions":[{"lastTransitionTime":"2020-01-01T00:00:00Z","status":"True","type":"Admitted"}],"host":"a.com","routerCanonicalHostname":"r.com","routerName":"default"}`
	before = `"lastTransitionTime":"2021-01-01T00:00:00Z"`
	now    = `"lastTransitionTime":"2026-03-01T12:00:00Z"`
)

func ours(time, message, reason, status string) string {
	return `{"conditions":[{` + time + `,"message":"` + message + `","reason":"` + reason + `","status":"` + status + `","type":"Admitted"}],"host":"a.com","routerName":"ako-c"}`
}

func statusWith(entries string) string { return `status {"status":{"ingress":` + entries + `}}` }

func TestRoutePatches(t *testing.T) {
	const akos = `{host: a.com, routerName: ako-c, conditions: [{type: Admitted, status: "True", reason: r, message: 10.0.0.1, lastTransitionTime: "2021-01-01T00:00:00Z"}]}`
	const akosRefused = `{host: a.com, routerName: ako-c, conditions: [{type: Admitted, status: "False", reason: Word, lastTransitionTime: "2021-01-01T00:00:00Z"}]}`
	tests := []struct {
		name, status string
		wb           *akohubv1.WriteBack
		want         []string
	}{
		{name: "the first", wb: admitted("r", "10.0.0.1"), want: []string{statusWith("[" + ours(now, "10.0.0.1", "r", "True") + "]")}},
		{name: "beside another router's", status: "status: {ingress: [" + theirs + "]}", wb: admitted("r", "10.0.0.1"),
			want: []string{statusWith("[" + theirs + "," + ours(now, "10.0.0.1", "r", "True") + "]")}},
		{name: "as it is", status: "status: {ingress: [" + theirs + "," + akos + "]}", wb: admitted("r", "10.0.0.1")},
		{name: "another reason", status: "status: {ingress: [" + akos + "," + theirs + "]}", wb: admitted("q", "10.0.0.1"),
			want: []string{statusWith("[" + theirs + "," + ours(before, "10.0.0.1", "q", "True") + "]")}},
		{name: "another address", status: "status: {ingress: [" + akos + "]}", wb: admitted("r", "10.0.0.2"),
			want: []string{statusWith("[" + ours(before, "10.0.0.2", "r", "True") + "]")}},
		{name: "an address more", status: "status: {ingress: [" + akos + "]}", wb: admitted("r", "10.0.0.1", "fd00::1"),
			want: []string{statusWith("[" + ours(before, "10.0.0.1", "r", "True") + "," + ours(before, "fd00::1", "r", "True") + "]")}},
		{name: "no longer admitted", status: "status: {ingress: [" + akos + "]}", wb: refused("Word"),
			want: []string{statusWith(`[{"conditions":[{` + now + `,"reason":"Word","status":"False","type":"Admitted"}],"host":"a.com","routerName":"ako-c"}]`)}},
		{name: "refused as before", status: "status: {ingress: [" + akosRefused + "]}", wb: refused("Word")},
		{name: "admitted again", status: "status: {ingress: [" + akosRefused + "]}", wb: admitted("r", "10.0.0.1"),
			want: []string{statusWith("[" + ours(now, "10.0.0.1", "r", "True") + "]")}},
		{name: "not ours any more", status: "status: {ingress: [" + akos + "," + theirs + "]}", wb: admitted(""),
			want: []string{statusWith("[" + theirs + "]")}},
		{name: "nobody's any more", status: "status: {ingress: [" + akos + "]}", wb: admitted(""), want: []string{statusWith("null")}},
		{name: "never ours", status: "status: {ingress: [" + theirs + "]}", wb: admitted("")},
		{name: "a status of an odd form", status: "status: {ingress: [text, {host: a.com, routerName: ako-c, conditions: text}]}", wb: admitted("r", "10.0.0.1"),
			want: []string{statusWith("[" + ours(now, "10.0.0.1", "r", "True") + "]")}},
		{name: "other conditions and fields stay",
			status: `status: {ingress: [{host: a.com, routerName: ako-c, wildcardPolicy: None, conditions: [{type: X, status: "True"}]}]}`, wb: admitted("r", "10.0.0.1"),
			want: []string{statusWith(`[{"conditions":[{"status":"True","type":"X"},{` + now + `,"message":"10.0.0.1","reason":"r","status":"True","type":"Admitted"}],` +
				`"host":"a.com","routerName":"ako-c","wildcardPolicy":"None"}]`)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newWorld(t, routeOf(t, tt.status))
			outcome := resUnchanged
			if tt.want != nil {
				outcome = resApplied
			}
			if r := x.do(tt.wb); r.GetOutcome() != outcome {
				t.Errorf("outcome %s %q, want %s", r.GetOutcome(), r.GetMessage(), outcome)
			}
			if d := cmp.Diff(tt.want, x.patches()); d != "" {
				t.Errorf("patches (-want +got):\n%s", d)
			}
			if r := x.do(tt.wb); r.GetOutcome() != resUnchanged || x.patches() != nil {
				t.Errorf("a second time: %v", r)
			}
		})
	}
}

func TestRouteStatusNeedsARoute(t *testing.T) {
	x := newWorld(t, service())
	for name, wb := range map[string]*akohubv1.WriteBack{
		"a Service":     {Object: ref(kinds.Service), Route: &akohubv1.RouteStatus{RouterName: "ako-c"}},
		"no router":     {Object: ref(kinds.Route), Route: &akohubv1.RouteStatus{}},
		"load balanced": {Object: ref(kinds.Route), LoadBalancer: status("10.0.0.1")},
	} {
		if r := x.do(wb); r.GetOutcome() != failed {
			t.Errorf("%s: %v", name, r)
		}
	}
}
