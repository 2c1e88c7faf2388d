package intake

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// maxInFlight is how many write-backs an agent may have under way.
const maxInFlight = 64

// errControlFull: the agent makes the hub answer faster than it reads.
var errControlFull = errors.New("the agent does not read the hub's answers")

// maxControl bounds the answers that wait to be sent.
const maxControl = 1024

type doneFunc func(*akohubv1.WriteBackResult, error)

// objectKey names the object of a write-back.
type objectKey struct {
	kind, namespace, name, uid string
}

func keyOf(ref *akohubv1.ObjectRef) objectKey {
	return objectKey{ref.GetKind(), ref.GetNamespace(), ref.GetName(), ref.GetUid()}
}

// writeBack is one that waits or is under way.
type writeBack struct {
	msg   *akohubv1.WriteBack
	dones []doneFunc
	sent  time.Time
}

// objectQueue holds the write-backs of one object.
type objectQueue struct {
	waiting []*writeBack
	busy    bool // one is under way
}

// outbox holds what is to be sent to one agent. Acknowledgements and heartbeats
// are kept once each, write-backs once for each object and shape: its size does
// not depend on how slowly the agent reads.
type outbox struct {
	epoch    string
	maxQueue int
	wake     chan struct{}

	mu      sync.Mutex
	control []*akohubv1.SessionResponse
	ack     uint64
	acked   uint64
	beat    *akohubv1.Heartbeat
	nextID  uint64
	queued  int
	objects map[objectKey]*objectQueue
	ready   []objectKey
	flight  map[uint64]*writeBack
	closed  error
}

func newOutbox(epoch string, maxQueue int) *outbox {
	return &outbox{
		epoch:    epoch,
		maxQueue: maxQueue,
		wake:     make(chan struct{}, 1),
		objects:  make(map[objectKey]*objectQueue),
		flight:   make(map[uint64]*writeBack),
	}
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// answer queues a message that must be sent, in order.
func (o *outbox) answer(m *akohubv1.SessionResponse) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.control) >= maxControl {
		return errControlFull
	}
	o.control = append(o.control, m)
	o.signal()
	return nil
}

// acknowledge says that everything up to a message is in the mirror.
func (o *outbox) acknowledge(seq uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ack = seq
	o.signal()
}

// echo answers a heartbeat. Only the newest matters.
func (o *outbox) echo(b *akohubv1.Heartbeat) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.beat = b
	o.signal()
}

