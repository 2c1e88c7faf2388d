// Package agent puts an agent together: the kinds it watches, its session with
// the hub, and the writes that the hub asks for.
//
// In come a client configuration for the cluster's API server, certificates and
// the hub's address; out go metrics and the state of health. The parts are in
// watch, link and writeback; this package only connects them, and may import
// nothing of the hub.
package agent
