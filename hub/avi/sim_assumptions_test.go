package avi

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/avisim"
)

// What is only assumed of a real controller is a switch of the simulator; the
// hub must come to the same end with each setting.

// otherSettings are the settings besides the simulator's own choice.
var otherSettings = map[string][]int{ // statuses; nil for what is on or off
	"DeleteRefused":      {400, 403, 409},
	"CSRFRefused":        {403},
	"SessionEnded":       {419},
	"AccountLocked":      {403, 423},
	"LimitRefused":       {403, 412, 500},
	"AnyCertificate":     nil,
	"AnyPlacement":       nil,
	"AnyDomain":          nil,
	"UniqueNames":        nil,
	"NoVIP":              nil,
	"SharedProvider":     nil,
	"AllowPortConflicts": nil,
	"ForeignChange":      {403, 404},
	"RefuseNewerFields":  nil,
	"SharedApplications": nil,
	"FirstCloud":         nil,
	"NoImpliedRefs":      nil,
	"OmitSensitive":      nil,
	"NoPatchPaths":       nil,
	"NoMacroLists":       nil,
	"EmptyPages":         nil,
	"ListAllTenants":     nil,
	"RangeOnly":          nil,
}

// assumed calls test with the simulator's own choice and with each setting of
// each switch.
func assumed(t *testing.T, test func(t *testing.T, a avisim.Assumptions)) {
	t.Run("as it is", func(t *testing.T) { test(t, avisim.Assumptions{}) })
	switches := reflect.TypeFor[avisim.Assumptions]()
	for i := range switches.NumField() {
		name := switches.Field(i).Name
		statuses, known := otherSettings[name]
		if !known {
			t.Errorf("assumption %s has no setting to be tested with", name)
		}
		var a avisim.Assumptions
		field := reflect.ValueOf(&a).Elem().Field(i)
		if statuses == nil {
			field.SetBool(true)
			t.Run(name, func(t *testing.T) { test(t, a) })
		}
		for _, status := range statuses {
			field.SetInt(int64(status))
			setting := a
			t.Run(name+"="+strconv.Itoa(status), func(t *testing.T) { test(t, setting) })
		}
	}
}

func startAssuming(t *testing.T, a avisim.Assumptions) *fixture {
	t.Helper()
	seed, err := avisim.DefaultSeed()
	if err != nil {
		t.Fatal(err)
	}
	seed.Limits = map[string]int{"servers_per_pool": 2}
	sim, err := avisim.New(avisim.Options{Seed: seed, Tenants: []string{testTenant}, Assume: a})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, sim, nil)
}

// TestAssumptions is the life of a Service in each of the worlds that there
// may be, with what they disagree about happening on the way.
func TestAssumptions(t *testing.T) {
	assumed(t, func(t *testing.T, a avisim.Assumptions) {
		f := startAssuming(t, a)
		objects := l4(t, "web", "10.244.0.10")
		f.apply(t, plan.Compute(input(nil, objects)))

		// The session ends, in the words of the controller; so does the proof
		// against forgery.
		f.sim.ExpireSessions()
		f.apply(t, plan.Compute(input(f.inventory(t, f.client), l4(t, "web", "10.244.0.11"))))
		f.sim.Inject(avisim.Fault{Method: "PUT", Status: either(a.CSRFRefused, 401), Body: "CSRF Failed: CSRF token missing or incorrect.", Times: 1})
		f.apply(t, plan.Compute(input(f.inventory(t, f.client), l4(t, "web", "10.244.0.12"))))

		// One object is beyond a limit: its siblings go on, and it fails alone.
		f.sim.ResetRequests()
		grown := append(l4(t, "web", "10.244.0.12"), l4Pool(t, "big", "10.0.0.1", "10.0.0.2", "10.0.0.3"), l4Pool(t, "small", "10.0.0.1"))
		for _, r := range f.client.Apply(testContext(t), plan.Compute(input(f.inventory(t, f.client), grown)), nil) {
			if big := strings.Contains(r.Key.Name, "-big-"); (r.Err != nil) != big {
				t.Errorf("%s %v: %v", r.Op, r.Key, r.Err)
			} else if big && !strings.Contains(r.Err.Error(), "system limit servers_per_pool") {
				t.Errorf("the refusal is not in Avi's words: %v", r.Err)
			}
		}
		if n := len(writes(f.sim)); n < 2 || n > 10 {
			t.Errorf("%d writes for two pools, one of them refused: %v", n, writes(f.sim))
		}

		// A pool is referred to by somebody else's group: all but it goes.
		foreign := f.newClient(t, nil)
		group := object(t, "poolgroup", "foreign", &models.PoolGroup{
			Name: ptr("foreign"), CloudRef: ptr(cloudRef), TenantRef: ptr("/api/tenant/?name=" + testTenant),
			Members: []*models.PoolGroupMember{{PoolRef: ptr("/api/pool?name=" + testCluster + "--default-web-TCP-80")}},
		})
		for _, r := range foreign.Apply(testContext(t), plan.Compute(input(nil, append(l4(t, "web", "10.244.0.12"), group))), nil) {
			if r.Err != nil {
				t.Fatalf("%s %v: %v", r.Op, r.Key, r.Err)
			}
		}
		f.sim.ResetRequests()
		observed := f.inventory(t, f.client)
		delete(observed, group.Key)
		for _, r := range f.client.Apply(testContext(t), plan.Compute(input(observed, nil)), nil) {
			want := Class("")
			if r.Key.Type == "pool" && strings.Contains(r.Key.Name, "-web-") {
				want = InUse
			}
			if got := ClassOf(r.Err); got != want {
				t.Errorf("%s %v: class %q (%v), want %q", r.Op, r.Key, got, r.Err, want)
			}
		}
		if n := len(writes(f.sim)); n > 20 {
			t.Errorf("%d writes to delete a Service", n)
		}
	})
}

// TestAssumedLockout: too many failed logins lock the account; the client says
// so and stops, whatever the status.
func TestAssumedLockout(t *testing.T) {
	assumed(t, func(t *testing.T, a avisim.Assumptions) {
		if a != (avisim.Assumptions{AccountLocked: a.AccountLocked}) {
			return // the others have nothing to do with it
		}
		seed, err := avisim.DefaultSeed()
		if err != nil {
			t.Fatal(err)
		}
		seed.Users = []avisim.SeedUser{{Name: "hub", Password: "right"}}
		sim, err := avisim.New(avisim.Options{Seed: seed, Assume: a})
		if err != nil {
			t.Fatal(err)
		}
		f := serve(t, sim, nil)
		for range 3 { // somebody else's attempts
			other := f.newClient(t, func(c *Config) {
				c.Username, c.Password = "hub", func() (string, error) { return "wrong", nil }
			})
			if err := other.Probe(testContext(t)); ClassOf(err) != Unauthorized {
				t.Fatalf("a wrong password: %v", err)
			}
		}
		sim.ResetRequests()
		locked := f.newClient(t, func(c *Config) {
			c.Username, c.Password = "hub", func() (string, error) { return "right", nil }
		})
		for range 5 {
			if err := locked.Probe(testContext(t)); ClassOf(err) != Unauthorized {
				t.Fatalf("a locked account: %v (class %q), want it unauthorized", err, ClassOf(err))
			}
		}
		if n := logins(f); n != 1 {
			t.Errorf("%d logins of a locked account, want 1", n)
		}
	})
}

func either(status, otherwise int) int {
	if status != 0 {
		return status
	}
	return otherwise
}
