// Command demo shows akohub at work: two Kubernetes clusters, one hub, and a
// simulated Avi Controller, all on this machine.
//
// In come the programs of bin/ and the folder examples/; out comes a story on
// standard output, and a running system that can be looked at until Ctrl-C. It
// checks what it tells: if something does not come as announced, it says so,
// shows the ends of the logs, and exits with status 1. With DEMO=once in the
// environment it ends by itself. All its files are in .demo, which is emptied
// at the start. Run it with "make demo".
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/akohub/akohub/test/cluster"
)

// dir gets all files of the demo, relative to the repository.
const dir = ".demo"

// How the demo ends.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() { os.Exit(run()) }

func run() int {
	once, err := mode(os.Getenv("DEMO"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return exitUsage
	}
	if err := enterRepository(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return exitFailed
	}
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()

	d := newDemo(os.Stdout)
	err = d.play(ctx)
	interrupted := err != nil && ctx.Err() != nil
	switch {
	case interrupted:
		d.out.blank()
	case err != nil:
		d.fail(err)
	case once:
		d.out.blank()
	default:
		d.lookAround()
		<-ctx.Done()
		d.out.blank()
	}
	// A second Ctrl-C ends us at once, and the kernel ends the rest.
	release()
	d.out.step("stopping", "everything that was started")
	if stopErr := d.stop(); stopErr != nil {
		d.fail(stopErr)
		err = errors.Join(err, stopErr)
	}
	switch {
	case interrupted:
		return exitInterrupted
	case err != nil:
		return exitFailed
	}
	d.out.step("done", "logs and configuration are still in "+dir+"/")
	return 0
}

// mode reads DEMO.
func mode(value string) (once bool, err error) {
	switch value {
	case "":
		return false, nil
	case "once":
		return true, nil
	}
	return false, fmt.Errorf("DEMO=%q is not known; DEMO=once ends by itself, without DEMO it stays up until Ctrl-C", value)
}

// enterRepository makes the repository the working directory, so that paths in
// the output can be used as they are, and has the harness use the programs that
// "make build" left there.
func enterRepository() error {
	root, err := cluster.Root()
	if err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return fmt.Errorf("entering the repository: %w", err)
	}
	bin := filepath.Join(root, "bin")
	for _, name := range []string{"akohub", "akohub-agent", "avisim"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return fmt.Errorf("the programs are not built (%w); run: make demo", err)
		}
	}
	return os.Setenv("AKOHUB_BIN", bin)
}
