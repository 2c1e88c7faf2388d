package avisim

import (
	"net/http"
	"strconv"
	"strings"
)

// rules are what a type asks of a write beyond the vocabulary. Any may be nil.
type rules struct {
	// admit is the last check of a create or update. It may change w.body and
	// reserve what the object needs: nothing fails after it.
	admit func(st *store, w *write) error
	// created runs when a new object is in the store.
	created func(st *store, o *object)
	// mayRemove is asked before a delete, besides the check for referrers.
	mayRemove func(st *store, o *object) error
	// removed releases what admit reserved.
	removed func(st *store, o *object)
}

// typeRules is filled in by the files that know a type.
var typeRules = map[string]rules{
	"VsVip":                vsVipRules,
	"VirtualService":       virtualServiceRules,
	"Network":              networkRules,
	"Tenant":               tenantRules,
	"Cloud":                cloudRules,
	"SSLKeyAndCertificate": certificateRules,
	"VrfContext":           {admit: admitOwn},
	"ServiceEngineGroup":   {admit: admitOwn},
}

// write is one create or update on its way in.
type write struct {
	o    *object // for a create: not in the store yet
	old  message // nil for a create
	body message
	refs []*object
	// trusted writes are the seed's.
	trusted bool
}

// managed are the top-level fields that the controller keeps itself.
type managed struct {
	uuid, lastModified, tenantRef string
	hasURL                        bool
}

// prepared is a body that was checked against the vocabulary. It takes no
// lock to make one.
type prepared struct {
	t       *objectType
	managed managed
	body    message
	refs    []pendingRef
	name    string
	trusted bool
}

// maxName is the longest name of an object, in bytes (l4-infra.md §0).
const maxName = 255

func prepare(t *objectType, in map[string]any, ad admission) (*prepared, error) {
	p := &prepared{t: t, trusted: ad.trusted}
	rest := make(map[string]any, len(in))
	for k, v := range in {
		switch k {
		case "uuid", "_last_modified", "tenant_ref", "url":
			if _, known := t.def.byName[k]; !known {
				break
			}
			if v == nil {
				continue
			}
			s, ok := v.(string)
			if !ok {
				return nil, badRequest(t.name + "." + k + ": expected a string, got " + jsonType(v))
			}
			switch k {
			case "uuid":
				p.managed.uuid = s
			case "_last_modified":
				p.managed.lastModified = s
			case "tenant_ref":
				p.managed.tenantRef = s
			case "url":
				p.managed.hasURL = true
			}
			continue
		}
		rest[k] = v
	}
	d := decoder{admission: ad}
	body, err := d.body(t, rest)
	if err != nil {
		return nil, err
	}
	p.body, p.refs = body, d.refs
	p.name, _ = body["name"].(string)
	if len(p.name) > maxName {
		return nil, badRequest(t.name + ".name: longer than " + strconv.Itoa(maxName) + " bytes")
	}
	if _, ok := body["name"]; ok && p.name == "" {
		return nil, badRequest(t.name + ".name: must not be empty")
	}
	return p, nil
}

// create adds an object to a tenant.
func (st *store) create(p *prepared, tenant *object) (*object, error) {
	t := p.t
	if !p.trusted {
		switch m := p.managed; {
		case t.singleton:
			return nil, failure(http.StatusMethodNotAllowed, "Method \"POST\" not allowed.")
		case m.uuid != "":
			return nil, badRequest(t.name + ".uuid: is read-only: the controller gives it")
		case m.lastModified != "":
			return nil, badRequest(t.name + "._last_modified: is read-only")
		case m.hasURL:
			return nil, badRequest(t.name + ".url: is read-only")
		}
	}
	if !t.tenanted {
		tenant = st.admin
	}
	if err := st.checkTenantRef(p, tenant); err != nil {
		return nil, err
	}
	o := &object{t: t, name: p.name, tenant: tenant, uuid: p.managed.uuid}
	if t.cloudScoped {
		cloud, err := st.cloudOf(p, tenant)
		if err != nil {
			return nil, err
		}
		if o.cloud = cloud; cloud == nil {
			o.cloud = st.defaultCloud
		}
		if o.cloud == nil {
			return nil, badRequest(t.name + ".cloud_ref: there is no cloud")
		}
	}
	refs, err := st.resolveAll(t, p.refs, scope{tenant, o.cloud})
	if err != nil {
		return nil, err
	}
	if o.name != "" && st.names[o.nameKey()] != nil {
		if !p.trusted || t.name != "Network" || vtype(o.cloud) != "CLOUD_VCENTER" {
			return nil, conflict(o)
		}
		o.twin = true
	}
	w := &write{o: o, body: p.body, refs: refs, trusted: p.trusted}
	if err := st.checkLimits(w); err != nil {
		return nil, err
	}
	if t.rules.admit != nil {
		if err := t.rules.admit(st, w); err != nil {
			return nil, err
		}
	}
	o.body = w.body
	st.insert(o, w.refs)
	if t.rules.created != nil {
		t.rules.created(st, o)
	}
	return o, nil
}

