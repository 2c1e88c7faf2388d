package avisim

import (
	"net/http"
	"path"
	"strings"
)

// access is how much a role allows of a resource.
type access uint8

const (
	noAccess access = iota
	readAccess
	writeAccess
)

func parseAccess(v any) access {
	switch v {
	case "READ_ACCESS":
		return readAccess
	case "WRITE_ACCESS":
		return writeAccess
	}
	return noAccess
}

// permissions names the resource that a type falls under, where that isn't
// "PERMISSION_" and the type's name.
var permissions = map[string]string{
	"VsVip":                 "PERMISSION_VIRTUALSERVICE",
	"Cluster":               "PERMISSION_CONTROLLER",
	"SystemLimits":          "PERMISSION_CONTROLLER",
	"ControllerLicense":     "PERMISSION_LICENSING",
	"UserAccountProfile":    "PERMISSION_USER",
	"IcapProfile":           "PERMISSION_ICAP",
	"ServerAutoScalePolicy": "PERMISSION_AUTOSCALE",
	"ObjectAccessPolicy":    "PERMISSION_ROLE",
}

func permissionOf(typeName string) string {
	if p, ok := permissions[typeName]; ok {
		return p
	}
	return "PERMISSION_" + strings.ToUpper(typeName)
}

// rights are what a user may do: the roles that they have, a tenant each or in
// all. They are read from the User object, and are valid under the store's
// lock.
type rights struct {
	superuser bool
	grants    []grant
}

type grant struct {
	tenant *object // nil: all tenants
	role   *object // nil: none
}

func (st *store) rightsOf(user string) rights {
	o := st.user(user)
	if o == nil {
		return rights{}
	}
	r := rights{superuser: o.body["is_superuser"] == true}
	for _, a := range messages(o.body["access"]) {
		g := grant{}
		g.role, _ = a["role_ref"].(*object)
		if a["all_tenants"] != true {
			if g.tenant, _ = a["tenant_ref"].(*object); g.tenant == nil {
				continue
			}
		}
		r.grants = append(r.grants, g)
	}
	return r
}

// mayEnter says whether the user may name the tenant in a request.
func (r *rights) mayEnter(tenant *object) bool {
	if r.superuser {
		return true
	}
	for _, g := range r.grants {
		if g.tenant == nil || g.tenant == tenant {
			return true
		}
	}
	return false
}

// home is the tenant of a request that names none.
func (r *rights) home(admin *object) *object {
	if r.mayEnter(admin) || len(r.grants) == 0 {
		return admin
	}
	return r.grants[0].tenant
}

// in is what the user may do in a tenant (nil for the most in any) with a
// type's objects; and, with o, with that one.
func (r *rights) in(tenant *object, t *objectType, o *object) access {
	if r.superuser {
		return writeAccess
	}
	best := noAccess
	for _, g := range r.grants {
		if g.role == nil || tenant != nil && g.tenant != nil && g.tenant != tenant {
			continue
		}
		if a := roleAccess(g.role, t.permission); a > best && (o == nil || roleCovers(g.role, o)) {
			best = a
		}
	}
	return best
}

func roleAccess(role *object, permission string) access {
	for _, p := range messages(role.body["privileges"]) {
		if p["resource"] == permission {
			return parseAccess(p["type"])
		}
	}
	return noAccess
}

// roleCovers applies the role's label filters: all of them must agree with the
// object's markers. An object without markers is covered unless the role says
// otherwise.
func roleCovers(role, o *object) bool {
	filters := messages(role.body["filters"])
	markers := messages(o.body["markers"])
	if len(filters) == 0 || o.t.def.byName["markers"] == nil {
		return true
	}
	if len(markers) == 0 {
		return role.body["allow_unlabelled_access"] != false
	}
	for _, f := range filters {
		if f["enabled"] == false {
			continue
		}
		label, _ := f["match_label"].(message)
		found := false
		for _, m := range markers {
			found = found || m["key"] == label["key"] && labelMatches(f["match_operation"], label, m)
		}
		switch f["match_operation"] {
		case "ROLE_FILTER_DOES_NOT_EQUAL", "ROLE_FILTER_GLOB_DOES_NOT_MATCH":
			found = !found
		}
		if !found {
			return false
		}
	}
	return true
}

func labelMatches(operation any, label, marker message) bool {
	op, _ := operation.(string)
	glob := strings.Contains(op, "GLOB")
	wanted, _ := label["values"].([]any)
	for _, w := range wanted {
		pattern, _ := w.(string)
		values, _ := marker["values"].([]any)
		for _, v := range values {
			value, _ := v.(string)
			if value == pattern {
				return true
			}
			if glob {
				if ok, err := path.Match(pattern, value); ok && err == nil {
					return true
				}
			}
		}
	}
	return len(wanted) == 0
}

