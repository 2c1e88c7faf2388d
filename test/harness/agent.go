package harness

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"

	"github.com/akohub/akohub/test/internal/child"
)

// AgentOptions are what an agent is started with.
type AgentOptions struct {
	// Name of the cluster, for the log file (agent-NAME.log) and for errors.
	Name string
	// Dir gets the log. It must exist.
	Dir string
	// Hub is the hub's address, HOST:PORT.
	Hub string
	// Kubeconfig, Cert, Key and CA are the files of its flags.
	Kubeconfig, Cert, Key, CA string
	// Args are added at the end of the command line.
	Args []string
}

// Agent is a cluster's agent program. After Stop or Kill it can be started
// again.
type Agent struct {
	// Name of the cluster.
	Name string
	// Metrics is the address of its metrics and health endpoints.
	Metrics string

	program program
}

// NewAgent makes an agent and doesn't start it.
func NewAgent(opts AgentOptions) (*Agent, error) {
	addrs, err := child.FreeAddrs(1)
	if err != nil {
		return nil, fmt.Errorf("configuring the agent of %s: %w", opts.Name, err)
	}
	a := &Agent{Name: opts.Name, Metrics: addrs[0]}
	a.program = program{
		name: "agent of " + opts.Name, binary: "akohub-agent",
		logPath: filepath.Join(opts.Dir, "agent-"+opts.Name+".log"),
		args: append([]string{
			"--hub", opts.Hub, "--kubeconfig", opts.Kubeconfig,
			"--cert", opts.Cert, "--key", opts.Key, "--ca", opts.CA, "--metrics", a.Metrics,
		}, opts.Args...),
	}
	return a, nil
}

// Log is the path of the agent's log, of all its lives.
func (a *Agent) Log() string { return a.program.logPath }

// Start starts the agent and returns when its /healthz passes: it may not have
// reached the hub yet, and the hub need not be there. The context bounds the
// start only.
func (a *Agent) Start(ctx context.Context) error {
	if err := a.program.start(ctx); err != nil {
		return err
	}
	return a.program.waitOK(ctx, "http://"+a.Metrics+"/healthz")
}

// WaitReady returns when the agent's /readyz passes.
func (a *Agent) WaitReady(ctx context.Context) error {
	return a.program.waitOK(ctx, "http://"+a.Metrics+"/readyz")
}

// Stop asks the agent to end (SIGTERM) and returns when it is gone. It is an
// error if it doesn't end in time, or with a status other than 0.
func (a *Agent) Stop() error { return a.program.end(syscall.SIGTERM) }

// Kill ends the agent without warning (SIGKILL), as a crash would.
func (a *Agent) Kill() error { return a.program.end(syscall.SIGKILL) }

// Restart is Stop and Start.
func (a *Agent) Restart(ctx context.Context) error {
	if err := a.Stop(); err != nil {
		return err
	}
	return a.Start(ctx)
}

// Pause stops the agent's clock (SIGSTOP): its connections stay open and nothing
// is sent or read, as behind a network that drops packets.
func (a *Agent) Pause() error { return a.program.signal(syscall.SIGSTOP) }

// Resume undoes Pause.
func (a *Agent) Resume() error { return a.program.signal(syscall.SIGCONT) }

// Running says whether the agent was started and not stopped.
func (a *Agent) Running() bool { return a.program.running() }
