package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// errPortTaken: someone else bound a port that was free when we looked.
var errPortTaken = errors.New("a port was taken by another process")

// process is one program of the cluster, in a process group of its own.
type process struct {
	name    string
	logPath string
	cmd     *exec.Cmd
	done    chan struct{} // closed when the program has ended and was reaped
	err     error         // how it ended; read after done
}

func startProcess(binary, name, logPath string, args ...string) (*process, error) {
	return startProcessEnv(nil, binary, name, logPath, args...)
}

// startProcessEnv starts a program of the executable and returns once it runs.
// Its output is added to the file logPath.
func startProcessEnv(env []string, binary, name, logPath string, args ...string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", name, err)
	}
	// The context of the start must not end the program, so no CommandContext.
	cmd := exec.Command(binary, append([]string{name}, args...)...)
	cmd.Dir = filepath.Dir(logPath)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttr()
	p := &process{name: name, logPath: logPath, cmd: cmd, done: make(chan struct{})}
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
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// signal sends sig to the program's group.
func (p *process) signal(sig syscall.Signal) error {
	select {
	case <-p.done:
		return fmt.Errorf("it has ended: %w", p.exitError())
	default:
	}
	return syscall.Kill(-p.cmd.Process.Pid, sig)
}

// kill ends the program and returns when it is gone. SIGKILL also ends one that
// is paused.
func (p *process) kill() {
	// The only error is that it has ended already.
	_ = p.signal(syscall.SIGKILL)
	<-p.done
}

// exitError says how the program ended, with the end of its log.
func (p *process) exitError() error {
	tail := p.logTail()
	err := p.err
	if err == nil {
		err = errors.New("exit status 0")
	}
	if strings.Contains(tail, "address already in use") {
		err = errors.Join(err, errPortTaken)
	}
	return fmt.Errorf("%w%s", err, tail)
}

// logTail is the last lines of the program's log, for an error.
func (p *process) logTail() string {
	const lines, most = 15, 16 << 10
	data, err := os.ReadFile(p.logPath)
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
	return "\nend of " + p.logPath + ":\n  " + strings.Join(all, "\n  ")
}

// freePorts finds n ports of addr that nobody listens on now. They lie below the
// range that Linux takes ports of outgoing connections from (32768 up), so that
// none is lost to one while its server is down.
func freePorts(addr string, n int) ([]int, error) {
	const low, high = 20000, 32000
	var found []int
	seen := make(map[int]bool)
	for tries := 0; len(found) < n; tries++ {
		if tries == 1000 {
			return nil, fmt.Errorf("finding %d free ports on %s between %d and %d: all are taken", n, addr, low, high)
		}
		port := low + rand.IntN(high-low)
		if seen[port] {
			continue
		}
		seen[port] = true
		l, err := net.Listen("tcp", net.JoinHostPort(addr, strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return nil, fmt.Errorf("closing the probe of port %d: %w", port, err)
		}
		found = append(found, port)
	}
	return found, nil
}
