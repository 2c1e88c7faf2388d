package translate

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/vmware/alb-sdk/go/models"
	"pgregory.net/rapid"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

var drawnHosts = []string{"a.shop.example.test", "b.shop.example.test", "*.shop.example.test", "", "www.example.com"}

// choices are where drawn things come from: rapid, or the bytes of a fuzzer.
type choices interface {
	// pick returns a number from 0 to n-1.
	pick(n int, what string) int
}

type rapidChoices struct{ *rapid.T }

func (c rapidChoices) pick(n int, what string) int { return rapid.IntRange(0, n-1).Draw(c.T, what) }

// byteChoices takes a byte for each choice; when there are no more, the first
// of each is chosen.
type byteChoices struct{ data []byte }

func (c *byteChoices) pick(n int, _ string) int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b) % n
}

func oneOf[T any](c choices, what string, from ...T) T { return from[c.pick(len(from), what)] }

// drawIngress draws an Ingress over few hosts, paths and names, so that they
// meet often.
func drawIngress(c choices) *akohubv1.Ingress {
	in := &akohubv1.Ingress{Meta: &akohubv1.Meta{CreationSeconds: int64(1 + c.pick(3, "created"))}}
	backend := func(what string) *akohubv1.IngressBackend {
		return &akohubv1.IngressBackend{ServiceName: oneOf(c, what, "web", "web", "gone", ""), PortNumber: 80}
	}
	for range c.pick(4, "rules") {
		rule := &akohubv1.IngressRule{Host: oneOf(c, "host", drawnHosts...), HasHttp: true}
		for range c.pick(4, "paths") {
			rule.Paths = append(rule.Paths, &akohubv1.IngressPath{
				Path:     oneOf(c, "path", "", "/", "/x", "/X", "/y/z", "/y_z"),
				PathType: oneOf(c, "type", "Prefix", "Exact", ""),
				Backend:  backend("service"),
			})
		}
		in.Rules = append(in.Rules, rule)
	}
	if c.pick(4, "default") == 3 {
		in.DefaultBackend = backend("default backend")
	}
	if name := oneOf(c, "secret", "", "sa", "sb", "gone"); name != "" {
		in.Tls = []*akohubv1.IngressTls{{Hosts: drawnHosts[:1+c.pick(3, "tls hosts")], SecretName: name}}
	}
	if name := oneOf(c, "annotation", "", "", "", passthroughAnnotation, enableTLSAnnotation); name != "" {
		in.Meta.Annotations = map[string]string{name: "true"}
	}
	return in
}

// drawRoute draws a Route over the same hosts, paths and names.
func drawRoute(tb testing.TB, c choices) *akohubv1.Route {
	r := &akohubv1.Route{
		Meta: &akohubv1.Meta{CreationSeconds: int64(1 + c.pick(3, "created"))},
		Host: oneOf(c, "host", drawnHosts...),
		Path: oneOf(c, "path", "", "/", "/x", "/X", "/y/z", "/y_z"),
	}
	if r.Host == "" {
		r.Subdomain = oneOf(c, "sub-domain", "a", "a.", "c", "")
	}
	for range 1 + c.pick(3, "backends") {
		to := &akohubv1.RouteBackend{Kind: "Service", Name: oneOf(c, "service", "web", "gone", "other", "")}
		if w := int32(c.pick(4, "weight")); w > 0 {
			to.Weight = ptr(w - 1)
		}
		r.Backends = append(r.Backends, to)
	}
	switch c.pick(4, "port") {
	case 1:
		r.TargetPortNumber = 8080
	case 2:
		r.TargetPortName = "http"
	case 3:
		r.TargetPortName = "none"
	}
	if termination := oneOf(c, "termination", "", terminationEdge, terminationReencrypt, terminationPassthrough, "odd"); termination != "" {
		r.Tls = &akohubv1.RouteTls{
			Termination:         termination,
			InsecurePolicy:      oneOf(c, "insecure", "", insecureAllow, insecureNone, insecureRedirect),
			ExternalCertificate: oneOf(c, "external", "", "", "sa", "missing"),
		}
		file := func(name string) string { return string(readFile(tb, "testdata/certs", name)) }
		if cert := oneOf(c, "certificate", "", "a", "b"); cert != "" {
			r.Tls.Certificate, r.Tls.Key = file(cert+".crt"), []byte(file(oneOf(c, "key", cert, cert, "a")+".key"))
		}
		r.Tls.CaCertificate = oneOf(c, "authority", "", file("b.crt"), "odd")
		r.Tls.DestinationCaCertificate = oneOf(c, "destination", "", "", file("b.crt"), "odd")
	}
	return r
}

