package translate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Keys of a Secret's data. The Secret's type is not looked at, and ca.crt is
// not used (l7.md §16).
const (
	tlsCertKey = "tls.crt"
	tlsKeyKey  = "tls.key"
	altCertKey = "alt.crt"
	altKeyKey  = "alt.key"
)

const (
	certTypeVirtualService = "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE"
	certTypeCA             = "SSL_CERTIFICATE_TYPE_CA"
)

// altSuffix ends the name of an alternate certificate.
const altSuffix = "-alt"

// checkPair says whether a certificate chain and a private key, both PEM,
// parse and belong together. The error never contains any of the key.
func checkPair(cert, key []byte) error {
	switch {
	case len(cert) == 0:
		return errors.New("there is no certificate")
	case len(key) == 0:
		return errors.New("there is no private key")
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "tls: "))
	}
	return nil
}

// checkCA says whether a text is certificates in PEM, and nothing but.
func checkCA(text string) error {
	rest := []byte(text)
	found := false
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("it holds a %s", block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return errors.New(strings.TrimPrefix(err.Error(), "x509: "))
		}
		found = true
	}
	if !found {
		return errors.New("it holds no certificate in PEM")
	}
	return nil
}

// certificates returns what a claim has its host show, or nil if the host cannot
// be served for it (l7.md §16).
func (b *hostBuilder) certificates(c *claim) *shown {
	if c.tls.inline != nil {
		return b.inlineCertificates(c)
	}
	secret := c.tls.secret
	if secret.Name == "" {
		b.problem(c, reasonSecretMissing, "spec.tls names no Secret for %s, which is not served over TLS", b.what())
		return nil
	}
	name := secret.Namespace + "/" + secret.Name
	found, ok := b.d.Secret(secret.Namespace, secret.Name)
	if !ok {
		b.problem(c, reasonSecretMissing, "Secret %s does not exist: %s is not served over TLS until it does", name, b.what())
		return nil
	}
	data := found.Body.GetData()
	if err := checkPair(data[tlsCertKey], data[tlsKeyKey]); err != nil {
		b.problem(c, reasonCertificateInvalid,
			"Secret %s (%s, %s) cannot be used: %v; %s is not served over TLS", name, tlsCertKey, tlsKeyKey, err, b.what())
		return nil
	}
	certName, altName := b.certificateNames(c)
	show := &shown{claim: c, certs: []*models.SSLKeyAndCertificate{b.certificate(c, certName, data[tlsCertKey], data[tlsKeyKey])}}
	if alt := b.alternate(c, found, name); alt && altName != certName && !b.tooLong(c, altName) {
		show.certs = append(show.certs, b.certificate(c, altName, data[altCertKey], data[altKeyKey]))
	}
	return show
}

// inlineCertificates are those that stand in a Route. An authority that cannot
// be used is left out and told of.
func (b *hostBuilder) inlineCertificates(c *claim) *shown {
	own := c.tls.inline
	if err := checkPair(own.cert, own.key); err != nil {
		b.problem(c, reasonCertificateInvalid,
			"certificate and key in spec.tls cannot be used: %v; %s is not served over TLS", err, b.what())
		return nil
	}
	certName, _ := b.certificateNames(c)
	cert := b.certificate(c, certName, own.cert, own.key)
	show := &shown{claim: c, certs: []*models.SSLKeyAndCertificate{cert}}
	if own.ca == "" {
		return show
	}
	if err := checkCA(own.ca); err != nil {
		b.problem(c, reasonCertificateInvalid, "spec.tls.caCertificate cannot be used: %v; %s goes without it", err, b.what())
		return show
	}
	name := caCertName(b.s, b.host)
	if b.tooLong(c, name) {
		return show
	}
	cert.CaCerts = []*models.CertificateAuthority{{Name: &name, CaRef: ref(typeCertificate, name)}}
	show.ca = b.certificate(c, name, []byte(own.ca), nil)
	show.ca.Type = ptr(certTypeCA)
	return show
}

