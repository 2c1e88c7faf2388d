package desired

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmware/alb-sdk/go/models"
	"pgregory.net/rapid"

	"github.com/akohub/akohub/hub/translate"
)

func ptr[T any](v T) *T { return &v }

func TestParseRef(t *testing.T) {
	tests := map[string]struct {
		want Ref
		ok   bool
	}{
		"/api/pool/?name=x":                      {Ref{Type: "pool", Name: "x"}, true},
		"/api/pool?name=x":                       {Ref{Type: "pool", Name: "x"}, true},
		"/api/pool?name=a%2Fb+c":                 {Ref{Type: "pool", Name: "a/b c"}, true},
		"/api/pool?name=100%":                    {Ref{Type: "pool", Name: "100%"}, true},
		"/api/pool?cloud=c&name=x":               {Ref{Type: "pool", Name: "x"}, true},
		"/api/pool/pool-1":                       {Ref{Type: "pool", UUID: "pool-1"}, true},
		"/api/pool/pool-1/":                      {Ref{Type: "pool", UUID: "pool-1"}, true},
		"https://host/api/pool/pool-1#x":         {Ref{Type: "pool", UUID: "pool-1", Name: "x"}, true},
		"https://host/api/pool/pool-1#a#b/c?d=e": {Ref{Type: "pool", UUID: "pool-1", Name: "a#b/c?d=e"}, true},
		"https://host:8443//api/pool/pool-1":     {Ref{Type: "pool", UUID: "pool-1"}, true},
		"":                                       {},
		"pool-1":                                 {},
		"/api/":                                  {},
		"/api/pool":                              {},
		"/api/pool/?name=":                       {},
		"/api/pool/a/b":                          {},
		"https://host":                           {},
		"/foo/pool?name=x":                       {},
	}
	for text, test := range tests {
		got, ok := ParseRef(text)
		if got != test.want || ok != test.ok {
			t.Errorf("ParseRef(%q) = %+v, %v; want %+v, %v", text, got, ok, test.want, test.ok)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	f.Add("/api/pool/?name=x")
	f.Add("https://h/api/pool/u#x")
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := ParseRef(text)
		if ok && (r.Type == "" || r.UUID == "" && r.Name == "" || strings.Contains(r.UUID, "/")) {
			t.Errorf("ParseRef(%q) = %+v", text, r)
		}
	})
}

func key(typ, name string) translate.Key { return translate.Key{Tenant: "t", Type: typ, Name: name} }

