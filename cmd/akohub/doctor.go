package main

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/akohub/akohub/hub/admin"
)

// The statuses of "doctor".
const (
	exitErrors   exitError = 1
	exitWarnings exitError = 2
)

func newDoctorCommand() *cobra.Command {
	var hub hubFlags
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "doctor CLUSTER",
		Short: "Look a registration over before the first write",
		Long: `doctor has the running hub look at everything that a cluster's registration rests
on: the controller and its release, the login, the user's rights in the tenant and
in admin, the tenant, the cloud, the service-engine group and its labels, the VIP
network and its free addresses, the DNS domains, the rate limit, the clock, and
the cluster's agent. It prints a line for each and, where something is wrong, a
remedy below it. Nothing is written.

A check that the controller's user may not make is "unknown", which is no failure.

Exit status: 0 when all is well, 2 when there are warnings, 1 when there are
errors, or when the hub can't be asked.`,
		Example: `  akohub doctor shop
  akohub doctor shop -o json | jq '.checks[] | select(.result == "error")'`,
		Args: exactly("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := output.check(); err != nil {
				return err
			}
			client, err := hub.client()
			if err != nil {
				return err
			}
			got, err := client.Doctor(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			err = printAs(cmd.OutOrStdout(), output, got, printChecks)
			if err != nil {
				return err
			}
			return worst(got)
		},
	}
	output.bind(cmd)
	hub.bind(cmd)
	return cmd
}

// worst is the exit status that the checks ask for.
func worst(got admin.Checks) error {
	var out error
	for _, c := range got.Checks {
		switch c.Result {
		case "error":
			return exitErrors
		case "warning":
			out = exitWarnings
		}
	}
	return out
}

// printChecks puts a remedy below what it is for: beside it, each would be as
// wide as the longest.
func printChecks(out io.Writer, got admin.Checks) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "CHECK\tRESULT\tFOUND (→ REMEDY)")
	for _, c := range got.Checks {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", c.Name, c.Result, oneLine(c.Detail))
		if c.Remedy != "" {
			_, _ = fmt.Fprintf(w, "\t\t→ %s\n", oneLine(c.Remedy))
		}
	}
	// A buffer takes everything.
	_ = w.Flush()
	_, err := out.Write(b.Bytes())
	return err
}
