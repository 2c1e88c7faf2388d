package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/akohub/akohub/pkg/identity"
)

func newPKICommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pki",
		Short: "Make the certificates that hub and agents know each other by",
		Long: `Hub and agents speak mutual TLS under one certificate authority of their own. The
hub takes a cluster's name from the agent's certificate and from nothing else:
whoever holds the key of a cluster's certificate is that cluster.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPKIInitCommand(), newPKIClusterCommand())
	return cmd
}

func newPKIInitCommand() *cobra.Command {
	var hosts []string
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a certificate authority and the hub's certificate",
		Long: `init makes DIR/ca.crt and ca.key, and DIR/hub.crt and hub.key for the host names
and addresses that agents reach the hub by. DIR is what hub.yaml calls pki.

A folder that has a certificate authority already keeps it: replacing it would
shut out every agent. ca.key need not be where the hub runs.`,
		Example: `  akohub pki init pki --host hub.example.test --host 192.0.2.10`,
		Args:    exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(hosts) == 0 {
				hosts = defaultHosts()
			}
			if err := identity.InitDir(args[0], hosts); err != nil {
				if errors.Is(err, identity.ErrExists) {
					return fmt.Errorf("%w; for a new cluster, run akohub pki cluster %s NAME", err, args[0])
				}
				return err
			}
			out := cmd.OutOrStdout()
			for _, name := range []string{identity.CACertFile, identity.CAKeyFile, identity.HubCertFile, identity.HubKeyFile} {
				fmt.Fprintln(out, filepath.Join(args[0], name))
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&hosts, "host", nil, "a host name or IP address of the hub, repeatable (default: localhost, 127.0.0.1, ::1 and this machine's name)")
	return cmd
}

// defaultHosts suits a hub and agents on one machine.
func defaultHosts() []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil && name != "" && name != "localhost" {
		hosts = append(hosts, name)
	}
	return hosts
}

// registrable is what metadata.name of a registration may be. A certificate may
// carry more, but would be of no use.
var registrable = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func newPKIClusterCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cluster DIR NAME",
		Short: "Make the certificate of a cluster's agent",
		Long: `cluster makes DIR/clusters/NAME.crt and NAME.key with the authority of "pki init":
a client certificate that says akohub://cluster/NAME. Give both files, and
DIR/ca.crt, to the agent; NAME is the metadata.name of the cluster's
registration. An earlier pair of the cluster is replaced, and stays valid.`,
		Example: `  akohub pki cluster pki prod`,
		Args:    exactly("DIR", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !registrable.MatchString(args[1]) {
				return fmt.Errorf("no registration can be called %q: a name has lower-case letters, digits and dashes (AKO's clusterName, if it has others, goes into spec.naming.clusterName)", args[1])
			}
			cert, key, err := identity.IssueClusterInDir(args[0], args[1])
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), cert)
			fmt.Fprintln(cmd.OutOrStdout(), key)
			return nil
		},
	}
}
