package translate

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmware/alb-sdk/go/models"
	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

var pairKey = UnitKey{Kind: UnitL4Shared, Namespace: "default", Name: "pair"}

// sharing is a Service with one port behind the shared VIP default/pair.
func sharing(tb testing.TB, name string, port int32, change ...func(*akohubv1.Service)) []*akohubv1.Record {
	svc := annotated(loadBalancer(l4Port("p", port, 8080)), sharedVIPAnnotation, "pair")
	for _, c := range change {
		c(svc)
	}
	return lbBackendIn(tb, "default", name, svc)
}

// with sets an annotation.
func with(name, value string) func(*akohubv1.Service) {
	return func(s *akohubv1.Service) { s.Meta.Annotations[name] = value }
}

func asking(ip string) func(*akohubv1.Service) {
	return func(s *akohubv1.Service) { s.LoadBalancerIp = ip }
}

func aged(seconds int64) func(*akohubv1.Service) {
	return func(s *akohubv1.Service) { s.Meta.CreationSeconds = seconds }
}

// sharedUnit translates default/pair.
func sharedUnit(tb testing.TB, s *Settings, recs ...[]*akohubv1.Record) Fragment {
	tb.Helper()
	var f Fragment
	readView(tb, l4Join(recs...), func(v mirror.View) { f = Unit(v, s, pairKey) })
	return f
}

func objectOf[T any](tb testing.TB, f Fragment) T {
	tb.Helper()
	for _, o := range f.Objects {
		if b, ok := o.Body.(T); ok {
			return b
		}
	}
	var none T
	tb.Fatalf("no %T among the objects", none)
	return none
}

func poolsOf(f Fragment) (out []string) {
	for _, o := range f.Objects {
		if o.Key.Type == typePool {
			out = append(out, o.Key.Name)
		}
	}
	return out
}

// What members must agree on (l4-infra.md §1.9).
func TestSharedVIPConflicts(t *testing.T) {
	conflict := func(names ...string) (out []string) {
		for _, n := range names {
			out = append(out, n+":"+reasonSharedVIPConflict)
		}
		return out
	}
	foreign := func(s *akohubv1.Service) { s.LoadBalancerClass = proto.String("x") }
	for _, tt := range []struct {
		name     string
		recs     [][]*akohubv1.Record
		pools    int
		problems []string // NAME:REASON
	}{
		{"agree", [][]*akohubv1.Record{sharing(t, "a", 80), sharing(t, "b", 81)}, 2, nil},
		{"the same address, here and there", [][]*akohubv1.Record{
			sharing(t, "a", 80, asking("10.10.64.1")), sharing(t, "b", 81, with(loadBalancerIPAnnotation, "10.10.64.1"))}, 2, nil},
		{"the spec before the annotation", [][]*akohubv1.Record{
			sharing(t, "a", 80, asking("10.10.64.1"), with(loadBalancerIPAnnotation, "10.10.64.2")), sharing(t, "b", 81, asking("10.10.64.1"))}, 2, nil},
		{"only the oldest asks", [][]*akohubv1.Record{sharing(t, "a", 80, asking("10.10.64.1")), sharing(t, "b", 81)}, 2, nil},
		{"only a younger one asks", [][]*akohubv1.Record{sharing(t, "a", 80, aged(1)), sharing(t, "b", 81, aged(2), asking("10.10.64.1"))}, 0, conflict("a", "b")},
		{"other addresses", [][]*akohubv1.Record{
			sharing(t, "a", 80, with(loadBalancerIPAnnotation, "10.10.64.1")), sharing(t, "b", 81, with(loadBalancerIPAnnotation, "10.10.64.2"))}, 0, conflict("a", "b")},
		{"other AviInfraSettings", [][]*akohubv1.Record{sharing(t, "a", 80), sharing(t, "b", 81, with(infraSettingAnnotation, "gold"))}, 0, conflict("a", "b")},
		{"other L4Rules", [][]*akohubv1.Record{sharing(t, "a", 80, with(l4RuleAnnotation, "r")), sharing(t, "b", 81, with(l4RuleAnnotation, "q"))}, 0, conflict("a", "b")},
		{"foreign class", [][]*akohubv1.Record{sharing(t, "a", 80), sharing(t, "b", 81, foreign)}, 0, conflict("a")},
		{"same port", [][]*akohubv1.Record{sharing(t, "b", 80), sharing(t, "a", 80, aged(7))}, 1, conflict("a")},
		{"same number, another protocol", [][]*akohubv1.Record{sharing(t, "a", 80),
			sharing(t, "b", 80, func(s *akohubv1.Service) { s.Ports[0].Protocol = protocolUDP })}, 2, nil},
		{"named like a Service", [][]*akohubv1.Record{sharing(t, "a", 80), lbBackendIn(t, "default", "pair", loadBalancer())}, 0, conflict("a")},
		{"named like a member", [][]*akohubv1.Record{sharing(t, "pair", 80), sharing(t, "b", 81)}, 2, nil},
		{"another namespace", [][]*akohubv1.Record{sharing(t, "a", 80),
			lbBackendIn(t, "other", "b", annotated(loadBalancer(), sharedVIPAnnotation, "pair"))}, 1, nil},
		{"no ports in one", [][]*akohubv1.Record{sharing(t, "a", 80), sharing(t, "b", 81, func(s *akohubv1.Service) { s.Ports = nil })}, 1,
			[]string{"b:" + reasonNoPorts}},
		{"no member any more", [][]*akohubv1.Record{sharing(t, "a", 80, func(s *akohubv1.Service) { s.Type = "ClusterIP" })}, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := sharedUnit(t, l4Settings(), tt.recs...)
			var problems []string
			for _, p := range f.Problems {
				problems = append(problems, p.Object.Name+":"+p.Reason)
			}
			if d := cmp.Diff(tt.problems, problems); d != "" || len(poolsOf(f)) != tt.pools {
				t.Errorf("pools = %v, want %d; problems (-want +got):\n%s", poolsOf(f), tt.pools, d)
			}
			if tt.pools == 0 && len(f.Objects)+len(f.Publications) != 0 {
				t.Errorf("objects = %v, publications = %v; want none", f.Objects, f.Publications)
			}
			if len(f.Publications) != len(slices.Compact(slices.Clone(poolsOf(f)))) {
				t.Errorf("publications = %v, want one for each Service that has a pool", f.Publications)
			}
		})
	}
}

