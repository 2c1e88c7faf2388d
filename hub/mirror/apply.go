package mirror

import (
	"fmt"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Apply takes one record into the mirror; see ApplyAll.
func (m *Mirror) Apply(rec *akohubv1.Record) error {
	return m.ApplyAll([]*akohubv1.Record{rec})
}

// ApplyAll takes records into the mirror, in order and as one step for readers.
// If any is invalid (ErrInvalid) or belongs to no open snapshot (ErrSnapshot),
// none is taken. The bodies are the mirror's from then on.
//
// A record that repeats the known UID and content hash changes nothing. A
// tombstone for another UID than the known one is about an earlier object of
// the same name, and changes nothing either.
func (m *Mirror) ApplyAll(recs []*akohubv1.Record) error {
	bodies := make([]message, len(recs))
	for i, rec := range recs {
		body, err := checkRecord(rec)
		if err != nil {
			return err
		}
		bodies[i] = body
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	states := make([]*kindState, len(recs))
	for i, rec := range recs {
		ks, err := m.kindState(rec.GetKind())
		if err != nil {
			return err
		}
		if err := ks.checkBody(rec, bodies[i]); err != nil {
			return err
		}
		if id := rec.GetSnapshot(); id != 0 && (ks.snapshot == nil || ks.snapshot.id != id) {
			return fmt.Errorf("%s: snapshot %d: %w", refOf(rec), id, ErrSnapshot)
		}
		states[i] = ks
	}
	for i, rec := range recs {
		m.apply(states[i], rec, bodies[i])
	}
	return nil
}

func (m *Mirror) apply(ks *kindState, rec *akohubv1.Record, body message) {
	k := key{rec.GetNamespace(), rec.GetName()}
	old, had := ks.stamps[k]
	if rec.GetDeleted() {
		if !had || (rec.GetUid() != "" && rec.GetUid() != old.uid) {
			return
		}
		m.remove(ks, k, old, true)
		return
	}
	if ks.snapshot != nil {
		ks.snapshot.seen[k] = struct{}{}
	}
	cur := stamp{uid: rec.GetUid(), hash: string(rec.GetContentHash())}
	if had && old == cur {
		return
	}
	change := dirt{body: true}
	if had {
		ks.digest.Remove(k.entry(old))
		if old.uid == cur.uid {
			change = compare(ks.kind, ks.objects.body(k), body)
		}
	}
	ks.digest.Add(k.entry(cur))
	ks.stamps[k] = cur
	ks.objects.put(k, cur.uid, body)
	m.mark(Ref{Kind: ks.kind, Namespace: k.namespace, Name: k.name}, change)
}

// remove drops an object that is known to be gone.
func (m *Mirror) remove(ks *kindState, k key, s stamp, explicit bool) {
	ks.digest.Remove(k.entry(s))
	delete(ks.stamps, k)
	ks.objects.put(k, "", nil)
	m.mark(Ref{Kind: ks.kind, Namespace: k.namespace, Name: k.name}, dirt{body: true, tombstone: explicit})
}

func refOf(rec *akohubv1.Record) Ref {
	return Ref{Kind: rec.GetKind(), Namespace: rec.GetNamespace(), Name: rec.GetName()}
}
