// Package link holds an agent's one Session with the hub.
//
// In come records and kind states from package watch, results of write-backs
// from package writeback, and the hub's messages; out go numbered messages to
// the hub, the watch plan and the hub's needs to package watch, and write-backs
// to package writeback. The package decides what goes first and when to try
// again; it may not look into records, nor speak to the API server.
package link
