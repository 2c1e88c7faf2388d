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
)

// errEnded is the answer of a worker that has ended.
var errEnded = errors.New("the cluster is no longer registered, or the hub is stopping")

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
	// Removal is set in mode offboard.
	Removal *Removal
	// Denied is what the cluster does not get by a limit or another cluster's
	// claim; DeniedMore is how much more there is of that than is listed.
	Denied     []Denial
	DeniedMore int
	// Mirror is what the hub knows of the cluster, by kind.
	Mirror mirror.Summary
}

func (w *worker) snapshot() Status {
	w.mu.Lock()
	s := w.status
	s.Cluster = w.cluster
	s.Mode = string(w.reg.Spec.Mode)
	s.Tenant = w.reg.Spec.Tenant.Name
	s.Waits = slices.Clone(s.Waits)
	if s.Removal != nil {
		r := *s.Removal
		s.Removal = &r
	}
	w.mu.Unlock()
	s.Mirror = w.mirror.Summary()
	return s
}

func (w *worker) noteWrite() {
	w.mu.Lock()
	w.status.LastWrite = w.now()
	w.mu.Unlock()
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
	case <-w.ended:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-w.ended:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// planNow reads the controller again and returns what the hub would write now.
func (w *worker) planNow(ctx context.Context) (plan.Plan, error) {
	var p plan.Plan
	var err error
	doErr := w.do(ctx, func(ctx context.Context) { p, err = w.planAll(ctx) })
	w.kick()
	return p, errors.Join(doErr, err)
}

func (w *worker) planAll(ctx context.Context) (plan.Plan, error) {
	reg := w.registration()
	w.take(reg)
	if w.removing() {
		return w.planRemoval(ctx, reg)
	}
	w.refreshAt, w.searchAt, w.reload = w.now(), w.now(), true
	w.readAlone, w.searchAlone = true, true
	if err := w.prepare(ctx, reg); err != nil {
		return plan.Plan{}, err
	}
	// Whoever looked has seen that the controller serves.
	w.trouble = failure{}
	if waits := w.snapshot().Waits; !w.complete && len(waits) > 0 {
		return plan.Plan{}, fmt.Errorf("the cluster's agent has not sent everything yet: waiting for %s", strings.Join(waits, ", "))
	}
	in := w.planInput(reg, w.keepsUnknown())
	in.Desired, in.Edits = w.model.graph.All(), append(w.model.edits(), w.leaving(reg)...)
	w.addShared(&in)
	for k, text := range w.over {
		in.Broken = set(in.Broken, k, text)
	}
	// The mode decides what is carried out, not what differs; and what could not
	// be written the last time still differs.
	in.Mode = plan.ModeEnforce
	p := plan.Compute(in)
	p.Mode = plan.Mode(reg.Spec.Mode)
	return p, nil
}

// approve lets the deletions of the held plan pass: those that it was shown
// with, and no others.
func (w *worker) approve() error {
	w.mu.Lock()
	held := w.status.Held != ""
	if held {
		w.approved = maps.Clone(w.braked)
	}
	w.mu.Unlock()
	if !held {
		return fmt.Errorf("no plan of cluster %q is held: there is nothing to approve", w.cluster)
	}
	w.kick()
	return nil
}

func sortedKeys[T any](m map[string]T) []string {
	return slices.Sorted(maps.Keys(m))
}
