// Package watch turns a cluster's Kubernetes objects into the records of the
// hub's watch plan.
//
// In come the API server's lists and watches, and from the link the watch plan,
// sessions (as Sinks) and the hub's wishes for snapshots; out go records,
// snapshots and kind states, for each kind in the order in which they happened.
// Of an object the package keeps a key, a UID and a hash (design decision 3):
// bodies exist only on their way through, or for moments while the hub decides
// what it lacks. It may not write to the cluster, and it may not know how a
// session travels.
//
// # One kind
//
// A source (a client-go reflector, or for Secrets a reflector of metadata plus
// single reads) feeds one goroutine, the kind, which alone holds the index and
// alone speaks to the Sink. A Sink that blocks therefore blocks the source, and
// with it the API server's stream: nothing is buffered without bound. When the
// hub lacks bodies that are no longer at hand, the source simply lists again.
package watch
