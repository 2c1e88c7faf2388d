package reconcile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// expectHeld expects the last plan of a cluster to be held, and nothing written.
func (c *cluster) expectHeld(err error, about string) {
	c.f.t.Helper()
	if err == nil || !strings.Contains(err.Error(), "approval") || !strings.Contains(err.Error(), about) {
		c.f.t.Errorf("not held: %v", err)
	}
	c.f.noWrites("held")
}

// Hosts that share virtual services must not go without anybody's word either,
// though no virtual service is deleted with them.
func TestBrakeHoldsHosts(t *testing.T) {
	const hosts = 10
	t.Run("an API server that has lost all", func(t *testing.T) {
		f := start(t)
		c := f.up(registration("c1"), sites(hosts, 0))
		c = f.whileDown(c, registration("c1"), func(w world) {
			for i := range hosts {
				delete(w, ingressRef(fmt.Sprint("a", i)))
			}
		})
		c.sync()
		c.expectHeld(c.try(), "10 of 10 hosts")
		if err := f.manager.Approve("c1"); err != nil {
			t.Fatal(err)
		}
		c.settle()
		if left := f.names("team", "pool"); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
	t.Run("what was seen to go is not held", func(t *testing.T) {
		f := start(t)
		c := f.up(registration("c1"), sites(hosts, 0))
		for i := range hosts {
			c.tombstone(ingressRef(fmt.Sprint("a", i)))
		}
		c.settle()
		if left := f.names("team", "pool"); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
	t.Run("Routes that are not served after a restart", func(t *testing.T) {
		f := start(t)
		c := f.upOpenShift(openshift(hosts))
		c = f.whileDown(c, registration("c1"), func(w world) {
			// OpenShift's own affair until now.
			w.ingress("r0", 0, "other.avi.internal")
		})
		c.sync()
		c.expectHeld(c.try(), "10 of 10 hosts")
		c.openshift = true
		c.sync()
		c.settle()
		f.noWrites("served again")
	})
	t.Run("Routes where there were none", func(t *testing.T) {
		f := start(t)
		c := f.up(registration("c1"), sites(hosts, 0))
		f.writes()
		if err := c.m.SetKindState(kinds.Route, akohubv1.KindState_AVAILABILITY_WATCHED, ""); err != nil {
			t.Fatal(err)
		}
		c.openshift = true
		c.sync()
		c.expectHeld(c.try(), "10 of 10 hosts")
		if status, mark := c.shown(ingressRef("a0")); len(status) != 1 || len(mark) != 1 {
			t.Errorf("what is served still shows %v, %v", status, mark)
		}
		if err := f.manager.Approve("c1"); err != nil {
			t.Fatal(err)
		}
		c.settle()
		if status, mark := c.shown(ingressRef("a0")); len(status)+len(mark) > 0 {
			t.Errorf("what is gone shows %v, %v", status, mark)
		}
	})
}
