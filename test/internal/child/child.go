// Package child runs programs for tests: as processes of their own, in groups of
// their own, that the kernel ends together with the test.
//
// What comes in is a command and the file for its output; what goes out is a
// process that can be signalled and that says how it ended. It knows nothing of
// what the programs are for.
package child

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// Process is a program that was started. Its methods may be called from any
// goroutine.
type Process struct {
	logPath string
	cmd     *exec.Cmd
	done    chan struct{}
	err     error
}

// Start starts a program in the folder of its log, to which its output is added,
// and returns once it runs. Nothing but a signal ends it, or the end of this
// process where the system can do that.
func Start(logPath string, env []string, binary string, args ...string) (*Process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", binary, err)
	}
	// The context of the start must not end the program, so no CommandContext.
	cmd := exec.Command(binary, args...)
	cmd.Dir = filepath.Dir(logPath)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttr()
	p := &Process{logPath: logPath, cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel kills the program when the thread that started it ends
		// (see childAttr), and Go ends threads as it likes: keep this one.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = log.Close() }()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", binary, err)
	}
	return p, nil
}

// Done is closed when the program has ended and was reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended says whether the program has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Err is how the program ended, nil for status 0. It may be asked for when Done
// is closed.
func (p *Process) Err() error { return p.err }

// Signal sends a signal to the program and all that it started. It is an error
// if there is nobody left to get it.
func (p *Process) Signal(sig syscall.Signal) error { return syscall.Kill(-p.cmd.Process.Pid, sig) }

// Kill ends the program and returns when it is gone. It also ends one that is
// paused.
func (p *Process) Kill() {
	// The only error is that it has ended already.
	_ = p.Signal(syscall.SIGKILL)
	<-p.done
}

// LogTail is the last lines of a program's log, for an error.
func LogTail(path string, lines int) string {
	const most = 16 << 10
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Sprintf("\n(its log can't be read: %v)", err)
	}
	if len(data) > most {
		data = data[len(data)-most:]
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return "\nend of " + path + ":\n  " + strings.Join(all, "\n  ")
}
