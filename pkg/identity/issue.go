package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"
)

const (
	// caLifetime and leafLifetime bound how long certificates are valid.
	caLifetime   = 10 * 365 * 24 * time.Hour
	leafLifetime = 365 * 24 * time.Hour
	// backdate keeps a fresh certificate valid on hosts whose clock is behind.
	backdate = 5 * time.Minute

	pemCertificate = "CERTIFICATE"
	pemPrivateKey  = "PRIVATE KEY"
)

// KeyPair is a certificate and its private key (PKCS #8), both PEM.
type KeyPair struct {
	CertPEM []byte
	KeyPEM  []byte
}

// CA signs certificates of one installation.
type CA struct {
	KeyPair
	cert *x509.Certificate
	key  crypto.Signer
}

// NewCA makes a certificate authority, valid for ten years, under the given
// common name.
func NewCA(commonName string) (*CA, error) {
	if commonName == "" {
		return nil, errors.New("make certificate authority: common name is empty")
	}
	now := time.Now()
	tmpl := &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName, Organization: []string{"akohub"}},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(caLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	pair, err := issue(tmpl, nil)
	if err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	return ParseCA(pair.CertPEM, pair.KeyPEM)
}

// ParseCA reads a certificate authority back from PEM. It fails when the
// certificate may not sign or does not belong to the key.
func ParseCA(certPEM, keyPEM []byte) (*CA, error) {
	cert, err := parseCert(certPEM)
	if err != nil {
		return nil, fmt.Errorf("parse certificate authority: %w", err)
	}
	if !cert.IsCA {
		return nil, errors.New("parse certificate authority: the certificate may not sign others")
	}
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return nil, errors.New("parse certificate authority: the key is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse certificate authority's key: %w", err)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("parse certificate authority's key: a %T cannot sign", parsed)
	}
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !pub.Equal(cert.PublicKey) {
		return nil, errors.New("parse certificate authority: the key does not belong to the certificate")
	}
	return &CA{KeyPair: KeyPair{CertPEM: certPEM, KeyPEM: keyPEM}, cert: cert, key: key}, nil
}

// IssueHub makes a server certificate for the hub, valid for one year, for
// the given DNS names and IP addresses. At least one is needed.
func IssueHub(ca *CA, hosts ...string) (KeyPair, error) {
	if len(hosts) == 0 {
		return KeyPair{}, errors.New("issue hub certificate: no host is named")
	}
	u, err := url.Parse(hubURI)
	if err != nil {
		return KeyPair{}, fmt.Errorf("issue hub certificate: %w", err)
	}
	tmpl := leaf("akohub hub", x509.ExtKeyUsageServerAuth, u)
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
			continue
		}
		if h == "" {
			return KeyPair{}, errors.New("issue hub certificate: a host is empty")
		}
		tmpl.DNSNames = append(tmpl.DNSNames, h)
	}
	pair, err := issue(tmpl, ca)
	if err != nil {
		return KeyPair{}, fmt.Errorf("issue hub certificate: %w", err)
	}
	return pair, nil
}

// IssueCluster makes a client certificate for the agent of the named cluster,
// valid for one year.
func IssueCluster(ca *CA, name string) (KeyPair, error) {
	if err := ValidateClusterName(name); err != nil {
		return KeyPair{}, fmt.Errorf("issue cluster certificate: %w", err)
	}
	pair, err := issue(leaf("akohub cluster "+name, x509.ExtKeyUsageClientAuth, clusterURI(name)), ca)
	if err != nil {
		return KeyPair{}, fmt.Errorf("issue certificate of cluster %q: %w", name, err)
	}
	return pair, nil
}

func leaf(commonName string, usage x509.ExtKeyUsage, id *url.URL) *x509.Certificate {
	// A common name holds at most 64 characters; nobody reads identity from it.
	if len(commonName) > 64 {
		commonName = commonName[:64]
	}
	now := time.Now()
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName, Organization: []string{"akohub"}},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(leafLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{usage},
		BasicConstraintsValid: true,
		URIs:                  []*url.URL{id},
	}
}

// issue signs a template with the authority, or with its own key when the
// authority is nil.
func issue(tmpl *x509.Certificate, ca *CA) (KeyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return KeyPair{}, fmt.Errorf("make key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return KeyPair{}, fmt.Errorf("make serial number: %w", err)
	}
	tmpl.SerialNumber = serial
	parent, signer := tmpl, crypto.Signer(key)
	if ca != nil {
		parent, signer = ca.cert, ca.key
		if tmpl.NotAfter.After(ca.cert.NotAfter) {
			tmpl.NotAfter = ca.cert.NotAfter
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	if err != nil {
		return KeyPair{}, fmt.Errorf("sign: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("encode key: %w", err)
	}
	return KeyPair{
		CertPEM: pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: der}),
		KeyPEM:  pem.EncodeToMemory(&pem.Block{Type: pemPrivateKey, Bytes: keyDER}),
	}, nil
}

func parseCert(certPEM []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(certPEM)
	if block == nil || block.Type != pemCertificate {
		return nil, errors.New("not a PEM certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse certificate: %w", err)
	}
	return cert, nil
}