func TestFromTranslate(t *testing.T) {
	o, err := FromTranslate(translate.Object{
		Key: key("virtualservice", "vs"),
		Body: &models.VirtualService{
			Name: ptr("vs"), CloudRef: ptr("/api/cloud?name=c"), VsvipRef: ptr("/api/vsvip/?name=vip"),
			ErrorPageProfileRef: ptr(""), EnableRhi: ptr(false), ServiceMetadata: ptr(""),
			ApplicationProfileRef:         ptr("/api/applicationprofile/?name=System-HTTP"),
			SslKeyAndCertificateRefs:      []string{"/api/sslkeyandcertificate/?name=b", "/api/sslkeyandcertificate?name=a"},
			HTTPPolicies:                  []*models.HTTPPolicies{{Index: ptr(int32(11)), HTTPPolicySetRef: ptr("/api/httppolicyset/?name=p")}},
			VhDomainName:                  []string{},
			Description:                   ptr("/api/pool?name=text"),
			NetworkSecurityPolicyRef:      nil,
			VhParentVsRef:                 ptr("/api/virtualservice/?name=parent"),
			Services:                      []*models.Service{},
			CloseClientConnOnConfigUpdate: ptr(false),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	refs := []Key{
		key("httppolicyset", "p"), key("sslkeyandcertificate", "a"), key("sslkeyandcertificate", "b"),
		key("virtualservice", "parent"), key("vsvip", "vip"),
	}
	if diff := cmp.Diff(refs, o.Refs); diff != "" {
		t.Errorf("refs (-want +got):\n%s", diff)
	}
	if o.Cloud != "c" {
		t.Errorf("cloud %q", o.Cloud)
	}
	for name, want := range map[string]bool{
		"error_page_profile_ref": false, "vh_domain_name": false, "services": false, "enable_rhi": true,
		"close_client_conn_on_config_update": true, "service_metadata": true,
	} {
		if _, ok := o.Body[name]; ok != want {
			t.Errorf("%s in the body: %v, want %v", name, ok, want)
		}
	}
}

func TestFromTranslateKeepsEmptyObjects(t *testing.T) {
	o, err := FromTranslate(translate.Object{Key: key("httppolicyset", "p"), Body: &models.HTTPPolicySet{
		Name: ptr("p"), HTTPSecurityPolicy: &models.HttpsecurityPolicy{},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := o.Body["http_security_policy"]; !ok {
		t.Error("the empty object is gone")
	}
}

func TestFromTranslateRefuses(t *testing.T) {
	pool := &models.Pool{Name: ptr("p")}
	for name, o := range map[string]translate.Object{
		"another name":    {Key: key("pool", "q"), Body: pool},
		"unknown type":    {Key: key("nothing", "p"), Body: pool},
		"no object":       {Key: key("pool", "p"), Body: "p"},
		"nothing":         {Key: key("pool", "p"), Body: nil},
		"not encodable":   {Key: key("pool", "p"), Body: func() {}},
		"a list":          {Key: key("pool", "p"), Body: []string{"p"}},
		"a nil of a type": {Key: key("pool", "p"), Body: (*models.Pool)(nil)},
	} {
		if _, err := FromTranslate(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A path of a user's that looks like a reference is none; the reference that
// an L4 rule selects is.
func TestRefsAreThoseOfReferenceFields(t *testing.T) {
	o, err := FromTranslate(translate.Object{Key: key("httppolicyset", "p"), Body: &models.HTTPPolicySet{
		Name: ptr("p"), HTTPRequestPolicy: &models.HTTPRequestPolicy{Rules: []*models.HTTPRequestRule{{
			Name: ptr("r"), Index: ptr(int32(0)), Enable: ptr(true),
			Match:           &models.MatchTarget{Path: &models.PathMatch{MatchStr: []string{"/api/pool?name=mine"}, MatchCriteria: ptr("EQUALS")}},
			SwitchingAction: &models.HttpswitchingAction{Action: ptr("HTTP_SWITCHING_SELECT_POOLGROUP"), PoolGroupRef: ptr("/api/poolgroup?name=g")},
		}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Key{key("poolgroup", "g")}, o.Refs); diff != "" {
		t.Errorf("refs (-want +got):\n%s", diff)
	}
	l4, err := FromTranslate(translate.Object{Key: key("l4policyset", "p"), Body: &models.L4PolicySet{
		Name: ptr("p"), L4ConnectionPolicy: &models.L4ConnectionPolicy{Rules: []*models.L4Rule{{
			Name: ptr("/api/pool?name=x"), Index: ptr(int32(0)),
			Action: &models.L4RuleAction{SelectPool: &models.L4RuleActionSelectPool{PoolRef: ptr("/api/pool?name=x"), ActionType: ptr("L4_RULE_ACTION_SELECT_POOL")}},
		}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Key{key("pool", "x")}, l4.Refs); diff != "" {
		t.Errorf("refs of the L4 policy (-want +got):\n%s", diff)
	}
}

func TestGraph(t *testing.T) {
	pool := func(name, description string) *Object {
		o, err := FromTranslate(translate.Object{Key: key("pool", name), Body: &models.Pool{Name: ptr(name), Description: ptr(description)}})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	g := NewGraph()
	if !g.Put(pool("b", "1")) || !g.Put(pool("a", "1")) {
		t.Error("a new object is no change")
	}
	if g.Put(pool("b", "1")) {
		t.Error("an equal object is a change")
	}
	before := g.All()
	if !g.Put(pool("b", "2")) {
		t.Error("another body is no change")
	}
	if before[1].Body["description"] != "1" || g.All()[1].Body["description"] != "2" {
		t.Error("a list that was given out changed, or the new one didn't")
	}
	if o, ok := g.Get(key("pool", "a")); !ok || o.Key.Name != "a" || g.Len() != 2 {
		t.Error("Get, Len")
	}
	if !g.Remove(key("pool", "a")) || g.Remove(key("pool", "a")) || len(g.All()) != 1 {
		t.Error("Remove")
	}
}

// However it came about, All is what was put and not removed, sorted.
func TestGraphProperty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		g, model := NewGraph(), map[Key]string{}
		for range rapid.IntRange(0, 200).Draw(r, "steps") {
			k := key("pool", rapid.StringMatching("[a-z]{1,2}").Draw(r, "name"))
			switch rapid.SampledFrom([]string{"put", "put", "put", "remove", "all"}).Draw(r, "op") {
			case "put":
				hash := rapid.SampledFrom([]string{"1", "2"}).Draw(r, "hash")
				old, there := model[k]
				if g.Put(&Object{Key: k, Hash: hash}) != (!there || old != hash) {
					r.Fatalf("Put(%v, %s) over %q is wrong", k, hash, old)
				}
				model[k] = hash
			case "remove":
				delete(model, k)
				g.Remove(k)
			}
			all := g.All()
			if len(all) != len(model) || g.Len() != len(model) {
				r.Fatalf("%d objects, want %d", len(all), len(model))
			}
			for i, o := range all {
				if model[o.Key] != o.Hash || i > 0 && CompareKeys(all[i-1].Key, o.Key) >= 0 {
					r.Fatalf("object %d is %v", i, o)
				}
			}
		}
	})
}

func TestOwnTypesAreInTheVocabulary(t *testing.T) {
	for typ := range own {
		if Type(typ) == nil {
			t.Errorf("no type %q", typ)
		}
	}
	if Type("nothing") != nil {
		t.Error("a type that isn't there is found")
	}
}
