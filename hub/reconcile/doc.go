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
// objects come from are (architecture.md, promises 1 and 2).
package reconcile