// drawSettings draws one of the ways to serve hosts.
func drawSettings(c choices) *Settings {
	return settings(func(s *Settings) {
		s.OpenShift = oneOf(c, "openshift", false, true)
		s.DefaultDomain = oneOf(c, "default domain", "", "shop.example.test")
		s.ShardSize = oneOf(c, "shards", 8, 1, 0)
		s.PassthroughShardSize = oneOf(c, "passthrough shards", 1, 0)
		s.EVH = oneOf(c, "evh", false, true)
		if s.EVH {
			s.VIPPerNamespace = oneOf(c, "vip per namespace", false, true)
			s.FQDNReusePolicy = oneOf(c, "reuse", "InterNamespaceAllowed", "Strict")
		} else {
			s.NoPGForSNI = oneOf(c, "nopg", false, true)
		}
	})
}

// surroundings are what drawn Ingresses and Routes refer to.
func surroundings(tb testing.TB) []*akohubv1.Record {
	recs := append(webBackend(tb), aviClass(tb, true), secret(tb, "sa", "a"), secret(tb, "sb", "b"))
	recs = append(recs, manifests(tb, "", []byte("kind: Backend\nmetadata: {name: web, namespace: blue}\nspec: {addresses: [10.2.0.1]}"))...)
	return append(recs,
		record(tb, "blue", "sa", secret(tb, "x", "b").GetSecret()),
		record(tb, "avi-system", defaultSecretName, secret(tb, "x", "a").GetSecret()))
}

// drawSources draws Ingresses and Routes. One of the kinds is not looked at.
func drawSources(t *testing.T, rt *rapid.T, s *Settings) []*akohubv1.Record {
	var recs []*akohubv1.Record
	for i := range rapid.IntRange(1, 6).Draw(rt, "sources") {
		ns := rapid.SampledFrom([]string{"red", "blue"}).Draw(rt, "namespace")
		if rapid.IntRange(0, 5).Draw(rt, "odd") == 0 == s.OpenShift {
			recs = append(recs, record(t, ns, fmt.Sprint("i", i), drawIngress(rapidChoices{rt})))
		} else {
			recs = append(recs, record(t, ns, fmt.Sprint("r", i), drawRoute(t, rapidChoices{rt})))
		}
	}
	return recs
}

// The same objects give the same bytes, whatever the order they came in.
func TestOrderDoesNotShow(t *testing.T) {
	fixed := surroundings(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSettings(rapidChoices{rt})
		recs := append(slices.Clone(fixed), drawSources(t, rt, s)...)
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
func TestObjectsAreWhole(t *testing.T) {
	fixed := surroundings(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSettings(rapidChoices{rt})
		recs := append(slices.Clone(fixed), drawSources(t, rt, s)...)
		readView(t, recs, func(v mirror.View) {
			objects, fragments := translateAll(v, s)
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
					if p.Refused != "" {
						continue
					}
					if !have[p.VirtualService] || !have[p.VsVip] {
						rt.Errorf("%s is published at %v and %v, which are not there", p.Host, p.VirtualService, p.VsVip)
					}
				}
			}
			checkRefs(rt, objects, have)
		})
	})
}

