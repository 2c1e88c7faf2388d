package watch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sort"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
)

const (
	// secretReads bounds concurrent reads of Secrets.
	secretReads = 8
	// readTimeout bounds one of them.
	readTimeout = 15 * time.Second
	// ensureTimeout bounds how long an object waits for its Secret to go first.
	ensureTimeout = 2 * time.Second
	// patience is how long Secrets wait for the kinds that refer to them to be
	// listed. After it, those that are known to be wanted are sent, but the
	// kind is not called complete.
	patience = 5 * time.Second
)

// secrets is the source of the kind of Secrets. It sees the metadata of all
// Secrets, and reads those that something sent refers to or the plan names.
// Which of the others exist never leaves this process.
type secrets struct {
	k    *kind
	refs *refs
	get  func(context.Context, key) (*corev1.Secret, error)
	// names reduces metadata, body reduces a whole Secret.
	names func(runtime.Object) (*object, error)
	body  func(runtime.Object) (*object, error)
	log   hclog.Logger

	wake chan struct{}

	mu sync.Mutex
	// exists are all Secrets of the cluster.
	exists map[key]struct{}
	// listed: exists is complete.
	listed bool
	// dirty are Secrets to look at.
	dirty map[key]struct{}
	// waiting are closed when the Secret has been looked at.
	waiting map[key][]chan struct{}
	// ready: the kind has had its first whole list.
	ready bool
	// listState is how the metadata reflector fares.
	listState state

	// Below: touched by run only.
	sent map[key]struct{}
	// all: everything is to be read and handed over as one list.
	all     bool
	told    state
	started time.Time
	pause   time.Duration
}

func newSecrets(log hclog.Logger) *secrets {
	return &secrets{
		log:     log,
		wake:    make(chan struct{}, 1),
		exists:  map[key]struct{}{},
		dirty:   map[key]struct{}{},
		waiting: map[key][]chan struct{}{},
		sent:    map[key]struct{}{},
		all:     true,
		pause:   firstRetry,
	}
}

func (s *secrets) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// mark notes Secrets to look at; with none it only wakes the source.
func (s *secrets) mark(keys []key) {
	s.mu.Lock()
	for _, k := range keys {
		s.dirty[k] = struct{}{}
	}
	s.mu.Unlock()
	s.nudge()
}

// ensure waits, within bounds, until newly wanted Secrets were looked at.
func (s *secrets) ensure(ctx context.Context, keys []key) {
	var waits []chan struct{}
	s.mu.Lock()
	if s.ready && s.listState.availability == watched {
		for _, k := range keys {
			if _, ok := s.exists[k]; !ok {
				continue
			}
			c := make(chan struct{})
			s.dirty[k] = struct{}{}
			s.waiting[k] = append(s.waiting[k], c)
			waits = append(waits, c)
		}
	}
	s.mu.Unlock()
	if len(waits) == 0 {
		return
	}
	s.nudge()
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	for _, c := range waits {
		select {
		case <-c:
		case <-ctx.Done():
			return
		}
	}
}

// The target of the metadata reflector.

func (s *secrets) transform(o runtime.Object) (*object, error) { return s.names(o) }

func (s *secrets) replace(_ context.Context, objs []*object) error {
	next := make(map[key]struct{}, len(objs))
	for _, o := range objs {
		next[o.key] = struct{}{}
	}
	s.mu.Lock()
	for k := range s.exists {
		s.dirty[k] = struct{}{}
	}
	for k := range next {
		s.dirty[k] = struct{}{}
	}
	s.exists, s.listed = next, true
	s.listState = state{availability: watched}
	s.mu.Unlock()
	s.nudge()
	return nil
}

func (s *secrets) upsert(_ context.Context, o *object) error {
	s.mu.Lock()
	s.exists[o.key] = struct{}{}
	s.mu.Unlock()
	s.mark([]key{o.key})
	return nil
}

func (s *secrets) remove(_ context.Context, k key) error {
	s.mu.Lock()
	delete(s.exists, k)
	s.mu.Unlock()
	s.mark([]key{k})
	return nil
}

func (s *secrets) state(_ context.Context, st state) error {
	s.mu.Lock()
	s.listState = st
	s.mu.Unlock()
	s.nudge()
	return nil
}

// run looks after the wanted Secrets until its context ends.
func (s *secrets) run(ctx context.Context, relist <-chan struct{}) {
	s.started = time.Now()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-relist:
			s.all = true
		case <-s.wake:
		case <-timer.C:
		}
		err := s.step(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			timer.Reset(s.pause/2 + rand.N(s.pause))
			s.pause = min(2*s.pause, maxRetry)
			continue
		}
		s.pause = firstRetry
		timer.Reset(patience)
	}
}

