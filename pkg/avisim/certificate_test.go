package avisim

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
)

// A client that verifies must be able to reach every address that the simulator
// can be told to listen on, other loopback addresses too.
func TestCertificateNamesItsAddress(t *testing.T) {
	for _, host := range []string{"127.0.10.3", "127.0.0.1", "::1", "localhost", "avi.example.test", ""} {
		_, text, err := selfSigned(host)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if host == "" {
			host = "127.0.0.1"
		}
		if err := cert.VerifyHostname(host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}
