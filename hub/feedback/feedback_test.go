package feedback

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func lb(pairs ...string) []*akohubv1.LoadBalancerIngress {
	var out []*akohubv1.LoadBalancerIngress
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, &akohubv1.LoadBalancerIngress{Ip: pairs[i], Hostname: pairs[i+1]})
	}
	return out
}

func TestFor(t *testing.T) {
	object := &akohubv1.ObjectRef{Kind: "services", Namespace: "default", Name: "web", Uid: "u"}
	served := Entry{Host: "b.test", Addresses: []string{"10.0.0.1"}, VirtualServiceUUID: "vs-b", Tenant: "t", Status: true, Annotate: true}
	marks := map[string]string{AnnotationHosts: `{"b.test": "vs-b"}`, AnnotationTenant: "t", AnnotationController: "c"}
	tests := map[string]struct {
		entries []Entry
		current Current
		written []*akohubv1.LoadBalancerIngress
		want    *akohubv1.WriteBack
	}{
		"nothing to say": {},
		"first status": {
			entries: []Entry{served, {Host: "a.test", Addresses: []string{"10.0.0.2", "fd00::2"}, VirtualServiceUUID: "vs-a", Tenant: "t", Status: true, Annotate: true}},
			want: &akohubv1.WriteBack{
				LoadBalancer: &akohubv1.LoadBalancerStatus{Ingress: lb("10.0.0.2", "a.test", "fd00::2", "a.test", "10.0.0.1", "b.test")},
				Annotations: &akohubv1.AnnotationPatch{Set: map[string]string{
					AnnotationHosts: `{"a.test":"vs-a","b.test":"vs-b"}`, AnnotationTenant: "t", AnnotationController: "c"}},
			},
		},
		"already so, written with other spaces": {
			entries: []Entry{served},
			current: Current{Status: lb("10.0.0.1", "b.test"), Annotations: marks},
		},
		"somebody cleared the status": {
			entries: []Entry{served},
			current: Current{Annotations: marks},
			want:    &akohubv1.WriteBack{LoadBalancer: &akohubv1.LoadBalancerStatus{Ingress: lb("10.0.0.1", "b.test")}},
		},
		"no longer served, with our mark": {
			current: Current{Status: lb("10.0.0.1", "b.test"), Annotations: marks},
			want: &akohubv1.WriteBack{
				LoadBalancer: &akohubv1.LoadBalancerStatus{},
				Annotations:  &akohubv1.AnnotationPatch{Remove: []string{AnnotationController, AnnotationHosts, AnnotationTenant}},
			},
		},
		"another controller's status is left alone": {
			current: Current{Status: lb("192.0.2.1", ""), Annotations: map[string]string{AnnotationTenant: "x"}},
		},
		"a status that this hub wrote without marks is cleared": {
			current: Current{Status: lb("10.0.0.1", "")},
			written: lb("10.0.0.1", ""),
			want:    &akohubv1.WriteBack{LoadBalancer: &akohubv1.LoadBalancerStatus{}},
		},
		"of a status that others share only ours goes": {
			current: Current{Status: lb("192.0.2.1", "", "10.0.0.1", "b.test"), Annotations: marks},
			want: &akohubv1.WriteBack{
				LoadBalancer: &akohubv1.LoadBalancerStatus{Ingress: lb("192.0.2.1", "")},
				Annotations:  &akohubv1.AnnotationPatch{Remove: []string{AnnotationController, AnnotationHosts, AnnotationTenant}},
			},
		},
		"another controller has taken the status over": {
			current: Current{Status: lb("192.0.2.1", ""), Annotations: marks},
			written: lb("10.0.0.1", "b.test"),
			want: &akohubv1.WriteBack{
				Annotations: &akohubv1.AnnotationPatch{Remove: []string{AnnotationController, AnnotationHosts, AnnotationTenant}},
			},
		},
		"a mark that cannot be read names no host": {
			current: Current{Status: lb("192.0.2.1", "x"), Annotations: map[string]string{AnnotationHosts: "not json"}},
			want: &akohubv1.WriteBack{
				Annotations: &akohubv1.AnnotationPatch{Remove: []string{AnnotationHosts}},
			},
		},
		"no host: status without annotations": {
			entries: []Entry{{Addresses: []string{"10.0.0.1"}, VirtualServiceUUID: "vs", Tenant: "t", Status: true, Annotate: true}},
			want:    &akohubv1.WriteBack{LoadBalancer: &akohubv1.LoadBalancerStatus{Ingress: lb("10.0.0.1", "")}},
		},
		"a moved virtual service changes only the map": {
			entries: []Entry{{Host: "b.test", Addresses: []string{"10.0.0.1"}, VirtualServiceUUID: "vs-new", Tenant: "t", Status: true, Annotate: true}},
			current: Current{Status: lb("10.0.0.1", "b.test"), Annotations: marks},
			want:    &akohubv1.WriteBack{Annotations: &akohubv1.AnnotationPatch{Set: map[string]string{AnnotationHosts: `{"b.test":"vs-new"}`}}},
		},
		"an entry that the status leaves out": {
			entries: []Entry{{Host: "*.b.test", Addresses: []string{"10.0.0.1"}, VirtualServiceUUID: "vs", Tenant: "t"}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := For(object, tc.entries, "c", tc.current, tc.written)
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