// alternate says whether a Secret holds an alternate certificate that can be
// used; a bad one is left out and told of.
func (b *hostBuilder) alternate(c *claim, secret mirror.Object[*akohubv1.Secret], name string) bool {
	data := secret.Body.GetData()
	if len(data[altCertKey]) == 0 || len(data[altKeyKey]) == 0 {
		return false
	}
	if err := checkPair(data[altCertKey], data[altKeyKey]); err != nil {
		b.problem(c, reasonCertificateInvalid,
			"the alternate certificate in Secret %s (%s, %s) cannot be used: %v; %s goes without it",
			name, altCertKey, altKeyKey, err, b.what())
		return false
	}
	return true
}

// defaultSecret is where the certificate is that hosts share.
func defaultSecret(s *Settings) mirror.Ref {
	return mirror.Ref{Kind: kinds.Secret, Namespace: s.SystemNamespace, Name: defaultSecretName}
}

// usesDefaultCert says whether a claim uses the certificate that hosts share.
// AKO goes by the Secret's name alone, which lets any namespace replace the
// certificate of all others.
func (b *hostBuilder) usesDefaultCert(c *claim) bool { return c.tls.secret == defaultSecret(b.s) }

// certificateNames names a claim's certificates. A Secret whose own name ends
// in -alt gives the alternate's name to its first one, and so does a Route with a
// certificate of its own (l7.md §2.4).
func (b *hostBuilder) certificateNames(c *claim) (cert, alt string) {
	switch {
	case b.usesDefaultCert(c):
		return defaultCertName(b.s, false), defaultCertName(b.s, true)
	case b.own != "":
		return b.own, b.own + altSuffix
	case strings.HasSuffix(c.tls.secret.Name, altSuffix):
		return altCertName(b.s, b.host), altCertName(b.s, b.host)
	}
	return childName(b.s, b.host), altCertName(b.s, b.host)
}

func (b *hostBuilder) certificate(c *claim, name string, cert, key []byte) *models.SSLKeyAndCertificate {
	host := []marker{mark(markerHost, b.host)}
	if b.usesDefaultCert(c) {
		host = nil
	}
	return &models.SSLKeyAndCertificate{
		Name:        &name,
		TenantRef:   ref("tenant", c.tenant),
		CreatedBy:   ptr(b.s.CreatedBy()),
		Type:        ptr(certTypeVirtualService),
		Certificate: &models.SSLCertificate{Certificate: ptr(string(cert))},
		Key:         ptr(string(key)),
		Markers:     markers(b.s, host...),
	}
}

// shown are the certificates that a host shows.
type shown struct {
	// claim is the one that brought them: the oldest whose can be used.
	claim *claim
	// certs are the host's own, the alternate last.
	certs []*models.SSLKeyAndCertificate
	// ca is the authority above the first of them; nil: none is told.
	ca *models.SSLKeyAndCertificate
	// disputed: another claim brings other ones.
	disputed bool
}

// secured returns the claims whose certificates can be used, and what the host
// shows; nil: no certificate. Where claims bring different ones, the oldest
// claim's are shown, and the owners of the others are told. AKO shows those of
// the Ingress or Route that it looked at last (l7.md §8.4).
func (b *hostBuilder) secured(claims []*claim) ([]*claim, *shown) {
	var usable []*claim
	var show *shown
	for _, c := range claims {
		if c.tls == nil {
			continue
		}
		own := b.certificates(c)
		if own == nil {
			continue
		}
		usable = append(usable, c)
		switch {
		case show == nil:
			show = own
		case !sameCertificates(own, show):
			show.disputed = true
			b.problem(c, reasonCertificateClash,
				"host %q shows the certificate of the older %s, not that of %s, until that one goes", b.host, show.claim.title(), c.tls.text())
		}
	}
	return usable, show
}

// text is where the certificate comes from, as people call it.
func (t *claimTLS) text() string {
	if t.inline != nil {
		return "spec.tls"
	}
	return "Secret " + t.secret.Namespace + "/" + t.secret.Name
}

// sameCertificates says whether two claims' certificates come to the same.
func sameCertificates(a, b *shown) bool {
	same := func(x, y *models.SSLKeyAndCertificate) bool {
		return *x.Name == *y.Name && *x.Certificate.Certificate == *y.Certificate.Certificate && *x.Key == *y.Key
	}
	return slices.EqualFunc(a.certs, b.certs, same) && (a.ca == nil) == (b.ca == nil) && (a.ca == nil || same(a.ca, b.ca))
}
