package avisim

import "net/http"

// What a vCenter says of its networks, beside what the controller keeps of them:
// the hosts that each is on (l4-infra.md §2.8). A network has the same uuid here
// and there.

// networkRuntimes answers /api/vimgrnwruntime, which can only be read, with the
// filters and pages of any collection.
func (s *Simulator) networkRuntimes(c *call, uuid string) error {
	return c.get(func() error {
		s.mu.RLock()
		defer s.mu.RUnlock()
		t := s.vocab.byName["Network"]
		vw := c.view(s.store)
		if uuid != "" {
			o, err := s.find(c, t, uuid)
			if err != nil {
				return err
			}
			if vtype(o.cloud) != "CLOUD_VCENTER" {
				return failure(http.StatusNotFound, "VIMgrNWRuntime object not found!")
			}
			return c.json(http.StatusOK, vw.networkRuntime(o))
		}
		tenant, err := s.reader(c, t)
		if err != nil {
			return err
		}
		page, size, err := pages(c.q)
		if err != nil {
			return err
		}
		objs, err := s.selectObjects(c, t, tenant)
		if err != nil {
			return err
		}
		all := []any{}
		for _, o := range objs {
			if vtype(o.cloud) == "CLOUD_VCENTER" {
				all = append(all, vw.networkRuntime(o))
			}
		}
		from := min((page-1)*size, len(all))
		to := min(from+size, len(all))
		out := map[string]any{"count": len(all), "results": all[from:to]}
		if to < len(all) {
			out["next"] = c.nextPage("vimgrnwruntime", page)
		}
		return c.json(http.StatusOK, out)
	})
}

// networkRuntime is what a vCenter says of a network.
func (vw *view) networkRuntime(o *object) map[string]any {
	out := map[string]any{
		"uuid": o.uuid, "name": o.name, "url": vw.base + "/api/vimgrnwruntime/" + o.uuid,
		"tenant_ref": rawJSON(vw.appendRef(nil, o.tenant)), "cloud_ref": rawJSON(vw.appendRef(nil, o.cloud)),
	}
	if hosts := vw.st.hosts[o]; len(hosts) > 0 {
		refs := make([]any, len(hosts))
		for i, h := range hosts {
			ref := vw.base + "/api/vimgrhostruntime/host-" + h + "-" + o.cloud.uuid
			if vw.includeName {
				ref += "#" + h
			}
			refs[i] = ref
		}
		out["host_refs"] = refs
	}
	return out
}

// one finds the object of a name. It fails where several have it, which only
// networks that a vCenter reports do.
func (st *store) one(key nameKey) (*object, error) {
	o, twins := st.names[key], st.twins[key]
	switch {
	case len(twins) == 0:
		return o, nil
	case o == nil && len(twins) == 1:
		return twins[0], nil
	}
	return nil, badRequest("several " + key.t.name + " objects are named " + quote(key.name) + ": refer to one by uuid")
}

// named returns all objects of a name, in order of creation.
func (st *store) named(key nameKey) []*object {
	var out []*object
	if o := st.names[key]; o != nil {
		out = append(out, o)
	}
	return append(out, st.twins[key]...)
}
