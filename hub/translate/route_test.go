package translate

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/digest"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// routeTo is a Route in namespace red that leads a path of testHost to the Service
// web.
func routeTo(change func(*akohubv1.Route), path string) *akohubv1.Route {
	r := &akohubv1.Route{
		Meta: &akohubv1.Meta{}, Host: testHost, Path: path,
		Backends: []*akohubv1.RouteBackend{{Kind: "Service", Name: "web"}},
	}
	if change != nil {
		change(r)
	}
	return r
}

// routeAged makes a Route of an age, with the default certificate or none.
func routeAged(age int64, secure bool) func(*akohubv1.Route) {
	return func(r *akohubv1.Route) {
		r.Meta.CreationSeconds = age
		if secure {
			r.Tls = &akohubv1.RouteTls{Termination: terminationEdge, InsecurePolicy: insecureRedirect}
		}
	}
}

// edge secures a Route with a pair of testdata/certs; empty: the default one.
func edge(tb testing.TB, insecure, cert string) func(*akohubv1.Route) {
	return func(r *akohubv1.Route) {
		r.Tls = &akohubv1.RouteTls{Termination: terminationEdge, InsecurePolicy: insecure}
		if cert != "" {
			r.Tls.Certificate = string(readFile(tb, "testdata/certs", cert+".crt"))
			r.Tls.Key = readFile(tb, "testdata/certs", cert+".key")
		}
	}
}

func openShift(s *Settings) { s.OpenShift = true }

// A cluster with Routes serves these and looks at no Ingress; one without, the
// other way round.
func TestOneKindAsksForHosts(t *testing.T) {
	recs := append(surroundings(t),
		record(t, "red", "ing", ingress(nil, "/")),
		record(t, "red", "hostless", &akohubv1.Ingress{DefaultBackend: &akohubv1.IngressBackend{ServiceName: "web", PortNumber: 80}}),
		record(t, "red", "r", routeTo(nil, "/")),
		record(t, "red", "hostless-route", routeTo(func(r *akohubv1.Route) { r.Host = "" }, "")))
	for routes, want := range map[bool][]string{
		false: {"host " + testHost, "infra ", "ingress hostless", "routes "},
		true:  {"host " + testHost, "hostless-route hostless-route", "infra ", "routes "},
	} {
		s := settings(func(s *Settings) { s.OpenShift = routes })
		kind := map[bool]string{false: kinds.Ingress, true: kinds.Route}[routes]
		readView(t, recs, func(v mirror.View) {
			var units []string
			for _, u := range AllUnits(v, s) {
				units = append(units, string(u.Kind)+" "+u.Name)
				f := Unit(v, s, u)
				for _, p := range f.Publications {
					if p.Object.Kind != kind {
						t.Errorf("routes %v: %v is served", routes, p.Object)
					}
				}
				for _, d := range f.Deps {
					if (d.Kind == kinds.Ingress || d.Kind == kinds.Route) && d.Kind != kind {
						t.Errorf("routes %v: %v looks at %v", routes, u, d)
					}
				}
			}
			if diff := cmp.Diff(want, units); diff != "" {
				t.Errorf("routes %v: units: -want +got\n%s", routes, diff)
			}
			other := mirror.Ref{Kind: kinds.Route, Namespace: "red", Name: "r"}
			if routes {
				other = mirror.Ref{Kind: kinds.Ingress, Namespace: "red", Name: "ing"}
			}
			if got := UnitsOf(v, s, other); len(got) != 0 {
				t.Errorf("routes %v: %v takes part in %v", routes, other, got)
			}
		})
	}
}

// Unknown is not empty: only a complete kind, or one known to be absent, says
// what hosts are asked for with.
func TestHasRoutes(t *testing.T) {
	m := mirror.New("east")
	check := func(when string, wantHas, wantKnown bool) {
		t.Helper()
		m.Read(func(v mirror.View) {
			if has, known := HasRoutes(v); has != wantHas || known != wantKnown {
				t.Errorf("%s: %v, known %v; want %v, %v", when, has, known, wantHas, wantKnown)
			}
		})
	}
	check("not heard of", false, false)
	must(t, m.SetKindState(kinds.Route, akohubv1.KindState_AVAILABILITY_FORBIDDEN, "no"))
	check("forbidden", false, false)
	must(t, m.SetKindState(kinds.Route, akohubv1.KindState_AVAILABILITY_ABSENT, "no such kind"))
	check("absent", false, true)
	var none digest.Set
	if _, err := m.BeginSnapshot(kinds.Route, 1, 0, none.BucketDigests()); err != nil {
		t.Fatal(err)
	}
	if _, err := m.EndSnapshot(kinds.Route, 1, 0, none.Digest()); err != nil {
		t.Fatal(err)
	}
	check("complete", true, true)
	must(t, m.Apply(record(t, "red", "r", routeTo(nil, "/"))))
	must(t, m.SetKindState(kinds.Route, akohubv1.KindState_AVAILABILITY_ABSENT, "the API server starts"))
	check("absent though there are some", false, false)
	m.Disconnected()
	check("disconnected", false, false)
}

