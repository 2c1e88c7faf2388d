package avisim

import (
	"net/http"
)

// allTenants is the X-Avi-Tenant of a read across tenants.
const allTenants = "*"

// tenantOf finds the tenant that the request works in, or refuses it. Nil
// without an error means all tenants, for reads. The store's lock is held.
func (s *Simulator) tenantOf(c *call) (*object, error) {
	st := s.store
	name := c.tenant
	read := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	if name == allTenants {
		if !read {
			return nil, badRequest("X-Avi-Tenant: '*' is only for reads")
		}
		return nil, nil
	}
	r := s.rights(c)
	if name == "" {
		return r.home(st.admin), nil
	}
	tenant := st.tenant(name)
	if tenant == nil {
		return nil, failure(http.StatusForbidden, "Tenant %s does not exist!", quote(name))
	}
	if !r.mayEnter(tenant) {
		return nil, failure(http.StatusForbidden, "User %s has no access to tenant %s", quote(c.user), quote(name))
	}
	return tenant, nil
}

// edition is the licence edition that restricts values, or none.
func (st *store) edition() string {
	all := st.all[st.vocab.byName["SystemConfiguration"]].items()
	if len(all) == 0 {
		return ""
	}
	switch all[0].body["default_license_tier"] {
	case "BASIC":
		return "basic"
	case "ESSENTIALS":
		return "essentials"
	}
	return ""
}

// admission is by which rules the request's body is checked.
func (s *Simulator) admission(c *call) admission {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return c.admission(s.store)
}

// admission is for callers that hold the store's lock.
func (c *call) admission(st *store) admission {
	ad := admission{edition: st.edition()}
	if st.assume.RefuseNewerFields {
		ad.version = c.version()
	}
	return ad
}

// collectionCall answers /api/TYPE.
func (s *Simulator) collectionCall(c *call, t *objectType) error {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		return s.list(c, t)
	case http.MethodPost:
		in, err := parseJSON(c.body)
		if err != nil {
			return err
		}
		p, err := prepare(t, in, s.admission(c))
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		tenant, err := s.writer(c, t)
		if err != nil {
			return err
		}
		o, err := s.store.create(p, tenant)
		if err != nil {
			return err
		}
		c.raw(http.StatusCreated, c.view(s.store).appendObject(nil, o))
		return nil
	case http.MethodPut, http.MethodPatch:
		if t.singleton {
			s.mu.RLock()
			all := s.store.all[t].items()
			s.mu.RUnlock()
			if len(all) == 1 {
				return s.change(c, t, all[0].uuid)
			}
		}
	}
	return methodNotAllowed(c)
}

// objectCall answers /api/TYPE/UUID.
func (s *Simulator) objectCall(c *call, t *objectType, uuid string) error {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		s.mu.RLock()
		defer s.mu.RUnlock()
		o, err := s.find(c, t, uuid)
		if err != nil {
			return err
		}
		c.raw(http.StatusOK, c.view(s.store).appendObject(nil, o))
		return nil
	case http.MethodPut, http.MethodPatch:
		return s.change(c, t, uuid)
	case http.MethodDelete:
		s.mu.Lock()
		defer s.mu.Unlock()
		tenant, err := s.writer(c, t)
		if err != nil {
			return err
		}
		o, err := s.find(c, t, uuid)
		if err != nil {
			return err
		}
		if o.tenant == tenant && !s.mayWrite(c, o) {
			return forbidden()
		}
		if err := s.store.delete(o, tenant); err != nil {
			return err
		}
		c.raw(http.StatusNoContent, nil)
		return nil
	}
	return methodNotAllowed(c)
}

// find returns an object that the request's tenant may see. The store's lock
// is held.
func (s *Simulator) find(c *call, t *objectType, uuid string) (*object, error) {
	tenant, err := s.reader(c, t)
	if err != nil {
		return nil, err
	}
	o := s.store.objects[objectKey{t, uuid}]
	if o == nil || tenant != nil && !s.store.shows(tenant, o) || !s.readFilter(c, tenant)(o) {
		return nil, notFound(t)
	}
	return o, nil
}

// change is a PUT or PATCH of one object.
func (s *Simulator) change(c *call, t *objectType, uuid string) error {
	in, err := parseJSON(c.body)
	if err != nil {
		return err
	}
	var p *prepared
	if c.r.Method == http.MethodPut {
		if p, err = prepare(t, in, s.admission(c)); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tenant, err := s.writer(c, t)
	if err != nil {
		return err
	}
	o, err := s.find(c, t, uuid)
	if err != nil {
		return err
	}
	if o.tenant == tenant && !s.mayWrite(c, o) {
		return forbidden()
	}
	if p == nil {
		patched, err := applyPatch(plain(o.body).(map[string]any), in, !s.opts.Assume.NoPatchPaths)
		if err != nil {
			return err
		}
		if p, err = prepare(t, patched, admission{edition: s.store.edition()}); err != nil {
			return err
		}
	}
	if err := s.store.update(o, p, tenant); err != nil {
		return err
	}
	c.raw(http.StatusOK, c.view(s.store).appendObject(nil, o))
	return nil
}
