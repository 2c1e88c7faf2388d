package translate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

const testHost = "a.shop.example.test"

// ingress is an Ingress in namespace red whose rule leads the paths of testHost
// to port 80 of the Service web.
func ingress(change func(*akohubv1.Ingress), paths ...string) *akohubv1.Ingress {
	rule := &akohubv1.IngressRule{Host: testHost, HasHttp: true}
	for _, p := range paths {
		rule.Paths = append(rule.Paths, &akohubv1.IngressPath{
			Path: p, PathType: "Prefix", Backend: &akohubv1.IngressBackend{ServiceName: "web", PortNumber: 80},
		})
	}
	in := &akohubv1.Ingress{Meta: &akohubv1.Meta{}, Rules: []*akohubv1.IngressRule{rule}}
	if change != nil {
		change(in)
	}
	return in
}

// webBackend is the Service web of namespace red with one endpoint.
func webBackend(tb testing.TB) []*akohubv1.Record {
	return manifests(tb, "", []byte("kind: Backend\nmetadata: {name: web, namespace: red}\nspec: {addresses: [10.1.0.1]}"))
}

// hostFragment translates testHost.
func hostFragment(tb testing.TB, s *Settings, recs ...*akohubv1.Record) Fragment {
	tb.Helper()
	var f Fragment
	readView(tb, recs, func(v mirror.View) { f = Unit(v, s, UnitKey{Kind: UnitHost, Name: testHost}) })
	return f
}

func keysOf(os []Object, typ string) []string {
	var out []string
	for _, o := range os {
		if o.Key.Type == typ {
			out = append(out, o.Key.Name)
		}
	}
	return out
}

func reasonsOf(f Fragment) []string {
	var out []string
	for _, p := range f.Problems {
		out = append(out, p.Reason)
	}
	return out
}

func TestIngressClassChoice(t *testing.T) {
	named := func(name string) func(*akohubv1.Ingress) {
		return func(in *akohubv1.Ingress) { in.IngressClassName = &name }
	}
	foreign := record(t, "", "nginx", &akohubv1.IngressClass{
		Controller: "k8s.io/ingress-nginx",
		Meta:       &akohubv1.Meta{Annotations: map[string]string{defaultClassAnnotation: "true"}},
	})
	tests := []struct {
		name    string
		classes []*akohubv1.Record
		change  func(*akohubv1.Ingress)
		served  bool
		problem []string
	}{
		{name: "default class", classes: []*akohubv1.Record{aviClass(t, true)}, served: true},
		{name: "no default class", classes: []*akohubv1.Record{aviClass(t, false)}},
		{name: "the default class is another's", classes: []*akohubv1.Record{aviClass(t, false), foreign}},
		{name: "named", classes: []*akohubv1.Record{aviClass(t, false)}, change: named("avi-lb"), served: true},
		{name: "named, another's", classes: []*akohubv1.Record{aviClass(t, true), foreign}, change: named("nginx")},
		{name: "named, missing", classes: []*akohubv1.Record{aviClass(t, true)}, change: named("gone"), problem: []string{reasonClassMissing}},
		{
			name: "the old annotation is not read", classes: []*akohubv1.Record{aviClass(t, true)}, served: true,
			change: func(in *akohubv1.Ingress) {
				in.Meta.Annotations = map[string]string{"kubernetes.io/ingress.class": "nginx"}
			},
		},
		{
			name: "being deleted", classes: []*akohubv1.Record{aviClass(t, true)},
			change: func(in *akohubv1.Ingress) { in.Meta.Deleting = true },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recs := append(webBackend(t), record(t, "red", "one", ingress(tt.change, "/")))
			f := hostFragment(t, settings(), append(recs, tt.classes...)...)
			if got := len(f.Contributions) == 1; got != tt.served {
				t.Errorf("served: %v, want %v", got, tt.served)
			}
			if diff := cmp.Diff(tt.problem, reasonsOf(f)); diff != "" {
				t.Errorf("problems: -want +got\n%s", diff)
			}
		})
	}
}

