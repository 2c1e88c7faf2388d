package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseYAML(t *testing.T) {
	tests := map[string]struct {
		in      string
		want    []string
		wantErr string
	}{
		"nothing":   {in: "", want: nil},
		"comments":  {in: "# a\n---\n# b\n", want: nil},
		"documents": {in: "apiVersion: v1\nkind: Node\nmetadata: {name: one}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: a}\n", want: []string{"Node one", "Service a/s"}},
		"list": {
			in:   "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Node, metadata: {name: one}}\n- {apiVersion: v1, kind: Node, metadata: {name: two}}\n",
			want: []string{"Node one", "Node two"},
		},
		"no kind": {in: "apiVersion: v1\nkind: Node\n---\nmetadata: {name: n}\n", wantErr: "document 2 has no kind"},
		"bad":     {in: "a: [", wantErr: "parsing document 1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objs, err := ParseYAML([]byte(test.in))
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Fatalf("got error %v, want one with %q", err, test.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, obj := range objs {
				got = append(got, describe(obj))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestNamespacePrefix(t *testing.T) {
	for in, want := range map[string]string{
		"TestA":                          "testa-",
		"TestA/sub_case#01":              "testa-sub-case-01-",
		"Test" + strings.Repeat("x", 80): "test" + strings.Repeat("x", 36) + "-",
	} {
		if got := namespacePrefix(in); got != want {
			t.Errorf("namespacePrefix(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestStartFailsWithTheEndOfTheLog(t *testing.T) {
	binary, err := Binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), Options{Binary: binary, Name: "broken", APIServerFlags: []string{"--no-such-flag"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-flag") || !strings.Contains(err.Error(), "cluster broken") {
		t.Errorf("got error %v, want one that quotes the API server's complaint", err)
	}
}

func TestPortTakenIsRecognised(t *testing.T) {
	dir := t.TempDir()
	p, err := startProcess(nil, "/bin/sh", "-c", filepath.Join(dir, "log"), "echo listen: address already in use; exit 1")
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if err := p.exitError(); !strings.Contains(err.Error(), errPortTaken.Error()) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "log")); err != nil {
		t.Error(err)
	}
}
