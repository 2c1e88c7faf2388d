package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// writeAll makes dir hold exactly files: stale generated files go, files that
// this tool didn't write are refused rather than overwritten or left in place.
func writeAll(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the models folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("listing the models folder: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		old, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading an existing model: %w", err)
		}
		if !bytes.HasPrefix(old, []byte(header)) {
			return fmt.Errorf("%s is not generated; remove it first", path)
		}
		if _, wanted := files[e.Name()]; wanted {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("removing a stale model: %w", err)
		}
	}
	for name, src := range files {
		if err := os.WriteFile(filepath.Join(dir, name), src, 0o644); err != nil {
			return fmt.Errorf("writing a model: %w", err)
		}
	}
	return nil
}
