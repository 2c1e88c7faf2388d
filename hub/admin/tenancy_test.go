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

func (*backend) Doctor(_ context.Context, cluster string) (Checks, error) {
	if cluster != "c1" {
		return Checks{}, UnknownCluster(errors.New("no cluster"))
	}
	return Checks{Cluster: cluster, Checks: []Check{{Name: "clock", Result: "ok"}}}, nil
}

func TestDoctor(t *testing.T) {
	_, c := serve(t)
	if got, err := c.Doctor(t.Context(), "c1"); err != nil || len(got.Checks) != 1 || got.Checks[0].Name != "clock" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := c.Doctor(t.Context(), "c2"); err == nil {
		t.Error("a cluster that nobody knows")
	}
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