// What becomes of plain requests (l7.md §15.2): by SNI they reach a pool of the
// shared virtual service or none; an own virtual service has a policy set.
func TestPlainRequestsOfRoutes(t *testing.T) {
	tests := []struct {
		insecure string
		// sni: redirected by the parent, or served by pools of it.
		redirected, served bool
		// own says what a policy set named like the virtual service does.
		own string
	}{
		{insecure: ""},
		{insecure: insecureAllow, served: true},
		{insecure: insecureNone, own: "refused"},
		{insecure: insecureRedirect, redirected: true, own: "redirected"},
	}
	for _, tt := range tests {
		recs := append(surroundings(t), record(t, "red", "r", routeTo(edge(t, tt.insecure, "a"), "/")))
		t.Run("sni "+tt.insecure, func(t *testing.T) {
			f := hostFragment(t, settings(openShift), recs...)
			c := f.Contributions[0]
			if got := len(c.RedirectHosts) > 0; got != tt.redirected {
				t.Errorf("redirected %v", got)
			}
			if got := len(c.Members) > 0; got != tt.served {
				t.Errorf("served %v", got)
			}
			if len(f.Publications) != 1 || f.Publications[0].VirtualService.Name != childName(settings(), testHost) {
				t.Errorf("published %+v", f.Publications)
			}
		})
		for mode, change := range map[string]func(*Settings){
			"evh":           func(s *Settings) { s.EVH = true },
			"dedicated":     func(s *Settings) { s.ShardSize = 0 },
			"evh dedicated": func(s *Settings) { s.EVH = true; s.ShardSize = 0 },
		} {
			t.Run(mode+" "+tt.insecure, func(t *testing.T) {
				f := hostFragment(t, settings(openShift, change), recs...)
				name, got := keysOf(f.Objects, typeVirtualService)[0], ""
				for _, o := range f.Objects {
					set, ok := o.Body.(*models.HTTPPolicySet)
					switch {
					case !ok || o.Key.Name != name:
					case len(set.HTTPSecurityPolicy.Rules) > 0:
						got = "refused"
					case set.HTTPRequestPolicy.Rules[0].RedirectAction != nil:
						got = "redirected"
					}
				}
				if got != tt.own {
					t.Errorf("plain requests are %q, want %q", got, tt.own)
				}
			})
		}
	}
}

// Where Routes of a host want different things of plain requests, a redirect
// goes before a refusal, and both before serving them; others are told.
func TestDecisionOnPlainRequests(t *testing.T) {
	evh := settings(openShift, func(s *Settings) { s.EVH = true })
	plain := record(t, "red", "plain", routeTo(nil, "/plain"))
	secured := func(name, insecure string) *akohubv1.Record {
		return record(t, "red", name, routeTo(edge(t, insecure, "a"), "/"+name))
	}
	tests := []struct {
		name     string
		settings *Settings
		recs     []*akohubv1.Record
		told     []string
	}{
		{"SNI, unsaid beside plain", settings(openShift), []*akohubv1.Record{plain, secured("a", "")}, nil},
		{"SNI, refused beside plain", settings(openShift), []*akohubv1.Record{plain, secured("a", insecureNone)}, nil},
		{"SNI, redirected beside plain", settings(openShift), []*akohubv1.Record{plain, secured("a", insecureRedirect)}, []string{"plain"}},
		{"SNI, redirected beside allowed", settings(openShift), []*akohubv1.Record{secured("a", insecureAllow), secured("b", insecureRedirect)}, []string{"a"}},
		{"EVH, unsaid beside plain", evh, []*akohubv1.Record{plain, secured("a", "")}, nil},
		{"EVH, refused beside plain", evh, []*akohubv1.Record{plain, secured("a", insecureNone)}, []string{"plain"}},
		{"EVH, redirected beside refused", evh, []*akohubv1.Record{secured("a", insecureNone), secured("b", insecureRedirect)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := hostFragment(t, tt.settings, append(surroundings(t), tt.recs...)...)
			var told []string
			for _, p := range f.Problems {
				if p.Reason != reasonHostConflict {
					t.Errorf("problem %+v", p)
				}
				told = append(told, p.Object.Name)
			}
			if diff := cmp.Diff(tt.told, told); diff != "" {
				t.Errorf("told: -want +got\n%s", diff)
			}
		})
	}
}

