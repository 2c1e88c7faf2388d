package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/akohub/akohub/hub/admin"
)

// exitLeft is the status of "offboard --yes" when something could not be removed.
const exitLeft exitError = 3

func newOffboardCommand() *cobra.Command {
	var hub hubFlags
	var output outputFlag
	var yes bool
	cmd := &cobra.Command{
		Use:   "offboard CLUSTER",
		Short: "Remove everything that a cluster has on Avi",
		Long: `offboard is for a cluster that is gone for good. It has the running hub look for
all objects of the cluster, in every tenant that the controller's user sees, and
shows what it would remove: virtual services first, then what they refer to, then
the cluster's label on its service-engine group and its static routes. Objects of
others stay.

With --yes it does so, takes the addresses out of the statuses in Kubernetes if
the cluster's agent is connected, and reports what it could not remove; it can
be repeated. The registration must be in mode frozen, observe or offboard, since
the other modes would make everything again. Remove its file afterwards.
(Removing the file alone deletes nothing on Avi.)

A registration in mode offboard does the same without a command: it is repeated
until nothing is left, and as long as the mode lasts. There, offboard shows what
is left.

Exit status: 0 when nothing of the cluster is left, 2 when there is something to
remove and --yes was not given, 3 when something could not be removed, 1 on an
error.`,
		Example: `  akohub offboard shop
  akohub offboard shop --yes`,
		Args: exactly("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := output.check(); err != nil {
				return err
			}
			client, err := hub.client()
			if err != nil {
				return err
			}
			got, err := client.Offboard(cmd.Context(), args[0], yes)
			if err != nil {
				return err
			}
			err = printAs(cmd.OutOrStdout(), output, got, printOffboarding)
			switch {
			case err != nil:
				return err
			case !got.Done && len(got.Steps) > 0:
				return exitChanges
			case got.Done && !got.Complete():
				return exitLeft
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "carry it out; without it, it is only shown")
	output.bind(cmd)
	hub.bind(cmd)
	return cmd
}

func printOffboarding(out io.Writer, got admin.Offboarding) error {
	var b bytes.Buffer
	table := func(steps []admin.OffboardStep, last string, cell func(admin.OffboardStep) string) {
		w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "OP\tTENANT\tTYPE\tNAME"+last)
		for _, s := range steps {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s%s\n", s.Op, s.Tenant, s.Type, s.Name, cell(s))
		}
		// A buffer takes everything.
		_ = w.Flush()
	}
	fmt.Fprintf(&b, "Cluster %s, tenants looked at: %s\n", got.Cluster, strings.Join(got.Tenants, ", "))
	for _, n := range got.Notes {
		fmt.Fprintf(&b, "note: %s\n", oneLine(n))
	}
	switch {
	case len(got.Steps) == 0:
		fmt.Fprintln(&b, "Avi holds nothing of the cluster's.")
	case got.Done:
		table(got.Steps, "\tRESULT", func(s admin.OffboardStep) string {
			if s.Error != "" {
				return "\tfailed: " + oneLine(s.Error)
			}
			return "\tdone"
		})
	default:
		table(got.Steps, "", func(admin.OffboardStep) string { return "" })
	}
	switch {
	case !got.Done && len(got.Steps) > 0:
		fmt.Fprintf(&b, "Nothing was changed. To remove the above: akohub offboard %s --yes\n", got.Cluster)
	case got.Done:
		if n := got.Cleared + got.NotCleared; n > 0 {
			fmt.Fprintf(&b, "Statuses in Kubernetes: %d of %d cleared\n", got.Cleared, n)
		}
		if len(got.Left) > 0 {
			fmt.Fprintf(&b, "Left of the cluster's: %s; mend what stands against it and repeat:\n", count(len(got.Left), "object"))
			table(got.Left, "", func(admin.OffboardStep) string { return "" })
			break
		}
		fmt.Fprintf(&b, "Remove the registration of %s now; in a mode that writes, its objects would be made again.\n", got.Cluster)
	}
	_, err := out.Write(b.Bytes())
	return err
}
