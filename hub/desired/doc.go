// Package desired holds the wanted Avi objects of a cluster as a graph:
// identity, body, references, content hash.
//
// What comes in: whole objects from hub/translate, with SDK models as bodies.
// What goes out: immutable objects in canonical JSON form, and the graph that
// they make. The package compares nothing with Avi, does no I/O, and knows the
// object vocabulary only as far as it takes to tell a reference from text.
package desired
