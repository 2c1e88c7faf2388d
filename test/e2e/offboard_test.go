package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
)

// TestModeOffboard changes the mode of a running registration: all of the
// cluster's goes, while Avi refuses at first and the hub is killed in between;
// the other cluster, whose name begins the same, keeps all.
func TestModeOffboard(t *testing.T) {
	w := newWorld(t)
	w.a.apply(shop(t, nameA, 1))
	w.b.apply(shop(t, nameB, 2))
	w.served(w.a, shopObjects...)
	w.served(w.b, shopObjects...)
	w.settle()
	beforeA, beforeB := w.a.shows(), w.b.shows()
	heldB := len(w.objects(tenantB, "virtualservice"))

	w.run("what Avi refuses is said, the rest goes", func(w *world) {
		w.Simulator.Inject(avisim.Fault{Method: "DELETE", Type: "virtualservice", Name: nameA + "--" + w.a.ns + "-dns", Status: 400, Body: `{"error":"not today"}`})
		w.register(nameA, v1alpha1.ModeOffboard)
		w.eventually("only that is left", func() error {
			if n := len(w.objects(tenantA, "virtualservice")); n != 1 {
				return fmt.Errorf("%d virtual services are left", n)
			}
			return w.says("offboarding: "+nameA+": ", "not today")
		})
		w.eventually("its Service keeps its address, others don't", func() error {
			now := w.a.shows()
			for o, s := range now {
				if served := len(s.IPs)+len(s.Hosts) > 0; served != (o == "Service dns") {
					return fmt.Errorf("%s shows %+v", o, s)
				}
			}
			return nil
		})
	})
	w.run("a hub that was killed goes on", func(w *world) {
		w.must(w.Hub.Kill())
		w.Simulator.ClearFaults()
		w.must(w.Hub.Start(t.Context()))
		w.left(0)
		w.eventually("its address is gone", func() error {
			if s := w.a.shows()["Service dns"]; len(s.IPs)+len(s.Hosts) > 0 {
				return fmt.Errorf("it shows %+v", s)
			}
			return nil
		})
		w.eventually("akohub clusters says so", func() error { return w.says("offboarded: " + nameA + ": nothing is left on Avi") })
		for typ, objects := range w.Simulator.Dump().Tenants[tenantA] {
			w.t.Errorf("%d objects of type %s are left", len(objects), typ)
		}
		w.b.unchanged("while the other left", beforeB)
		if n := len(w.objects(tenantB, "virtualservice")); n != heldB {
			w.t.Errorf("the other cluster has %d virtual services, before %d", n, heldB)
		}
	})
	w.run("then nothing is written", func(w *world) {
		w.settle()
		mark, before := w.mark(), w.a.shows()
		w.a.apply(balanced("late", "TCP", 6000, "10.1.0.21"))
		w.must(w.Hub.Restart(t.Context()))
		w.MustSettle(w.t)
		w.wroteNothing("offboarded", mark)
		w.a.unchanged("offboarded", before)
		w.must(w.cli("plan", nameA).OK())
		w.must(w.cli("offboard", nameA).OK())
	})
	w.run("enforce makes all again", func(w *world) {
		w.register(nameA, v1alpha1.ModeEnforce)
		w.served(w.a, append([]string{"Service late"}, shopObjects...)...)
		w.settle()
		for o, s := range w.a.shows() {
			if was, ok := beforeA[o]; ok && len(s.Hosts) != len(was.Hosts) {
				w.t.Errorf("%s shows %+v, before %+v", o, s, was)
			}
		}
	})
}

// says is an error if "akohub clusters" lacks a part.
func (w *world) says(parts ...string) error {
	out := w.cli("clusters")
	for _, part := range parts {
		if !strings.Contains(out.Stdout, part) {
			return fmt.Errorf("%q is not in\n%s%s", part, out.Stdout, out.Stderr)
		}
	}
	return nil
}

// left waits until the hub says how many objects of the first cluster are left.
func (w *world) left(want int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%d objects are left", want), func() error {
		c, err := w.standing(nameA)
		switch {
		case err != nil:
			return err
		case c.Leaving == nil || c.Leaving.Objects == nil:
			return fmt.Errorf("it is not known: %+v", c.Leaving)
		case *c.Leaving.Objects != want:
			return fmt.Errorf("%d are left: %s", *c.Leaving.Objects, c.Error)
		case want == 0 && c.Leaving.State != admin.StateOffboarded:
			return fmt.Errorf("it is %s, with %d statuses", c.Leaving.State, c.Leaving.Statuses)
		}
		return nil
	})
}
