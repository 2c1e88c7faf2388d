package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/akohub/akohub/test/cluster"
)

// programsEnv names a folder with the programs, to use instead of building them.
const programsEnv = "AKOHUB_BIN"

// buildTimeout bounds building the programs. It takes seconds when the build
// cache is warm, and minutes when it is not: with the race detector it is
// another cache.
const buildTimeout = 15 * time.Minute

var built struct {
	once sync.Once
	dir  string
	err  error
}

// Programs is the folder with akohub, akohub-agent and avisim: $AKOHUB_BIN if
// set, else .cache/testbin of this repository, where they are built from the
// tree as it stands, once in the life of this process.
func Programs(ctx context.Context) (string, error) {
	if dir := os.Getenv(programsEnv); dir != "" {
		return dir, nil
	}
	built.once.Do(func() { built.dir, built.err = buildPrograms(ctx) })
	return built.dir, built.err
}

func buildPrograms(ctx context.Context) (string, error) {
	root, err := cluster.Root()
	if err != nil {
		return "", fmt.Errorf("building the programs: %w", err)
	}
	kind, cgo, args := "plain", "CGO_ENABLED=0", []string{"build", "-buildvcs=false"}
	if raceEnabled {
		kind, cgo, args = "race", "CGO_ENABLED=1", append(args, "-race")
	}
	dir := filepath.Join(root, ".cache", "testbin", kind)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("building the programs: %w", err)
	}
	// Packages of tests run at the same time, in processes of their own. The
	// second finds everything built, and one that runs keeps its executable.
	unlock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return "", fmt.Errorf("building the programs: %w", err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", dir+string(filepath.Separator),
		"./cmd/akohub", "./cmd/akohub-agent", "./cmd/avisim")...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), cgo, "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the programs: %w\n%s", err, out)
	}
	return dir, nil
}

// CLI runs the akohub command to its end, in dir, with this environment's
// variables, and returns what it wrote and its exit status. The error says that
// it could not be run; a status other than 0 is none.
func CLI(ctx context.Context, dir string, args ...string) (Output, error) {
	programs, err := Programs(ctx)
	if err != nil {
		return Output{}, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "akohub"), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), raceEnv)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	out := Output{Args: args, Stdout: stdout.String(), Stderr: stderr.String(), Status: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || out.Status < 0) {
		return out, fmt.Errorf("running akohub %v: %w", args, err)
	}
	return out, nil
}

// Output is what a run of the akohub command left.
type Output struct {
	Args           []string
	Stdout, Stderr string
	// Status is the exit status.
	Status int
}

// OK is an error with all that the command said unless its status is 0.
func (o Output) OK() error {
	if o.Status == 0 {
		return nil
	}
	return fmt.Errorf("akohub %v: exit status %d\n%s%s", o.Args, o.Status, o.Stdout, o.Stderr)
}
