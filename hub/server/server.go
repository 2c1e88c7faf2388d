// Package server puts the rooms of the hub together and runs them: it opens the
// addresses, follows the registrations, and ends everything in order.
//
// In comes the hub's configuration; out comes a running hub, until the context
// ends. It holds no rule of its own about Kubernetes or Avi.
package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/hub/fleet"
	"github.com/akohub/akohub/hub/intake"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/reconcile"
	"github.com/akohub/akohub/hub/settings"
	"github.com/akohub/akohub/pkg/identity"
	"github.com/akohub/akohub/pkg/version"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// stopWithin bounds a clean shutdown; what is left after it is cut off.
const stopWithin = 4 * time.Second

type hub struct {
	log      hclog.Logger
	fleet    *fleet.Fleet
	registry *registry
	manager  *reconcile.Manager
	intake   *intake.Service
	// controllers are those of the configuration.
	controllers *controllers
}

// Run runs the hub until ctx ends. It returns an error when the hub cannot
// start, or when one of its addresses fails.
func Run(ctx context.Context, cfg *config.Config, log hclog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	controllers, err := newControllers(cfg, log, metrics)
	if err != nil {
		return err
	}
	defer controllers.close()
	tlsConfig, err := identity.ServerTLS(filepath.Join(cfg.PKI, "ca.crt"), filepath.Join(cfg.PKI, "hub.crt"), filepath.Join(cfg.PKI, "hub.key"),
		func(err error) {
			log.Error("the hub's certificate cannot be read again; the one in use stays", "error", err)
		})
	if err != nil {
		return fmt.Errorf("the hub's certificate: %w", err)
	}
	if cfg.Admin != "" {
		if err := admin.CheckAddress(cfg.Admin); err != nil {
			return err
		}
	}
	h := &hub{log: log, registry: newRegistry(), controllers: controllers}
	h.fleet, err = fleet.Open(cfg.Clusters, log.Named("fleet"), fleet.WithControllers(cfg.ControllerNames()...)) //nolint:contextcheck // Close ends it
	if err != nil {
		return err
	}
	defer h.fleet.Close()
	epoch, err := newEpoch()
	if err != nil {
		return err
	}
	h.intake = intake.New(intake.Config{
		Logger: log, Registerer: metrics, Registry: h.registry, HubVersion: version.String(), Epoch: epoch,
		Mirror:       h.mirror,
		Plan:         h.watchPlan,
		OnConnect:    func(cluster string) { h.manager.Connected(cluster) },
		OnDisconnect: func(cluster string, _ error) { h.manager.Disconnected(cluster) },
	})
	h.manager = reconcile.New(ctx, reconcile.Config{
		Logger: log.Named("reconcile"), Controllers: controllers.get, Agents: h.intake, Registerer: metrics,
	})
	// Nothing that was started is left behind, however this ends.
	defer func() {
		cancel()
		h.manager.Wait()
	}()
	return h.serve(ctx, cfg, tlsConfig, metrics, epoch)
}

// serve opens the addresses and serves them until ctx ends or one of them fails.
func (h *hub) serve(ctx context.Context, cfg *config.Config, tlsConfig *tls.Config, metrics *prometheus.Registry, epoch string) error {
	listeners, err := listen(ctx, cfg)
	if err != nil {
		return err
	}
	watch := h.fleet.Watch()
	defer watch.Close()
	h.follow(watch) //nolint:contextcheck // workers end with the manager; before the first agent is let in
	group, ctx := errgroup.WithContext(ctx)
	server := intake.NewServer(tlsConfig, h.log, metrics)
	akohubv1.RegisterAgentServiceServer(server, h.intake)
	group.Go(func() error { return serveAgents(ctx, server, listeners.agents, h.intake) })
	group.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-watch.C():
				h.follow(watch) //nolint:contextcheck // as above
			}
		}
	})
	if listeners.admin != nil {
		serveHTTP(ctx, group, "admin API", listeners.admin, admin.Handler(h))
	}
	if listeners.metrics != nil {
		serveHTTP(ctx, group, "metrics", listeners.metrics, observability(metrics))
	}
	h.log.Info("the hub is running", "version", version.String(), "epoch", epoch, "agents", listeners.agents.Addr().String(),
		"admin", cfg.Admin, "metrics", cfg.Metrics, "clusters", len(h.fleet.List()))
	err = group.Wait()
	h.log.Info("the hub has stopped")
	return err
}

// follow takes over the registrations that changed.
func (h *hub) follow(watch *fleet.Watch) {
	for _, name := range watch.Take() {
		reg, ok := h.fleet.Get(name)
		if !ok {
			h.log.Info("registration removed; nothing is deleted on the controller", "cluster", name)
			h.registry.set(name, nil)
			h.manager.Unregister(name)
			continue
		}
		if err := h.manager.Register(reg.Cluster); err != nil {
			h.log.Error("registration cannot be used", "cluster", name, "file", reg.File, "error", err)
			continue
		}
		h.log.Info("registration in force", "cluster", name, "file", reg.File, "mode", string(reg.Cluster.Spec.Mode), "tenant", reg.Cluster.Spec.Tenant.Name)
		for _, field := range settings.WithoutEffect(reg.Cluster) {
			h.log.Warn("the registration asks for something that this hub does not make yet", "cluster", name, "file", reg.File, "field", field)
		}
		h.registry.set(name, reg.Cluster)
	}
}

// mirror returns the mirror of a cluster; nil: it is no longer registered.
func (h *hub) mirror(cluster string) *mirror.Mirror {
	m, ok := h.manager.Mirror(cluster)
	if !ok {
		return nil
	}
	return m
}

func (h *hub) watchPlan(cluster string) *akohubv1.WatchPlan {
	o := intake.PlanOptions{}
	if reg, ok := h.registry.get(cluster); ok {
		o = intake.OptionsFor(reg)
	}
	return intake.DefaultPlan(o)
}

func serveAgents(ctx context.Context, server *grpc.Server, l net.Listener, service *intake.Service) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		service.Close()
		cut := time.AfterFunc(stopWithin, server.Stop)
		defer cut.Stop()
		server.GracefulStop()
	}()
	err := server.Serve(l)
	if ctx.Err() == nil {
		return fmt.Errorf("serving agents on %s: %w", l.Addr(), err)
	}
	<-stopped
	return nil
}

// serveHTTP serves an address until ctx ends. Requests end with it.
func serveHTTP(ctx context.Context, group *errgroup.Group, what string, l net.Listener, handler http.Handler) {
	s := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	group.Go(func() error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving the %s on %s: %w", what, l.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		if err := s.Shutdown(end); err != nil {
			// Whoever still reads has had time.
			return s.Close()
		}
		return nil
	})
}

func newEpoch() (string, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("choosing the hub's epoch: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}
