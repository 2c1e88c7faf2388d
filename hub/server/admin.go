package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/hub/intake"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/reconcile"
	"github.com/akohub/akohub/pkg/explain"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
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
		Held: s.Held, Error: standing(s, conn), Kinds: []admin.Kind{}, LastWrite: optional(s.LastWrite), Waits: s.Waits,
	}
	if conn.Connected {
		c.ConnectedSince = optional(conn.Since)
		c.Agent = conn.AgentVersion
	} else {
		c.LastSeen = optional(conn.Since)
	}
	if r := s.Removal; r != nil {
		c.Leaving = &admin.Leaving{State: admin.StateOffboarding, Statuses: r.Statuses, Notes: r.Notes}
		if r.Looked {
			c.Leaving.Objects = &r.Objects
		}
		if r.Done() {
			c.Leaving.State = admin.StateOffboarded
		}
	}
	for _, d := range s.Denied {
		c.Denied = append(c.Denied, admin.Denial(d))
	}
	c.DeniedMore = s.DeniedMore
	for _, k := range relevant(s.Mirror) {
		c.Kinds = append(c.Kinds, admin.Kind{Kind: k.Kind, Count: k.Objects, Synced: k.Synced, Message: k.Message})
	}
	return c
}

// relevant are the kinds of a cluster that people should see. That one has no
// Routes is how most are.
func relevant(s mirror.Summary) []mirror.KindSummary {
	return slices.DeleteFunc(slices.Clone(s.Kinds), func(k mirror.KindSummary) bool {
		return k.Kind == kinds.Route && k.Objects == 0 && k.Availability == akohubv1.KindState_AVAILABILITY_ABSENT
	})
}

// standing says what stands against a cluster now: what keeps the hub from
// writing, why its agent is not there, which kinds of it cannot be read.
func standing(s reconcile.Status, conn intake.ConnectionStatus) string {
	var parts []string
	if s.Error != "" {
		parts = append(parts, s.Error)
	}
	if !conn.Connected {
		if conn.LastError != "" {
			parts = append(parts, "agent: "+conn.LastError)
		}
		return strings.Join(parts, "; ")
	}
	// A kind that is only on its way says nothing and is no error.
	for _, k := range s.Mirror.Kinds {
		if k.Message != "" && slices.Contains(s.Waits, k.Kind) {
			parts = append(parts, fmt.Sprintf("waiting for %s: %s", k.Kind, k.Message))
		}
	}
	return strings.Join(parts, "; ")
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Plan implements admin.Backend.
func (h *hub) Plan(ctx context.Context, cluster string) (plan.Plan, error) {
	p, err := h.manager.Plan(ctx, cluster)
	return p, h.known(err)
}

// Approve implements admin.Backend.
func (h *hub) Approve(cluster string) error { return h.known(h.manager.Approve(cluster)) }

// Explain implements admin.Backend.
func (h *hub) Explain(ctx context.Context, q explain.Query) (explain.Answer, error) {
	a, err := h.manager.Explain(ctx, q)
	if err != nil {
		return a, h.known(err)
	}
	for i := range a.Clusters {
		c := &a.Clusters[i]
		conn := h.intake.Status(c.Name)
		if conn.Connected {
			c.ConnectedSince = optional(conn.Since)
		}
	}
	return a, nil
}

// known gives an error about a cluster that isn't registered the admin API's
// word for it. Files that can't be used may be why it isn't.
func (h *hub) known(err error) error {
	if !errors.Is(err, reconcile.ErrUnknownCluster) {
		return err
	}
	if files := h.fleet.Errors(); len(files) > 0 {
		err = fmt.Errorf("%w; a registration that can't be used: %w", err, files[0])
		if more := len(files) - 1; more > 0 {
			err = fmt.Errorf("%w (and %d more, see \"akohub clusters\")", err, more)
		}
	}
	return admin.UnknownCluster(err)
}
