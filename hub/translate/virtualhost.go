package translate

import (
	"slices"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
)

// virtualHost is a host that has a virtual service to itself: a child of a
// shared one, or a dedicated one.
type virtualHost struct {
	tenant string
	// name is that of the virtual service.
	name string
	// claims are those that are served, in the order in which they are taken.
	claims []*claim
	routes []route
	// certs are shown for the host, the alternate last; none: it is plain.
	certs []*models.SSLKeyAndCertificate
	// ca is the authority above the first of them; nil: none is told.
	ca *models.SSLKeyAndCertificate
	// showing is the claim that the certificates are of.
	showing *claim
	// plain is what becomes of plain requests, decides the claim that says so;
	// it matters only with certificates.
	plain   plainRequests
	decides *claim
	from    []mirror.Ref
}

// secure says whether the host has a certificate.
func (vh *virtualHost) secure() bool { return len(vh.certs) > 0 }

// last is the claim that metadata name the namespace of (l7.md §3.5).
func (vh *virtualHost) last() *claim { return vh.claims[len(vh.claims)-1] }

// byAge are the claims, the oldest first.
func (vh *virtualHost) byAge() []*claim {
	out := slices.Clone(vh.claims)
	slices.SortFunc(out, func(x, y *claim) int { return byAge(x.origin, y.origin) })
	return out
}

// virtualHost puts together what the claims on a host want of a virtual
// service, and builds what hangs on it but the certificates. It returns nil if
// nothing is to be served: there is no claim, or none of their certificates
// can be used.
func (b *hostBuilder) virtualHost(tenant, name string, claims []*claim) *virtualHost {
	usable, cert := b.secured(claims)
	var served []*claim
	plain := false
	for _, c := range claims {
		secured := slices.Contains(usable, c)
		// A virtual service that serves plain hosts too goes on doing so without
		// a certificate.
		if secured || c.tls == nil || c.servesPlain() && b.ownService() {
			served = append(served, c)
			plain = plain || !secured
		}
	}
	if len(served) == 0 || b.tooLong(served[len(served)-1], name) {
		return nil
	}
	vh := &virtualHost{tenant: tenant, name: name, claims: served}
	if cert != nil {
		vh.certs, vh.ca, vh.showing = cert.certs, cert.ca, cert.claim
		vh.plain, vh.decides = decision(usable)
		if cert.disputed || plain {
			vh.claims = inTurn(served, cert.claim)
		}
	}
	b.reportDuplicates(vh.byAge(), pathKey)
	for _, c := range vh.claims {
		vh.from = append(vh.from, c.ref)
		vh.routes = append(vh.routes, b.pathPools(c, vh.secure())...)
	}
	return vh
}

// ownService says whether plain hosts have a virtual service of their own too.
func (b *hostBuilder) ownService() bool { return b.s.EVH || dedicated(b.s) }

// decision returns what becomes of plain requests for a host on which several
// claims have certificates, and the oldest claim that has it so: a redirect goes
// before a refusal, and that before all else.
func decision(secured []*claim) (plainRequests, *claim) {
	decides := secured[0]
	for _, c := range secured[1:] {
		if c.plain > decides.plain {
			decides = c
		}
	}
	return decides.plain, decides
}

// inTurn puts the claim that decides about TLS last. That is how AKO leaves the
// rules when that Ingress is the one that it looked at last.
func inTurn(claims []*claim, decides *claim) []*claim {
	out := slices.DeleteFunc(slices.Clone(claims), func(c *claim) bool { return c == decides })
	return append(out, decides)
}

// addVirtualHost adds the virtual service of a host and its certificates, and
// says that the claims are served by it at the address of a VsVip.
func (b *hostBuilder) addVirtualHost(vh *virtualHost, vs *models.VirtualService, vsVip string) {
	if vh.secure() {
		b.addCertificates(vh)
	}
	b.add(vh.tenant, typeVirtualService, vh.name, vs, vh.from...)
	for _, c := range vh.claims {
		b.publish(c, Key{Tenant: vh.tenant, Type: typeVirtualService, Name: vh.name}, vsVip)
	}
}

