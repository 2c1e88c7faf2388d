package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/test/harness"
)

// register writes a cluster's registration with a mode, and waits until the hub
// works by it.
func (w *world) register(name string, mode v1alpha1.Mode) {
	w.t.Helper()
	text, err := registration(name, mode)
	w.must(err)
	w.must(w.Hub.WriteCluster(name, text))
	w.eventually("mode "+string(mode), func() error {
		c, err := w.standing(name)
		if err == nil && c.Mode != string(mode) {
			err = fmt.Errorf("the mode is %q", c.Mode)
		}
		return err
	})
}

// planStatus waits until "akohub plan" ends with a status: a change may be on its
// way still.
func (w *world) planStatus(name string, status int) harness.Output {
	w.t.Helper()
	var out harness.Output
	w.eventually(fmt.Sprintf("akohub plan %s with status %d", name, status), func() error {
		if out = w.cli("plan", name, "-o", "json"); out.Status != status {
			return fmt.Errorf("status %d\n%s%s", out.Status, out.Stdout, out.Stderr)
		}
		return nil
	})
	return out
}

func TestModes(t *testing.T) {
	w := newWorldIn(t, v1alpha1.ModeObserve)
	w.a.apply(shop(t, nameA, 1))
	w.MustSettle(t)

	w.run("observe plans and writes nothing", func(w *world) {
		before := w.a.shows()
		out := w.planStatus(nameA, 2)
		for _, part := range []string{webHost(nameA), secureHost(nameA), w.a.ns + "-db"} {
			if !strings.Contains(out.Stdout, part) {
				w.t.Errorf("the plan lacks %s:\n%s", part, out.Stdout)
			}
		}
		if strings.Contains(out.Stdout+out.Stderr, "PRIVATE KEY") {
			w.t.Error("the plan shows a private key")
		}
		w.wroteNothing("observing", 0)
		w.a.unchanged("observing", before)
		if _, ok := w.Simulator.Dump().Tenants["admin"]["tenant"]; ok {
			w.t.Error("a tenant was made")
		}
	})
	w.run("enforce, while it runs, creates", func(w *world) {
		w.register(nameA, v1alpha1.ModeEnforce)
		w.served(w.a, shopObjects...)
		w.settle()
		w.planStatus(nameA, 0)
	})
	w.run("frozen writes nothing", func(w *world) {
		w.register(nameA, v1alpha1.ModeFrozen)
		before, mark := w.a.shows(), w.mark()
		w.a.apply(ingress("late", "late-"+nameA+".apps.example.test", "cart"))
		w.a.deleteService("dns")
		w.planStatus(nameA, 2)
		w.wroteNothing("frozen", mark)
		delete(before, "Service dns")
		w.a.unchanged("frozen", before)
	})
	w.run("create-only creates and deletes nothing", func(w *world) {
		mark := w.mark()
		w.a.apply(balanced("fresh", "TCP", 6000, "10.1.0.20"))
		w.register(nameA, v1alpha1.ModeCreateOnly)
		w.served(w.a, "Service fresh")
		w.MustSettle(w.t)
		for _, l := range w.since(mark) {
			if !strings.HasPrefix(l, "POST ") {
				w.t.Errorf("not a creation: %s", l)
			}
		}
		if _, ok := w.objects(tenantA, "virtualservice")[nameA+"--"+w.a.ns+"-dns"]; !ok {
			w.t.Error("the virtual service of the deleted Service is gone")
		}
	})
	w.run("enforce catches up", func(w *world) {
		w.register(nameA, v1alpha1.ModeEnforce)
		w.served(w.a, "Ingress late")
		w.eventually("the deletion", func() error {
			if _, ok := w.objects(tenantA, "virtualservice")[nameA+"--"+w.a.ns+"-dns"]; ok {
				return fmt.Errorf("the virtual service of the deleted Service is still there")
			}
			return nil
		})
		w.settle()
		w.planStatus(nameA, 0)
	})
}

