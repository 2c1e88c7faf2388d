package watch

import (
	"context"
	"sort"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/akohub/akohub/pkg/digest"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

const (
	watched   = akohubv1.KindState_AVAILABILITY_WATCHED
	unknown   = akohubv1.KindState_AVAILABILITY_UNSPECIFIED
	absent    = akohubv1.KindState_AVAILABILITY_ABSENT
	forbidden = akohubv1.KindState_AVAILABILITY_FORBIDDEN
	failing   = akohubv1.KindState_AVAILABILITY_FAILING
)

// phase is where a kind stands in its session.
type phase int

const (
	// idle: no snapshot was begun, or the last one was given up.
	idle phase = iota
	// begun: the hub has yet to say what it lacks.
	begun
	// relisting: the hub lacks records whose bodies are being listed again.
	relisting
	// live: the snapshot is complete; changes follow.
	live
)

// op is what a source tells its kind.
type op struct {
	// Exactly one of these is set.
	replace *[]*object
	upsert  *object
	remove  *key
	state   *state

	// done, if set, is closed when the op has been handled.
	done chan struct{}
}

type state struct {
	availability akohubv1.KindState_Availability
	message      string
}

type entry struct {
	uid  string
	hash hash
}

type need struct {
	snapshot uint64
	buckets  []uint32
}

// kind owns the index of one kind of object. Its goroutine (run) alone touches
// everything below the channels.
type kind struct {
	name      string
	log       hclog.Logger
	reporter  Reporter
	observer  Observer
	refs      *refs // nil unless objects of the kind refer to Secrets
	ensure    func(ctx context.Context, secrets []key)
	numbers   *atomic.Uint64 // of snapshots, shared by all kinds
	maxRecord int            // bytes; 0: no bound
	holdFor   time.Duration

	ops      chan op
	sessions chan Sink
	needs    chan need
	// relist asks the source to read everything again.
	relist chan struct{}

	index    map[key]entry
	sum      digest.Set
	synced   bool
	state    state
	sink     Sink
	phase    phase
	snapshot uint64
	wanted   [digest.Buckets]bool
	// held are bodies kept while the hub decides what it lacks.
	held      map[key]*object
	holdTimer *time.Timer
	// tooLarge remembers what was reported, by hash.
	tooLarge map[key]hash
}

func newKind(name string, log hclog.Logger) *kind {
	return &kind{
		name:     name,
		log:      log.With("kind", name),
		ops:      make(chan op),
		sessions: make(chan Sink),
		needs:    make(chan need, 1),
		relist:   make(chan struct{}, 1),
		index:    map[key]entry{},
		tooLarge: map[key]hash{},
	}
}

// submit hands an op to the kind. It blocks while the kind is busy, which is
// what slows the source down to the session's pace.
func (k *kind) submit(ctx context.Context, o op) error {
	select {
	case k.ops <- o:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// need is called by the session's receiver and never blocks: only the newest
// wish counts.
func (k *kind) need(n need) {
	for {
		select {
		case k.needs <- n:
			return
		default:
		}
		select {
		case <-k.needs:
		default:
		}
	}
}

func (k *kind) run(ctx context.Context) {
	k.holdTimer = time.NewTimer(time.Hour)
	k.holdTimer.Stop()
	defer k.holdTimer.Stop()
	for {
		var over <-chan struct{}
		if k.sink != nil {
			over = k.sink.Done()
		}
		select {
		case <-ctx.Done():
			k.giveUp(context.WithoutCancel(ctx))
			return
		case <-over:
			k.detach()
		case s := <-k.sessions:
			k.attach(ctx, s)
		case n := <-k.needs:
			k.answer(ctx, n)
		case <-k.holdTimer.C:
			// The hub takes its time; the bodies can be listed again.
			k.log.Debug("hub has not asked for the snapshot yet, dropping bodies", "snapshot", k.snapshot)
			k.held = nil
		case o := <-k.ops:
			k.handle(ctx, o)
			if o.done != nil {
				close(o.done)
			}
		}
	}
}

func (k *kind) handle(ctx context.Context, o op) {
	switch {
	case o.replace != nil:
		k.replace(ctx, *o.replace)
	case o.upsert != nil:
		k.upsert(ctx, o.upsert)
	case o.remove != nil:
		k.remove(ctx, *o.remove)
	case o.state != nil:
		k.setState(ctx, *o.state)
	}
}

// giveUp runs when the plan no longer has the kind in this form.
func (k *kind) giveUp(ctx context.Context) {
	if k.phase == begun || k.phase == relisting {
		// The session may be dead as well; a second is generous.
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		k.abort(ctx, "the watch plan changed")
	}
	if k.observer != nil {
		k.observer.KindState(k.name, unknown)
	}
}

func (k *kind) attach(ctx context.Context, s Sink) {
	k.detach()
	k.sink = s
	// A wish of an earlier session means nothing in this one.
	select {
	case <-k.needs:
	default:
	}
	if k.state.availability == unknown {
		return
	}
	k.putState(ctx)
	if k.synced && k.state.availability == watched {
		k.begin(ctx)
	}
}

func (k *kind) detach() {
	k.sink = nil
	k.phase = idle
	k.drop()
}

// replace takes a whole list.
func (k *kind) replace(ctx context.Context, objs []*object) {
	sort.Slice(objs, func(i, j int) bool { return objs[i].key.less(objs[j].key) })
	k.setStateOnly(ctx, state{availability: watched})
	k.synced = true
	k.forgetTooLarge(objs)
	switch {
	case k.sink == nil || k.phase == idle:
		// The hub learns the difference from the digests.
		k.rebuild(objs)
		k.settle()
		if k.sink != nil {
			k.begin(ctx)
			k.hold(objs)
		}
	case k.phase == begun:
		k.difference(ctx, objs, true)
		k.settle()
		k.hold(objs)
	case k.phase == relisting:
		k.difference(ctx, objs, false)
		k.settle()
		k.end(ctx)
	default:
		k.difference(ctx, objs, true)
		k.settle()
	}
	k.indexed()
}
