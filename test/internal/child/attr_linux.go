package child

import "syscall"

// childAttr puts a program in its own process group, out of reach of a Ctrl-C
// on ours, and has the kernel kill it when the thread that started it ends: a
// test that is killed or times out leaves nothing behind.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
