package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// Status is the standing of one cluster, for people.
type Status struct {
	Cluster string
	Tenant  string
	Mode    string
	// Objects is how many Avi objects the cluster wants.
	Objects int
	// LastWrite is zero as long as nothing was written.
	LastWrite time.Time
	// Waits are the kinds that the cluster is still waited for.
	Waits []string
	// Pending is how many steps the last plan had that were not carried out.
	Pending int
	// Held says why the plan waits for approval; empty: it does not.
	Held string
	// Error is what went wrong last; empty: nothing stands against it.
	Error string
	// Mirror is what the hub knows of the cluster, by kind.
	Mirror mirror.Summary

	plan plan.Plan
}

func (w *worker) snapshot() Status {
	w.mu.Lock()
	s := w.status
	s.Cluster = w.cluster
	s.Mode = string(w.reg.Spec.Mode)
	s.Tenant = w.reg.Spec.Tenant.Name
	s.Waits = slices.Clone(s.Waits)
	w.mu.Unlock()
	s.Mirror = w.mirror.Summary()
	return s
}

func (w *worker) noteWrite() {
	w.mu.Lock()
	w.status.LastWrite = w.now()
	w.mu.Unlock()
}

func (w *worker) noteWaits(waits []string) {
	slices.Sort(waits)
	waits = slices.Compact(waits)
	w.mu.Lock()
	w.status.Waits = waits
	w.mu.Unlock()
}

func (w *worker) notePlan(_ *v1alpha1.Cluster, p plan.Plan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.Held != "" && w.status.Held != p.Held {
		w.log.Warn("the plan is held and waits for approval", "reason", p.Held)
	}
	w.status.plan = p
	w.status.Held = p.Held
	w.status.Pending = len(p.Steps)
	w.status.Objects = w.model.graph.Len()
}

// do runs f in the worker's loop and waits for it.
func (w *worker) do(ctx context.Context, f func(context.Context)) error {
	done := make(chan struct{})
	run := func(loop context.Context) {
		defer close(done)
		f(loop)
	}
	select {
	case w.requests <- run:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// planNow reads the inventory again and returns what the hub would write now.
func (w *worker) planNow(ctx context.Context) (plan.Plan, error) {
	var p plan.Plan
	var err error
	doErr := w.do(ctx, func(ctx context.Context) {
		reg := w.registration()
		w.loaded = nil
		if err = w.learn(ctx, reg); err != nil {
			return
		}
		if err = w.load(ctx, reg, w.tenant); err != nil {
			return
		}
		told := map[mirror.Ref]struct{}{}
		if _, err = w.translate(told); err != nil {
			return
		}
		for ref := range told {
			w.postpone(ref)
		}
		if waits := w.snapshot().Waits; len(waits) > 0 {
			err = fmt.Errorf("the cluster's agent has not sent everything yet: waiting for %s", strings.Join(waits, ", "))
			return
		}
		for _, t := range w.tenants() {
			if err = w.load(ctx, reg, t); err != nil {
				return
			}
		}
		in := w.planInput(reg)
		// The mode decides what is carried out, not what differs.
		in.Mode = plan.ModeEnforce
		p = plan.Compute(in)
	})
	w.kick()
	return p, errors.Join(doErr, err)
}

// postpone has an object told at the next cycle.
func (w *worker) postpone(ref mirror.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.untold[ref] == nil {
		w.untold[ref] = &failure{next: w.now()}
	}
}

// approve lets the held plan pass, once.
func (w *worker) approve() error {
	w.mu.Lock()
	held := w.status.Held
	w.approved = held != ""
	w.mu.Unlock()
	if held == "" {
		return errors.New("no plan of the cluster is held")
	}
	w.kick()
	return nil
}

func sortedKeys[T any](m map[string]T) []string {
	return slices.Sorted(maps.Keys(m))
}
