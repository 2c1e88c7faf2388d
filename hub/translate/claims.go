package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Annotations on an Ingress (l7.md §8.5).
const (
	passthroughAnnotation = "passthrough.ako.vmware.com/enabled"
	enableTLSAnnotation   = "ako.vmware.com/enable-tls"
)

// claim is what one Ingress wants of one host.
type claim struct {
	ing    mirror.Object[*akohubv1.Ingress]
	tenant string
	paths  []claimPath
	// passthrough: connections are handed to the Service as they are.
	passthrough bool
	// secret holds the certificate; nil: the host is plain. Its name is empty
	// where spec.tls names none.
	secret *mirror.Ref
	// written says whether the host stands in a rule as it is; a generated
	// one never reaches the status (l7.md §22.1).
	written bool
}

// claimPath is one path and where it leads.
type claimPath struct {
	path    string
	exact   bool
	backend *akohubv1.IngressBackend
}

// name is the Ingress as "namespace/name".
func (c *claim) name() string { return c.ing.Ref.Namespace + "/" + c.ing.Ref.Name }

// hostsOf returns the hosts of an Ingress: those of its rules as written, and
// the generated one for rules without host. Sorted, no doubles.
func hostsOf(s *Settings, ing mirror.Object[*akohubv1.Ingress]) []string {
	var hosts []string
	for _, rule := range ing.Body.GetRules() {
		host := rule.GetHost()
		if host == "" {
			host = generatedHost(s, ing.Ref)
		}
		if host != "" {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// generatedDomain is the sub-domain of generated hosts: the cloud's first.
// The default domain is not considered (l7.md §8.1).
func generatedDomain(s *Settings) string {
	if len(s.Domains) == 0 {
		return ""
	}
	return strings.TrimPrefix(s.Domains[0], ".")
}

// generatedHost is the host of rules that name none; empty: the cloud has no
// DNS sub-domain to put it in.
func generatedHost(s *Settings, ing mirror.Ref) string {
	domain := generatedDomain(s)
	if domain == "" {
		return ""
	}
	return ing.Name + "." + ing.Namespace + "." + domain
}

// generatedFrom is the inverse of generatedHost: the Ingress that a host may
// have been generated for. A namespace has no dots, so the last label before
// the domain is it.
func generatedFrom(s *Settings, host string) (namespace, name string, ok bool) {
	domain := generatedDomain(s)
	if domain == "" {
		return "", "", false
	}
	rest, ok := strings.CutSuffix(host, "."+domain)
	if !ok {
		return "", "", false
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot <= 0 || dot == len(rest)-1 {
		return "", "", false
	}
	return rest[dot+1:], rest[:dot], true
}

// hostServed says whether the cloud has a DNS sub-domain for the host; a cloud
// without DNS profile takes all. The test is on the plain suffix, as AKO's
// (l7.md §8.1): a stricter one would take hosts away.
func hostServed(s *Settings, host string) bool {
	if len(s.Domains) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Domains, func(d string) bool { return strings.HasSuffix(host, d) })
}

// ingressesOf returns the Ingresses with a rule for the host, as written or
// generated, the oldest first.
func ingressesOf(d *deps, s *Settings, host string) []mirror.Object[*akohubv1.Ingress] {
	ings := slices.Clone(d.IngressesOfHost(host))
	if namespace, name, ok := generatedFrom(s, host); ok {
		if ing, ok := d.Ingress(namespace, name); ok && hasRuleWithoutHost(ing.Body) &&
			!slices.ContainsFunc(ings, func(o mirror.Object[*akohubv1.Ingress]) bool { return o.Ref == ing.Ref }) {
			ings = append(ings, ing)
		}
	}
	slices.SortFunc(ings, byAge)
	return ings
}

func hasRuleWithoutHost(ing *akohubv1.Ingress) bool {
	return slices.ContainsFunc(ing.GetRules(), func(r *akohubv1.IngressRule) bool { return r.GetHost() == "" })
}

// serves says whether an Ingress is ours to serve: it stays, its namespace is
// admitted, and its class is ours.
func serves(d *deps, s *Settings, ing mirror.Object[*akohubv1.Ingress]) bool {
	if ing.Body.GetMeta().GetDeleting() || !namespaceAccepted(d, s, ing.Ref.Namespace) {
		return false
	}
	_, ours, _ := classOf(d, ing)
	return ours
}

// accept says whether an Ingress is ours and can be served, and tells its owner
// if not.
func (b *hostBuilder) accept(ing mirror.Object[*akohubv1.Ingress]) bool {
	if ing.Body.GetMeta().GetDeleting() || !namespaceAccepted(b.d, b.s, ing.Ref.Namespace) {
		return false
	}
	class, ours, problem := classOf(b.d, ing)
	if problem != nil {
		b.f.Problems = append(b.f.Problems, *problem)
	}
	if !ours {
		return false
	}
	if setting := infraSettingOf(b.d, class, ing.Ref.Namespace); setting != "" {
		b.f.problem(ing.Ref, ing.UID, reasonUnsupportedMode,
			"AviInfraSetting %s is asked for, which this version of akohub does not serve: nothing is made for the Ingress", setting)
		return false
	}
	return true
}

// claimOf reads what an Ingress wants of the host; nil: nothing that can be
// served, and the fragment's problems say why.
func (b *hostBuilder) claimOf(ing mirror.Object[*akohubv1.Ingress]) *claim {
	if !b.accept(ing) {
		return nil
	}
	if !hostServed(b.s, b.host) {
		b.f.problem(ing.Ref, ing.UID, reasonHostNotServed,
			"host %q is in none of the DNS sub-domains of cloud %q (%s): its rules are skipped",
			b.host, b.s.Cloud, strings.Join(b.s.Domains, ", "))
		return nil
	}
	c := &claim{ing: ing, tenant: namespaceTenant(b.d, b.s, ing.Ref.Namespace)}
	if isTrue(ing.Body.GetMeta().GetAnnotations()[passthroughAnnotation]) {
		c.passthrough = true
	} else {
		c.secret = b.secretOf(ing)
	}
	b.readRules(c)
	if len(c.paths) == 0 {
		return nil
	}
	return c
}

// readRules collects the paths of all rules for the host, in order. What no
// path of a host matches goes to the default backend.
func (b *hostBuilder) readRules(c *claim) {
	fallback := c.ing.Body.GetDefaultBackend()
	if fallback != nil && fallback.GetServiceName() == "" {
		b.resourceBackend(c.ing, "spec.defaultBackend", fallback)
		fallback = nil
	}
	generated := generatedHost(b.s, c.ing.Ref)
	for _, rule := range c.ing.Body.GetRules() {
		host := rule.GetHost()
		if host == "" {
			host = generated
		}
		if host != b.host {
			continue
		}
		c.written = c.written || rule.GetHost() != ""
		if len(rule.GetPaths()) == 0 && fallback == nil {
			b.f.problem(c.ing.Ref, c.ing.UID, reasonNoPaths,
				"the rule for host %q has no paths: it is skipped", b.host)
			continue
		}
		for _, p := range rule.GetPaths() {
			if p.GetBackend().GetServiceName() == "" {
				b.resourceBackend(c.ing, fmt.Sprintf("path %q of host %q", p.GetPath(), b.host), p.GetBackend())
				continue
			}
			c.paths = append(c.paths, claimPath{
				path:    p.GetPath(),
				exact:   p.GetPathType() == "Exact",
				backend: p.GetBackend(),
			})
		}
	}
	if fallback != nil && !slices.ContainsFunc(c.paths, claimPath.takesAll) {
		c.paths = append(c.paths, claimPath{backend: fallback})
	}
}

// takesAll says whether every request matches the path.
func (p claimPath) takesAll() bool { return p.path == "" || p.path == "/" && !p.exact }

// resourceBackend tells the owner that what leads to no Service is not served.
// AKO dies of it (l7.md §5.4).
func (b *hostBuilder) resourceBackend(ing mirror.Object[*akohubv1.Ingress], what string, backend *akohubv1.IngressBackend) {
	b.f.problem(ing.Ref, ing.UID, reasonUnsupportedBackend,
		"%s leads to the resource %q: only Services can be served, it is skipped", what, backend.GetResource())
}

// secretOf returns where the certificate of the host is; nil: the host is
// plain (l7.md §8.3). The default certificate by annotation goes before
// spec.tls, whose first entry that lists the host counts.
func (b *hostBuilder) secretOf(ing mirror.Object[*akohubv1.Ingress]) *mirror.Ref {
	if isTrue(ing.Body.GetMeta().GetAnnotations()[enableTLSAnnotation]) {
		return ptr(defaultSecret(b.s))
	}
	hosts := hostsOf(b.s, ing)
	var found *mirror.Ref
	for _, tls := range ing.Body.GetTls() {
		if len(tls.GetHosts()) == 0 {
			b.f.problem(ing.Ref, ing.UID, reasonTLSWithoutHosts,
				"an entry of spec.tls (secret %q) lists no hosts: it secures none", tls.GetSecretName())
		}
		for _, host := range tls.GetHosts() {
			if !slices.Contains(hosts, host) {
				b.f.problem(ing.Ref, ing.UID, reasonTLSHostWithoutRule,
					"spec.tls lists host %q, which no rule has: nothing is served under it", host)
			}
		}
		if found == nil && slices.Contains(tls.GetHosts(), b.host) {
			found = ptr(tlsSecret(ing, tls))
		}
	}
	return found
}

// tlsSecret is the Secret of an entry of spec.tls.
func tlsSecret(ing mirror.Object[*akohubv1.Ingress], tls *akohubv1.IngressTls) mirror.Ref {
	return mirror.Ref{Kind: kinds.Secret, Namespace: ing.Ref.Namespace, Name: tls.GetSecretName()}
}

func isTrue(annotation string) bool { return strings.EqualFold(annotation, "true") }
