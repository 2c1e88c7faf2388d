package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

func TestCommittedFilesAreCurrent(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s is not current; run go run ./pkg/api/schemagen (-generated +committed)\n%s", name, d)
		}
	}
}

// TestSchemaHoldsTheDefaults walks the schema beside a registration with
// defaults: each field is known to the schema and has the same default there.
func TestSchemaHoldsTheDefaults(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(files["docs/schema/cluster.schema.json"], &schema); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(v1alpha1.NewCluster("x"))
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	checked := 0
	var walk func(path string, v, s map[string]any)
	walk = func(path string, v, s map[string]any) {
		props, _ := s["properties"].(map[string]any)
		for key, val := range v {
			prop, ok := props[key].(map[string]any)
			if !ok {
				t.Errorf("%s.%s is not in the schema", path, key)
				continue
			}
			if m, ok := val.(map[string]any); ok {
				walk(path+"."+key, m, prop)
				continue
			}
			if path != "" && key != "name" || key == "name" && path == ".spec.tenant" {
				if d := cmp.Diff(prop["default"], val); d != "" {
					t.Errorf("default of %s.%s: %s", path, key, d)
				}
				checked++
			}
		}
	}
	walk("", c, schema)
	if checked < 15 {
		t.Errorf("only %d defaults compared", checked)
	}
}

func TestUndocumentedFieldIsRefused(t *testing.T) {
	dir := t.TempDir()
	src := "package x\n\ntype T struct {\n\tA string `json:\"a\"`\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "x.go"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	types, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := types.resolve("T"); err == nil {
		t.Error("a field without a doc comment passed")
	}
}