// What is not there yet must not give wrong objects.
func TestUnsupportedSettingsMakeNothing(t *testing.T) {
	params := aviClass(t, true)
	params.GetIngressClass().Parameters = &akohubv1.IngressClassParameters{ApiGroup: infraSettingGroup, Kind: infraSettingKind, Name: "gold"}
	tests := map[string]struct {
		class *akohubv1.Record
		ns    map[string]string
	}{
		"class infra": {class: params},
		"ns infra":    {class: aviClass(t, true), ns: map[string]string{infraSettingAnnotation: "gold"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := hostFragment(t, settings(), append(webBackend(t), tt.class,
				record(t, "", "red", &akohubv1.Namespace{Meta: &akohubv1.Meta{Annotations: tt.ns}}),
				record(t, "red", "one", ingress(nil, "/")))...)
			if n := len(f.Objects) + len(f.Contributions) + len(f.Publications); n != 0 {
				t.Errorf("made %d things, want none", n)
			}
			if diff := cmp.Diff([]string{reasonUnsupportedMode}, reasonsOf(f)); diff != "" {
				t.Errorf("problems: -want +got\n%s", diff)
			}
		})
	}
}

// secret is a Secret of namespace red with a pair of testdata/certs.
func secret(tb testing.TB, name, cert string) *akohubv1.Record {
	return record(tb, "red", name, &akohubv1.Secret{Data: map[string][]byte{
		tlsCertKey: readFile(tb, "testdata/certs", cert+".crt"),
		tlsKeyKey:  readFile(tb, "testdata/certs", cert+".key"),
	}})
}

func withTLS(secrets ...string) func(*akohubv1.Ingress) {
	return func(in *akohubv1.Ingress) {
		for _, s := range secrets {
			in.Tls = append(in.Tls, &akohubv1.IngressTls{Hosts: []string{testHost}, SecretName: s})
		}
	}
}

func created(at int64, change func(*akohubv1.Ingress)) func(*akohubv1.Ingress) {
	return func(in *akohubv1.Ingress) {
		in.Meta.CreationSeconds = at
		if change != nil {
			change(in)
		}
	}
}

// certOf is the name of the file that a fragment's certificate came from.
func certOf(tb testing.TB, f Fragment, name string) string {
	tb.Helper()
	for _, o := range f.Objects {
		if o.Key.Type != typeCertificate || o.Key.Name != name {
			continue
		}
		for _, file := range []string{"a", "b"} {
			if *o.Body.(*models.SSLKeyAndCertificate).Key == string(readFile(tb, "testdata/certs", file+".key")) {
				return file
			}
		}
	}
	return ""
}

// rulesOf are the paths of a policy set, in order.
func rulesOf(f Fragment, name string) []string {
	var out []string
	for _, o := range f.Objects {
		if o.Key.Type == typeHTTPPolicySet && o.Key.Name == name {
			for _, r := range o.Body.(*models.HTTPPolicySet).HTTPRequestPolicy.Rules {
				out = append(out, r.Match.Path.MatchStr...)
			}
		}
	}
	return out
}

func TestSeveralIngressesOnOneTLSHost(t *testing.T) {
	tests := []struct {
		name     string
		one, two int64
		rules    []string
		cert     string
	}{
		// The older shows its certificate, and its rules come last.
		{name: "one is older", one: 1, two: 2, rules: []string{"/two", "/one"}, cert: "a"},
		{name: "two is older", one: 2, two: 1, rules: []string{"/one", "/two"}, cert: "b"},
		{name: "same second", one: 1, two: 1, rules: []string{"/two", "/one"}, cert: "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := hostFragment(t, settings(), append(webBackend(t), aviClass(t, true), secret(t, "sa", "a"), secret(t, "sb", "b"),
				record(t, "red", "one", ingress(created(tt.one, withTLS("sa")), "/one")),
				record(t, "red", "two", ingress(created(tt.two, withTLS("sb")), "/two")))...)
			if diff := cmp.Diff(tt.rules, rulesOf(f, "east--red-"+testHost)); diff != "" {
				t.Errorf("rules: -want +got\n%s", diff)
			}
			if got := certOf(t, f, "east--"+testHost); got != tt.cert {
				t.Errorf("certificate %q, want %q", got, tt.cert)
			}
			if diff := cmp.Diff([]string{reasonCertificateClash}, reasonsOf(f)); diff != "" {
				t.Errorf("problems: -want +got\n%s", diff)
			}
			if len(f.Publications) != 2 {
				t.Errorf("%d publications, want 2", len(f.Publications))
			}
		})
	}
}

