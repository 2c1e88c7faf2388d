package avisim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// selfSign makes the certificate and key that a client asks for with
// self_signed, or keeps those that were made before. The key is always an EC
// key of 256 bits, whatever key_params say: an RSA key would hold up every
// other request.
func (st *store) selfSign(w *write, certificate message) error {
	if was, ok := w.old["certificate"].(message); ok && was["self_signed"] == true && was["certificate"] != nil {
		certificate["certificate"] = was["certificate"]
		if w.body["key"] == nil && w.old["key"] != nil {
			w.body["key"] = w.old["key"]
		}
		return nil
	}
	subject, _ := certificate["subject"].(message)
	name := func(field string) []string {
		if s, ok := subject[field].(string); ok && s != "" {
			return []string{s}
		}
		return nil
	}
	days := number(certificate["days_until_expire"])
	if days == 0 {
		days = 365
	}
	now := st.now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{Country: name("country"), Organization: name("organization"), OrganizationalUnit: name("organization_unit"), Locality: name("locality"), Province: name("state")},
		NotBefore:    now.Add(-time.Minute),
		NotAfter:     now.AddDate(0, 0, days),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	template.Subject.CommonName, _ = subject["common_name"].(string)
	names, _ := certificate["subject_alt_names"].([]any)
	for _, n := range names {
		if s, ok := n.(string); ok {
			template.DNSNames = append(template.DNSNames, s)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return badRequest("SSLKeyAndCertificate.certificate: " + err.Error())
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding a key: %w", err)
	}
	certificate["certificate"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	w.body["key"] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return nil
}
