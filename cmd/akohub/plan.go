package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

// exitChanges is the status of "plan" when there is something to do.
const exitChanges exitError = 2

func newPlanCommand() *cobra.Command {
	var hub hubFlags
	var output string
	cmd := &cobra.Command{
		Use:   "plan CLUSTER",
		Short: "Show what the hub would write on Avi for a cluster now",
		Long: `plan has the running hub read the controller again and compare it with what the
cluster wants. It prints the writes in their order, field by field, with secrets
redacted, whatever the cluster's mode. Nothing is written.

Exit status: 0 when there is nothing to do, 2 when there is, 1 on an error.`,
		Example: `  akohub plan shop
  akohub plan shop -o json | jq .summary`,
		Args: exactly("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "yaml" && output != "json" {
				return fmt.Errorf("--output %q: yaml or json", output)
			}
			client, err := hub.client()
			if err != nil {
				return err
			}
			got, err := client.Plan(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var text []byte
			switch output {
			case "json":
				var b bytes.Buffer
				if err := json.Indent(&b, got.Plan, "", "  "); err != nil {
					return err
				}
				b.WriteByte('\n')
				text = b.Bytes()
			default:
				if text, err = yamlText(got.Plan); err != nil {
					return err
				}
			}
			if _, err := cmd.OutOrStdout().Write(text); err != nil {
				return err
			}
			if got.Steps > 0 {
				return exitChanges
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "yaml", "yaml or json")
	hub.bind(cmd)
	return cmd
}

func newApproveCommand() *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use:   "approve CLUSTER",
		Short: "Let the held plan of a cluster pass, once",
		Long: `approve lets a plan pass that the hub holds because it would delete a large share
of the cluster's virtual services, or leave nothing of a large share of its hosts,
without having seen the Kubernetes objects go. Look at it first with "akohub plan
CLUSTER": the approval is for the deletions that are shown there, and for no others.`,
		Example: `  akohub approve shop`,
		Args:    exactly("CLUSTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := hub.client()
			if err != nil {
				return err
			}
			if err := client.Approve(cmd.Context(), args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "the held plan of %s is approved\n", args[0])
			return err
		},
	}
	hub.bind(cmd)
	return cmd
}
