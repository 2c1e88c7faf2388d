package e2e

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// objects reads all objects of a type of a tenant, by name.
func (w *world) objects(tenant, typ string) map[string]map[string]any {
	w.t.Helper()
	list, err := w.Simulator.Objects(w.t.Context(), tenant, typ)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]map[string]any{}
	for _, o := range list {
		name, _ := o["name"].(string)
		out[name] = o
	}
	return out
}

// text is a field of an object, by path: "vip.0.ip_address.addr".
func text(o map[string]any, field string) string {
	var v any = o
	for _, step := range strings.Split(field, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(at) {
				return ""
			}
			v = at[i]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// servers are the addresses of a pool, sorted, "10.0.0.1:8080".
func servers(pool map[string]any) []string {
	out := []string{}
	list, _ := pool["servers"].([]any)
	for _, s := range list {
		s, _ := s.(map[string]any)
		port := text(s, "port")
		if port == "" {
			port = text(pool, "default_server_port")
		}
		out = append(out, text(s, "ip.addr")+":"+port)
	}
	slices.Sort(out)
	return out
}

func TestTwoClustersTwoTenants(t *testing.T) {
	w := newWorld(t)
	w.a.apply(shop(t, nameA, 1))
	w.b.apply(shop(t, nameB, 2))
	w.served(w.a, shopObjects...)
	w.served(w.b, shopObjects...)
	w.settle()

	w.run("statuses tell the VIP that Avi allocated", func(w *world) {
		for _, m := range []*member{w.a, w.b} {
			w.checkStatuses(m)
		}
	})
	w.run("each cluster's objects are in its tenant only", func(w *world) {
		for tenant, byType := range w.Simulator.Dump().Tenants {
			owner := map[string]string{tenantA: nameA, tenantB: nameB}[tenant]
			for typ, objects := range byType {
				for _, o := range objects {
					name := text(o, "name")
					if typ == "tenant" && slices.Contains([]string{tenantA, tenantB}, name) {
						continue
					}
					if owner == "" || !strings.HasPrefix(name, owner+"--") {
						w.t.Errorf("tenant %s has %s %s", tenant, typ, name)
					}
				}
			}
		}
		for tenant, name := range map[string]string{tenantA: nameA, tenantB: nameB} {
			for vs, o := range w.objects(tenant, "virtualservice") {
				if got := text(o, "created_by"); got != "ako-"+name {
					w.t.Errorf("virtual service %s is created by %q", vs, got)
				}
			}
		}
	})
	w.run("Services get a virtual service for their protocol", func(w *world) {
		profiles := w.objects("admin", "networkprofile")
		for _, tc := range []struct {
			service, profile, server string
		}{
			{"db", "System-TCP-Proxy", "10.1.0.4:15432"},
			{"dns", "System-UDP-Fast-Path", "10.1.0.5:10053"},
			{"sig", "System-SCTP-Proxy", "10.1.0.6:13868"},
		} {
			vs := w.objects(tenantA, "virtualservice")[nameA+"--"+w.a.ns+"-"+tc.service]
			if vs == nil {
				w.t.Errorf("Service %s has no virtual service", tc.service)
				continue
			}
			if got := uuidOf(text(vs, "network_profile_ref")); got != text(profiles[tc.profile], "uuid") || got == "" {
				w.t.Errorf("Service %s: network profile %s, want %s", tc.service, got, tc.profile)
			}
			found := false
			for name, pool := range w.objects(tenantA, "pool") {
				if strings.Contains(name, w.a.ns+"-"+tc.service+"-") {
					found = slices.Equal(servers(pool), []string{tc.server})
				}
			}
			if !found {
				w.t.Errorf("Service %s has no pool with the server %s", tc.service, tc.server)
			}
		}
	})
	w.run("a TLS host is a child with the certificate", func(w *world) {
		child := w.objects(tenantB, "virtualservice")[nameB+"--"+secureHost(nameB)]
		if got := text(child, "type"); got != "VS_TYPE_VH_CHILD" {
			w.t.Errorf("the type is %q", got)
		}
		if text(child, "ssl_key_and_certificate_refs.0") == "" || len(w.objects(tenantB, "sslkeyandcertificate")) == 0 {
			w.t.Error("there is no certificate")
		}
	})
	w.run("users are told", func(w *world) {
		w.event(w.a, "Ingress", "web", "Synced", webHost(nameA))
		w.event(w.b, "Service", "db", "Synced", "")
	})
	w.run("nothing is left to do", func(w *world) {
		mark := w.mark()
		for _, name := range []string{nameA, nameB} {
			if out := w.cli("plan", name); out.Status != 0 {
				w.t.Errorf("akohub plan %s: status %d\n%s%s", name, out.Status, out.Stdout, out.Stderr)
			}
		}
		w.wroteNothing("planning", mark)
		if out := w.cli("clusters"); out.Status != 0 || !strings.Contains(out.Stdout, tenantA) || !strings.Contains(out.Stdout, tenantB) {
			w.t.Errorf("akohub clusters: status %d\n%s%s", out.Status, out.Stdout, out.Stderr)
		}
	})
}

// checkStatuses follows each object's annotation to its virtual service and the
// VIP behind it, which must be the address that the status shows.
func (w *world) checkStatuses(m *member) {
	t := w.t
	t.Helper()
	byUUID, vips := map[string]map[string]any{}, map[string]map[string]any{}
	for _, vs := range w.objects(m.tenant, "virtualservice") {
		byUUID[text(vs, "uuid")] = vs
	}
	for _, vip := range w.objects(m.tenant, "vsvip") {
		vips[text(vip, "uuid")] = vip
	}
	network := netip.MustParsePrefix("10.10.0.0/16")
	for object, s := range m.shows() {
		if len(s.IPs) != 1 || len(s.Hosts) != 1 || s.Tenant != m.tenant {
			w.t.Errorf("%s of %s shows %+v", object, m.Name, s)
			continue
		}
		ip, _, _ := strings.Cut(s.IPs[0], " ")
		for _, uuid := range s.Hosts {
			vs := byUUID[uuid]
			if parent := text(vs, "vh_parent_vs_ref"); parent != "" {
				vs = byUUID[uuidOf(parent)]
			}
			vip := vips[uuidOf(text(vs, "vsvip_ref"))]
			if got := text(vip, "vip.0.ip_address.addr"); got != ip || got == "" {
				w.t.Errorf("%s of %s shows %s; its virtual service %s has %q", object, m.Name, ip, text(vs, "name"), got)
			}
		}
		if addr, err := netip.ParseAddr(ip); err != nil || !network.Contains(addr) {
			w.t.Errorf("%s of %s: %q is not an address of the VIP network", object, m.Name, ip)
		}
	}
}

// uuidOf is the uuid in a reference, "https://…/api/vsvip/UUID#name".
func uuidOf(ref string) string {
	ref, _, _ = strings.Cut(ref, "#")
	return path.Base(ref)
}

func TestChanges(t *testing.T) {
	w := newWorld(t)
	w.a.apply(shop(t, nameA, 1))
	w.b.apply(shop(t, nameB, 2))
	w.served(w.a, shopObjects...)
	w.served(w.b, shopObjects...)
	w.settle()
	others := w.b.shows()
	webPool := fmt.Sprintf("%s--%s_-%s-web", nameA, webHost(nameA), w.a.ns)
	dbPool := fmt.Sprintf("%s--%s-db-TCP-5432", nameA, w.a.ns)

	step := func(name string, do func(w *world), check func(w *world, mark int)) {
		w.run(name, func(w *world) {
			mark := w.mark()
			do(w)
			w.eventually("a write", func() error {
				if w.mark() == mark {
					return fmt.Errorf("there is none")
				}
				return nil
			})
			w.settle()
			check(w, mark)
		})
	}
	onePut := func(typ, name string) func(*world, int) {
		return func(w *world, mark int) {
			w.wrote("the change", mark, fmt.Sprintf("PUT %s %s (%s)", typ, name, tenantA))
		}
	}

	step("an endpoint more is one write of a pool",
		func(w *world) { w.a.apply(httpSlice("web", "10.1.0.1", "10.1.0.2", "10.1.0.9")) },
		func(w *world, mark int) {
			onePut("pool", webPool)(w, mark)
			if got := servers(w.objects(tenantA, "pool")[webPool]); !slices.Equal(got, []string{"10.1.0.1:8080", "10.1.0.2:8080", "10.1.0.9:8080"}) {
				w.t.Errorf("the servers are %v", got)
			}
		})
	step("endpoints less is one write of a pool",
		func(w *world) { w.a.apply(httpSlice("web", "10.1.0.9")) }, onePut("pool", webPool))
	step("no endpoint is one write of a pool",
		func(w *world) { w.a.apply(balancedSlice("db", "TCP", 5432)) },
		func(w *world, mark int) {
			onePut("pool", dbPool)(w, mark)
			if got := servers(w.objects(tenantA, "pool")[dbPool]); len(got) != 0 {
				w.t.Errorf("the servers are %v", got)
			}
		})
	step("a new certificate is one write of a certificate",
		func(w *world) { w.a.apply(tlsSecret("secure-tls", newKeyPair(t, secureHost(nameA)))) },
		onePut("sslkeyandcertificate", nameA+"--"+secureHost(nameA)))
	step("a deleted TLS Ingress takes its virtual service with it",
		func(w *world) { w.a.deleteIngress("secure") },
		func(w *world, _ int) {
			w.gone(tenantA, "virtualservice", secureHost(nameA))
			w.gone(tenantA, "pool", secureHost(nameA))
			w.gone(tenantA, "poolgroup", secureHost(nameA))
			w.gone(tenantA, "sslkeyandcertificate", secureHost(nameA))
			for name, vip := range w.objects(tenantA, "vsvip") {
				if strings.Contains(fmt.Sprint(vip["dns_info"]), secureHost(nameA)) {
					w.t.Errorf("VsVip %s still has the host", name)
				}
			}
		})
	step("a deleted Service takes all of its own with it",
		func(w *world) { w.a.deleteService("dns") },
		func(w *world, _ int) {
			for _, typ := range []string{"virtualservice", "vsvip", "pool", "l4policyset"} {
				w.gone(tenantA, typ, w.a.ns+"-dns")
			}
		})
	step("a deleted plain Ingress takes its pools with it",
		func(w *world) { w.a.deleteIngress("web") },
		func(w *world, _ int) { w.gone(tenantA, "pool", webHost(nameA)) })
	step("a Service that is of another type now loses its address",
		func(w *world) {
			w.a.apply(service("sig", "ClusterIP", "name: main, port: 3868, targetPort: 13868, protocol: SCTP"))
		},
		func(w *world, _ int) {
			w.gone(tenantA, "virtualservice", w.a.ns+"-sig")
			if err := w.statusOfService(w.a, "sig", 0); err != nil {
				w.t.Error(err)
			}
		})

	w.b.unchanged("changes in the other cluster", others)
	for _, l := range w.since(0) {
		if strings.HasPrefix(l, "DELETE") && strings.HasSuffix(l, "("+tenantB+")") {
			w.t.Errorf("the other tenant lost something: %s", l)
		}
	}
}

// gone fails if a type has objects left whose names contain a part.
func (w *world) gone(tenant, typ, part string) {
	w.t.Helper()
	for name := range w.objects(tenant, typ) {
		if strings.Contains(name, part) {
			w.t.Errorf("%s %s is still there", typ, name)
		}
	}
}

// statusOfService checks how many addresses a Service shows, of whatever type.
func (w *world) statusOfService(m *member, name string, want int) error {
	svc, err := m.client.CoreV1().Services(m.ns).Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if got := len(svc.Status.LoadBalancer.Ingress); got != want {
		return fmt.Errorf("Service %s shows %d addresses, want %d", name, got, want)
	}
	return nil
}
