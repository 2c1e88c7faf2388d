package reconcile

import (
	"slices"
	"strings"
	"testing"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// change sends a Service as change makes it.
func (c *cluster) change(name string, change func(*akohubv1.Service)) {
	c.f.t.Helper()
	c.mu.Lock()
	r := c.world[serviceRef(name)]
	change(r.GetService())
	c.rev++
	r.ContentHash = append([]byte("changed "), byte(c.rev))
	c.mu.Unlock()
	c.send(serviceRef(name))
}

// A Service that asks for what nobody can have keeps what it had and shows, also
// when the hub starts anew, and has its way once it asks for something else.
func TestHeldService(t *testing.T) {
	f := start(t)
	reg := registration("c1", func(r *v1alpha1.Cluster) {
		r.Spec.Backends.Type, r.Spec.Network.StaticRoutes.CNI = v1alpha1.BackendNodePortLocal, "antrea"
	})
	c := f.up(reg, sites(0, 2))
	c.sync(kinds.Pod)
	c.settle()
	status, mark := c.shown(serviceRef("lb0"))
	if len(status) != 1 || len(mark) != 1 {
		t.Fatalf("status %v, mark %v", status, mark)
	}
	f.writes()
	f.agents.take()

	c.change("lb0", func(s *akohubv1.Service) {
		s.Ports = append(s.Ports, &akohubv1.ServicePort{Name: "s", Protocol: "SCTP", Port: 3868, TargetPortNumber: 3868})
	})
	_ = c.try()
	f.noWrites("after it asked for SCTP")
	if got := f.agents.message("UnsupportedProtocol"); !strings.Contains(got, "SCTP") {
		t.Errorf("the Event says %q", got)
	}
	f.restart()
	c = f.up(reg, c.world)
	c.sync(kinds.Pod)
	_ = c.try()
	f.noWrites("after a restart")
	c.inside(func(w *worker) {
		if w.keepsUnknown() {
			t.Error("for one Service, whatever nobody wants is kept")
		}
	})
	if again, _ := c.shown(serviceRef("lb0")); !slices.Equal(again, status) {
		t.Errorf("status %v, before %v", again, status)
	}

	// It may still go, and so may others.
	c.tombstone(serviceRef("lb1"))
	_ = c.try()
	if got := only(f.writes(), "DELETE virtualservice"); len(got) != 1 || !strings.HasSuffix(got[0], "lb1") {
		t.Errorf("deleted %v", got)
	}
	c.change("lb0", func(s *akohubv1.Service) { s.Ports = s.Ports[:1] })
	c.settle()
	f.noWrites("after it took its wish back")
	c.change("lb0", func(s *akohubv1.Service) { s.Ports[0].Protocol = "SCTP" })
	_ = c.try()
	f.noWrites("after it asked for SCTP again")
	c.tombstone(serviceRef("lb0"))
	_ = c.try()
	if got := f.wanted("virtualservice"); len(got) != 0 {
		t.Errorf("virtual services: %v", got)
	}
}

// A wish for an address that is none gets no address, so that the right one can
// still be had; a Service that has one keeps it.
func TestAddressThatIsNone(t *testing.T) {
	f := start(t)
	w := sites(0, 2)
	w[serviceRef("lb0")].GetService().LoadBalancerIp = "10.10.64"
	c := f.up(registration("c1"), w)
	if got := f.wanted("virtualservice"); len(got) != 1 {
		t.Fatalf("virtual services: %v", got)
	}
	if got := f.agents.message("InvalidLoadBalancerIP"); !strings.Contains(got, "10.10.64") {
		t.Errorf("the Event says %q", got)
	}
	before, _ := c.shown(serviceRef("lb1"))
	f.writes()
	c.change("lb1", func(s *akohubv1.Service) { s.LoadBalancerIp = "next" })
	_ = c.try()
	f.noWrites("after a wish for an address that is none")
	c.slice("lb1", "lb1-1", 9, "10.0.7.7")
	c.send(sliceRef("lb1-1"))
	_ = c.try()
	if got := only(f.writes(), "PUT pool"); len(got) != 1 {
		t.Errorf("writes of the pool: %v", got)
	}
	if after, _ := c.shown(serviceRef("lb1")); !slices.Equal(before, after) {
		t.Errorf("status %v, before %v", after, before)
	}

	c.change("lb0", func(s *akohubv1.Service) { s.LoadBalancerIp = "10.10.64.77" })
	_ = c.try()
	if status, _ := c.shown(serviceRef("lb0")); len(status) != 1 || !strings.HasSuffix(status[0], "=10.10.64.77") {
		t.Errorf("status: %v", status)
	}
}

// What a Service shows stays while its name is one that no status can carry, and
// goes with the Service's virtual service.
func TestNameThatNoStatusCarries(t *testing.T) {
	f := start(t)
	c := f.up(registration("c1"), sites(0, 1))
	c.settle()
	before, mark := c.shown(serviceRef("lb0"))
	if len(before) != 1 || len(mark) != 1 {
		t.Fatalf("status %v, mark %v", before, mark)
	}
	c.change("lb0", func(s *akohubv1.Service) {
		s.Meta.Annotations["external-dns.alpha.kubernetes.io/hostname"] = "a.avi.internal,b.avi.internal"
	})
	_ = c.try()
	if after, _ := c.shown(serviceRef("lb0")); !slices.Equal(before, after) {
		t.Errorf("status %v, before %v", after, before)
	}
	c.change("lb0", func(s *akohubv1.Service) { s.Type, s.Status = "ClusterIP", nil })
	c.settle()
	if status, mark := c.shown(serviceRef("lb0")); len(status)+len(mark) != 0 {
		t.Errorf("status %v, mark %v", status, mark)
	}
}
