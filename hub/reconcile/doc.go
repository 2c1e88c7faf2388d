// Package reconcile drives each cluster towards what its mirror says: it runs
// one worker a cluster, which translates what became dirty, plans it against
// what the controller holds, applies the plan, and turns the results into
// write-backs.
//
// In come registrations (hub/fleet), dirty marks (hub/mirror), and the answers
// of the controller (hub/avi); out go plans applied through hub/avi and
// write-backs handed to hub/intake. The package decides when and in which
// order; what an object looks like is decided in translate, what differs in
// plan, how a call is made in avi. It may not speak HTTP or gRPC itself.
//
// A worker is level-triggered: events only mark, and a cycle looks at the
// mirror. Nothing is done for a unit until every kind that it depends on is
// complete on the agent's stream, and nothing is deleted until all kinds that
// objects come from are (architecture.md, promises 1 and 2). Nothing is deleted
// either, unless its Kubernetes object was seen to go, as long as the cluster
// asks for something that translation does not have yet: what an AKO made for
// it has names of its own.
//
// What fails waits: an object for itself, with a backoff that a change of it
// ends; the whole cluster where it is the controller that fails, with a backoff
// that a new registration ends. A held plan keeps everything waiting but the
// members of pools that are there, since traffic must not go where nothing
// listens. A large plan is carried out in parts, so that a user's change does
// not wait for the end of it.
//
// # Where to look
//
// The manager (manager.go) has a worker a cluster (worker.go). A cycle goes
// through dirty.go (what to translate anew), model.go and offers.go (what is
// wanted, by whom), planning.go, apply.go and answers.go; tell.go says in
// Kubernetes what came of it.
//
// What may not be written: gate.go and held.go (not known or not translated
// yet), limits.go and bars.go (limits), asks.go, claims.go, contest.go and
// vipnames.go (hosts that other clusters have), lanes.go (a tenant that another
// worker writes to), strangers.go (what only a name leads to).
//
// What is looked for and taken away beyond a plan: leftovers.go (former
// tenants), formerplaces.go (labels and routes), offboard.go and removal.go
// (clusters that go). explain*.go answers people's questions.
package reconcile
