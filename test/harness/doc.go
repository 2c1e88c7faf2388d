// Package harness runs the real thing for tests and the demo: the hub and the
// agents as processes, a simulated Avi Controller in this process, and real
// Kubernetes API servers (test/cluster).
//
// In come running clusters and Options; out comes an Environment whose parts can
// be stopped, killed and started again, and that says when nothing moves any
// more (Settle). It stands in for nothing: the programs are those of cmd/, built
// from this tree (with the race detector if the test was), certificates come
// from "akohub pki", and an agent has the rights of its Helm chart's
// ServiceAccount and no more. It knows nothing of what is right: comparing is the
// business of its users.
//
//	var clusters []*cluster.Cluster // from cluster.Run in TestMain
//
//	func TestSomething(t *testing.T) {
//		env := harness.New(t, harness.Options{Clusters: clusters})
//		if err := env.Members[0].Cluster.ApplyYAML(t.Context(), manifests); err != nil {
//			t.Fatal(err)
//		}
//		env.MustSettle(t)
//		dump := env.Simulator.Dump()
//		...
//	}
//
// New fails the test if a program ended by itself, or if the race detector found
// something in one of them, and shows the end of their logs when a test fails.
// The demo uses Start and Stop, which need no testing.TB.
//
// Processes are in process groups of their own and die with the process that
// started them, however that ends (on Linux).
package harness
