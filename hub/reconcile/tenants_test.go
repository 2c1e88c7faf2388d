package reconcile

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/kinds"
)

// moving is a cluster with a namespace ns that has a Service and that can be
// moved between tenants.
func moving(f *fixture) *cluster {
	w := sites(0, 1)
	w.balancer("ns", "lb", 0, 80)
	w.namespace("ns", "a")
	c := f.up(registration("c1"), w)
	if got := f.names("a", "virtualservice"); len(got) != 1 {
		f.t.Fatalf("in tenant a: %v; %s", got, c.status().Error)
	}
	f.writes()
	f.agents.take()
	return c
}

func (c *cluster) move(tenant string) error {
	c.namespace("ns", tenant)
	c.send(mirror.Ref{Kind: kinds.Namespace, Name: "ns"})
	return c.try()
}

func TestNamespaceChangesItsTenant(t *testing.T) {
	f := start(t, "team", "a", "bb x")
	c := moving(f)
	if err := c.move("bb x"); err != nil {
		t.Fatal(err)
	}
	var creates, deletes []int
	for i, r := range f.sim.Writes() {
		switch r.Method {
		case http.MethodPost:
			creates = append(creates, i)
		case http.MethodDelete:
			deletes = append(deletes, i)
		}
	}
	if len(creates) == 0 || len(creates) != len(deletes) || slices.Max(creates) > slices.Max(deletes) {
		t.Errorf("created at %v, deleted at %v", creates, deletes)
	}
	at := func(method, typ string) int {
		return slices.IndexFunc(f.sim.Writes(), func(r avisim.Request) bool { return r.Method == method && r.Type == typ })
	}
	if made, gone := at(http.MethodPost, "virtualservice"), at(http.MethodDelete, "virtualservice"); made < 0 || gone < made {
		t.Errorf("the new virtual service is write %d, the end of the old one %d", made, gone)
	}
	if diff := cmp.Diff([]string{"c1--ns-lb"}, f.names("bb x", "virtualservice")); diff != "" {
		t.Error(diff)
	}
	for typ, objects := range f.sim.Dump().Tenants["a"] {
		for _, o := range objects {
			if name := fmt.Sprint(o["name"]); strings.HasPrefix(name, "c1--") {
				t.Errorf("%s %s is left in the old tenant", typ, name)
			}
		}
	}
	if diff := cmp.Diff([]string{"c1--default-lb0"}, f.names("team", "virtualservice")); diff != "" {
		t.Error(diff)
	}
}

// What can't be had in the new tenant is kept in the old one.
func TestNamespaceMovesNowhere(t *testing.T) {
	for _, test := range []struct {
		name, tenant, reason, want string
		prepare                    func(*fixture)
		mend                       func(*fixture)
	}{
		{"no such tenant", "nosuch", reasonTenant, `"nosuch"`, func(*fixture) {}, func(f *fixture) { f.createTenant("nosuch") }},
		{"no right to read", "b", reasonTenantRights, "PERMISSION_", func(f *fixture) {
			f.sim.Inject(avisim.Fault{Tenant: "b", Status: http.StatusForbidden, Body: "You do not have permission to perform this action."})
		}, func(f *fixture) { f.sim.ClearFaults() }},
		{"no right to write", "b", reasonRefused, "PERMISSION_POOL, write, in tenant \"b\"", func(f *fixture) {
			f.sim.Inject(avisim.Fault{Method: http.MethodPost, Type: "pool", Tenant: "b", Status: http.StatusForbidden, Body: "You do not have permission to perform this action."})
		}, func(f *fixture) { f.sim.ClearFaults() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := start(t, "team", "a", "b")
			c := moving(f)
			test.prepare(f)
			if err := c.move(test.tenant); err == nil || !strings.Contains(err.Error(), test.tenant) {
				t.Errorf("error %v", err)
			}
			if got := f.names("a", "virtualservice"); len(got) != 1 {
				t.Errorf("in the old tenant: %v", got)
			}
			if got := f.names("a", "pool"); len(got) != 1 {
				t.Errorf("in the old tenant: %v", got)
			}
			if text := f.agents.message(test.reason); !strings.Contains(text, test.want) {
				t.Errorf("Event %s: %q", test.reason, text)
			}
			// The rest of the cluster is not kept waiting.
			c.service("lb7", "LoadBalancer")
			c.send(serviceRef("lb7"))
			_ = c.try()
			if got := f.names("team", "virtualservice"); len(got) != 2 {
				t.Errorf("in the cluster's tenant: %v", got)
			}
			test.mend(f)
			f.pass(2 * backoffLast)
			_ = c.try()
			f.pass(2 * backoffLast)
			if err := c.try(); err != nil {
				t.Error(err)
			}
			if got := f.names(test.tenant, "virtualservice"); len(got) != 1 {
				t.Errorf("in the new tenant: %v", got)
			}
			if got := f.names("a", "virtualservice"); len(got) != 0 {
				t.Errorf("left in the old tenant: %v", got)
			}
		})
	}
}

