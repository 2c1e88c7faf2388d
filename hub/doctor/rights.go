package doctor

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/settings"
)

// need is a right that the hub's work rests on.
type need struct {
	// permission is the resource of a role, typ a type that stands for it.
	permission, typ string
	write           bool
}

// tenantNeeds are the rights in the cluster's tenant (l4-infra.md §3.6).
var tenantNeeds = []need{
	{"PERMISSION_VIRTUALSERVICE", "virtualservice", true}, // VsVips too
	{"PERMISSION_POOL", "pool", true},
	{"PERMISSION_POOLGROUP", "poolgroup", true},
	{"PERMISSION_HTTPPOLICYSET", "httppolicyset", true},
	{"PERMISSION_L4POLICYSET", "l4policyset", true},
	{"PERMISSION_VSDATASCRIPTSET", "vsdatascriptset", true},
	{"PERMISSION_SSLKEYANDCERTIFICATE", "sslkeyandcertificate", true},
	{"PERMISSION_PKIPROFILE", "pkiprofile", true},
	{"PERMISSION_STRINGGROUP", "stringgroup", true},
	{"PERMISSION_APPLICATIONPERSISTENCEPROFILE", "applicationpersistenceprofile", true},
	{"PERMISSION_IPAMDNSPROVIDERPROFILE", "ipamdnsproviderprofile", false}, // the DNS domains
}

// adminNeeds are those in tenant admin, where clouds and what belongs to them
// live. (The service-engine group and the VRF context may live in the tenant.)
func (e *examination) adminNeeds() []need {
	out := []need{
		{"PERMISSION_TENANT", "tenant", e.reg.Spec.Tenant.Create && e.asked != e.reg.Spec.Tenant.Name},
		{"PERMISSION_CLOUD", "cloud", false},
		{"PERMISSION_NETWORK", "network", false},
		{"PERMISSION_SYSTEMCONFIGURATION", "systemconfiguration", false}, // the licence tier
	}
	routes := settings.StaticRoutes(e.reg, settings.Facts{})
	return append(out, need{"PERMISSION_SERVICEENGINEGROUP", "serviceenginegroup", routes}, need{"PERMISSION_VRFCONTEXT", "vrfcontext", routes})
}

func (n need) String() string {
	if n.write {
		return n.permission + " (write)"
	}
	return n.permission + " (read)"
}

func (e *examination) rights() {
	account, err := e.account()
	if err != nil {
		e.add("rights", Unknown, "", "what user %q may write can't be read: %v", e.ctl.Username(), err)
	}
	for _, p := range e.places(account) {
		name := "rights in " + p.tenant
		var lacks []string
		if account != nil {
			for _, n := range p.needs {
				if !account.allows(p.tenant, n) {
					lacks = append(lacks, n.String())
				}
			}
		} else {
			lacks = e.unreadable(p.tenant, p.needs)
		}
		switch {
		case len(lacks) > 0:
			e.add(name, Error, fmt.Sprintf("give user %q a role in tenant %q that has them", e.ctl.Username(), p.tenant), "missing: %s", strings.Join(lacks, ", "))
		case account == nil:
			e.add(name, OK, "", "all that is needed may be read")
		default:
			e.add(name, OK, "", "all that is needed may be read and written")
		}
	}
}

// place is a tenant and what is needed there.
type place struct {
	tenant string
	needs  []need
}

// places are where rights are needed. A tenant that is not there yet can't be
// asked in.
func (e *examination) places(account *account) []place {
	tenant := e.reg.Spec.Tenant.Name
	switch {
	case tenant == "admin":
		return []place{{tenant, append(slices.Clone(tenantNeeds), e.adminNeeds()...)}}
	case e.asked != tenant && (account == nil || !e.reg.Spec.Tenant.Create):
		return []place{{"admin", e.adminNeeds()}}
	}
	return []place{{tenant, tenantNeeds}, {"admin", e.adminNeeds()}}
}

// unreadable tries what may not even be read.
func (e *examination) unreadable(tenant string, needs []need) []string {
	var out []string
	for _, n := range needs {
		_, err := e.ctl.Ask(e.ctx, tenant, n.typ, url.Values{"page_size": {"1"}})
		if avi.IsForbidden(err) || avi.IsClass(err, avi.NoTenant) {
			out = append(out, n.permission+" (read)")
		}
	}
	return out
}

// account is what the controller says that its user may do.
type account struct {
	superuser bool
	grants    []grant
}

type grant struct {
	tenant string // empty: all
	// access by permission: READ_ACCESS, WRITE_ACCESS.
	access map[string]string
}

func (a *account) allows(tenant string, n need) bool {
	return a.superuser || slices.ContainsFunc(a.grants, func(g grant) bool {
		access := g.access[n.permission]
		return (g.tenant == "" || g.tenant == tenant) && (access == "WRITE_ACCESS" || access == "READ_ACCESS" && !n.write)
	})
}

// account reads the user and the roles that it has. Many users may not.
func (e *examination) account() (*account, error) {
	list, err := e.ctl.List(e.ctx, "admin", "user", url.Values{"username": {e.ctl.Username()}})
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(u map[string]any) bool {
		return text(u["username"]) != e.ctl.Username() && text(u["name"]) != e.ctl.Username()
	})
	if len(list) != 1 {
		return nil, fmt.Errorf("the controller shows %d users of that name", len(list))
	}
	out := &account{}
	out.superuser, _ = list[0]["is_superuser"].(bool)
	entries, _ := list[0]["access"].([]any)
	for _, x := range entries {
		entry, _ := x.(map[string]any)
		g := grant{access: map[string]string{}}
		if all, _ := entry["all_tenants"].(bool); !all {
			if g.tenant = name(entry["tenant_ref"]); g.tenant == "" {
				continue
			}
		}
		role := name(entry["role_ref"])
		roles, err := e.ctl.List(e.ctx, "admin", "role", url.Values{"name": {role}})
		if err != nil {
			return nil, err
		}
		for _, r := range roles {
			privileges, _ := r["privileges"].([]any)
			for _, p := range privileges {
				privilege, _ := p.(map[string]any)
				g.access[text(privilege["resource"])] = text(privilege["type"])
			}
		}
		out.grants = append(out.grants, g)
	}
	return out, nil
}

// name is the name in a reference.
func name(v any) string {
	ref, _ := desired.ParseRef(text(v))
	return ref.Name
}
