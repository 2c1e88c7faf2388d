package translate

import (
	"cmp"
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
// generated, in the order in which they are taken: the oldest first. Of those
// of the same second, the one whose name sorts first comes last.
//
// The order decides two things. Of rules that match the same path, the earlier
// one stands first and wins at Avi. Of certificates for the same host, the
// last one is shown (l7.md §8.4).
func ingressesOf(d *deps, s *Settings, host string) []mirror.Object[*akohubv1.Ingress] {
	ings := slices.Clone(d.IngressesOfHost(host))
	if namespace, name, ok := generatedFrom(s, host); ok {
		if ing, ok := d.Ingress(namespace, name); ok && hasRuleWithoutHost(ing.Body) &&
			!slices.ContainsFunc(ings, func(o mirror.Object[*akohubv1.Ingress]) bool { return o.Ref == ing.Ref }) {
			ings = append(ings, ing)
		}
	}
	slices.SortFunc(ings, func(a, b mirror.Object[*akohubv1.Ingress]) int {
		return cmp.Or(
			cmp.Compare(a.Body.GetMeta().GetCreationSeconds(), b.Body.GetMeta().GetCreationSeconds()),
			-compareRefs(a.Ref, b.Ref),
		)
	})
	return ings
}

func hasRuleWithoutHost(ing *akohubv1.Ingress) bool {
	return slices.ContainsFunc(ing.GetRules(), func(r *akohubv1.IngressRule) bool { return r.GetHost() == "" })
}

// claimOf reads what an Ingress wants of the host; nil: nothing that can be
// served, and the fragment's problems say why.
func (b *hostBuilder) claimOf(ing mirror.Object[*akohubv1.Ingress]) *claim {
	if ing.Body.GetMeta().GetDeleting() || !namespaceAccepted(b.d, b.s, ing.Ref.Namespace) {
		return nil
	}
	class, ours, problem := classOf(b.d, ing)
	if problem != nil {
		b.f.Problems = append(b.f.Problems, *problem)
	}
	if !ours || b.unsupported(ing, class) {
		return nil
	}
	if !hostServed(b.s, b.host) {
		b.f.problem(ing.Ref, ing.UID, reasonHostNotServed,
			"host %q is in none of the DNS sub-domains of cloud %q (%s): its rules are skipped",
			b.host, b.s.Cloud, strings.Join(b.s.Domains, ", "))
		return nil
	}
	c := &claim{ing: ing, tenant: namespaceTenant(b.d, b.s, ing.Ref.Namespace), secret: b.secretOf(ing)}
	b.readRules(c)
	if len(c.paths) == 0 {
		return nil
	}
	return c
}

// readRules collects the paths of all rules for the host, in order.
func (b *hostBuilder) readRules(c *claim) {
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
		if len(rule.GetPaths()) == 0 {
			b.f.problem(c.ing.Ref, c.ing.UID, reasonNoPaths,
				"the rule for host %q has no paths: it is skipped", b.host)
			continue
		}
		for _, p := range rule.GetPaths() {
			if p.GetBackend().GetServiceName() == "" {
				b.f.problem(c.ing.Ref, c.ing.UID, reasonUnsupportedBackend,
					"path %q of host %q leads to the resource %q: only Services can be served, the path is skipped",
					p.GetPath(), b.host, p.GetBackend().GetResource())
				continue
			}
			c.paths = append(c.paths, claimPath{
				path:    p.GetPath(),
				exact:   p.GetPathType() == "Exact",
				backend: p.GetBackend(),
			})
		}
	}
}

// unsupported says whether something is asked for that translation does not
// have yet. Rather no objects than wrong ones.
func (b *hostBuilder) unsupported(ing mirror.Object[*akohubv1.Ingress], class mirror.Object[*akohubv1.IngressClass]) bool {
	var what string
	switch {
	case b.s.EVH:
		what = "enhanced virtual hosting (EVH)"
	case b.s.ShardSize == 0:
		what = "dedicated virtual services"
	case isTrue(ing.Body.GetMeta().GetAnnotations()[passthroughAnnotation]):
		what = "TLS passthrough (annotation " + passthroughAnnotation + ")"
	default:
		setting := infraSettingOf(b.d, class, ing.Ref.Namespace)
		if setting == "" {
			return false
		}
		what = "AviInfraSetting " + setting
	}
	b.f.problem(ing.Ref, ing.UID, reasonUnsupportedMode,
		"%s is asked for, which this version of akohub does not serve: nothing is made for the Ingress", what)
	return true
}

// secretOf returns where the certificate of the host is; nil: the host is
// plain (l7.md §8.3). The default certificate by annotation goes before
// spec.tls, whose first entry that lists the host counts.
func (b *hostBuilder) secretOf(ing mirror.Object[*akohubv1.Ingress]) *mirror.Ref {
	if isTrue(ing.Body.GetMeta().GetAnnotations()[enableTLSAnnotation]) {
		return ptr(defaultSecret(b.s))
	}
	var found *mirror.Ref
	for _, tls := range ing.Body.GetTls() {
		if len(tls.GetHosts()) == 0 {
			b.f.problem(ing.Ref, ing.UID, reasonTLSWithoutHosts,
				"an entry of spec.tls (secret %q) lists no hosts: it secures none", tls.GetSecretName())
		}
		if found == nil && slices.Contains(tls.GetHosts(), b.host) {
			found = &mirror.Ref{Kind: kinds.Secret, Namespace: ing.Ref.Namespace, Name: tls.GetSecretName()}
		}
	}
	return found
}

func isTrue(annotation string) bool { return strings.EqualFold(annotation, "true") }
