package reconcile

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/settings"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// refreshEvery is how often a worker reads the controller's facts and its
// inventory again, to notice what others changed.
const refreshEvery = 10 * time.Minute

// worker reconciles one cluster. Its loop owns every field below mu's block.
type worker struct {
	cluster string
	log     hclog.Logger
	mirror  *mirror.Mirror
	ctl     Controller
	agents  Agents
	lanes   *lanes
	metrics *metrics
	now     func() time.Time
	wake    chan struct{}
	// requests are run by the loop between cycles.
	requests chan func(context.Context)

	mu       sync.Mutex
	reg      *v1alpha1.Cluster
	status   Status
	approved bool
	untold   map[mirror.Ref]*failure
	inflight map[mirror.Ref]struct{}

	facts      *Facts
	factsAt    time.Time
	factsError failure
	model      *model
	tenant     string
	opened     map[group]bool
	pending    map[mirror.Ref]mirror.Change
	// observed is what the controller holds of the cluster's, for the tenants
	// in loaded.
	observed map[plan.Key]*plan.Observed
	// earlier is the inventory before the present one.
	earlier map[plan.Key]*plan.Observed
	loaded  map[string]bool
	failed  map[plan.Key]*failure
	// explicit are objects that went because something was seen to go, not
	// because a snapshot came without it.
	explicit map[plan.Key]struct{}
	full     bool
	held     bool
	// written are the objects whose status this hub has set.
	written map[mirror.Ref]struct{}
	warned  map[mirror.Ref]map[string]struct{}
	// refused are wanted objects that the controller will not have.
	refused map[plan.Key]refusal
}

// refusal is the controller's word that an object cannot be.
type refusal struct {
	text string
	// owner is that of the object that has the name; nil: the refusal is about
	// the content.
	owner *string
}

func set[V any](m map[plan.Key]V, k plan.Key, v V) map[plan.Key]V {
	if m == nil {
		m = map[plan.Key]V{}
	}
	m[k] = v
	return m
}

func newWorker(cluster string, reg *v1alpha1.Cluster, log hclog.Logger, m *mirror.Mirror, ctl Controller, agents Agents, l *lanes, mt *metrics) *worker {
	return &worker{
		cluster: cluster, reg: reg, log: log.With("cluster", cluster), mirror: m, ctl: ctl, agents: agents, lanes: l, metrics: mt,
		now:      time.Now,
		wake:     make(chan struct{}, 1),
		requests: make(chan func(context.Context)),
		untold:   map[mirror.Ref]*failure{},
		inflight: map[mirror.Ref]struct{}{},
		pending:  map[mirror.Ref]mirror.Change{},
		written:  map[mirror.Ref]struct{}{},
		warned:   map[mirror.Ref]map[string]struct{}{},
		refused:  map[plan.Key]refusal{},
	}
}

// kick asks for a cycle soon.
func (w *worker) kick() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// register replaces the registration; the next cycle works by it.
func (w *worker) register(reg *v1alpha1.Cluster) {
	w.mu.Lock()
	w.reg = reg
	w.mu.Unlock()
	w.kick()
}

func (w *worker) registration() *v1alpha1.Cluster {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reg
}

// run cycles until the context ends.
func (w *worker) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.mirror.Changes():
		case <-w.wake:
		case <-timer.C:
		case f := <-w.requests:
			f(ctx)
			continue
		}
		err := w.cycle(ctx)
		if ctx.Err() != nil {
			return
		}
		w.noteError(err)
		timer.Reset(w.sleep())
	}
}

func (w *worker) noteError(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
		if text != w.status.Error {
			w.log.Error("reconciling the cluster failed", "error", err)
		}
	}
	w.status.Error = text
}

