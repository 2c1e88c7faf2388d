package plan

import (
	"slices"
	"testing"

	"github.com/akohub/akohub/hub/desired"
)

// moved is an object as it is wanted in another tenant.
func moved(t *testing.T, o *desired.Object, to string) *desired.Object {
	t.Helper()
	k := o.Key
	k.Tenant = to
	out, err := desired.FromBody(k, o.Body, o.From)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// steps returns the index of each step.
func steps(p Plan) map[Op]map[string]int {
	out := map[Op]map[string]int{}
	for i, s := range p.Steps {
		if out[s.Op] == nil {
			out[s.Op] = map[string]int{}
		}
		out[s.Op][s.Key.Type+" "+s.Key.Name] = i
	}
	return out
}

func TestNewTenantFirst(t *testing.T) {
	old := service(t, "a", "10.0.0.1")
	var fresh []*desired.Object
	for _, o := range old {
		fresh = append(fresh, moved(t, o, "elsewhere"))
	}
	p := Compute(input(fresh, allRead(t, old)))
	at := steps(p)
	if len(at[Create]) != len(old) || len(at[Delete]) != len(old) {
		t.Fatalf("%v", ops(p))
	}
	for name, gone := range at[Delete] {
		if made := at[Create][name]; made > gone || !slices.Contains(p.Steps[gone].After, made) {
			t.Errorf("%s is made by step %d and deleted by step %d, which waits for %v", name, made, gone, p.Steps[gone].After)
		}
	}

	t.Run("what can't be made keeps the old one", func(t *testing.T) {
		in := input(fresh, allRead(t, old))
		in.Broken = map[Key]string{}
		for _, o := range fresh {
			in.Broken[o.Key] = "no rights"
		}
		if p := Compute(in); len(p.Steps) > 0 || len(p.Skipped) != 2*len(old) {
			t.Errorf("%v, %d left out", ops(p), len(p.Skipped))
		}
	})
}
