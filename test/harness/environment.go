package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/test/cluster"
)

// Options say what an Environment consists of.
type Options struct {
	// Clusters are running clusters. An Environment doesn't start or stop them.
	Clusters []*cluster.Cluster
	// Names are what the clusters are registered as, in the same order. Empty:
	// cluster1, cluster2, …
	Names []string
	// Registration makes the registration of a cluster. Nil: Registration.
	Registration func(name string) ([]byte, error)
	// ChartValues are values of the agent's chart, see AgentToken. The chart
	// makes IngressClass avi-lb the default one, unless told otherwise.
	ChartValues map[string]any
	// Simulator configures the simulated controller.
	Simulator avisim.Options
	// Dir gets configuration, certificates and logs. Empty: a temporary folder,
	// removed by Stop (New: kept by the test until its end).
	Dir string
	// LogLevel of the hub. Empty: debug.
	LogLevel string
	// AgentArgs are added to the agents' command lines.
	AgentArgs []string
}

// Environment is a hub, a simulated controller, and clusters with their agents.
type Environment struct {
	// Dir holds all files: pki, hub.yaml, the logs.
	Dir       string
	Simulator *Simulator
	Hub       *Hub
	// Members are the clusters, in the order of Options.
	Members []*Member

	ownDir bool
}

// Member is a cluster with its agent.
type Member struct {
	// Name it is registered as.
	Name string
	// Cluster to apply objects to. Others may share it.
	Cluster *cluster.Cluster
	Agent   *Agent
}

// Registration is a registration in mode enforce, with a tenant named as the
// cluster that the hub creates, and addresses from the network vip-net of the
// simulator's Default-Cloud.
func Registration(name string) ([]byte, error) {
	c := v1alpha1.NewCluster(name)
	c.Spec.Mode = v1alpha1.ModeEnforce
	c.Spec.Tenant.Name, c.Spec.Tenant.Create = name, true
	c.Spec.Network.VIPNetworks = []v1alpha1.VIPNetwork{{Name: "vip-net", CIDR: "10.10.0.0/16"}}
	return c.Marshal()
}

// Start starts everything and returns when the hub is ready and the agents run;
// use Settle to wait until they have done their first work. If something fails,
// nothing is left running.
func Start(ctx context.Context, opts Options) (_ *Environment, err error) {
	e := &Environment{Dir: opts.Dir}
	if e.Dir == "" {
		if e.Dir, err = os.MkdirTemp("", "akohub-"); err != nil {
			return nil, fmt.Errorf("making a folder: %w", err)
		}
		e.ownDir = true
	}
	defer func() { //nolint:contextcheck // also when ctx has ended
		if err != nil {
			err = errors.Join(err, e.Stop())
		}
	}()
	if e.Simulator, err = StartSimulator(e.Dir, opts.Simulator); err != nil { //nolint:contextcheck // it ends with Stop, not with ctx
		return nil, err
	}
	if err := e.prepareHub(ctx, opts); err != nil {
		return nil, err
	}
	if err := e.prepareMembers(ctx, opts); err != nil {
		return nil, err
	}
	if err := e.StartPrograms(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Environment) pki() string { return filepath.Join(e.Dir, "pki") }

// prepareHub makes the certificate authority and configures the hub.
func (e *Environment) prepareHub(ctx context.Context, opts Options) error {
	if err := e.cli(ctx, "pki", "init", e.pki(), "--host", "127.0.0.1"); err != nil {
		return err
	}
	var err error
	e.Hub, err = NewHub(HubOptions{
		Dir: e.Dir, PKI: e.pki(), LogLevel: opts.LogLevel,
		Controllers: []config.Controller{e.Simulator.Controller("avi")},
	})
	return err
}

// prepareMembers registers the clusters and makes their agents, each with its
// certificate and the rights of its chart.
func (e *Environment) prepareMembers(ctx context.Context, opts Options) error {
	registration := opts.Registration
	if registration == nil {
		registration = Registration
	}
	for i, c := range opts.Clusters {
		m := &Member{Name: opts.name(i), Cluster: c}
		text, err := registration(m.Name)
		if err != nil {
			return fmt.Errorf("writing the registration of cluster %s: %w", m.Name, err)
		}
		if err := e.Hub.WriteCluster(m.Name, text); err != nil {
			return err
		}
		if err := e.cli(ctx, "pki", "cluster", e.pki(), m.Name); err != nil {
			return err
		}
		token, err := AgentToken(ctx, c, opts.ChartValues)
		if err != nil {
			return err
		}
		kubeconfig := filepath.Join(e.Dir, m.Name+".kubeconfig")
		if err := c.WriteKubeconfig(kubeconfig, token); err != nil {
			return err
		}
		certs := filepath.Join(e.pki(), "clusters", m.Name)
		m.Agent, err = NewAgent(AgentOptions{
			Name: m.Name, Dir: e.Dir, Hub: e.Hub.Listen, Kubeconfig: kubeconfig,
			Cert: certs + ".crt", Key: certs + ".key", CA: filepath.Join(e.pki(), "ca.crt"), Args: opts.AgentArgs,
		})
		if err != nil {
			return err
		}
		e.Members = append(e.Members, m)
	}
	return nil
}

func (o Options) name(i int) string {
	if i < len(o.Names) {
		return o.Names[i]
	}
	return fmt.Sprintf("cluster%d", i+1)
}

func (e *Environment) cli(ctx context.Context, args ...string) error {
	out, err := CLI(ctx, e.Dir, args...)
	if err != nil {
		return err
	}
	return out.OK()
}

// StartPrograms starts the hub and the agents that don't run.
func (e *Environment) StartPrograms(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	if !e.Hub.Running() {
		group.Go(func() error { return e.Hub.Start(ctx) })
	}
	for _, m := range e.Members {
		if !m.Agent.Running() {
			group.Go(func() error { return m.Agent.Start(ctx) })
		}
	}
	return group.Wait()
}

// StopPrograms stops the hub and the agents that run, by SIGTERM. The simulator
// and the clusters go on.
func (e *Environment) StopPrograms() error {
	var group errgroup.Group
	if e.Hub != nil && e.Hub.Running() {
		group.Go(e.Hub.Stop)
	}
	for _, m := range e.Members {
		if m.Agent.Running() {
			group.Go(m.Agent.Stop)
		}
	}
	return group.Wait()
}

// Stop stops everything but the clusters. The error says which programs ended
// badly, or what the race detector found in them.
func (e *Environment) Stop() error {
	err := errors.Join(e.StopPrograms(), e.Complaints())
	if e.Simulator != nil {
		err = errors.Join(err, e.Simulator.Close())
	}
	if e.ownDir {
		err = errors.Join(err, os.RemoveAll(e.Dir))
	}
	return err
}

// Complaints are data races and panics in the logs of the programs.
func (e *Environment) Complaints() error {
	var err error
	for _, p := range e.programs() {
		err = errors.Join(err, p.complaints())
	}
	return err
}

// Logs is the end of each program's log.
func (e *Environment) Logs(lines int) string {
	text := ""
	for _, p := range e.programs() {
		text += p.tail(lines) + "\n"
	}
	return text
}

func (e *Environment) programs() []*program {
	var all []*program
	if e.Hub != nil {
		all = append(all, &e.Hub.program)
	}
	for _, m := range e.Members {
		all = append(all, &m.Agent.program)
	}
	return all
}

// CLI runs the akohub command against this environment, in its folder, where
// hub.yaml is found without flags.
func (e *Environment) CLI(ctx context.Context, args ...string) (Output, error) {
	return CLI(ctx, e.Dir, args...)
}
