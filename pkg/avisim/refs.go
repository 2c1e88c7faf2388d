package avisim

import (
	"net/url"
	"strings"
)

// reference is what a reference's text says: a type, and a uuid or a name.
type reference struct {
	path, uuid, name string
	// tenant and cloud narrow a name, if the text has them as parameters.
	tenant, cloud string
}

// parseReference understands every spelling that clients use (avi-rest.md §3,
// §6): with or without a host, by uuid, by "?name=" with or without a slash
// before it, with "#name" after it, with doubled slashes.
func parseReference(text string) (reference, bool) {
	if i := strings.Index(text, "://"); i >= 0 {
		rest := text[i+3:]
		j := strings.IndexByte(rest, '/')
		if j < 0 {
			return reference{}, false
		}
		text = rest[j:]
	}
	text, _, _ = strings.Cut(text, "#")
	text, query, _ := strings.Cut(text, "?")
	text = strings.TrimLeft(text, "/")
	text, ok := strings.CutPrefix(text, "api/")
	if !ok {
		return reference{}, false
	}
	path, uuid, _ := strings.Cut(strings.TrimLeft(text, "/"), "/")
	r := reference{path: path, uuid: strings.Trim(uuid, "/")}
	if r.path == "" || strings.Contains(r.uuid, "/") {
		return reference{}, false
	}
	if query != "" {
		values, err := url.ParseQuery(query)
		if err != nil {
			// A name that isn't escaped and can't be unescaped is meant as is.
			name, ok := strings.CutPrefix(query, "name=")
			if !ok {
				return reference{}, false
			}
			values = url.Values{"name": {name}}
		}
		r.name, r.tenant, r.cloud = values.Get("name"), values.Get("tenant"), values.Get("cloud")
	}
	return r, r.uuid != "" || r.name != ""
}

// scope is from where a reference is looked at.
type scope struct {
	tenant *object
	cloud  *object // nil when the referring object belongs to no cloud
}

// resolveAll replaces what decoding collected by the objects meant, and
// returns them, with repeats.
func (st *store) resolveAll(t *objectType, refs []pendingRef, sc scope) ([]*object, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	out := make([]*object, 0, len(refs))
	for i := range refs {
		p := &refs[i]
		target, err := st.resolve(p.field.target, p.text, sc)
		if err != nil {
			return nil, badRequest(t.name + ": " + p.owner.name + "." + p.field.name + ": " + err.Error())
		}
		if p.list != nil {
			p.list[p.index] = target
		} else {
			p.in[p.field.name] = target
		}
		out = append(out, target)
	}
	return out, nil
}

func (st *store) resolve(t *objectType, text string, sc scope) (*object, error) {
	r, ok := parseReference(text)
	if !ok {
		return nil, badRequest("invalid reference " + quote(text))
	}
	if r.path != t.path {
		return nil, badRequest(quote(text) + " refers to a " + r.path + ", expected a " + t.path)
	}
	missing := badRequest(t.name + " object not found: " + quote(text))
	if r.uuid != "" {
		o := st.objects[objectKey{t, r.uuid}]
		if o == nil || !o.visibleTo(sc.tenant) || !st.mayRefer(sc.tenant, o) {
			return nil, missing
		}
		if t.cloudScoped && sc.cloud != nil && o.cloud != sc.cloud {
			return nil, badRequest(t.name + " " + o.name + " is in cloud " + o.cloud.name + ", not in " + sc.cloud.name)
		}
		return o, nil
	}
	tenant := sc.tenant
	if r.tenant != "" {
		if tenant = st.tenant(r.tenant); tenant == nil {
			return nil, missing
		}
	}
	cloud := sc.cloud
	if r.cloud != "" {
		cloud = st.cloudNamed(r.cloud)
		if cloud == nil || sc.cloud != nil && cloud != sc.cloud {
			return nil, missing
		}
	}
	o, err := st.lookup(t, r.name, tenant, cloud)
	if err != nil {
		return nil, err
	}
	if o == nil || !o.visibleTo(sc.tenant) || !st.mayRefer(sc.tenant, o) {
		return nil, missing
	}
	return o, nil
}

// lookup finds an object by name as a reference does: in the tenant, then
// among what admin shares. A cloud-scoped name without a cloud must be clear:
// the only one, or the default cloud's.
func (st *store) lookup(t *objectType, name string, tenant, cloud *object) (*object, error) {
	tenants := [2]*object{tenant, nil}
	if tenant != st.admin && t.shared && st.shares(t, tenant) {
		tenants[1] = st.admin
	}
	if !t.tenanted {
		tenants = [2]*object{st.admin, nil}
	}
	for _, tenant := range tenants {
		if tenant == nil {
			continue
		}
		if !t.cloudScoped || cloud != nil {
			if !t.cloudScoped {
				cloud = nil
			}
			if o, err := st.one(nameKey{t, tenant, cloud, name}); o != nil || err != nil {
				return o, err
			}
			continue
		}
		var found *object
		several := false
		for _, c := range st.clouds() {
			o, err := st.one(nameKey{t, tenant, c, name})
			if err != nil {
				return nil, err
			}
			if o == nil {
				continue
			}
			if c == st.defaultCloud && !st.assume.FirstCloud {
				return o, nil
			}
			several = several || found != nil
			if found == nil {
				found = o
			}
		}
		if several && !st.assume.FirstCloud {
			return nil, badRequest(t.name + " name " + quote(name) + " is in more than one cloud: refer to it by uuid")
		}
		if found != nil {
			return found, nil
		}
	}
	return nil, nil
}

func quote(s string) string { return "'" + s + "'" }
