package translate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// webUnit translates the Service default/web.
func webUnit(tb testing.TB, s *Settings, svc *akohubv1.Service) Fragment {
	tb.Helper()
	var f Fragment
	readView(tb, lbBackend(tb, svc), func(v mirror.View) {
		f = Unit(v, s, UnitKey{Kind: UnitL4, Namespace: "default", Name: "web"})
	})
	return f
}

// A port whose names would be too long is left out alone (l4-infra.md §0).
func TestLongPoolNames(t *testing.T) {
	// The rule for port 80 has 255 bytes then, that for port 10000 has 258.
	prefix := strings.Repeat("c", maxNameLength-len(l4RuleName("--default-web-TCP-80")))
	s := l4Settings(func(s *Settings) { s.ClusterName = prefix })
	f := webUnit(t, s, loadBalancer(l4Port("a", 80, 8080), l4Port("b", 10000, 8080)))
	if d := cmp.Diff([]string{prefix + "--default-web-TCP-80"}, poolsOf(f)); d != "" {
		t.Errorf("pools (-want +got):\n%s", d)
	}
	if len(f.Problems) != 1 || f.Problems[0].Reason != reasonNameTooLong || !strings.Contains(f.Problems[0].Message, "port 10000") {
		t.Errorf("problems = %v", f.Problems)
	}
	if n := len(objectOf[*models.VirtualService](t, f).Services); n != 1 {
		t.Errorf("%d listeners, want 1", n)
	}
	s.ClusterName += "c"
	if f = webUnit(t, s, loadBalancer(l4Port("a", 80, 8080))); len(f.Objects)+len(f.Publications) != 0 {
		t.Errorf("objects = %v, publications = %v; want none", f.Objects, f.Publications)
	}
	// Hashed names are never too long.
	s.EVH, s.ClusterName = true, "c"
	long := lbBackendIn(t, strings.Repeat("n", 63), strings.Repeat("s", 63), loadBalancer())
	readView(t, long, func(v mirror.View) {
		f = Unit(v, s, UnitKey{Kind: UnitL4, Namespace: strings.Repeat("n", 63), Name: strings.Repeat("s", 63)})
	})
	if len(f.Objects) != 4 || len(f.Problems) != 0 {
		t.Errorf("%d objects, problems %v", len(f.Objects), f.Problems)
	}
}

// Rules follow the order of the Service's ports, listeners their names.
func TestL4Order(t *testing.T) {
	f := webUnit(t, l4Settings(), loadBalancer(l4Port("z", 1, 1), withProtocol(l4Port("a", 2, 2), protocolUDP), l4Port("m", 3, 3)))
	var rules []string
	for i, r := range objectOf[*models.L4PolicySet](t, f).L4ConnectionPolicy.Rules {
		if *r.Index != int32(i) {
			t.Errorf("rule %d has index %d", i, *r.Index)
		}
		rules = append(rules, strings.TrimPrefix(*r.Name, "/api/pool?name=cluster1--default-web-"))
	}
	if d := cmp.Diff([]string{"TCP-1", "UDP-2", "TCP-3"}, rules); d != "" {
		t.Errorf("rules (-want +got):\n%s", d)
	}
	var ports []uint32
	for _, l := range objectOf[*models.VirtualService](t, f).Services {
		ports = append(ports, *l.Port)
	}
	if d := cmp.Diff([]uint32{2, 3, 1}, ports); d != "" {
		t.Errorf("listeners (-want +got):\n%s", d)
	}
}

// Services are taken or not as a whole by class, and the setting alone decides
// about those without one (l4-infra.md §1.1).
func TestNotTheDefault(t *testing.T) {
	s := l4Settings(func(s *Settings) { s.DefaultLBController = false })
	if f := webUnit(t, s, loadBalancer()); len(f.Objects)+len(f.Publications)+len(f.Problems) != 0 {
		t.Errorf("without a class: %+v", f)
	}
	ours := loadBalancer()
	ours.LoadBalancerClass = ptr(loadBalancerClass)
	if f := webUnit(t, s, ours); len(f.Objects) != 4 {
		t.Errorf("of our class: %d objects", len(f.Objects))
	}
}

// What Services say that AKO does not look at changes nothing (l4-infra.md
// §1.8.6), nor does its policy where endpoints are the servers.
func TestIgnoredByL4(t *testing.T) {
	want := indented(t, webUnit(t, l4Settings(), loadBalancer()).Objects)
	local := loadBalancer()
	local.ExternalTrafficPolicy = "Local"
	status := withStatus(loadBalancer(), "10.10.64.9")
	for name, svc := range map[string]*akohubv1.Service{
		"policy Local":          local,
		"a status":              status,
		"traffic, not true":     annotated(loadBalancer(), disableTrafficAnnotation, "yes"),
		"no application":        annotated(loadBalancer(), applicationProfileAnnotation, ""),
		"no shared VIP":         annotated(loadBalancer(), sharedVIPAnnotation, ""),
		"passthrough":           annotated(loadBalancer(), "passthrough.ako.vmware.com/enabled", "true"),
		"skipnodeport anyway":   annotated(loadBalancer(), skipNodePortAnnotation, "true"),
		"no name, external-dns": annotated(loadBalancer(), externalDNSAnnotation, ""),
	} {
		if got := indented(t, webUnit(t, l4Settings(), svc).Objects); string(got) != string(want) {
			t.Errorf("%s: %s", name, firstDifference(want, got))
		}
	}
}

// Only external-dns's annotation needs no DNS profile (l4-infra.md §1.6).
func TestNamesOfServices(t *testing.T) {
	named := func(name string) *akohubv1.Service { return annotated(loadBalancer(), externalDNSAnnotation, name) }
	for _, tt := range []struct {
		name   string
		change func(*Settings)
		svc    *akohubv1.Service
		want   string
	}{
		{"external-dns", nil, named("a.example.test"), "a.example.test"},
		{"external-dns without a DNS profile", func(s *Settings) { s.Domains = nil }, named("a.example.test"), "a.example.test"},
		{"external-dns, flat", func(s *Settings) { s.AutoFQDN = autoFQDNFlat }, named("a.example.test"), "a.example.test"},
		{"external-dns, none generated", func(s *Settings) { s.AutoFQDN = "disabled" }, named("a.example.test"), ""},
		{"flat", func(s *Settings) { s.AutoFQDN = autoFQDNFlat }, loadBalancer(), "web-default.apps.example.test"},
		{"no DNS profile", func(s *Settings) { s.Domains = nil }, loadBalancer(), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := l4Settings()
			if tt.change != nil {
				tt.change(s)
			}
			f := webUnit(t, s, tt.svc)
			got := ""
			for _, i := range objectOf[*models.VsVip](t, f).DNSInfo {
				got += *i.Fqdn
			}
			if p := f.Publications[0]; got != tt.want || p.Host != tt.want || p.Annotate != (tt.want != "") || !p.Status {
				t.Errorf("DNS %q, publication %+v; want %q", got, p, tt.want)
			}
		})
	}
}
