package avisim

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strconv"
)

var virtualServiceRules = rules{admit: admitVirtualService}

const (
	vsChild  = "VS_TYPE_VH_CHILD"
	vsParent = "VS_TYPE_VH_PARENT"
)

// admitVirtualService checks what makes a virtual service whole: a child's
// parent, and listeners that nobody else has on the same VIP.
func admitVirtualService(st *store, w *write) error {
	parent, hasParent := w.body["vh_parent_vs_ref"].(*object)
	switch {
	case w.body["type"] == vsChild && !hasParent:
		return badRequest("VirtualService.vh_parent_vs_ref: is required for a " + vsChild)
	case w.body["type"] == vsChild && parent.body["type"] != vsParent:
		return badRequest("VirtualService.vh_parent_vs_ref: " + quote(parent.name) + " is not a " + vsParent)
	case w.body["type"] != vsChild && hasParent:
		return badRequest("VirtualService.vh_parent_vs_ref: is only for a " + vsChild)
	}
	if w.old != nil && w.old["type"] == vsParent && w.body["type"] != vsParent {
		for r := range w.o.in {
			if r.body["vh_parent_vs_ref"] == w.o {
				return badRequest("VirtualService.type: cannot be changed, " + quote(r.name) + " is a child of it")
			}
		}
	}
	if err := st.checkVIP(w); err != nil {
		return err
	}
	return st.checkListeners(w)
}

// checkVIP refuses a virtual service that has no VIP (a child uses its
// parent's), or one in another VRF.
func (st *store) checkVIP(w *write) error {
	if w.body["type"] == vsChild {
		return nil
	}
	vip, ok := w.body["vsvip_ref"].(*object)
	if !ok {
		if list, _ := w.body["vip"].([]any); len(list) == 0 && !st.assume.NoVIP && !w.trusted {
			return badRequest("VirtualService.vsvip_ref: is required: a virtual service needs a VIP")
		}
		return nil
	}
	if st.assume.AnyPlacement {
		return nil
	}
	has := st.vrfOf(vip.t, vip.tenant, vip.cloud, vip.body)
	if wants, ok := w.body["vrf_context_ref"].(*object); ok && has != wants {
		return badRequest("VirtualService.vrf_context_ref: is " + quote(nameOf(wants)) + ", VIP " + quote(vip.name) + " is in " + quote(nameOf(has)))
	}
	return nil
}

type listener struct {
	protocol   string
	begin, end int
}

// checkListeners refuses two listeners of one protocol on one port of a VIP.
// Assumed: that virtual services sharing a VsVip must differ in their ports is
// documented, the exact answer is not.
func (st *store) checkListeners(w *write) error {
	if st.assume.AllowPortConflicts {
		return nil
	}
	vip, ok := w.body["vsvip_ref"].(*object)
	if !ok || w.body["type"] == vsChild {
		return nil
	}
	mine := listeners(w.body)
	for i, a := range mine {
		for _, b := range mine[:i] {
			if a.overlaps(b) {
				return badRequest("VirtualService.services: port " + strconv.Itoa(max(a.begin, b.begin)) + " is used twice")
			}
		}
	}
	for other := range vip.in {
		if other == w.o || other.t != w.o.t || other.body["type"] == vsChild {
			continue
		}
		for _, b := range listeners(other.body) {
			for _, a := range mine {
				if a.overlaps(b) {
					return badRequest("VirtualService.services: port " + strconv.Itoa(max(a.begin, b.begin)) +
						" of VIP " + quote(vip.name) + " is already used by virtual service " + quote(other.name))
				}
			}
		}
	}
	return nil
}

func (a listener) overlaps(b listener) bool {
	return a.protocol == b.protocol && a.begin <= b.end && b.begin <= a.end
}

func listeners(vs message) []listener {
	var out []listener
	for _, s := range messages(vs["services"]) {
		profile, ok := s["override_network_profile_ref"].(*object)
		if !ok {
			profile, _ = vs["network_profile_ref"].(*object)
		}
		l := listener{protocol: "TCP", begin: number(s["port"]), end: number(s["port_range_end"])}
		l.end = max(l.begin, l.end)
		if profile != nil {
			union, _ := profile.body["profile"].(message)
			switch union["type"] {
			case "PROTOCOL_TYPE_UDP_FAST_PATH", "PROTOCOL_TYPE_UDP_PROXY":
				l.protocol = "UDP"
			case "PROTOCOL_TYPE_SCTP_PROXY", "PROTOCOL_TYPE_SCTP_FAST_PATH":
				l.protocol = "SCTP"
			}
		}
		out = append(out, l)
	}
	return out
}

var certificateRules = rules{admit: admitCertificate}

