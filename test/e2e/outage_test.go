package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/akohub/akohub/pkg/avisim"
)

// TestControllerOutage changes things while the controller is away in one way or
// another, and wants exactly the right writes once it is back.
func TestControllerOutage(t *testing.T) {
	w := newWorld(t)
	w.a.apply(shop(t, nameA, 1))
	w.served(w.a, shopObjects...)
	w.settle()
	pool := fmt.Sprintf("PUT pool %s--%s-db-TCP-5432 (%s)", nameA, w.a.ns, tenantA)

	for i, tc := range []struct {
		name       string
		begin, end func()
		// hit says whether the outage has shown.
		hit func(r avisim.Request) bool
	}{
		{
			"it does not answer", func() { w.Simulator.Inject(avisim.Fault{DropBeforeCommit: true}) }, w.Simulator.ClearFaults,
			func(r avisim.Request) bool { return r.Status == 0 },
		}, {
			"503", func() { w.Simulator.Inject(avisim.Fault{Status: http.StatusServiceUnavailable}) }, w.Simulator.ClearFaults,
			func(r avisim.Request) bool { return r.Status == http.StatusServiceUnavailable },
		}, {
			"upgrade", func() { w.Simulator.SetUpgrading(true) }, func() { w.Simulator.SetUpgrading(false) },
			func(r avisim.Request) bool { return r.Status == http.StatusForbidden },
		}, {
			"too many requests", func() {
				w.Simulator.Inject(avisim.Fault{Status: http.StatusTooManyRequests, RetryAfter: 1, Times: 3})
			}, w.Simulator.ClearFaults,
			func(r avisim.Request) bool { return r.Status == http.StatusTooManyRequests },
		}, {
			"the session is forgotten", w.Simulator.ExpireSessions, func() {},
			func(r avisim.Request) bool { return r.Type == "login" },
		},
	} {
		w.run(tc.name, func(w *world) {
			before := w.a.shows()
			from, mark := len(w.Simulator.Requests()), w.mark()
			tc.begin()
			w.a.apply(balancedSlice("db", "TCP", 5432, fmt.Sprintf("10.1.2.%d", i+1)))
			w.eventually("the outage", func() error {
				for _, r := range w.Simulator.Requests()[from:] {
					if tc.hit(r) {
						return nil
					}
				}
				return fmt.Errorf("the controller was not asked")
			})
			tc.end()
			w.eventually("the change", func() error {
				for _, l := range w.since(mark) {
					if l == pool {
						return nil
					}
				}
				return fmt.Errorf("the writes were %q", w.since(mark))
			})
			w.settle()
			succeeded := 0
			for _, l := range w.since(mark) {
				switch {
				case l == pool:
					succeeded++
				case !strings.HasPrefix(l, pool+": "):
					t.Errorf("not expected: %s", l)
				}
			}
			if succeeded != 1 {
				t.Errorf("the pool was written %d times: %q", succeeded, w.since(mark))
			}
			w.a.unchanged("the outage", before)
		})
	}
}

// TestLostAnswers cuts the connection after the controller has carried out the
// first creations: their answers are lost, the objects are there.
func TestLostAnswers(t *testing.T) {
	w := newWorld(t)
	w.settle()
	mark := w.mark()
	w.Simulator.Inject(avisim.Fault{Method: http.MethodPost, Type: "pool", DropAfterCommit: true, Times: 2})
	w.Simulator.Inject(avisim.Fault{Method: http.MethodPost, Type: "vsvip", DropAfterCommit: true, Times: 1})
	w.Simulator.Inject(avisim.Fault{Method: http.MethodPost, Type: "virtualservice", DropAfterCommit: true, Times: 1})
	w.a.apply(shop(t, nameA, 1))
	w.served(w.a, shopObjects...)
	w.settle()
	if left := w.Simulator.Faults(); len(left) > 0 {
		t.Fatalf("faults that hit nothing: %+v", left)
	}
	created := map[string]int{}
	for _, r := range w.Simulator.Writes()[mark:] {
		if r.Method == http.MethodPost {
			created[r.Type+" "+r.Name]++
		}
	}
	for object, n := range created {
		if n > 1 {
			t.Errorf("%s was created %d times", object, n)
		}
	}
	w.checkStatuses(w.a)
}

// TestControllerRefusesOne has the controller refuse one object for good: its
// owner is told, and everything else goes on.
func TestControllerRefusesOne(t *testing.T) {
	w := newWorld(t)
	const words = "rejected by the test"
	w.Simulator.Inject(avisim.Fault{Method: http.MethodPost, NameContains: "-dns", Status: http.StatusBadRequest, Body: words})
	w.a.apply(shop(t, nameA, 1))
	w.served(w.a, "Ingress web", "Ingress secure", "Service db", "Service sig")
	w.event(w.a, "Service", "dns", "AviRefused", words)
	if out := w.cli("clusters"); !strings.Contains(out.Stdout, words) {
		t.Errorf("akohub clusters does not tell of it:\n%s", out.Stdout)
	}
	w.Simulator.ClearFaults()
	// A slow retry, so nobody need wait for it: a change of the object comes first.
	w.a.apply(balanced("dns", "UDP", 54, "10.1.0.5"))
	w.served(w.a, "Service dns")
}