// sleep returns how long the loop may wait if nothing wakes it.
func (w *worker) sleep() time.Duration {
	now := w.now()
	next := now.Add(refreshEvery)
	earlier := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if !w.factsAt.IsZero() {
		earlier(w.factsAt.Add(refreshEvery))
	}
	if w.factsError.attempts > 0 {
		earlier(w.factsError.next)
	}
	for _, f := range w.failed {
		earlier(f.next)
	}
	w.mu.Lock()
	for _, f := range w.untold {
		earlier(f.next)
	}
	w.mu.Unlock()
	return max(next.Sub(now), 10*time.Millisecond)
}

// cycle brings the cluster one step further: facts, inventory, translation,
// plan, writes, feedback. What fails is left for a later cycle.
func (w *worker) cycle(ctx context.Context) error {
	reg := w.registration()
	if err := w.learn(ctx, reg); err != nil {
		return err
	}
	if err := w.load(ctx, reg, w.tenant); err != nil {
		return err
	}
	told := map[mirror.Ref]struct{}{}
	d, err := w.translate(told)
	if err != nil {
		return err
	}
	for k := range d.keys {
		// Another content may be taken.
		delete(w.refused, k)
	}
	for _, t := range w.tenants() {
		if err := w.load(ctx, reg, t); err != nil {
			return err
		}
	}
	p := w.plan(reg, d)
	w.notePlan(reg, p)
	if err := w.apply(ctx, reg, p, told); err != nil {
		return err
	}
	w.tell(reg, told)
	return w.standing()
}

// learn reads the facts about the controller and turns them and the
// registration into settings. Other settings start a new model.
func (w *worker) learn(ctx context.Context, reg *v1alpha1.Cluster) error {
	now := w.now()
	if w.facts == nil || now.Sub(w.factsAt) >= refreshEvery {
		if w.factsError.attempts > 0 && now.Before(w.factsError.next) {
			return w.factsError.err
		}
		facts, err := w.ctl.Facts(ctx, reg)
		if err != nil {
			err = fmt.Errorf("reading the controller: %w", err)
			w.factsError.again(now, err)
			if w.facts == nil {
				return err
			}
			// Old facts are better than none: the cluster goes on.
			w.log.Warn("the controller cannot be read; going on with what was read before", "error", err)
			w.factsAt = now
		} else {
			w.facts, w.factsAt, w.factsError = &facts, now, failure{}
			// Time to notice what others changed, too.
			w.loaded = nil
		}
	}
	s, err := settings.For(reg, w.facts.Settings)
	if err != nil {
		return fmt.Errorf("settings of the cluster: %w", err)
	}
	if w.model == nil || !reflect.DeepEqual(w.model.settings, s) {
		w.model = newModel(s)
		w.opened = map[group]bool{}
		w.explicit = map[plan.Key]struct{}{}
		w.failed = map[plan.Key]*failure{}
		w.refused = map[plan.Key]refusal{}
		w.full = true
	}
	if w.tenant != s.Tenant {
		w.tenant = s.Tenant
	}
	return nil
}

// load reads what the controller holds of the cluster's in a tenant, once.
func (w *worker) load(ctx context.Context, reg *v1alpha1.Cluster, tenant string) error {
	if w.loaded == nil {
		w.loaded = map[string]bool{}
		w.earlier, w.observed = w.observed, map[plan.Key]*plan.Observed{}
		w.full = true
	}
	if w.loaded[tenant] {
		return nil
	}
	exists, err := w.ctl.EnsureTenant(ctx, reg, tenant)
	if err != nil {
		return fmt.Errorf("tenant %q: %w", tenant, err)
	}
	if exists {
		held, err := w.ctl.Inventory(ctx, tenant, w.model.settings.ClusterName, w.model.settings.CreatedBy())
		if err != nil {
			return fmt.Errorf("reading the cluster's objects in tenant %q: %w", tenant, err)
		}
		plan.Carry(w.earlier, held)
		for k, o := range held {
			w.observed[k] = o
		}
	}
	// A tenant that is not there (and may not be made in this mode) holds nothing.
	w.loaded[tenant] = exists
	w.full = true
	return nil
}

