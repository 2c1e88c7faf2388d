//go:build unix && !linux

package child

import "syscall"

// childAttr puts a program in its own process group. Only Linux can also end it
// together with ours.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
