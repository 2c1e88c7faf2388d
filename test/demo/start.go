package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/test/cluster"
	"github.com/akohub/akohub/test/harness"
)

// The clusters of the demo, as in examples/. Each API server has a loopback
// address of its own, so that it can have the port that it has in life.
var names = []string{"cluster-a", "cluster-b"}

var addresses = map[string]string{"cluster-a": "127.0.10.1", "cluster-b": "127.0.10.2"}

// demo is all that runs.
type demo struct {
	out       *printer
	dir       string // dir, absolute
	simulator *harness.SimulatorProgram
	hub       *harness.Hub
	members   []*member
}

// member is a cluster with its agent.
type member struct {
	name    string
	tenant  string
	cluster *cluster.Cluster
	agent   *harness.Agent
}

func newDemo(out io.Writer) *demo { return &demo{out: newPrinter(out)} }

// play tells the whole story; what it started is running when it returns.
func (d *demo) play(ctx context.Context) error {
	d.out.printf("akohub demo: two Kubernetes clusters, one hub, a simulated Avi Controller\n\n")
	for _, chapter := range []func(context.Context) error{
		d.clear, d.startServers, d.startHub, d.startAgents, d.applyExamples, d.showResult, d.liveChanges,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// clear empties the demo's folder, unless another demo is using it.
func (d *demo) clear(context.Context) error {
	var err error
	if d.dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	// Linux has all of 127.0.0.0/8; where there is but 127.0.0.1, everything
	// runs there on free ports.
	if !listenable(net.JoinHostPort(addresses["cluster-a"], "0")) {
		addresses = nil
	}
	for _, name := range names {
		if addr := net.JoinHostPort(addresses[name], "6443"); addresses != nil && !listenable(addr) {
			return fmt.Errorf("%s is in use: is another demo running?", addr)
		}
	}
	if err := os.RemoveAll(d.dir); err != nil {
		return fmt.Errorf("emptying %s: %w", dir, err)
	}
	return os.MkdirAll(d.dir, 0o755)
}

func listenable(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// startServers starts what akohub stands between: the simulated controller and
// the API servers.
func (d *demo) startServers(ctx context.Context) error {
	var err error
	if d.simulator, err = harness.NewSimulatorProgram(d.dir, ""); err != nil {
		return err
	}
	for _, name := range names {
		d.members = append(d.members, &member{name: name})
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := d.simulator.Start(ctx); err != nil {
			return err
		}
		d.out.step("simulator", "an Avi Controller at "+d.simulator.URL)
		return nil
	})
	for _, m := range d.members {
		group.Go(func() error { return d.startCluster(ctx, m) })
	}
	return group.Wait()
}

func (d *demo) startCluster(ctx context.Context, m *member) error {
	folder := filepath.Join(d.dir, "kubernetes", m.name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	c, err := cluster.Start(ctx, cluster.Options{Name: m.name, Dir: folder, Addr: addresses[m.name]})
	if err != nil {
		return err
	}
	m.cluster = c
	client, err := c.Client()
	if err != nil {
		return err
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("cluster %s: asking for its version: %w", m.name, err)
	}
	d.out.step(m.name, fmt.Sprintf("kube-apiserver %s and etcd at %s", version.GitVersion, c.Server()))
	return c.WriteKubeconfig(m.kubeconfig(), "")
}

// kubeconfig is the administrator's, relative to the repository.
func (m *member) kubeconfig() string { return filepath.Join(dir, m.name+".kubeconfig") }

// startHub makes the certificates, registers the clusters and starts the hub.
func (d *demo) startHub(ctx context.Context) error {
	if err := d.akohub(ctx, "pki", "init", d.pki(), "--host", "127.0.0.1"); err != nil {
		return err
	}
	for _, m := range d.members {
		if err := d.akohub(ctx, "pki", "cluster", d.pki(), m.name); err != nil {
			return err
		}
	}
	d.out.step("certificates", "by akohub pki: an authority, the hub's, one for each agent, in "+dir+"/pki")
	var err error
	d.hub, err = harness.NewHub(harness.HubOptions{
		Dir: d.dir, PKI: d.pki(), LogLevel: "info", Controllers: []config.Controller{d.simulator.Controller("avi")},
	})
	if err != nil {
		return err
	}
	for _, m := range d.members {
		file := filepath.Join("examples", "clusters", m.name+".yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading the registration of %s: %w", m.name, err)
		}
		registration, err := v1alpha1.ParseCluster(text, file)
		if err != nil {
			return err
		}
		m.tenant = registration.Spec.Tenant.Name
		if err := d.hub.WriteCluster(m.name, text); err != nil {
			return err
		}
	}
	if err := d.hub.Start(ctx); err != nil {
		return err
	}
	d.out.step("hub", fmt.Sprintf("akohub serve, for agents at %s; registrations in %s/clusters", d.hub.Listen, dir))
	return nil
}

func (d *demo) pki() string { return filepath.Join(d.dir, "pki") }

// akohub runs a command that must succeed.
func (d *demo) akohub(ctx context.Context, args ...string) error {
	out, err := harness.CLI(ctx, d.dir, args...)
	if err != nil {
		return err
	}
	return out.OK()
}

// startAgents installs the agent's chart in each cluster and runs the agent with
// the rights that the chart gives it. Without a node its Pod can't run there.
func (d *demo) startAgents(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, m := range d.members {
		group.Go(func() error { return d.startAgent(ctx, m) })
	}
	return group.Wait()
}

func (d *demo) startAgent(ctx context.Context, m *member) error {
	token, err := harness.AgentToken(ctx, m.cluster, map[string]any{"hub": map[string]any{"address": d.hub.Listen}})
	if err != nil {
		return err
	}
	kubeconfig := filepath.Join(d.dir, m.name+".agent.kubeconfig")
	if err := m.cluster.WriteKubeconfig(kubeconfig, token); err != nil {
		return err
	}
	certs := filepath.Join(d.pki(), "clusters", m.name)
	m.agent, err = harness.NewAgent(harness.AgentOptions{
		Name: m.name, Dir: d.dir, Hub: d.hub.Listen, Kubeconfig: kubeconfig,
		Cert: certs + ".crt", Key: certs + ".key", CA: filepath.Join(d.pki(), "ca.crt"),
	})
	if err != nil {
		return err
	}
	if err := m.agent.Start(ctx); err != nil {
		return err
	}
	if err := m.agent.WaitReady(ctx); err != nil {
		return err
	}
	d.out.step(m.name, "chart akohub-agent installed by Helm; the agent runs with its ServiceAccount's rights, and is connected")
	return nil
}

// stop ends everything, the agents first so that the hub has nobody to wait for.
func (d *demo) stop() error {
	var group errgroup.Group
	for _, m := range d.members {
		group.Go(func() error {
			var err error
			if m.agent != nil && m.agent.Running() {
				err = m.agent.Stop()
			}
			if m.cluster != nil {
				err = errors.Join(err, m.cluster.Stop())
			}
			return err
		})
	}
	if d.hub != nil && d.hub.Running() {
		group.Go(d.hub.Stop)
	}
	err := group.Wait()
	if d.simulator != nil && d.simulator.Running() {
		err = errors.Join(err, d.simulator.Stop())
	}
	return err
}

// fail says what went wrong, with the ends of the logs.
func (d *demo) fail(err error) {
	d.out.heading("Not as expected")
	d.out.line("%v", err)
	d.out.blank()
	logs := []string{}
	if d.simulator != nil {
		logs = append(logs, d.simulator.Log())
	}
	if d.hub != nil {
		logs = append(logs, d.hub.Log())
	}
	for _, m := range d.members {
		if m.agent != nil {
			logs = append(logs, m.agent.Log())
		}
	}
	for _, log := range logs {
		d.out.line("the end of %s:", relative(log))
		d.out.block(tail(log))
		d.out.blank()
	}
}
