// Command akohub-agent streams what one Kubernetes cluster wants load-balanced
// to the hub, and writes the hub's answers on the cluster's objects.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/akohub/akohub/agent"
	"github.com/akohub/akohub/pkg/cmdutil"
	"github.com/akohub/akohub/pkg/logging"
	"github.com/akohub/akohub/pkg/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "akohub-agent:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	hub        string
	kubeconfig string
	cert       string
	key        string
	ca         string
	metrics    string
	logLevel   string
	logFormat  string
}

func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "akohub-agent --hub HOST:PORT --cert FILE --key FILE --ca FILE",
		Short: "Stream what a Kubernetes cluster wants load-balanced to the hub",
		Long: `akohub-agent runs in (or beside) one Kubernetes or OpenShift cluster. It opens
one connection to the hub, sends what the hub asks to see of the cluster, and
writes status, annotations and events at the hub's word. It holds no Avi
credentials and listens on nothing but the metrics address.

Which cluster it speaks for is in its certificate, made by
"akohub pki cluster DIR NAME".`,
		Args:          cobra.NoArgs,
		Version:       version.String(),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.hub, "hub", "", "address of the hub, `HOST:PORT`")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig `file` of the cluster; empty: the Pod's own service account")
	f.StringVar(&o.cert, "cert", "", "client certificate `file` of this cluster, PEM; read again when it changes")
	f.StringVar(&o.key, "key", "", "private key `file` of the certificate, PEM")
	f.StringVar(&o.ca, "ca", "", "`file` with the authority of the hub's certificate, PEM")
	f.StringVar(&o.metrics, "metrics", "", "`address` that serves /metrics, /healthz and /readyz; empty: none")
	f.StringVar(&o.logLevel, "log-level", "info", "trace, debug, info, warn or error")
	f.StringVar(&o.logFormat, "log-format", logging.FormatText, "text or json")
	cmdutil.BindEnv(cmd, "AKOHUB_AGENT")
	return cmd
}

func (o options) validate() error {
	for _, f := range []struct{ name, value string }{{"hub", o.hub}, {"cert", o.cert}, {"key", o.key}, {"ca", o.ca}} {
		if f.value == "" {
			return fmt.Errorf("--%s is not set (nor AKOHUB_AGENT_%s)", f.name, cmdutil.EnvName("", f.name)[1:])
		}
	}
	if _, _, err := net.SplitHostPort(o.hub); err != nil {
		return fmt.Errorf("--hub %q: want HOST:PORT: %w", o.hub, err)
	}
	return nil
}

func run(ctx context.Context, o options) error {
	if err := o.validate(); err != nil {
		return err
	}
	log, err := logging.New(logging.Options{Name: "akohub-agent", Level: o.logLevel, Format: o.logFormat, Output: os.Stderr})
	if err != nil {
		return err
	}
	logging.BridgeKlog(log)
	logging.BridgeGRPC(log)

	rc, err := restConfig(o.kubeconfig)
	if err != nil {
		return err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a, err := agent.New(agent.Config{
		Hub: o.hub, Rest: rc, CertFile: o.cert, KeyFile: o.key, CAFile: o.ca,
		Version: version.Version, Log: log, Registry: reg,
	})
	if err != nil {
		return err
	}
	log.Info("starting", "version", version.String(), "hub", o.hub, "api_server", rc.Host)
	g, ctx := errgroup.WithContext(ctx)
	if o.metrics != "" {
		// Listen before anything else, so that a taken address is an error.
		ln, err := net.Listen("tcp", o.metrics)
		if err != nil {
			return fmt.Errorf("listen for metrics: %w", err)
		}
		log.Info("serving metrics and health", "address", ln.Addr().String())
		g.Go(func() error { return serveMetrics(ctx, ln, reg, a.Ready) })
	}
	g.Go(func() error { return a.Run(ctx) })
	err = g.Wait()
	log.Info("stopped")
	return err
}

func restConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		rc, err := rest.InClusterConfig()
		if errors.Is(err, rest.ErrNotInCluster) {
			return nil, errors.New("not in a Pod: --kubeconfig is needed")
		}
		if err != nil {
			return nil, fmt.Errorf("read the Pod's service account: %w", err)
		}
		return rc, nil
	}
	rc, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
	}
	return rc, nil
}
