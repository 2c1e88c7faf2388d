// Command akohub is the hub and its command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/akohub/akohub/pkg/cmdutil"
	"github.com/akohub/akohub/pkg/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newRootCommand().ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		stop()
		os.Exit(int(exit))
	default:
		fmt.Fprintln(os.Stderr, "akohub:", err)
		stop()
		os.Exit(1)
	}
}

// exitError ends the program with a status of its own and no message.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// exactly wants the arguments of these names.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("argument %s is missing: %s", strings.Join(names[len(args):], " "), cmd.UseLine())
		case len(args) > len(names):
			return fmt.Errorf("%q is one argument too many: %s", args[len(names)], cmd.UseLine())
		}
		return nil
	}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "akohub",
		Short: "One hub for the Avi load balancers of many Kubernetes clusters",
		Long: `akohub owns an Avi Controller on behalf of many Kubernetes clusters. A light
agent in each cluster streams what is to be load-balanced; the hub maps each
cluster to its Avi tenant, computes the Avi objects and makes every write.`,
		Version:       version.String(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newServeCommand(),
		newClustersCommand(),
		newPlanCommand(),
		newApproveCommand(),
		newExplainCommand(),
		newRenderCommand(),
		newDoctorCommand(),
		newOffboardCommand(),
		newImportCommand(),
		newPKICommand(),
	)
	for _, c := range root.Commands() {
		cmdutil.BindEnv(c, "AKOHUB")
	}
	return root
}
