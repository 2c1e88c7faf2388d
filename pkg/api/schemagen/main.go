// Command schemagen writes what is derived from the Go types of our YAML
// files: JSON Schemas for editors, and the reference pages of the
// documentation. It is run from anywhere in the repository:
//
//	go run ./pkg/api/schemagen
//
// In come the source files of pkg/api/v1alpha1 and hub/config (their doc
// comments and tags; the code is not imported), out come docs/schema and
// docs/reference. The same source gives the same bytes.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
)

// page is one root type and what is written for it.
type page struct {
	dir, root         string
	schema, reference string
	title, intro      string
}

func pages() []page {
	return []page{
		{
			dir: "pkg/api/v1alpha1", root: "Cluster",
			schema: "docs/schema/cluster.schema.json", reference: "docs/reference/cluster.md",
			title: "Cluster registration: all fields",
			intro: "Each registration is one YAML file in the hub's clusters folder; see [registration](../registration.md) for how they are used. " +
				"A key that is not listed here is refused.\n\nThe last column names the Helm value of AKO that a field replaces; `akohub import` translates them.",
		},
		{
			dir: "hub/config", root: "Config",
			schema: "docs/schema/hub.schema.json", reference: "docs/reference/hub.md",
			title: "hub.yaml: all fields",
			intro: "The hub's own configuration; see [configuration](../configuration.md). A key that is not listed here is refused.",
		},
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	files, err := generate(root)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, files[name]) {
			continue
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil { //nolint:gosec // documentation is for all to read
			return err
		}
		fmt.Println("wrote", name)
	}
	return nil
}

// generate returns the content of each file, by its path in the repository.
func generate(root string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, p := range pages() {
		types, err := load(filepath.Join(root, p.dir))
		if err != nil {
			return nil, err
		}
		t, err := types.resolve(p.root)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.dir, err)
		}
		if out[p.schema], err = schema(t, filepath.Base(p.schema)); err != nil {
			return nil, fmt.Errorf("%s: %w", p.schema, err)
		}
		out[p.reference] = reference(t, p)
	}
	return out, nil
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod here or above")
		}
		dir = up
	}
}
