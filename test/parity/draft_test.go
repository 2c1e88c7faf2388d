package parity

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// draft writes what comes out of a derived scenario as what is expected.
func (r *runner) draft(t *testing.T) {
	t.Helper()
	if filepath.Dir(r.dir) != derived {
		t.Fatalf("%s is a recording", r.dir)
	}
	status := make(map[string]any)
	for i, s := range r.steps {
		n := i + 1
		if s.restart {
			r.restart(t, s)
		} else if n > 1 || !*boot {
			r.apply(t, s)
		}
		if err := r.settle(t.Context()); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
		avi, err := r.env.Simulator.Dump().Text()
		if err != nil {
			t.Fatal(err)
		}
		file := stepFile("expected", "expected.step", n) + ".json"
		if err := os.WriteFile(filepath.Join(r.dir, file), avi, 0o600); err != nil {
			t.Fatal(err)
		}
		objects, err := observed(t.Context(), r.cluster)
		if err != nil {
			t.Fatal(err)
		}
		sortStatuses(objects)
		status[fmt.Sprintf("step%d", n)] = objects
	}
	text, err := json.MarshalIndent(status, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "status.json"), append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: written; check every field against the spec", r.dir)
}