// tenants returns the tenants that the wanted objects are in.
func (w *worker) tenants() []string {
	set := map[string]struct{}{}
	for _, o := range w.model.graph.All() {
		set[o.Key.Tenant] = struct{}{}
	}
	return sortedKeys(set)
}

// translate takes over what became dirty, as far as the kinds that it depends
// on are complete; the rest stays pending.
func (w *worker) translate(told map[mirror.Ref]struct{}) (*delta, error) {
	for _, c := range w.mirror.TakeDirty() {
		if old, ok := w.pending[c.Ref]; ok {
			c = merge(old, c)
		}
		w.pending[c.Ref] = c
	}
	d := newDelta()
	var err error
	var waits []string
	w.mirror.Read(func(v mirror.View) {
		waits = nil
		var open []group
		for _, g := range groups {
			if miss := missing(v, g, &w.model.settings); len(miss) > 0 {
				waits = append(waits, miss...)
				continue
			}
			open = append(open, g)
		}
		err = w.advance(v, open, d)
		if err == nil && len(open) == len(groups) {
			w.dropHandled()
		}
	})
	w.noteWaits(waits)
	for ref := range d.told {
		told[ref] = struct{}{}
	}
	return d, err
}

// advance translates, group by group.
func (w *worker) advance(v mirror.View, open []group, d *delta) error {
	for _, g := range open {
		var implicit, explicit []translate.UnitKey
		if !w.opened[g] {
			for _, u := range translate.AllUnits(v, &w.model.settings) {
				if groupOf(u.Kind) == g {
					implicit = append(implicit, u)
				}
			}
		} else {
			implicit, explicit = w.dirtyUnits(v, g, d)
		}
		if err := w.model.update(v, implicit, d); err != nil {
			return err
		}
		seen := newDelta()
		if err := w.model.update(v, explicit, seen); err != nil {
			return err
		}
		for k := range seen.keys {
			d.keys[k] = struct{}{}
			w.explicit[k] = struct{}{}
		}
		for r := range seen.told {
			d.told[r] = struct{}{}
		}
		d.edits = d.edits || seen.edits
		if !w.opened[g] {
			w.opened[g] = true
			w.full = true
			if err := w.retain(g, d); err != nil {
				return err
			}
			w.lookAtMarked(v, g, d)
		}
	}
	return nil
}

// dirtyUnits sorts the units that pending changes make dirty into those whose
// objects may vanish only with the brake on (something is gone without having
// been seen to go) and the others.
func (w *worker) dirtyUnits(v mirror.View, g group, d *delta) (implicit, explicit []translate.UnitKey) {
	isImplicit := map[translate.UnitKey]bool{}
	set := map[translate.UnitKey]struct{}{}
	for ref, c := range w.pending {
		if ref.Name == "" {
			continue
		}
		if c.StatusChanged || c.BodyChanged {
			d.told[ref] = struct{}{}
		}
		if !c.BodyChanged && !c.Gone {
			continue
		}
		for _, u := range w.model.affected(v, ref) {
			if groupOf(u.Kind) != g {
				continue
			}
			set[u] = struct{}{}
			if c.Gone && !c.Tombstone {
				isImplicit[u] = true
			}
		}
	}
	for _, u := range sortedUnits(set) {
		if isImplicit[u] {
			implicit = append(implicit, u)
		} else {
			explicit = append(explicit, u)
		}
	}
	return implicit, explicit
}

// retain keeps the shared parents that the controller holds though no host is
// left on them: they hold a VIP (l7.md §23.5).
func (w *worker) retain(g group, d *delta) error {
	if g != groupHosts {
		return nil
	}
	var parents []translate.ParentKey
	for k := range w.observed {
		if p, ok := translate.RetainedParent(&w.model.settings, k); ok {
			parents = append(parents, p)
		}
	}
	return w.model.retain(parents, d)
}

