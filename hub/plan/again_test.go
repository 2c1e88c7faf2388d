package plan

import (
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/desired"
)

func desiredOf(objects ...*desired.Object) []*desired.Object { return objects }

// A virtual service of another type is made anew: by two plans.
func TestMadeAnew(t *testing.T) {
	child := want(t, "virtualservice", "c1--a-b", `"type": "VS_TYPE_VH_CHILD", "vh_domain_name": ["a-b"]`)
	old := have(t, "virtualservice", "c1--a-b", `"type": "VS_TYPE_NORMAL", "vsvip_ref": "https://h/api/vsvip/vsvip-c1--a-b#c1--a-b"`)
	vip := have(t, "vsvip", "c1--a-b", "")
	p := Compute(input(desiredOf(child), observedOf(old, vip)))
	expectOps(t, p, "delete virtualservice/c1--a-b", "delete vsvip/c1--a-b")
	if s := p.Steps[0]; !s.Again || len(s.Changes) == 0 || len(p.Steps[1].After) != 1 || p.Steps[1].Again {
		t.Errorf("%+v", p.Steps)
	}
	p = Compute(input(desiredOf(child), nil))
	expectOps(t, p, "create virtualservice/c1--a-b")

	t.Run("the default is no change", func(t *testing.T) {
		plain := want(t, "virtualservice", "c1--a-b", `"enabled": false`)
		expectOps(t, Compute(input(desiredOf(plain), observedOf(old, vip))), "update virtualservice/c1--a-b", "delete vsvip/c1--a-b")
	})
	t.Run("not while it is needed", func(t *testing.T) {
		user := have(t, "virtualservice", "c1--z", `"type": "VS_TYPE_VH_CHILD", "vh_parent_vs_ref": "https://h/api/virtualservice/virtualservice-c1--a-b#c1--a-b"`)
		in := input(desiredOf(child), observedOf(old, user))
		in.KeepUnknown = func(k Key) bool { return k.Name == "c1--z" }
		p := Compute(in)
		expectOps(t, p)
		if len(p.Skipped) != 2 || !strings.Contains(p.Skipped[0].Reason, "c1--z") {
			t.Errorf("%+v", p.Skipped)
		}
	})
	t.Run("not where nothing may be deleted", func(t *testing.T) {
		in := input(desiredOf(child), observedOf(old))
		in.Mode = ModeCreateOnly
		expectOps(t, Compute(in))
	})
	t.Run("the brake holds it", func(t *testing.T) {
		in := input(desiredOf(child), observedOf(old))
		in.Brake = Brake{MaxShare: 0.1, MinCount: 1}
		if Compute(in).Held == "" {
			t.Error("not held")
		}
	})
}
