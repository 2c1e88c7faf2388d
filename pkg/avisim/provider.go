package avisim

// What a tenant shares with the provider, which is tenant admin: its
// config_settings say whether SE groups and VRFs are admin's or its own.

func (st *store) tenantSetting(tenant *object, name string) bool {
	settings, _ := tenant.body["config_settings"].(message)
	if v, ok := settings[name].(bool); ok {
		return v
	}
	return name != "tenant_vrf" // the published defaults
}

// shares says whether a tenant uses admin's objects of the type.
func (st *store) shares(t *objectType, tenant *object) bool {
	if !t.shared || tenant.isAdmin() || st.assume.SharedProvider {
		return t.shared
	}
	switch t.name {
	case "VrfContext":
		return !st.tenantSetting(tenant, "tenant_vrf")
	case "ServiceEngineGroup":
		return st.tenantSetting(tenant, "se_in_provider_context")
	}
	return true
}

// mayRefer says whether an object of a tenant may refer to o.
func (st *store) mayRefer(tenant, o *object) bool {
	if !o.t.tenanted || o.tenant == tenant {
		return true
	}
	return o.tenant.isAdmin() && st.shares(o.t, tenant)
}

// shows says whether a request in a tenant may read o.
func (st *store) shows(tenant, o *object) bool {
	if !o.visibleTo(tenant) {
		return false
	}
	if o.tenant != tenant && o.t.name == "ServiceEngineGroup" && !st.tenantSetting(tenant, "tenant_access_to_provider_se") && !st.assume.SharedProvider {
		return false
	}
	return st.mayRefer(tenant, o)
}

// admitOwn refuses an object that only a tenant with its own VRFs, or its own
// SE groups, may have.
func admitOwn(st *store, w *write) error {
	if w.old == nil && !w.trusted && !w.o.tenant.isAdmin() && !st.assume.SharedProvider && st.shares(w.o.t, w.o.tenant) {
		return badRequest("tenant " + quote(w.o.tenant.name) + " uses the " + w.o.t.name + " objects of tenant 'admin' (config_settings), and can't have its own")
	}
	return nil
}
