package avisim

import "strings"

// checkNames refuses a DNS name that another VsVip of the cloud has, where a
// name is to be only once.
func checkNames(st *store, w *write) error {
	if !st.assume.UniqueNames || w.trusted {
		return nil
	}
	names := dnsNames(w.body)
	for _, other := range st.all[w.o.t].items() {
		if other == w.o || other.cloud != w.o.cloud {
			continue
		}
		for name := range dnsNames(other.body) {
			if names[name] {
				return badRequest("VsVip.dns_info: " + quote(name) + " is in use by VsVip " + quote(other.name))
			}
		}
	}
	return nil
}

// dnsNames are the names of a VsVip, as DNS compares them.
func dnsNames(body message) map[string]bool {
	out := map[string]bool{}
	for _, d := range messages(body["dns_info"]) {
		if fqdn, ok := d["fqdn"].(string); ok {
			out[strings.TrimSuffix(strings.ToLower(fqdn), ".")] = true
		}
	}
	return out
}
