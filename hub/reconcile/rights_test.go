package reconcile

import (
	"slices"
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// The roles that AKO's documentation asks for (l4-infra.md §3.6).
var (
	akoAdmin = avisim.SeedRole{Name: "ako-admin",
		Write: []string{"STRINGGROUP", "SERVICEENGINEGROUP", "VRFCONTEXT"},
		Read:  []string{"CLOUD", "NETWORK", "TENANT"}}
	akoTenant = avisim.SeedRole{Name: "ako-tenant",
		Write: []string{"VIRTUALSERVICE", "POOL", "POOLGROUP", "HTTPPOLICYSET", "NETWORKSECURITYPOLICY", "AUTOSCALE", "DNSPOLICY", "NETWORKPROFILE",
			"APPLICATIONPROFILE", "APPLICATIONPERSISTENCEPROFILE", "HEALTHMONITOR", "ANALYTICSPROFILE", "IPAMDNSPROVIDERPROFILE", "CUSTOMIPAMDNSPROFILE",
			"TRAFFICCLONEPROFILE", "STRINGGROUP", "VSDATASCRIPTSET", "PKIPROFILE", "SSLKEYANDCERTIFICATE", "SERVICEENGINEGROUP", "NETWORK", "VRFCONTEXT", "L4POLICYSET"},
		Read: []string{"IPADDRGROUP", "PROTOCOLPARSER", "SSLPROFILE", "AUTHPROFILE", "PINGACCESSAGENT", "CERTIFICATEMANAGEMENTPROFILE",
			"HARDWARESECURITYMODULEGROUP", "SSOPOLICY", "CLOUD", "SYSTEMCONFIGURATION", "TENANT"}}
)

// without returns a role that lacks a right; one that it has as "write" it may
// still have as "read".
func without(r avisim.SeedRole, right, instead string) avisim.SeedRole {
	lacks := func(s string) bool { return s == right }
	r.Write = slices.DeleteFunc(slices.Clone(r.Write), lacks)
	r.Read = slices.DeleteFunc(slices.Clone(r.Read), lacks)
	if instead == "read" {
		r.Read = append(r.Read, right)
	}
	return r
}

// employ is a controller with tenants team and a, and the user "hub" with a role
// in each tenant that is named.
func employ(t *testing.T, provider bool, roles map[string]avisim.SeedRole) *fixture {
	t.Helper()
	seed, err := avisim.DefaultSeed()
	if err != nil {
		t.Fatal(err)
	}
	user := avisim.SeedUser{Name: "hub", Password: "sim-password"}
	for _, tenant := range []string{"team", "a"} {
		seed.Tenants.Others = append(seed.Tenants.Others, avisim.SeedTenant{Name: tenant, SEInProviderContext: &provider, TenantVRF: !provider})
	}
	for _, tenant := range sortedKeys(roles) {
		r := roles[tenant]
		r.Name += "-" + tenant
		seed.Roles = append(seed.Roles, r)
		user.Access = append(user.Access, avisim.SeedAccess{Tenant: tenant, Role: r.Name})
	}
	seed.Users = append(seed.Users, user)
	return startAs(t, "hub", avisim.Options{Seed: seed})
}

// networkOf gives a tenant with VRFs of its own a network of its own.
func (f *fixture) networkOf(tenant string) {
	f.t.Helper()
	at := func(addr string) map[string]any { return map[string]any{"addr": addr, "type": "V4"} }
	_, err := f.ctl.(controller).Create(f.t.Context(), tenant, "network", map[string]any{
		"name": "vip-net", "cloud_ref": "/api/cloud/?name=Default-Cloud", "vrf_context_ref": "/api/vrfcontext/?name=global",
		"configured_subnets": []any{map[string]any{
			"prefix":           map[string]any{"ip_addr": at("10.77.0.0"), "mask": 24},
			"static_ip_ranges": []any{map[string]any{"range": map[string]any{"begin": at("10.77.0.10"), "end": at("10.77.0.20")}}},
		}},
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// wholeCluster is a registration with static routes for the network plugin of nobody
// in particular, and a world with a node.
func wholeCluster(change ...func(*v1alpha1.Cluster)) (*v1alpha1.Cluster, world) {
	w := sites(1, 1)
	w.node(1, "192.168.10.11")
	return withRoutes("c1", "Default-Group", change...), w
}

func TestRightsThatSuffice(t *testing.T) {
	for _, test := range []struct {
		name     string
		provider bool
		roles    map[string]avisim.SeedRole
		shared   string // the tenant of the service-engine group and the VRF
	}{
		{"provider context", true, map[string]avisim.SeedRole{"admin": akoAdmin, "team": akoTenant}, "admin"},
		{"tenant context, no role in admin", false, map[string]avisim.SeedRole{"team": akoTenant}, "team"},
		{"tenant context", false, map[string]avisim.SeedRole{"admin": akoAdmin, "team": akoTenant}, "team"},
		{"all in admin", true, map[string]avisim.SeedRole{"admin": akoTenant}, "admin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := employ(t, test.provider, test.roles)
			reg, w := wholeCluster(func(r *v1alpha1.Cluster) {
				if test.name == "all in admin" {
					r.Spec.Tenant.Name = "admin"
				}
			})
			if !test.provider {
				f.networkOf("team")
			}
			c := f.up(reg, w)
			c.settle()
			if got := f.names(reg.Spec.Tenant.Name, typeVirtualService); len(got) != 2 {
				t.Errorf("virtual services %v", got)
			}
			c.inside(func(w *worker) {
				if s := w.model.settings; s.SEGroupTenant != test.shared || s.VRFTenant != test.shared {
					t.Errorf("service-engine group in %q, VRF context in %q", s.SEGroupTenant, s.VRFTenant)
				}
				for k := range w.facts.Shared {
					if k.Tenant != test.shared {
						t.Errorf("%v", k)
					}
				}
			})
		})
	}
}

// Each right that is missing is named where people look: at the cluster's
// standing and, where it keeps something from being served, on the object.
func TestMissingRightIsNamed(t *testing.T) {
	admin, team := akoAdmin, akoTenant
	for _, test := range []struct {
		name  string
		roles map[string]avisim.SeedRole
		// says is in the cluster's standing, event in an Event on the Service; empty:
		// none. serves: the cluster is served all the same.
		says, event string
		serves      bool
	}{
		{"no TENANT", map[string]avisim.SeedRole{"admin": without(admin, "TENANT", ""), "team": without(team, "TENANT", "")}, `user "hub" lacks PERMISSION_TENANT, read, in tenant "team"`, "", false},
		{"TENANT in the tenant", map[string]avisim.SeedRole{"admin": without(admin, "TENANT", ""), "team": team}, "", "", true},
		{"no CLOUD", map[string]avisim.SeedRole{"admin": without(admin, "CLOUD", ""), "team": without(team, "CLOUD", "")}, `lacks PERMISSION_CLOUD, read, in tenant "team"`, "", false},
		{"no SYSTEMCONFIGURATION", map[string]avisim.SeedRole{"admin": admin, "team": without(team, "SYSTEMCONFIGURATION", "")}, `lacks PERMISSION_SYSTEMCONFIGURATION, read, in tenant "team"`, "", false},
		{"VRFCONTEXT only read", map[string]avisim.SeedRole{"admin": without(admin, "VRFCONTEXT", "read"), "team": team}, `lacks PERMISSION_VRFCONTEXT, write, in tenant "admin"`, "", true},
		{"no VRFCONTEXT", map[string]avisim.SeedRole{"admin": without(admin, "VRFCONTEXT", ""), "team": without(team, "VRFCONTEXT", "")}, `PERMISSION_VRFCONTEXT`, "", true},
		{"SERVICEENGINEGROUP only read", map[string]avisim.SeedRole{"admin": without(admin, "SERVICEENGINEGROUP", "read"), "team": team}, `lacks PERMISSION_SERVICEENGINEGROUP, write, in tenant "admin"`, `PERMISSION_SERVICEENGINEGROUP, write`, false},
		{"no SERVICEENGINEGROUP", map[string]avisim.SeedRole{"admin": without(admin, "SERVICEENGINEGROUP", ""), "team": without(team, "SERVICEENGINEGROUP", "")}, `lacks PERMISSION_SERVICEENGINEGROUP, read`, "", false},
		{"VIRTUALSERVICE only read", map[string]avisim.SeedRole{"admin": admin, "team": without(team, "VIRTUALSERVICE", "read")}, `lacks PERMISSION_VIRTUALSERVICE, write, in tenant "team"`, `PERMISSION_VIRTUALSERVICE, write`, false},
		{"no VIRTUALSERVICE", map[string]avisim.SeedRole{"admin": admin, "team": without(team, "VIRTUALSERVICE", "")}, `lacks PERMISSION_VIRTUALSERVICE, read, in tenant "team"`, "", false},
		{"POOL only read", map[string]avisim.SeedRole{"admin": admin, "team": without(team, "POOL", "read")}, `lacks PERMISSION_POOL, write, in tenant "team"`, `PERMISSION_POOL, write`, true},
		{"no access to the tenant", map[string]avisim.SeedRole{"admin": admin}, `team`, "", false},
		{"no NETWORK", map[string]avisim.SeedRole{"admin": without(admin, "NETWORK", ""), "team": without(team, "NETWORK", "")}, `lacks PERMISSION_NETWORK, read`, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := employ(t, true, test.roles)
			c := f.up(wholeCluster())
			err := c.try()
			switch {
			case test.says == "" && err != nil, test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
				t.Errorf("standing: %v\nwant %s", err, test.says)
			}
			t.Log(err)
			if s := c.status().Error; err != nil && !strings.Contains(s, test.says) {
				t.Errorf("akohub clusters says %q", s)
			}
			got := f.names("team", typeVirtualService)
			if (len(got) == 2) != test.serves {
				t.Errorf("virtual services %v", got)
			}
			text := f.agents.messages(serviceRef("lb0"))
			if test.event == "" && len(text) > 0 || !strings.Contains(strings.Join(text, "\n"), test.event) {
				t.Errorf("Events on the Service: %q, want %q", text, test.event)
			}
		})
	}
}

// messages returns the texts of the Warnings on an object.
func (a *agents) messages(ref mirror.Ref) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for _, s := range a.log {
		o, e := s.wb.GetObject(), s.wb.GetEvent()
		if e.GetSeverity() == akohubv1.ObjectEvent_SEVERITY_WARNING && o.GetKind() == ref.Kind && o.GetNamespace() == ref.Namespace && o.GetName() == ref.Name {
			out = append(out, e.GetReason()+": "+e.GetMessage())
		}
	}
	return out
}

// A namespace's tenant in which the user has no role, or none that shows it.
func TestNamespaceTenantWithoutRights(t *testing.T) {
	for name, roles := range map[string]map[string]avisim.SeedRole{
		"no role":        {"admin": akoAdmin, "team": akoTenant},
		"too few rights": {"admin": akoAdmin, "team": akoTenant, "a": without(akoTenant, "HTTPPOLICYSET", "")},
	} {
		t.Run(name, func(t *testing.T) {
			f := employ(t, true, roles)
			reg, w := wholeCluster()
			ref := w.balancer("ns", "lb", 0, 80)
			w.namespace("ns", "a")
			c := f.up(reg, w)
			err := c.try()
			if err == nil || !strings.Contains(err.Error(), `a`) {
				t.Errorf("standing: %v", err)
			}
			t.Log(err)
			text := strings.Join(f.agents.messages(ref), "\n")
			t.Log(text)
			if name == "no role" && !strings.Contains(text, `"a"`) || name != "no role" && !strings.Contains(text, "PERMISSION_HTTPPOLICYSET, read, in tenant \"a\"") {
				t.Errorf("Events: %q", text)
			}
			if got := f.names("team", typeVirtualService); len(got) != 2 {
				t.Errorf("the rest of the cluster: %v", got)
			}
		})
	}
}