// A Route whose certificate cannot be used is not served over TLS; what it wants
// of plain requests holds.
func TestRouteCertificates(t *testing.T) {
	bad := func(insecure string) func(*akohubv1.Route) {
		return func(r *akohubv1.Route) {
			edge(t, insecure, "a")(r)
			r.Tls.Key = []byte("nonsense")
		}
	}
	external := func(name string) func(*akohubv1.Route) {
		return func(r *akohubv1.Route) {
			edge(t, insecureRedirect, "")(r)
			r.Tls.ExternalCertificate = name
		}
	}
	tests := []struct {
		name   string
		change func(*akohubv1.Route)
		// object names the Route; empty: r.
		object  string
		setting func(*Settings)
		// cert is the name of the certificate that is shown, and the file of it.
		cert, file string
		published  bool
		told       []string
	}{
		{name: "its own", change: edge(t, "", "a"), cert: "east--" + testHost, file: "a", published: true},
		{name: "its own, of a Route that reads like an alternate", object: "r-alt", change: edge(t, "", "a"), cert: "east--" + testHost + "-alt", file: "a", published: true},
		{name: "the default", change: edge(t, "", ""), published: true},
		{name: "of a Secret", change: external("sb"), cert: "east--" + testHost, file: "b", published: true},
		{name: "of a Secret, only the default allowed", change: external("sb"), setting: func(s *Settings) { s.DefaultSecretsOnly = true }, published: true},
		{name: "of a Secret that is missing", change: external("gone"), told: []string{reasonSecretMissing}},
		{name: "broken", change: bad(insecureRedirect), told: []string{reasonCertificateInvalid}},
		{name: "broken, plain requests allowed", change: bad(insecureAllow), published: true, told: []string{reasonCertificateInvalid}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name := tt.object
			if name == "" {
				name = "r"
			}
			s := settings(openShift)
			if tt.setting != nil {
				tt.setting(s)
			}
			f := hostFragment(t, s, append(surroundings(t), record(t, "red", name, routeTo(tt.change, "/")))...)
			if got := len(f.Publications) == 1; got != tt.published {
				t.Errorf("published %+v", f.Publications)
			}
			if diff := cmp.Diff(tt.told, reasonsOf(f)); diff != "" {
				t.Errorf("problems: -want +got\n%s", diff)
			}
			if got := certOf(t, f, tt.cert); got != tt.file {
				t.Errorf("certificate %s is that of file %q, want %q", tt.cert, got, tt.file)
			}
			for _, o := range f.Objects {
				if vs, ok := o.Body.(*models.VirtualService); ok && tt.file != "" && !slices.Contains(vs.SslKeyAndCertificateRefs, refTo(typeCertificate, tt.cert)) {
					t.Errorf("%s shows %v", o.Key.Name, vs.SslKeyAndCertificateRefs)
				}
			}
			for _, p := range f.Problems {
				if strings.Contains(p.Message, "nonsense") {
					t.Errorf("a key in %q", p.Message)
				}
			}
		})
	}
}

// A Route is refused in its status where AKO does it so (l7.md §22.3), and has
// no claim then.
func TestRefusedRoutes(t *testing.T) {
	strictly := settings(openShift, func(s *Settings) { s.EVH = true; s.FQDNReusePolicy = "Strict" })
	twice := routeTo(func(r *akohubv1.Route) { r.Backends = append(r.Backends, r.Backends[0]) }, "/")
	tests := []struct {
		name     string
		settings *Settings
		recs     []*akohubv1.Record
		refused  mirror.Ref
		word     string
		reason   string
	}{
		{
			name: "a Service twice", settings: settings(openShift), recs: []*akohubv1.Record{record(t, "red", "two", twice)},
			refused: mirror.Ref{Kind: kinds.Route, Namespace: "red", Name: "two"}, word: "MultipleBackendsWithSameServiceError", reason: reasonSameService,
		},
		{
			name: "a host of another namespace", settings: strictly,
			recs: []*akohubv1.Record{
				record(t, "red", "one", routeTo(routeAged(1, false), "/")),
				record(t, "blue", "two", routeTo(routeAged(2, false), "/")),
			},
			refused: mirror.Ref{Kind: kinds.Route, Namespace: "blue", Name: "two"}, word: "Host already Claimed", reason: reasonRouteClaimed,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := hostFragment(t, tt.settings, append(surroundings(t), tt.recs...)...)
			if len(f.Problems) != 1 || f.Problems[0].Reason != tt.reason || f.Problems[0].Object != tt.refused {
				t.Errorf("problems %+v", f.Problems)
			}
			found := false
			for _, p := range f.Publications {
				if p.Object != tt.refused {
					continue
				}
				found = true
				if p.Refused != tt.word || p.Host != testHost || p.VirtualService != (Key{}) || p.Annotate {
					t.Errorf("publication %+v", p)
				}
			}
			if !found {
				t.Error("the status does not say so")
			}
		})
	}
}

