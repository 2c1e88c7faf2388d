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
// To add a scenario, put its folder there; ako.json is not needed.
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
