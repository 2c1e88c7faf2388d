// Command avisim runs a simulated Avi Controller.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/cmdutil"
	"github.com/akohub/akohub/pkg/logging"
	"github.com/akohub/akohub/pkg/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "avisim:", err)
		stop()
		os.Exit(1)
	}
}

type flags struct {
	listen, seed, certOut, logFormat, logLevel string
	tenants, assume                            []string
	latency                                    time.Duration
	rateLimit                                  float64
	basicAuth                                  bool
}

func newCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "avisim",
		Short: "A simulated Avi Controller",
		Long: `avisim simulates an Avi Controller over HTTPS: login, tenants, objects checked
against the published vocabulary, references, VIP allocation. Everything is in
memory and gone when it ends. A control API under /_sim/ shows the requests and
a dump of the objects, and injects faults.

The default seed has user admin with password sim-password.`,
		Version:       version.String(),
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return run(cmd, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.listen, "listen", "127.0.0.1:8443", "`address` to listen on; port 0 picks one")
	fl.StringVar(&f.seed, "seed", "", "YAML `file` of what the controller holds at the start (default: built in)")
	fl.StringVar(&f.certOut, "cert-out", "", "`file` to write the CA certificate to (default: avisim-ca.crt in the temporary folder)")
	fl.StringSliceVar(&f.tenants, "tenants", nil, "`names` of tenants to create, separated by commas")
	fl.DurationVar(&f.latency, "latency", 0, "`time` that every answer is held back")
	fl.Float64Var(&f.rateLimit, "rate-limit", 0, "requests a `second` for each client address, then delay, then 429 (0: no limit; a real controller: 32)")
	fl.BoolVar(&f.basicAuth, "basic-auth", false, "accept HTTP basic authentication in place of a session")
	fl.StringSliceVar(&f.assume, "assume", nil, "`switches` that change what is only assumed, e.g. DeleteRefused=403,AnyDomain (see docs/avisim.md)")
	fl.StringVar(&f.logFormat, "log-format", "text", "text or json")
	fl.StringVar(&f.logLevel, "log-level", "info", "trace, debug (each request), info, warn or error")
	cmdutil.BindEnv(cmd, "AVISIM")
	return cmd
}

func run(cmd *cobra.Command, f flags) error {
	log, err := logging.New(logging.Options{Name: "avisim", Level: f.logLevel, Format: f.logFormat, Output: cmd.ErrOrStderr()})
	if err != nil {
		return err
	}
	opts := avisim.Options{Tenants: f.tenants, Logger: log, BasicAuth: f.basicAuth, Latency: f.latency}
	if opts.Assume, err = avisim.ParseAssumptions(f.assume); err != nil {
		return err
	}
	if f.seed != "" {
		if opts.Seed, err = avisim.LoadSeed(f.seed); err != nil {
			return err
		}
	}
	if f.rateLimit > 0 {
		opts.RateLimit = &avisim.RateLimit{PerSecond: f.rateLimit}
	}
	sim, err := avisim.New(opts)
	if err != nil {
		return err
	}
	srv, err := sim.StartTLS(f.listen)
	if err != nil {
		return err
	}
	if f.certOut == "" {
		f.certOut = filepath.Join(os.TempDir(), "avisim-ca.crt")
	}
	if err := os.WriteFile(f.certOut, srv.CACertPEM, 0o644); err != nil {
		if closeErr := srv.Close(); closeErr != nil {
			log.Warn("closing", "error", closeErr)
		}
		return fmt.Errorf("writing the CA certificate: %w", err)
	}
	out := cmd.OutOrStdout()
	fmt.Fprintln(out, "url:     ", srv.URL)
	fmt.Fprintln(out, "ca cert: ", f.certOut)
	fmt.Fprintf(out, "%s", srv.CACertPEM)
	log.Info("listening", "url", srv.URL)
	return srv.Wait(cmd.Context())
}
