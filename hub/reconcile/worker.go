package reconcile

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

const (
	// refreshEvery is about how often a worker reads the controller's facts and
	// its inventory again, to notice what others changed.
	refreshEvery = 10 * time.Minute
	// planEvery is how often a plan is made again of which nothing is carried
	// out, since it is only there to be looked at.
	planEvery = time.Second
	// leastSleep keeps a worker from spinning over something that is due.
	leastSleep = 5 * time.Millisecond
)

// worker reconciles one cluster. Everything below the block of mu belongs to
// its loop.
type worker struct {
	cluster string
	// at is the controller's name.
	at     string
	log    hclog.Logger
	mirror *mirror.Mirror
	ctl    Controller
	agents Agents
	lanes  *lanes
	claims *claims
	// namesakes is nil where there are none to mind.
	namesakes *namesakes
	// shared are the controller's answers to other clusters; nil: there are none.
	shared  *avi.Answers
	metrics *metrics
	now     func() time.Time
	wake    chan struct{}
	// requests are run by the loop between cycles.
	requests chan func(context.Context)
	// ended is closed when the loop has ended.
	ended chan struct{}

	mu     sync.Mutex
	reg    *v1alpha1.Cluster
	status Status
	// braked are the virtual services and pools that the held plan would delete,
	// approved those whose deletion a person has approved.
	braked, approved map[plan.Key]struct{}
	// answers are what agents have said and the loop has not taken yet.
	answers []answer
	// connected says that an agent has come since the loop last looked.
	connected bool

	// offboarded says that the cluster's objects were removed for good.
	offboarded bool
	// removal is what is known in mode offboard.
	removal removal

	// claimed are the units with claims to hosts, over the coming and going of
	// models. over are objects that a limit keeps from being created.
	claimed map[translate.UnitKey]struct{}
	over    map[plan.Key]string

	// inForce is the registration that everything below rests on.
	inForce *v1alpha1.Cluster
	facts   *Facts
	// refreshAt is when facts and inventory are due to be read again.
	refreshAt time.Time
	// trouble is what keeps the cluster as a whole from being reconciled.
	trouble failure
	holdings
	model    *model
	opened   map[group]bool
	pending  map[group]map[mirror.Ref]mirror.Change
	complete bool
	// asked are the tenants that served namespaces ask for; nil: to be looked up.
	asked map[string]struct{}

	// full asks for a plan over everything, undone lists the objects that are
	// not as they are wanted, for plans over what changed. planAt is when a plan
	// that is only looked at may be made again.
	full   bool
	undone map[plan.Key]struct{}
	edits  bool
	planAt time.Time
	// changed says that something is wanted differently than at the last plan.
	changed bool
	held    bool
	// failed are objects whose last write failed, refused those of them that
	// the controller will not have.
	failed  map[plan.Key]*failure
	refused map[plan.Key]refusal
	// explicit are unwanted objects that went because something was seen to
	// go, not because a snapshot came without it.
	explicit map[plan.Key]struct{}
	// more says that there is more to do at once.
	more bool

	// news are the objects about which something else may have to be said,
	// later those to be looked at again at a time. told are those of news that
	// something was said of from here, or is to be.
	news     map[mirror.Ref]struct{}
	told     map[mirror.Ref]struct{}
	later    map[mirror.Ref]time.Time
	tellings map[mirror.Ref]*telling
	mute     bool
}

// refusal is the controller's word that an object cannot be.
type refusal struct {
	text string
	// owner is that of the object that has the name; nil: the refusal is about
	// the content.
	owner *string
}

func newWorker(cluster string, reg *v1alpha1.Cluster, cfg Config, m *mirror.Mirror, ctl Controller, l *lanes, cl *claims, mt *metrics) *worker {
	at := ""
	if ctl != nil {
		at = ctl.Name()
	}
	return &worker{
		cluster: cluster, at: at, reg: reg, log: cfg.Logger.With("cluster", cluster), mirror: m, ctl: ctl, agents: cfg.Agents, lanes: l, claims: cl, metrics: mt,
		now:      cfg.Clock,
		wake:     make(chan struct{}, 1),
		requests: make(chan func(context.Context)),
		ended:    make(chan struct{}),
		holdings: newHoldings(),
		claimed:  map[translate.UnitKey]struct{}{},
		over:     map[plan.Key]string{},
		pending:  map[group]map[mirror.Ref]mirror.Change{},
		undone:   map[plan.Key]struct{}{},
		failed:   map[plan.Key]*failure{},
		refused:  map[plan.Key]refusal{},
		explicit: map[plan.Key]struct{}{},
		news:     map[mirror.Ref]struct{}{},
		told:     map[mirror.Ref]struct{}{},
		later:    map[mirror.Ref]time.Time{},
		tellings: map[mirror.Ref]*telling{},
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
	defer close(w.ended)
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
		start := w.now()
		err := w.cycle(ctx)
		if ctx.Err() != nil {
			return
		}
		w.metrics.cycle(w.cluster, w.now().Sub(start))
		w.noteError(err)
		timer.Reset(w.sleep())
	}
}

