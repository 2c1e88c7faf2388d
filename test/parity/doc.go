// Package parity holds akohub to what AKO does: recorded scenarios of AKO 2.2.1
// are run through a real API server, the agent, the hub and the simulated
// controller, and must end in the same Avi objects, statuses and annotations.
//
// What comes in is scenarios/: each folder is one recording, with its settings
// (config.yaml over defaults.yaml), the Kubernetes objects applied step by step,
// and what AKO left on the controller (expected*.json) and in Kubernetes
// (status*.json). There is no code here but tests:
//
//	go test ./test/parity -run 'TestParity/101'
//	go test ./test/parity -run 'TestParity/101' -boot     # objects first, then the programs
//
// To add a recording, put its folder there; ako.json is not needed.
//
// derived/ has the same form, but nobody recorded it: what is expected follows
// from the specification, by hand. To add one, write config.yaml (its about says
// what is shown and by which section), objects.yaml and the steps, let -draft
// write what comes out, and check every field before it is committed. Recordings
// are never written:
//
//	go test ./test/parity -run 'TestParity/702' -draft
//
// The key cluster of config.yaml chooses the API server: plain, or openshift,
// which has the Route resource (crds/openshift) and so is an OpenShift cluster to
// everybody who looks. Servers are started when a scenario needs one, and kept. A
// scenario that needs something else fails and says what.
//
// A step that changes AKO's ConfigMap avi-k8s-config has its settings imported
// again while the programs run; one with kind Restart, while they don't.
//
// A difference is reported by object and field. Where ours is deliberate, a
// waiver.yaml beside the scenario names it, with the reason and the entry of
// docs/ako-differences.md that tells users. A waiver that hides nothing is an
// error, and none may hide another address, a host that is gone, or an object
// with another name.
//
// Addresses and uuids follow from names in both simulators, but differently: an
// address is compared by the VsVip that has it, and exactly where the scenario
// asked for it; a uuid by the virtual service that has it.
package parity
