package reconcile

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
)

// wander is a cluster whose namespaces, default and ns, change their tenants and
// what is in them.
type wander struct {
	*cluster
	f   *fixture
	log []string
}

func (w *wander) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

// step changes something of a world and returns what: there is a tombstone for
// what is gone.
func (w *wander) step(r *rand.Rand) (changed, gone []mirror.Ref) {
	ns := []string{"default", "ns"}[r.IntN(2)]
	switch r.IntN(3) {
	case 0, 1:
		tenant := []string{"", "a", "b", "team"}[r.IntN(4)]
		w.note("namespace %s to %q", ns, tenant)
		w.namespace(ns, tenant)
		ref := mirror.Ref{Kind: kinds.Namespace, Name: ns}
		w.world[ref].ContentHash = []byte("tenant " + tenant)
		return []mirror.Ref{ref}, nil
	default:
		name := fmt.Sprint("x", r.IntN(3))
		ref := mirror.Ref{Kind: kinds.Service, Namespace: ns, Name: name}
		if _, there := w.world[ref]; there {
			w.note("%s/%s goes", ns, name)
			return nil, []mirror.Ref{ref}
		}
		w.note("%s/%s comes", ns, name)
		was := w.world[mirror.Ref{Kind: kinds.Namespace, Name: ns}]
		w.balancer(ns, name, 0, 80)
		w.world[mirror.Ref{Kind: kinds.Namespace, Name: ns}] = was
		return []mirror.Ref{ref}, nil
	}
}

// wants returns what should be on the controller: what a fresh one has.
func (w *wander) wants(t *testing.T) map[string][]string {
	f := start(t, "team", "a", "b")
	f.up(registration("c1"), maps.Clone(w.world)).settle()
	return f.inTenants()
}

func (f *fixture) inTenants() map[string][]string {
	out := map[string][]string{}
	for _, tenant := range []string{"team", "a", "b"} {
		out[tenant] = f.everything(tenant)
	}
	return out
}

// However namespaces wander between tenants, and whoever looks, what is on the
// controller in the end is what a fresh one gets. (A tenant that still belongs
// to the cluster keeps its shared virtual services, with their addresses.)
func TestNamespacesWander(t *testing.T) {
	for seed := range uint64(wanderings) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := start(t, "team", "a", "b")
			objects := sites(2, 1)
			objects.balancer("ns", "lb", 0, 80)
			w := &wander{cluster: f.up(registration("c1"), objects), f: f}
			w.settle()
			w.walk(rand.New(rand.NewPCG(seed, 0)))
			f.pass(2 * searchEvery)
			w.settle()
			want, got := w.wants(t), f.inTenants()
			for tenant := range got {
				if w.belongsTo(tenant) {
					shared := func(o string) bool { return strings.Contains(o, "Shared-L7") && !slices.Contains(want[tenant], o) }
					got[tenant] = slices.DeleteFunc(got[tenant], shared)
				}
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("-want +got:\n%s\n%s", diff, strings.Join(w.log, "\n"))
			}
		})
	}
}

// wanderings is how many histories are tried.
const wanderings = 25

func (w *wander) walk(r *rand.Rand) {
	for range 1 + r.IntN(6) {
		if r.IntN(4) > 0 {
			changed, gone := w.step(r)
			w.send(changed...)
			w.tombstone(gone...)
		} else {
			w.note("the hub is down")
			w.cluster = w.f.whileDown(w.cluster, registration("c1"), func(world) {
				_, gone := w.step(r)
				for _, ref := range gone {
					delete(w.world, ref)
				}
			})
			w.sync()
		}
		err := w.try()
		if err == nil {
			continue
		}
		// What left no word may wait for a person.
		if !strings.Contains(err.Error(), "approval") {
			w.f.t.Fatalf("%v\n%s", err, strings.Join(w.log, "\n"))
		}
		w.note("approved")
		if err := w.f.manager.Approve("c1"); err != nil {
			w.f.t.Fatal(err)
		}
		w.settle()
	}
}

func (c *cluster) belongsTo(tenant string) (yes bool) {
	c.inside(func(w *worker) { yes = w.belongs(tenant) })
	return yes
}
