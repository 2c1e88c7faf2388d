// Package v1alpha1 is the registration of a cluster: the file (or, in a hub
// cluster, the custom resource) that ties a Kubernetes cluster to its Avi
// tenant and says how its objects are to be made.
//
// In comes YAML, out comes a Cluster with all defaults filled in, or a list of
// what is wrong, line by line. The package does no I/O and knows neither Avi
// nor the hub.
//
// The doc comments and tags of its types are the source of
// docs/schema/cluster.schema.json and of docs/reference/cluster.md (see
// pkg/api/schemagen); an `ako` tag names the Helm value of AKO that a field
// replaces.
package v1alpha1

//go:generate go run ../schemagen
