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

// ingressWeight is the weight of the pool of an Ingress path (l7.md §8.2).
const ingressWeight = 100

// ingressSource is an Ingress as a source of hosts.
type ingressSource struct {
	mirror.Object[*akohubv1.Ingress]
}

func (i ingressSource) from() origin {
	return origin{ref: i.Ref, uid: i.UID, meta: i.Body.GetMeta()}
}

// hosts are those of the rules as written, and the generated one for rules
// without host.
func (i ingressSource) hosts(s *Settings) []string {
	var hosts []string
	for _, rule := range i.Body.GetRules() {
		host := rule.GetHost()
		if host == "" {
			host = generatedHost(s, i.Ref)
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

// ingressesOfHost returns the Ingresses with a rule for the host, as written or
// generated.
func ingressesOfHost(d *deps, s *Settings, host string) []source {
	ings := d.IngressesOfHost(host)
	out := make([]source, 0, len(ings)+1)
	for _, ing := range ings {
		out = append(out, ingressSource{ing})
	}
	if namespace, name, ok := generatedFrom(s, host); ok {
		if ing, ok := d.Ingress(namespace, name); ok && hasRuleWithoutHost(ing.Body) &&
			!slices.ContainsFunc(ings, func(o mirror.Object[*akohubv1.Ingress]) bool { return o.Ref == ing.Ref }) {
			out = append(out, ingressSource{ing})
		}
	}
	return out
}

func hasRuleWithoutHost(ing *akohubv1.Ingress) bool {
	return slices.ContainsFunc(ing.GetRules(), func(r *akohubv1.IngressRule) bool { return r.GetHost() == "" })
}

func (i ingressSource) ours(d *deps) bool {
	_, ours, _ := classOf(d, i.Object)
	return ours
}

func (i ingressSource) admit(b *hostBuilder) bool {
	class, ours, problem := classOf(b.d, i.Object)
	if problem != nil {
		b.f.Problems = append(b.f.Problems, *problem)
	}
	return ours && b.withoutInfraSetting(i.from(), infraSettingOf(b.d, class, i.Ref.Namespace))
}

// withoutInfraSetting says whether an object can be served as far as its
// AviInfraSetting goes; empty: it has none.
func (b *hostBuilder) withoutInfraSetting(o origin, setting string) bool {
	if setting == "" {
		return true
	}
	b.f.problem(o.ref, o.uid, reasonUnsupportedMode,
		"AviInfraSetting %s is asked for, which this version of akohub does not serve: nothing is made for the %s", setting, o.kind())
	return false
}

func (i ingressSource) claim(b *hostBuilder) *claim {
	c := b.newClaim(i.from())
	c.plain = plainRedirected
	if isTrue(i.Body.GetMeta().GetAnnotations()[passthroughAnnotation]) {
		c.passthrough = true
	} else {
		c.tls = i.tls(b)
	}
	i.readRules(b, c)
	return c
}

// readRules collects the paths of all rules for the host, in order. What no
// path of a host matches goes to the default backend.
func (i ingressSource) readRules(b *hostBuilder, c *claim) {
	fallback := i.Body.GetDefaultBackend()
	if fallback != nil && fallback.GetServiceName() == "" {
		b.resourceBackend(c.origin, "spec.defaultBackend", fallback)
		fallback = nil
	}
	generated := generatedHost(b.s, i.Ref)
	for _, rule := range i.Body.GetRules() {
		host := rule.GetHost()
		if host == "" {
			host = generated
		}
		if host != b.host {
			continue
		}
		c.shown = c.shown || rule.GetHost() != ""
		if len(rule.GetPaths()) == 0 && fallback == nil {
			b.problem(c, reasonNoPaths, "the rule for host %q has no paths: it is skipped", b.host)
			continue
		}
		for _, p := range rule.GetPaths() {
			if p.GetBackend().GetServiceName() == "" {
				b.resourceBackend(c.origin, fmt.Sprintf("path %q of host %q", p.GetPath(), b.host), p.GetBackend())
				continue
			}
			c.paths = append(c.paths, claimPath{
				path:     p.GetPath(),
				exact:    p.GetPathType() == "Exact",
				backends: []backend{ingressBackend(p.GetBackend())},
			})
		}
	}
	if fallback != nil && !slices.ContainsFunc(c.paths, claimPath.takesAll) {
		c.paths = append(c.paths, claimPath{backends: []backend{ingressBackend(fallback)}})
	}
	// Wildcard hosts are served but get no status, as with AKO (l7.md §8.1).
	c.shown = c.shown && !strings.HasPrefix(b.host, "*")
}

// resourceBackend tells the owner that what leads to no Service is not served.
// AKO dies of it (l7.md §5.4).
func (b *hostBuilder) resourceBackend(o origin, what string, to *akohubv1.IngressBackend) {
	b.f.problem(o.ref, o.uid, reasonUnsupportedBackend,
		"%s leads to the resource %q: only Services can be served, it is skipped", what, to.GetResource())
}

// tls returns where the certificate of the host is; nil: the host is plain
// (l7.md §8.3). The default certificate by annotation goes before spec.tls,
// whose first entry that lists the host counts.
func (i ingressSource) tls(b *hostBuilder) *claimTLS {
	if isTrue(i.Body.GetMeta().GetAnnotations()[enableTLSAnnotation]) {
		return &claimTLS{secret: defaultSecret(b.s)}
	}
	hosts := i.hosts(b.s)
	var found *claimTLS
	for _, tls := range i.Body.GetTls() {
		if len(tls.GetHosts()) == 0 {
			b.f.problem(i.Ref, i.UID, reasonTLSWithoutHosts,
				"an entry of spec.tls (secret %q) lists no hosts: it secures none", tls.GetSecretName())
		}
		for _, host := range tls.GetHosts() {
			if !slices.Contains(hosts, host) {
				b.f.problem(i.Ref, i.UID, reasonTLSHostWithoutRule,
					"spec.tls lists host %q, which no rule has: nothing is served under it", host)
			}
		}
		if found == nil && slices.Contains(tls.GetHosts(), b.host) {
			found = &claimTLS{secret: i.secretOf(tls)}
		}
	}
	return found
}

// secretOf is the Secret of an entry of spec.tls.
func (i ingressSource) secretOf(tls *akohubv1.IngressTls) mirror.Ref {
	return mirror.Ref{Kind: kinds.Secret, Namespace: i.Ref.Namespace, Name: tls.GetSecretName()}
}

func ingressBackend(b *akohubv1.IngressBackend) backend {
	return backend{
		service: b.GetServiceName(),
		weight:  ingressWeight,
		port:    servicePort{number: b.GetPortNumber(), name: b.GetPortName()},
	}
}

// servicePort is the number or the name of a Service's port, as an Ingress has
// it (l7.md §8.2).
type servicePort struct {
	number int32
	name   string
}

func (p servicePort) text() string {
	if p.number != 0 {
		return itoa(p.number)
	}
	return `"` + p.name + `"`
}

// find takes the first port with the number, or the name. Without one, an
// endpoint slice with a single port still matches (l7.md §19.2).
func (p servicePort) find(svc *akohubv1.Service) (portMatch, string) {
	for _, port := range svc.GetPorts() {
		if p.number != 0 && port.GetPort() != p.number || p.number == 0 && port.GetName() != p.name {
			continue
		}
		m := matchOf(port)
		// A NodePort Service is matched by the name of its port alone.
		if svc.GetType() == serviceTypeNodePort {
			m.TargetNumber, m.TargetName = 0, ""
		}
		return m, ""
	}
	return portMatch{Protocol: protocolTCP, PortName: p.name, Number: p.number}, "has no port " + p.text()
}
