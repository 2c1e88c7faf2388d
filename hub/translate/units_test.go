package translate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// The vectors of l7.md §26.1.
func TestShardNumbers(t *testing.T) {
	for host, want := range map[string][3]uint32{
		"foo.com":                     {0, 0, 0},
		"bar.com":                     {1, 1, 0},
		"foo.com.avi.internal":        {3, 3, 0},
		"foo.bar.com":                 {7, 3, 0},
		"myinsecurehost.avi.internal": {2, 2, 0},
	} {
		if got := [3]uint32{shardNumber(host, 8), shardNumber(host, 4), shardNumber(host, 1)}; got != want {
			t.Errorf("%s: shards %v of 8, 4 and 1; want %v", host, got, want)
		}
	}
}

// The vectors of l7.md §2, §26.1, §26.3 and §26.5.
func TestNames(t *testing.T) {
	s := &Settings{ClusterName: "cluster", ShardSize: 8, PassthroughShardSize: 1}
	own := &Settings{ClusterName: "cluster"}
	evh := &Settings{ClusterName: "cluster", ShardSize: 8, EVH: true}
	evhOwn := &Settings{ClusterName: "cluster", EVH: true}
	for got, want := range map[string]string{
		sharedParentName(s, "foo.com", "default"):                     "cluster--Shared-L7-0",
		insecurePoolName(s, "foo.com", "/foo", "default", "ing1", ""): "cluster--foo.com_foo-default-ing1",
		insecurePoolName(s, "foo.com", "", "default", "ing1", ""):     "cluster--foo.com-default-ing1",
		childName(s, "foo.com"):                                       "cluster--foo.com",
		pathPoolName(s, "default", "foo.com", "/a/b", "ing1", ""):     "cluster--default-foo.com_a_b-ing1",
		pathGroupName(s, "default", "foo.com", "/foo", "ing1"):        "cluster--default-foo.com_foo-ing1",
		routingPolicyName(s, "default", "foo.com"):                    "cluster--default-foo.com",
		// Routes (l7.md §26.6).
		insecurePoolName(s, "foo.com", "/foo", "default", "r1", "avisvc"): "cluster--foo.com_foo-default-r1-avisvc",
		pathPoolName(s, "default", "foo.com", "/foo", "r1", "avisvc"):     "cluster--default-foo.com_foo-r1-avisvc",
		pathGroupName(s, "default", "foo.com", "/foo", "r1"):              "cluster--default-foo.com_foo-r1",
		caCertName(s, "foo.com"):                                          "cluster--foo.com-cacert",
		pkiProfileName(s, "cluster--default-foo.com_foo-r1-avisvc"):       "cluster--default-foo.com_foo-r1-avisvc-pkiprofile",
		altCertName(s, "foo.com"):                                         "cluster--foo.com-alt",
		defaultCertName(s, false):                                         "cluster--router-certs-default",
		defaultCertName(s, true):                                          "cluster--router-certs-default-alt",
		passthroughParentName(s, "foo.com"):                               "cluster--Shared-Passthrough-0",
		passthroughParentName(own, "foo.com"):                             "cluster--Shared-Passthrough-1101858200",
		passthroughGroupName(s, "foo.com"):                                "cluster--foo.com",
		passthroughPoolName(s, "foo.com", "avisvc"):                       "cluster--foo.com-avisvc",
		dedicatedName(own, "foo.com"):                                     "cluster--foo.com-L7-dedicated",
		dedicatedName(evhOwn, "foo.com"):                                  "cluster--fc94484f7312a22cfb5bcc517b05649e256c24a8-EVH",
		pathPoolName(own, "default", "foo.com", "/foo", "ing1", ""):       "cluster--default-foo.com_foo-ing1-L7-dedicated",
		sharedParentName(evh, "foo.com", "default"):                       "cluster--Shared-L7-EVH-0",
		sharedParentName(&Settings{ClusterName: "cluster", EVH: true, VIPPerNamespace: true}, "foo.com", "default"): "cluster--Shared-L7-EVH-NS-default",
		childName(evh, "foo.com"): "cluster--532fd312059d5096118cb0bc3d1135a36cc4f826",
		pathPoolName(evh, "default", "foo.com", "/foo", "ing1", "avisvc"): "cluster--f94a6f1ced7223c0451e12285cbbd67d08fc77bb",
		pathGroupName(evh, "default", "foo.com", "/foo", "ing1"):          "cluster--b0cb804947df9cfb836f264611094b70a359e129",
		routingPolicyName(evh, "default", "foo.com"):                      "cluster--55aaae53d1d233409164e7b03b646f7284e86d88",
		passthroughGroupName(evh, "foo.com"):                              "cluster--foo.com", // never hashed
		defaultBackendName(s, "default", "ing1"):                          "cluster--Default-Backend-default.ing1",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestUnitsOfIngress(t *testing.T) {
	host := func(h string) *akohubv1.IngressRule { return &akohubv1.IngressRule{Host: h} }
	recs := []*akohubv1.Record{
		record(t, "red", "many", &akohubv1.Ingress{Rules: []*akohubv1.IngressRule{host("b.test"), host(""), host("a.test"), host("b.test")}}),
		record(t, "red", "none", &akohubv1.Ingress{}),
	}
	unit := func(h string) UnitKey { return UnitKey{Kind: UnitHost, Name: h} }
	ref := func(name string) mirror.Ref { return mirror.Ref{Kind: kinds.Ingress, Namespace: "red", Name: name} }
	none := UnitKey{Kind: UnitIngress, Namespace: "red", Name: "none"}
	readView(t, recs, func(v mirror.View) {
		s := settings()
		for _, tt := range []struct {
			ref  mirror.Ref
			want []UnitKey
		}{
			{ref("many"), []UnitKey{unit("a.test"), unit("b.test"), unit("many.red.apps.example.test")}},
			{ref("none"), []UnitKey{none}},
			{ref("gone"), nil},
			{mirror.Ref{Kind: kinds.Secret, Namespace: "red", Name: "x"}, nil},
		} {
			if diff := cmp.Diff(tt.want, UnitsOf(v, s, tt.ref)); diff != "" {
				t.Errorf("units of %v: -want +got\n%s", tt.ref, diff)
			}
		}
		all := []UnitKey{unit("a.test"), unit("b.test"), unit("many.red.apps.example.test"), infraKey, none, routesKey}
		if diff := cmp.Diff(all, AllUnits(v, s)); diff != "" {
			t.Errorf("all units: -want +got\n%s", diff)
		}
		s.Domains = nil
		if diff := cmp.Diff([]UnitKey{unit("a.test"), unit("b.test")}, UnitsOf(v, s, ref("many"))); diff != "" {
			t.Errorf("without DNS sub-domains: -want +got\n%s", diff)
		}
	})
}

func TestUnknownUnitGivesNothing(t *testing.T) {
	readView(t, nil, func(v mirror.View) {
		k := UnitKey{Kind: "no such kind", Name: "x"}
		if diff := cmp.Diff(Fragment{Unit: k}, Unit(v, settings(), k)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	})
}

func TestGeneratedHostIsFoundBack(t *testing.T) {
	s := settings()
	for _, ref := range []mirror.Ref{{Namespace: "red", Name: "one"}, {Namespace: "red", Name: "with.dots"}} {
		ns, name, ok := generatedFrom(s, generatedHost(s, ref))
		if !ok || ns != ref.Namespace || name != ref.Name {
			t.Errorf("%v: found %s/%s, %v", ref, ns, name, ok)
		}
	}
	for _, host := range []string{"apps.example.test", "x.apps.example.test", ".x.apps.example.test", "a.b.other.test", ""} {
		if ns, name, ok := generatedFrom(s, host); ok {
			t.Errorf("%q: found %s/%s, want none", host, ns, name)
		}
	}
}

// A shared virtual service stays when its last host goes (l7.md §23.5); the
// default certificate does not.
func TestAssembleWithoutContributions(t *testing.T) {
	s := settings()
	objects := Assemble(s, ParentKey{Tenant: "shop", Name: "east--Shared-L7-3"}, nil)
	var types []string
	for _, o := range objects {
		types = append(types, o.Key.Type)
	}
	want := []string{typePoolGroup, typeVirtualService, typeDataScriptSet, typeVsVip}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("types: -want +got\n%s", diff)
	}
	if got := Assemble(s, ParentKey{Tenant: "shop", Name: defaultCertName(s, false)}, nil); len(got) != 0 {
		t.Errorf("%d certificates without users, want none", len(got))
	}
}

func TestAssemblePutsContributionsTogether(t *testing.T) {
	s := settings()
	member := func(pool string) *models.PoolGroupMember {
		return &models.PoolGroupMember{PoolRef: ref(typePool, pool), PriorityLabel: ptr("x"), Ratio: ptr(uint32(100))}
	}
	p := ParentKey{Tenant: "shop", Name: "east--Shared-L7-0"}
	cs := []Contribution{
		{Parent: p, Unit: UnitKey{Kind: UnitHost, Name: "b"}, FQDNs: []string{"b"}, RedirectHosts: []string{"b"}, Members: []*models.PoolGroupMember{member("p2")}},
		{Parent: p, Unit: UnitKey{Kind: UnitHost, Name: "a"}, FQDNs: []string{"a"}, RedirectHosts: []string{"a"}, Members: []*models.PoolGroupMember{member("p1")}},
	}
	first := string(indented(t, Assemble(s, p, cs)))
	cs[0], cs[1] = cs[1], cs[0]
	if diff := cmp.Diff(first, string(indented(t, Assemble(s, p, cs)))); diff != "" {
		t.Errorf("the order of contributions shows:\n%s", diff)
	}
	for _, want := range []string{`"value": [
            "a",
            "b"
          ]`, "p1", "p2", `"fqdn": "a"`, `"fqdn": "b"`} {
		if !strings.Contains(flat(first), flat(want)) {
			t.Errorf("%s is missing in %s", want, first)
		}
	}
}

func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestWildcardHostsOfScripts(t *testing.T) {
	wild, own := wildcards([]string{"*.a.test", "a.test", "deep.x.a.test", "x.a.test", "y.b.test"})
	if want := `["*.a.test"]=true,`; wild != want {
		t.Errorf("wildcards %s, want %s", wild, want)
	}
	if want := `["x.a.test"]=true,`; own != want {
		t.Errorf("hosts of their own %s, want %s", own, want)
	}
	if wild, own := wildcards([]string{"x.a.test", "y.b.test"}); wild+own != "" {
		t.Errorf("without wildcards: %q, %q", wild, own)
	}
}
