package avi

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/avisim"
)

// The whole life of a Service: made, read back by a hub that starts anew
// without a write, one endpoint changed by one write, deleted without a rest.
func TestApplyLife(t *testing.T) {
	f := start(t, nil)
	objects := l4(t, "web", "10.244.0.10", "10.244.1.10")
	in := input(f.inventory(t, f.client), objects)
	in.Edits = []translate.Edit{seGroupEdit()}
	f.apply(t, plan.Compute(in))

	restarted := f.newClient(t, nil)
	observed := f.inventory(t, restarted)
	if len(observed) != len(objects) {
		t.Fatalf("the inventory has %d objects, want %d", len(observed), len(objects))
	}
	facts, err := restarted.Facts(testContext(t), FactsRequest{Tenant: testTenant, Cloud: "Default-Cloud", SEGroup: "Default-Group"})
	if err != nil {
		t.Fatal(err)
	}
	in.Observed = observed
	in.Observed[seGroupEdit().Key] = facts.SEGroup
	f.sim.ResetRequests()
	if p := plan.Compute(in); !p.Empty() {
		t.Fatalf("a restart has something to write: %+v", p.Redacted())
	}

	in.Desired = l4(t, "web", "10.244.0.10", "10.244.1.11")
	p := plan.Compute(in)
	f.apply(t, p)
	want := []string{"PUT pool cluster1--default-web-TCP-80"}
	if diff := cmp.Diff(want, writes(f.sim)); diff != "" {
		t.Errorf("writes of an endpoint change (-want +got):\n%s", diff)
	}

	in.Desired = nil
	in.Observed = f.inventory(t, f.client)
	f.apply(t, plan.Compute(in))
	if left := f.inventory(t, f.client); len(left) != 0 {
		t.Errorf("%d objects are left after the deletion", len(left))
	}
}

func TestApplyAdoptsWhatExists(t *testing.T) {
	f := start(t, nil)
	objects := l4(t, "web", "10.244.0.10")
	f.apply(t, plan.Compute(input(nil, objects)))
	f.sim.ResetRequests()
	// A hub that knows of nothing finds its own objects behind each 409.
	for _, r := range f.apply(t, plan.Compute(input(nil, objects))) {
		if r.Wrote || r.Observed == nil {
			t.Errorf("%s %v: wrote %v, observed %v; want an adoption without a write", r.Op, r.Key, r.Wrote, r.Observed)
		}
	}
	for _, r := range f.sim.Writes() {
		if r.Method != "POST" || r.Status != 409 {
			t.Errorf("%s %s %s was answered %d, want only refused creations", r.Method, r.Type, r.Name, r.Status)
		}
	}
}

func TestApplyConflict(t *testing.T) {
	f := start(t, nil)
	objects := l4(t, "web", "10.244.0.10")
	foreign := map[string]any{"name": objects[1].Key.Name, "created_by": "ako-other", "cloud_ref": cloudRef}
	if _, err := f.client.Create(testContext(t), testTenant, "pool", foreign); err != nil {
		t.Fatal(err)
	}
	results := f.client.Apply(testContext(t), plan.Compute(input(nil, objects)), nil)
	classes := map[string]Class{}
	for _, r := range results {
		classes[r.Key.Type] = ClassOf(r.Err)
	}
	want := map[string]Class{"vsvip": "", "pool": Conflict, "l4policyset": Skipped, "virtualservice": Skipped}
	if diff := cmp.Diff(want, classes); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	o, err := f.client.Read(testContext(t), objects[1].Key, "")
	if err != nil || plan.Owner(o) != "ako-other" {
		t.Errorf("the foreign pool is now %v, %v", o, err)
	}
	taken, err := f.client.ForeignNames(testContext(t), testCluster, testCreatedBy, []plan.Key{objects[0].Key, objects[1].Key})
	if err != nil || len(taken) != 1 || taken[objects[1].Key] != "ako-other" {
		t.Errorf("ForeignNames = %v, %v", taken, err)
	}
}

func TestApplyUpdateInBetween(t *testing.T) {
	f := start(t, nil)
	objects := l4(t, "web", "10.244.0.10")
	f.apply(t, plan.Compute(input(nil, objects)))
	observed := f.inventory(t, f.client)
	pool := observed[objects[1].Key]
	// Somebody sets a field that the hub doesn't manage, after our reading.
	other := plan.Body(objects[1], pool)
	other["description"] = "mine"
	if _, err := f.client.Update(testContext(t), testTenant, "pool", pool.UUID, other); err != nil {
		t.Fatal(err)
	}
	f.sim.ResetRequests()
	changed := slices.Replace(slices.Clone(objects), 1, 2, l4Pool(t, "web", "10.244.9.9"))
	r := f.apply(t, plan.Compute(input(observed, changed)))
	if len(r) != 1 || r[0].Observed.Body["description"] != "mine" {
		t.Errorf("results %+v: want one update that keeps the foreign field", r)
	}
	var statuses []int
	for _, w := range f.sim.Writes() {
		statuses = append(statuses, w.Status)
	}
	if !slices.Equal(statuses, []int{412, 200}) {
		t.Errorf("statuses of the writes: %v, want 412 then 200", statuses)
	}
}

