package reconcile

import (
	"strings"
	"testing"
)

// Avi doesn't change the address of a VIP that has one. The Service keeps it,
// goes on being served, and its owner is told what to do.
func TestAnotherPreferredIP(t *testing.T) {
	f := start(t)
	w := sites(0, 1)
	w[serviceRef("lb0")].GetService().LoadBalancerIp = "10.10.64.77"
	c := f.up(registration("c1"), w)
	status, _ := c.shown(serviceRef("lb0"))
	if len(status) != 1 || !strings.HasSuffix(status[0], "=10.10.64.77") {
		t.Fatalf("status: %v", status)
	}
	f.agents.take()

	svc := c.world[serviceRef("lb0")]
	svc.GetService().LoadBalancerIp = "10.10.64.78"
	svc.ContentHash = []byte("another address")
	c.send(serviceRef("lb0"))
	_ = c.try()
	if got := f.agents.message(reasonRefused); !strings.Contains(got, "recreate the VIP") || !strings.Contains(got, "create it again") {
		t.Errorf("the Event says %q", got)
	}
	f.writes()
	c.slice("lb0", "lb0-1", 9, "10.0.7.7")
	c.send(sliceRef("lb0-1"))
	_ = c.try()
	if got := only(f.writes(), "PUT pool"); len(got) != 1 {
		t.Errorf("writes of the pool: %v", got)
	}
	if status, _ := c.shown(serviceRef("lb0")); len(status) != 1 || !strings.HasSuffix(status[0], "=10.10.64.77") {
		t.Errorf("status: %v", status)
	}

	// Taken back, nothing stands against it any more.
	svc = c.world[serviceRef("lb0")]
	svc.GetService().LoadBalancerIp = ""
	svc.ContentHash = []byte("any address")
	c.send(serviceRef("lb0"))
	c.settle()
	if status, _ := c.shown(serviceRef("lb0")); len(status) != 1 || !strings.HasSuffix(status[0], "=10.10.64.77") {
		t.Errorf("status: %v", status)
	}
}
