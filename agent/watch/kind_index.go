package watch

import (
	"context"
	"fmt"
	"sort"

	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/pkg/digest"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// This file is how a kind's index follows its source.

func (k *kind) settle() {
	if k.refs != nil {
		k.refs.settle(k.name)
	}
}

func (k *kind) rebuild(objs []*object) {
	k.index = make(map[key]entry, len(objs))
	k.sum = digest.Set{}
	for _, o := range objs {
		if k.tooBig(o) {
			continue
		}
		k.enter(o)
		if k.refs != nil {
			k.refs.set(k.name, o.key, o.secrets)
		}
	}
	k.retainRefs()
}

func (k *kind) retainRefs() {
	if k.refs != nil {
		k.refs.retain(k.name, func(obj key) bool { _, ok := k.index[obj]; return ok })
	}
}

// difference sends what a list changes against the index, and while relisting
// also the records that the hub lacks.
func (k *kind) difference(ctx context.Context, objs []*object, fresh bool) {
	present := make(map[key]bool, len(objs))
	for _, o := range objs {
		present[o.key] = true
	}
	var gone []key
	for old := range k.index {
		if !present[old] {
			gone = append(gone, old)
		}
	}
	sort.Slice(gone, func(i, j int) bool { return gone[i].less(gone[j]) })
	for _, old := range gone {
		uid := k.index[old].uid
		k.leave(old)
		k.putTombstone(ctx, old, uid, fresh)
	}
	for _, o := range objs {
		old, had := k.index[o.key]
		asked := k.phase == relisting && k.wanted[digest.BucketOf(o.key.namespace, o.key.name)]
		if k.tooBig(o) {
			// What the hub has stays good until it asks for the bucket anew:
			// then there is nothing to answer with.
			if had && asked {
				k.leave(o.key)
			}
			continue
		}
		changed := !had || old != (entry{o.uid, o.hash})
		if changed {
			k.leave(o.key)
			k.enter(o)
		}
		if k.refs != nil {
			k.refs.set(k.name, o.key, o.secrets)
		}
		switch {
		case asked:
			k.put(ctx, Item{Record: inSnapshot(o.rec, k.snapshot)})
		case changed:
			k.put(ctx, Item{Record: o.rec, Fresh: fresh})
		}
	}
	k.retainRefs()
}

func (k *kind) upsert(ctx context.Context, o *object) {
	if k.tooBig(o) {
		return
	}
	if k.refs != nil {
		// A Secret goes before the object that needs it, so that the hub does
		// not see a reference to nothing.
		if added := k.refs.set(k.name, o.key, o.secrets); len(added) > 0 && k.sink != nil && k.ensure != nil {
			k.ensure(ctx, added)
		}
	}
	if old, had := k.index[o.key]; had && old == (entry{o.uid, o.hash}) {
		return
	}
	k.leave(o.key)
	k.enter(o)
	if k.held != nil {
		k.held[o.key] = o
	}
	k.put(ctx, Item{Record: o.rec, Fresh: true})
	k.indexed()
}

func (k *kind) remove(ctx context.Context, obj key) {
	delete(k.tooLarge, obj)
	delete(k.held, obj)
	if old, had := k.index[obj]; had {
		k.leave(obj)
		k.putTombstone(ctx, obj, old.uid, true)
		k.indexed()
	}
	if k.refs != nil {
		k.refs.set(k.name, obj, nil)
	}
}

func (k *kind) enter(o *object) {
	e := entry{o.uid, o.hash}
	k.index[o.key] = e
	k.sum.Add(digestEntry(o.key, e))
}

func (k *kind) leave(obj key) {
	if e, ok := k.index[obj]; ok {
		k.sum.Remove(digestEntry(obj, e))
		delete(k.index, obj)
	}
}

func digestEntry(k key, e entry) digest.Entry {
	return digest.Entry{Namespace: k.namespace, Name: k.name, UID: e.uid, ContentHash: string(e.hash[:])}
}

// tooBig tells whether an object cannot be sent, and reports that once for
// each content.
func (k *kind) tooBig(o *object) bool {
	if k.maxRecord == 0 || proto.Size(o.rec) <= k.maxRecord {
		delete(k.tooLarge, o.key)
		return false
	}
	if k.tooLarge[o.key] == o.hash {
		return true
	}
	k.tooLarge[o.key] = o.hash
	k.log.Warn("object is too large to be sent to the hub", "object", o.key.String(), "bytes", proto.Size(o.rec), "limit", k.maxRecord)
	if k.reporter != nil {
		k.reporter.Report(
			&akohubv1.ObjectRef{Kind: k.name, Namespace: o.key.namespace, Name: o.key.name, Uid: o.uid},
			&akohubv1.ObjectEvent{
				Severity: akohubv1.ObjectEvent_SEVERITY_WARNING,
				Reason:   "RecordTooLarge",
				Message: fmt.Sprintf("The object takes %d bytes on the way to the hub, which accepts %d; it is left as it was there.",
					proto.Size(o.rec), k.maxRecord),
			})
	}
	return true
}

// forgetTooLarge lets go of what was reported of objects that are gone.
func (k *kind) forgetTooLarge(objs []*object) {
	if len(k.tooLarge) == 0 {
		return
	}
	still := make(map[key]hash, len(k.tooLarge))
	for _, o := range objs {
		if h, ok := k.tooLarge[o.key]; ok {
			still[o.key] = h
		}
	}
	k.tooLarge = still
}

func (k *kind) indexed() {
	if k.observer != nil {
		k.observer.Indexed(k.name, len(k.index))
	}
}
