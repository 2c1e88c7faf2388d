package avisim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// seeder fills a store with what a seed says.
type seeder struct {
	st   *store
	seed *Seed
	err  error
}

// seededStore makes a store that holds the seed and the option's tenants.
func (s *Simulator) seededStore() (*store, error) {
	sd := &seeder{st: newStore(s.vocab, s.opts.Now), seed: s.seed}
	sd.st.assume, sd.st.version = s.opts.Assume, s.seed.Version
	sd.admin()
	sd.system()
	for _, t := range s.seed.Tenants.Default {
		sd.tenant(SeedTenant{Name: t})
	}
	for _, t := range s.seed.Tenants.Others {
		sd.tenant(t)
	}
	for _, t := range s.opts.Tenants {
		sd.tenant(SeedTenant{Name: t})
	}
	for _, c := range s.seed.Clouds {
		sd.cloud(c)
	}
	sd.objects()
	sd.users()
	for _, o := range sd.st.objects {
		o.seedBody = o.body
	}
	return sd.st, sd.err
}

// add creates one object in tenant admin; it does nothing after an error.
func (sd *seeder) add(typeName string, body map[string]any) *object {
	if sd.err != nil {
		return nil
	}
	t := sd.st.vocab.byName[typeName]
	p, err := prepare(t, jsonNumbers(body).(map[string]any), admission{trusted: true})
	if err == nil {
		var o *object
		if o, err = sd.st.create(p, sd.st.admin); err == nil {
			return o
		}
	}
	sd.err = fmt.Errorf("seeding %s %v: %w", typeName, body["name"], err)
	return nil
}

// jsonNumbers makes Go literals look like decoded JSON.
func jsonNumbers(v any) any {
	switch v := v.(type) {
	case int:
		return json.Number(strconv.Itoa(v))
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = jsonNumbers(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = jsonNumbers(e)
		}
		return out
	default:
		return v
	}
}

func (sd *seeder) admin() {
	st := sd.st
	admin := &object{t: st.vocab.byName["Tenant"], name: "admin", body: message{"name": "admin", "local": true}}
	admin.body["config_settings"] = tenantSettings(SeedTenant{})
	admin.tenant, st.admin = admin, admin
	st.insert(admin, nil)
}

func (sd *seeder) tenant(t SeedTenant) {
	if t.Name == "admin" || t.Name == "" || sd.st.tenant(t.Name) != nil {
		return
	}
	sd.add("Tenant", map[string]any{"name": t.Name, "local": true, "config_settings": tenantSettings(t)})
}

func tenantSettings(t SeedTenant) map[string]any {
	return map[string]any{
		"se_in_provider_context":       t.SEInProviderContext == nil || *t.SEInProviderContext,
		"tenant_access_to_provider_se": true,
		"tenant_vrf":                   t.TenantVRF,
	}
}

func (sd *seeder) system() {
	tier := sd.seed.License
	if tier == "" {
		tier = "ENTERPRISE"
	}
	sd.add("SystemConfiguration", map[string]any{"uuid": "default", "default_license_tier": tier, "welcome_workflow_complete": true})
	sd.limits()
	sd.add("Cluster", map[string]any{
		"uuid": "cluster-7f3c2f1e-6a57-4b0e-9d1a-5a1d0c1e2f30", "name": "cluster-0-1",
		"nodes": []any{map[string]any{"name": "node1", "vm_hostname": "node1", "ip": v4("127.0.0.1")}},
	})
}

