package plan

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/translate"
)

// service is a virtual service with all that hangs on it.
func service(t testing.TB, name, server string) []*desired.Object {
	t.Helper()
	return []*desired.Object{
		want(t, "virtualservice", "c1--"+name, fmt.Sprintf(`"vsvip_ref": "/api/vsvip/?name=c1--%s", "l4_policies": [{"index": 0, "l4_policy_set_ref": "/api/l4policyset/?name=c1--%s"}],
			"se_group_ref": "/api/serviceenginegroup?name=seg"`, name, name)),
		want(t, "l4policyset", "c1--"+name, fmt.Sprintf(`"l4_connection_policy": {"rules": [
			{"index": 0, "name": "/api/pool?name=c1--%[1]s-1", "action": {"select_pool": {"pool_ref": "/api/pool?name=c1--%[1]s-1"}}},
			{"index": 1, "name": "/api/pool?name=c1--%[1]s-2", "action": {"select_pool": {"pool_ref": "/api/pool?name=c1--%[1]s-2"}}}]}`, name)),
		want(t, "pool", "c1--"+name+"-1", fmt.Sprintf(`"servers": [{"ip": {"addr": %q, "type": "V4"}, "port": 80}]`, server)),
		want(t, "pool", "c1--"+name+"-2", `"servers": []`),
		want(t, "vsvip", "c1--"+name, `"vip": [{"vip_id": "0", "auto_allocate_ip": true}]`),
	}
}

func allRead(t testing.TB, objects []*desired.Object) map[Key]*Observed {
	t.Helper()
	out := map[Key]*Observed{}
	for _, o := range objects {
		out[o.Key] = asRead(t, o)
	}
	return out
}

