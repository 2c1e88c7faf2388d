package translate

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// drawIngress draws an Ingress over few hosts, paths and names, so that they
// meet often.
func drawIngress(t *rapid.T) *akohubv1.Ingress {
	in := &akohubv1.Ingress{Meta: &akohubv1.Meta{CreationSeconds: rapid.Int64Range(1, 3).Draw(t, "created")}}
	hosts := []string{"a.shop.example.test", "b.shop.example.test", "*.shop.example.test", "", "www.example.com"}
	for range rapid.IntRange(0, 3).Draw(t, "rules") {
		rule := &akohubv1.IngressRule{Host: rapid.SampledFrom(hosts).Draw(t, "host"), HasHttp: true}
		for range rapid.IntRange(0, 3).Draw(t, "paths") {
			rule.Paths = append(rule.Paths, &akohubv1.IngressPath{
				Path:     rapid.SampledFrom([]string{"", "/", "/x", "/y/z", "/y_z"}).Draw(t, "path"),
				PathType: rapid.SampledFrom([]string{"Prefix", "Exact", ""}).Draw(t, "type"),
				Backend:  &akohubv1.IngressBackend{ServiceName: rapid.SampledFrom([]string{"web", "gone"}).Draw(t, "service"), PortNumber: 80},
			})
		}
		in.Rules = append(in.Rules, rule)
	}
	if name := rapid.SampledFrom([]string{"", "sa", "sb", "gone"}).Draw(t, "secret"); name != "" {
		in.Tls = []*akohubv1.IngressTls{{Hosts: hosts[:3], SecretName: name}}
	}
	return in
}

// The same objects give the same bytes, whatever the order they came in.
func TestIngressOrderDoesNotShow(t *testing.T) {
	fixed := append(webBackend(t), aviClass(t, true), secret(t, "sa", "a"), secret(t, "sb", "b"))
	rapid.Check(t, func(rt *rapid.T) {
		recs := slices.Clone(fixed)
		for i := range rapid.IntRange(1, 6).Draw(rt, "ingresses") {
			ns := rapid.SampledFrom([]string{"red", "blue"}).Draw(rt, "namespace")
			recs = append(recs, record(t, ns, fmt.Sprint("i", i), drawIngress(rt)))
		}
		s := settings(func(s *Settings) { s.NoPGForSNI = rapid.Bool().Draw(rt, "nopg") })
		var first, second []byte
		readView(t, recs, func(v mirror.View) { first = indented(t, goldenOf(t, v, s)) })
		shuffled := rapid.Permutation(recs).Draw(rt, "order")
		readView(t, shuffled, func(v mirror.View) { second = indented(t, goldenOf(t, v, s)) })
		if string(first) != string(second) {
			rt.Fatalf("order shows:\n%s\n---\n%s", first, second)
		}
	})
}

// Every object has one owner, and what objects refer to of the cluster's own
// is there.
func TestIngressObjectsAreWhole(t *testing.T) {
	fixed := append(webBackend(t), aviClass(t, true), secret(t, "sa", "a"), secret(t, "sb", "b"))
	rapid.Check(t, func(rt *rapid.T) {
		recs := slices.Clone(fixed)
		for i := range rapid.IntRange(1, 6).Draw(rt, "ingresses") {
			recs = append(recs, record(t, "red", fmt.Sprint("i", i), drawIngress(rt)))
		}
		readView(t, recs, func(v mirror.View) {
			objects, fragments := translateAll(v, settings())
			have := map[Key]bool{}
			for _, o := range objects {
				if have[o.Key] {
					rt.Errorf("%v is there twice", o.Key)
				}
				if len(o.From) == 0 {
					rt.Errorf("%v is from nothing", o.Key)
				}
				have[o.Key] = true
			}
			for _, f := range fragments {
				for _, p := range f.Publications {
					if !have[p.VirtualService] || !have[p.VsVip] {
						rt.Errorf("%s is published at %v and %v, which are not there", p.Host, p.VirtualService, p.VsVip)
					}
				}
			}
			checkRefs(rt, objects, have)
		})
	})
}

// checkRefs looks for references to types that the cluster makes itself.
func checkRefs(t *rapid.T, objects []Object, have map[Key]bool) {
	refs := map[string]bool{}
	for key := range have {
		refs[key.Tenant+refTo(key.Type, key.Name)] = true
	}
	own := regexp.MustCompile(`/api/(virtualservice|vsvip|pool|poolgroup|httppolicyset|vsdatascriptset|sslkeyandcertificate)/\?name=[^"]+`)
	for _, o := range objects {
		body, err := json.Marshal(o.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range own.FindAllString(string(body), -1) {
			if !refs[o.Key.Tenant+ref] {
				t.Errorf("%v refers to %s, which is not there", o.Key, ref)
			}
		}
	}
}
