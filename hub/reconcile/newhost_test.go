package reconcile

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// benchModes are the ways to serve hosts, with how many objects a new plain host
// takes: its own, and those of a shared parent that name it.
var benchModes = []struct {
	name   string
	change func(*translate.Settings)
	steps  int
}{
	{"SNI", func(*translate.Settings) {}, 3},
	{"EVH", func(s *translate.Settings) { s.EVH = true }, 5},
	{"dedicated", func(s *translate.Settings) { s.ShardSize = 0 }, 5},
}

// BenchmarkNewHost is the way of a new host from the mirror to a plan, and of
// its removal. What grows with the number of hosts is the assembly of the one
// parent that names it, an eighth of them all; with virtual services of the
// hosts' own there is none.
func BenchmarkNewHost(b *testing.B) {
	for _, mode := range benchModes {
		for _, n := range []int{100, 1000, 10000} {
			b.Run(fmt.Sprintf("%s/hosts=%d", mode.name, n), func(b *testing.B) {
				m := mirror.New("c1")
				w := benchWorker(b, m, n, mode.change)
				hosts := newHost()
				b.ReportAllocs()
				b.ResetTimer()
				for i := 1; b.Loop(); i++ {
					hosts.comeAndGo(b, w, i, mode.steps)
				}
			})
		}
	}
}

// TestNewHost holds the benchmark, and the number of objects that a new host
// takes, to what they say.
func TestNewHost(t *testing.T) {
	for _, mode := range benchModes {
		t.Run(mode.name, func(t *testing.T) {
			m := mirror.New("c1")
			w := benchWorker(t, m, 20, mode.change)
			before := w.model.graph.Len()
			for i := range 3 {
				newHost().comeAndGo(t, w, i+1, mode.steps)
			}
			if after := w.model.graph.Len(); after != before || len(w.observed) != before {
				t.Errorf("%d objects are wanted and %d there, before %d", after, len(w.observed), before)
			}
			if diff := cmp.Diff(newReferrals(w.observed), w.referrals, cmp.AllowUnexported(referrals{})); diff != "" {
				t.Errorf("-anew +kept up: %s", diff)
			}
		})
	}
}

// newcomer is a host with what it leads to.
type newcomer struct {
	world
	refs []mirror.Ref
}

func newHost() newcomer {
	w := world{}
	w.service("web-new", "ClusterIP")
	w.slice("web-new", "web-new-1", 0, "10.9.9.9")
	w.ingress("new", 0, "new.apps.test")
	return newcomer{w, []mirror.Ref{
		{Kind: kinds.Service, Namespace: "default", Name: "web-new"},
		{Kind: kinds.EndpointSlice, Namespace: "default", Name: "web-new-1"},
		{Kind: kinds.Ingress, Namespace: "default", Name: "new"},
	}}
}

func (n newcomer) comeAndGo(t testing.TB, w *worker, version, steps int) {
	t.Helper()
	for _, ref := range n.refs {
		apply(t, w.mirror, n.world[ref])
	}
	carry(t, w, version, steps)
	for _, ref := range n.refs {
		apply(t, w.mirror, &akohubv1.Record{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Uid: n.world[ref].GetUid(), Deleted: true})
	}
	carry(t, w, version, steps)
}

// carry takes what is dirty through translation and planning, and takes the plan
// for carried out.
func carry(t testing.TB, w *worker, version, steps int) {
	t.Helper()
	w.translate()
	p, ok := w.plan(w.reg)
	if !ok || len(p.Steps) != steps || p.Held != "" || len(p.Skipped)+len(p.Conflicts) > 0 {
		for _, s := range p.Steps {
			t.Log(s.Op, s.Key.Type, s.Key.Name)
		}
		t.Fatalf("planned %v, held %q, skipped %v", p.Counts(), p.Held, p.Skipped)
	}
	for _, s := range p.Steps {
		if s.Op == plan.Delete {
			w.letGo(s.Key)
		} else {
			w.hold(observedOf(t, s.Want, version))
		}
	}
	w.undone, w.explicit = emptied(w.undone), emptied(w.explicit)
	w.tell(w.reg)
	w.takeAnswers()
}

// What refers to nothing is noted as such, and only that: what Avi would refuse
// to delete since another object refers to it must be found.
func TestNoteRefs(t *testing.T) {
	for name, c := range map[string]struct {
		body map[string]any
		want []plan.Key
	}{
		"nothing":  {map[string]any{"cloud_ref": "/api/cloud/c#Default-Cloud"}, []plan.Key{}},
		"named":    {map[string]any{"pool_ref": "https://avi/api/pool/pool-1#p"}, []plan.Key{{Tenant: "team", Type: "pool", Name: "p"}}},
		"nameless": {map[string]any{"pool_ref": "https://avi/api/pool/pool-1"}, nil},
	} {
		c.body["name"], c.body["uuid"] = "vs", "virtualservice-1"
		o, err := plan.NewObserved("team", "virtualservice", c.body)
		if err != nil {
			t.Fatal(err)
		}
		noteRefs(o)
		if diff := cmp.Diff(c.want, o.Refs); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	noteRefs(nil)
}

// A plan of little scope knows of what is out of it and refers to what is in it.
func TestNarrowPlanKnowsReferrers(t *testing.T) {
	for name, ref := range map[string]string{"named": "https://avi/api/pool/pool-1#c1--left", "nameless": "https://avi/api/pool/pool-1"} {
		t.Run(name, func(t *testing.T) {
			w := benchWorker(t, mirror.New("c1"), 20)
			hold := func(typ, uuid string, more map[string]any) plan.Key {
				body := map[string]any{"name": "c1--left", "uuid": uuid, "created_by": "ako-c1"}
				maps.Copy(body, more)
				o, err := plan.NewObserved("team", typ, body)
				if err != nil {
					t.Fatal(err)
				}
				w.hold(o)
				return o.Key
			}
			pool := hold("pool", "pool-1", nil)
			group := hold("poolgroup", "poolgroup-1", map[string]any{"members": []any{map[string]any{"pool_ref": ref}}})
			w.undone[pool] = struct{}{}
			if p, ok := w.plan(w.reg); !ok || len(p.Steps) > 0 || len(p.Skipped) != 1 || p.Skipped[0].Key != pool || !strings.Contains(p.Skipped[0].Reason, "refers") {
				t.Errorf("steps %v, skipped %v", p.Steps, p.Skipped)
			}
			w.letGo(group)
			w.undone[pool] = struct{}{}
			if p, ok := w.plan(w.reg); !ok || len(p.Steps) != 1 || p.Steps[0].Op != plan.Delete {
				t.Errorf("steps %v, skipped %v", p.Steps, p.Skipped)
			}
			if diff := cmp.Diff(newReferrals(w.observed), w.referrals, cmp.AllowUnexported(referrals{})); diff != "" {
				t.Errorf("-anew +kept up: %s", diff)
			}
		})
	}
}
