package plan

import (
	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/translate"
)

// Key identifies an Avi object.
type Key = desired.Key

// Observed is an Avi object as the controller last answered it. It is
// immutable.
type Observed struct {
	Key  Key
	UUID string
	// LastModified is _last_modified, microseconds as text; the version that a
	// write is computed against.
	LastModified string
	// Body is the object as read, with references as "…/api/pool/UUID#name".
	Body map[string]any
}

// Op is what a step does.
type Op string

// The operations.
const (
	Create Op = "create"
	Update Op = "update"
	Delete Op = "delete"
	// Edit merges into a shared object (translate.Edit).
	Edit Op = "edit"
)

// Step is one write.
type Step struct {
	Op  Op
	Key Key
	// Want is the object to create or update to; nil for Delete and Edit.
	Want *desired.Object
	// Have is what it is computed against; nil for Create.
	Have *Observed
	// Edit is set for the operation Edit.
	Edit *translate.Edit
	// After are indexes of steps of the plan that must have succeeded first.
	// They are all smaller than the step's own index.
	After []int
	// Changes say, field by field, what an Update changes; secrets redacted.
	Changes []Change
}

// Change is a difference in one field.
type Change struct {
	// Path is the field's, such as "servers[1].enabled".
	Path string
	// From and To are the values, as short JSON; empty: absent. Secrets are
	// "<redacted>".
	From, To string
}

// Plan is an ordered list of steps for one cluster. It is a value: it can be
// printed, counted, refused, approved and applied.
type Plan struct {
	// Cluster is the name of the cluster that the plan is for.
	Cluster string
	Steps   []Step
	// Conflicts are wanted objects whose names belong to somebody else.
	Conflicts []Conflict
	// Held says why the plan must not be applied without approval; empty: it
	// may be (architecture.md, promise 3).
	Held string
}

// Conflict is a wanted object that cannot be, since the name is taken by an
// object that is not the cluster's (architecture.md, promise 5).
type Conflict struct {
	Key Key
	// Owner is created_by of the object in the way; it may be empty.
	Owner string
}