// An address that a Service asks for goes with it: the one case in which the old
// goes first. It does so live, and when nobody looked.
func TestPreferredAddressMovesWithItsNamespace(t *testing.T) {
	const wish = "10.10.64.77"
	for _, live := range []bool{true, false} {
		t.Run(fmt.Sprintf("live=%t", live), func(t *testing.T) {
			f := start(t, "team", "a", "b")
			w := sites(1, 3)
			w[serviceRef("lb0")].GetService().LoadBalancerIp = wish
			w.namespace("default", "a")
			c := f.up(registration("c1"), w)
			c.settle()
			if live {
				c.namespace("default", "b")
				c.send(mirror.Ref{Kind: kinds.Namespace, Name: "default"})
			} else {
				c = f.whileDown(c, registration("c1"), func(w world) { w.namespace("default", "b") })
				c.sync()
			}
			c.settle()
			f.pass(2 * searchEvery)
			c.settle()
			if left := f.everything("a"); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			if got := f.names("b", typeVirtualService); len(got) != 4 {
				t.Errorf("in the new tenant: %v", got)
			}
			if status, _ := c.shown(serviceRef("lb0")); len(status) != 1 || !strings.Contains(status[0], wish) {
				t.Errorf("status %v", status)
			}
		})
	}
}

// An object that comes before its namespace waits for it: in which tenant it is
// to be is not known.
func TestObjectComesBeforeItsNamespace(t *testing.T) {
	f := start(t, "team", "a")
	c := f.up(registration("c1"), sites(1, 0))
	f.writes()
	ref := c.balancer("ns", "lb", 0, 80)
	c.send(ref)
	c.settle()
	f.noWrites("its namespace isn't known")
	c.namespace("ns", "a")
	c.send(mirror.Ref{Kind: kinds.Namespace, Name: "ns"})
	c.settle()
	if got := f.names("a", typeVirtualService); len(got) != 1 {
		t.Errorf("in the namespace's tenant: %v", got)
	}
	if got := f.names("team", typeVirtualService); len(got) != 1 {
		t.Errorf("in the cluster's: %v", got)
	}
}

// A tenant is made with the context that the registration says, if it says so
// and the mode writes; one that is there stays as it is; and a namespace makes
// none.
func TestTenantIsMadeOnce(t *testing.T) {
	for _, provider := range []bool{true, false} {
		t.Run(fmt.Sprintf("provider=%t", provider), func(t *testing.T) {
			f := start(t)
			reg := func(mode v1alpha1.Mode, provider bool) *v1alpha1.Cluster {
				return registration("c1", func(r *v1alpha1.Cluster) {
					r.Spec.Mode = mode
					r.Spec.Tenant = v1alpha1.Tenant{Name: "new & own", Create: true, SEInProviderContext: provider}
				})
			}
			w := sites(0, 0)
			w.balancer("ns", "lb", 0, 80)
			w.namespace("ns", "asked for")
			c := f.up(reg(v1alpha1.ModeObserve, provider), w)
			_ = c.try()
			if got := f.tenant("new & own"); got != nil {
				t.Errorf("in mode observe: %v", got)
			}
			for _, says := range []bool{provider, !provider} {
				if err := f.manager.Register(reg(v1alpha1.ModeEnforce, says)); err != nil {
					t.Fatal(err)
				}
				_ = c.try()
				want := map[string]any{"se_in_provider_context": provider, "tenant_access_to_provider_se": true, "tenant_vrf": !provider}
				if diff := cmp.Diff(want, f.tenant("new & own")); diff != "" {
					t.Errorf("the registration says %t: -want +got\n%s", says, diff)
				}
			}
			if got := f.tenant("asked for"); got != nil {
				t.Errorf("a namespace made a tenant: %v", got)
			}
		})
	}
}

// tenant returns the config_settings of a tenant; nil: there is none.
func (f *fixture) tenant(name string) map[string]any {
	f.t.Helper()
	list, err := f.ctl.(controller).List(f.t.Context(), "admin", "tenant", url.Values{"name": {name}})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, found := range list {
		config, _ := found["config_settings"].(map[string]any)
		return config
	}
	return nil
}
