package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// spent returns how many requests were made since the last call, reads and
// writes, without logins, and shows by type what they were.
func (f *fixture) spent(when string) (reads, writes int) {
	f.t.Helper()
	var lines []string
	for k, n := range f.sim.Counts() {
		switch {
		case k.Type == "login":
			continue
		case k.Method == "GET":
			reads += n
		default:
			writes += n
		}
		lines = append(lines, fmt.Sprintf("%s %s %d", k.Method, k.Type, n))
	}
	f.sim.ResetRequests()
	slices.Sort(lines)
	f.t.Logf("%s: %d reads, %d writes: %s", when, reads, writes, strings.Join(lines, ", "))
	return reads, writes
}

// halfSecured has every other of the sites' Ingresses ask for a certificate.
func (w world) halfSecured(t *testing.T) world {
	t.Helper()
	data := testCertificate(t)
	w.put(kinds.Secret, "default", "cert", 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_Secret{Secret: &akohubv1.Secret{Type: "kubernetes.io/tls", Data: data}}
	})
	for i := 0; w[ingressRef(fmt.Sprint("a", i))] != nil; i += 2 {
		ing := w[ingressRef(fmt.Sprint("a", i))].GetIngress()
		ing.Tls = []*akohubv1.IngressTls{{Hosts: []string{ing.GetRules()[0].GetHost()}, SecretName: "cert"}}
	}
	return w
}

// allowance bounds the requests of a moment.
type allowance struct{ reads, writes int }

func (f *fixture) within(when string, a allowance) {
	f.t.Helper()
	if reads, writes := f.spent(when); reads > a.reads || writes > a.writes {
		f.t.Errorf("%s: %d reads, %d writes, allowed are %d and %d", when, reads, writes, a.reads, a.writes)
	}
}

// What a hub asks of a controller is bounded. (Where 500 such hosts stand already,
// AKO makes 52 requests to start, and 98 with 2,000, without the logins.) The
// figures are in docs/architecture.md; a new client asks for labels and routes,
// too, which is two requests.
func TestRequests(t *testing.T) {
	f := start(t)
	routed := func(r *v1alpha1.Cluster) { r.Spec.Network.StaticRoutes.Sync = true }
	c := f.up(registration("c1", routed), sites(500, 0).halfSecured(t))
	f.within("500 hosts from nothing", allowance{37, 1541})
	f.restart()
	c = f.up(registration("c1", routed), c.world)
	f.within("a start without change", allowance{46, 0})
	c.slice("web-a7", "web-a7-1", 1, "10.9.9.9")
	c.send(sliceRef("web-a7-1"))
	c.settle()
	f.within("an endpoint changes", allowance{0, 1})
	f.pass(refreshEvery + refreshEvery/5)
	c.settle()
	f.within("a refresh", allowance{29, 0})
	f.pass(searchEvery + searchEvery/5)
	c.settle()
	f.within("a refresh with a search", allowance{46, 0})
}

// What is the same for the clusters of a controller is asked for once, however
// many there are: a cluster more costs its tenant, its inventory, and what is
// looked for by name in its tenant.
func TestRequestsOfAFleet(t *testing.T) {
	const n, each, all = 30, 15, 25
	var tenants []string
	for i := range n {
		tenants = append(tenants, fmt.Sprintf("t%02d", i))
	}
	f := startWith(t, avisim.Options{Tenants: tenants})
	var clusters []*cluster
	up := func() {
		for i, tenant := range tenants {
			w := sites(4, 1)
			if len(clusters) == n {
				w = clusters[i].world
			} else {
				w.under(tenant)
			}
			c := f.register(registration("c"+tenant, func(r *v1alpha1.Cluster) { r.Spec.Tenant.Name = tenant }), w)
			c.sync()
			if len(clusters) < n {
				clusters = append(clusters, c)
			} else {
				clusters[i] = c
			}
		}
		// As long as one has not looked, others wait.
		for range 2 {
			for _, c := range clusters {
				c.settle()
			}
		}
	}
	up()
	f.within("a fleet from nothing", allowance{n*each + all, n * 24})
	f.restart()
	up()
	f.within("a start without change", allowance{n*each + all, 0})
	f.pass(refreshEvery + refreshEvery/5)
	for _, c := range clusters {
		c.settle()
	}
	f.within("a refresh", allowance{n*each + all, 0})
	f.pass(searchEvery + searchEvery/5)
	for _, c := range clusters {
		c.settle()
	}
	f.within("a refresh with a search", allowance{n*each + all, 0})
}
