package plan

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/akohub/akohub/hub/translate"
)

func staticRoute(id string, index int, prefix, hop string) translate.StaticRoute {
	return translate.StaticRoute{ID: id, Index: index, Prefix: netip.MustParsePrefix(prefix), NextHop: netip.MustParseAddr(hop)}
}

func vrf(t *testing.T, routes string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(`{"name": "global", "static_routes": [`+routes+`]}`), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// text of a route as AKO or we wrote it, or somebody else with other labels.
func routeText(id, prefix, hop, labels string) string {
	p := netip.MustParsePrefix(prefix)
	return fmt.Sprintf(`{"route_id": %q, "prefix": {"ip_addr": {"addr": %q, "type": "V4"}, "mask": %d}, "next_hop": {"addr": %q, "type": "V4"}, "labels": [%s], "if_name": "kept"}`,
		id, p.Addr(), p.Bits(), hop, labels)
}

const (
	akoID  = "prod-4f0c2a6e-7b1d-4c62-9a53-0d8a4f6f2b11-"
	prod   = `{"key": "clustername", "value": "prod"}`
	prod2  = `{"key": "clustername", "value": "prod-2"}`
	team   = `{"key": "team", "value": "x"}`
	ourID  = "prod-00000000-0000-8000-8000-000000000001-0"
	ourID1 = "prod-00000000-0000-8000-8000-000000000002-1"
)

func ids(routes any) []string {
	out := []string{}
	list, _ := routes.([]any)
	for _, e := range list {
		id, _ := e.(map[string]any)["route_id"].(string)
		out = append(out, id)
	}
	return out
}

func TestMergeRoutes(t *testing.T) {
	want := []translate.StaticRoute{staticRoute(ourID, 0, "10.244.0.0/24", "192.168.10.11")}
	tests := map[string]struct {
		have string
		want []translate.StaticRoute
		keep []string
		due  bool
		ids  []string // where due
	}{
		"none there":   {``, want, nil, true, []string{ourID}},
		"none at all":  {``, nil, nil, false, nil},
		"there":        {routeText(ourID, "10.244.0.0/24", "192.168.10.11", prod), want, nil, false, nil},
		"AKO's number": {routeText(akoID+"0", "10.244.0.0/24", "192.168.10.11", prod), want, nil, false, nil},
		"AKO's number with another index": {
			routeText(akoID+"1", "10.244.0.0/24", "192.168.10.11", prod), want, nil, true, []string{ourID}},
		"another node": {routeText(akoID+"0", "10.244.0.0/24", "192.168.10.12", prod), want, nil, true, []string{ourID}},
		"a label more": {routeText(akoID+"0", "10.244.0.0/24", "192.168.10.11", team+","+prod), want, nil, false, nil},
		"node is gone": {routeText(ourID, "10.244.0.0/24", "192.168.10.11", prod), nil, nil, true, []string{}},
		"others stay": {
			routeText("a", "10.244.0.0/24", "192.168.10.11", "") + "," + routeText("b", "10.244.0.0/24", "192.168.10.11", team) + "," +
				routeText("prod-2-x", "10.244.0.0/24", "192.168.10.11", prod2) + "," + routeText(akoID+"0", "10.9.0.0/24", "192.168.10.11", prod),
			want, nil, true, []string{"a", "b", "prod-2-x", ourID}},
		"unknown stays": {
			routeText(akoID+"0", "10.9.0.0/24", "192.168.10.13", prod) + "," + routeText(akoID+"0", "10.8.0.0/24", "192.168.10.14", prod),
			want, []string{"192.168.10.13"}, true, []string{akoID + "0", ourID}},
		"doubles go": {
			routeText(ourID, "10.244.0.0/24", "192.168.10.11", prod) + "," + routeText(ourID, "10.244.0.0/24", "192.168.10.11", prod),
			want, nil, true, []string{ourID}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			body := vrf(t, tt.have)
			before := fmt.Sprint(body)
			m := Merge(body, translate.Edit{Routes: &translate.Routes{Cluster: "prod", Routes: tt.want, Keep: tt.keep}})
			if m.Due() != tt.due || m.Foreign != "" {
				t.Fatalf("merged: %+v, want due %v", m, tt.due)
			}
			if tt.due {
				if d := cmp.Diff(tt.ids, ids(m.Fields["static_routes"])); d != "" {
					t.Errorf("ids (-want +got):\n%s", d)
				}
			}
			if fmt.Sprint(body) != before {
				t.Error("the body was changed")
			}
		})
	}
}

