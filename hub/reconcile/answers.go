package reconcile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// spread is over how long write-backs that could not be delivered are sent when
// an agent comes.
const spread = 200 * time.Millisecond

// answer is what became of a write-back.
type answer struct {
	ref mirror.Ref
	uid string
	// event identifies the warning that it carried; empty: it carried a status.
	event string
	err   error
	// undelivered: no agent took it, or none answered.
	undelivered bool
}

// send hands a write-back to the agent and notes what becomes of it.
func (w *worker) send(wb *akohubv1.WriteBack) {
	a := answer{ref: mirror.Ref{Kind: wb.GetObject().GetKind(), Namespace: wb.GetObject().GetNamespace(), Name: wb.GetObject().GetName()},
		uid: wb.GetObject().GetUid()}
	if wb.GetLoadBalancer() == nil && wb.GetAnnotations() == nil {
		a.event = warning{wb.GetEvent().GetReason(), wb.GetEvent().GetMessage()}.id()
	}
	w.agents.Send(w.cluster, wb, func(r *akohubv1.WriteBackResult, err error) {
		outcome := r.GetOutcome()
		select {
		case <-w.ended:
			return // and so are the cluster's series
		default:
			w.metrics.writeBack(w.cluster, outcome, err)
		}
		switch {
		case err != nil:
			a.err, a.undelivered = err, true
		case outcome != akohubv1.WriteBackResult_OUTCOME_APPLIED && outcome != akohubv1.WriteBackResult_OUTCOME_UNCHANGED &&
			outcome != akohubv1.WriteBackResult_OUTCOME_GONE:
			a.err = fmt.Errorf("%s: %s", strings.ToLower(strings.TrimPrefix(outcome.String(), "OUTCOME_")), r.GetMessage())
		}
		w.mu.Lock()
		w.answers = append(w.answers, a)
		w.mu.Unlock()
		w.kick()
	})
}

// takeAnswers takes over what agents said of write-backs, and whether one came.
func (w *worker) takeAnswers() {
	w.mu.Lock()
	answers, connected := w.answers, w.connected
	w.answers, w.connected = nil, false
	w.mu.Unlock()
	now := w.now()
	for _, a := range answers {
		w.takeAnswer(now, a)
	}
	if !connected {
		return
	}
	w.mute = false
	for ref, t := range w.tellings {
		if t.lost.waits() {
			t.lost = failure{}
			w.later[ref] = now.Add(rand.N(spread))
		}
	}
}

func (w *worker) takeAnswer(now time.Time, a answer) {
	t := w.tellings[a.ref]
	if t == nil || t.uid != a.uid {
		return
	}
	t.flying--
	if a.err == nil {
		t.lost = failure{}
	} else {
		// Said again, it is new.
		if a.event == "" {
			t.sent = nil
		} else {
			delete(t.warned, a.event)
		}
		t.lost.again(now, a.err)
		w.later[a.ref] = t.lost.next
		w.logLost(a, t)
	}
	if t.flying > 0 {
		return
	}
	if t.again {
		t.again = false
		if !t.lost.waits() {
			w.news[a.ref] = struct{}{}
		}
	}
	if t.idle() {
		delete(w.tellings, a.ref)
	}
}

// logLost logs a write-back that failed: the first of an object's, and of those
// that no agent took only the first of all.
func (w *worker) logLost(a answer, t *telling) {
	log := w.log.With("kind", a.ref.Kind, "namespace", a.ref.Namespace, "name", a.ref.Name)
	switch {
	case a.undelivered && w.mute, !a.undelivered && t.lost.attempts > 1:
		log.Debug("write-back failed; it is repeated", "error", a.err)
	case a.undelivered:
		w.mute = true
		log.Warn("a write-back could not be delivered; this and others are kept until the agent takes them", "error", a.err)
	default:
		log.Warn("write-back failed; it is repeated", "error", a.err)
	}
}