func TestCertificateChoice(t *testing.T) {
	def := record(t, "avi-system", defaultSecretName, secret(t, "x", "b").GetSecret())
	tests := []struct {
		name    string
		change  func(*akohubv1.Ingress)
		recs    []*akohubv1.Record
		certs   []string
		problem []string
	}{
		{name: "the first entry counts", change: withTLS("sa", "gone"), recs: []*akohubv1.Record{secret(t, "sa", "a")}, certs: []string{"east--" + testHost}},
		{
			name: "a Secret named -alt", change: withTLS("my-alt"), recs: []*akohubv1.Record{secret(t, "my-alt", "a")},
			certs: []string{"east--" + testHost + "-alt"},
		},
		{
			// AKO would put it in place of everybody's default certificate.
			name: "a Secret named like the default, elsewhere", change: withTLS(defaultSecretName),
			recs: []*akohubv1.Record{secret(t, defaultSecretName, "a"), def}, certs: []string{"east--" + testHost},
		},
		{name: "missing", change: withTLS("gone"), problem: []string{reasonSecretMissing}},
		{name: "not named", change: withTLS(""), problem: []string{reasonSecretMissing}},
		{
			name: "a bad alternate", change: withTLS("sa"), certs: []string{"east--" + testHost}, problem: []string{reasonCertificateInvalid},
			recs: []*akohubv1.Record{record(t, "red", "sa", &akohubv1.Secret{Data: map[string][]byte{
				tlsCertKey: readFile(t, "testdata/certs/a.crt"), tlsKeyKey: readFile(t, "testdata/certs/a.key"),
				altCertKey: []byte("x"), altKeyKey: []byte("y"),
			}})},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recs := append(webBackend(t), aviClass(t, true), record(t, "red", "one", ingress(tt.change, "/")))
			f := hostFragment(t, settings(), append(recs, tt.recs...)...)
			if diff := cmp.Diff(tt.certs, keysOf(f.Objects, typeCertificate)); diff != "" {
				t.Errorf("certificates: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(tt.problem, reasonsOf(f)); diff != "" {
				t.Errorf("problems: -want +got\n%s", diff)
			}
			c := f.Contributions[0]
			if served := len(tt.certs) > 0; served != (len(c.FQDNs) == 1) || served != (len(c.RedirectHosts) == 1) || served != (len(f.Publications) == 1) {
				t.Errorf("names %v, redirects %v, %d publications; want one of each if served", c.FQDNs, c.RedirectHosts, len(f.Publications))
			}
		})
	}
}

func TestPrivateKeysStayOutOfProblems(t *testing.T) {
	key := string(readFile(t, "testdata/certs/b.key"))
	f := hostFragment(t, settings(), append(webBackend(t), aviClass(t, true),
		record(t, "red", "bad", &akohubv1.Secret{Data: map[string][]byte{
			tlsCertKey: readFile(t, "testdata/certs/a.crt"), tlsKeyKey: []byte(key),
		}}),
		record(t, "red", "one", ingress(withTLS("bad"), "/")))...)
	if len(f.Problems) != 1 {
		t.Fatalf("%d problems, want 1", len(f.Problems))
	}
	for line := range strings.Lines(key) {
		if strings.Contains(f.Problems[0].Message, strings.TrimSpace(line)) {
			t.Errorf("the message has a line of the key in it: %s", f.Problems[0].Message)
		}
	}
}

func TestLongNamesAreLeftOutAlone(t *testing.T) {
	long := "/" + strings.Repeat("x", 250)
	for _, tls := range []bool{false, true} {
		t.Run(fmt.Sprint("tls=", tls), func(t *testing.T) {
			var change func(*akohubv1.Ingress)
			if tls {
				change = withTLS("sa")
			}
			f := hostFragment(t, settings(), append(webBackend(t), aviClass(t, true), secret(t, "sa", "a"),
				record(t, "red", "one", ingress(change, "/", long)))...)
			if got := keysOf(f.Objects, typePool); len(got) != 1 {
				t.Errorf("pools %v, want the one of /", got)
			}
			if diff := cmp.Diff([]string{reasonNameTooLong}, reasonsOf(f)); diff != "" {
				t.Errorf("problems: -want +got\n%s", diff)
			}
		})
	}
}