// write queues a write-back. When it returns an error, done is not called.
func (o *outbox) write(msg *akohubv1.WriteBack, done doneFunc) error {
	if msg.GetObject().GetName() == "" || msg.GetObject().GetKind() == "" {
		return errors.New("the write-back names no object")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed != nil {
		return o.closed
	}
	k := keyOf(msg.GetObject())
	q := o.objects[k]
	if q != nil {
		for _, older := range q.waiting {
			if sameShape(older.msg, msg) {
				older.msg = overtake(older.msg, msg)
				older.dones = append(older.dones, done)
				return nil
			}
		}
	}
	if o.queued >= o.maxQueue {
		return ErrQueueFull
	}
	if q == nil {
		q = &objectQueue{}
		o.objects[k] = q
	}
	q.waiting = append(q.waiting, &writeBack{msg: proto.CloneOf(msg), dones: []doneFunc{done}})
	o.queued++
	if len(q.waiting) == 1 && !q.busy {
		o.ready = append(o.ready, k)
		o.signal()
	}
	return nil
}

// sameShape says whether two write-backs for an object are about the same of
// its parts, so that the newer makes the older pointless. Different Events are
// different parts.
func sameShape(a, b *akohubv1.WriteBack) bool {
	return (a.LoadBalancer == nil) == (b.LoadBalancer == nil) &&
		(a.Annotations == nil) == (b.Annotations == nil) &&
		(a.Event == nil) == (b.Event == nil) &&
		a.GetEvent().GetReason() == b.GetEvent().GetReason() &&
		a.GetEvent().GetMessage() == b.GetEvent().GetMessage()
}

// overtake returns the newer write-back with those changes of annotations of
// the older that it says nothing about: an annotation patch is a difference,
// everything else is whole.
func overtake(older, newer *akohubv1.WriteBack) *akohubv1.WriteBack {
	out := proto.CloneOf(newer)
	p := out.GetAnnotations()
	if p == nil {
		return out
	}
	said := maps.Clone(p.GetSet())
	if said == nil {
		said = map[string]string{}
	}
	for _, name := range p.GetRemove() {
		said[name] = ""
	}
	for name, value := range older.GetAnnotations().GetSet() {
		if _, ok := said[name]; ok {
			continue
		}
		if p.Set == nil {
			p.Set = map[string]string{}
		}
		p.Set[name] = value
	}
	for _, name := range older.GetAnnotations().GetRemove() {
		if _, ok := said[name]; !ok {
			p.Remove = append(p.Remove, name)
		}
	}
	slices.Sort(p.Remove)
	return out
}

// next takes the next message to send, or nil when there is none now. Answers
// go first, then acknowledgements, for the agent waits for both.
func (o *outbox) next(now time.Time) *akohubv1.SessionResponse {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case len(o.control) > 0:
		m := o.control[0]
		o.control[0] = nil
		o.control = o.control[1:]
		return m
	case o.ack > o.acked:
		o.acked = o.ack
		return &akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_Ack{Ack: &akohubv1.Ack{Seq: o.ack, Epoch: o.epoch}}}
	case o.beat != nil:
		b := o.beat
		o.beat = nil
		return &akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_Heartbeat{Heartbeat: b}}
	case len(o.ready) > 0 && len(o.flight) < maxInFlight:
		k := o.ready[0]
		o.ready = o.ready[1:]
		q := o.objects[k]
		w := q.waiting[0]
		q.waiting = slices.Delete(q.waiting, 0, 1)
		q.busy = true
		o.queued--
		o.nextID++
		w.msg.Id = o.nextID
		w.sent = now
		o.flight[w.msg.Id] = w
		return &akohubv1.SessionResponse{Message: &akohubv1.SessionResponse_WriteBack{WriteBack: w.msg}}
	}
	return nil
}

// result takes an agent's answer and returns those who wait for it; none if
// the id is unknown.
func (o *outbox) result(id uint64) []doneFunc {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.settle(id)
}

func (o *outbox) settle(id uint64) []doneFunc {
	w := o.flight[id]
	if w == nil {
		return nil
	}
	delete(o.flight, id)
	k := keyOf(w.msg.GetObject())
	q := o.objects[k]
	q.busy = false
	if len(q.waiting) == 0 {
		delete(o.objects, k)
	} else {
		o.ready = append(o.ready, k)
	}
	// Also when nothing new is ready: a place in flight is free.
	o.signal()
	return w.dones
}

// expire gives up the write-backs that were sent before a time.
func (o *outbox) expire(before time.Time) []doneFunc {
	o.mu.Lock()
	defer o.mu.Unlock()
	var late []doneFunc
	for _, id := range slices.Sorted(maps.Keys(o.flight)) {
		if o.flight[id].sent.Before(before) {
			late = append(late, o.settle(id)...)
		}
	}
	return late
}

// close refuses further write-backs with an error and returns those who wait.
func (o *outbox) close(err error) []doneFunc {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed != nil {
		return nil
	}
	o.closed = err
	var left []doneFunc
	for _, id := range slices.Sorted(maps.Keys(o.flight)) {
		left = append(left, o.flight[id].dones...)
	}
	for _, q := range o.objects {
		for _, w := range q.waiting {
			left = append(left, w.dones...)
		}
	}
	o.control, o.ready, o.objects, o.flight, o.queued = nil, nil, nil, nil, 0
	return left
}
