package server

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/hub/reconcile"
)

// controllers are the clients of the configured Avi Controllers. A client
// connects when it is first needed, so a controller that is away does not keep
// the hub from starting.
type controllers struct {
	names   []string
	byName  map[string]reconcile.Controller
	clients []*avi.Client
	// byClient are the clients by name.
	byClient map[string]*avi.Client
}

func newControllers(cfg *config.Config, log hclog.Logger, metrics prometheus.Registerer) (*controllers, error) {
	out := &controllers{names: cfg.ControllerNames(), byName: map[string]reconcile.Controller{}, byClient: map[string]*avi.Client{}}
	for _, c := range cfg.Controllers {
		client, err := avi.NewClient(avi.Config{
			Name: c.Name, URL: c.URL, Username: c.Username, PasswordFile: c.PasswordFile, CAFile: c.CAFile,
			APIVersion: c.APIVersion, Logger: log, Registerer: metrics,
		})
		if err != nil {
			out.close()
			return nil, err // names the controller
		}
		out.clients = append(out.clients, client)
		out.byName[c.Name] = reconcile.NewController(client)
		out.byClient[c.Name] = client
	}
	return out, nil
}

// close drops the connections to the controllers.
func (c *controllers) close() {
	for _, client := range c.clients {
		client.Close()
	}
}

// client returns the client of a controller; empty: the first one configured.
func (c *controllers) client(name string) (*avi.Client, error) {
	if name == "" {
		name = c.names[0]
	}
	if client, ok := c.byClient[name]; ok {
		return client, nil
	}
	return nil, fmt.Errorf("no controller %q is configured; there are %s", name, strings.Join(c.names, ", "))
}

// get returns the controller of a name; empty: the first one configured.
func (c *controllers) get(name string) (reconcile.Controller, error) {
	if name == "" {
		name = c.names[0]
	}
	if ctl, ok := c.byName[name]; ok {
		return ctl, nil
	}
	return nil, fmt.Errorf("no controller %q is configured; there are %s", name, strings.Join(c.names, ", "))
}
