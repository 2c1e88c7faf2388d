package parity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/avisim/normal"
)

// object is JSON as a value.
type object = map[string]any

func vsvip(addr string) normal.Dump {
	return normal.Dump{Tenants: map[string]map[string][]map[string]any{"admin": {"vsvip": {{
		"name": "v", "vip": []any{object{"vip_id": "0", "ip_address": object{"addr": addr, "type": "V4"}}},
	}}}}}
}

func ingress(ip string, hosts object) map[string]map[string]any {
	return map[string]map[string]any{"Ingress/default/ing": {
		"annotations": object{annotationHosts: hosts, annotationTenant: "admin"},
		"status":      object{"loadBalancer": object{"ingress": []any{object{"hostname": "a", "ip": ip}}}},
	}}
}

func TestCompare(t *testing.T) {
	tests := []struct {
		name      string
		want, got object
		fields    []string
	}{
		{name: "same", want: object{"admin/pool/p": object{"a": 1.0}}, got: object{"admin/pool/p": object{"a": 1.0}}},
		{name: "missing object", want: object{"admin/pool/p": object{"a": 1.0}}, got: object{}, fields: []string{"admin/pool/p "}},
		{name: "extra object", want: object{}, got: object{"admin/pool/p": object{"a": 1.0}}, fields: []string{"admin/pool/p "}},
		{name: "field below a list",
			want:   object{"admin/pool/p": object{"servers": []any{object{"port": 1.0}, object{"port": 2.0}}}},
			got:    object{"admin/pool/p": object{"servers": []any{object{"port": 1.0}, object{"port": 3.0}}}},
			fields: []string{"admin/pool/p servers[1].port"}},
		{name: "list of another length",
			want:   object{"admin/pool/p": object{"servers": []any{object{"port": 1.0}}}},
			got:    object{"admin/pool/p": object{"servers": []any{}}},
			fields: []string{"admin/pool/p servers"}},
		{name: "null is not absent",
			want:   object{"system_changes/vrfcontext/global": object{"static_routes": []any{}}},
			got:    object{},
			fields: []string{"system_changes/vrfcontext/global static_routes"}},
		{name: "nothing written on an Ingress",
			want:   object{"Ingress/ns/i": object{"annotations": object{"k": "v"}, "status": object{"s": "t"}}},
			got:    object{},
			fields: []string{"Ingress/ns/i annotations.k", "Ingress/ns/i status"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var fields []string
			for _, d := range compare(test.want, test.got) {
				fields = append(fields, d.object+" "+d.field)
			}
			if diff := cmp.Diff(test.fields, fields); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAddressesAreThoseOfTheVsVip(t *testing.T) {
	tests := []struct {
		name, asked           string
		vipAddr, statusAddr   string
		wantVIP, wantInStatus string
	}{
		{name: "allocated", vipAddr: "10.0.0.9", statusAddr: "10.0.0.9", wantVIP: "10.0.0.9", wantInStatus: "10.0.0.9"},
		{name: "status shows another", vipAddr: "10.0.0.9", statusAddr: "10.0.0.8", wantVIP: "10.0.0.9", wantInStatus: "10.0.0.9"},
		{name: "asked for and not given", asked: "10.9.9.9", vipAddr: "10.0.0.9", statusAddr: "10.0.0.9", wantVIP: "10.9.9.9", wantInStatus: "10.9.9.9"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := newAligner("c")
			a.ask(object{"spec": object{"loadBalancerIP": test.asked}})
			want, got := vsvip("10.9.9.9"), vsvip(test.vipAddr)
			a.dumps(want, got)
			if diff := cmp.Diff(vsvip(test.wantVIP), want); diff != "" {
				t.Errorf("AKO's VsVip after alignment, -want +got:\n%s", diff)
			}
			wantStatus, gotStatus := ingress("10.9.9.9", nil), ingress(test.statusAddr, nil)
			a.statuses(wantStatus, gotStatus, nil)
			if diff := cmp.Diff(ingress(test.wantInStatus, nil), wantStatus); diff != "" {
				t.Errorf("AKO's status after alignment, -want +got:\n%s", diff)
			}
		})
	}
}

func TestUUIDsAreThoseOfOneVirtualService(t *testing.T) {
	names := map[string]string{"our-1": "admin/vs-1", "our-2": "admin/vs-2"}
	tests := []struct {
		name      string
		ako, ours object
		right     bool
	}{
		{name: "one each", ako: object{"a": "x", "b": "y"}, ours: object{"a": "our-1", "b": "our-2"}, right: true},
		{name: "both the same", ako: object{"a": "x", "b": "x"}, ours: object{"a": "our-1", "b": "our-1"}, right: true},
		{name: "one of AKO's is two of ours", ako: object{"a": "x", "b": "x"}, ours: object{"a": "our-1", "b": "our-2"}},
		{name: "two of AKO's are one of ours", ako: object{"a": "x", "b": "y"}, ours: object{"a": "our-1", "b": "our-1"}},
		{name: "no virtual service of ours", ako: object{"a": "x"}, ours: object{"a": "gone"}},
		{name: "a host is missing", ako: object{"a": "x", "b": "y"}, ours: object{"a": "our-1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want, got := ingress("1", test.ako), ingress("1", test.ours)
			newAligner("c").statuses(want, got, names)
			if diff := cmp.Diff(want, got); (diff == "") != test.right {
				t.Errorf("right should be %v; difference:\n%s", test.right, diff)
			}
		})
	}
}

func TestWaivers(t *testing.T) {
	full := func(change func(*waiver)) *waiver {
		w := &waiver{Object: "admin/pool/p", Field: "graceful_disable_timeout", AKO: 1, Reason: "r", Docs: "#d"}
		change(w)
		return w
	}
	checks := []struct {
		name string
		w    *waiver
		bad  string
	}{
		{"fine", full(func(*waiver) {}), ""},
		{"an annotation", full(func(w *waiver) { w.Field = "annotations.ako.vmware.com/host-fqdn-vs-uuid-map" }), ""},
		{"no reason", full(func(w *waiver) { w.Reason = "" }), "are needed"},
		{"no entry for users", full(func(w *waiver) { w.Docs = "" }), "are needed"},
		{"a whole object", full(func(w *waiver) { w.Field = "" }), "missing or has another name"},
		{"a name", full(func(w *waiver) { w.Field = "name" }), "another address, host or name"},
		{"an address", full(func(w *waiver) { w.Field = "vip[0].ip_address.addr" }), "another address, host or name"},
		{"a status", full(func(w *waiver) { w.Field = "status.loadBalancer.ingress[0].hostname" }), "another address, host or name"},
		{"all of a status", full(func(w *waiver) { w.Field = "status" }), "another address, host or name"},
		{"a list of VIPs", full(func(w *waiver) { w.Field = "vip" }), "another address, host or name"},
		{"a host", full(func(w *waiver) { w.Field = "vh_domain_name" }), "another address, host or name"},
		{"an added object", full(func(w *waiver) { w.Field, w.AKO, w.Added = "", nil, true }), ""},
		{"an added status", full(func(w *waiver) { w.Field, w.AKO, w.Added = "status", nil, true }), ""},
		{"added to what AKO has", full(func(w *waiver) { w.Field, w.Added = "vip", true }), "no value of AKO's"},
		{"a host more", full(func(w *waiver) { w.Field, w.AKO, w.Ours = "dns_info", []any{"a"}, []any{"b", "a"} }), ""},
		{"a host less", full(func(w *waiver) { w.Field, w.AKO, w.Ours = "dns_info", []any{"a", "b"}, []any{"b"} }), "another address, host or name"},
		{"a parent", full(func(w *waiver) { w.Field = "vh_parent_vs_ref" }), "another address, host or name"},
	}
	for _, test := range checks {
		t.Run(test.name, func(t *testing.T) {
			err := test.w.check()
			if (err == nil) != (test.bad == "") || err != nil && !strings.Contains(err.Error(), test.bad) {
				t.Errorf("got %v, want an error with %q", err, test.bad)
			}
		})
	}

	timeout := difference{object: "admin/pool/p", field: "graceful_disable_timeout", want: 1.0}
	extra := difference{object: "admin/pool/p", field: "graceful_disable_timeout", got: 1.0}
	other := difference{object: "admin/pool/p", field: "graceful_disable_timeout", want: 2.0}
	tests := []struct {
		name string
		w    *waiver
		step int
		in   difference
		left int
	}{
		{"takes away what it names", full(func(*waiver) {}), 1, timeout, 0},
		{"another value of AKO's", full(func(*waiver) {}), 1, other, 1},
		{"another value of ours", full(func(w *waiver) { w.Ours = 3 }), 1, timeout, 1},
		{"added, but AKO has one", full(func(w *waiver) { w.AKO, w.Added = nil, true }), 1, timeout, 1},
		{"added", full(func(w *waiver) { w.AKO, w.Added = nil, true }), 1, extra, 0},
		{"its step", full(func(w *waiver) { w.Step = 2 }), 2, timeout, 0},
		{"another step", full(func(w *waiver) { w.Step = 2 }), 1, timeout, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			left, used := waive([]*waiver{test.w}, test.step, []difference{test.in})
			if len(left) != test.left || len(used) != 1-test.left {
				t.Errorf("%d differences are left and %d waivers used; want %d left", len(left), len(used), test.left)
			}
		})
	}
}

func TestAnchors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.md")
	text := "# Two words, really\n<a id=\"named\"></a>\n#nospace\n## `code` – x\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := anchors(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"#two-words-really": true, "#named": true, "#code--x": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestExpand(t *testing.T) {
	s, err := parseStep([]byte(`
kind: Backend
metadata: {name: web, namespace: shop}
spec:
  service: {type: LoadBalancer}
  addresses: [10.1.1.1]
---
kind: Restart
configmap: {shardVSSize: SMALL, autoFQDN: null}
---
$delete: true
kind: TLSSecret
metadata: {name: tls, namespace: shop}
cert: a
`), map[string]any{"shardVSSize": "LARGE", "autoFQDN": "flat", "clusterName": "c"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"shardVSSize": "SMALL", "clusterName": "c"}, s.configMap); diff != "" || !s.restart {
		t.Errorf("restart %v with settings, -want +got:\n%s", s.restart, diff)
	}
	var got []string
	for _, c := range s.changes {
		verb := "apply "
		if c.remove {
			verb = "delete "
		}
		got = append(got, verb+c.object.GetKind()+" "+c.object.GetNamespace()+"/"+c.object.GetName())
	}
	want := []string{"apply Service shop/web", "apply EndpointSlice shop/web-1", "delete Secret shop/tls"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	service := s.changes[0].object.Object["spec"]
	wantService := object{
		"type": "LoadBalancer", "selector": object{"app": "web"},
		"ports": []any{object{"name": "http", "port": int64(80), "targetPort": int64(8080)}},
	}
	if diff := cmp.Diff(wantService, service); diff != "" {
		t.Errorf("Service, -want +got:\n%s", diff)
	}
	data, _ := s.changes[2].object.Object["stringData"].(map[string]any)
	if cert, _ := data["tls.crt"].(string); !strings.HasPrefix(cert, "-----BEGIN CERTIFICATE-----") {
		t.Errorf("the certificate is %q", cert)
	}
}
