package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/api/strictyaml"
)

const good = `listen: 127.0.0.1:9443
admin: 127.0.0.1:9444
metrics: ":9445"
pki: pki
clusters: ./clusters
controllers:
- name: main
  url: https://avi.example.test/
  username: hub
  passwordFile: secrets/password
  caFile: /etc/avi/ca.crt
- name: lab
  url: https://10.0.0.1:8443
  username: hub
  passwordFile: ../lab
  apiVersion: 22.1.3
`

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "hub.yaml")
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Listen: "127.0.0.1:9443", Admin: "127.0.0.1:9444", Metrics: ":9445",
		PKI: filepath.Join(dir, "pki"), Clusters: filepath.Join(dir, "clusters"),
		Controllers: []Controller{
			{Name: "main", URL: "https://avi.example.test", Username: "hub", PasswordFile: filepath.Join(dir, "secrets/password"), CAFile: "/etc/avi/ca.crt", APIVersion: "30.2.1"},
			{Name: "lab", URL: "https://10.0.0.1:8443", Username: "hub", PasswordFile: filepath.Join(filepath.Dir(dir), "lab"), APIVersion: "22.1.3"},
		},
		Log: Log{Level: "info", Format: "text"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("configuration differs (-want +got):\n%s", d)
	}
	for name, url := range map[string]string{"": "https://avi.example.test", "main": "https://avi.example.test", "lab": "https://10.0.0.1:8443"} {
		if k, ok := got.Controller(name); !ok || k.URL != url {
			t.Errorf("Controller(%q) = %v, %v", name, k.URL, ok)
		}
	}
	if _, ok := got.Controller("other"); ok {
		t.Error("there is no controller other")
	}
	if _, err := Load(filepath.Join(dir, "missing.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ name, old, new, want string }{
		{"unknown key", "pki: pki", "pki: pki\npkii: x", `line 5: pkii: unknown key (did you mean "pki"?)`},
		{"no controllers", good[strings.Index(good, "controllers"):], "", "line 1: controllers: is required"},
		{"no clusters", "clusters: ./clusters\n", "", "clusters: is required"},
		{"address", "listen: 127.0.0.1:9443", "listen: 9443", "line 1: listen: a string is wanted, not the number 9443; put it in quotes"},
		{"address word", "listen: 127.0.0.1:9443", "listen: somewhere", `line 1: listen: "somewhere" is not an address`},
		{"port", "listen: 127.0.0.1:9443", "listen: 127.0.0.1:99443", `is not an address`},
		{"same address", "admin: 127.0.0.1:9444", "admin: 127.0.0.1:9443", "line 2: admin: 127.0.0.1:9443 is also the address of listen"},
		{"http", "https://10.0.0.1:8443", "http://10.0.0.1", "line 13: controllers[1].url: a controller is spoken to by https only"},
		{"credentials", "https://10.0.0.1:8443", "https://a:b@10.0.0.1", "no user and password in the URL"},
		{"path", "https://10.0.0.1:8443", "https://10.0.0.1/api", "without path"},
		{"no url", "https://10.0.0.1:8443", "avi", "is not a URL"},
		{"twice", "- name: lab", "- name: main", `line 12: controllers[1].name: a second controller "main"`},
		{"no password", "  passwordFile: ../lab\n", "", "line 12: controllers[1].passwordFile: is required"},
		{"version", "22.1.3", "latest", `line 16: controllers[1].apiVersion: "latest" does not match`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if !strings.Contains(good, tc.old) {
				t.Fatalf("%q is not in the good file", tc.old)
			}
			_, err := Parse([]byte(strings.Replace(good, tc.old, tc.new, 1)), "hub.yaml")
			var e *strictyaml.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}
