package reconcile

import (
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/avisim"
)

// asking gives a Service of a world a preferred address.
func (w world) asking(name, addr string) {
	r := w[serviceRef(name)]
	r.GetService().LoadBalancerIp = addr
	r.ContentHash = append(r.ContentHash, addr...)
}

// A Service takes over the address of one that goes, at once.
func TestAddressTakenOver(t *testing.T) {
	f := start(t)
	w := sites(0, 1)
	w.asking("lb0", "10.10.64.77")
	c := f.up(registration("c1"), w)
	f.agents.take()
	c.service("lb1", "LoadBalancer")
	c.slice("lb1", "lb1-1", 0, "10.0.8.9")
	c.asking("lb1", "10.10.64.77")
	c.tombstone(serviceRef("lb0"))
	c.send(serviceRef("lb1"), sliceRef("lb1-1"))
	c.settle()
	if status, _ := c.shown(serviceRef("lb1")); len(status) != 1 || !strings.HasSuffix(status[0], "=10.10.64.77") {
		t.Errorf("status: %v", status)
	}
	if got := only(f.agents.take(), reasonRefused); len(got) > 0 {
		t.Errorf("told: %v", got)
	}

	t.Run("from one that goes later", func(t *testing.T) {
		c.service("lb2", "LoadBalancer")
		c.asking("lb2", "10.10.64.77")
		c.send(serviceRef("lb2"))
		_ = c.try()
		if got := only(f.agents.take(), reasonRefused); len(got) != 1 {
			t.Errorf("told: %v", got)
		}
		c.tombstone(serviceRef("lb1"))
		c.settle() // without waiting for the next try
		if status, _ := c.shown(serviceRef("lb2")); len(status) != 1 || !strings.HasSuffix(status[0], "=10.10.64.77") {
			t.Errorf("status: %v", status)
		}
	})
}

// Avi refuses both of two Services that change addresses with each other, and
// their owners are told what to do.
func TestAddressesChangeSides(t *testing.T) {
	f := start(t)
	w := sites(0, 2)
	w.asking("lb0", "10.10.64.77")
	w.asking("lb1", "10.10.64.78")
	c := f.up(registration("c1"), w)
	f.agents.take()
	c.asking("lb0", "10.10.64.78")
	c.asking("lb1", "10.10.64.77")
	c.send(serviceRef("lb0"), serviceRef("lb1"))
	_ = c.try()
	if got := f.agents.message(reasonRefused); !strings.Contains(got, "create it again") {
		t.Errorf("Event: %q", got)
	}
	if got := only(f.agents.take(), reasonRefused); len(got) != 2 {
		t.Errorf("told: %v", got)
	}
	for name, addr := range map[string]string{"lb0": "77", "lb1": "78"} {
		if status, _ := c.shown(serviceRef(name)); len(status) != 1 || !strings.HasSuffix(status[0], addr) {
			t.Errorf("%s shows %v", name, status)
		}
	}
}

// A host goes from a Service's annotation to an Ingress and back, also where a
// controller has a name only once.
func TestHostMovesBetweenServiceAndIngress(t *testing.T) {
	for name, assume := range map[string]avisim.Assumptions{"as it is": {}, "unique names": {UniqueNames: true}} {
		t.Run(name, func(t *testing.T) {
			f := startWith(t, avisim.Options{Tenants: []string{"team"}, Assume: assume})
			w := sites(1, 1)
			c := f.up(registration("c1"), w)
			annotate := func(host string) {
				r := c.world[serviceRef("lb0")]
				if host == "" {
					delete(r.GetService().GetMeta().GetAnnotations(), externalDNS)
				} else {
					r.GetService().Meta.Annotations[externalDNS] = host
				}
				r.ContentHash = append(r.ContentHash, "host "+host...)
				c.send(serviceRef("lb0"))
			}
			hosts := func(version int, hosts ...string) {
				c.ingress("a0", version, hosts...)
				c.send(ingressRef("a0"))
			}
			holders := func() (out []string) {
				for _, o := range f.sim.Dump().Tenants["team"]["vsvip"] {
					for _, n := range plan.Names(o) {
						if n == "moving.avi.internal" {
							out = append(out, o["name"].(string))
						}
					}
				}
				return out
			}
			annotate("moving.avi.internal")
			c.settle()
			if got := holders(); len(got) != 1 || got[0] != "c1--default-lb0" {
				t.Fatalf("%v", got)
			}
			f.agents.take()
			annotate("")
			hosts(1, "h0.avi.internal", "moving.avi.internal")
			c.settle()
			if got := holders(); len(got) != 1 || !strings.Contains(got[0], "Shared") {
				t.Errorf("%v", got)
			}
			hosts(2, "h0.avi.internal")
			annotate("moving.avi.internal")
			c.settle()
			if got := holders(); len(got) != 1 || got[0] != "c1--default-lb0" {
				t.Errorf("%v", got)
			}
			if got := only(f.agents.take(), reasonRefused); len(got) > 0 {
				t.Errorf("told: %v", got)
			}
		})
	}
}

const externalDNS = "external-dns.alpha.kubernetes.io/hostname"
