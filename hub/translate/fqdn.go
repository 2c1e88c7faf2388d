package translate

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Values of Settings.AutoFQDN. Anything else generates no names.
const (
	autoFQDNDefault = "default"
	autoFQDNFlat    = "flat"
)

// sortedNames returns the names that are not empty, sorted, without doubles.
func sortedNames(names []string) []string {
	out := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" })
	slices.Sort(out)
	return slices.Compact(out)
}

// maxLabel is the longest label of a DNS name, in bytes.
const maxLabel = 63

// autoFQDNEnabled says whether names are generated, and external-dns's
// annotation honoured, at all (l4-infra.md §1.6).
func autoFQDNEnabled(s *Settings) bool {
	return s.AutoFQDN == autoFQDNDefault || s.AutoFQDN == autoFQDNFlat
}

// subDomain returns the DNS sub-domain of generated names: the default domain
// if the cloud serves it, else the cloud's first. Empty: the cloud has no DNS
// profile (l4-infra.md §1.6, §2.10).
func subDomain(s *Settings) string {
	if len(s.Domains) == 0 {
		return ""
	}
	domain := s.Domains[0]
	if s.DefaultDomain != "" && slices.Contains(s.Domains, s.DefaultDomain) {
		domain = s.DefaultDomain
	}
	return strings.TrimPrefix(domain, ".")
}

// autoFQDNForParent returns the generated name of a shared or dedicated parent,
// which goes first into its VsVip; empty: none is generated (l7.md §7.1).
func autoFQDNForParent(s *Settings, tenant, vsName string) string {
	domain := subDomain(s)
	if domain == "" || s.VIPPerNamespace || s.ShardSize == 0 {
		return ""
	}
	switch s.AutoFQDN {
	case autoFQDNDefault:
		return vsName + "." + tenantLabel(tenant) + "." + domain
	case autoFQDNFlat:
		return vsName + "-" + tenantLabel(tenant) + "." + domain
	}
	return ""
}

var notLabel = regexp.MustCompile(`[^A-Za-z0-9-]+`)

var hyphens = regexp.MustCompile(`-{2,}`)

// tenantLabel is a tenant's name as it stands in a generated name
// (l4-infra.md §3.7).
func tenantLabel(tenant string) string {
	label := hyphens.ReplaceAllString(notLabel.ReplaceAllString(tenant, "-"), "-")
	return strings.Trim(label, "-")
}

// autoFQDNForService returns the generated name of a Service; empty: none is
// generated (l4-infra.md §1.6).
func autoFQDNForService(s *Settings, namespace, service string) string {
	domain := subDomain(s)
	if domain == "" {
		return ""
	}
	service, namespace = dnsLabel(service, "s"), dnsLabel(namespace, "n")
	switch s.AutoFQDN {
	case autoFQDNDefault:
		return service + "." + namespace + "." + domain
	case autoFQDNFlat:
		service, namespace = fitOneLabel(service, namespace)
		return service + "-" + namespace + "." + domain
	}
	return ""
}

var label1035 = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)

func isLabel1035(name string) bool { return len(name) <= maxLabel && label1035.MatchString(name) }

// dnsLabel puts the prefix before a name that is no RFC 1035 label, if that
// makes it one.
func dnsLabel(name, prefix string) string {
	if !isLabel1035(name) && isLabel1035(prefix+name) {
		return prefix + name
	}
	return name
}

// fitOneLabel cuts a Service's and a namespace's name so that both, joined by
// a hyphen, are one label. The namespace is cut only where it would leave no
// room for the Service.
func fitOneLabel(service, namespace string) (string, string) {
	if len(service)+1+len(namespace) <= maxLabel {
		return service, namespace
	}
	// What is left of a namespace that shares its label with a Service of the
	// greatest length (l4-infra.md §1.6).
	const leastNamespace = 48
	if len(namespace) > maxLabel-2 {
		room := maxLabel - 1 - len(service)
		if room < 1 {
			room = leastNamespace
		}
		namespace = strings.TrimRight(namespace[:room], "-")
	}
	if room := maxLabel - 1 - len(namespace); len(service) > room {
		service = service[:room]
	}
	return service, namespace
}

var statusHost = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// validStatusHost says whether Kubernetes takes a name as the host name in a
// load-balancer status: a DNS subdomain in lower case, and no IP address.
func validStatusHost(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	return len(name) <= 253 && statusHost.MatchString(name)
}
