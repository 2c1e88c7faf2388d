package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// routeWeight is the weight of a Route's backend that says none (l7.md §15.1).
const routeWeight = 100

// Values of spec.tls.termination and insecureEdgeTerminationPolicy of a Route.
const (
	terminationEdge        = "edge"
	terminationReencrypt   = "reencrypt"
	terminationPassthrough = "passthrough"

	insecureAllow    = "Allow"
	insecureNone     = "None"
	insecureRedirect = "Redirect"
)

// routeSource is an OpenShift Route as a source of hosts (l7.md §15). It has
// one host and one path. Its wildcard policy is not looked at: the host is
// taken as it reads.
type routeSource struct {
	mirror.Object[*akohubv1.Route]
}

func (r routeSource) from() origin {
	return origin{ref: r.Ref, uid: r.UID, meta: r.Body.GetMeta()}
}

func (r routeSource) hosts(s *Settings) []string {
	host := r.Body.GetHost()
	if host == "" {
		host = subdomainHost(s, r.Body.GetSubdomain())
	}
	if host == "" {
		return nil
	}
	return []string{host}
}

// subdomainHost is the host of a Route that names only a sub-domain of the
// cluster's domain; empty: one of the two is missing (l7.md §15.1).
func subdomainHost(s *Settings, subdomain string) string {
	subdomain, domain := strings.TrimSuffix(subdomain, "."), strings.TrimPrefix(s.DefaultDomain, ".")
	if subdomain == "" || domain == "" {
		return ""
	}
	return subdomain + "." + domain
}

// routesOfHost returns the Routes of a host, as written or by their sub-domain.
func routesOfHost(d *deps, s *Settings, host string) []source {
	var out []source
	for _, r := range d.RoutesOfHost(host) {
		out = append(out, routeSource{r})
	}
	if domain := strings.TrimPrefix(s.DefaultDomain, "."); domain != "" {
		if subdomain, ok := strings.CutSuffix(host, "."+domain); ok {
			for _, r := range d.RoutesOfSubdomain(subdomain) {
				out = append(out, routeSource{r})
			}
		}
	}
	return out
}

// ours: Routes have no class.
func (r routeSource) ours(*deps) bool { return true }

func (r routeSource) admit(b *hostBuilder) bool {
	return b.withoutInfraSetting(r.from(), r.infraSetting(b.d))
}

// infraSetting names the AviInfraSetting that applies to the Route: its own, or
// its namespace's; empty: none (l7.md §6.2).
func (r routeSource) infraSetting(d *deps) string {
	if name := r.Body.GetMeta().GetAnnotations()[infraSettingAnnotation]; name != "" {
		return name
	}
	ns, ok := d.Namespace(r.Ref.Namespace)
	if !ok {
		return ""
	}
	return ns.Body.GetMeta().GetAnnotations()[infraSettingAnnotation]
}

func (r routeSource) claim(b *hostBuilder) *claim {
	c := b.newClaim(r.from())
	c.shown = true
	to, ok := r.backends(b)
	if !ok {
		return nil
	}
	c.paths = []claimPath{{path: r.Body.GetPath(), backends: to}}
	if tls := r.Body.GetTls(); tls != nil && !r.secure(b, c, tls) {
		return nil
	}
	return c
}

// backends returns the Services that the Route leads to. One of which a Service
// is named twice is not served at all, as with AKO (l7.md §15.1).
func (r routeSource) backends(b *hostBuilder) ([]backend, bool) {
	var out []backend
	for _, to := range r.Body.GetBackends() {
		name := to.GetName()
		if name == "" {
			b.f.problem(r.Ref, r.UID, reasonUnsupportedBackend, "a backend of kind %q names no Service: it is skipped", to.GetKind())
			continue
		}
		if slices.ContainsFunc(out, func(o backend) bool { return o.service == name }) {
			b.f.problem(r.Ref, r.UID, reasonSameService,
				"Service %s is named more than once in spec.to and spec.alternateBackends: nothing of this Route is served", name)
			b.refuse(r.from(), reasonSameService)
			return nil, false
		}
		weight := int32(routeWeight)
		if to.Weight != nil {
			weight = to.GetWeight()
		}
		out = append(out, backend{
			service: name,
			weight:  weight,
			port:    targetPort{number: r.Body.GetTargetPortNumber(), name: r.Body.GetTargetPortName()},
		})
	}
	if len(out) == 0 {
		b.f.problem(r.Ref, r.UID, reasonUnsupportedBackend, "the Route leads to no Service: nothing of it is served")
	}
	return out, len(out) > 0
}

