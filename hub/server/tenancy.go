package server

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/hub/doctor"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/reconcile"
	"github.com/akohub/akohub/hub/translate"
)

// Offboard implements admin.Tenancy.
func (h *hub) Offboard(ctx context.Context, cluster string, carryOut bool) (admin.Offboarding, error) {
	got, err := h.manager.Offboard(ctx, cluster, carryOut)
	if err != nil {
		return admin.Offboarding{}, h.known(err)
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

// Doctor implements admin.Tenancy.
func (h *hub) Doctor(ctx context.Context, cluster string) (admin.Checks, error) {
	reg, ok := h.fleet.Get(cluster)
	if !ok {
		return admin.Checks{}, h.known(fmt.Errorf("cluster %q: %w", cluster, reconcile.ErrUnknownCluster))
	}
	client, err := h.controllers.client(reg.Cluster.Spec.Controller)
	if err != nil {
		return admin.Checks{}, err
	}
	conn := h.intake.Status(cluster)
	agent := doctor.Agent{Connected: conn.Connected, LastError: conn.LastError}
	if m, ok := h.manager.Mirror(cluster); ok {
		for _, k := range relevant(m.Summary()) {
			agent.Kinds = append(agent.Kinds, doctor.Kind{Name: k.Kind, Synced: k.Synced, Message: k.Message})
		}
		sp := reg.Cluster.Spec.Namespaces
		served := translate.Settings{NamespaceSelector: translate.Label(sp.Selector), BlockedNamespaces: sp.Blocked}
		m.Read(func(v mirror.View) {
			agent.Tenants = slices.Sorted(maps.Keys(translate.NamespaceTenants(v, &served)))
		})
	}
	out := admin.Checks{Cluster: cluster, Checks: []admin.Check{}}
	for _, c := range doctor.Examine(ctx, reg.Cluster, client, agent) {
		out.Checks = append(out.Checks, admin.Check{Name: c.Name, Result: string(c.Result), Detail: c.Detail, Remedy: c.Remedy})
	}
	return out, nil
}
