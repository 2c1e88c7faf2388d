package harness

import (
	"os"
	"testing"
)

// failureLines is how much of each log a failed test shows.
const failureLines = 60

// New is Start for a test: what fails is fatal, everything is stopped when the
// test ends, and then it is an error if a program ended by itself or badly, or
// if the race detector found something. A failed test shows the end of the logs;
// AKOHUB_KEEP=FOLDER keeps all files of the environments of failed tests there.
func New(t testing.TB, opts Options) *Environment {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	e, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
		if !t.Failed() {
			return
		}
		t.Log(e.Logs(failureLines))
		if keep := os.Getenv("AKOHUB_KEEP"); keep != "" {
			if err := os.CopyFS(keep+"/"+t.Name(), os.DirFS(e.Dir)); err != nil {
				t.Logf("keeping the files: %v", err)
			}
		}
	})
	return e
}

// MustSettle is Settle; what fails is fatal.
func (e *Environment) MustSettle(t testing.TB) {
	t.Helper()
	if err := e.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}
