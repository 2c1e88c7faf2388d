package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestBrake lets most of a cluster's virtual services disappear while nobody
// looks, as a wiped etcd would: the deletions wait for a person.
func TestBrake(t *testing.T) {
	w := newWorld(t)
	const all, gone = 10, 6
	name := func(i int) string { return fmt.Sprintf("tls-%d", i) }
	host := func(i int) string { return fmt.Sprintf("tls-%d.apps.example.test", i) }
	manifests := []string{backend("cart", "10.1.0.3")}
	var names []string
	for i := range all {
		manifests = append(manifests, tlsSecret(name(i), newKeyPair(t, host(i))), tlsIngress(name(i), host(i), "cart", name(i)))
		names = append(names, "Ingress "+name(i))
	}
	w.a.apply(manifests...)
	w.served(w.a, names...)
	w.settle()
	mark := w.mark()
	before := w.a.shows()

	w.must(w.a.Agent.Kill())
	for i := range gone {
		w.a.deleteIngress(name(i))
		delete(before, "Ingress "+name(i))
	}
	w.must(w.a.Agent.Start(t.Context()))
	w.eventually("the plan is held", func() error {
		c, err := w.standing(nameA)
		if err == nil && c.Held == "" {
			err = errors.New("it is not")
		}
		return err
	})
	w.MustSettle(t)
	w.wrote("held", mark)
	if out := w.cli("clusters"); !strings.Contains(out.Stdout, "it would delete 6 of") {
		t.Errorf("akohub clusters does not tell:\n%s", out.Stdout)
	}
	if out := w.cli("plan", nameA); out.Status != 2 || !strings.Contains(out.Stdout, host(0)) {
		t.Errorf("akohub plan: status %d\n%s%s", out.Status, out.Stdout, out.Stderr)
	}
	if out := w.cli("approve", nameB); out.Status == 0 {
		t.Error("a plan was approved where none is held")
	}
	// It is still held after a restart of the hub, and the other cluster goes on.
	w.must(w.Hub.Restart(t.Context()))
	w.b.apply(balanced("db", "TCP", 5432, "10.2.0.4"))
	w.served(w.b, "Service db")
	w.MustSettle(t)
	for _, l := range w.since(mark) {
		if strings.HasSuffix(l, "("+tenantA+")") {
			t.Errorf("not expected while held: %s", l)
		}
	}

	w.must(w.cli("approve", nameA).OK())
	w.eventually("the deletions", func() error {
		for i := range gone {
			if _, ok := w.objects(tenantA, "virtualservice")[nameA+"--"+host(i)]; ok {
				return fmt.Errorf("the virtual service of %s is still there", host(i))
			}
		}
		return nil
	})
	w.settle()
	w.a.unchanged("those that stay", before)
	for i := gone; i < all; i++ {
		if _, ok := w.objects(tenantA, "virtualservice")[nameA+"--"+host(i)]; !ok {
			t.Errorf("the virtual service of %s is gone", host(i))
		}
	}
}