const notPermitted = "You do not have permission to perform this action."

func forbidden() error { return failure(http.StatusForbidden, notPermitted) }

// rights are read once a request.
func (s *Simulator) rights(c *call) *rights {
	if c.rights == nil {
		r := s.store.rightsOf(c.user)
		c.rights = &r
	}
	return c.rights
}

// reader is tenantOf for a read of a type.
func (s *Simulator) reader(c *call, t *objectType) (*object, error) {
	tenant, err := s.tenantOf(c)
	if err != nil {
		return nil, err
	}
	if s.rights(c).in(tenant, t, nil) < readAccess {
		return nil, forbidden()
	}
	return tenant, nil
}

// writer is tenantOf for a write to a type: what belongs to no tenant is
// admin's.
func (s *Simulator) writer(c *call, t *objectType) (*object, error) {
	tenant, err := s.tenantOf(c)
	if err != nil {
		return nil, err
	}
	in := tenant
	if !t.tenanted {
		in = s.store.admin
	}
	if s.rights(c).in(in, t, nil) < writeAccess {
		return nil, forbidden()
	}
	return tenant, nil
}

// readFilter says which objects are shown to the request's user. tenant is the
// request's, nil for all. It stays true until a user, role or tenant changes.
func (s *Simulator) readFilter(c *call, tenant *object) func(*object) bool {
	r := s.rights(c)
	if r.superuser {
		return func(*object) bool { return true }
	}
	return func(o *object) bool {
		if o.t.name == "Tenant" && !s.opts.Assume.ListAllTenants && !r.mayEnter(o) {
			return false
		}
		in := tenant
		if in == nil && o.t.tenanted {
			in = o.tenant
		}
		return r.in(in, o.t, o) >= readAccess
	}
}

// mayWrite says whether the request's user may change an object.
func (s *Simulator) mayWrite(c *call, o *object) bool {
	return s.rights(c).in(o.tenant, o.t, o) >= writeAccess
}

// systemRoles are the roles that every controller has, by what they may write
// and read; the rest is closed to them. Their names are published, what
// exactly each contains is assumed.
var systemRoles = []struct {
	name string
	// write and read list resources without "PERMISSION_"; "*" is all.
	write, read []string
}{
	{name: "System-Admin", write: []string{"*"}},
	{name: "Tenant-Admin", write: []string{"*"}},
	{name: "Application-Admin", write: applicationResources, read: []string{"CLOUD", "TENANT", "SERVICEENGINEGROUP", "SERVICEENGINE", "NETWORK", "VRFCONTEXT", "SYSTEMCONFIGURATION", "IPAMDNSPROVIDERPROFILE"}},
	{name: "Application-Operator", read: append([]string{"CLOUD", "TENANT", "SERVICEENGINEGROUP", "SERVICEENGINE", "NETWORK", "VRFCONTEXT", "IPAMDNSPROVIDERPROFILE"}, applicationResources...)},
	{name: "Security-Admin", write: []string{"SSLPROFILE", "SSLKEYANDCERTIFICATE", "PKIPROFILE", "NETWORKSECURITYPOLICY", "SECURITYPOLICY", "CERTIFICATEMANAGEMENTPROFILE"}, read: append([]string{"CLOUD", "TENANT"}, applicationResources...)},
	{name: readOnlyRole, read: []string{"*"}},
}

// readOnlyRole is ours: what a seed's readOnly users have.
const readOnlyRole = "avisim-read-only"

var applicationResources = []string{
	"VIRTUALSERVICE", "POOL", "POOLGROUP", "HTTPPOLICYSET", "L4POLICYSET", "HEALTHMONITOR", "NETWORKPROFILE", "APPLICATIONPROFILE",
	"APPLICATIONPERSISTENCEPROFILE", "IPADDRGROUP", "STRINGGROUP", "SSLPROFILE", "SSLKEYANDCERTIFICATE", "PKIPROFILE", "AUTHPROFILE", "SSOPOLICY",
	"ANALYTICSPROFILE", "VSDATASCRIPTSET", "NETWORKSECURITYPOLICY", "SECURITYPOLICY", "AUTOSCALE", "PRIORITYLABELS", "POOLGROUPDEPLOYMENTPOLICY",
	"DNSPOLICY", "TRAFFICCLONEPROFILE", "ERRORPAGEPROFILE", "ERRORPAGEBODY", "WAFPOLICY", "WAFPROFILE", "PROTOCOLPARSER", "ICAP", "BOTDETECTIONPOLICY",
}
