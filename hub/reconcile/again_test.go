package reconcile

import (
	"testing"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// A host of one word, which a cloud without DNS profile takes, may come to the
// name of a Service. When the Service goes the host gets the name, and with it a
// virtual service of another type.
func TestNameComesToAnotherType(t *testing.T) {
	seed, err := avisim.DefaultSeed()
	if err != nil {
		t.Fatal(err)
	}
	for i := range seed.Clouds {
		if seed.Clouds[i].Name == "none-cloud" {
			seed.Clouds[i].Domains = nil
		}
	}
	f := startWith(t, avisim.Options{Seed: seed, Tenants: []string{"team"}})
	w := sites(1, 1)
	w.ingress("a0", 0, "default-lb0")
	w[ingressRef("a0")].GetIngress().Tls = []*akohubv1.IngressTls{{Hosts: []string{"default-lb0"}, SecretName: "tls"}}
	w.put(kinds.Secret, "default", "tls", 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_Secret{Secret: &akohubv1.Secret{Type: "kubernetes.io/tls", Data: testCertificate(t)}}
	})
	w.aged(serviceRef("lb0"), 100)
	w.aged(ingressRef("a0"), 200)
	c := f.up(registration("c1", func(r *v1alpha1.Cluster) { r.Spec.Cloud = "none-cloud" }), w)
	service := func() (typ, uuid string) {
		o := c.held(plan.Key{Tenant: "team", Type: "virtualservice", Name: "c1--default-lb0"})
		if o == nil {
			t.Fatalf("there is no virtual service; %s", c.status().Error)
		}
		typ, _ = o.Body["type"].(string)
		return typ, o.UUID
	}
	typ, before := service()
	if typ == "VS_TYPE_VH_CHILD" {
		t.Fatalf("the Service's virtual service is of type %s", typ)
	}
	c.tombstone(serviceRef("lb0"))
	c.settle()
	if typ, after := service(); typ != "VS_TYPE_VH_CHILD" || after == before {
		t.Errorf("type %q, uuid %q, before %q", typ, after, before)
	}
	f.writes()
	_ = c.try()
	f.noWrites("after it was made anew")
}
