// Package e2e tests the whole: two real Kubernetes API servers, an agent process
// for each with the rights of its chart, a hub process, and a simulated Avi
// Controller.
//
// In comes what users do to a cluster and what befalls the parts (crashes,
// outages, bad input); the tests look at what Avi was asked, what Kubernetes
// shows, and what the commands and logs say. Nothing here reaches into a
// process: what can be done here can be done to an installation. Rules that one
// room can prove alone are tested in that room.
package e2e