// admitCertificate refuses PEM text that a TLS listener couldn't use.
func admitCertificate(st *store, w *write) error {
	if w.trusted || st.assume.AnyCertificate || w.body["format"] == "SSL_PKCS12" || w.body["certificate_base64"] == true {
		return nil
	}
	c, _ := w.body["certificate"].(message)
	text, ok := c["certificate"].(string)
	if !ok {
		if c["self_signed"] == true {
			return st.selfSign(w, c)
		}
		return nil // a signing request
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return badRequest("SSLKeyAndCertificate.certificate.certificate: Invalid certificate: no PEM data")
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return badRequest("SSLKeyAndCertificate.certificate.certificate: Invalid certificate: " + err.Error())
	}
	key, ok := w.body["key"].(string)
	if !ok || key == "" || w.body["key_passphrase"] != nil || w.body["key_base64"] == true {
		return nil
	}
	if _, err := tls.X509KeyPair([]byte(text), []byte(key)); err != nil {
		return badRequest("SSLKeyAndCertificate.key: the private key does not fit the certificate")
	}
	return nil
}

var tenantRules = rules{
	created: func(st *store, o *object) {
		for _, cloud := range st.clouds() {
			st.addTenantDefaults(o, cloud)
		}
	},
	mayRemove: func(st *store, o *object) error {
		if o.isAdmin() {
			return badRequest("Cannot delete tenant 'admin'")
		}
		if left := o.members - st.ownDefaults(o.tenantDefault); left > 0 {
			return failure(st.deleteRefused(), "Cannot delete, tenant %s still has %d objects", quote(o.name), left)
		}
		return nil
	},
	removed: func(st *store, o *object) { st.removeDefaults(o.tenantDefault) },
}

func (o *object) tenantDefault(d *object) bool { return d.tenant == o }
func (o *object) cloudDefault(d *object) bool  { return d.cloud == o }

// addTenantDefaults gives a tenant its own VRFs and SE group in a cloud when
// its settings ask for them.
func (st *store) addTenantDefaults(tenant, cloud *object) {
	if kindOf(cloud).tenantVRF && !tenant.isAdmin() {
		st.addDefault("VrfContext", tenant.name+"-default", tenant, cloud, message{"system_default": true})
	}
	if st.tenantSetting(tenant, "tenant_vrf") {
		st.addDefault("VrfContext", "global", tenant, cloud, message{"system_default": true})
		st.addDefault("VrfContext", "management", tenant, cloud, message{"system_default": true})
	}
	if !st.tenantSetting(tenant, "se_in_provider_context") {
		st.addDefault("ServiceEngineGroup", "Default-Group", tenant, cloud, message{})
	}
}

var cloudRules = rules{
	created: func(st *store, o *object) {
		if st.defaultCloud == nil || o.name == "Default-Cloud" {
			st.defaultCloud = o
		}
		st.addDefault("VrfContext", "global", st.admin, o, message{"system_default": true})
		st.addDefault("VrfContext", "management", st.admin, o, message{"system_default": true})
		st.addDefault("ServiceEngineGroup", "Default-Group", st.admin, o, message{"ha_mode": "HA_MODE_SHARED", "max_se": json.Number("10")})
		for _, tenant := range st.list(st.vocab.byName["Tenant"], st.admin).items() {
			st.addTenantDefaults(tenant, o)
		}
	},
	mayRemove: func(st *store, o *object) error {
		if o == st.defaultCloud {
			return badRequest("Cannot delete the default cloud")
		}
		return nil
	},
	removed: func(st *store, o *object) { st.removeDefaults(o.cloudDefault) },
}

// addDefault makes an object that comes with a cloud or a tenant.
func (st *store) addDefault(typeName, name string, tenant, cloud *object, body message) {
	o := &object{t: st.vocab.byName[typeName], name: name, tenant: tenant, cloud: cloud}
	if st.names[o.nameKey()] != nil {
		return
	}
	body["name"] = name
	o.body, o.seedBody, o.auto = body, body, true
	st.insert(o, nil)
	st.defaults = append(st.defaults, o)
}

// ownDefaults counts the objects that came with a tenant or cloud and that
// nobody uses.
func (st *store) ownDefaults(match func(*object) bool) int {
	n := 0
	for _, d := range st.defaults {
		if match(d) && len(d.in) == 0 && st.objects[objectKey{d.t, d.uuid}] == d {
			n++
		}
	}
	return n
}

func (st *store) removeDefaults(match func(*object) bool) {
	var kept []*object
	for _, d := range st.defaults {
		if match(d) && len(d.in) == 0 && st.objects[objectKey{d.t, d.uuid}] == d {
			st.remove(d)
			continue
		}
		kept = append(kept, d)
	}
	st.defaults = kept
}
