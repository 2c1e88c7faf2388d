package translate

import (
	"slices"
	"strings"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// claim is what one Ingress or Route wants of one host.
type claim struct {
	origin
	tenant string
	paths  []claimPath
	// passthrough: connections are handed to the Service as they are.
	passthrough bool
	// tls is where the host's certificate comes from; nil: the host is plain.
	tls *claimTLS
	// plain is what becomes of plain requests where the claim has a certificate
	// or is passed through.
	plain plainRequests
	// reencrypt: the Services are spoken to over TLS; nil: they aren't.
	reencrypt *reencryption
	// shown says whether the host is told in status and annotations; a host
	// that AKO generates for an Ingress never is (l7.md §22.1).
	shown bool
}

// claimPath is one path and where it leads.
type claimPath struct {
	path  string
	exact bool
	// backends share the requests by weight. An Ingress has one.
	backends []backend
}

// backend is a Service and the port that is meant.
type backend struct {
	service string
	// weight is that of the Service among those of its path.
	weight int32
	port   wantedPort
}

// wantedPort is how an object says which port of a Service it means.
type wantedPort interface {
	// find returns the port of a Service. If there is none that is meant, what
	// is known goes on, and why is what to tell the owner.
	find(svc *akohubv1.Service) (port portMatch, why string)
	// text is the port as people write it.
	text() string
}

// plainRequests says what becomes of requests to port 80 of a host whose TLS is
// served (l7.md §15.2).
type plainRequests int

const (
	// plainUnsaid: nothing is made for them. What is there by itself answers.
	plainUnsaid plainRequests = iota
	// plainServed: they are served as well.
	plainServed
	// plainRefused: they are refused.
	plainRefused
	// plainRedirected: they are sent to HTTPS, as always with an Ingress.
	plainRedirected
)

// claimTLS is where a certificate comes from.
type claimTLS struct {
	// secret holds it. Its name is empty where spec.tls of an Ingress names
	// none. For a certificate that stands in a Route it is only a name, by which
	// AKO tells certificates apart.
	secret mirror.Ref
	// inline is a Route's own certificate; nil: see secret.
	inline *inlineCertificate
}

// inlineCertificate is a certificate that stands in a Route, PEM.
type inlineCertificate struct {
	cert, key []byte
	// ca is the chain above the certificate; it may be empty.
	ca string
}

// reencryption is how Services are spoken to over TLS.
type reencryption struct {
	// ca is what their certificates are checked by, PEM; empty: they aren't.
	ca string
}

// takesAll says whether every request matches the path.
func (p claimPath) takesAll() bool { return p.path == "" || p.path == "/" && !p.exact }

// servesPlain says whether the claim has plain requests served.
func (c *claim) servesPlain() bool { return c.tls == nil || c.plain == plainServed }

// claimOf reads what an object wants of the host; nil: nothing that can be
// served, and the fragment's problems say why.
func (b *hostBuilder) claimOf(src source) *claim {
	if !b.accept(src) {
		return nil
	}
	if !hostServed(b.s, b.host) {
		o := src.from()
		b.f.problem(o.ref, o.uid, reasonHostNotServed,
			"host %q is in none of the DNS sub-domains of cloud %q (%s): the %s is not served under it",
			b.host, b.s.Cloud, strings.Join(b.s.Domains, ", "), o.kind())
		return nil
	}
	c := src.claim(b)
	if c == nil || len(c.paths) == 0 {
		return nil
	}
	return c
}

// newClaim starts an object's claim.
func (b *hostBuilder) newClaim(o origin) *claim {
	return &claim{origin: o, tenant: namespaceTenant(b.d, b.s, o.ref.Namespace)}
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

func isTrue(annotation string) bool { return strings.EqualFold(annotation, "true") }

// servers returns the servers of a backend. A Service that is missing or
// cannot be served has none; its pool is made all the same.
func (b *hostBuilder) servers(c *claim, to backend) []*models.Server {
	name := c.ref.Namespace + "/" + to.service
	svc, ok := b.d.Service(c.ref.Namespace, to.service)
	if !ok {
		b.problem(c, reasonServiceMissing, "Service %s does not exist: %s has no servers from it until it does", name, b.what())
		return nil
	}
	if !servedByHosts(b.s, svc.Body) {
		b.problem(c, reasonUnsupportedBackend, "Service %s is of type %s, which %s %s cannot lead to: %s has no servers from it",
			name, svc.Body.GetType(), article(c.kind()), c.kind(), b.what())
		return nil
	}
	port, why := to.port.find(svc.Body)
	if why != "" {
		b.problem(c, reasonPortMissing, "%s: Service %s %s", b.what(), name, why)
	}
	if why == "" && b.s.ServiceType == serviceTypeNodePort && nodePortOf(svc.Body, port) == 0 {
		b.problem(c, reasonNoNodePort,
			"%s: port %s of Service %s has no node port, through which the cluster's backends are reached: it has no servers from it; make the Service one of type NodePort",
			b.what(), to.port.text(), name)
	}
	return buildServers(b.d, b.s, c.ref.Namespace, to.service, port)
}

// servedByHosts says whether an Ingress or Route may lead to a Service of this
// type (l7.md §1.5, §19.2).
func servedByHosts(s *Settings, svc *akohubv1.Service) bool {
	switch svc.GetType() {
	case "ExternalName":
		return false
	case serviceTypeLoadBalancer:
		return s.Layer7Only || s.ServiceType == serviceTypeNodePort || s.ServiceType == serviceTypeNodePortLocal
	}
	return true
}

// problem tells the owner of a claim.
func (b *hostBuilder) problem(c *claim, reason, format string, args ...any) {
	b.f.problem(c.ref, c.uid, reason, format, args...)
}

func article(noun string) string {
	if strings.ContainsRune("AEIOU", rune(noun[0])) {
		return "an"
	}
	return "a"
}
