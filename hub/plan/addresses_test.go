package plan

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/desired"
)

// at gives a service's VIP an address in a VRF context.
func at(t testing.TB, objects []*desired.Object, vrf, addr string) []*desired.Object {
	t.Helper()
	for i, o := range objects {
		if o.Key.Type != "vsvip" {
			continue
		}
		vip, err := desired.FromBody(o.Key, body(t, fmt.Sprintf(`{"name": %q, "cloud_ref": "/api/cloud/?name=c", "vrf_context_ref": "/api/vrfcontext/?name=%s",
			"markers": [{"key": "clustername", "values": ["c1"]}], "dns_info": [{"fqdn": "x.test"}],
			"vip": [{"vip_id": "0", "auto_allocate_ip": true, "ip_address": {"addr": %q, "type": "V4"}}]}`, o.Key.Name, vrf, addr)), nil)
		if err != nil {
			t.Fatal(err)
		}
		objects[i] = vip
	}
	return objects
}

// waits says whether a step comes after another and waits for it, over any
// number of others.
func waits(p Plan, step, first int) bool {
	return slices.ContainsFunc(p.Steps[step].After, func(i int) bool { return i == first || waits(p, i, first) })
}

func TestAddressIsFreedFirst(t *testing.T) {
	old := at(t, service(t, "a", "10.0.0.1"), "global", "10.9.9.9")
	t.Run("taken over", func(t *testing.T) {
		p := Compute(input(at(t, service(t, "b", "10.0.0.2"), "global", "10.9.9.9"), allRead(t, old)))
		at := steps(p)
		if !waits(p, at[Create]["vsvip c1--b"], at[Delete]["vsvip c1--a"]) {
			t.Errorf("the new VIP waits for %v: %v", p.Steps[at[Create]["vsvip c1--b"]].After, ops(p))
		}
		if len(p.Steps) != 10 {
			t.Errorf("%v", ops(p))
		}
		// What needs no address is there before.
		for _, o := range []string{"pool c1--b-1", "pool c1--b-2", "l4policyset c1--b"} {
			if waits(p, at[Create][o], at[Delete]["vsvip c1--a"]) {
				t.Errorf("%s waits for the deletion", o)
			}
		}
	})
	t.Run("among many deletions", func(t *testing.T) {
		all := slices.Clone(old)
		for i := range 30 {
			all = append(all, service(t, fmt.Sprint("0", i), fmt.Sprintf("10.0.1.%d", i+1))...)
		}
		p := Compute(input(at(t, service(t, "b", "10.0.0.2"), "global", "10.9.9.9"), allRead(t, all)))
		at := steps(p)
		if gap := at[Create]["virtualservice c1--b"] - at[Delete]["virtualservice c1--a"]; gap != 3 {
			t.Errorf("nobody answers to the address for %d of %d steps", gap, len(p.Steps))
		}
	})
	t.Run("a plan of the two alone", func(t *testing.T) {
		in := input(at(t, service(t, "b", "10.0.0.2"), "global", "10.9.9.9"), allRead(t, old))
		in.Scope = map[Key]bool{}
		for _, o := range slices.Concat(old, in.Desired) {
			in.Scope[o.Key] = true
		}
		p := Compute(in)
		if at := steps(p); !waits(p, at[Create]["vsvip c1--b"], at[Delete]["vsvip c1--a"]) {
			t.Errorf("%v", ops(p))
		}
	})
	for name, other := range map[string][2]string{"another address": {"global", "10.9.9.8"}, "another VRF": {"red", "10.9.9.9"}} {
		t.Run(name, func(t *testing.T) {
			p := Compute(input(at(t, service(t, "b", "10.0.0.2"), other[0], other[1]), allRead(t, old)))
			at := steps(p)
			if made := at[Create]["virtualservice c1--b"]; made > at[Delete]["virtualservice c1--a"] || waits(p, at[Create]["vsvip c1--b"], at[Delete]["vsvip c1--a"]) {
				t.Errorf("%v", ops(p))
			}
		})
	}
	t.Run("what stays frees nothing", func(t *testing.T) {
		in := input(at(t, service(t, "b", "10.0.0.2"), "global", "10.9.9.9"), allRead(t, old))
		in.KeepUnknown = func(k Key) bool { return k.Name == "c1--a" }
		p := Compute(in)
		if len(steps(p)[Create]) != 5 {
			t.Errorf("%v", ops(p))
		}
	})
}

// Into another tenant, an object with an address of its own can't be made
// before the old one goes; all others are.
func TestAddressMovesToAnotherTenant(t *testing.T) {
	old := slices.Concat(at(t, service(t, "a", "10.0.0.1"), "global", "10.9.9.9"), service(t, "b", "10.0.0.2"))
	var fresh []*desired.Object
	for _, o := range old {
		fresh = append(fresh, moved(t, o, "elsewhere"))
	}
	p := Compute(input(fresh, allRead(t, old)))
	at := steps(p)
	if len(p.Steps) != 2*len(old) {
		t.Fatalf("%v", ops(p))
	}
	if !waits(p, at[Create]["vsvip c1--a"], at[Delete]["vsvip c1--a"]) {
		t.Errorf("%v", ops(p))
	}
	for _, o := range []string{"vsvip c1--b", "virtualservice c1--b", "pool c1--b-1", "pool c1--a-1"} {
		if !waits(p, at[Delete][o], at[Create][o]) {
			t.Errorf("%s is deleted before it is made", o)
		}
	}
}

// Two VIPs that change addresses with each other: both are plain updates, which
// Avi refuses with the remedy; nothing waits in a circle.
func TestAddressesChangeSides(t *testing.T) {
	old := slices.Concat(at(t, service(t, "a", "10.0.0.1"), "global", "10.9.9.1"), at(t, service(t, "b", "10.0.0.2"), "global", "10.9.9.2"))
	now := slices.Concat(at(t, service(t, "a", "10.0.0.1"), "global", "10.9.9.2"), at(t, service(t, "b", "10.0.0.2"), "global", "10.9.9.1"))
	expectOps(t, Compute(input(now, allRead(t, old))), "update vsvip/c1--a", "update vsvip/c1--b")
}

// A DNS name is where it will be before it goes where it was.
func TestNameIsNeverNowhere(t *testing.T) {
	old := at(t, service(t, "a", "10.0.0.1"), "global", "10.9.9.9")
	p := Compute(input(at(t, service(t, "b", "10.0.0.2"), "global", "10.9.9.8"), allRead(t, old)))
	at := steps(p)
	if at[Create]["vsvip c1--b"] > at[Delete]["vsvip c1--a"] {
		t.Errorf("%v", ops(p))
	}
}

func TestFreed(t *testing.T) {
	before := at(t, service(t, "a", ""), "global", "10.9.9.9")
	vip := before[slices.IndexFunc(before, func(o *desired.Object) bool { return o.Key.Type == "vsvip" })]
	if diff := cmp.Diff(map[string]bool{"10.9.9.9": true, "x.test": true}, Freed(vip.Body, nil)); diff != "" {
		t.Error(diff)
	}
	after := body(t, `{"dns_info": [{"fqdn": "x.test"}], "vip": [{"ip6_address": {"addr": "fd00::1"}}]}`)
	freed := Freed(vip.Body, after)
	if diff := cmp.Diff(map[string]bool{"10.9.9.9": true}, freed); diff != "" {
		t.Error(diff)
	}
	if !Needs(vip, freed) || Needs(vip, map[string]bool{"y.test": true}) || Needs(before[0], freed) {
		t.Error("who needs what")
	}
}