// sleep returns how long the loop may wait if nothing wakes it.
func (w *worker) sleep() time.Duration {
	if w.more {
		return 0
	}
	now := w.now()
	next := now.Add(refreshEvery)
	earlier := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if w.canTell() {
		for _, t := range w.later {
			earlier(t)
		}
	}
	if w.trouble.waits() {
		// Before that no controller is asked anything.
		earlier(w.trouble.next)
		return max(next.Sub(now), leastSleep)
	}
	earlier(w.refreshAt)
	if w.changed {
		earlier(w.planAt)
	}
	for k, f := range w.failed {
		if w.retries(k) {
			earlier(f.next)
		}
	}
	for _, f := range w.absent {
		earlier(f.next)
	}
	return max(next.Sub(now), leastSleep)
}

// retries says that an object whose last write failed is written again when it
// is due: not in a mode that doesn't write, and of a held plan only members.
func (w *worker) retries(k plan.Key) bool {
	if w.inForce == nil || !writes(w.inForce.Spec.Mode) {
		return false
	}
	return !w.held || k.Type == typePool && w.observed[k] != nil
}

// cycle brings the cluster one step further. What fails is left for a later
// cycle: an error that is the whole cluster's is waited out, with a backoff that
// a new registration ends; an error of one object waits for itself alone.
func (w *worker) cycle(ctx context.Context) error {
	reg := w.registration()
	w.take(reg)
	if w.trouble.waits() && w.now().Before(w.trouble.next) {
		// What is known can be told all the same.
		w.tell(reg)
		return w.trouble.err
	}
	err := w.advance(ctx, reg)
	if err != nil {
		if ctx.Err() == nil {
			w.trouble.again(w.now(), err)
		}
		// Others need not wait for what may never be known.
		w.claims.know(w.cluster)
		w.tell(reg)
		return err
	}
	w.trouble = failure{}
	w.tell(reg)
	return w.standing()
}

// take takes over what came from other goroutines since the last cycle.
func (w *worker) take(reg *v1alpha1.Cluster) {
	w.more = false
	w.takeRegistration(reg)
	w.takeAnswers()
}

// advance does everything of a cycle but the telling.
func (w *worker) advance(ctx context.Context, reg *v1alpha1.Cluster) error {
	if w.removing() {
		return w.remove(ctx, reg)
	}
	if err := w.prepare(ctx, reg); err != nil {
		return err
	}
	p, ok := w.plan(reg)
	if !ok {
		return nil
	}
	return w.apply(ctx, reg, p)
}

// prepare reads what is due to be read of the controller and takes over what
// became dirty in the mirror.
func (w *worker) prepare(ctx context.Context, reg *v1alpha1.Cluster) error {
	if err := w.learn(ctx, reg); err != nil {
		return err
	}
	if err := w.load(ctx, reg); err != nil {
		return err
	}
	w.translate()
	w.search(ctx, reg)
	// Translation may want objects in tenants that were not read yet, and the
	// search have found some.
	if err := w.load(ctx, reg); err != nil {
		return err
	}
	w.acquaint()
	w.judge(reg)
	w.retain()
	return nil
}

// jittered is a time span of about d, so that what began together does not stay
// together.
func jittered(d time.Duration) time.Duration { return d - d/10 + rand.N(d/5) }

// noteError keeps what went wrong for people, and logs it when it is new.
func (w *worker) noteError(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == w.status.Error {
		return
	}
	if err != nil {
		w.log.Warn("something stands against the cluster", "error", err)
	} else {
		w.log.Info("what stood against the cluster is gone")
	}
	w.status.Error = text
}

// standing returns the error that a person should see about the cluster though
// the cycle as such went well.
func (w *worker) standing() error {
	if w.removing() {
		return w.removal.retry.err
	}
	var errs []error
	w.mu.Lock()
	if w.status.Held != "" {
		errs = append(errs, fmt.Errorf("deletions wait for approval: %s", w.status.Held))
	}
	w.mu.Unlock()
	var first desired.Key
	var err error
	for k, f := range w.failed {
		if err == nil || desired.CompareKeys(k, first) < 0 {
			first, err = k, f.err
		}
	}
	if n := len(w.failed); n > 1 {
		err = fmt.Errorf("%w (and %d more objects)", err, n-1)
	}
	errs = append(errs, err, w.stale.err, w.absences(), w.model.bars.standing(), w.heldBack(), w.model.defect())
	if w.offboarded {
		errs = append(errs, errOffboarded)
	}
	return errors.Join(errs...)
}
