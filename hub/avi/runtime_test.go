package avi

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/avisim"
)

func TestRuntime(t *testing.T) {
	f := start(t, nil)
	c := f.client
	pool, err := c.Create(t.Context(), testTenant, "pool", map[string]any{
		"name": "p", "servers": []any{
			map[string]any{"ip": map[string]any{"addr": "10.0.0.1", "type": "V4"}, "port": 80},
			map[string]any{"ip": map[string]any{"addr": "10.0.0.2", "type": "V4"}, "port": 80},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	k := plan.Key{Tenant: testTenant, Type: "pool", Name: "p"}
	uuid, _ := pool["uuid"].(string)
	ask := func() Runtime {
		t.Helper()
		r, err := c.Runtime(t.Context(), k, uuid)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	n := func(i int) *int { return &i }
	if err := f.sim.SetServerState(testTenant, "p", "10.0.0.2:80", avisim.StateDown); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Runtime{State: "UP", HealthScore: n(100), Servers: n(2), ServersUp: n(1)}, ask()); diff != "" {
		t.Error(diff)
	}
	if err := f.sim.SetServerState(testTenant, "p", "10.0.0.1:80", avisim.StateDown); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Runtime{State: "DOWN", Reason: "0 of 2 servers are up", HealthScore: n(0), Servers: n(2), ServersUp: n(0)}, ask()); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Runtime(t.Context(), k, "pool-nosuch"); !IsClass(err, NotFound) {
		t.Errorf("of nothing: %v", err)
	}
}

func TestReasonOf(t *testing.T) {
	for _, c := range []struct {
		status map[string]any
		want   string
	}{
		{map[string]any{}, ""},
		{map[string]any{"reason": []any{"a", " ", "b", "a"}, "reason_code_string": "X"}, "a; b"},
		{map[string]any{"reason": []any{}, "reason_code_string": "X"}, "X"},
	} {
		if got := reasonOf(c.status); got != c.want {
			t.Errorf("%v: %q", c.status, got)
		}
	}
}