// limits makes the SystemLimits object: each limit where the vocabulary has it.
func (sd *seeder) limits() {
	controller := sd.st.vocab.byName["SystemLimits"].def.byName["controller_limits"].def
	sizing, l7 := controller.byName["controller_sizing_limits"].def, controller.byName["l7_limits"].def
	body, sized, ofL7 := map[string]any{}, map[string]any{"flavor": "CONTROLLER_SMALL"}, map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(sd.seed.Limits)) {
		switch value := sd.seed.Limits[name]; {
		case isLimit(controller, name):
			body[name] = value
		case isLimit(sizing, name):
			sized[name] = value
		case isLimit(l7, name):
			ofL7[name] = value
		case sd.err == nil:
			sd.err = fmt.Errorf("seeding limits: there is none called %q", name)
		}
	}
	body["controller_sizing_limits"], body["l7_limits"] = []any{sized}, ofL7
	sd.add("SystemLimits", map[string]any{"uuid": "default", "controller_limits": body})
}

func isLimit(def *definition, name string) bool {
	f := def.byName[name]
	return f != nil && f.kind == kindInteger
}

func v4(addr string) map[string]any { return map[string]any{"addr": addr, "type": "V4"} }
func v6(addr string) map[string]any { return map[string]any{"addr": addr, "type": "V6"} }

func ref(o *object) string { return "/api/" + o.t.path + "/" + o.uuid }

// cloud adds a cloud, its VRFs, SE groups and networks, and the IPAM and DNS
// profiles that it then refers to.
func (sd *seeder) cloud(c SeedCloud) {
	cloud := sd.add("Cloud", map[string]any{"name": c.Name, "vtype": c.Vtype})
	if cloud == nil {
		return
	}
	in := ref(cloud)
	for _, name := range c.VRFs {
		vrf := map[string]any{"name": name, "cloud_ref": in}
		if c.Vtype == "CLOUD_NSXT" {
			path := "/infra/tier-1s/" + name
			if strings.HasPrefix(name, "/") {
				path = name // that of a VPC
			}
			vrf["attrs"] = []any{map[string]any{"key": "tier1path", "value": path}}
		}
		sd.add("VrfContext", vrf)
	}
	groups := c.SEGroups
	if groups == nil {
		groups = []string{"seg-gold", "seg-silver"}
	}
	for _, name := range groups {
		sd.add("ServiceEngineGroup", map[string]any{"name": name, "cloud_ref": in, "ha_mode": "HA_MODE_SHARED", "max_se": 10})
	}
	body := map[string]any{"name": c.Name, "vtype": c.Vtype}
	var usable []any
	for _, n := range c.Networks {
		o := sd.network(n, in)
		if o == nil {
			return
		}
		if n.V4 != 0 || n.V6 != 0 {
			usable = append(usable, map[string]any{"nw_ref": ref(o)})
		}
		if n.Name == c.Management {
			body["vcenter_configuration"] = map[string]any{"privilege": "WRITE_ACCESS", "management_network": "/api/vimgrnwruntime/" + o.uuid}
		}
	}
	if c.TransportZone != "" {
		body["nsxt_configuration"] = map[string]any{"data_network_config": map[string]any{"tz_type": c.TransportZone}}
	}
	if ipam := sd.ipamProfile(c, usable); ipam != nil {
		body["ipam_provider_ref"] = ref(ipam)
	}
	var domains []any
	for _, d := range c.Domains {
		domains = append(domains, map[string]any{"domain_name": d})
	}
	dns := sd.add("IpamDnsProviderProfile", map[string]any{
		"name": c.Name + "-dns", "type": "IPAMDNS_TYPE_INTERNAL_DNS", "internal_profile": map[string]any{"dns_service_domain": domains},
	})
	if dns == nil {
		return
	}
	body["dns_provider_ref"] = ref(dns)
	p, err := prepare(cloud.t, body, admission{trusted: true})
	if err == nil {
		err = sd.st.update(cloud, p, sd.st.admin)
	}
	if err != nil {
		sd.err = fmt.Errorf("seeding cloud %s: %w", c.Name, err)
	}
}

