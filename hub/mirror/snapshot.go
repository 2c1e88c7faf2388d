package mirror

import (
	"fmt"
	"slices"

	"github.com/akohub/akohub/pkg/digest"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// snapshot is one that has begun and not ended.
type snapshot struct {
	id   uint64
	need [digest.Buckets]bool
	// wants: need is not empty.
	wants bool
	// seen are the objects that arrived since the begin, as part of the
	// snapshot or as changes.
	seen map[key]struct{}
}

// BeginSnapshot opens a snapshot of a kind with the agent's count and bucket
// digests, and returns the buckets that differ from the mirror's, sorted. If
// any does, the kind is unsynced until a snapshot ends. Errors: ErrInvalid,
// ErrSnapshot if another is open.
func (m *Mirror) BeginSnapshot(kind string, id, count uint64, buckets []uint64) (need []uint32, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id == 0 {
		return nil, invalidf("snapshot of %q: the number 0 stands for changes", kind)
	}
	if len(buckets) != digest.Buckets {
		return nil, invalidf("snapshot %d of %q: %d bucket digests instead of %d", id, kind, len(buckets), digest.Buckets)
	}
	ks, err := m.kindState(kind)
	if err != nil {
		return nil, err
	}
	if ks.snapshot != nil {
		return nil, fmt.Errorf("begin snapshot %d of %s while snapshot %d is open: %w", id, kind, ks.snapshot.id, ErrSnapshot)
	}
	snap := &snapshot{id: id, seen: make(map[key]struct{})}
	for i, own := range ks.digest.BucketDigests() {
		if own != buckets[i] {
			snap.need[i] = true
			need = append(need, uint32(i))
		}
	}
	if len(need) == 0 && count != ks.digest.Count() {
		// Equal sums over different sets: ask for everything rather than trust them.
		for i := range snap.need {
			snap.need[i] = true
			need = append(need, uint32(i))
		}
	}
	ks.snapshot = snap
	if len(need) > 0 {
		snap.wants = true
		ks.synced = false
		ks.objects.bulk()
	}
	return need, nil
}

// EndSnapshot closes a snapshot. If count and digest are those of the mirror
// without the objects of the wanted buckets that have not arrived since the
// begin, these objects are pruned and returned, sorted, and the kind is synced.
// Otherwise nothing is pruned, the kind is unsynced, and the error is ErrDigest.
func (m *Mirror) EndSnapshot(kind string, id, count, sum uint64) (pruned []Ref, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ks := m.kinds[kind]
	if ks == nil || ks.snapshot == nil || ks.snapshot.id != id {
		return nil, fmt.Errorf("end snapshot %d of %q: %w", id, kind, ErrSnapshot)
	}
	snap := ks.snapshot
	ks.snapshot = nil
	before := ks.synced

	remains := ks.digest
	var gone []key
	for k, s := range ks.stamps {
		if !snap.wants {
			break
		}
		if _, seen := snap.seen[k]; seen || !snap.need[digest.BucketOf(k.namespace, k.name)] {
			continue
		}
		gone = append(gone, k)
		remains.Remove(k.entry(s))
	}
	if remains.Count() != count || remains.Digest() != sum {
		ks.synced = false
		return nil, fmt.Errorf("end snapshot %d of %s: the agent counts %d objects, here %d would remain: %w",
			id, kind, count, remains.Count(), ErrDigest)
	}
	slices.SortFunc(gone, compareKeys)
	for _, k := range gone {
		m.remove(ks, k, ks.stamps[k], false)
		pruned = append(pruned, Ref{Kind: kind, Namespace: k.namespace, Name: k.name})
	}
	ks.synced = true
	// What has just been listed is watched, whatever was said before.
	ks.availability, ks.message = akohubv1.KindState_AVAILABILITY_WATCHED, ""
	if !before {
		m.mark(Ref{Kind: kind}, dirt{})
	}
	return pruned, nil
}

// AbortSnapshot forgets a snapshot. Its records stay, nothing is pruned, and
// the kind is as synced as the begin left it. Unknown numbers are ignored.
func (m *Mirror) AbortSnapshot(kind string, id uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ks := m.kinds[kind]; ks != nil && ks.snapshot != nil && ks.snapshot.id == id {
		ks.snapshot = nil
	}
}