// addCertificates adds the certificates of the host, or the host's part of the
// default certificate, which hosts share.
func (b *hostBuilder) addCertificates(vh *virtualHost) {
	if !b.usesDefaultCert(vh.showing) {
		for _, cert := range vh.certs {
			b.add(vh.tenant, typeCertificate, *cert.Name, cert, vh.showing.ref)
		}
		if vh.ca != nil {
			b.add(vh.tenant, typeCertificate, *vh.ca.Name, vh.ca, vh.showing.ref)
		}
		return
	}
	b.f.Contributions = append(b.f.Contributions, Contribution{
		Parent:       ParentKey{Tenant: vh.tenant, Name: defaultCertName(b.s, false)},
		Unit:         b.f.Unit,
		Certificates: vh.certs,
		From:         []mirror.Ref{vh.showing.ref},
	})
}

// virtualService is what child and dedicated virtual services have in common
// (l7.md §17.1–§17.4).
func (b *hostBuilder) virtualService(vh *virtualHost, policies []string) *models.VirtualService {
	var ingresses []string
	for _, c := range vh.claims {
		ingresses = append(ingresses, c.name())
	}
	slices.Sort(ingresses)
	namespace := vh.last().ref.Namespace
	meta := serviceMetadata{NamespaceIngressName: ingresses, Namespace: namespace, HostNames: []string{b.host}}
	if b.s.EVH {
		meta.HostNamespaceIngressName = map[string][]string{b.host: ingresses}
	}
	vs := &models.VirtualService{
		Name:              &vh.name,
		CreatedBy:         ptr(b.s.CreatedBy()),
		CloudRef:          ref("cloud", b.s.Cloud),
		NetworkProfileRef: ref("networkprofile", "System-TCP-Proxy"),
		SeGroupRef:        ref("serviceenginegroup", b.s.SEGroup),
		EastWestPlacement: ptr(false),
		Markers:           markers(b.s, mark(markerNamespace, namespace), b.hostMarker(vh)),
		ServiceMetadata:   meta.text(),
	}
	for i, name := range policies {
		vs.HTTPPolicies = append(vs.HTTPPolicies, &models.HTTPPolicies{
			Index:            ptr(int32(firstPolicyIndex + i)),
			HTTPPolicySetRef: ref(typeHTTPPolicySet, name),
		})
	}
	if b.s.EVH {
		vs.MinPoolsUp = ptr(uint32(1))
	}
	return vs
}

// hostMarker marks the virtual service of a host and its routing. A plain host
// that AKO gives a virtual service of its own has no such mark, unless the mode
// is EVH.
func (b *hostBuilder) hostMarker(vh *virtualHost) marker {
	if !vh.secure() && !b.s.EVH {
		return mark(markerHost)
	}
	return mark(markerHost, b.host)
}

// asChild makes a virtual service the child of a shared one. Unlike its parent
// it keeps the VRF beside a tier-1 router.
func (b *hostBuilder) asChild(vs *models.VirtualService, parent string) {
	vs.Type = ptr("VS_TYPE_VH_CHILD")
	vs.IgnPoolNetReach = ptr(false)
	vs.VhParentVsRef = ref(typeVirtualService, parent)
	if b.s.VRF != "" {
		vs.VrfContextRef = ref("vrfcontext", b.s.VRF)
	}
}

// sniChild builds the child virtual service of a host with a certificate and
// all that hangs on it (l7.md §10).
func (b *hostBuilder) sniChild(vh *virtualHost, parent string) *models.VirtualService {
	vs := b.virtualService(vh, b.routing(vh))
	b.asChild(vs, parent)
	vs.ApplicationProfileRef = ref("applicationprofile", "System-Secure-HTTP")
	vs.VhDomainName = []string{b.host}
	vs.SslKeyAndCertificateRefs = certificateRefs(vh.certs)
	return vs
}

