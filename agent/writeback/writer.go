package writeback

import (
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

const (
	// workers bounds how many objects are written at once.
	workers = 8
	// queueLen bounds how many write-backs wait for one worker; beyond that the
	// stream waits.
	queueLen = 32
	// deadline bounds one write-back with all its attempts.
	deadline = 20 * time.Second
	// attempts bounds how often one is tried.
	attempts = 5
	// firstPause and maxPause bound the time between attempts.
	firstPause = 100 * time.Millisecond
	maxPause   = 3 * time.Second
)

const (
	applied   = akohubv1.WriteBackResult_OUTCOME_APPLIED
	unchanged = akohubv1.WriteBackResult_OUTCOME_UNCHANGED
	gone      = akohubv1.WriteBackResult_OUTCOME_GONE
	forbidden = akohubv1.WriteBackResult_OUTCOME_FORBIDDEN
	failed    = akohubv1.WriteBackResult_OUTCOME_FAILED
)

// Config is what a Writer works with.
type Config struct {
	Dynamic dynamic.Interface
	Mapper  meta.RESTMapper
	Events  *Events
	Log     hclog.Logger
	// Observe is told each outcome, for metrics; may be nil.
	Observe func(akohubv1.WriteBackResult_Outcome)
	// Now is the clock of conditions; nil: time.Now.
	Now func() time.Time
}

// Writer is a bounded pool that carries out write-backs.
type Writer struct {
	cfg    Config
	queues [workers]chan job
}

type job struct {
	ctx  context.Context //nolint:containedctx // of the session that asked
	w    *akohubv1.WriteBack
	done func(*akohubv1.WriteBackResult)
}

// New makes a Writer; Run does its work.
func New(cfg Config) *Writer {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	w := &Writer{cfg: cfg}
	for i := range w.queues {
		w.queues[i] = make(chan job, queueLen)
	}
	return w
}

// Run carries out write-backs until ctx ends.
func (w *Writer) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, q := range w.queues {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case j := <-q:
					w.do(ctx, j)
				}
			}
		})
	}
	wg.Wait()
}

// Write queues a write-back. done is called once with the result, unless ctx
// ends first. It blocks while too many wait for the same worker.
func (w *Writer) Write(ctx context.Context, b *akohubv1.WriteBack, done func(*akohubv1.WriteBackResult)) error {
	h := fnv.New32a()
	o := b.GetObject()
	for _, s := range []string{o.GetKind(), o.GetNamespace(), o.GetName()} {
		_, _ = h.Write([]byte(s))
		_, _ = h.Write([]byte{0})
	}
	select {
	case w.queues[h.Sum32()%workers] <- job{ctx, b, done}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *Writer) do(ctx context.Context, j job) {
	if j.ctx.Err() != nil {
		return // nobody is left to be told, and the next session asks anew
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	outcome, err := w.attempt(ctx, j.w)
	r := &akohubv1.WriteBackResult{Id: j.w.GetId(), Outcome: outcome}
	o := j.w.GetObject()
	log := w.cfg.Log.With("kind", o.GetKind(), "namespace", o.GetNamespace(), "name", o.GetName())
	if err != nil {
		r.Message = err.Error()
		log.Warn("write-back was not carried out", "outcome", outcome.String(), "error", err)
	} else {
		log.Debug("write-back carried out", "outcome", outcome.String())
	}
	if w.cfg.Observe != nil {
		w.cfg.Observe(outcome)
	}
	j.done(r)
}

// attempt tries until it succeeds or trying again is pointless.
func (w *Writer) attempt(ctx context.Context, b *akohubv1.WriteBack) (akohubv1.WriteBackResult_Outcome, error) {
	pause := firstPause
	for n := 1; ; n++ {
		outcome, err := w.once(ctx, b)
		if err == nil || n == attempts || !worthRetrying(err) {
			return outcome, err
		}
		t := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return outcome, err
		}
		pause = min(3*pause, maxPause)
	}
}

// worthRetrying tells whether an error may pass by itself. A refusal may: just
// after its start an API server refuses what it will allow.
func worthRetrying(err error) bool {
	var timeout interface{ Timeout() bool }
	switch {
	case apierrors.IsConflict(err), apierrors.IsForbidden(err), apierrors.IsTooManyRequests(err),
		apierrors.IsServerTimeout(err), apierrors.IsTimeout(err), apierrors.IsInternalError(err),
		apierrors.IsServiceUnavailable(err), apierrors.IsUnauthorized(err):
		return true
	case utilnet.IsConnectionRefused(err), utilnet.IsConnectionReset(err), utilnet.IsProbableEOF(err):
		return true
	}
	return errors.As(err, &timeout) && timeout.Timeout()
}

// outcomeOf classifies an error for the hub.
func outcomeOf(err error) akohubv1.WriteBackResult_Outcome {
	switch {
	case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
		return gone
	case apierrors.IsForbidden(err):
		return forbidden
	}
	return failed
}
