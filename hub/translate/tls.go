package translate

import (
	"crypto/tls"
	"errors"
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

const certTypeVirtualService = "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE"

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

// certificates returns the certificates of a claim, the alternate one last,
// or false if the host cannot be served for this Ingress (l7.md §16).
func (b *hostBuilder) certificates(c *claim) ([]*models.SSLKeyAndCertificate, bool) {
	if c.secret.Name == "" {
		b.f.problem(c.ing.Ref, c.ing.UID, reasonSecretMissing,
			"spec.tls names no Secret for %s, which is not served over TLS", b.what())
		return nil, false
	}
	name := c.secret.Namespace + "/" + c.secret.Name
	secret, ok := b.d.Secret(c.secret.Namespace, c.secret.Name)
	if !ok {
		b.f.problem(c.ing.Ref, c.ing.UID, reasonSecretMissing,
			"Secret %s does not exist: %s is not served over TLS until it does", name, b.what())
		return nil, false
	}
	data := secret.Body.GetData()
	if err := checkPair(data[tlsCertKey], data[tlsKeyKey]); err != nil {
		b.f.problem(c.ing.Ref, c.ing.UID, reasonCertificateInvalid,
			"Secret %s (%s, %s) cannot be used: %v; %s is not served over TLS", name, tlsCertKey, tlsKeyKey, err, b.what())
		return nil, false
	}
	certName, altName := b.certificateNames(c)
	certs := []*models.SSLKeyAndCertificate{b.certificate(c, certName, data[tlsCertKey], data[tlsKeyKey])}
	if alt := b.alternate(c, secret, name); alt && altName != certName && !b.tooLong(c, altName) {
		certs = append(certs, b.certificate(c, altName, data[altCertKey], data[altKeyKey]))
	}
	return certs, true
}

// alternate says whether a Secret holds an alternate certificate that can be
// used; a bad one is left out and told of.
func (b *hostBuilder) alternate(c *claim, secret mirror.Object[*akohubv1.Secret], name string) bool {
	data := secret.Body.GetData()
	if len(data[altCertKey]) == 0 || len(data[altKeyKey]) == 0 {
		return false
	}
	if err := checkPair(data[altCertKey], data[altKeyKey]); err != nil {
		b.f.problem(c.ing.Ref, c.ing.UID, reasonCertificateInvalid,
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
func (b *hostBuilder) usesDefaultCert(c *claim) bool { return *c.secret == defaultSecret(b.s) }

// certificateNames names a claim's certificates. A Secret whose own name ends
// in -alt gives the alternate's name to its first one (l7.md §2.4).
func (b *hostBuilder) certificateNames(c *claim) (cert, alt string) {
	switch {
	case b.usesDefaultCert(c):
		return defaultCertName(b.s, false), defaultCertName(b.s, true)
	case b.own != "":
		return b.own, b.own + altSuffix
	case strings.HasSuffix(c.secret.Name, altSuffix):
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
	certs []*models.SSLKeyAndCertificate
	// disputed: another claim brings other ones.
	disputed bool
}

// secured returns the claims whose certificates can be used, and what the host
// shows; nil: no certificate. Where Ingresses bring different ones, the oldest
// claim's are shown, and the owners of the others are told. AKO shows those of
// the Ingress that it looked at last (l7.md §8.4).
func (b *hostBuilder) secured(claims []*claim) ([]*claim, *shown) {
	var usable []*claim
	var show *shown
	for _, c := range claims {
		if c.secret == nil {
			continue
		}
		certs, ok := b.certificates(c)
		if !ok {
			continue
		}
		usable = append(usable, c)
		switch {
		case show == nil:
			show = &shown{claim: c, certs: certs}
		case !sameCertificates(certs, show.certs):
			show.disputed = true
			b.f.problem(c.ing.Ref, c.ing.UID, reasonCertificateClash,
				"host %q shows the certificate of the older Ingress %s, not that of Secret %s/%s, until that Ingress goes",
				b.host, show.claim.name(), c.secret.Namespace, c.secret.Name)
		}
	}
	return usable, show
}

// sameCertificates says whether two Secrets come to the same.
func sameCertificates(a, b []*models.SSLKeyAndCertificate) bool {
	return slices.EqualFunc(a, b, func(x, y *models.SSLKeyAndCertificate) bool {
		return *x.Name == *y.Name && *x.Certificate.Certificate == *y.Certificate.Certificate && *x.Key == *y.Key
	})
}
