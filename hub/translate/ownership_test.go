package translate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func passthrough(in *akohubv1.Ingress) {
	in.Meta.Annotations = map[string]string{passthroughAnnotation: "TRUE"}
}

// What an older Ingress has of a host is told to the younger, and goes to it
// when the older one goes.
func TestOwnershipPassesOn(t *testing.T) {
	tests := []struct {
		name       string
		settings   func(*Settings)
		older      func(*akohubv1.Ingress)
		younger    func(*akohubv1.Ingress)
		told       string
		publishing int
	}{
		{
			name:       "strict reuse of names",
			settings:   func(s *Settings) { s.EVH = true; s.FQDNReusePolicy = "Strict" },
			told:       reasonIngressClaimed,
			publishing: 1,
		},
		{
			name:       "an address for each namespace",
			settings:   func(s *Settings) { s.EVH = true; s.VIPPerNamespace = true },
			told:       reasonDuplicateHost,
			publishing: 1,
		},
		{name: "passthrough and not", older: passthrough, told: reasonHostConflict, publishing: 1},
		{name: "not passthrough and passthrough", younger: passthrough, told: reasonHostConflict, publishing: 1},
		{name: "path of a plain host", told: reasonDuplicateHostPath, publishing: 2},
		{name: "path of a dedicated host", settings: func(s *Settings) { s.ShardSize = 0 }, told: reasonDuplicateHostPath, publishing: 2},
		{
			name: "Service behind a passthrough host", older: passthrough, younger: passthrough,
			told: reasonDuplicateHostPath, publishing: 2,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings()
			if tt.settings != nil {
				tt.settings(s)
			}
			younger := record(t, "blue", "younger", ingress(created(2, tt.younger), "/"))
			older := record(t, "red", "older", ingress(created(1, tt.older), "/"))
			common := surroundings(t)
			both := hostFragment(t, s, append(common, younger, older)...)
			if len(both.Problems) != 1 || both.Problems[0].Reason != tt.told || both.Problems[0].Object.Name != "younger" {
				t.Errorf("problems %+v; want %s told to the younger", both.Problems, tt.told)
			}
			if len(both.Publications) != tt.publishing {
				t.Errorf("%d publications, want %d", len(both.Publications), tt.publishing)
			}
			alone := hostFragment(t, s, append(common, younger)...)
			if len(alone.Problems) != 0 || len(alone.Publications) != 1 || alone.Publications[0].Object.Name != "younger" {
				t.Errorf("when the older is gone: problems %+v, publications %+v", alone.Problems, alone.Publications)
			}
		})
	}
}

// An Ingress that strict reuse refuses has no claim itself, so that it is in
// nobody's way; but it is refused as a whole.
func TestRefusedIngressClaimsNothing(t *testing.T) {
	s := settings(func(s *Settings) { s.EVH = true; s.FQDNReusePolicy = "Strict" })
	second := ingress(created(2, nil), "/")
	second.Rules = append(second.Rules, &akohubv1.IngressRule{Host: "b.shop.example.test", HasHttp: true, Paths: second.Rules[0].Paths})
	third := ingress(created(3, nil), "/")
	third.Rules[0].Host = "b.shop.example.test"
	recs := append(surroundings(t),
		record(t, "red", "first", ingress(created(1, nil), "/")),
		record(t, "blue", "second", second),
		record(t, "red", "third", third))
	var served []string
	readView(t, recs, func(v mirror.View) {
		for _, u := range AllUnits(v, s) {
			for _, p := range Unit(v, s, u).Publications {
				served = append(served, p.Object.Name+" "+p.Host)
			}
		}
	})
	want := []string{"first " + testHost, "third b.shop.example.test"}
	if diff := cmp.Diff(want, served); diff != "" {
		t.Errorf("served: -want +got\n%s", diff)
	}
}

// The rules of one path: an exact one is tried first, then the oldest claim's.
func TestRulesOfOnePath(t *testing.T) {
	s := settings(func(s *Settings) { s.EVH = true })
	exact := ingress(created(3, nil), "/x")
	exact.Rules[0].Paths[0].PathType = "Exact"
	f := hostFragment(t, s, append(surroundings(t),
		record(t, "red", "one", ingress(created(1, nil), "/x")),
		record(t, "red", "two", ingress(created(2, nil), "/x", "/longer")),
		record(t, "red", "three", exact))...)
	if diff := cmp.Diff([]string{reasonDuplicateHostPath}, reasonsOf(f)); diff != "" {
		t.Errorf("problems: -want +got\n%s", diff)
	}
	var got []string
	for _, o := range f.Objects {
		if set, ok := o.Body.(*models.HTTPPolicySet); ok {
			for _, r := range set.HTTPRequestPolicy.Rules {
				got = append(got, *r.Match.Path.MatchCriteria+" "+*r.SwitchingAction.PoolGroupRef)
			}
		}
	}
	group := func(path, ing string) string {
		return *ref(typePoolGroup, pathGroupName(s, "red", testHost, path, ing))
	}
	want := []string{
		"BEGINS_WITH " + group("/longer", "two"), "EQUALS " + group("/x", "three"),
		"BEGINS_WITH " + group("/x", "one"), "BEGINS_WITH " + group("/x", "two"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules: -want +got\n%s", diff)
	}
}

// secretly asks for a certificate from a Secret for the host.
func secretly(name string) func(*akohubv1.Ingress) {
	return func(in *akohubv1.Ingress) {
		in.Tls = []*akohubv1.IngressTls{{Hosts: []string{in.Rules[0].Host}, SecretName: name}}
	}
}

// Who has a path is decided among those that are served: a claim whose
// certificate cannot be used keeps nobody from it and is told of that alone.
func TestUnusableCertificateOwnsNothing(t *testing.T) {
	modes := map[string]func(*Settings){
		"SNI":       func(*Settings) {},
		"EVH":       func(s *Settings) { s.EVH = true },
		"dedicated": func(s *Settings) { s.ShardSize = 0 },
	}
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			s := settings()
			mode(s)
			older := record(t, "red", "older", ingress(created(1, secretly("nosuch")), "/"))
			younger := record(t, "blue", "younger", ingress(created(2, secretly("sa")), "/"))
			recs := append(surroundings(t), older, younger)
			for _, p := range hostFragment(t, s, recs...).Problems {
				if p.Reason == reasonDuplicateHostPath {
					t.Errorf("%+v", p)
				}
			}
			readView(t, recs, func(v mirror.View) {
				got := PathStandings(v, s, testHost)
				ref := mirror.Ref{Kind: younger.GetKind(), Namespace: younger.GetNamespace(), Name: younger.GetName()}
				want := map[PathClaim]PathStanding{{Object: ref, Path: "/"}: {Owner: ref}}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
