package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// execute runs a command and returns what it printed.
func execute(t *testing.T, cmd *cobra.Command, stdin string, args ...string) (out, errs string, err error) {
	t.Helper()
	var o, e bytes.Buffer
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&o)
	cmd.SetErr(&e)
	cmd.SetArgs(append([]string{}, args...)) // nil would be those of the test
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err = cmd.Execute()
	return o.String(), e.String(), err
}

const akoValues = `
AKOSettings: {clusterName: prod, deleteConfig: "false", colour: red}
ControllerSettings: {tenantName: billing, controllerHost: 10.0.0.1}
featureGates: {GatewayAPI: true}
avicredentials: {username: u-secret, password: p-secret}
`

func TestImport(t *testing.T) {
	out, errs, err := execute(t, newImportCommand(), akoValues, "--values", "-", "--mode", "enforce", "--name", "p1")
	if err != nil {
		t.Fatal(err)
	}
	c, err := v1alpha1.ParseCluster([]byte(out), "stdout")
	if err != nil {
		t.Fatal(err)
	}
	if c.Metadata.Name != "p1" || c.ObjectPrefix() != "prod" || c.Spec.Mode != v1alpha1.ModeEnforce || c.Spec.Tenant.Name != "billing" {
		t.Errorf("%+v", c)
	}
	for _, want := range []string{"unknown key: AKOSettings.colour\n", "avicredentials.password", "spec.features.gatewayAPI: this hub does not serve it yet", "https://10.0.0.1"} {
		if !strings.Contains(errs, want) {
			t.Errorf("standard error lacks %q:\n%s", want, errs)
		}
	}
	if strings.Contains(out+errs, "-secret") {
		t.Error("a credential was printed")
	}
}

func TestImportConfigMapFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cm.json")
	text := `{"kind": "ConfigMap", "data": {"clusterName": "c1", "shardVSSize": "SMALL", "autoFQDN": "default", "vipNetworkList": "[]"}}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, err := execute(t, newImportCommand(), "", "--configmap", file)
	if err != nil {
		t.Fatal(err)
	}
	if errs != "" || !strings.Contains(out, "name: c1") || !strings.Contains(out, "mode: observe") {
		t.Errorf("%s%s", out, errs)
	}
}

func TestImportRefuses(t *testing.T) {
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"is needed", nil},
		{"exclude each other", []string{"--values", "a", "--configmap", "b"}},
		{"no such file", []string{"--values", filepath.Join(t.TempDir(), "missing")}},
		{`"write" is not one of observe, create-only, enforce, frozen`, []string{"--values", "-", "--mode", "write"}},
		{`"A B" does not match`, []string{"--values", "-", "--name", "A B"}},
	} {
		out, _, err := execute(t, newImportCommand(), akoValues, tc.args...)
		if err == nil || !strings.Contains(err.Error(), tc.want) || out != "" {
			t.Errorf("%v: error %v, output %q; want an error with %q", tc.args, err, out, tc.want)
		}
	}
}

func TestPKI(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	out, _, err := execute(t, newPKICommand(), "", "init", dir, "--host", "hub.example.test", "--host", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(out)
	out, _, err = execute(t, newPKICommand(), "", "cluster", dir, "prod")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(files, strings.Fields(out)...) {
		if _, err := os.Stat(f); err != nil {
			t.Error(err)
		}
	}
	want := strings.Join([]string{"ca.crt", "ca.key", "hub.crt", "hub.key"}, " ")
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	if got := strings.Join(files, " "); got != want {
		t.Errorf("init made %s, want %s", got, want)
	}
	if _, _, err := execute(t, newPKICommand(), "", "init", dir); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("a second init: %v", err)
	}
	if _, _, err := execute(t, newPKICommand(), "", "cluster", dir, "../prod"); err == nil {
		t.Error("a name that is a path passed")
	}
	if _, _, err := execute(t, newPKICommand(), "", "cluster", filepath.Join(dir, "none"), "prod"); err == nil {
		t.Error("a folder without an authority passed")
	}
}
