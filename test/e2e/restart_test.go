package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// promptly bounds how long the hub and the agent may take to end by SIGTERM.
const promptly = 5 * time.Second

// stop ends a program by SIGTERM, which must be quick.
func (w *world) stop(what string, stop func() error) {
	w.t.Helper()
	began := time.Now()
	if err := stop(); err != nil {
		w.t.Fatal(err)
	}
	if took := time.Since(began); took > promptly {
		w.t.Errorf("%s took %s to end", what, took)
	}
}

// must makes an error fatal.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestRestartsChangeNothing(t *testing.T) {
	w := newWorld(t)
	w.a.apply(shop(t, nameA, 1))
	w.b.apply(shop(t, nameB, 2))
	w.served(w.a, shopObjects...)
	w.served(w.b, shopObjects...)
	w.settle()
	beforeA, beforeB := w.a.shows(), w.b.shows()

	for _, tc := range []struct {
		name string
		do   func(w *world)
	}{
		{"hub killed", func(w *world) {
			w.must(w.Hub.Kill())
			w.must(w.Hub.Start(t.Context()))
		}},
		{"hub stopped", func(w *world) {
			w.stop("the hub", w.Hub.Stop)
			w.must(w.Hub.Start(t.Context()))
		}},
		{"agent killed", func(w *world) {
			w.must(w.a.Agent.Kill())
			w.must(w.a.Agent.Start(t.Context()))
		}},
		{"agent stopped", func(w *world) {
			w.stop("the agent", w.a.Agent.Stop)
			w.must(w.a.Agent.Start(t.Context()))
		}},
		{"API server killed", func(w *world) {
			w.must(w.a.Cluster.KillAPIServer())
			w.must(w.a.Cluster.StartAPIServer(t.Context()))
		}},
		{"everything killed", func(w *world) {
			w.must(w.Hub.Kill())
			w.must(w.a.Agent.Kill())
			w.must(w.b.Agent.Kill())
			w.must(w.a.Cluster.KillAPIServer())
			w.must(w.a.Cluster.StartAPIServer(t.Context()))
			w.must(w.StartPrograms(t.Context()))
		}},
	} {
		w.run(tc.name, func(w *world) {
			mark := w.mark()
			tc.do(w)
			w.must(w.a.Agent.WaitReady(t.Context()))
			w.settle()
			// What the parts know again shows in what they make of a change.
			w.a.apply(balancedSlice("db", "TCP", 5432, "10.1.1."+fmt.Sprint(len(w.since(0))%250+1)))
			w.eventually("the change after it", func() error {
				if n := w.mark() - mark; n == 0 {
					return fmt.Errorf("no write came")
				}
				return nil
			})
			w.settle()
			w.wrote("the restart and one changed endpoint", mark,
				fmt.Sprintf("PUT pool %s--%s-db-TCP-5432 (%s)", nameA, w.a.ns, tenantA))
			w.a.unchanged(tc.name, beforeA)
			w.b.unchanged(tc.name, beforeB)
		})
	}
}

func TestChangesDuringAnOutageAreCaughtUp(t *testing.T) {
	for _, tc := range []struct {
		name     string
		down, up func(w *world)
	}{
		{"hub", func(w *world) { w.must(w.Hub.Kill()) }, func(w *world) { w.must(w.Hub.Start(w.t.Context())) }},
		{"agent", func(w *world) { w.must(w.a.Agent.Kill()) }, func(w *world) { w.must(w.a.Agent.Start(w.t.Context())) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.a.apply(shop(t, nameA, 1))
			w.served(w.a, shopObjects...)
			w.settle()
			before, mark := w.a.shows(), w.mark()

			tc.down(w)
			w.a.apply(httpSlice("web", "10.1.0.77"))
			w.a.deleteService("dns")
			w.a.apply(ingress("more", "more-"+nameA+".apps.example.test", "cart"))
			w.wrote("while it is down", mark)
			tc.up(w)

			w.served(w.a, "Ingress more", "Ingress web", "Service db")
			w.settle()
			w.gone(tenantA, "virtualservice", w.a.ns+"-dns")
			pool := w.objects(tenantA, "pool")[fmt.Sprintf("%s--%s_-%s-web", nameA, webHost(nameA), w.a.ns)]
			if got := servers(pool); fmt.Sprint(got) != "[10.1.0.77:8080]" {
				t.Errorf("the servers are %v", got)
			}
			for _, l := range w.since(mark) {
				if strings.Contains(l, "-sig") || strings.Contains(l, "-db") || strings.Contains(l, secureHost(nameA)) {
					t.Errorf("not touched by any change, but: %s", l)
				}
			}
			delete(before, "Service dns")
			w.a.unchanged("what did not change", before)
		})
	}
}

// logged waits until a line of a log has all the parts.
func (w *world) logged(path string, parts ...string) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("a line with %q in %s", parts, path), func() error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
	lines:
		for l := range strings.Lines(string(text)) {
			for _, p := range parts {
				if !strings.Contains(l, p) {
					continue lines
				}
			}
			return nil
		}
		return fmt.Errorf("there is none")
	})
}
