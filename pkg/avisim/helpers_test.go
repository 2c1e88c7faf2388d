package avisim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// testPair makes a self-signed certificate and its key, as PEM.
func testPair(t testing.TB) (cert, key string) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

// vip is a VsVip's body with one VIP on vip-net; more is merged into the VIP.
func vip(name string, more map[string]any) map[string]any {
	v := map[string]any{
		"vip_id": "0", "auto_allocate_ip": true,
		"ipam_network_subnet": map[string]any{"network_ref": "/api/network/?name=vip-net"},
	}
	for k, e := range more {
		if e == nil {
			delete(v, k)
		} else {
			v[k] = e
		}
	}
	return map[string]any{"name": name, "vip": []any{v}}
}

// addrOf is the address that an answer shows.
func addrOf(o map[string]any, field string) string {
	vips, _ := o["vip"].([]any)
	if len(vips) == 0 {
		return ""
	}
	a, _ := vips[0].(map[string]any)[field].(map[string]any)
	s, _ := a["addr"].(string)
	return s
}

// direct sends a request without a connection.
func direct(sim *Simulator, method, path, body string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	sim.Handler().ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
	return rec
}
