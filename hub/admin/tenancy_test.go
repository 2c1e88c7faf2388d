package admin

import (
	"context"
	"errors"
	"testing"
)

func (*backend) Offboard(_ context.Context, cluster string, carryOut bool) (Offboarding, error) {
	if cluster != "c1" {
		return Offboarding{}, UnknownCluster(errors.New("no cluster"))
	}
	return Offboarding{Cluster: cluster, Tenants: []string{"t"}, Steps: []OffboardStep{{Op: "delete", Name: "x"}}, Done: carryOut}, nil
}

func TestOffboard(t *testing.T) {
	_, c := serve(t)
	for _, carryOut := range []bool{false, true} {
		got, err := c.Offboard(t.Context(), "c1", carryOut)
		if err != nil || got.Done != carryOut || len(got.Steps) != 1 || got.Complete() != carryOut {
			t.Errorf("%v: %+v, %v", carryOut, got, err)
		}
	}
	if _, err := c.Offboard(t.Context(), "c2", true); err == nil {
		t.Error("a cluster that nobody knows")
	}
	for name, o := range map[string]Offboarding{
		"failed": {Done: true, Steps: []OffboardStep{{Error: "no"}}},
		"left":   {Done: true, Left: []OffboardStep{{}}},
	} {
		if o.Complete() {
			t.Errorf("%s: complete", name)
		}
	}
}
