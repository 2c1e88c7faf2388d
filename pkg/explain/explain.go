// Package explain holds the values in which the hub explains itself: from a
// Kubernetes object, over the units that it takes part in, to each Avi object,
// what became of it, and what stands in its way.
//
// The hub fills them (hub/reconcile), the admin API carries them as JSON, and
// the command line prints them. There is no logic here, and no body of any
// object, so that no secret can be among it.
package explain

import (
	"errors"
	"time"
)

// ErrUnknown is the answer about an object of which nothing is known.
var ErrUnknown = errors.New("nothing is known of it")

// Kind is what an explanation is about.
type Kind string

// The kinds that can be asked about.
const (
	// Host is a host name, in all clusters.
	Host Kind = "host"
	// Ingress is an Ingress of one cluster.
	Ingress Kind = "ingress"
	// Route is an OpenShift Route of one cluster.
	Route Kind = "route"
	// Service is a Service of one cluster.
	Service Kind = "service"
)

// Query names what is to be explained.
type Query struct {
	Kind Kind `json:"kind"`
	// Cluster and Namespace are empty for a host.
	Cluster   string `json:"cluster,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// Answer explains what a Query asks for.
type Answer struct {
	Query
	// At is the hub's time.
	At time.Time `json:"at"`
	// Clusters are those that know something of it, sorted by name.
	Clusters []Cluster `json:"clusters"`
	// Unanswered are clusters that could not be asked.
	Unanswered []Unanswered `json:"unanswered,omitempty"`
}

// Unanswered is a cluster that could not be asked, with the reason.
type Unanswered struct {
	Cluster string `json:"cluster"`
	Error   string `json:"error"`
}

// Cluster is what one cluster knows of it.
type Cluster struct {
	Name   string `json:"name"`
	Tenant string `json:"tenant"`
	Mode   string `json:"mode"`
	// ConnectedSince is nil while no agent is connected.
	ConnectedSince *time.Time `json:"connectedSince,omitempty"`
	// Waits are the kinds that the hub waits for before it does anything.
	Waits []string `json:"waits,omitempty"`
	// Held says why the plan of the cluster waits for approval.
	Held string `json:"held,omitempty"`
	// Error is what stands against the cluster as a whole.
	Error string `json:"error,omitempty"`
	// Object is the Kubernetes object that was asked for; nil: a host was, or
	// there is none (any more).
	Object *Object `json:"object,omitempty"`
	Units  []Unit  `json:"units"`
	// Parents are the virtual services that the units share with others.
	Parents []Parent `json:"parents,omitempty"`
	// Leftovers are objects on Avi that were made for it and that nobody wants
	// any more.
	Leftovers []AviObject `json:"leftovers,omitempty"`
	// NoRuntime says why it was not asked, of all or of some of the objects, how
	// they fare.
	NoRuntime string `json:"noRuntime,omitempty"`
}

// Object is a Kubernetes object.
type Object struct {
	// Kind is as people write it ("Ingress").
	Kind      string     `json:"kind"`
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	Created   *time.Time `json:"created,omitempty"`
	// Status are the entries of status.loadBalancer, "HOSTNAME=ADDRESS" or
	// either of the two.
	Status []string `json:"status,omitempty"`
	// Problems are what its owner should mend, as told by Events.
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is something that the owner of an object should know and mend.
type Problem struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Unit is a unit of translation (docs/architecture.md).
type Unit struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Claims are the Kubernetes objects that ask for it, the oldest first.
	Claims []Claim `json:"claims,omitempty"`
	// Objects are the Avi objects that are its alone.
	Objects []AviObject `json:"objects,omitempty"`
	// Parents are the names of the virtual services that it has a part in.
	Parents []string `json:"parents,omitempty"`
	// Error is a fault of the hub in translating it.
	Error string `json:"error,omitempty"`
}

// Claim is what one Kubernetes object asks for of a unit.
type Claim struct {
	Object
	// Served says whether anything of it is.
	Served bool `json:"served"`
	// Note says why not, where no problem does.
	Note  string `json:"note,omitempty"`
	Paths []Path `json:"paths,omitempty"`
}

// Standing is what became of a claim on a path.
type Standing string

// The standings.
const (
	// Owner: the path leads where the claim says.
	Owner Standing = "owner"
	// Lost: another claim has the path.
	Lost Standing = "lost"
	// Shared: paths can't be told apart (TLS passthrough); the Services behind
	// the host take turns.
	Shared Standing = "shared"
	// NotServed: nothing of the claim is served.
	NotServed Standing = "not served"
)

// Path is one path of a host and where it leads.
type Path struct {
	// Rule counts the rules of the Ingress from 1; 0: its default backend. A
	// Route has one.
	Rule int    `json:"rule"`
	Path string `json:"path,omitempty"`
	// Type is the pathType.
	Type string `json:"type,omitempty"`
	// Backend is "NAMESPACE/SERVICE:PORT".
	Backend  string   `json:"backend"`
	Standing Standing `json:"standing"`
	// LostTo is the owner, "Ingress NAMESPACE/NAME", where Standing is Lost.
	LostTo string `json:"lostTo,omitempty"`
}

// Parent is a virtual service that units share, with what hangs on it.
type Parent struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
	// Units is how many units have a part in it.
	Units   int         `json:"units"`
	VIP     []string    `json:"vip,omitempty"`
	Objects []AviObject `json:"objects"`
}

// State is what became of an Avi object.
type State string

// The states.
const (
	// Applied: it is on the controller as it is wanted.
	Applied State = "applied"
	// Pending: a write is due, and on its way.
	Pending State = "pending"
	// Wanted: a write is due, but the mode of the cluster doesn't make it.
	Wanted State = "wanted"
	// Failed: the last write failed; Error has the reason in Avi's words.
	Failed State = "failed"
	// Skipped: it can't be written as long as something else isn't there.
	Skipped State = "skipped"
	// Held: the write waits for approval.
	Held State = "held"
	// Kept: nobody wants it, but it isn't known whether it may go.
	Kept State = "kept"
	// Unknown: the controller was not read yet.
	Unknown State = "unknown"
)

// AviObject is an object of the Avi Controller and what became of it.
type AviObject struct {
	Tenant string `json:"tenant"`
	Type   string `json:"type"`
	Name   string `json:"name"`
	State  State  `json:"state"`
	// Op is the write that is due: create, update or delete; empty: none.
	Op string `json:"op,omitempty"`
	// Reason says why the write is not made.
	Reason string `json:"reason,omitempty"`
	// Error is what the last write failed with, Attempts how often it did, and
	// NextTry when it is tried again.
	Error    string     `json:"error,omitempty"`
	Attempts int        `json:"attempts,omitempty"`
	NextTry  *time.Time `json:"nextTry,omitempty"`
	// UUID and LastModified are the controller's; empty: it isn't there.
	UUID         string     `json:"uuid,omitempty"`
	LastModified *time.Time `json:"lastModified,omitempty"`
	// Servers is how many servers a pool is to have; nil: it is no pool.
	Servers *int `json:"servers,omitempty"`
	// Addresses are a VsVip's, as far as they are allocated.
	Addresses []string `json:"addresses,omitempty"`
	// Runtime is how a virtual service or a pool fares; nil: it is not known.
	Runtime *Runtime `json:"runtime,omitempty"`
}

// Runtime is how an object fares, as the controller knows of its service engines.
type Runtime struct {
	// State is Avi's: UP, DOWN, INITIALIZING, DISABLED, ….
	State string `json:"state"`
	// Reason is Avi's for the state.
	Reason string `json:"reason,omitempty"`
	// HealthScore goes from 0 to 100; nil: there is none.
	HealthScore *int `json:"healthScore,omitempty"`
	// ServersUp of the Servers of a pool take traffic.
	Servers   *int `json:"servers,omitempty"`
	ServersUp *int `json:"serversUp,omitempty"`
}
