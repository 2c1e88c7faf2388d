package watch

import (
	"context"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Sink is one session with the hub, as the kinds see it.
type Sink interface {
	// Put hands an item over. Items of one kind arrive in the order of their
	// Puts. It blocks while the session is behind, until ctx ends or the
	// session does; an error means that the item, and all later ones, did not
	// and will not arrive.
	Put(ctx context.Context, kind string, item Item) error
	// Done is closed when the session is over.
	Done() <-chan struct{}
}

// Item is a record, or one of the other messages about a kind. Exactly one
// member is set.
type Item struct {
	Record *akohubv1.Record
	// Fresh marks a record as news that goes before other kinds' snapshots.
	Fresh bool

	Begin *akohubv1.SnapshotBegin
	End   *akohubv1.SnapshotEnd
	Abort *akohubv1.SnapshotAbort
	State *akohubv1.KindState
}

// Reporter records an Event on an object of the cluster.
type Reporter interface {
	Report(object *akohubv1.ObjectRef, event *akohubv1.ObjectEvent)
}

// Observer is told what the package does, for metrics. It must be quick.
type Observer interface {
	// KindState is called when a kind's availability changes, with
	// AVAILABILITY_UNSPECIFIED when the kind is given up.
	KindState(kind string, a akohubv1.KindState_Availability)
	// Indexed is called when the number of objects of a kind changed.
	Indexed(kind string, objects int)
}