// The ports that a Route may mean (l7.md §15.1).
func TestTargetPorts(t *testing.T) {
	http := &akohubv1.ServicePort{Name: "http", Protocol: "TCP", Port: 80, TargetPortNumber: 8080, NodePort: 30080}
	admin := &akohubv1.ServicePort{Name: "adm", Protocol: "TCP", Port: 81, TargetPortName: "admin"}
	bare := &akohubv1.ServicePort{Protocol: "TCP", Port: 80, TargetPortNumber: 8080}
	svc := func(ports ...*akohubv1.ServicePort) *akohubv1.Service { return &akohubv1.Service{Ports: ports} }
	tests := []struct {
		name string
		svc  *akohubv1.Service
		port targetPort
		want portMatch
		why  string
	}{
		{"none, one port", svc(http), targetPort{}, matchOf(http), ""},
		{"none, one port without name", svc(bare), targetPort{}, matchOf(bare), ""},
		{"none, two ports", svc(http, admin), targetPort{}, portMatch{Protocol: "TCP"}, "has 2 ports, name one in spec.port.targetPort"},
		{"number", svc(admin, http), targetPort{number: 8080}, matchOf(http), ""},
		{"the Service's number", svc(http), targetPort{number: 80}, portMatch{Protocol: "TCP", TargetNumber: 80}, "has no target port 80"},
		{"number, perhaps behind a name", svc(http, admin), targetPort{number: 9090}, portMatch{Protocol: "TCP", TargetNumber: 9090}, ""},
		{"name", svc(http, admin), targetPort{name: "adm"}, matchOf(admin), ""},
		{"no such name", svc(http, admin), targetPort{name: "admin"}, portMatch{Protocol: "TCP", PortName: "admin"}, `has no port "admin"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, why := tt.port.find(tt.svc)
			if got != tt.want || why != tt.why {
				t.Errorf("got %+v, %q; want %+v, %q", got, why, tt.want, tt.why)
			}
		})
	}
}

func TestCheckCA(t *testing.T) {
	a, key := string(readFile(t, "testdata/certs", "a.crt")), string(readFile(t, "testdata/certs", "a.key"))
	for name, tt := range map[string]struct {
		text string
		ok   bool
	}{
		"one": {a, true}, "two": {a + a, true}, "none": {"", false}, "no PEM": {"nonsense", false},
		"with a key": {a + key, false}, "broken": {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", false},
	} {
		if err := checkCA(tt.text); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The virtual service that redirects beside a passthrough one comes with the
// first host that asks for it, and stays (l7.md §14.2).
func TestPassthroughRedirects(t *testing.T) {
	s := settings(openShift)
	passed := func(insecure string) []Contribution {
		f := hostFragment(t, s, append(surroundings(t), record(t, "red", "r", routeTo(func(r *akohubv1.Route) {
			r.Tls = &akohubv1.RouteTls{Termination: terminationPassthrough, InsecurePolicy: insecure}
		}, "")))...)
		return f.Contributions
	}
	p := ParentKey{Tenant: "shop", Name: passthroughParentName(s, testHost)}
	kept := Contribution{Parent: p, KeepsRedirect: true}
	for name, tt := range map[string]struct {
		cs   []Contribution
		want int
	}{
		"no host":               {nil, 1},
		"a host":                {passed(""), 1},
		"a refusing host":       {passed(insecureNone), 1},
		"a redirected host":     {passed(insecureRedirect), 2},
		"a host, later":         {append(passed(""), kept), 2},
		"no host, but kept":     {[]Contribution{kept}, 2},
		"a redirected one more": {append(passed(insecureRedirect), kept), 2},
	} {
		if got := keysOf(Assemble(s, p, tt.cs), typeVirtualService); len(got) != tt.want {
			t.Errorf("%s: %v, want %d", name, got, tt.want)
		}
	}
}
