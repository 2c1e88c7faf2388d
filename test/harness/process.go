package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/akohub/akohub/test/internal/child"
)

const (
	// startTimeout bounds how long a program may take to answer. A quiet machine
	// needs well under a second.
	startTimeout = time.Minute
	// stopTimeout bounds how long a program may take to end after SIGTERM: the
	// promise is 5 s, and a machine busy with the race detector gets twice that.
	stopTimeout = 10 * time.Second
)

// raceEnv keeps the race detector from holding back the end of a program for a
// second.
const raceEnv = "GORACE=atexit_sleep_ms=0"

// ErrRunning and ErrNotRunning are wrapped when a program is to be started or
// stopped twice.
var (
	ErrRunning    = errors.New("it is running already")
	ErrNotRunning = errors.New("it is not running")
)

// program is one that can be started again and again with the same arguments.
// Its methods may be called from any goroutine.
type program struct {
	name    string // in errors: "hub", "agent of cluster1"
	binary  string // "akohub"
	args    []string
	logPath string

	mu  sync.Mutex
	run *child.Process // nil: it was not started, or was stopped
}

func (p *program) start(ctx context.Context) error {
	dir, err := Programs(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil {
		return fmt.Errorf("starting the %s: %w", p.name, ErrRunning)
	}
	r, err := child.Start(p.logPath, []string{raceEnv}, filepath.Join(dir, p.binary), p.args...)
	if err != nil {
		return fmt.Errorf("starting the %s: %w", p.name, err)
	}
	p.run = r
	return nil
}

// end sends a signal and returns when the program is gone; one that takes longer
// than stopTimeout is killed and that is an error.
func (p *program) end(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return fmt.Errorf("stopping the %s: %w", p.name, ErrNotRunning)
	}
	r := p.run
	p.run = nil
	if r.Ended() {
		return fmt.Errorf("the %s had ended by itself: %s%s", p.name, how(r), p.tail(tailLines))
	}
	if sig == syscall.SIGKILL {
		r.Kill()
		return nil
	}
	// The only error is that it has ended meanwhile.
	_ = r.Signal(sig)
	limit := time.NewTimer(stopTimeout)
	defer limit.Stop()
	select {
	case <-r.Done():
	case <-limit.C:
		r.Kill()
		return fmt.Errorf("the %s did not end within %s of %s%s", p.name, stopTimeout, sig, p.tail(tailLines))
	}
	if r.Err() != nil {
		return fmt.Errorf("the %s ended badly after %s: %s%s", p.name, sig, how(r), p.tail(tailLines))
	}
	return nil
}

// running says whether the program was started and not stopped; one that ended
// by itself counts as running until stop reports it.
func (p *program) running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run != nil
}

// ended is an error if the program ended by itself.
func (p *program) ended() error {
	p.mu.Lock()
	r := p.run
	p.mu.Unlock()
	if r == nil || !r.Ended() {
		return nil
	}
	return fmt.Errorf("the %s ended by itself: %s%s", p.name, how(r), p.tail(tailLines))
}

func (p *program) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return fmt.Errorf("sending %s to the %s: %w", sig, p.name, ErrNotRunning)
	}
	if err := p.run.Signal(sig); err != nil {
		return fmt.Errorf("sending %s to the %s: %w", sig, p.name, err)
	}
	return nil
}

// waitOK returns when url answers 200.
func (p *program) waitOK(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		answer := probe(ctx, url)
		if answer == nil {
			return nil
		}
		if err := p.ended(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the %s is not ready: %w; last answer: %w%s", p.name, context.Cause(ctx), answer, p.tail(tailLines))
		case <-tick.C:
		}
	}
}

func probe(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return errors.Join(fmt.Errorf("%s: %s", resp.Status, body), err)
}

// how says how a program ended.
func how(r *child.Process) string {
	if r.Err() == nil {
		return "exit status 0"
	}
	return r.Err().Error()
}

// tailLines is how much of a log an error shows.
const tailLines = 25

// tail is the last lines of the program's log, for an error.
func (p *program) tail(lines int) string { return child.LogTail(p.logPath, lines) }

// complaints are what the race detector found, and panics, in the program's log.
func (p *program) complaints() error {
	data, err := os.ReadFile(p.logPath)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the log of the %s: %w", p.name, err)
	}
	for _, sign := range []string{"WARNING: DATA RACE", "\npanic: ", "\nfatal error: "} {
		i := bytes.Index(data, []byte(sign))
		if i < 0 {
			continue
		}
		text := data[i:]
		if len(text) > 6<<10 {
			text = text[:6<<10]
		}
		return fmt.Errorf("in the log of the %s:\n%s", p.name, text)
	}
	return nil
}
