// Package ansible runs the avi_* modules of Debian's ansible package, a client
// that we did not write and that brings its own session code, against the
// simulated controller. What comes in: the playbooks of this folder. What goes
// out: test results. It may import pkg/avisim, and nothing of hub or agent.
package ansible