// refuse says in a Route's status why it is not served.
func (b *hostBuilder) refuse(o origin, why string) {
	b.f.Publications = append(b.f.Publications, Publication{Object: o.ref, UID: o.uid, Host: b.host, Status: true, Refused: why})
}

// secure reads spec.tls into a claim (l7.md §15.2); false: the Route cannot be
// served with it.
func (r routeSource) secure(b *hostBuilder, c *claim, tls *akohubv1.RouteTls) bool {
	switch tls.GetInsecurePolicy() {
	case insecureAllow:
		c.plain = plainServed
	case insecureNone:
		c.plain = plainRefused
	case insecureRedirect:
		c.plain = plainRedirected
	default:
		c.plain = plainUnsaid
	}
	switch tls.GetTermination() {
	case terminationPassthrough:
		c.passthrough = true
		return true
	case terminationEdge:
	case terminationReencrypt:
		ca := tls.GetDestinationCaCertificate()
		if err := checkCA(ca); ca != "" && err != nil {
			b.problem(c, reasonCertificateInvalid,
				"spec.tls.destinationCACertificate cannot be used: %v; nothing of this Route is served, since its Services could not be checked", err)
			return false
		}
		c.reencrypt = &reencryption{ca: ca}
	default:
		b.problem(c, reasonUnsupportedTermination,
			"spec.tls.termination is %q, not edge, reencrypt or passthrough: nothing of this Route is served", tls.GetTermination())
		return false
	}
	c.tls = r.certificate(b.s, tls)
	return true
}

// certificate is the Route's own, that of the Secret which it names, or else the
// one that hosts share. AKO does not look at the Secret.
func (r routeSource) certificate(s *Settings, tls *akohubv1.RouteTls) *claimTLS {
	switch {
	case tls.GetCertificate() != "" && len(tls.GetKey()) > 0:
		return &claimTLS{
			secret: r.Ref,
			inline: &inlineCertificate{cert: []byte(tls.GetCertificate()), key: tls.GetKey(), ca: tls.GetCaCertificate()},
		}
	case tls.GetExternalCertificate() != "" && !s.DefaultSecretsOnly:
		return &claimTLS{secret: mirror.Ref{Kind: kinds.Secret, Namespace: r.Ref.Namespace, Name: tls.GetExternalCertificate()}}
	}
	return &claimTLS{secret: defaultSecret(s)}
}

// targetPort is spec.port.targetPort of a Route: the number of a target port,
// or the name of a Service's port; neither: the Route says none (l7.md §15.1).
type targetPort struct {
	number int32
	name   string
}

func (p targetPort) text() string {
	switch {
	case p.name != "":
		return `"` + p.name + `"`
	case p.number != 0:
		return itoa(p.number)
	}
	return "(none)"
}

// find looks for the port among those of the Service. What is not found there
// may still be in its endpoint slices: they have the numbers behind the names of
// target ports, and may be made by others than the Service.
func (p targetPort) find(svc *akohubv1.Service) (portMatch, string) {
	ports := svc.GetPorts()
	for _, port := range ports {
		if p.means(port, len(ports) == 1) {
			return matchOf(port), ""
		}
	}
	m := portMatch{Protocol: protocolTCP, PortName: p.name, TargetNumber: p.number}
	named := slices.ContainsFunc(ports, func(port *akohubv1.ServicePort) bool { return port.GetTargetPortName() != "" })
	switch {
	case p.name != "":
		return m, "has no port " + p.text()
	case p.number != 0 && !named:
		return m, "has no target port " + p.text()
	case p.number == 0 && len(ports) > 1:
		return m, fmt.Sprintf("has %d ports, name one in spec.port.targetPort", len(ports))
	}
	return m, ""
}

func (p targetPort) means(port *akohubv1.ServicePort, only bool) bool {
	switch {
	case p.name != "":
		return port.GetName() == p.name
	case p.number != 0:
		return port.GetTargetPortNumber() == p.number
	}
	return only
}

// hostlessRouteUnit tells the owner of a Route without host what is missing.
func hostlessRouteUnit(v mirror.View, s *Settings, k UnitKey) Fragment {
	f := Fragment{Unit: k}
	d := newDeps(v)
	if route, ok := d.Route(k.Namespace, k.Name); ok && s.OpenShift {
		src := routeSource{route}
		b := &hostBuilder{d: d, s: s, f: &f}
		if len(src.hosts(s)) == 0 && b.accept(src) {
			f.problem(route.Ref, route.UID, reasonNoHost,
				"the Route names no host, and a sub-domain needs the registration's default domain: nothing of it is served; name a host")
		}
	}
	f.Deps = d.refs()
	f.sort()
	return f
}