func conflict(o *object) error {
	scope := "Name and Tenant ref"
	if o.cloud != nil {
		scope = "Name, Tenant ref and Cloud ref"
	}
	return failure(http.StatusConflict, "%s with this %s already exists: %s", o.t.name, scope, quote(o.name))
}

// checkTenantRef refuses a body that names another tenant than the request.
func (st *store) checkTenantRef(p *prepared, tenant *object) error {
	if p.managed.tenantRef == "" {
		return nil
	}
	got, err := st.resolve(st.vocab.byName["Tenant"], p.managed.tenantRef, scope{tenant: st.admin})
	if err != nil {
		return badRequest(p.t.name + ".tenant_ref: " + err.Error())
	}
	if got != tenant {
		return badRequest(p.t.name + ".tenant_ref: is tenant " + quote(got.name) + ", the request's is " + quote(tenant.name))
	}
	return nil
}

// cloudOf resolves the body's own cloud_ref, on which the others depend; nil
// if it has none.
func (st *store) cloudOf(p *prepared, tenant *object) (*object, error) {
	text, ok := p.body["cloud_ref"].(string)
	if !ok {
		return nil, nil
	}
	cloud, err := st.resolve(st.vocab.byName["Cloud"], text, scope{tenant: tenant})
	if err != nil {
		return nil, badRequest(p.t.name + ".cloud_ref: " + err.Error())
	}
	return cloud, nil
}

// update replaces an object's body (PUT).
func (st *store) update(o *object, p *prepared, tenant *object) error {
	t := o.t
	if err := st.mayChange(o, tenant); err != nil {
		return err
	}
	if p.managed.uuid != "" && p.managed.uuid != o.uuid {
		return badRequest(t.name + ".uuid: cannot be changed")
	}
	if lm := p.managed.lastModified; lm != "" && lm != strconv.FormatInt(o.modified, 10) {
		return failure(http.StatusPreconditionFailed, "Concurrent Update Error: %s %s was modified since it was read", t.name, quote(o.name))
	}
	if err := st.checkTenantRef(p, o.tenant); err != nil {
		return err
	}
	if t.cloudScoped {
		cloud, err := st.cloudOf(p, o.tenant)
		if err != nil {
			return err
		}
		if cloud != nil && cloud != o.cloud {
			return badRequest(t.name + ".cloud_ref: cannot be changed")
		}
	}
	refs, err := st.resolveAll(t, p.refs, scope{o.tenant, o.cloud})
	if err != nil {
		return err
	}
	if p.name != "" && p.name != o.name {
		key := o.nameKey()
		key.name = p.name
		if st.names[key] != nil {
			return conflict(&object{t: t, name: p.name, cloud: o.cloud})
		}
	}
	name := p.name
	if name == "" {
		name = o.name
	}
	w := &write{o: o, old: o.body, body: p.body, refs: refs, trusted: p.trusted}
	keepSensitive(t.def, w.body, o.body, st.assume.OmitSensitive)
	if p.managed.lastModified != "" {
		// A client that read the object and writes it back sends the defaults
		// that it was shown: they are still not what it wrote.
		stripEchoes(st, o, t.def, w.body, o.body)
	}
	if err := st.checkLimits(w); err != nil {
		return err
	}
	if t.rules.admit != nil {
		if err := t.rules.admit(st, w); err != nil {
			return err
		}
	}
	st.replace(o, name, w.body, w.refs)
	return nil
}

// mayChange refuses writes to what admin shares from within another tenant
// (avi-rest.md §3: 400 "Cannot modify VrfContext").
func (st *store) mayChange(o *object, tenant *object) error {
	if !o.t.tenanted || o.tenant == tenant {
		return nil
	}
	status := st.assume.ForeignChange
	if status == 0 || o.t.name == "VrfContext" {
		status = http.StatusBadRequest
	}
	return failure(status, "%s", "Cannot modify "+o.t.name+" "+quote(o.name)+": it belongs to tenant "+quote(o.tenant.name))
}

// delete removes an object that nobody refers to.
func (st *store) delete(o *object, tenant *object) error {
	if err := st.mayChange(o, tenant); err != nil {
		return err
	}
	if o.t.singleton {
		return failure(http.StatusMethodNotAllowed, "Method \"DELETE\" not allowed.")
	}
	if refs := o.referrers(); len(refs) > 0 {
		return failure(st.deleteRefused(), "Cannot delete, object is referred by: %s", listReferrers(refs))
	}
	if o.t.rules.mayRemove != nil {
		if err := o.t.rules.mayRemove(st, o); err != nil {
			return err
		}
	}
	if o.t.rules.removed != nil {
		o.t.rules.removed(st, o)
	}
	st.remove(o)
	return nil
}

func (st *store) deleteRefused() int {
	if st.assume.DeleteRefused != 0 {
		return st.assume.DeleteRefused
	}
	return http.StatusPreconditionFailed
}

func listReferrers(refs []*object) string {
	const most = 10
	var parts []string
	for i, r := range refs {
		if i == most {
			parts = append(parts, "and "+strconv.Itoa(len(refs)-most)+" more")
			break
		}
		parts = append(parts, quote(r.t.name+" "+r.name))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
