package reconcile

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// secured makes a Route of openshift's secure.
func (w world) secured(name string, tls *akohubv1.RouteTls) {
	r := w[routeRef(name)]
	r.GetRoute().Tls, r.ContentHash = tls, []byte("secured")
}

// What TLS on Routes comes to is seen again after a restart: an authority, which
// has no key, and a profile to check servers by are not taken for changed.
func TestSecuredRoutesRest(t *testing.T) {
	f := start(t)
	pair := testCertificate(t)
	cert, key := string(pair["tls.crt"]), pair["tls.key"]
	w := openshift(2)
	w.secured("r0", &akohubv1.RouteTls{Termination: "edge", InsecurePolicy: "Allow", Certificate: cert, Key: key, CaCertificate: cert})
	w.secured("r1", &akohubv1.RouteTls{Termination: "reencrypt", InsecurePolicy: "Redirect", Certificate: cert, Key: key, DestinationCaCertificate: cert})
	f.upOpenShift(w)
	want := []string{"c1--h0.avi.internal", "c1--h0.avi.internal-cacert", "c1--h1.avi.internal"}
	if diff := cmp.Diff(want, f.names("team", "sslkeyandcertificate")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"c1--default-h1.avi.internal-r1-web-r1-pkiprofile"}, f.names("team", "pkiprofile")); diff != "" {
		t.Error(diff)
	}
	f.writes()
	f.restart()
	c := f.upOpenShift(w)
	f.noWrites("a restart")

	c.tombstone(routeRef("r0"), routeRef("r1"))
	c.settle()
	for _, typ := range []string{"sslkeyandcertificate", "pkiprofile", "pool", "httppolicyset"} {
		if got := f.names("team", typ); len(got) != 0 {
			t.Errorf("%s %v are left", typ, got)
		}
	}
}

// The virtual service that redirects beside a passthrough one comes when a Route
// asks for it, and stays when none does any more, over a restart too
// (l7.md §14.2, §14.3).
func TestPassthroughRedirectStays(t *testing.T) {
	f := start(t)
	const plain = "c1--Shared-Passthrough-0-insecure"
	passed := func(w world, insecure, hash string) {
		w.secured("r0", &akohubv1.RouteTls{Termination: "passthrough", InsecurePolicy: insecure})
		w[routeRef("r0")].ContentHash = []byte(hash)
	}
	w := openshift(1)
	passed(w, "", "1")
	c := f.upOpenShift(w)
	check := func(when string, want bool) {
		t.Helper()
		names := f.names("team", typeVirtualService)
		if !slices.Contains(names, "c1--Shared-Passthrough-0") || slices.Contains(names, plain) != want {
			t.Errorf("%s: virtual services %v; redirecting: want %v", when, names, want)
		}
	}
	check("nobody asks", false)
	passed(c.world, "Redirect", "2")
	c.send(routeRef("r0"))
	c.settle()
	check("a Route asks", true)
	passed(c.world, "", "3")
	c.send(routeRef("r0"))
	c.settle()
	check("it asks no more", true)
	c.tombstone(routeRef("r0"))
	c.settle()
	check("it is gone", true)
	f.writes()
	f.restart()
	f.upOpenShift(c.world)
	check("after a restart", true)
	f.noWrites("a restart")
}
