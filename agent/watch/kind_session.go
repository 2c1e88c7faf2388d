package watch

import (
	"context"
	"sort"

	"github.com/akohub/akohub/pkg/digest"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// This file is what a kind says in its session: states, snapshots, records.

// setState takes what the source says about the API server.
func (k *kind) setState(ctx context.Context, s state) {
	k.setStateOnly(ctx, s)
	if s.availability == watched && k.sink != nil && k.phase == idle && k.synced {
		k.begin(ctx)
	}
}

// setStateOnly notes and tells a change of availability. When the kind can no
// longer be watched an open snapshot is given up, and the next one is begun
// when it can: so the hub never takes a kind for complete on old word.
func (k *kind) setStateOnly(ctx context.Context, s state) {
	if s.availability == k.state.availability {
		k.state = s
		return
	}
	before := k.state.availability
	k.state = s
	switch s.availability {
	case watched:
		k.log.Info("kind is watched", "before", short(before))
	case absent:
		k.log.Info("kind does not exist in this cluster (yet)", "reason", s.message)
	default:
		k.log.Warn("kind cannot be watched", "availability", short(s.availability), "reason", s.message)
	}
	if k.observer != nil {
		k.observer.KindState(k.name, s.availability)
	}
	// A kind that the cluster does not have refers to nothing. One that was
	// listed before keeps its references until its objects are seen to go.
	if s.availability == absent {
		k.settle()
	}
	if k.sink == nil {
		return
	}
	if s.availability != watched {
		if k.phase == begun || k.phase == relisting {
			k.abort(ctx, s.message)
		}
		k.phase = idle
		k.drop()
	}
	k.putState(ctx)
}

func short(a akohubv1.KindState_Availability) string {
	switch a {
	case watched:
		return "watched"
	case absent:
		return "absent"
	case forbidden:
		return "forbidden"
	case failing:
		return "failing"
	}
	return "unknown"
}

func (k *kind) putState(ctx context.Context) {
	k.put(ctx, Item{State: &akohubv1.KindState{
		Kind: k.name, Availability: k.state.availability, Message: k.state.message,
	}})
}

func (k *kind) begin(ctx context.Context) {
	k.snapshot = k.numbers.Add(1)
	k.phase = begun
	k.put(ctx, Item{Begin: &akohubv1.SnapshotBegin{
		Kind: k.name, Snapshot: k.snapshot, Count: k.sum.Count(), BucketDigests: k.sum.BucketDigests(),
	}})
}

func (k *kind) end(ctx context.Context) {
	k.phase = live
	k.put(ctx, Item{End: &akohubv1.SnapshotEnd{
		Kind: k.name, Snapshot: k.snapshot, Count: k.sum.Count(), Digest: k.sum.Digest(),
	}})
}

func (k *kind) abort(ctx context.Context, reason string) {
	k.put(ctx, Item{Abort: &akohubv1.SnapshotAbort{Kind: k.name, Snapshot: k.snapshot, Reason: reason}})
}

// answer takes the hub's word on what it lacks of the open snapshot.
func (k *kind) answer(ctx context.Context, n need) {
	if k.sink == nil || k.phase != begun || n.snapshot != k.snapshot {
		k.log.Debug("hub asked for a snapshot that is not open", "snapshot", n.snapshot)
		return
	}
	if len(n.buckets) == 0 {
		k.drop()
		k.end(ctx)
		return
	}
	k.wanted = [digest.Buckets]bool{}
	for _, b := range n.buckets {
		if b < digest.Buckets {
			k.wanted[b] = true
		}
	}
	if k.held == nil {
		k.phase = relisting
		k.log.Debug("hub lacks records, listing again", "snapshot", n.snapshot, "buckets", len(n.buckets))
		select {
		case k.relist <- struct{}{}:
		default:
		}
		return
	}
	held := make([]*object, 0, len(k.held))
	for _, o := range k.held {
		// The index has the last word on what may be sent.
		if e, ok := k.index[o.key]; ok && e == (entry{o.uid, o.hash}) && k.wanted[digest.BucketOf(o.key.namespace, o.key.name)] {
			held = append(held, o)
		}
	}
	complete := k.covers(held)
	k.drop()
	if !complete {
		// An entry whose body could not be kept (it has grown too large).
		k.phase = relisting
		select {
		case k.relist <- struct{}{}:
		default:
		}
		return
	}
	sort.Slice(held, func(i, j int) bool { return held[i].key.less(held[j].key) })
	for i, o := range held {
		held[i] = nil // what is sent need not wait for the rest
		k.put(ctx, Item{Record: inSnapshot(o.rec, n.snapshot)})
	}
	if k.sink != nil {
		k.end(ctx)
	}
}

// covers tells whether the objects are all that the index has in the wanted
// buckets.
func (k *kind) covers(objs []*object) bool {
	n := 0
	for obj := range k.index {
		if k.wanted[digest.BucketOf(obj.namespace, obj.name)] {
			n++
		}
	}
	return n == len(objs)
}

// hold keeps bodies for a while, in case the hub asks for them at once.
func (k *kind) hold(objs []*object) {
	if k.sink == nil || k.phase != begun {
		return
	}
	k.held = make(map[key]*object, len(objs))
	for _, o := range objs {
		k.held[o.key] = o
	}
	k.holdTimer.Reset(k.holdFor)
}

func (k *kind) drop() {
	k.held = nil
	if k.holdTimer != nil {
		k.holdTimer.Stop()
	}
}

func (k *kind) putTombstone(ctx context.Context, obj key, uid string, fresh bool) {
	k.put(ctx, Item{Fresh: fresh, Record: &akohubv1.Record{
		Kind: k.name, Namespace: obj.namespace, Name: obj.name, Uid: uid, Deleted: true,
	}})
}

// inSnapshot returns a record as part of a snapshot. The given one may be
// queued already, as a change, and is left alone.
func inSnapshot(r *akohubv1.Record, snapshot uint64) *akohubv1.Record {
	return &akohubv1.Record{
		Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Uid: r.Uid,
		ContentHash: r.ContentHash, Snapshot: snapshot, Body: r.Body,
	}
}

// put sends an item. When the session is over the kind goes on without one:
// the digests of the next session say what was missed.
func (k *kind) put(ctx context.Context, it Item) {
	if k.sink == nil {
		return
	}
	if err := k.sink.Put(ctx, k.name, it); err != nil {
		k.detach()
	}
}