// enhancedChild builds the child of an EVH parent. It takes all paths of its
// host, and redirects to HTTPS by itself (l7.md §12.2).
func (b *hostBuilder) enhancedChild(vh *virtualHost, parent string) *models.VirtualService {
	policies := b.addPlainPolicy(vh)
	vs := b.virtualService(vh, append(policies, b.routing(vh)...))
	b.asChild(vs, parent)
	vs.ApplicationProfileRef = ref("applicationprofile", "System-HTTP")
	vs.VhType = ptr(vhEnhanced)
	vs.VhMatches = []*models.VHMatch{{
		Host: ptr(b.host),
		Rules: []*models.VHMatchRule{{
			Name: ptr("VHMATCHRULENAME"),
			Matches: &models.MatchTarget{Path: &models.PathMatch{
				MatchCriteria: ptr("BEGINS_WITH"),
				MatchCase:     ptr("SENSITIVE"),
				MatchStr:      []string{"/"},
			}},
		}},
	}}
	return vs
}

// dedicatedService builds the virtual service that a host has to itself: it
// listens to HTTPS only with a certificate (l7.md §11, §13).
func (b *hostBuilder) dedicatedService(vh *virtualHost) *models.VirtualService {
	policies := b.routing(vh)
	// As AKO has them: the redirect comes with the first of the Ingresses. A
	// refusal comes before all routing.
	at := min(1, len(policies))
	if vh.plain == plainRefused {
		at = 0
	}
	policies = slices.Insert(policies, at, b.addPlainPolicy(vh)...)
	vs := b.virtualService(vh, policies)
	vs.Type = ptr("VS_TYPE_NORMAL")
	vs.TenantRef = ref("tenant", vh.tenant)
	vs.VsvipRef = ref(typeVsVip, vh.name)
	vs.Services = []*models.Service{service(b.s, 80, false)}
	vs.ApplicationProfileRef = ref("applicationprofile", "System-HTTP")
	if vh.secure() {
		vs.Services = append(vs.Services, service(b.s, 443, true))
		vs.ApplicationProfileRef = ref("applicationprofile", "System-Secure-HTTP")
		vs.SslKeyAndCertificateRefs = certificateRefs(vh.certs)
	}
	placeParent(b.s, vs)
	return vs
}

// addPlainPolicy adds the policy set, named like the virtual service, that sends
// the host's plain requests to HTTPS, or refuses them; it returns its name. Where
// plain requests are served there is none.
func (b *hostBuilder) addPlainPolicy(vh *virtualHost) []string {
	if !vh.secure() || vh.plain != plainRedirected && vh.plain != plainRefused {
		return nil
	}
	set := policySet(b.s, vh.name, vh.tenant, nil,
		markers(b.s, mark(markerNamespace, vh.last().ref.Namespace), mark(markerHost, b.host)))
	if vh.plain == plainRedirected {
		set.HTTPRequestPolicy.Rules = redirectRules(vh.name, []string{b.host})
	} else {
		set.HTTPSecurityPolicy.Rules = refusalRules(vh.name)
	}
	b.add(vh.tenant, typeHTTPPolicySet, vh.name, set, vh.from...)
	var plain []*claim
	for _, c := range vh.claims {
		// An Ingress without a certificate is served with those that have one.
		if c.servesPlain() && c.isRoute() {
			plain = append(plain, c)
		}
	}
	b.reportUnreached(plain, vh)
	return []string{vh.name}
}

// refusalRules close connections to port 80 (l7.md §12.2, §18).
func refusalRules(policySet string) []*models.HttpsecurityRule {
	return []*models.HttpsecurityRule{{
		Index:  ptr(int32(0)),
		Name:   ptr(ruleName(policySet, 0)),
		Enable: ptr(true),
		Match:  &models.MatchTarget{VsPort: &models.PortMatch{MatchCriteria: ptr("IS_IN"), Ports: []int64{80}}},
		Action: &models.HttpsecurityAction{Action: ptr("HTTP_SECURITY_ACTION_CLOSE_CONN")},
	}}
}

func certificateRefs(certs []*models.SSLKeyAndCertificate) []string {
	var out []string
	for _, cert := range certs {
		out = append(out, refTo(typeCertificate, *cert.Name))
	}
	return out
}