// step does what is due. An error means that it should be tried again.
func (s *secrets) step(ctx context.Context) error {
	s.mu.Lock()
	listed, st := s.listed, s.listState
	s.mu.Unlock()
	if st.availability != watched {
		if st.availability != unknown {
			s.tell(ctx, st)
		}
		return nil
	}
	if !listed {
		return nil
	}
	missing, complete := s.refs.complete()
	if s.all && complete {
		return s.handOverAll(ctx)
	}
	if s.all && time.Since(s.started) < patience {
		return nil
	}
	if s.all {
		s.log.Debug("secrets are not complete before all that refers to them is", "missing", missing)
	}
	return s.handOverDirty(ctx, complete)
}

// handOverAll reads every wanted Secret and gives the kind the whole list.
func (s *secrets) handOverAll(ctx context.Context) error {
	s.mu.Lock()
	var keys []key
	for _, k := range s.refs.all() {
		if _, ok := s.exists[k]; ok {
			keys = append(keys, k)
		}
	}
	taken := s.dirty
	s.dirty = map[key]struct{}{}
	s.mu.Unlock()

	objs, err := s.read(ctx, keys)
	if err != nil {
		s.mu.Lock()
		for k := range taken {
			s.dirty[k] = struct{}{}
		}
		s.mu.Unlock()
		s.tell(ctx, stateOf(err))
		return err
	}
	s.sent = make(map[key]struct{}, len(objs))
	list := make([]*object, 0, len(objs))
	for _, k := range keys {
		if o := objs[k]; o != nil {
			list = append(list, o)
			s.sent[k] = struct{}{}
		}
	}
	if err := s.submit(ctx, op{replace: &list}); err != nil {
		return err
	}
	s.all = false
	s.told = state{availability: watched} // the kind says so itself with a list
	s.mu.Lock()
	s.ready = true
	s.mu.Unlock()
	s.release(taken)
	return nil
}

// handOverDirty looks at the Secrets that may have changed.
func (s *secrets) handOverDirty(ctx context.Context, complete bool) error {
	s.mu.Lock()
	taken := s.dirty
	s.dirty = map[key]struct{}{}
	var reads, gone []key
	for k := range taken {
		_, exists := s.exists[k]
		_, sent := s.sent[k]
		switch wanted := s.refs.wanted(k); {
		case exists && wanted:
			reads = append(reads, k)
		case sent && (!exists || complete):
			gone = append(gone, k)
		case sent:
			// Perhaps something refers to it that is not listed yet.
			s.dirty[k] = struct{}{}
		}
	}
	s.mu.Unlock()
	sort.Slice(reads, func(i, j int) bool { return reads[i].less(reads[j]) })
	sort.Slice(gone, func(i, j int) bool { return gone[i].less(gone[j]) })

	defer s.release(taken)
	for _, k := range gone {
		if err := s.submit(ctx, op{remove: &k}); err != nil {
			return err
		}
		delete(s.sent, k)
	}
	objs, err := s.read(ctx, reads)
	for _, k := range reads {
		o := objs[k]
		if o == nil {
			continue
		}
		if serr := s.submit(ctx, op{upsert: o}); serr != nil {
			return serr
		}
		s.sent[k] = struct{}{}
	}
	if err != nil {
		s.mu.Lock()
		for _, k := range reads {
			if objs[k] == nil {
				s.dirty[k] = struct{}{}
			}
		}
		s.mu.Unlock()
		s.tell(ctx, stateOf(err))
		return err
	}
	if !s.all {
		s.tell(ctx, state{availability: watched})
	}
	return nil
}

// release lets go of those who wait for the given Secrets.
func (s *secrets) release(keys map[key]struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range keys {
		for _, c := range s.waiting[k] {
			close(c)
		}
		delete(s.waiting, k)
	}
}

// read gets Secrets, some at a time. What it returns is good even with an
// error; a Secret that does not exist is neither returned nor an error.
func (s *secrets) read(ctx context.Context, keys []key) (map[key]*object, error) {
	out := make(map[key]*object, len(keys))
	var mu sync.Mutex
	var first error
	var g errgroup.Group
	g.SetLimit(secretReads)
	for _, k := range keys {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, readTimeout)
			defer cancel()
			secret, err := s.get(ctx, k)
			var o *object
			if err == nil {
				o, err = s.body(secret)
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				out[k] = o
			case apierrors.IsNotFound(err):
			case first == nil:
				first = fmt.Errorf("read secret %s: %w", k, err)
			}
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	return out, first
}

func stateOf(err error) state {
	st := state{availability: failing, message: describe(err)}
	if apierrors.IsForbidden(err) {
		st.availability = forbidden
	}
	return st
}

// tell passes a changed state on.
func (s *secrets) tell(ctx context.Context, st state) {
	if st.availability == s.told.availability {
		return
	}
	if err := s.submit(ctx, op{state: &st}); err == nil {
		s.told = st
	}
}

// submit hands an op over and waits until it was handled, so that whoever
// waits for a Secret is let go only when it is on its way.
func (s *secrets) submit(ctx context.Context, o op) error {
	o.done = make(chan struct{})
	if err := s.k.submit(ctx, o); err != nil {
		return err
	}
	select {
	case <-o.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