func TestApplyRecreatesWhatIsGone(t *testing.T) {
	f := start(t, nil)
	pool := l4Pool(t, "web", "10.0.0.1")
	f.apply(t, plan.Compute(input(nil, l4(t, "web", "10.0.0.1")[1:2])))
	observed := f.inventory(t, f.client)
	if err := f.client.Delete(testContext(t), testTenant, "pool", observed[pool.Key].UUID); err != nil {
		t.Fatal(err)
	}
	changed := l4(t, "web", "10.0.0.2")[1:2]
	r := f.apply(t, plan.Compute(input(observed, changed)))
	if !r[0].Wrote || r[0].Observed.UUID == "" {
		t.Errorf("result %+v", r[0])
	}
	// Deleting what is gone is done.
	gone := f.inventory(t, f.client)
	if err := f.client.Delete(testContext(t), testTenant, "pool", gone[pool.Key].UUID); err != nil {
		t.Fatal(err)
	}
	f.apply(t, plan.Compute(input(gone, nil)))
}

// A creation without an answer is looked for before it is repeated.
func TestApplyLostAnswer(t *testing.T) {
	tests := map[string]struct {
		fault avisim.Fault
		posts int
	}{
		"carried out, then cut": {avisim.Fault{DropAfterCommit: true}, 1},
		"cut before":            {avisim.Fault{DropBeforeCommit: true}, 2},
		"half an answer":        {avisim.Fault{Truncate: true}, 1},
		"bad gateway":           {avisim.Fault{Status: 502}, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := start(t, nil)
			objects := l4(t, "web", "10.244.0.10")
			test.fault.Method, test.fault.Type, test.fault.Times = "POST", "pool", 1
			f.sim.Inject(test.fault)
			f.apply(t, plan.Compute(input(nil, objects)))
			posts := 0
			for _, w := range f.sim.Writes() {
				if w.Method == "POST" && w.Type == "pool" {
					posts++
				}
			}
			if inv := f.inventory(t, f.client); len(inv) != len(objects) || posts != test.posts {
				t.Errorf("%d objects after %d POSTs of the pool; want %d, %d", len(inv), posts, len(objects), test.posts)
			}
		})
	}
}

func TestApplyFailureStaysWhereItIs(t *testing.T) {
	f := start(t, nil)
	f.sim.Inject(avisim.Fault{Method: "POST", Type: "pool", NameContains: "web", Status: 400, Body: "Pool is bad"})
	p := plan.Compute(input(nil, append(l4(t, "web", "10.0.0.1"), l4(t, "api", "10.0.0.2")...)))
	var order []int
	results := f.client.Apply(testContext(t), p, func(i int, r Result) { order = append(order, i) })
	if len(order) != len(results) {
		t.Errorf("%d calls for %d steps", len(order), len(results))
	}
	for _, r := range results {
		want := Class("")
		if r.Key.Name != "cluster1--default-api" && r.Key.Name != "cluster1--default-api-TCP-80" {
			want = map[string]Class{"vsvip": "", "pool": Invalid, "l4policyset": Skipped, "virtualservice": Skipped}[r.Key.Type]
		}
		if ClassOf(r.Err) != want {
			t.Errorf("%s %v: %v, want class %q", r.Op, r.Key, r.Err, want)
		}
	}
}

func TestApplyUpgradeHalts(t *testing.T) {
	f := start(t, func(c *Config) { c.MaxInFlight = 1 })
	f.sim.Inject(avisim.Fault{Method: "POST", Status: 403, Body: "Configuration is disallowed during upgrade", Type: "vsvip"})
	results := f.client.Apply(testContext(t), plan.Compute(input(nil, l4(t, "web", "10.0.0.1"))), nil)
	if ClassOf(results[0].Err) != UpgradeInProgress {
		t.Fatalf("first step: %v", results[0].Err)
	}
	for _, r := range results[1:] {
		if ClassOf(r.Err) != Skipped {
			t.Errorf("%s %v: %v, want it skipped", r.Op, r.Key, r.Err)
		}
	}
	if w := writes(f.sim); len(w) != 1 {
		t.Errorf("writes %v, want one", w)
	}
}

func TestApplyRefusesBlockedPlans(t *testing.T) {
	f := start(t, nil)
	for _, mode := range []plan.Mode{plan.ModeObserve, plan.ModeFrozen, ""} {
		in := input(nil, l4(t, "web", "10.0.0.1"))
		in.Mode = mode
		for _, r := range f.client.Apply(testContext(t), plan.Compute(in), nil) {
			if ClassOf(r.Err) != Skipped {
				t.Errorf("mode %q: %v", mode, r.Err)
			}
		}
	}
	if w := writes(f.sim); len(w) != 0 {
		t.Errorf("writes %v", w)
	}
}

func TestEditLabels(t *testing.T) {
	f := start(t, nil)
	in := input(nil, nil)
	in.Edits = []translate.Edit{seGroupEdit()}
	r := f.apply(t, plan.Compute(in))
	if !r[0].Wrote {
		t.Fatal("the label was not written")
	}
	if r = f.apply(t, plan.Compute(in)); r[0].Wrote {
		t.Error("the label was written again")
	}
	other := seGroupEdit()
	other.Labels = map[string]string{"clustername": "cluster10"}
	in.Edits = []translate.Edit{other}
	results := f.client.Apply(testContext(t), plan.Compute(in), nil)
	if ClassOf(results[0].Err) != Conflict {
		t.Errorf("another cluster's label: %v, want a conflict", results[0].Err)
	}
	if c := f.sim.Dump().SystemChanges["serviceenginegroup"]; len(c) != 1 {
		t.Errorf("system changes %v, want the one group", c)
	}
}
