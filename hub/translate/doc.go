// Package translate maps a cluster's Kubernetes objects to Avi objects, as AKO
// does: the same names, markers and owner, so that a cluster moves here without
// losing an address.
//
// In comes a mirror.View and Settings. Out come fragments, one a unit: a host
// of Ingresses or Routes (host.go), a Service of type LoadBalancer (l4.go), the cluster's
// infrastructure (infra.go). A fragment holds the objects that are the unit's
// alone, its contributions to shared parents, what to publish in Kubernetes and
// what is wrong. Assemble puts the contributions of all units together to a
// parent (parent.go).
//
// A host is served in one of these ways: on a shared virtual service (parent.go),
// as pools or by a child of it; by a virtual service of its own (virtualhost.go);
// or without ending its TLS (passthrough.go). An Ingress without host has its
// own for its default backend (defaultbackend.go).
//
// What asks for a host, an Ingress (ingress.go) or an OpenShift Route (route.go),
// is a source (source.go). It makes a claim (claims.go), and from there on the
// same rules hold for both. Who has what several claims want is in ownership.go.
//
// Everything here is a pure function of its arguments. The package reads no
// file and no clock, logs nothing, starts no goroutine, keeps no state, and
// never changes what it is given. Equal input gives equal bytes, in whatever
// order the objects came.
//
// Rules are quoted from the behaviour specification by section (l7.md,
// l4-infra.md).
package translate