// ipamProfile makes the profile that a cloud allocates addresses by, if it has
// one. Whatever its type, the simulator allocates them from the networks.
func (sd *seeder) ipamProfile(c SeedCloud, usable []any) *object {
	body := map[string]any{"name": c.Name + "-ipam"}
	switch c.IPAM {
	case "none":
		return nil
	case "", "INTERNAL":
		body["type"], body["internal_profile"] = "IPAMDNS_TYPE_INTERNAL", map[string]any{"usable_networks": usable}
	case "INFOBLOX":
		body["type"], body["infoblox_profile"] = "IPAMDNS_TYPE_INFOBLOX", map[string]any{"username": "sim", "password": "sim"}
	default:
		body["type"] = "IPAMDNS_TYPE_" + c.IPAM
	}
	return sd.add("IpamDnsProviderProfile", body)
}

func (sd *seeder) network(n SeedNetwork, cloud string) *object {
	vrf := n.VRF
	if vrf == "" {
		vrf = "global"
	}
	var subnets []any
	if n.V4 != 0 {
		p := "10." + strconv.Itoa(n.V4) + "."
		subnets = append(subnets, subnetOf(v4(p+"0.0"), 16, v4(p+"64.1"), v4(p+"79.254")))
	}
	if n.V6 != 0 {
		p := "2001:db8:" + strconv.Itoa(n.V6) + "::"
		subnets = append(subnets, subnetOf(v6(p), 64, v6(p+"1000"), v6(p+"ffff")))
	}
	body := map[string]any{"name": n.Name, "cloud_ref": cloud, "vrf_context_ref": "/api/vrfcontext/?name=" + vrf, "dhcp_enabled": false}
	if subnets != nil {
		body["configured_subnets"] = subnets
	}
	o := sd.add("Network", body)
	if o != nil && len(n.Hosts) > 0 {
		sd.st.hosts[o] = n.Hosts
	}
	return o
}

func subnetOf(addr map[string]any, mask int, begin, end map[string]any) map[string]any {
	return map[string]any{
		"prefix":           map[string]any{"ip_addr": addr, "mask": mask},
		"static_ip_ranges": []any{map[string]any{"range": map[string]any{"begin": begin, "end": end}, "type": "STATIC_IPS_FOR_VIP_AND_SE"}},
	}
}

