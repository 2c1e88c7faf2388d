package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/hub/config"
)

// hubFlags say where the running hub is.
type hubFlags struct {
	address string
	config  string
}

func (f *hubFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.address, "admin", "", "admin address of the running hub, HOST:PORT (default: the one in --config)")
	cmd.Flags().StringVar(&f.config, "config", "hub.yaml", "the hub's configuration file, read for its admin address")
}

func (f *hubFlags) client() (admin.Client, error) {
	if f.address != "" {
		return admin.Client{Address: f.address}, nil
	}
	cfg, err := config.Load(f.config)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return admin.Client{}, fmt.Errorf("where is the hub? give --admin HOST:PORT, or --config FILE of the hub: %w", err)
		}
		return admin.Client{}, err
	}
	if cfg.Admin == "" {
		return admin.Client{}, fmt.Errorf("%s sets no admin address, so the hub can't be asked", f.config)
	}
	return admin.Client{Address: cfg.Admin}, nil
}

func newClustersCommand() *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use:   "clusters",
		Short: "Show the clusters of a running hub",
		Long: `clusters asks the running hub for its clusters and prints one line for each:
the Avi tenant, the mode, since when its agent is connected, how many of the
watched kinds are complete, how many Avi objects it wants, when the hub last
wrote for it, and what stands against it now.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := hub.client()
			if err != nil {
				return err
			}
			got, err := client.Clusters(cmd.Context())
			if err != nil {
				return err
			}
			return printClusters(cmd.OutOrStdout(), got)
		},
	}
	hub.bind(cmd)
	return cmd
}

func printClusters(out io.Writer, got admin.Clusters) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	if _, err := fmt.Fprintln(w, "CLUSTER\tTENANT\tMODE\tCONNECTED SINCE\tKINDS SYNCED\tOBJECTS\tLAST WRITE\tERROR"); err != nil {
		return err
	}
	for _, c := range got.Clusters {
		synced := 0
		for _, k := range c.Kinds {
			if k.Synced {
				synced++
			}
		}
		standing := c.Error
		if standing == "" {
			standing = "-"
		}
		connected := "not connected"
		if c.ConnectedSince != nil {
			connected = moment(c.ConnectedSince)
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d/%d\t%d\t%s\t%s\n",
			c.Name, c.Tenant, c.Mode, connected, synced, len(c.Kinds), c.Objects, moment(c.LastWrite), oneLine(standing)); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range got.Refused {
		if _, err := fmt.Fprintf(out, "\nrefused: %s: %s\n", r.File, r.Reason); err != nil {
			return err
		}
	}
	return nil
}

func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// oneLine keeps the table a table.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