func TestRegistrationFiles(t *testing.T) {
	w := newWorld(t)
	w.a.apply(shop(t, nameA, 1))
	w.b.apply(shop(t, nameB, 2))
	w.served(w.a, shopObjects...)
	w.served(w.b, shopObjects...)
	w.settle()
	beforeA, beforeB := w.a.shows(), w.b.shows()
	folder := filepath.Join(w.Hub.Dir, "clusters")

	w.run("a bad file is refused with its line, the others go on", func(w *world) {
		mark := w.mark()
		bad := "apiVersion: akohub.io/v1alpha1\nkind: Cluster\nmetadata:\n  name: third\nspec:\n  mode: obsreve\n  colour: red\n"
		file := filepath.Join(folder, "third.yaml")
		w.must(os.WriteFile(file, []byte(bad), 0o644))
		w.eventually("akohub clusters tells of it", func() error {
			out := w.cli("clusters")
			for _, part := range []string{"third.yaml", "6", "obsreve", "7", "colour", nameA, nameB} {
				if !strings.Contains(out.Stdout, part) {
					return fmt.Errorf("%q is not in\n%s%s", part, out.Stdout, out.Stderr)
				}
			}
			return nil
		})
		w.logged(w.Hub.Log(), "third.yaml", "obsreve")
		w.a.apply(balancedSlice("db", "TCP", 5432, "10.1.4.1"))
		w.eventually("the others go on", func() error {
			if w.mark() == mark {
				return fmt.Errorf("no write came")
			}
			return nil
		})
		w.must(os.Remove(file))
		w.eventually("it is forgotten", func() error {
			if out := w.cli("clusters"); strings.Contains(out.Stdout, "third.yaml") {
				return fmt.Errorf("still there:\n%s", out.Stdout)
			}
			return nil
		})
	})
	w.run("a good file that turns bad changes nothing", func(w *world) {
		w.settle()
		mark := w.mark()
		good, err := registration(nameA, v1alpha1.ModeEnforce)
		w.must(err)
		w.must(w.Hub.WriteCluster(nameA, append(good, []byte("  colour: red\n")...)))
		w.eventually("akohub clusters tells of it", func() error {
			if out := w.cli("clusters"); !strings.Contains(out.Stdout, "colour") || !strings.Contains(out.Stdout, tenantA) {
				return fmt.Errorf("it says\n%s", out.Stdout)
			}
			return nil
		})
		w.wroteNothing("a bad edit", mark)
		w.register(nameA, v1alpha1.ModeEnforce)
	})
	w.run("a removed registration ends the stream and deletes nothing", func(w *world) {
		w.settle()
		mark := w.mark()
		w.must(w.Hub.RemoveCluster(nameA))
		const reason = `the registration of cluster "prod" was removed`
		w.logged(w.Hub.Log(), "stream closed", "the registration of cluster", "was removed")
		w.logged(w.a.Agent.Log(), "was removed")
		w.logged(w.a.Agent.Log(), "is not registered")
		w.a.deleteIngress("web")
		w.must(w.SettleWrites(t.Context(), quiet))
		w.wrote("while it is not registered", mark)
		delete(beforeA, "Ingress web")
		w.a.unchanged("while it is not registered ("+reason+")", beforeA)
		w.b.unchanged("while the other is not registered", beforeB)
	})
	w.run("registered again, it catches up", func(w *world) {
		mark := w.mark()
		w.register(nameA, v1alpha1.ModeEnforce)
		w.eventually("the deletion", func() error {
			for name := range w.objects(tenantA, "pool") {
				if strings.Contains(name, webHost(nameA)) {
					return fmt.Errorf("pool %s is still there", name)
				}
			}
			return nil
		})
		w.settle()
		for _, l := range w.since(mark) {
			if strings.HasPrefix(l, "POST") {
				w.t.Errorf("not expected: %s", l)
			}
		}
		w.a.unchanged("registered again", beforeA)
	})
}
