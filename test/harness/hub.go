package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"sigs.k8s.io/yaml"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/test/internal/child"
)

// HubOptions say what a hub is configured with.
type HubOptions struct {
	// Dir gets hub.yaml, hub.log and the folder clusters with the registrations.
	// It must exist.
	Dir string
	// PKI is a folder made by "akohub pki init".
	PKI string
	// Controllers are the Avi Controllers; see Simulator.Controller.
	Controllers []config.Controller
	// LogLevel of the hub. Empty: debug.
	LogLevel string
}

// Hub is the hub's program. After Stop or Kill it can be started again, with the
// same configuration and addresses.
type Hub struct {
	// Dir holds hub.yaml, hub.log and clusters.
	Dir string
	// Listen, Admin and Metrics are its addresses, HOST:PORT.
	Listen, Admin, Metrics string

	program program
}

// NewHub writes the hub's configuration and doesn't start it.
func NewHub(opts HubOptions) (*Hub, error) {
	addrs, err := child.FreeAddrs(3)
	if err != nil {
		return nil, fmt.Errorf("configuring the hub: %w", err)
	}
	h := &Hub{Dir: opts.Dir, Listen: addrs[0], Admin: addrs[1], Metrics: addrs[2]}
	if err := os.MkdirAll(h.clusters(), 0o755); err != nil {
		return nil, fmt.Errorf("configuring the hub: %w", err)
	}
	c := config.Config{
		Listen: h.Listen, Admin: h.Admin, Metrics: h.Metrics,
		PKI: opts.PKI, Clusters: h.clusters(), Controllers: opts.Controllers,
		Log: config.Log{Level: opts.LogLevel, Format: "text"},
	}
	if c.Log.Level == "" {
		c.Log.Level = "debug"
	}
	data, err := yaml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("configuring the hub: %w", err)
	}
	if err := os.WriteFile(h.ConfigFile(), data, 0o644); err != nil {
		return nil, fmt.Errorf("configuring the hub: %w", err)
	}
	h.program = program{
		name: "hub", binary: "akohub", logPath: filepath.Join(opts.Dir, "hub.log"),
		args: []string{"serve", "--config", h.ConfigFile()},
	}
	return h, nil
}

// ConfigFile is the path of hub.yaml, for "akohub clusters --config".
func (h *Hub) ConfigFile() string { return filepath.Join(h.Dir, "hub.yaml") }

// Log is the path of the hub's log, of all its lives.
func (h *Hub) Log() string { return h.program.logPath }

// Start starts the hub and returns when its /readyz passes. The context bounds
// the start only.
func (h *Hub) Start(ctx context.Context) error {
	if err := h.program.start(ctx); err != nil {
		return err
	}
	return h.program.waitOK(ctx, "http://"+h.Metrics+"/readyz")
}

// Stop asks the hub to end (SIGTERM) and returns when it is gone. It is an error
// if it doesn't end in time, or with a status other than 0.
func (h *Hub) Stop() error { return h.program.end(syscall.SIGTERM) }

// Kill ends the hub without warning (SIGKILL), as a crash would.
func (h *Hub) Kill() error { return h.program.end(syscall.SIGKILL) }

// Restart is Stop and Start.
func (h *Hub) Restart(ctx context.Context) error {
	if err := h.Stop(); err != nil {
		return err
	}
	return h.Start(ctx)
}

// Running says whether the hub was started and not stopped.
func (h *Hub) Running() bool { return h.program.running() }

// Client calls the admin API.
func (h *Hub) Client() admin.Client { return admin.Client{Address: h.Admin} }

func (h *Hub) clusters() string { return filepath.Join(h.Dir, "clusters") }

// WriteCluster puts a registration into the hub's folder, in one step, as
// NAME.yaml. A running hub takes note by itself, within about a second.
func (h *Hub) WriteCluster(name string, yaml []byte) error {
	path := filepath.Join(h.clusters(), name+".yaml")
	// Another ending than .yaml keeps the hub from reading half of it.
	if err := os.WriteFile(path+".new", yaml, 0o644); err != nil {
		return fmt.Errorf("registering cluster %s: %w", name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("registering cluster %s: %w", name, err)
	}
	return nil
}

// RemoveCluster takes a registration out of the hub's folder.
func (h *Hub) RemoveCluster(name string) error {
	if err := os.Remove(filepath.Join(h.clusters(), name+".yaml")); err != nil {
		return fmt.Errorf("removing the registration of cluster %s: %w", name, err)
	}
	return nil
}
