package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/akohub/akohub/hub/admin"
)

// standing is what the hub says of a cluster.
func (w *world) standing(name string) (admin.Cluster, error) {
	all, err := w.Hub.Client().Clusters(w.t.Context())
	if err != nil {
		return admin.Cluster{}, err
	}
	for _, c := range all.Clusters {
		if c.Name == name {
			return c, nil
		}
	}
	return admin.Cluster{}, fmt.Errorf("the hub does not know %s", name)
}

// unwatched waits until the agent has told the hub that it can't watch a kind.
func (w *world) unwatched(name, kind string) {
	w.t.Helper()
	w.eventually("kind "+kind+" of "+name+" is not watched", func() error {
		c, err := w.standing(name)
		if err != nil {
			return err
		}
		for _, k := range c.Kinds {
			if k.Kind == kind && !k.Synced && k.Message != "" {
				return nil
			}
		}
		return fmt.Errorf("the kinds are %+v", c.Kinds)
	})
}

// TestNothingIsDeletedBlind takes the hub's and the agent's memory while there is
// nobody to ask: what is not known to be gone stays.
func TestNothingIsDeletedBlind(t *testing.T) {
	w := newWorld(t)
	w.a.apply(shop(t, nameA, 1))
	w.b.apply(shop(t, nameB, 2))
	w.served(w.a, shopObjects...)
	w.served(w.b, shopObjects...)
	w.settle()
	beforeA, mark := w.a.shows(), w.mark()
	const ingresses = "ingresses.networking.k8s.io"

	w.run("without an API server", func(w *world) {
		w.must(w.a.Cluster.KillAPIServer())
		// Whatever happens, later tests need it.
		t.Cleanup(func() { _ = w.a.Cluster.StartAPIServer(context.WithoutCancel(t.Context())) })
		w.must(w.Hub.Kill())
		w.must(w.a.Agent.Kill())
		w.must(w.StartPrograms(t.Context()))
		w.unwatched(nameA, ingresses)
		// The other cluster has all that it needs. Its write comes after anything
		// that the hub might have done to this one.
		w.b.apply(balancedSlice("db", "TCP", 5432, "10.2.9.9"))
		w.eventually("the other cluster goes on", func() error {
			if w.mark() == mark {
				return fmt.Errorf("no write came")
			}
			return nil
		})
		w.must(w.a.Cluster.StartAPIServer(t.Context()))
		w.settle()
		w.wrote("an agent without an API server", mark, fmt.Sprintf("PUT pool %s--%s-db-TCP-5432 (%s)", nameB, w.b.ns, tenantB))
	})
	w.run("without an agent", func(w *world) {
		mark := w.mark()
		w.must(w.a.Agent.Stop())
		w.must(w.Hub.Restart(t.Context()))
		w.a.deleteIngress("web")
		w.must(w.SettleWrites(t.Context(), quiet))
		w.wrote("a hub without an agent", mark)
		if c, err := w.standing(nameA); err != nil || c.ConnectedSince != nil {
			w.t.Errorf("%+v, %v", c, err)
		}
		w.must(w.a.Agent.Start(t.Context()))
		w.eventually("the deletion", func() error {
			if w.mark() == mark {
				return fmt.Errorf("no write came")
			}
			return nil
		})
		w.settle()
		w.gone(tenantA, "pool", webHost(nameA))
		delete(beforeA, "Ingress web")
	})
	w.run("without the right to list", func(w *world) {
		mark := w.mark()
		restore := w.forbid("ingresses")
		w.must(w.a.Agent.Restart(t.Context()))
		w.unwatched(nameA, ingresses)
		w.must(w.Hub.Restart(t.Context()))
		w.unwatched(nameA, ingresses)
		w.must(w.SettleWrites(t.Context(), quiet))
		w.wrote("an agent that may not list Ingresses", mark)
		restore()
		w.must(w.a.Agent.Restart(t.Context()))
		w.wroteNothing("an agent that may again", mark)
		w.a.unchanged("not knowing", beforeA)
	})
}

// forbid takes a resource out of what the agent of the first cluster may read.
func (w *world) forbid(resource string) (restore func()) {
	w.t.Helper()
	roles := w.a.client.RbacV1().ClusterRoles()
	list, err := roles.List(w.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=akohub-agent"})
	w.must(err)
	if len(list.Items) != 1 {
		w.t.Fatalf("the chart has %d ClusterRoles", len(list.Items))
	}
	role := list.Items[0]
	rules := slices.Clone(role.Rules)
	put := func(rules []rbacv1.PolicyRule) error {
		now, err := roles.Get(context.WithoutCancel(w.t.Context()), role.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		now.Rules = rules
		_, err = roles.Update(context.WithoutCancel(w.t.Context()), now, metav1.UpdateOptions{})
		return err
	}
	var fewer []rbacv1.PolicyRule
	for _, r := range rules {
		r.Resources = slices.DeleteFunc(slices.Clone(r.Resources), func(s string) bool { return s == resource })
		if len(r.Resources) > 0 {
			fewer = append(fewer, r)
		}
	}
	w.must(put(fewer))
	w.t.Cleanup(func() {
		if err := put(rules); err != nil {
			w.t.Errorf("giving the agent its rights back: %v", err)
		}
	})
	return func() { w.must(put(rules)) }
}
