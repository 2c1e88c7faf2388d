// Package admin is the API behind the command line: what the hub knows of its
// clusters, what it would write, and the approval of a held plan.
//
// In come requests on the hub's admin address, out goes JSON made from read-only
// views. It speaks plain HTTP and so may listen on loopback addresses only: who
// can reach them can read configuration files beside them anyway. No answer
// holds a secret. It may not reach into the rooms that it shows: all it knows
// comes through Backend.
package admin

import (
	"context"
	"time"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/explain"
)

// Cluster is the standing of one registered cluster.
type Cluster struct {
	Name   string `json:"name"`
	Tenant string `json:"tenant"`
	Mode   string `json:"mode"`
	// ConnectedSince is nil while no agent is connected.
	ConnectedSince *time.Time `json:"connectedSince,omitempty"`
	// LastSeen is when the last stream ended; nil: never, or connected.
	LastSeen *time.Time `json:"lastSeen,omitempty"`
	Agent    string     `json:"agent,omitempty"`
	// Kinds is what the hub knows of the cluster, by kind.
	Kinds []Kind `json:"kinds"`
	// Objects is how many Avi objects the cluster wants.
	Objects int `json:"objects"`
	// Waits are the kinds that the hub waits for before it does anything.
	Waits []string `json:"waits,omitempty"`
	// Pending is how many writes are still to be made.
	Pending   int        `json:"pending"`
	LastWrite *time.Time `json:"lastWrite,omitempty"`
	// Leaving is set in mode offboard.
	Leaving *Leaving `json:"offboarding,omitempty"`
	// Held says why the plan waits for approval.
	Held string `json:"held,omitempty"`
	// Error is what stands against the cluster now.
	Error string `json:"error,omitempty"`
	// Denied is what the cluster asks for and does not get by a limit or another
	// cluster's claim; DeniedMore is how much more of that there is than is
	// listed.
	Denied     []Denial `json:"denied,omitempty"`
	DeniedMore int      `json:"deniedMore,omitempty"`
	// File is the registration's.
	File string `json:"file,omitempty"`
}

// Leaving is how far the removal of a cluster in mode offboard is.
type Leaving struct {
	// State is "offboarding" or, when nothing is known to be left, "offboarded".
	State string `json:"state"`
	// Objects is how many objects on Avi still have something of the cluster's;
	// nil: the controller could not be asked yet.
	Objects *int `json:"objectsLeft,omitempty"`
	// Statuses is how many Kubernetes objects are known to show its addresses.
	Statuses int `json:"statusesLeft"`
	// Notes say what could not be looked at.
	Notes []string `json:"notes,omitempty"`
}

// The states of Leaving.
const (
	StateOffboarding = "offboarding"
	StateOffboarded  = "offboarded"
)

// Denial is what a Kubernetes object does not get by a rule of the hub's.
type Denial struct {
	// Object is "Ingress NAMESPACE/NAME".
	Object string `json:"object"`
	// Reason and Message are those of the Event that it was told with.
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Kind is what the hub knows of one kind of a cluster.
type Kind struct {
	Kind   string `json:"kind"`
	Count  int    `json:"count"`
	Synced bool   `json:"synced"`
	// Message says why the kind is not watched.
	Message string `json:"message,omitempty"`
}

// Clusters is the answer of GET /v1/clusters.
type Clusters struct {
	Clusters []Cluster `json:"clusters"`
	// Refused are registration files that can't be used, with the reason.
	Refused []RefusedFile `json:"refused,omitempty"`
}

// RefusedFile is a registration file that can't be used.
type RefusedFile struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// UnknownCluster makes of an error a Backend's answer about a cluster that is
// not registered.
func UnknownCluster(err error) error { return unknownCluster{err} }

type unknownCluster struct{ error }

func (e unknownCluster) Unwrap() error { return e.error }

// Backend is what the API shows.
type Backend interface {
	Clusters() Clusters
	// Plan returns what would be written for a cluster now.
	Plan(ctx context.Context, cluster string) (plan.Plan, error)
	// Approve lets the held plan of a cluster pass, once.
	Approve(cluster string) error
	Tenancy
	// Explain says what is known of a host or an object. The error is
	// explain.ErrUnknown if nothing is.
	Explain(ctx context.Context, q explain.Query) (explain.Answer, error)
}
