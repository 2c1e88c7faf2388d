package cluster

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/akohub/akohub/test/internal/child"
)

// errPortTaken: someone else bound a port that was free when we looked.
var errPortTaken = errors.New("a port was taken by another process")

// process is one program of the cluster.
type process struct {
	*child.Process
	name    string
	logPath string
}

// startProcess starts a program of the executable and returns once it runs. Its
// output is added to the file logPath.
func startProcess(env []string, binary, name, logPath string, args ...string) (*process, error) {
	p, err := child.Start(logPath, env, binary, append([]string{name}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return &process{Process: p, name: name, logPath: logPath}, nil
}

// signal sends sig to the program's group.
func (p *process) signal(sig syscall.Signal) error {
	if p.Ended() {
		return fmt.Errorf("it has ended: %w", p.exitError())
	}
	return p.Signal(sig)
}

// exitError says how the program ended, with the end of its log.
func (p *process) exitError() error {
	tail := p.logTail()
	err := p.Err()
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
	const lines = 15
	return child.LogTail(p.logPath, lines)
}
