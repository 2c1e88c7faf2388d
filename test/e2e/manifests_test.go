package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// service is a Service without endpoints.
func service(name, typ string, ports ...string) string {
	text := fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: %s, namespace: %%NS%%}
spec:
  type: %s
  ports:
`, name, typ)
	for _, p := range ports {
		text += "  - {" + p + "}\n"
	}
	return text
}

// slice gives a Service ready endpoints; ports as in an EndpointSlice.
func slice(service string, ports string, addrs ...string) string {
	text := fmt.Sprintf(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: %[1]s-1
  namespace: %%NS%%
  labels: {kubernetes.io/service-name: %[1]s}
addressType: IPv4
ports: [%[2]s]
endpoints:
`, service, ports)
	for _, a := range addrs {
		text += fmt.Sprintf("- {addresses: [%s], conditions: {ready: true, serving: true, terminating: false}}\n", a)
	}
	if len(addrs) == 0 {
		text = strings.Replace(text, "endpoints:\n", "endpoints: []\n", 1)
	}
	return text
}

// backend is a Service "name" of port 80 with endpoints on port 8080.
func backend(name string, addrs ...string) string {
	return service(name, "ClusterIP", "name: http, port: 80, targetPort: 8080, protocol: TCP") + "---" + httpSlice(name, addrs...)
}

func httpSlice(name string, addrs ...string) string {
	return slice(name, "{name: http, port: 8080, protocol: TCP}", addrs...)
}

// balanced is a Service of type LoadBalancer with one port and endpoints.
func balanced(name, protocol string, port int, addrs ...string) string {
	return service(name, "LoadBalancer", fmt.Sprintf("name: main, port: %d, targetPort: %d, protocol: %s", port, port+10000, protocol)) +
		"---" + balancedSlice(name, protocol, port, addrs...)
}

func balancedSlice(name, protocol string, port int, addrs ...string) string {
	return slice(name, fmt.Sprintf("{name: main, port: %d, protocol: %s}", port+10000, protocol), addrs...)
}

// ingress leads a host's paths / to a Service's port 80.
func ingress(name, host, service string) string {
	return fmt.Sprintf(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %s, namespace: %%NS%%}
spec:
  ingressClassName: avi-lb
  rules:
  - host: %s
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: %s, port: {number: 80}}}}
`, name, host, service)
}

// tlsIngress is ingress with a Secret for the host.
func tlsIngress(name, host, service, secret string) string {
	return ingress(name, host, service) + fmt.Sprintf("  tls:\n  - {hosts: [%s], secretName: %s}\n", host, secret)
}

// keyPair is a certificate and its key, PEM.
type keyPair struct{ cert, key []byte }

func newKeyPair(t *testing.T, host string) keyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, 7),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	}
}

func tlsSecret(name string, p keyPair) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: %s, namespace: %%NS%%}
type: kubernetes.io/tls
data: {tls.crt: %s, tls.key: %s}
`, name, base64.StdEncoding.EncodeToString(p.cert), base64.StdEncoding.EncodeToString(p.key))
}

// shop is a small cluster's worth of everything that can be balanced: Ingresses
// web (plain) and secure (TLS), Services db (TCP), dns (UDP) and sig (SCTP), with
// hosts that belong to one cluster, and endpoints in 10.NET.0.0/16.
func shop(t *testing.T, cluster string, net int) string {
	addr := func(n int) string { return fmt.Sprintf("10.%d.0.%d", net, n) }
	return strings.Join([]string{
		backend("web", addr(1), addr(2)),
		backend("cart", addr(3)),
		ingress("web", webHost(cluster), "web"),
		tlsSecret("secure-tls", newKeyPair(t, secureHost(cluster))),
		tlsIngress("secure", secureHost(cluster), "cart", "secure-tls"),
		balanced("db", "TCP", 5432, addr(4)),
		balanced("dns", "UDP", 53, addr(5)),
		balanced("sig", "SCTP", 3868, addr(6)),
	}, "\n---\n")
}

// shopObjects are the objects of shop that get an address.
var shopObjects = []string{"Ingress web", "Ingress secure", "Service db", "Service dns", "Service sig"}

func webHost(cluster string) string    { return "web-" + cluster + ".apps.example.test" }
func secureHost(cluster string) string { return "secure-" + cluster + ".apps.example.test" }