func TestBackendPorts(t *testing.T) {
	svc := func(typ string, ports ...*akohubv1.ServicePort) *akohubv1.Service {
		return &akohubv1.Service{Type: typ, Ports: ports}
	}
	http := &akohubv1.ServicePort{Name: "http", Protocol: "TCP", Port: 80, TargetPortNumber: 8080}
	adm := &akohubv1.ServicePort{Name: "adm", Protocol: "TCP", Port: 81, TargetPortName: "admin"}
	bare := &akohubv1.ServicePort{Protocol: "TCP", Port: 80, TargetPortNumber: 8080}
	tests := []struct {
		name  string
		svc   *akohubv1.Service
		port  *akohubv1.IngressBackend
		want  portMatch
		found bool
	}{
		{"by number", svc("ClusterIP", http, adm), &akohubv1.IngressBackend{PortNumber: 80},
			portMatch{Protocol: "TCP", PortName: "http", Number: 80, TargetNumber: 8080}, true},
		{"by name", svc("ClusterIP", http, adm), &akohubv1.IngressBackend{PortName: "adm"},
			portMatch{Protocol: "TCP", PortName: "adm", Number: 81, TargetName: "admin"}, true},
		{"without name", svc("ClusterIP", bare), &akohubv1.IngressBackend{PortNumber: 80},
			portMatch{Protocol: "TCP", Number: 80, TargetNumber: 8080}, true},
		{"node port", svc("NodePort", http), &akohubv1.IngressBackend{PortNumber: 80},
			portMatch{Protocol: "TCP", PortName: "http", Number: 80}, true},
		{"no such number", svc("ClusterIP", http), &akohubv1.IngressBackend{PortNumber: 81},
			portMatch{Protocol: "TCP", Number: 81}, false},
		{"no such name", svc("ClusterIP", http), &akohubv1.IngressBackend{PortName: "x"},
			portMatch{Protocol: "TCP", PortName: "x"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, why := ingressBackend(tt.port).port.find(tt.svc)
			if found := why == ""; found != tt.found || got != tt.want {
				t.Errorf("got %+v, %v; want %+v, %v", got, found, tt.want, tt.found)
			}
		})
	}
}

// A host whose Service nodes don't answer for gets an empty pool; its owner is
// told.
func TestHostsNeedNodePorts(t *testing.T) {
	nodePorts := func(s *Settings) { s.ServiceType = serviceTypeNodePort }
	for _, tt := range []struct {
		name string
		svc  *akohubv1.Service
		want []string
	}{
		{"inside only", &akohubv1.Service{Type: "ClusterIP"}, []string{reasonNoNodePort}},
		{"not allocated", &akohubv1.Service{Type: serviceTypeLoadBalancer}, []string{reasonNoNodePort}},
		{"on the nodes", &akohubv1.Service{Type: "NodePort"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			port := &akohubv1.ServicePort{Name: "http", Protocol: protocolTCP, Port: 80, TargetPortNumber: 8080}
			if tt.want == nil {
				port.NodePort = 30080
			}
			tt.svc.Ports = []*akohubv1.ServicePort{port}
			f := hostFragment(t, settings(nodePorts), append(surroundings(t),
				record(t, "red", "web", tt.svc), record(t, "red", "one", ingress(nil, "/")))...)
			if diff := cmp.Diff(tt.want, reasonsOf(f)); diff != "" {
				t.Errorf("problems: -want +got\n%s", diff)
			}
			if got := keysOf(f.Objects, typePool); len(got) != 1 {
				t.Errorf("pools %v, want one", got)
			}
		})
	}
}

func TestHostFragmentDepends(t *testing.T) {
	f := hostFragment(t, settings(), append(webBackend(t), aviClass(t, true),
		record(t, "red", "one", ingress(withTLS("gone"), "/")))...)
	want := []mirror.Ref{
		{Kind: kinds.IngressClass},
		{Kind: kinds.Ingress, Namespace: "red", Name: "one"},
		{Kind: kinds.Namespace}, // since it is not known
		{Kind: kinds.Namespace, Name: "red"},
		{Kind: kinds.Secret, Namespace: "red", Name: "gone"},
	}
	if diff := cmp.Diff(want, f.Deps); diff != "" {
		t.Errorf("without certificate: -want +got\n%s", diff)
	}
	f = hostFragment(t, settings(), append(webBackend(t), aviClass(t, true),
		record(t, "red", "one", ingress(nil, "/")))...)
	for _, ref := range []mirror.Ref{
		{Kind: kinds.Service, Namespace: "red", Name: "web"},
		{Kind: kinds.EndpointSlice, Namespace: "red", Name: "web-1"},
	} {
		if !slices.Contains(f.Deps, ref) {
			t.Errorf("%v is not among the dependencies %v", ref, f.Deps)
		}
	}
}
