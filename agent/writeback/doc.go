// Package writeback carries out what the hub asks to be written on Kubernetes
// objects.
//
// In come write-backs; out go at most two merge patches and an Event for each,
// and one result. Before it writes, the package reads the object, and it writes
// nothing to an object with another UID, nothing that is already so, and
// nothing beside status.loadBalancer, the hub's own entries in a Route's
// status.ingress, annotations and Events. Write-backs of one object run one after
// the other, in the order in which they came.
package writeback
