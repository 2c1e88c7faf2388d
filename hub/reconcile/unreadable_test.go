package reconcile

import (
	"net/http"
	"testing"

	"github.com/akohub/akohub/pkg/avisim"
)

// A hub that starts while a namespace's tenant can't be read doesn't know what
// serves the objects of that namespace: what they show stays.
func TestStatusesOfAnUnreadableTenant(t *testing.T) {
	for name, fault := range map[string]avisim.Fault{
		"no right to":   {Status: http.StatusForbidden, Body: "You do not have permission to perform this action."},
		"fails":         {Status: http.StatusInternalServerError, Body: "no"},
		"a busy moment": {Status: http.StatusServiceUnavailable, Body: "no", Type: "pool"},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, "team", "a")
			w := sites(1, 2)
			w.namespace("default", "a")
			c := f.up(registration("c1"), w)
			shows := func(when string) {
				t.Helper()
				if status, mark := c.shown(ingressRef("a0")); len(status) != 1 || len(mark) != 1 {
					t.Errorf("%s the Ingress shows %v, marked %v", when, status, mark)
				}
				if status, mark := c.shown(serviceRef("lb0")); len(status) != 1 || len(mark) != 1 {
					t.Errorf("%s the Service shows %v, marked %v", when, status, mark)
				}
			}
			shows("at first")
			f.writes()
			// What somebody takes away meanwhile comes back once it is known again.
			c.world[serviceRef("lb1")].GetService().Status = nil
			c.world[serviceRef("lb1")].ContentHash = []byte("taken away")
			f.restart()
			fault.Method, fault.Tenant = http.MethodGet, "a"
			f.sim.Inject(fault)
			c = f.register(registration("c1"), c.world)
			c.sync()
			_ = c.try()
			shows("unreadable")
			f.noWrites("unreadable")
			f.sim.ClearFaults()
			f.pass(refreshEvery / 2)
			c.settle()
			shows("readable again")
			if status, _ := c.shown(serviceRef("lb1")); len(status) != 1 {
				t.Errorf("readable again the other Service shows %v", status)
			}
			f.noWrites("readable again")
		})
	}
}
