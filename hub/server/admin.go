package server

import (
	"context"
	"time"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/reconcile"
)

var _ admin.Backend = (*hub)(nil)

// Clusters implements admin.Backend.
func (h *hub) Clusters() admin.Clusters {
	out := admin.Clusters{Clusters: []admin.Cluster{}}
	for _, s := range h.manager.Statuses() {
		c := h.cluster(s)
		if reg, ok := h.fleet.Get(s.Cluster); ok {
			c.File = reg.File
		}
		out.Clusters = append(out.Clusters, c)
	}
	for _, e := range h.fleet.Errors() {
		out.Refused = append(out.Refused, admin.RefusedFile{File: e.File, Reason: e.Error()})
	}
	return out
}

func (h *hub) cluster(s reconcile.Status) admin.Cluster {
	conn := h.intake.Status(s.Cluster)
	c := admin.Cluster{
		Name: s.Cluster, Tenant: s.Tenant, Mode: s.Mode, Objects: s.Objects, Pending: s.Pending,
		Held: s.Held, Error: s.Error, Kinds: []admin.Kind{}, LastWrite: optional(s.LastWrite), Waits: s.Waits,
	}
	if conn.Connected {
		c.ConnectedSince = optional(conn.Since)
		c.Agent = conn.AgentVersion
	} else {
		c.LastSeen = optional(conn.Since)
		if c.Error == "" {
			c.Error = conn.LastError
		}
	}
	for _, k := range s.Mirror.Kinds {
		c.Kinds = append(c.Kinds, admin.Kind{Kind: k.Kind, Count: k.Objects, Synced: k.Synced, Message: k.Message})
	}
	return c
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Plan implements admin.Backend.
func (h *hub) Plan(ctx context.Context, cluster string) (plan.Plan, error) {
	return h.manager.Plan(ctx, cluster)
}

// Approve implements admin.Backend.
func (h *hub) Approve(cluster string) error { return h.manager.Approve(cluster) }
