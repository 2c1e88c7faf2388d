package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/cmdutil"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a text with testdata/NAME.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./cmd/akohub -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got:\n%s", name, diff)
	}
}

// fakeHub answers as a running hub would.
type fakeHub struct{ approved []string }

func (*fakeHub) Clusters() admin.Clusters {
	at := func(h int) *time.Time {
		t := time.Date(2026, 3, 1, h, 30, 0, 0, time.Local)
		return &t
	}
	return admin.Clusters{
		Clusters: []admin.Cluster{
			{Name: "shop", Tenant: "retail", Mode: "enforce", ConnectedSince: at(8), Agent: "1.0", Objects: 1234, LastWrite: at(9), File: "shop.yaml",
				Kinds: []admin.Kind{{Kind: "services", Count: 12, Synced: true}, {Kind: "secrets", Count: 3, Synced: true}}},
			{Name: "a-cluster-with-a-long-name", Tenant: "media", Mode: "observe", LastSeen: at(7), Pending: 4,
				Kinds: []admin.Kind{{Kind: "services"}, {Kind: "secrets", Synced: false, Message: "forbidden"}},
				Error: "reading the controller: looking for cloud \"Prod-Cloud\": not-found: there is none on the controller;\n agent: no message within 45s"},
			{Name: "lab", Tenant: "lab", Mode: "enforce", ConnectedSince: at(8), Objects: 20, Pending: 12, LastWrite: at(9), Kinds: []admin.Kind{},
				Held:  "it would delete 5 of 8 virtual services without their Kubernetes objects having been seen to go; the limit is 3 and 30%",
				Error: "deletions wait for approval"},
		},
		Refused: []admin.RefusedFile{{File: "typo.yaml", Reason: "typo.yaml: line 6: spec.mode: \"write\" is not one of observe, create-only, enforce, frozen"}},
	}
}

func (*fakeHub) Plan(_ context.Context, cluster string) (plan.Plan, error) {
	p := plan.Plan{Cluster: cluster, Mode: plan.ModeObserve}
	switch cluster {
	case "done":
	case "todo":
		p.Steps = []plan.Step{{Op: plan.Update, Key: plan.Key{Tenant: "retail", Type: "pool", Name: "shop--web"},
			Changes: []plan.Change{{Path: "servers[10.0.0.1:80].enabled", From: "true", To: "false"}}}}
	case "clash":
		p.Conflicts = []plan.Conflict{{Key: plan.Key{Tenant: "retail", Type: "pool", Name: "shop--web"}, Owner: "ako-other"}}
	default:
		return plan.Plan{}, admin.UnknownCluster(errors.New("no cluster \"" + cluster + "\" is registered"))
	}
	return p, nil
}

func (f *fakeHub) Approve(cluster string) error {
	if cluster != "lab" {
		return errors.New("no plan of the cluster is held")
	}
	f.approved = append(f.approved, cluster)
	return nil
}

func startFakeHub(t *testing.T) (*fakeHub, string) {
	t.Helper()
	f := &fakeHub{}
	s := httptest.NewServer(admin.Handler(f))
	t.Cleanup(s.Close)
	return f, s.Listener.Addr().String()
}

func TestClusters(t *testing.T) {
	_, addr := startFakeHub(t)
	out, _, err := execute(t, newRootCommand(), "", "clusters", "--admin", addr)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "clusters.txt", out)

	out, _, err = execute(t, newRootCommand(), "", "clusters", "--admin", addr, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var got admin.Clusters
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Clusters) != 3 || got.Clusters[2].Held == "" || len(got.Refused) != 1 {
		t.Errorf("%s", out)
	}
	if _, _, err := execute(t, newRootCommand(), "", "clusters", "--admin", addr, "-o", "xml"); err == nil {
		t.Error("xml")
	}
}

func TestPlan(t *testing.T) {
	_, addr := startFakeHub(t)
	for cluster, want := range map[string]error{"done": nil, "todo": exitChanges, "clash": exitChanges} {
		out, _, err := execute(t, newRootCommand(), "", "plan", cluster, "--admin", addr)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", cluster, err)
		}
		golden(t, "plan-"+cluster+".yaml", out)
		out, _, err = execute(t, newRootCommand(), "", "plan", cluster, "--admin", addr, "-o", "json")
		if !errors.Is(err, want) || !json.Valid([]byte(out)) {
			t.Errorf("%s: %v\n%s", cluster, err, out)
		}
	}
	if _, _, err := execute(t, newRootCommand(), "", "plan", "nosuch", "--admin", addr); err == nil || errors.Is(err, exitChanges) || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("error %v", err)
	}
}

func TestApprove(t *testing.T) {
	f, addr := startFakeHub(t)
	out, _, err := execute(t, newRootCommand(), "", "approve", "lab", "--admin", addr)
	if err != nil || len(f.approved) != 1 || !strings.Contains(out, "lab") {
		t.Errorf("%q, %v", out, err)
	}
	if _, _, err := execute(t, newRootCommand(), "", "approve", "shop", "--admin", addr); err == nil {
		t.Error("approved what is not held")
	}
}

// The address of the hub comes from a flag, else from the environment, else from
// its configuration.
func TestWhereTheHubIs(t *testing.T) {
	_, addr := startFakeHub(t)
	t.Setenv(cmdutil.EnvName("AKOHUB", "admin"), addr)
	if _, _, err := execute(t, newRootCommand(), "", "clusters"); err != nil {
		t.Error(err)
	}
	t.Setenv(cmdutil.EnvName("AKOHUB", "admin"), "")
	file := filepath.Join(t.TempDir(), "hub.yaml")
	text := "pki: pki\nclusters: clusters\nadmin: " + addr + "\ncontrollers: [{name: a, url: 'https://avi.example', username: u, passwordFile: p}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(cmdutil.EnvName("AKOHUB", "config"), file)
	if _, _, err := execute(t, newRootCommand(), "", "clusters"); err != nil {
		t.Error(err)
	}
	if _, _, err := execute(t, newRootCommand(), "", "clusters", "--config", file+"-nosuch"); err == nil || !strings.Contains(err.Error(), "--admin") {
		t.Errorf("error %v", err)
	}
}

// commands are all commands that can be run.
func commands(c *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	if c.Runnable() {
		out = append(out, c)
	}
	for _, sub := range c.Commands() {
		out = append(out, commands(sub)...)
	}
	return out
}

func TestHelp(t *testing.T) {
	all := commands(newRootCommand())
	if len(all) < 8 {
		t.Fatalf("only %d commands", len(all))
	}
	for _, c := range all {
		path := c.CommandPath()
		if c.Short == "" || c.Long == "" && c.Example == "" {
			t.Errorf("%s: the help says too little", path)
		}
		for _, l := range strings.Split(c.Long, "\n") {
			if len(l) > 90 {
				t.Errorf("%s: a line of help has %d characters: %s", path, len(l), l)
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" || f.Name == "version" {
				return
			}
			if f.Usage == "" || !strings.Contains(f.Usage, cmdutil.EnvName("AKOHUB", f.Name)) {
				t.Errorf("%s --%s: %q names no environment variable", path, f.Name, f.Usage)
			}
		})
		args := append(strings.Fields(path)[1:], "--help")
		out, _, err := execute(t, newRootCommand(), "", args...)
		if err != nil || !strings.Contains(out, "Usage:") {
			t.Errorf("%s --help: %v\n%s", path, err, out)
		}
	}
}
