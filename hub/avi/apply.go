package avi

import (
	"context"
	"fmt"
	"slices"

	"github.com/akohub/akohub/hub/plan"
)

// Result is what became of one step of a plan.
type Result struct {
	// Step is the index of the step.
	Step int
	Key  plan.Key
	Op   plan.Op
	// Observed is the object as it is now; nil after a deletion and a failure.
	Observed *plan.Observed
	// Wrote is false where there was nothing to write after all.
	Wrote bool
	// Err is nil or an *Error; of class Skipped if the step was not tried.
	Err error
}

// Apply carries out the steps of a plan, side by side as far as Step.After
// allows and never more than the client's MaxInFlight at once. A failed step
// fails only those that depend on it; they are skipped with the cause. When the
// controller can't be used at all (an upgrade, a refused login, no answer), the
// rest of the plan is skipped.
//
// onResult, if not nil, is called for each step as it ends, one at a time. The
// results come in the order of the steps. A plan that must not be applied (see
// plan.Plan.Blocked) isn't: every step is skipped.
func (c *Client) Apply(ctx context.Context, p plan.Plan, onResult func(i int, r Result)) []Result {
	r := &run{client: c, plan: p, onResult: onResult, results: make([]Result, len(p.Steps)), waiting: make([]int, len(p.Steps)),
		next: make([][]int, len(p.Steps)), done: make([]bool, len(p.Steps))}
	if reason := p.Blocked(); reason != "" {
		r.halt = &Error{Class: Canceled, Op: "applying the plan of cluster " + p.Cluster, Message: reason}
	}
	r.all(ctx)
	return r.results
}

// run is one application of a plan. Its fields belong to the goroutine that
// called Apply; steps report over a channel.
type run struct {
	client   *Client
	plan     plan.Plan
	onResult func(int, Result)
	results  []Result
	waiting  []int   // how many steps each still waits for
	next     [][]int // who waits for it
	ready    []int   // sorted
	done     []bool
	halt     error // why nothing more is started
}

func (r *run) all(ctx context.Context) {
	for i, s := range r.plan.Steps {
		for _, after := range s.After {
			r.next[after] = append(r.next[after], i)
			r.waiting[i]++
		}
		if r.waiting[i] == 0 {
			r.ready = append(r.ready, i)
		}
	}
	finished := make(chan Result)
	running := 0
	for {
		for r.halt == nil && ctx.Err() == nil && len(r.ready) > 0 && running < r.client.cfg.MaxInFlight {
			i := r.ready[0]
			r.ready = r.ready[1:]
			running++
			go func() { finished <- r.client.step(ctx, r.plan, i) }()
		}
		if running == 0 {
			break
		}
		res := <-finished
		running--
		r.finish(ctx, res)
	}
	for i := range r.plan.Steps {
		if r.done[i] {
			continue
		}
		cause := r.halt
		if cause == nil {
			cause = ctx.Err()
		}
		r.end(r.skipped(i, cause))
	}
}

// finish takes a step's result and releases or fails those that wait for it.
func (r *run) finish(ctx context.Context, res Result) {
	r.end(res)
	if res.Err == nil {
		for _, i := range r.next[res.Step] {
			if r.waiting[i]--; r.waiting[i] == 0 && !r.done[i] {
				at, _ := slices.BinarySearch(r.ready, i)
				r.ready = slices.Insert(r.ready, at, i)
			}
		}
		return
	}
	if r.halt == nil && r.client.away(ctx, res.Err) {
		r.halt = res.Err
	}
	r.fail(res.Step, res.Err)
}

// fail skips all that depends on a failed step.
func (r *run) fail(step int, cause error) {
	for _, i := range r.next[step] {
		if !r.done[i] {
			r.end(r.skipped(i, cause))
			r.fail(i, cause)
		}
	}
}

func (r *run) skipped(i int, cause error) Result {
	s := r.plan.Steps[i]
	return Result{Step: i, Key: s.Key, Op: s.Op, Err: &Error{
		Class: Skipped, Op: doing[s.Op], Tenant: s.Key.Tenant, Type: s.Key.Type, Name: s.Key.Name, Err: cause,
	}}
}

func (r *run) end(res Result) {
	r.done[res.Step] = true
	r.results[res.Step] = res
	result := "unchanged"
	switch {
	case res.Err != nil:
		result = string(ClassOf(res.Err))
	case res.Wrote:
		result = "ok"
	}
	r.client.metrics.steps.WithLabelValues(string(res.Op), res.Key.Type, result).Inc()
	if r.onResult != nil {
		r.onResult(res.Step, res)
	}
}

// away reports whether an error means that no other step would fare better.
func (c *Client) away(ctx context.Context, err error) bool {
	switch ClassOf(err) {
	case UpgradeInProgress, Unauthorized, Untrusted:
		return true
	case Unavailable:
		// One request may fail for its own sake: is anybody there?
		return c.Probe(ctx) != nil
	}
	return false
}

var doing = map[plan.Op]string{
	plan.Create: "creating", plan.Update: "updating", plan.Delete: "deleting", plan.Edit: "editing",
}

// step carries out one step.
func (c *Client) step(ctx context.Context, p plan.Plan, i int) Result {
	s := p.Steps[i]
	res := Result{Step: i, Key: s.Key, Op: s.Op}
	w := &writer{client: c, cluster: p.Cluster, createdBy: p.CreatedBy}
	switch s.Op {
	case plan.Create:
		res.Observed, res.Err = w.create(ctx, s.Want)
	case plan.Update:
		res.Observed, res.Err = w.update(ctx, s.Want, s.Have)
	case plan.Delete:
		res.Err = w.remove(ctx, s.Have)
	case plan.Edit:
		res.Observed, res.Err = w.edit(ctx, *s.Edit)
	default:
		res.Err = &Error{Class: Invalid, Op: "applying", Type: s.Key.Type, Name: s.Key.Name, Err: fmt.Errorf("unknown operation %q", s.Op)}
	}
	res.Wrote = w.wrote
	log := c.log.With("cluster", p.Cluster, "tenant", s.Key.Tenant, "type", s.Key.Type, "object", s.Key.Name, "op", string(s.Op))
	switch {
	case res.Err != nil:
		log.Warn("write failed", "error", res.Err)
	case res.Wrote:
		log.Info("written")
	default:
		log.Debug("nothing to write")
	}
	return res
}
