package feedback

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// What the recordings of AKO show as the reason of a Route's condition.
const routeReason = `{"ako.vmware.com/controller-cluster-uuid":"c","ako.vmware.com/host-fqdn-vs-uuid-map":"{\"a.test\":\"vs-a\"}","ako.vmware.com/tenant-name":"t"}`

func TestForRoute(t *testing.T) {
	object := &akohubv1.ObjectRef{Kind: "routes.route.openshift.io", Namespace: "default", Name: "web", Uid: "u"}
	served := func(addresses ...string) []Entry {
		return []Entry{{Host: "a.test", Addresses: addresses, VirtualServiceUUID: "vs-a", Tenant: "t", Status: true, Annotate: true}}
	}
	marks := map[string]string{AnnotationHosts: `{"a.test":"vs-a"}`, AnnotationTenant: "t", AnnotationController: "c"}
	set := &akohubv1.AnnotationPatch{Set: marks}
	remove := &akohubv1.AnnotationPatch{Remove: []string{AnnotationController, AnnotationHosts, AnnotationTenant}}
	of := func(router, reason, address string) *akohubv1.RouteAdmission {
		return &akohubv1.RouteAdmission{Host: "a.test", RouterName: router, Admitted: true, Reason: reason, Message: address}
	}
	ours := func(address string) *akohubv1.RouteAdmission { return of("ako-x", routeReason, address) }
	refused := &akohubv1.RouteAdmission{Host: "a.test", RouterName: "ako-x", Reason: "Word"}
	theirs := of("default", "", "")
	type list = []*akohubv1.RouteAdmission
	status := func(in ...*akohubv1.RouteAdmission) *akohubv1.RouteStatus {
		return &akohubv1.RouteStatus{RouterName: "ako-x", Ingress: in}
	}
	tests := map[string]struct {
		entries []Entry
		current Current
		want    *akohubv1.WriteBack
	}{
		"nothing to say":                           {current: Current{Admissions: list{theirs}}},
		"first":                                    {entries: served("10.0.0.1"), current: Current{Admissions: list{theirs}}, want: &akohubv1.WriteBack{Route: status(ours("10.0.0.1")), Annotations: set}},
		"an entry an address":                      {entries: served("10.0.0.1", "fd00::1"), want: &akohubv1.WriteBack{Route: status(ours("10.0.0.1"), ours("fd00::1")), Annotations: set}},
		"already so, beside another's":             {entries: served("10.0.0.1"), current: Current{Admissions: list{theirs, ours("10.0.0.1")}, Annotations: marks}},
		"already so, with other spaces":            {entries: served("10.0.0.1"), current: Current{Admissions: list{of("ako-x", " "+routeReason, "10.0.0.1")}, Annotations: marks}},
		"another address":                          {entries: served("10.0.0.2"), current: Current{Admissions: list{ours("10.0.0.1")}, Annotations: marks}, want: &akohubv1.WriteBack{Route: status(ours("10.0.0.2"))}},
		"another virtual service before":           {entries: served("10.0.0.1"), current: Current{Admissions: list{of("ako-x", "{}", "10.0.0.1")}, Annotations: marks}, want: &akohubv1.WriteBack{Route: status(ours("10.0.0.1"))}},
		"no address yet":                           {entries: served(), want: &akohubv1.WriteBack{Annotations: set}},
		"no longer served":                         {current: Current{Admissions: list{theirs, ours("10.0.0.1")}, Annotations: marks}, want: &akohubv1.WriteBack{Route: status(), Annotations: remove}},
		"no longer served, without mark":           {current: Current{Admissions: list{ours("10.0.0.1")}}, want: &akohubv1.WriteBack{Route: status()}},
		"refused":                                  {entries: []Entry{{Host: "a.test", Refused: "Word"}}, current: Current{Admissions: list{theirs, ours("10.0.0.1")}, Annotations: marks}, want: &akohubv1.WriteBack{Route: status(refused), Annotations: remove}},
		"refused as before":                        {entries: []Entry{{Host: "a.test", Refused: "Word"}}, current: Current{Admissions: list{refused}}},
		"admitted again":                           {entries: served("10.0.0.1"), current: Current{Admissions: list{refused}, Annotations: marks}, want: &akohubv1.WriteBack{Route: status(ours("10.0.0.1"))}},
		"another cluster's entry, the same prefix": {current: Current{Admissions: list{of("ako-x2", routeReason, "10.0.0.1")}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ForRoute(object, "ako-x", tc.entries, "c", tc.current)
			if err != nil {
				t.Fatal(err)
			}
			if tc.want != nil {
				tc.want.Object = object
			}
			if diff := cmp.Diff(tc.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestShows(t *testing.T) {
	entry := []*akohubv1.RouteAdmission{{Host: "a.test", RouterName: "ako-x"}}
	for name, tc := range map[string]struct {
		current Current
		router  Router
		want    bool
	}{
		"nothing":         {Current{}, "ako-x", false},
		"an entry":        {Current{Admissions: entry}, "ako-x", true},
		"another's entry": {Current{Admissions: entry}, "ako", false},
		"the mark":        {Current{Annotations: map[string]string{AnnotationHosts: "{}"}}, "ako-x", true},
	} {
		if got := tc.current.Shows(tc.router); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
