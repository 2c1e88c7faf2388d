package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
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
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "clusters",
		Short: "Show the clusters of a running hub",
		Long: `clusters asks the running hub for its clusters and prints one line for each:
the Avi tenant, the mode, since when its agent is connected, how many of the
watched kinds are complete, how many Avi objects it wants, when the hub last
wrote for it, and what stands against it now. Plans that wait for approval, what
is left of clusters in mode offboard, what clusters are denied by a limit or
another cluster's claim, and registration files that are refused, follow below.`,
		Example: `  akohub clusters
  akohub clusters --admin 127.0.0.1:8444 -o json | jq '.clusters[] | select(.error)'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := output.check(); err != nil {
				return err
			}
			client, err := hub.client()
			if err != nil {
				return err
			}
			got, err := client.Clusters(cmd.Context())
			if err != nil {
				return err
			}
			return printAs(cmd.OutOrStdout(), output, got, printClusters)
		},
	}
	output.bind(cmd)
	hub.bind(cmd)
	return cmd
}

// printClusters prints the table. The error is the last column, so that a long
// one keeps the others in line, and is never cut.
func printClusters(out io.Writer, got admin.Clusters) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	line := func(cells ...string) { _, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) }
	line("CLUSTER", "TENANT", "MODE", "CONNECTED SINCE", "KINDS SYNCED", "OBJECTS", "LAST WRITE", "ERROR")
	for _, c := range got.Clusters {
		synced := 0
		for _, k := range c.Kinds {
			if k.Synced {
				synced++
			}
		}
		connected := "not connected"
		if c.ConnectedSince != nil {
			connected = moment(c.ConnectedSince)
		}
		line(c.Name, c.Tenant, c.Mode, connected, fmt.Sprintf("%d/%d", synced, len(c.Kinds)), strconv.Itoa(c.Objects),
			moment(c.LastWrite), cmp.Or(oneSentence(c.Error), "-"))
	}
	// A buffer takes everything.
	_ = w.Flush()
	for _, c := range got.Clusters {
		if c.Held != "" {
			fmt.Fprintf(&b, "\nheld: %s: %s\n  akohub plan %s     shows it\n  akohub approve %s  lets it pass\n", c.Name, oneLine(c.Held), c.Name, c.Name)
		}
	}
	for _, c := range got.Clusters {
		if c.Leaving != nil {
			printLeaving(&b, c)
		}
		printDenied(&b, c)
	}
	for _, r := range got.Refused {
		printRefused(&b, r)
	}
	_, err := out.Write(b.Bytes())
	return err
}

// printLeaving says what is left of a cluster in mode offboard.
func printLeaving(b *bytes.Buffer, c admin.Cluster) {
	l := c.Leaving
	fmt.Fprintf(b, "\n%s: %s: ", l.State, c.Name)
	switch {
	case l.Objects == nil:
		fmt.Fprintln(b, "the controller could not be asked yet what there is")
	case l.State == admin.StateOffboarded:
		file := ""
		if c.File != "" {
			file = ", " + c.File
		}
		fmt.Fprintf(b, "nothing is left on Avi; its registration can be removed%s\n", file)
	default:
		statuses := fmt.Sprintf("%d statuses", l.Statuses)
		if l.Statuses == 1 {
			statuses = "1 status"
		}
		fmt.Fprintf(b, "%s on Avi and %s in Kubernetes are left\n", count(*l.Objects, "object"), statuses)
	}
	if c.ConnectedSince == nil {
		fmt.Fprintln(b, "  its agent is not connected: statuses are taken back when it is")
	}
	for _, n := range l.Notes {
		fmt.Fprintf(b, "  note: %s\n", oneLine(n))
	}
}

// printRefused says what is wrong with a file, each mistake on a line. The
// reason names the file in each.
func printRefused(b *bytes.Buffer, r admin.RefusedFile) {
	lines := strings.Split(strings.TrimSpace(r.Reason), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimSpace(l), r.File+": ")
	}
	if len(lines) == 1 {
		fmt.Fprintf(b, "\nrefused: %s: %s\n", r.File, lines[0])
		return
	}
	fmt.Fprintf(b, "\nrefused: %s\n  %s\n", r.File, strings.Join(lines, "\n  "))
}

// printDenied lists what a cluster does not get by a rule.
func printDenied(b *bytes.Buffer, c admin.Cluster) {
	if len(c.Denied) == 0 {
		return
	}
	fmt.Fprintf(b, "\ndenied: %s\n", c.Name)
	for _, d := range c.Denied {
		fmt.Fprintf(b, "  %s: %s: %s\n", d.Object, d.Reason, oneLine(d.Message))
	}
	if c.DeniedMore > 0 {
		fmt.Fprintf(b, "  and %d more\n", c.DeniedMore)
	}
}

func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// oneLine keeps the table a table.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// oneSentence is oneLine for several errors, each of which is a line.
func oneSentence(s string) string {
	out := ""
	for l := range strings.Lines(s) {
		l = oneLine(l)
		switch {
		case l == "":
			continue
		case out != "" && strings.ContainsAny(out[len(out)-1:], ",;:."):
			out += " "
		case out != "":
			out += "; "
		}
		out += l
	}
	return out
}
