package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/akohub/akohub/hub/importer"
	"github.com/akohub/akohub/hub/settings"
	"github.com/akohub/akohub/pkg/api/strictyaml"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

func newImportCommand() *cobra.Command {
	var values, configMap, name, mode string
	cmd := &cobra.Command{
		Use:   "import {--values FILE | --configmap FILE}",
		Short: "Turn AKO's configuration into a registration",
		Long: `import reads the Helm values of an AKO, or its ConfigMap avi-k8s-config, and
prints a Cluster for the hub's clusters folder that keeps the cluster's names on
Avi, so that its objects are adopted and its VIPs stay.

Keys that are not known, and values that changed or have no effect in a hub, are
named on standard error. Credentials are never read. FILE may be - for standard
input.`,
		Example: `  helm get values ako -n avi-system --all | akohub import --values - > clusters/prod.yaml
  kubectl get configmap avi-k8s-config -n avi-system -o yaml | akohub import --configmap - --mode observe`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, file := importer.FromValues, values
			switch {
			case values == "" && configMap == "":
				return errors.New("import: --values FILE or --configmap FILE is needed")
			case values != "" && configMap != "":
				return errors.New("import: --values and --configmap exclude each other")
			case configMap != "":
				from, file = importer.FromConfigMap, configMap
			}
			data, err := readInput(cmd.InOrStdin(), file)
			if err != nil {
				return fmt.Errorf("import: %w", err)
			}
			got, err := from(data, importer.Options{Name: name, Mode: v1alpha1.Mode(mode)})
			if err != nil {
				return fmt.Errorf("import %s: %w", file, err)
			}
			return printImport(cmd.OutOrStdout(), cmd.ErrOrStderr(), got)
		},
	}
	f := cmd.Flags()
	f.StringVar(&values, "values", "", "AKO's Helm values: the file of helm install -f, or the output of helm get values --all")
	f.StringVar(&configMap, "configmap", "", "AKO's ConfigMap avi-k8s-config, as kubectl get -o yaml prints it")
	f.StringVar(&name, "name", "", "the registration's name (default: AKO's clusterName)")
	f.StringVar(&mode, "mode", "", "what the hub may write: observe, create-only, enforce, frozen or offboard (default observe); an AKO with deleteConfig is offboarded, not enforced")
	return cmd
}

// readInput reads a file, or standard input for "-", up to the size that is
// refused anyway.
func readInput(stdin io.Reader, file string) ([]byte, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, strictyaml.MaxSize+1))
}

func printImport(out, errs io.Writer, got *importer.Result) error {
	text, err := got.Cluster.Marshal()
	if err != nil {
		return err
	}
	for _, key := range got.Unknown {
		fmt.Fprintf(errs, "unknown key: %s\n", key)
	}
	for _, note := range got.Notes {
		fmt.Fprintf(errs, "note: %s\n", note)
	}
	for _, field := range settings.WithoutEffect(got.Cluster) {
		fmt.Fprintf(errs, "note: %s: this hub does not serve it yet\n", field)
	}
	_, err = out.Write(text)
	return err
}
