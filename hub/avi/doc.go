// Package avi talks to Avi Controllers: it logs in, reads what a cluster owns
// and the facts that translation needs, and applies plans.
//
// What comes in: plans, and the names of tenants, clouds and clusters. What goes
// out: observed objects, facts, and for each step of a plan a result or a typed
// error. It is the only room of the hub that knows HTTP. It decides nothing
// about what is wanted, never writes outside a plan (but for a tenant that it
// was told to create), and never logs a body.
//
// The SDK's models travel on the wire; its session is not used. It doesn't
// verify TLS by default, has no context, logs in once per concurrent request
// after an expiry, repeats POSTs, and drops pages of collections silently
// (decisions.md, 1).
package avi
