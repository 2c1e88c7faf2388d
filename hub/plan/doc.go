// Package plan compares what a cluster wants on Avi with what was observed
// there, and orders the difference into writes.
//
// What comes in: desired objects, observed objects, and the limits of the
// cluster (mode, brake). What goes out: a Plan, which is a value: it can be
// printed with its secrets redacted, counted, refused, approved, and applied by
// hub/avi. The package does no I/O, reads no clock and keeps no state; equal
// input gives an equal plan.
package plan
