package mirror

import (
	"cmp"
	"slices"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Summary says how a mirror stands, for people.
type Summary struct {
	Cluster string
	// Objects is how many there are of all kinds.
	Objects int
	// Kinds are those that the agent has said anything about or that hold
	// objects, sorted by name.
	Kinds []KindSummary
}

// KindSummary says how a mirror stands with one kind.
type KindSummary struct {
	Kind    string
	Objects int
	// Synced is as View.Synced.
	Synced bool
	// Receiving: a snapshot has begun and not ended.
	Receiving    bool
	Availability akohubv1.KindState_Availability
	// Message is the agent's word on the availability.
	Message string
}

// Synced returns how many kinds are synced.
func (s Summary) Synced() int {
	n := 0
	for _, k := range s.Kinds {
		if k.Synced {
			n++
		}
	}
	return n
}

// Summary counts the mirror's contents.
func (m *Mirror) Summary() Summary {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := Summary{Cluster: m.cluster}
	for name, ks := range m.kinds {
		quiet := ks.availability == akohubv1.KindState_AVAILABILITY_UNSPECIFIED && ks.snapshot == nil
		if quiet && len(ks.stamps) == 0 {
			continue
		}
		out.Objects += len(ks.stamps)
		out.Kinds = append(out.Kinds, KindSummary{
			Kind:         name,
			Objects:      len(ks.stamps),
			Synced:       ks.synced,
			Receiving:    ks.snapshot != nil,
			Availability: ks.availability,
			Message:      ks.message,
		})
	}
	slices.SortFunc(out.Kinds, func(a, b KindSummary) int { return cmp.Compare(a.Kind, b.Kind) })
	return out
}