// dropHandled empties the pending set once every group has taken it.
func (w *worker) dropHandled() { clear(w.pending) }

// merge joins two changes of one object that were not handled yet.
func merge(a, b mirror.Change) mirror.Change {
	b.BodyChanged = a.BodyChanged || b.BodyChanged
	b.StatusChanged = a.StatusChanged || b.StatusChanged
	if b.Gone && a.Gone {
		b.Tombstone = a.Tombstone || b.Tombstone
	}
	return b
}

// plan compares what is wanted with what is held. It looks at what changed and
// what failed; at everything when the model or the inventory is new, and as long
// as a plan is held.
func (w *worker) plan(reg *v1alpha1.Cluster, d *delta) plan.Plan {
	in := w.planInput(reg)
	if !w.full && !w.held {
		now := w.now()
		in.Scope = map[plan.Key]bool{}
		for k := range d.keys {
			in.Scope[k] = true
		}
		for k, f := range w.failed {
			if !now.Before(f.next) {
				in.Scope[k] = true
			}
		}
		if !d.edits {
			in.Edits = w.dueEdits(in.Edits, now)
		}
	}
	return plan.Compute(in)
}

// dueEdits returns those edits that failed before and are due.
func (w *worker) dueEdits(edits []translate.Edit, now time.Time) []translate.Edit {
	var out []translate.Edit
	for _, e := range edits {
		if f, ok := w.failed[e.Key]; ok && !now.Before(f.next) {
			out = append(out, e)
		}
	}
	return out
}

func (w *worker) planInput(reg *v1alpha1.Cluster) plan.Input {
	w.mu.Lock()
	approved := w.approved
	w.mu.Unlock()
	complete := w.complete()
	in := plan.Input{
		Cluster:   w.model.settings.ClusterName,
		CreatedBy: w.model.settings.CreatedBy(),
		Desired:   w.model.graph.All(),
		Edits:     w.model.edits(),
		Observed:  w.observed,
		Mode:      plan.Mode(reg.Spec.Mode),
		KeepUnknown: func(k plan.Key) bool {
			if complete {
				return false
			}
			_, seen := w.explicit[k]
			return !seen
		},
		Tombstoned: func(k plan.Key) bool {
			_, seen := w.explicit[k]
			return seen
		},
		Brake: plan.DefaultBrake,
	}
	if approved {
		in.Brake.MaxShare = 1
	}
	now := w.now()
	for _, e := range in.Edits {
		// The group was read with the facts; what an edit of ours made of it
		// since then is already there.
		if g := w.facts.SEGroup; g != nil && g.Key == e.Key && w.observed[e.Key] == nil {
			w.observed[e.Key] = g
		}
	}
	for k, r := range w.refused {
		// What is due for another try is no longer taken for refused.
		if f, ok := w.failed[k]; ok && !now.Before(f.next) {
			continue
		}
		if r.owner != nil {
			in.Foreign = set(in.Foreign, k, *r.owner)
		} else {
			in.Broken = set(in.Broken, k, r.text)
		}
	}
	return in
}

// complete says that every kind that objects come from is complete on the
// agent's stream and has been translated.
func (w *worker) complete() bool {
	all := true
	w.mirror.Read(func(v mirror.View) {
		for _, g := range groups {
			all = all && w.opened[g] && len(missing(v, g, &w.model.settings)) == 0
		}
	})
	return all
}

// standing returns the error that a person should see about the cluster.
func (w *worker) standing() error {
	if w.held {
		w.mu.Lock()
		defer w.mu.Unlock()
		return errors.New(w.status.Held)
	}
	if len(w.failed) == 0 {
		return nil
	}
	var first desired.Key
	var err error
	for k, f := range w.failed {
		if err == nil || desired.CompareKeys(k, first) < 0 {
			first, err = k, f.err
		}
	}
	if n := len(w.failed); n > 1 {
		return fmt.Errorf("%w (and %d more objects)", err, n-1)
	}
	return err
}