// From a VRF context that the cluster has left only those routes go that are its
// own by label and by number.
func TestMergeRoutesFormer(t *testing.T) {
	left := routeText("prod-by-hand", "10.1.0.0/24", "192.168.1.1", prod) + "," + routeText("prod-2-4f0c2a6e-7b1d-4c62-9a53-0d8a4f6f2b11-0", "10.2.0.0/24", "192.168.1.1", prod2) +
		"," + routeText(akoID+"9", "10.3.0.0/24", "192.168.1.1", team) + "," + routeText("prod-2-4f0c2a6e-7b1d-4c62-9a53-0d8a4f6f2b11-1", "10.4.0.0/24", "192.168.1.1", prod)
	body := vrf(t, left+","+routeText(akoID+"0", "10.244.0.0/24", "192.168.10.11", prod)+","+routeText(ourID1, "10.244.1.0/24", "192.168.10.11", prod))
	if d := cmp.Diff([]string{"prod-2", "prod", "prod"}, Marks("vrfcontext", body)); d != "" {
		t.Errorf("marks (-want +got):\n%s", d)
	}
	m := Merge(body, translate.Leaving(&translate.Settings{ClusterName: "prod"}, translate.Key{Type: "vrfcontext", Name: "global"}))
	if d := cmp.Diff(vrf(t, left)["static_routes"], m.Fields["static_routes"]); d != "" {
		t.Errorf("routes left (-want +got):\n%s", d)
	}
	if rest := vrf(t, left); slices.Contains(Marks("vrfcontext", rest), "prod") || Merge(rest, translate.Leaving(&translate.Settings{ClusterName: "prod"}, translate.Key{Type: "vrfcontext"})).Due() {
		t.Error("there is something left to do")
	}
	group := map[string]any{"labels": []any{map[string]any{"key": "clustername", "value": "prod-2"}, map[string]any{"key": "prod", "value": "prod"}}}
	if d := cmp.Diff([]string{"prod-2"}, Marks("serviceenginegroup", group)); d != "" {
		t.Errorf("marks of the group (-want +got):\n%s", d)
	}
}

// A network that goes moves the others of its node one place up.
func TestMergeRoutesNumbers(t *testing.T) {
	body := vrf(t, routeText(ourID, "10.1.0.0/24", "192.168.10.11", prod)+","+routeText(ourID1, "10.2.0.0/24", "192.168.10.11", prod))
	m := Merge(body, translate.Edit{Routes: &translate.Routes{Cluster: "prod", Routes: []translate.StaticRoute{
		staticRoute("prod-00000000-0000-8000-8000-000000000002-0", 0, "10.2.0.0/24", "192.168.10.11"),
	}}})
	if d := cmp.Diff([]string{"prod-00000000-0000-8000-8000-000000000002-0"}, ids(m.Fields["static_routes"])); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// Whatever clusters write in whatever order, each ends with its own routes and
// none touches another's or nobody's; a merge of what was merged changes nothing.
func TestMergeRoutesProperty(t *testing.T) {
	clusters := []string{"prod", "prod-2", "prod-2-b", "p"}
	rapid.Check(t, func(t *rapid.T) {
		body := map[string]any{"static_routes": []any{map[string]any{"route_id": "prod-nobody"}}}
		want := map[string][]translate.StaticRoute{}
		for range rapid.IntRange(1, 12).Draw(t, "writes") {
			c := rapid.SampledFrom(clusters).Draw(t, "cluster")
			routes := []translate.StaticRoute{}
			for i, n := range rapid.SliceOfDistinct(rapid.IntRange(0, 5), rapid.ID[int]).Draw(t, "nodes") {
				hop := rapid.IntRange(1, 3).Draw(t, "hop")
				routes = append(routes, staticRoute(fmt.Sprintf("%s-00000000-0000-8000-8000-00000000%02d%02d-%d", c, n, hop, i), i,
					fmt.Sprintf("10.244.%d.0/24", n), fmt.Sprintf("192.168.10.%d", hop)))
			}
			want[c] = routes
			edit := translate.Edit{Routes: &translate.Routes{Cluster: c, Routes: routes}}
			if m := Merge(body, edit); m.Due() {
				body = map[string]any{"static_routes": m.Fields["static_routes"]}
			}
			if m := Merge(body, edit); m.Due() {
				t.Fatalf("merged twice: %+v", m)
			}
		}
		list := body["static_routes"].([]any)
		left := len(list)
		for c, routes := range want {
			for _, r := range routes {
				if !slices.ContainsFunc(list, func(e any) bool {
					m := e.(map[string]any)
					p, hop, ok := parseRoute(m)
					return ok && routeOf(m, c) && p == r.Prefix && hop == r.NextHop
				}) {
					t.Fatalf("cluster %s lost %v: %v", c, r, list)
				}
				left--
			}
		}
		if left != 1 || list[0].(map[string]any)["route_id"] != "prod-nobody" {
			t.Fatalf("%d routes that are nobody's: %v", left, list)
		}
	})
}

func TestMergeRemovesLabels(t *testing.T) {
	edit := translate.Edit{Labels: map[string]string{"clustername": "prod"}, Remove: true}
	body := map[string]any{"labels": []any{
		map[string]any{"key": "team", "value": "x"}, map[string]any{"key": "clustername", "value": "prod"},
	}}
	m := Merge(body, edit)
	if d := cmp.Diff([]any{map[string]any{"key": "team", "value": "x"}}, m.Fields["labels"]); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	body["labels"] = []any{map[string]any{"key": "clustername", "value": "prod-2"}}
	if m := Merge(body, edit); m.Due() || m.Foreign != "" {
		t.Errorf("another cluster's label: %+v", m)
	}
}
