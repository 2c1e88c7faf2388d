package link

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/agent/watch"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

const (
	// laneBytes bounds what waits for one kind: about one batch on the wire and
	// one being made.
	laneBytes = 256 << 10
	// maxResults bounds the results that wait while the hub sends write-backs
	// but takes nothing.
	maxResults = 4096
	// recordOverhead is more than a record costs in a batch beside itself.
	recordOverhead = 8
	// batchOverhead is more than a batch costs beside its records.
	batchOverhead = 64
)

var errOver = errors.New("the session is over")

// outbox is what waits to be sent in one session: a lane for each kind, whose
// order is kept, and a few messages of the session itself. It implements
// watch.Sink. When asked for the next message it prefers
//
//  1. results of write-backs and heartbeats,
//  2. changes of objects, oldest first,
//  3. states and snapshot marks,
//  4. records of snapshots, in the order of the watch plan,
//
// but never takes anything of a kind before what was put there earlier.
type outbox struct {
	wake chan struct{} // has room for one

	mu        sync.Mutex
	lanes     map[string]*lane
	order     []*lane
	results   []*akohubv1.WriteBackResult
	heartbeat *akohubv1.Heartbeat
	stamp     uint64
	closed    bool
	done      chan struct{}
}

var _ watch.Sink = (*outbox)(nil)

type lane struct {
	items []queued
	bytes int
	space chan struct{} // has room for one; a lane has one producer
}

type queued struct {
	watch.Item
	size  int
	stamp uint64
}

func (q *queued) isFresh() bool { return q.Record != nil && q.Fresh }

// newOutbox makes an outbox; kinds is the order of the watch plan.
func newOutbox(kinds []string) *outbox {
	o := &outbox{
		wake:  make(chan struct{}, 1),
		lanes: map[string]*lane{},
		done:  make(chan struct{}),
	}
	o.setOrder(kinds)
	return o
}

func (o *outbox) setOrder(kinds []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old := o.order
	o.order = nil
	seen := map[*lane]bool{}
	for _, k := range kinds {
		l := o.laneOf(k)
		if !seen[l] {
			seen[l] = true
			o.order = append(o.order, l)
		}
	}
	for _, l := range old {
		// What was said about a kind that left the plan is still said.
		if !seen[l] {
			o.order = append(o.order, l)
		}
	}
}

// laneOf needs the lock. A new lane comes last in the order.
func (o *outbox) laneOf(kind string) *lane {
	l := o.lanes[kind]
	if l == nil {
		l = &lane{space: make(chan struct{}, 1)}
		o.lanes[kind] = l
		o.order = append(o.order, l)
	}
	return l
}

// Put implements watch.Sink.
func (o *outbox) Put(ctx context.Context, kind string, item watch.Item) error {
	size := 0
	if item.Record != nil {
		size = proto.Size(item.Record) + recordOverhead
	}
	for {
		o.mu.Lock()
		if o.closed {
			o.mu.Unlock()
			return errOver
		}
		l := o.laneOf(kind)
		if l.bytes == 0 || l.bytes+size <= laneBytes {
			o.stamp++
			l.items = append(l.items, queued{Item: item, size: size, stamp: o.stamp})
			l.bytes += size
			o.mu.Unlock()
			signal(o.wake)
			return nil
		}
		o.mu.Unlock()
		select {
		case <-l.space:
		case <-o.done:
			return errOver
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Done implements watch.Sink.
func (o *outbox) Done() <-chan struct{} { return o.done }

// close ends the session for everyone who puts or waits.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed = true
		close(o.done)
	}
}

// putResult queues a result; false: far too many wait already.
func (o *outbox) putResult(r *akohubv1.WriteBackResult) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.results) >= maxResults {
		return false
	}
	o.results = append(o.results, r)
	signal(o.wake)
	return true
}

// putHeartbeat queues a heartbeat in place of one that still waits.
func (o *outbox) putHeartbeat(id uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heartbeat = &akohubv1.Heartbeat{Id: id}
	signal(o.wake)
}

// takeHeartbeat returns a waiting heartbeat, or nil.
func (o *outbox) takeHeartbeat() *akohubv1.SessionRequest {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.heartbeat == nil {
		return nil
	}
	m := &akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Heartbeat{Heartbeat: o.heartbeat}}
	o.heartbeat = nil
	return m
}

// take returns the next message, without its number, or nil. A batch has at
// most maxBatch bytes.
func (o *outbox) take(maxBatch int) *akohubv1.SessionRequest {
	if m := o.takeHeartbeat(); m != nil {
		return m
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.results) > 0 {
		r := o.results[0]
		o.results[0] = nil
		o.results = o.results[1:]
		return &akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_WriteBackResult{WriteBackResult: r}}
	}
	if b := o.batch(maxBatch, o.oldestFresh); b != nil {
		return b
	}
	for _, l := range o.order {
		if len(l.items) > 0 && l.items[0].Record == nil {
			return mark(l.pop().Item)
		}
	}
	return o.batch(maxBatch, o.firstRecord)
}

// batch collects records from the lanes that pick chooses.
func (o *outbox) batch(maxBatch int, pick func() *lane) *akohubv1.SessionRequest {
	b := &akohubv1.Batch{}
	size := batchOverhead
	for {
		l := pick()
		if l == nil || (len(b.Records) > 0 && size+l.items[0].size > maxBatch) {
			break
		}
		q := l.pop()
		size += q.size
		b.Records = append(b.Records, q.Record)
	}
	if len(b.Records) == 0 {
		return nil
	}
	return &akohubv1.SessionRequest{Message: &akohubv1.SessionRequest_Batch{Batch: b}}
}

func (o *outbox) oldestFresh() *lane {
	var best *lane
	for _, l := range o.order {
		if len(l.items) > 0 && l.items[0].isFresh() && (best == nil || l.items[0].stamp < best.items[0].stamp) {
			best = l
		}
	}
	return best
}

func (o *outbox) firstRecord() *lane {
	for _, l := range o.order {
		if len(l.items) > 0 && l.items[0].Record != nil {
			return l
		}
	}
	return nil
}

func (l *lane) pop() queued {
	q := l.items[0]
	l.items[0] = queued{}
	l.items = l.items[1:]
	if len(l.items) == 0 {
		l.items = nil // let go of the array
	}
	l.bytes -= q.size
	signal(l.space)
	return q
}

// mark returns the message of an item that is not a record.
func mark(it watch.Item) *akohubv1.SessionRequest {
	m := &akohubv1.SessionRequest{}
	switch {
	case it.Begin != nil:
		m.Message = &akohubv1.SessionRequest_SnapshotBegin{SnapshotBegin: it.Begin}
	case it.End != nil:
		m.Message = &akohubv1.SessionRequest_SnapshotEnd{SnapshotEnd: it.End}
	case it.Abort != nil:
		m.Message = &akohubv1.SessionRequest_SnapshotAbort{SnapshotAbort: it.Abort}
	case it.State != nil:
		m.Message = &akohubv1.SessionRequest_KindState{KindState: it.State}
	}
	return m
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
