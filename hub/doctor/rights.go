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
	// either says that having it in admin is as good as in the tenant: what
	// can't be read in the one is read in the other (l4-infra.md §3.3).
	either bool
}

// workNeeds are the rights in each tenant that the cluster has objects in
// (l4-infra.md §3.6).
var workNeeds = []need{
	{permission: "PERMISSION_VIRTUALSERVICE", typ: "virtualservice", write: true}, // VsVips too
	{permission: "PERMISSION_POOL", typ: "pool", write: true},
	{permission: "PERMISSION_POOLGROUP", typ: "poolgroup", write: true},
	{permission: "PERMISSION_HTTPPOLICYSET", typ: "httppolicyset", write: true},
	{permission: "PERMISSION_L4POLICYSET", typ: "l4policyset", write: true},
	{permission: "PERMISSION_VSDATASCRIPTSET", typ: "vsdatascriptset", write: true},
	{permission: "PERMISSION_SSLKEYANDCERTIFICATE", typ: "sslkeyandcertificate", write: true},
	{permission: "PERMISSION_PKIPROFILE", typ: "pkiprofile", write: true},
	{permission: "PERMISSION_STRINGGROUP", typ: "stringgroup", write: true},
	{permission: "PERMISSION_APPLICATIONPERSISTENCEPROFILE", typ: "applicationpersistenceprofile", write: true},
}

// factNeeds are the rights to read what the cluster's settings depend on.
var factNeeds = []need{
	{permission: "PERMISSION_TENANT", typ: "tenant", either: true},
	{permission: "PERMISSION_CLOUD", typ: "cloud", either: true},
	{permission: "PERMISSION_NETWORK", typ: "network", either: true},
	{permission: "PERMISSION_SYSTEMCONFIGURATION", typ: "systemconfiguration", either: true},       // the licence tier
	{permission: "PERMISSION_IPAMDNSPROVIDERPROFILE", typ: "ipamdnsproviderprofile", either: true}, // the DNS domains
}

// sharedNeeds are those to the service-engine group and the VRF context, which
// are written where the cluster has static routes.
func (e *examination) sharedNeeds() []need {
	routes := settings.StaticRoutes(e.reg, settings.Facts{})
	return []need{
		{permission: "PERMISSION_SERVICEENGINEGROUP", typ: "serviceenginegroup", write: routes, either: !routes},
		{permission: "PERMISSION_VRFCONTEXT", typ: "vrfcontext", write: routes && e.reg.Primary(), either: !routes},
	}
}

func (n need) String() string {
	switch {
	case n.write:
		return n.permission + " (write)"
	case n.either:
		return n.permission + " (read; in admin would do)"
	}
	return n.permission + " (read)"
}

func (e *examination) rights(asked []string) {
	account, err := e.account()
	if err != nil {
		e.add("rights", Unknown, "", "what user %q may write can't be read, and shows at the first write only: %v", e.ctl.Username(), err)
	}
	for _, p := range e.places(account, asked) {
		name := "rights in " + p.tenant
		var lacks []string
		for _, n := range p.needs {
			if e.allowed(account, p.tenant, n) || n.either && e.allowed(account, "admin", n) {
				continue
			}
			if p.tenant == "admin" {
				n.either = false
			}
			if account == nil {
				n.write = false // that is not known
			}
			lacks = append(lacks, n.String())
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

// places are where rights are needed: the cluster's tenant; admin, where what is
// shared lives unless the tenant has its own; and what namespaces ask for. A
// tenant that is not there can't be asked in.
func (e *examination) places(account *account, asked []string) []place {
	t := e.reg.Spec.Tenant
	here, admin := slices.Concat(workNeeds, factNeeds), []need(nil)
	switch {
	case t.Name == "admin":
		here = append(here, e.sharedNeeds()...)
	case e.provider:
		admin = e.sharedNeeds()
	default:
		here = append(here, e.sharedNeeds()...)
	}
	var out []place
	switch {
	case e.asked == t.Name:
		out = append(out, place{t.Name, here})
	case t.Create:
		admin = append(admin, need{permission: "PERMISSION_TENANT", typ: "tenant", write: true})
		if account != nil {
			out = append(out, place{t.Name, here})
			break
		}
		admin = append(admin, factNeeds...)
	default:
		admin = append(admin, factNeeds...)
	}
	if len(admin) > 0 && t.Name != "admin" {
		out = append(out, place{"admin", admin})
	}
	for _, name := range asked {
		if name != t.Name && e.thereFor(name) {
			out = append(out, place{name, workNeeds})
		}
	}
	return out
}

// thereFor says whether a tenant that namespaces ask for is there, and adds a
// check if not.
func (e *examination) thereFor(name string) bool {
	found, err := e.findTenant(name)
	switch {
	case err != nil:
		e.failed("tenant "+name, err, "")
	case found == nil:
		e.add("tenant "+name, Error, fmt.Sprintf("create the tenant or change the annotation; if it is there, give user %q a role in it", e.ctl.Username()),
			"namespaces ask for the tenant %q, and there is none that the user sees", name)
	default:
		return true
	}
	return false
}

// allowed says whether the user has a right in a tenant. Where its account
// can't be read, reading is tried.
func (e *examination) allowed(account *account, tenant string, n need) bool {
	if account != nil {
		return account.allows(tenant, n)
	}
	_, err := e.ctl.Ask(e.ctx, tenant, n.typ, url.Values{"page_size": {"1"}})
	return !avi.IsForbidden(err) && !avi.IsClass(err, avi.NoTenant)
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
