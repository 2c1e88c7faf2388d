// Package cluster starts real Kubernetes control planes (etcd, kube-apiserver
// and, if asked for, kube-controller-manager) as processes of a test or of the
// demo, and breaks them on request.
//
// In come Options; out comes a *Cluster with credentials, helpers that put
// objects into it, and the outages that agents have to survive: KillAPIServer,
// StopEtcd, Pause. It may not know anything of agents, hub or Avi, and it never
// stands in for the API server: what a test sees is what Kubernetes answers.
//
// The processes come from test/clusterbin, built on first use; a cluster takes
// about 3 s to start and 300 MB of memory. They die with the process that
// started them, however that ends.
//
// Start clusters once for a test package, in TestMain, and give each test a
// namespace of its own:
//
//	var clusters []*cluster.Cluster
//
//	func TestMain(m *testing.M) {
//		os.Exit(cluster.Run(m, 2, cluster.Options{}, func(cs []*cluster.Cluster) { clusters = cs }))
//	}
//
//	func TestSomething(t *testing.T) {
//		ns := clusters[0].NewNamespace(t)
//		...
//	}
//
// A cluster without controllers deletes no namespaces and collects no garbage:
// use a new namespace name for each test rather than deleting, delete children
// explicitly, make EndpointSlices and a ServiceAccount's objects by hand; or
// name the controllers that a test needs in Options.Controllers.
//
// A test that stops a part of a cluster starts it again before it ends, and
// does not run in parallel with others of the same cluster.
package cluster