// The annotation of external-dns decides what DNS has, the generated name what
// status and pools say (l4-infra.md §1.9).
func TestSharedVIPNames(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Settings)
		dns    []string
		host   string
	}{
		{"generated", nil, []string{"a.default.apps.example.test", "shop.example.test"}, "b.default.apps.example.test"},
		{"flat", func(s *Settings) { s.AutoFQDN = autoFQDNFlat }, []string{"a-default.apps.example.test", "shop.example.test"}, "b-default.apps.example.test"},
		{"none generated", func(s *Settings) { s.AutoFQDN = "disabled" }, []string{"shop.example.test"}, ""},
		{"no DNS profile", func(s *Settings) { s.Domains = nil }, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := l4Settings()
			if tt.change != nil {
				tt.change(s)
			}
			f := sharedUnit(t, s, sharing(t, "a", 80), sharing(t, "b", 81, with(externalDNSAnnotation, "shop.example.test")))
			var dns []string
			for _, i := range objectOf[*models.VsVip](t, f).DNSInfo {
				dns = append(dns, *i.Fqdn)
			}
			if d := cmp.Diff(tt.dns, dns); d != "" {
				t.Errorf("dns_info (-want +got):\n%s", d)
			}
			var meta serviceMetadata
			must(t, json.Unmarshal([]byte(*objectOf[*models.VirtualService](t, f).ServiceMetadata), &meta))
			if d := cmp.Diff(tt.dns, meta.HostNames); d != "" || meta.NamespaceServiceName != nil {
				t.Errorf("metadata %+v (-want +got):\n%s", meta, d)
			}
			p := f.Publications[1]
			if p.Object.Name != "b" || p.Host != tt.host || p.Annotate != (tt.host != "") || !p.Status {
				t.Errorf("publication %+v, want host %q", p, tt.host)
			}
			for _, o := range f.Objects {
				pool, ok := o.Body.(*models.Pool)
				if !ok || !strings.Contains(o.Key.Name, "-b-") {
					continue
				}
				must(t, json.Unmarshal([]byte(*pool.ServiceMetadata), &meta))
				if got := strings.Join(meta.HostNames, " "); got != tt.host || meta.NamespaceServiceName[0] != "default/b" {
					t.Errorf("metadata of the pool: %+v, want host %q", meta, tt.host)
				}
			}
		})
	}
}

// The annotations that only count for a virtual service of one's own, and the
// cluster's tenant whatever the namespace says (l4-infra.md §1.9).
func TestSharedVIPIsNobodysOwn(t *testing.T) {
	f := sharedUnit(t, l4Settings(),
		l4Namespace(t, "default", map[string]string{tenantAnnotation: "tenant-a"}, nil),
		sharing(t, "a", 80, with(applicationProfileAnnotation, "custom"), with(disableTrafficAnnotation, "true")))
	vs := objectOf[*models.VirtualService](t, f)
	if *vs.ApplicationProfileRef != "/api/applicationprofile/?name=System-L4-Application" || vs.TrafficEnabled != nil {
		t.Errorf("profile %s, traffic_enabled %v", *vs.ApplicationProfileRef, vs.TrafficEnabled)
	}
	for _, o := range f.Objects {
		if o.Key.Tenant != "admin" {
			t.Errorf("%s %s is in tenant %s", o.Key.Type, o.Key.Name, o.Key.Tenant)
		}
	}
	if f.Publications[0].VirtualService.Tenant != "admin" {
		t.Errorf("publication %+v", f.Publications[0])
	}
}

// A member that can't be served does not keep the others from it; alone, it
// keeps what there is.
func TestSharedVIPHeld(t *testing.T) {
	npl := l4Settings(func(s *Settings) { s.ServiceType = serviceTypeNodePortLocal })
	sctp := func(s *akohubv1.Service) { s.Ports[0].Protocol = protocolSCTP }
	f := sharedUnit(t, npl, sharing(t, "a", 80, sctp))
	if !f.Held || len(f.Objects) != 0 || len(f.Publications) != 1 {
		t.Errorf("alone: held %v, objects %v, publications %v", f.Held, f.Objects, f.Publications)
	}
	f = sharedUnit(t, npl, sharing(t, "a", 80, sctp), sharing(t, "b", 81))
	if d := cmp.Diff([]string{"cluster1--default-b-pair-TCP-81"}, poolsOf(f)); d != "" || f.Held || len(f.Publications) != 1 {
		t.Errorf("beside another: held %v, publications %v; pools (-want +got):\n%s", f.Held, f.Publications, d)
	}
}