// A path of a host that several objects claim leads to the oldest one's Service, and its owner is told of nothing; the others are told.
func TestOldestClaimHasThePath(t *testing.T) {
	fixed := surroundings(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSettings(rapidChoices{rt})
		var change func(*akohubv1.Ingress)
		if rapid.Bool().Draw(rt, "tls") {
			change = withTLS("sa")
		}
		recs := slices.Clone(fixed)
		oldest := ""
		for i, age := range rapid.Permutation([]int64{1, 2, 3}).Draw(rt, "ages") {
			ns := rapid.SampledFrom([]string{"red", "blue"}).Draw(rt, "namespace")
			name := fmt.Sprint("i", i)
			// A path of the Ingress's own, to sort its namespace's rules by.
			own := rapid.SampledFrom([]string{"/", "/a", "/b", "/c"}).Draw(rt, "own path")
			if s.OpenShift {
				recs = append(recs, record(t, ns, name, routeTo(routeAged(age, change != nil), "/")))
			} else {
				recs = append(recs, record(t, ns, name, ingress(created(age, change), own, "/")))
			}
			if age == 1 {
				oldest = ns + "/" + name
			}
		}
		f := hostFragment(t, s, recs...)
		told := map[string]bool{}
		for _, p := range f.Problems {
			told[p.Object.Namespace+"/"+p.Object.Name] = true
		}
		delete(told, oldest) // of a path of its own that is there twice
		if len(told) != 2 {
			rt.Errorf("told %v; want all but %s", told, oldest)
		}
		if got := leadsTo(rt, f); got != oldest {
			rt.Errorf("the path leads to %s, want %s", got, oldest)
		}
	})
}

// leadsTo is the Ingress or Route, as namespace/name, whose pool a request for "/" of
// the fragment's host reaches.
func leadsTo(t *rapid.T, f Fragment) string {
	metas := map[string]serviceMetadata{}
	sets := map[string]*models.HTTPPolicySet{}
	groups := map[string]*models.PoolGroup{}
	var vs *models.VirtualService
	for _, o := range f.Objects {
		switch body := o.Body.(type) {
		case *models.Pool:
			var m serviceMetadata
			if err := json.Unmarshal([]byte(*body.ServiceMetadata), &m); err != nil {
				t.Fatal(err)
			}
			metas[*ref(typePool, o.Key.Name)] = m
		case *models.PoolGroup:
			groups[*ref(typePoolGroup, o.Key.Name)] = body
		case *models.HTTPPolicySet:
			sets[*ref(typeHTTPPolicySet, o.Key.Name)] = body
		case *models.VirtualService:
			vs = body
		}
	}
	of := func(pool string) string { return metas[pool].Namespace + "/" + metas[pool].IngressName }
	if vs == nil {
		for _, m := range f.Contributions[0].Members {
			if *m.PriorityLabel == testHost+"/" {
				return of(*m.PoolRef)
			}
		}
		return ""
	}
	for _, p := range vs.HTTPPolicies {
		for _, r := range sets[*p.HTTPPolicySetRef].HTTPRequestPolicy.Rules {
			switch a := r.SwitchingAction; {
			case a == nil || r.Match.Path.MatchStr[0] != "/":
			case a.PoolRef != nil:
				return of(*a.PoolRef)
			default:
				return of(*groups[*a.PoolGroupRef].Members[0].PoolRef)
			}
		}
	}
	return ""
}

// checkRefs looks for references to types that the cluster makes itself.
func checkRefs(t *rapid.T, objects []Object, have map[Key]bool) {
	refs := map[string]bool{}
	for key := range have {
		refs[key.Tenant+refTo(key.Type, key.Name)] = true
	}
	own := regexp.MustCompile(`/api/(virtualservice|vsvip|pool|poolgroup|httppolicyset|vsdatascriptset|sslkeyandcertificate|pkiprofile)/\?name=[^"]+`)
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
