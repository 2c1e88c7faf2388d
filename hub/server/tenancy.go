package server

import (
	"context"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/hub/plan"
)

// Offboard implements admin.Tenancy.
func (h *hub) Offboard(ctx context.Context, cluster string, carryOut bool) (admin.Offboarding, error) {
	got, err := h.manager.Offboard(ctx, cluster, carryOut)
	if err != nil {
		return admin.Offboarding{}, known(err)
	}
	out := admin.Offboarding{
		Cluster: cluster, Tenants: got.Tenants, Notes: got.Notes, Done: got.Done, Steps: []admin.OffboardStep{},
		Cleared: got.Cleared, NotCleared: got.NotCleared,
	}
	failed := map[plan.Key]error{}
	for _, f := range got.Failures {
		failed[f.Key] = f.Err
	}
	step := func(op plan.Op, k plan.Key, reason string) admin.OffboardStep {
		if err := failed[k]; err != nil {
			reason = err.Error()
		}
		return admin.OffboardStep{Op: string(op), Tenant: k.Tenant, Type: k.Type, Name: k.Name, Error: reason}
	}
	for _, s := range got.Plan.Steps {
		out.Steps = append(out.Steps, step(s.Op, s.Key, ""))
	}
	for _, k := range got.Left {
		out.Left = append(out.Left, step(plan.Delete, k, ""))
	}
	return out, nil
}