func (sd *seeder) objects() {
	paths := make([]string, 0, len(sd.seed.Objects))
	for p := range sd.seed.Objects {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	if sd.st.defaultCloud == nil {
		sd.add("Cloud", map[string]any{"name": "Default-Cloud", "vtype": "CLOUD_NONE"})
	}
	for _, path := range paths {
		t := sd.st.vocab.byPath[path]
		if t == nil {
			sd.err = fmt.Errorf("seeding objects: no type %q", path)
			return
		}
		for _, n := range sd.seed.Objects[path] {
			body := map[string]any{"name": n.Name}
			if fill, ok := seedFields[t.name]; ok {
				fill(body, n.Group)
			}
			sd.add(t.name, body)
		}
	}
}

// seedFields give a seeded profile the fields that say what kind it is.
var seedFields = map[string]func(body map[string]any, group string){
	"ApplicationProfile": func(b map[string]any, g string) { b["type"] = "APPLICATION_PROFILE_TYPE_" + strings.ToUpper(g) },
	"NetworkProfile": func(b map[string]any, g string) {
		b["profile"] = map[string]any{"type": "PROTOCOL_TYPE_" + strings.ToUpper(g)}
	},
	"HealthMonitor": func(b map[string]any, g string) { b["type"] = "HEALTH_MONITOR_" + strings.ToUpper(g) },
	"ApplicationPersistenceProfile": func(b map[string]any, g string) {
		kind := strings.ToUpper(g)
		if kind == "CLIENT_IP" {
			kind = "CLIENT_IP_ADDRESS"
		}
		b["persistence_type"] = "PERSISTENCE_TYPE_" + kind
	},
	"SSOPolicy":   func(b map[string]any, g string) { b["type"] = "SSO_TYPE_" + strings.ToUpper(g) },
	"AuthProfile": func(b map[string]any, g string) { b["type"] = "AUTH_PROFILE_" + strings.ToUpper(g) },
	"StringGroup": func(b map[string]any, _ string) { b["type"] = "SG_TYPE_STRING" },
	"WafPolicy":   func(b map[string]any, _ string) { b["mode"] = "WAF_MODE_DETECTION_ONLY" },
	"SSLKeyAndCertificate": func(b map[string]any, _ string) {
		b["type"] = "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE"
		b["certificate"] = map[string]any{"certificate": seedCertificate()}
	},
	"SSLProfile": func(b map[string]any, _ string) {
		b["accepted_versions"] = []any{map[string]any{"type": "SSL_VERSION_TLS1_2"}, map[string]any{"type": "SSL_VERSION_TLS1_3"}}
	},
	"ProtocolParser": func(b map[string]any, _ string) { b["parser_code"] = "-- built in" },
	"PKIProfile": func(b map[string]any, _ string) {
		b["ca_certs"] = []any{map[string]any{"certificate": seedCertificate()}}
	},
}

func (sd *seeder) users() {
	for _, r := range systemRoles {
		sd.role(SeedRole{Name: r.name, Write: r.write, Read: r.read})
	}
	for _, r := range sd.seed.Roles {
		sd.role(r)
	}
	sd.add("UserAccountProfile", map[string]any{"name": defaultUserProfile})
	sd.add("UserAccountProfile", map[string]any{"name": noLockoutUserAccess, "max_login_failure_count": 0})
	sd.user(sd.seed.User, noLockoutUserAccess)
	for _, u := range sd.seed.Users {
		sd.user(u, defaultUserProfile)
	}
}

func (sd *seeder) user(u SeedUser, profile string) {
	if u.Profile != "" {
		profile = u.Profile
	}
	role := "Tenant-Admin"
	if u.ReadOnly {
		role = readOnlyRole
	}
	everywhere := len(u.Tenants) == 0 && len(u.Access) == 0
	var access []any
	grant := func(tenant, role string) {
		a := map[string]any{"role_ref": "/api/role/?name=" + url.QueryEscape(role)}
		if tenant == "*" {
			a["all_tenants"] = true
		} else {
			a["tenant_ref"] = "/api/tenant/?name=" + url.QueryEscape(tenant)
		}
		access = append(access, a)
	}
	if everywhere {
		if !u.ReadOnly {
			role = "System-Admin"
		}
		grant("*", role)
	}
	for _, tenant := range u.Tenants {
		grant(tenant, role)
	}
	for _, a := range u.Access {
		grant(a.Tenant, a.Role)
	}
	sd.add("User", map[string]any{
		"name": u.Name, "username": u.Name, "password": u.Password, "local": true, "is_superuser": everywhere && !u.ReadOnly,
		"access": access, "user_profile_ref": "/api/useraccountprofile/?name=" + url.QueryEscape(profile),
	})
}

func (sd *seeder) role(r SeedRole) {
	resources := map[string]string{}
	set := func(names []string, access string) {
		for _, n := range names {
			if n != "*" {
				resources["PERMISSION_"+strings.ToUpper(n)] = access
				continue
			}
			for all := range sd.st.vocab.permissions {
				if resources[all] == "" {
					resources[all] = access
				}
			}
		}
	}
	set(r.Read, "READ_ACCESS")
	if slices.Contains(r.Write, "*") {
		clear(resources)
	}
	set(r.Write, "WRITE_ACCESS")
	var privileges []any
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		privileges = append(privileges, map[string]any{"resource": name, "type": resources[name]})
	}
	sd.add("Role", map[string]any{"name": r.Name, "privileges": privileges})
}

// seedCertificate is one self-signed certificate for all seeded ones: only
// their names matter.
var seedCertificate = sync.OnceValue(func() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return ""
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "seed.test.invalid"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
})