func expectOps(t *testing.T, p Plan, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, ops(p)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestCreate(t *testing.T) {
	p := Compute(input(service(t, "a", "10.0.0.1"), nil))
	expectOps(t, p, "create vsvip/c1--a", "create pool/c1--a-1", "create pool/c1--a-2", "create l4policyset/c1--a", "create virtualservice/c1--a")
	var after [][]int
	for _, s := range p.Steps {
		after = append(after, s.After)
	}
	if diff := cmp.Diff([][]int{nil, nil, nil, {1, 2}, {0, 3}}, after); diff != "" {
		t.Errorf("After (-want +got):\n%s", diff)
	}
}

func TestNothingToDo(t *testing.T) {
	objects := service(t, "a", "10.0.0.1")
	p := Compute(input(objects, allRead(t, objects)))
	expectOps(t, p)
	if !p.Empty() || p.Counts().String() != "nothing to do" {
		t.Errorf("counts: %v", p.Counts())
	}
}

func TestEndpointChangeIsOneWrite(t *testing.T) {
	observed := allRead(t, append(service(t, "a", "10.0.0.1"), service(t, "b", "10.0.0.2")...))
	objects := append(service(t, "a", "10.0.0.9"), service(t, "b", "10.0.0.8")...)
	in := input(objects, observed)
	in.Scope = map[Key]bool{key("pool", "c1--a-1"): true}
	expectOps(t, Compute(in), "update pool/c1--a-1")
}

func TestDeleteOrder(t *testing.T) {
	observed := allRead(t, service(t, "a", "10.0.0.1"))
	p := Compute(input(nil, observed))
	expectOps(t, p, "delete virtualservice/c1--a", "delete l4policyset/c1--a", "delete pool/c1--a-1", "delete pool/c1--a-2", "delete vsvip/c1--a")
	if diff := cmp.Diff([]int{1}, p.Steps[2].After); diff != "" {
		t.Errorf("the pool's deletion waits for (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0}, p.Steps[4].After); diff != "" {
		t.Errorf("the VIP's deletion waits for (-want +got):\n%s", diff)
	}
}

func TestDeleteWaitsForTheUpdateThatDropsTheReference(t *testing.T) {
	group := func(members string) *desired.Object {
		return want(t, "poolgroup", "c1--g", `"members": [`+members+`]`)
	}
	pool := want(t, "pool", "c1--p", ``)
	observed := allRead(t, []*desired.Object{group(`{"pool_ref": "/api/pool?name=c1--p"}`), pool})
	p := Compute(input([]*desired.Object{group(``)}, observed))
	expectOps(t, p, "update poolgroup/c1--g", "delete pool/c1--p")
	if diff := cmp.Diff([]int{0}, p.Steps[1].After); diff != "" {
		t.Errorf("After (-want +got):\n%s", diff)
	}
	// A reference that stays keeps the object.
	in := input([]*desired.Object{group(``)}, observed)
	in.Scope = map[Key]bool{pool.Key: true}
	p = Compute(in)
	expectOps(t, p)
	if len(p.Skipped) != 1 || !strings.Contains(p.Skipped[0].Reason, `poolgroup "c1--g" still refers`) {
		t.Errorf("skipped: %+v", p.Skipped)
	}
}

func TestKeepUnknown(t *testing.T) {
	observed := allRead(t, service(t, "a", "10.0.0.1"))
	in := input(nil, observed)
	in.KeepUnknown = func(k Key) bool { return k.Type == "l4policyset" }
	// Its pools are referred to by what stays.
	expectOps(t, Compute(in), "delete virtualservice/c1--a", "delete vsvip/c1--a")
}

func TestOnlyItsOwn(t *testing.T) {
	foreign := have(t, "pool", "c1--p", `"created_by": "ako-c10"`)
	group := have(t, "serviceenginegroup", "seg", ``)
	vip := have(t, "vsvip", "ako-gw-c1--v", ``)
	in := input([]*desired.Object{want(t, "pool", "c1--p", `"enabled": false`)}, observedOf(foreign, group, vip))
	p := Compute(in)
	expectOps(t, p)
	if diff := cmp.Diff([]Conflict{{Key: foreign.Key, Owner: "ako-c10"}}, p.Conflicts); diff != "" {
		t.Errorf("conflicts (-want +got):\n%s", diff)
	}
	in.Desired = nil
	expectOps(t, Compute(in)) // and nothing is deleted either
}

func TestConflictAndBrokenLeaveSiblings(t *testing.T) {
	objects := append(service(t, "a", "10.0.0.1"), service(t, "b", "10.0.0.1")...)
	in := input(objects, nil)
	in.Foreign = map[Key]string{key("vsvip", "c1--a"): "clustername other"}
	in.Broken = map[Key]string{key("pool", "c1--b-1"): "Avi refuses it"}
	p := Compute(in)
	expectOps(t, p,
		"create vsvip/c1--b", "create pool/c1--a-1", "create pool/c1--a-2", "create pool/c1--b-2",
		"create l4policyset/c1--a", "create l4policyset/c1--b", "create virtualservice/c1--b")
	for _, s := range p.Steps {
		if s.Key == key("l4policyset", "c1--b") && strings.Contains(text(s.Want.Body), "c1--b-1") {
			t.Errorf("the refused pool is still in the policy: %s", text(s.Want.Body))
		}
	}
	reasons := map[Key]string{}
	for _, s := range p.Skipped {
		reasons[s.Key] = s.Reason
	}
	want := map[Key]string{
		key("pool", "c1--b-1"):         "Avi refuses it",
		key("vsvip", "c1--a"):          "the name is taken by an object of clustername other",
		key("virtualservice", "c1--a"): `needs vsvip "c1--a", which can't be written`,
	}
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

// What was left out of a group comes back when it can be made, though the
// group itself didn't change.
func TestPrunedComesBack(t *testing.T) {
	group := want(t, "poolgroup", "c1--g", `"members": [{"pool_ref": "/api/pool?name=c1--p"}, {"pool_ref": "/api/pool?name=c1--q"}]`)
	p, q := want(t, "pool", "c1--p", ``), want(t, "pool", "c1--q", ``)
	in := input([]*desired.Object{group, p, q}, nil)
	in.Broken = map[Key]string{p.Key: "no"}
	observed := map[Key]*Observed{}
	for _, s := range Compute(in).Steps {
		observed[s.Key] = asRead(t, s.Want)
		observed[s.Key].Applied = s.Want.Hash
	}
	in.Observed = observed
	in.Scope = map[Key]bool{p.Key: true, group.Key: true}
	expectOps(t, Compute(in)) // still refused
	in.Broken, in.Scope = nil, map[Key]bool{p.Key: true}
	expectOps(t, Compute(in), "create pool/c1--p", "update poolgroup/c1--g")
}

func TestBrokenUpdateKeepsTheOldObject(t *testing.T) {
	objects := service(t, "a", "10.0.0.1")
	observed := allRead(t, objects)
	in := input(service(t, "a", "10.0.0.2"), observed)
	in.Broken = map[Key]string{key("pool", "c1--a-1"): "no"}
	expectOps(t, Compute(in)) // the policy still has its pool as it was
}

func TestBrake(t *testing.T) {
	var objects []*desired.Object
	for i := range 10 {
		objects = append(objects, want(t, "virtualservice", fmt.Sprintf("c1--%d", i), ``))
	}
	tests := map[string]struct {
		keep       int
		brake      Brake
		tombstones int
		held       bool
	}{
		"few":             {keep: 8},
		"a share too big": {keep: 6, held: true},
		"all":             {keep: 0, held: true},
		"tombstones":      {keep: 6, tombstones: 10},
		"some tombstones": {keep: 4, tombstones: 4},
		"off":             {keep: 0, brake: Brake{MaxShare: 1}},
		"below the count": {keep: 5, brake: Brake{MaxShare: 0.1, MinCount: 6}},
		"none allowed":    {keep: 9, brake: Brake{MaxShare: 0, MinCount: 1}, held: true},
	}
	for name, test := range tests {
		in := input(objects[:test.keep], allRead(t, objects))
		in.Brake = test.brake
		in.Tombstoned = func(k Key) bool {
			return slices.IndexFunc(objects, func(o *desired.Object) bool { return o.Key == k }) < test.keep+test.tombstones
		}
		p := Compute(in)
		if (p.Held != "") != test.held || (p.Blocked() != "") != test.held {
			t.Errorf("%s: held %q, want %v", name, p.Held, test.held)
		}
		if len(p.Steps) != 10-test.keep {
			t.Errorf("%s: %d steps: a held plan shows all", name, len(p.Steps))
		}
	}
}

func TestModes(t *testing.T) {
	old := want(t, "pool", "c1--old", ``)
	changed := want(t, "pool", "c1--p", `"enabled": false`)
	observed := allRead(t, []*desired.Object{old, want(t, "pool", "c1--p", ``)})
	in := input([]*desired.Object{changed, want(t, "pool", "c1--new", ``)}, observed)
	all := []string{"update pool/c1--p", "create pool/c1--new", "delete pool/c1--old"}
	for mode, test := range map[Mode]struct {
		ops     []string
		blocked bool
	}{
		ModeEnforce:    {all, false},
		ModeObserve:    {all, true},
		ModeFrozen:     {all, true},
		"":             {all, true},
		ModeCreateOnly: {all[1:2], false},
	} {
		in.Mode = mode
		p := Compute(in)
		expectOps(t, p, test.ops...)
		if (p.Blocked() != "") != test.blocked {
			t.Errorf("mode %q: blocked %q", mode, p.Blocked())
		}
		if mode == ModeCreateOnly && len(p.Skipped) != 2 {
			t.Errorf("skipped: %+v", p.Skipped)
		}
	}
}

func TestEdits(t *testing.T) {
	edit := translate.Edit{Key: Key{Tenant: "admin", Type: "serviceenginegroup", Name: "seg"}, Cloud: "c", Labels: map[string]string{"clustername": cluster}}
	group := func(labels string) map[Key]*Observed {
		o := have(t, "serviceenginegroup", "seg", `"labels": [`+labels+`]`)
		o.Key = edit.Key
		return observedOf(o)
	}
	tests := map[string]struct {
		observed  map[Key]*Observed
		edit      bool
		conflicts int
	}{
		"not read":        {nil, true, 0},
		"no labels":       {group(``), true, 0},
		"labelled":        {group(`{"key": "clustername", "value": "c1"}, {"key": "x", "value": "y"}`), false, 0},
		"another's":       {group(`{"key": "clustername", "value": "c10"}`), false, 1},
		"only other ones": {group(`{"key": "team", "value": "x"}`), false, 1},
	}
	for name, test := range tests {
		in := input(service(t, "a", "10.0.0.1"), test.observed)
		in.Edits = []translate.Edit{edit}
		p := Compute(in)
		if edited := p.Steps[0].Op == Edit; edited != test.edit || len(p.Conflicts) != test.conflicts {
			t.Errorf("%s: %v, conflicts %v", name, ops(p), p.Conflicts)
		}
		last := p.Steps[len(p.Steps)-1]
		switch {
		case test.conflicts > 0:
			if last.Key.Type == "virtualservice" {
				t.Errorf("%s: a virtual service is made on somebody else's group", name)
			}
		case test.edit && !slices.Contains(last.After, 0):
			t.Errorf("%s: the virtual service doesn't wait for the label: %v", name, last.After)
		}
	}
}

func TestDeterminism(t *testing.T) {
	objects := append(service(t, "a", "10.0.0.1"), service(t, "b", "10.0.0.2")...)
	observed := allRead(t, append(service(t, "a", "10.0.0.9"), service(t, "c", "10.0.0.3")...))
	first, err := json.Marshal(Compute(input(objects, observed)).Redacted())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		rand.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		again, err := json.Marshal(Compute(input(objects, observed)).Redacted())
		if err != nil {
			t.Fatal(err)
		}
		if string(first) != string(again) {
			t.Fatalf("another order of objects, another plan:\n%s\n%s", first, again)
		}
	}
}

func TestRedacted(t *testing.T) {
	const secretText = "-----BEGIN PRIVATE KEY-----\nTOPSECRET"
	cert := func(key string) *desired.Object {
		text, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		return want(t, "sslkeyandcertificate", "c1--cert", `"key": `+string(text)+`, "certificate": {"certificate": "-----BEGIN CERTIFICATE-----"}`)
	}
	vs := want(t, "virtualservice", "c1--vs", `"oauth_vs_config": {"oauth_settings": [{"app_settings": {"client_id": "id", "client_secret": "TOPSECRET"}}]}, "services": [{"port": 80}]`)
	other := asRead(t, cert("-----BEGIN PRIVATE KEY-----\nOLDSECRET"))
	created := Compute(input([]*desired.Object{cert(secretText), vs}, nil))
	updated := Compute(input([]*desired.Object{cert(secretText), vs}, observedOf(other, have(t, "virtualservice", "c1--vs", ``))))
	if len(updated.Steps) != 2 {
		t.Fatalf("steps: %v", ops(updated))
	}
	for _, p := range []Plan{created, updated} {
		asJSON, err := json.Marshal(p.Redacted())
		if err != nil {
			t.Fatal(err)
		}
		asYAML, err := yaml.Marshal(p.Redacted())
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{string(asJSON), string(asYAML), fmt.Sprintf("%+v", p.Redacted())} {
			if strings.Contains(text, "SECRET") || !strings.Contains(text, "redacted") {
				t.Errorf("a secret is printed, or not marked:\n%s", text)
			}
		}
		if strings.Contains(string(asYAML), `"80"`) {
			t.Errorf("a number is printed as text:\n%s", asYAML)
		}
	}
}

func TestCarry(t *testing.T) {
	o := want(t, "pool", "c1--p", ``)
	mine := asRead(t, o)
	mine.Applied = o.Hash
	fresh := observedOf(asRead(t, o))
	Carry(observedOf(mine), fresh)
	if fresh[o.Key] != mine {
		t.Error("what is known of our own write is lost")
	}
	newer := asRead(t, o)
	newer.LastModified = "2"
	fresh = observedOf(newer)
	Carry(observedOf(mine), fresh)
	if fresh[o.Key] != newer {
		t.Error("a newer version is hidden")
	}
}

// Whatever the objects and whatever changes: each creation comes after those
// of what it refers to, each deletion after all that referred to the object
// were rewritten or deleted, and After points backwards.
func TestOrderProperty(t *testing.T) {
	types := []string{"vsvip", "sslkeyandcertificate", "pool", "poolgroup", "virtualservice"}
	refFields := []struct{ of, field string }{{"vsvip", "vsvip_ref"}, {"poolgroup", "pool_group_ref"}, {"pool", "pool_ref"}}
	draw := func(r *rapid.T, label string) []*desired.Object {
		var objects []*desired.Object
		names := map[string][]string{}
		for _, typ := range types {
			least := 0
			if typ == "vsvip" {
				least = 1 // a virtual service always has one
			}
			for i := range rapid.IntRange(least, 4).Draw(r, label+typ) {
				name := fmt.Sprintf("c1--%s%d", typ, i)
				names[typ] = append(names[typ], name)
				members := fmt.Sprintf(`"description": %q`, label)
				pick := func(of string) string {
					return rapid.SampledFrom(names[of]).Draw(r, label+name+of)
				}
				switch {
				case typ == "poolgroup" && len(names["pool"]) > 0:
					members = `"members": [{"pool_ref": "/api/pool?name=` + pick("pool") + `"}]`
				case typ == "virtualservice":
					members = `"services": []`
					for _, f := range refFields {
						if len(names[f.of]) > 0 {
							members += fmt.Sprintf(`, %q: "/api/%s/?name=%s"`, f.field, f.of, pick(f.of))
						}
					}
				}
				objects = append(objects, want(t, typ, name, members))
			}
		}
		return objects
	}
	rapid.Check(t, func(r *rapid.T) {
		before, after := draw(r, "before"), draw(r, "after")
		p := Compute(input(after, allRead(t, before)))
		at := map[Key]int{}
		for i, s := range p.Steps {
			at[s.Key] = i
			for _, j := range s.After {
				if j >= i {
					r.Fatalf("step %d comes after %d", i, j)
				}
			}
		}
		for i, s := range p.Steps {
			if s.Want != nil {
				for _, ref := range s.Want.Refs {
					if j, ok := at[ref]; ok && p.Steps[j].Op == Create && !slices.Contains(s.After, j) {
						r.Fatalf("%s %v doesn't wait for the creation of %v", s.Op, s.Key, ref)
					}
				}
			}
			if s.Have != nil {
				for _, ref := range s.Have.Refs {
					if j, ok := at[ref]; ok && p.Steps[j].Op == Delete && !slices.Contains(p.Steps[j].After, i) {
						r.Fatalf("the deletion of %v doesn't wait for %s %v", ref, s.Op, s.Key)
					}
				}
			}
		}
		if len(p.Skipped) > 0 {
			r.Fatalf("something is left out: %+v", p.Skipped)
		}
	})
}

func BenchmarkCompute(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		var objects []*desired.Object
		for i := range n / 5 {
			objects = append(objects, service(b, fmt.Sprint(i), "10.0.0.1")...)
		}
		read := allRead(b, objects)
		known := make(map[Key]*Observed, len(read))
		for i, o := range objects {
			c := *read[o.Key]
			if i > 0 {
				c.Applied = o.Hash
			}
			known[o.Key] = &c
		}
		objects = append(service(b, "0", "10.0.0.2"), objects[5:]...)
		changed := map[Key]bool{key("pool", "c1--0-1"): true}
		for name, in := range map[string]Input{
			"read":   input(objects, read),
			"known":  input(objects, known),
			"scoped": {Cluster: cluster, CreatedBy: createdBy, Desired: objects, Observed: known, Scope: changed, Mode: ModeEnforce},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				for b.Loop() {
					if p := Compute(in); len(p.Steps) != 1 {
						b.Fatalf("%d steps", len(p.Steps))
					}
				}
			})
		}
	}
}
