package reconcile

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/explain"
)

// fares lists how the objects of an explanation fare.
func fares(a explain.Answer) (out []string) {
	for _, c := range a.Clusters {
		for _, o := range runtimeOf(&c) {
			text := o.Type + " " + o.Name + " ?"
			if r := o.Runtime; r != nil {
				text = strings.TrimSpace(fmt.Sprintf("%s %s %s %d %s", o.Type, o.Name, r.State, *r.HealthScore, r.Reason))
			}
			out = append(out, text)
		}
		if c.NoRuntime != "" {
			out = append(out, c.NoRuntime)
		}
	}
	return out
}

func TestExplainRuntime(t *testing.T) {
	f := start(t)
	f.up(registration("c1"), sites(0, 1))
	up := strings.Join(fares(f.explain(serviceQuery("c1", "lb0"))), "\n")
	if up != "virtualservice c1--default-lb0 UP 100\npool c1--default-lb0-TCP-80 UP 100" {
		t.Errorf("%s", up)
	}
	if err := f.sim.SetState("pool", "team", "c1--default-lb0-TCP-80", avisim.StateDown); err != nil {
		t.Fatal(err)
	}
	f.sim.ResetRequests()
	down := strings.Join(fares(f.explain(serviceQuery("c1", "lb0"))), "\n")
	if !strings.HasPrefix(down, "virtualservice c1--default-lb0 DOWN 0 no pool is up\npool c1--default-lb0-TCP-80 DOWN 0 ") {
		t.Errorf("%s", down)
	}
	if got := len(f.sim.Requests()); got != 2 {
		t.Errorf("%d requests for two objects", got)
	}

	t.Run("a controller that can't tell", func(t *testing.T) {
		f.sim.Inject(avisim.Fault{Method: http.MethodGet, Type: "virtualservice-inventory", Status: http.StatusForbidden, Body: "no"})
		got := fares(f.explain(serviceQuery("c1", "lb0")))
		if len(got) != 3 || !strings.HasSuffix(got[0], " ?") || !strings.Contains(got[1], " DOWN ") || got[2] == "" {
			t.Errorf("%v", got)
		}
	})
}

// However much there is, the controller is asked little.
func TestExplainRuntimeIsBounded(t *testing.T) {
	f := start(t)
	f.up(registration("c1"), sites(0, 1))
	a := f.explain(serviceQuery("c1", "lb0"))
	c := a.Clusters[0]
	one := c.Units[0].Objects
	for range 100 {
		c.Units[0].Objects = append(c.Units[0].Objects, one...)
	}
	f.sim.ResetRequests()
	addRuntime(t.Context(), f.ctl, &c)
	if got := len(f.sim.Requests()); got != runtimeMost || !strings.Contains(c.NoRuntime, "24 of 202") {
		t.Errorf("%d requests, %q", got, c.NoRuntime)
	}
}
