package doctor

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tenantRights are what the hub needs in a cluster's tenant.
var tenantRights = []string{"VIRTUALSERVICE", "POOL", "POOLGROUP", "HTTPPOLICYSET", "L4POLICYSET", "VSDATASCRIPTSET",
	"SSLKEYANDCERTIFICATE", "PKIPROFILE", "STRINGGROUP", "APPLICATIONPERSISTENCEPROFILE"}

// controller starts a simulated controller with users of several rights, and
// returns a way to log in.
func controller(t *testing.T) (*avisim.Simulator, func(user, password string) *avi.Client) {
	t.Helper()
	seed, err := avisim.DefaultSeed()
	if err != nil {
		t.Fatal(err)
	}
	seed.Roles = append(seed.Roles,
		avisim.SeedRole{Name: "hub-tenant", Write: tenantRights, Read: []string{"TENANT", "CLOUD", "SYSTEMCONFIGURATION", "IPAMDNSPROVIDERPROFILE"}},
		avisim.SeedRole{Name: "hub-tenant-short", Write: tenantRights[:8], Read: append([]string{"TENANT", "CLOUD", "SYSTEMCONFIGURATION"}, tenantRights[8])},
		avisim.SeedRole{Name: "hub-admin", Write: []string{"SERVICEENGINEGROUP", "VRFCONTEXT"},
			Read: []string{"TENANT", "CLOUD", "NETWORK", "SYSTEMCONFIGURATION", "USER", "ROLE"}},
		avisim.SeedRole{Name: "hub-admin-blind", Write: []string{"SERVICEENGINEGROUP", "VRFCONTEXT"},
			Read: []string{"TENANT", "CLOUD", "NETWORK", "SYSTEMCONFIGURATION", "CONTROLLER"}})
	no := false
	seed.Tenants.Others = append(seed.Tenants.Others, avisim.SeedTenant{Name: "own", SEInProviderContext: &no, TenantVRF: true})
	seed.Roles = append(seed.Roles,
		avisim.SeedRole{Name: "ako-admin", Write: []string{"STRINGGROUP", "SERVICEENGINEGROUP", "VRFCONTEXT"}, Read: []string{"CLOUD", "NETWORK", "TENANT", "USER", "ROLE"}},
		avisim.SeedRole{Name: "ako-tenant", Write: append([]string{"IPAMDNSPROVIDERPROFILE", "SERVICEENGINEGROUP", "NETWORK", "VRFCONTEXT"}, tenantRights...),
			Read: []string{"CLOUD", "SYSTEMCONFIGURATION", "TENANT"}})
	seed.Users = append(seed.Users,
		avisim.SeedUser{Name: "ako", Password: "sim-password", Access: []avisim.SeedAccess{{Tenant: "team", Role: "ako-tenant"}, {Tenant: "admin", Role: "ako-admin"}}},
		avisim.SeedUser{Name: "own", Password: "sim-password", Access: []avisim.SeedAccess{{Tenant: "own", Role: "ako-tenant"}}})
	for name, roles := range map[string][2]string{
		"hub": {"hub-tenant", "hub-admin"}, "short": {"hub-tenant-short", "hub-admin"}, "blind": {"hub-tenant-short", "hub-admin-blind"},
	} {
		seed.Users = append(seed.Users, avisim.SeedUser{Name: name, Password: "sim-password",
			Access: []avisim.SeedAccess{{Tenant: "team", Role: roles[0]}, {Tenant: "admin", Role: roles[1]}}})
	}
	sim, err := avisim.New(avisim.Options{Seed: seed, Tenants: []string{"team"}})
	if err != nil {
		t.Fatal(err)
	}
	server, err := sim.StartTLS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, server.CACertPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return sim, func(user, password string) *avi.Client {
		client, err := avi.NewClient(avi.Config{Name: "sim", URL: server.URL, Username: user, CAFile: ca,
			Password: func() (string, error) { return password, nil }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		return client
	}
}

func registration(change ...func(*v1alpha1.Spec)) *v1alpha1.Cluster {
	reg := v1alpha1.NewCluster("shop")
	reg.Spec.Tenant.Name = "team"
	reg.Spec.Network.VIPNetworks = []v1alpha1.VIPNetwork{{Name: "vip-net"}}
	for _, c := range change {
		c(&reg.Spec)
	}
	return reg
}

var fine = Agent{Connected: true, Kinds: []Kind{{Name: "ingresses", Synced: true}, {Name: "services", Synced: true}}}

var (
	uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)
	hosts = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
)

func print(checks []Check) string {
	var b strings.Builder
	for _, c := range checks {
		fmt.Fprintf(&b, "%s: %s: %s\n", c.Name, c.Result, c.Detail)
		if c.Remedy != "" {
			fmt.Fprintf(&b, "    %s\n", c.Remedy)
		}
	}
	return hosts.ReplaceAllString(uuids.ReplaceAllString(b.String(), "UUID"), "CONTROLLER")
}

func TestExamine(t *testing.T) {
	sim, login := controller(t)
	admin := login("admin", "sim-password")
	group, err := admin.List(t.Context(), "admin", "serviceenginegroup", url.Values{"name": {"seg-gold"}, "cloud_ref.name": {"Default-Cloud"}})
	if err != nil || len(group) != 1 {
		t.Fatal(len(group), err)
	}
	group[0]["labels"] = []any{map[string]any{"key": "clustername", "value": "shop2"}}
	if _, err := admin.Update(t.Context(), "admin", "serviceenginegroup", group[0]["uuid"].(string), group[0]); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		client *avi.Client
		reg    *v1alpha1.Cluster
		agent  Agent
	}{
		{"superuser", admin, registration(), fine},
		{"just-enough-rights", login("hub", "sim-password"), registration(), fine},
		{"missing-rights", login("short", "sim-password"), registration(), fine},
		{"rights-not-known", login("blind", "sim-password"), registration(), fine},
		{"akos-roles", login("ako", "sim-password"), registration(), Agent{Connected: true, Tenants: []string{"own", "red", "team"}}},
		{"akos-role-in-one-tenant", login("own", "sim-password"), registration(func(s *v1alpha1.Spec) {
			s.Tenant.Name, s.Tenant.SEInProviderContext, s.Network.VIPNetworks[0].CIDR = "own", false, "10.10.0.0/16"
		}), fine},
		{"no-role-in-the-tenant", login("own", "sim-password"), registration(), fine},
		{"namespaces-ask", admin, registration(), Agent{Connected: true, Tenants: []string{"own", "red"}}},
		{"wrong-password", login("hub", "nonsense"), registration(), fine},
		{"foreign-label", admin, registration(func(s *v1alpha1.Spec) { s.ServiceEngineGroup = "seg-gold" }), fine},
		{"nothing-there", admin, registration(func(s *v1alpha1.Spec) {
			s.Tenant.Name, s.ServiceEngineGroup, s.Network.VIPNetworks[0].Name = "nosuch", "nosuch", "nosuch"
		}), Agent{LastError: "no message within 45s"}},
		{"node-networks", admin, registration(func(s *v1alpha1.Spec) { s.Network.NodeNetworks = []v1alpha1.NodeNetwork{{Name: "node-net"}} }), fine},
		{"no-node-network", admin, registration(func(s *v1alpha1.Spec) {
			s.Network.NodeNetworks = []v1alpha1.NodeNetwork{{Name: "node-net"}, {Name: "nosuch"}}
		}), fine},
		{"no-cloud", admin, registration(func(s *v1alpha1.Spec) { s.Cloud, s.Tenant.Name, s.Tenant.Create = "nosuch", "fresh", true }), fine},
		{"half-an-agent", admin, registration(func(s *v1alpha1.Spec) {
			s.Tenant.SEInProviderContext, s.Services.DefaultDomain, s.Mode = false, "nosuch.test", v1alpha1.ModeEnforce
		}), Agent{Connected: true, Kinds: []Kind{{Name: "ingresses", Synced: true}, {Name: "secrets", Message: "forbidden"}, {Name: "services"}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			sim.ResetRequests()
			got := print(Examine(t.Context(), test.reg, test.client, test.agent))
			golden(t, test.name+".txt", got)
			if w := sim.Writes(); len(w) > 0 {
				t.Errorf("wrote %v", w)
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got:\n%s", name, diff)
	}
}

func TestRanges(t *testing.T) {
	addr := func(s string) map[string]any { return map[string]any{"addr": s} }
	entry := func(typ, from, to string) map[string]any {
		return map[string]any{"type": typ, "range": map[string]any{"begin": addr(from), "end": addr(to)}}
	}
	network := map[string]any{"configured_subnets": []any{map[string]any{"static_ip_ranges": []any{
		entry("STATIC_IPS_FOR_VIP_AND_SE", "10.0.0.10", "10.0.0.19"), entry("STATIC_IPS_FOR_SE", "10.0.0.30", "10.0.0.90"),
		entry("STATIC_IPS_FOR_VIP", "2001:db8::1", "2001:db8::ffff"), entry("STATIC_IPS_FOR_VIP", "10.0.0.9", "10.0.0.1"),
	}}}}
	got := rangesOf(network, nil)
	if len(got) != 1 || got[0].size().Int64() != 10 {
		t.Errorf("%v", got)
	}
	subnet, _ := network["configured_subnets"].([]any)[0].(map[string]any)
	subnet["prefix"] = map[string]any{"ip_addr": addr("10.0.0.0"), "mask": 24}
	if got := rangesOf(network, cidrs(v1alpha1.VIPNetwork{CIDR: "10.0.0.0/24"})); len(got) != 1 {
		t.Errorf("in its subnet: %v", got)
	}
	if got := rangesOf(network, cidrs(v1alpha1.VIPNetwork{CIDR: "10.0.1.0/24"})); len(got) != 0 {
		t.Errorf("in another subnet: %v", got)
	}
}

// busy is a controller of which only the health counts.
type busy struct {
	Controller
	health avi.Health
}

func (b busy) Health() avi.Health { return b.health }

func TestRateAndClock(t *testing.T) {
	for _, c := range []struct {
		h    avi.Health
		want []Result
	}{
		{avi.Health{Rate: 100, Most: 100, Known: true, Skew: -2 * time.Second}, []Result{OK, OK}},
		{avi.Health{Rate: 12, Most: 100, Known: true, Skew: -2 * time.Minute}, []Result{Warning, Warning}},
		{avi.Health{Rate: 100, Most: 100}, []Result{OK, Unknown}},
	} {
		e := &examination{ctl: busy{health: c.h}}
		e.rate()
		e.clock()
		if e.checks[0].Result != c.want[0] || e.checks[1].Result != c.want[1] {
			t.Errorf("%+v: %+v", c.h, e.checks)
		}
	}
}

// TestAddresses counts a network's addresses by VsVips of several tenants.
func TestAddresses(t *testing.T) {
	_, login := controller(t)
	admin := login("admin", "sim-password")
	reg := registration(func(s *v1alpha1.Spec) { s.Network.VIPNetworks[0] = v1alpha1.VIPNetwork{Name: "small"} })
	found := func() Check {
		t.Helper()
		e := &examination{ctx: t.Context(), reg: reg, ctl: admin}
		e.tenant()
		if !e.cloud() {
			t.Fatal(e.checks)
		}
		e.network()
		return e.checks[len(e.checks)-1]
	}
	at := func(addr string) map[string]any { return map[string]any{"addr": addr, "type": "V4"} }
	between := func(from, to, typ string) map[string]any {
		return map[string]any{"type": typ, "range": map[string]any{"begin": at(from), "end": at(to)}}
	}
	if _, err := admin.Create(t.Context(), "admin", "network", map[string]any{
		"name": "small", "cloud_ref": "/api/cloud/?name=Default-Cloud",
		"configured_subnets": []any{map[string]any{
			"prefix":           map[string]any{"ip_addr": at("10.99.0.0"), "mask": 24},
			"static_ip_ranges": []any{between("10.99.0.1", "10.99.0.11", "STATIC_IPS_FOR_VIP"), between("10.99.0.100", "10.99.0.200", "STATIC_IPS_FOR_SE")},
		}},
	}); err != nil {
		t.Fatal(err)
	}
	take := func(tenant, name, addr string) {
		t.Helper()
		_, err := admin.Create(t.Context(), tenant, "vsvip", map[string]any{"name": name, "cloud_ref": "/api/cloud/?name=Default-Cloud",
			"vip": []any{map[string]any{"vip_id": "0", "ip_address": at(addr)}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		tenant, addr string
		result       Result
		text         string
	}{
		{"", "", OK, `of 11 addresses for VIPs, virtual services that user "admin" sees leave 11 free`},
		{"team", "10.99.0.1", OK, "leave 10 free"},
		{"admin", "10.99.0.150", OK, "leave 10 free"},
		{"admin", "10.99.0.2", Warning, "leave 9 free"},
	} {
		if step.addr != "" {
			take(step.tenant, "v-"+step.addr, step.addr)
		}
		if c := found(); c.Result != step.result || !strings.Contains(c.Detail, step.text) || (c.Remedy != "") != (c.Result != OK) {
			t.Errorf("with %s in %s: %+v", step.addr, step.tenant, c)
		}
	}
	for i := 3; i <= 11; i++ {
		take("team", fmt.Sprint("v-", i), fmt.Sprint("10.99.0.", i))
	}
	if c := found(); c.Result != Error || !strings.Contains(c.Detail, "none of its 11") {
		t.Errorf("%+v", c)
	}
}
