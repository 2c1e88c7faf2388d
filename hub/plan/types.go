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
	// Body is the object as read (numbers are json.Number), with references as
	// "…/api/pool/UUID#name".
	Body map[string]any
	// Applied is the hash of the desired object whose write was answered with
	// this very state; empty if it was read. What a controller makes of a body
	// is no drift from it, also where the vocabulary doesn't know better.
	Applied string
	// Refs are the objects of the cluster's own types that Body refers to, as
	// far as the references carry names. Nil: not known yet, worked out when
	// needed.
	Refs []Key
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

// Mode says what may be done with the plan of a cluster.
type Mode string

// The modes of a registration. The zero value is ModeObserve.
const (
	// ModeObserve makes plans to be looked at.
	ModeObserve Mode = "observe"
	// ModeCreateOnly applies creations and edits of shared objects, no updates
	// and no deletions.
	ModeCreateOnly Mode = "create-only"
	// ModeEnforce applies everything.
	ModeEnforce Mode = "enforce"
	// ModeFrozen applies nothing.
	ModeFrozen Mode = "frozen"
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
	// Again says of a Delete that the object is wanted, but cannot become what
	// it is to be: the plan after this one makes it anew.
	Again bool
}

// Change is a difference in one field.
type Change struct {
	// Path is the field's, such as "servers[10.0.0.1:80].enabled"; elements of
	// lists without an order are named by what identifies them.
	Path string
	// From and To are the values, as short JSON; empty: absent. Secrets are
	// "<redacted>".
	From, To string
}

// Plan is an ordered list of steps for one cluster. It is a value: it can be
// printed, counted, refused, approved and applied.
type Plan struct {
	// Cluster is the name of the cluster that the plan is for, CreatedBy the
	// owner that its objects carry.
	Cluster   string
	CreatedBy string
	// Mode is the registration's; only a plan made under ModeEnforce or
	// ModeCreateOnly can be applied.
	Mode  Mode
	Steps []Step
	// Conflicts are wanted objects whose names belong to somebody else.
	Conflicts []Conflict
	// Skipped are writes that would be due but aren't in Steps, with reasons.
	Skipped []Skip
	// Held says why the plan must not be applied without approval; empty: it
	// may be (architecture.md, promise 3). Approving is clearing it.
	Held string
}

// Conflict is a wanted object that cannot be, since the name is taken by an
// object that is not the cluster's (architecture.md, promise 5).
type Conflict struct {
	Key Key
	// Owner is created_by of the object in the way; it may be empty.
	Owner string
}

// Skip is a write that is due but left out.
type Skip struct {
	Op     Op
	Key    Key
	Reason string
}

// Input is what a plan is computed from.
type Input struct {
	// Cluster is the cluster's name as in markers, CreatedBy as in created_by.
	Cluster   string
	CreatedBy string
	// Desired are the wanted objects, in any order.
	Desired []*desired.Object
	// Edits are the wanted changes to shared objects. What Observed holds under
	// an edit's key is only compared with, never updated or deleted.
	Edits []translate.Edit
	// Observed are the cluster's objects as they are on the controller.
	Observed map[Key]*Observed
	// Foreign are names that are taken by objects of others, with the owner.
	Foreign map[Key]string
	// Broken are wanted objects that Avi refused, with the reason. They and
	// what can't be without them are left out, so that siblings go on.
	Broken map[Key]string
	// Scope, if not nil, limits the plan to these keys (edits included).
	Scope map[Key]bool
	// KeepUnknown says of an observed object that nobody wants whether it must
	// stay because what it was made from isn't known (promise 2). Nil: no.
	KeepUnknown func(Key) bool
	Mode        Mode
	Brake       Brake
	// Tombstoned says of an object whether it is unwanted because its
	// Kubernetes object was seen to be deleted. Nil: no.
	Tombstoned func(Key) bool
}

// Brake limits how much may be deleted without tombstones (promise 3): a plan
// is held if it deletes at least MinCount virtual services without tombstones
// and they are more than MaxShare of those observed; so it is if it leaves nothing
// of at least twice as many hosts that are more than MaxShare of all. The zero
// value is DefaultBrake; a MaxShare of 1 or more switches the brake off.
//
// The brake looks at one plan: deletions that belong together (the end of a
// snapshot) must come in one plan.
type Brake struct {
	MaxShare float64
	MinCount int
}

// DefaultBrake is used for the zero Brake.
var DefaultBrake = Brake{MaxShare: 0.3, MinCount: 3}
