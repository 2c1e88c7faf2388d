package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	schemaFile = "../../../pkg/avischema/avi-30.2.1.json"
	namesFile  = "sdk-names.json"
	modelsDir  = "../go/models"
)

// TestCommittedModelsAreCurrent regenerates and compares, file by file.
func TestCommittedModelsAreCurrent(t *testing.T) {
	fresh := t.TempDir()
	if err := run(schemaFile, namesFile, fresh); err != nil {
		t.Fatal(err)
	}
	want, got := readDir(t, fresh), readDir(t, modelsDir)
	for name, src := range want {
		if got[name] != src {
			t.Errorf("%s is missing or stale: run `go run ./gen` in third_party/alb-sdk", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is not generated any more: run `go run ./gen` in third_party/alb-sdk", name)
		}
	}
}

// TestModelsAreOnlyStructs holds the promise that dropping the replace line
// builds against the upstream SDK: nothing but type declarations.
func TestModelsAreOnlyStructs(t *testing.T) {
	for name, src := range readDir(t, modelsDir) {
		for _, word := range []string{"\nfunc ", "\nvar ", "\nconst ", "\nimport "} {
			if strings.Contains(src, word) {
				t.Errorf("%s declares something other than a type:%s", name, word)
			}
		}
	}
}

func readDir(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(data)
	}
	return files
}

// tiny is a vocabulary with one field for each decision that render makes.
func tiny() input {
	return input{
		APIVersion: "1.0",
		Defs: map[string]map[string]field{
			"Root": {
				"name":   {Type: "string", Required: true},
				"note":   {Type: "string"},
				"zones":  {List: "string", Required: true},
				"child":  {Object: "Child"},
				"alien":  {Object: "Alien"},
				"absent": {Type: "string"},
			},
			"Child": {"size": {Type: "integer", Format: "uint32", Min: "1", Max: "9", Unit: "SEC"}},
			"Alien": {},
			"Other": {},
		},
		SDK: map[string]sdkModel{
			"Root": {Go: "Root", Fields: map[string][2]string{
				"name": {"Name", "*string"}, "note": {"Note", "*string"}, "zones": {"Zones", "[]string"},
				"child": {"Child", "*Kid"}, "alien": {"Alien", "*Alien"},
			}},
			"Child": {Go: "Kid", Fields: map[string][2]string{"size": {"Size", "*uint32"}}},
			"Other": {Go: "Other", Fields: map[string][2]string{}},
		},
	}
}

func TestRender(t *testing.T) {
	files, err := render(tiny(), []string{"Root"})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Errorf("want doc.go, root.go and kid.go, got %d files", len(files))
	}
	root, kid := string(files["root.go"]), string(files["kid.go"])
	for _, want := range []string{
		"Left out, because the SDK has no such field: absent, alien.",
		"Name *string `json:\"name\"`",
		"Note *string `json:\"note,omitempty\"`",
		"Zones []string `json:\"zones,omitempty\"`",
		"Child *Kid `json:\"child,omitempty\"`",
	} {
		if !strings.Contains(root, want) {
			t.Errorf("root.go lacks %q:\n%s", want, root)
		}
	}
	for _, want := range []string{"type Kid struct", "// Size: uint32. Range 1-9. Unit SEC."} {
		if !strings.Contains(kid, want) {
			t.Errorf("kid.go lacks %q:\n%s", want, kid)
		}
	}
}

func TestRenderRefusesAnUnknownRoot(t *testing.T) {
	if _, err := render(tiny(), []string{"Nope"}); err == nil {
		t.Error("an unknown root was accepted")
	}
}

func TestWriteAllRemovesStaleAndKeepsForeign(t *testing.T) {
	dir := t.TempDir()
	if err := writeAll(dir, map[string][]byte{"a.go": []byte(header), "b.go": []byte(header)}); err != nil {
		t.Fatal(err)
	}
	if err := writeAll(dir, map[string][]byte{"a.go": []byte(header)}); err != nil {
		t.Fatal(err)
	}
	if got := readDir(t, dir); len(got) != 1 || got["a.go"] != header {
		t.Errorf("after dropping b.go the folder holds %v", got)
	}
	mine := filepath.Join(dir, "mine.go")
	if err := os.WriteFile(mine, []byte("package models\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeAll(dir, nil); err == nil {
		t.Error("a hand-written file was not reported")
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("the hand-written file is gone: %v", err)
	}
}

func TestFileName(t *testing.T) {
	for ident, want := range map[string]string{
		"VirtualService": "virtual_service.go",
		"HTTPPolicySet":  "http_policy_set.go",
		"L4Rule":         "l4_rule.go",
		"VsVip":          "vs_vip.go",
		"Pool":           "pool.go",
	} {
		if got := fileName(ident); got != want {
			t.Errorf("fileName(%s) = %s, want %s", ident, got, want)
		}
	}
}
