package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/akohub/akohub/pkg/explain"
)

func newExplainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Show what became of a host, an Ingress, a Route or a Service on Avi, and why",
		Long: `explain asks the running hub what it knows of a host in all clusters, or of an
Ingress, a Route or a Service of one. It goes from the Kubernetes objects, over
what they claim and who has it, to each Avi object: whether it is there as it is
wanted, and if not, what the last write failed with in the controller's words, or
what it waits for. Of virtual services and pools the controller is asked how they
fare; nothing else is read anew, and nothing is written.`,
		Example: `  akohub explain host shop.apps.example.com
  akohub explain ingress prod shop/web
  akohub explain route prod shop/web
  akohub explain service prod shop/lb -o yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newExplainKindCommand(explain.Host, "host NAME", "Show what became of a host, in all clusters",
			`host looks for a host name in all clusters: the Ingresses or Routes that claim
it, the oldest first, with the paths that each of them has or has lost to which
other; the Avi objects of the host; and the virtual service and the VIP that it
shares.`,
			"  akohub explain host shop.apps.example.com"),
		newExplainKindCommand(explain.Ingress, "ingress CLUSTER NAMESPACE/NAME", "Show what became of an Ingress of a cluster",
			`ingress explains every host of an Ingress, or the virtual service of its default
backend if it has no host.`,
			"  akohub explain ingress prod shop/web"),
		newExplainKindCommand(explain.Route, "route CLUSTER NAMESPACE/NAME", "Show what became of an OpenShift Route of a cluster",
			`route explains the host of an OpenShift Route.`,
			"  akohub explain route prod shop/web"),
		newExplainKindCommand(explain.Service, "service CLUSTER NAMESPACE/NAME", "Show what became of a Service of a cluster",
			`service explains the virtual service of a Service of type LoadBalancer, and the
hosts whose paths lead to a Service.`,
			"  akohub explain service prod shop/lb"),
	)
	return cmd
}

func newExplainKindCommand(kind explain.Kind, use, short, long, example string) *cobra.Command {
	var hub hubFlags
	var output string
	args := exactly("NAME")
	if kind != explain.Host {
		args = exactly("CLUSTER", "NAMESPACE/NAME")
	}
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long: long + `

Exit status: 0, or 1 when nothing is known of it or the hub can't be asked.`,
		Example: example,
		Args:    args,
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "yaml" && output != "json" {
				return fmt.Errorf("--output %q: text, yaml or json", output)
			}
			q := explain.Query{Kind: kind, Name: args[0]}
			if kind != explain.Host {
				var ok bool
				q.Cluster = args[0]
				q.Namespace, q.Name, ok = strings.Cut(args[1], "/")
				if !ok || q.Namespace == "" || q.Name == "" {
					return fmt.Errorf("%q: the %s is to be named NAMESPACE/NAME", args[1], kind)
				}
			}
			if q.Name == "" {
				return fmt.Errorf("which %s?", kind)
			}
			client, err := hub.client()
			if err != nil {
				return err
			}
			got, err := client.Explain(cmd.Context(), q)
			if err != nil {
				return err
			}
			text, err := explanation(got, output)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text, yaml or json")
	hub.bind(cmd)
	return cmd
}

func explanation(a explain.Answer, output string) ([]byte, error) {
	switch output {
	case "yaml":
		return yamlText(a)
	case "json":
		text, err := json.MarshalIndent(a, "", "  ")
		return append(text, '\n'), err
	}
	return explainText(a), nil
}
