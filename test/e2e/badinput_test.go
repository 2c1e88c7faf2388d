package e2e

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestBadInput applies what is wrong beside what is right: each wrong object is
// told what is wrong with it, everything else is served.
func TestBadInput(t *testing.T) {
	w := newWorld(t)
	host := func(name string) string { return name + ".apps.example.test" }
	broken := newKeyPair(t, host("garbled"))
	broken.cert = []byte("-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n")
	mixed := newKeyPair(t, host("mixed"))
	mixed.key = newKeyPair(t, host("mixed")).key

	w.a.apply(
		tlsIngress("no-secret", host("no-secret"), "cart", "absent-tls"),
		ingress("no-service", host("no-service"), "absent"),
		tlsSecret("garbled-tls", broken), tlsIngress("garbled", host("garbled"), "cart", "garbled-tls"),
		tlsSecret("mixed-tls", mixed), tlsIngress("mixed", host("mixed"), "cart", "mixed-tls"),
		noPaths("no-paths", host("no-paths")),
		// The API server takes a Service without a port only if it is headless.
		headless("portless"), ingress("no-port", host("no-port"), "portless"),
		shop(t, nameA, 1),
	)
	w.b.apply(shop(t, nameB, 2))

	w.event(w.a, "Ingress", "no-secret", "SecretMissing", "absent-tls")
	w.event(w.a, "Ingress", "no-service", "ServiceMissing", "absent")
	w.event(w.a, "Ingress", "garbled", "CertificateInvalid", "garbled-tls")
	w.event(w.a, "Ingress", "mixed", "CertificateInvalid", "mixed-tls")
	w.event(w.a, "Ingress", "no-paths", "NoPaths", host("no-paths"))
	w.event(w.a, "Ingress", "no-port", "ServicePortMissing", "portless")
	w.served(w.a, shopObjects...)
	w.served(w.b, shopObjects...)
	w.settle()

	shows := w.a.shows()
	for _, name := range []string{"Ingress no-secret", "Ingress garbled", "Ingress mixed"} {
		if got := shows[name]; len(got.IPs) > 0 {
			t.Errorf("%s shows %+v", name, got)
		}
	}

	w.run("looked at again, they are not told again", func(w *world) {
		w.a.apply(ingress("no-service", host("no-service"), "absent") + "  - {host: second-" + host("no-service") + "}\n")
		w.event(w.a, "Ingress", "no-service", "NoPaths", "second-")
		w.MustSettle(t)
		events, err := w.a.client.CoreV1().Events(w.a.ns).List(t.Context(), metav1.ListOptions{
			FieldSelector: "involvedObject.name=no-service,reason=ServiceMissing"})
		w.must(err)
		if n := len(events.Items); n != 1 || events.Items[0].Count > 1 {
			t.Errorf("one thing that is wrong was told as %d Events: %+v", n, events.Items)
		}
	})
	w.run("mended, they are served", func(w *world) {
		w.a.apply(
			tlsSecret("absent-tls", newKeyPair(t, host("no-secret"))),
			tlsSecret("garbled-tls", newKeyPair(t, host("garbled"))),
			tlsSecret("mixed-tls", newKeyPair(t, host("mixed"))),
			backend("absent", "10.1.3.1"),
			ingress("no-paths", host("no-paths"), "cart"),
			ingress("no-port", host("no-port"), "cart"),
		)
		w.served(w.a, "Ingress no-secret", "Ingress garbled", "Ingress mixed", "Ingress no-service", "Ingress no-paths",
			"Ingress no-port")
		w.settle()
	})
}

// noPaths has a rule for a host without any path.
func noPaths(name, host string) string {
	return fmt.Sprintf(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %s, namespace: %%NS%%}
spec:
  ingressClassName: avi-lb
  rules: [{host: %s}]
`, name, host)
}

// headless is a Service without ports.
func headless(name string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: %s, namespace: %%NS%%}
spec: {clusterIP: None}
`, name)
}
