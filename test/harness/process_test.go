package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// script makes a program of a shell script.
func script(t *testing.T, text string) *program {
	t.Helper()
	dir := t.TempDir()
	t.Setenv(programsEnv, dir)
	if err := os.WriteFile(filepath.Join(dir, "prog"), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := &program{name: "hub", binary: "prog", logPath: filepath.Join(dir, "log")}
	if err := p.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.running() {
			_ = p.end(syscall.SIGKILL)
		}
	})
	return p
}

// logged waits until the program has written a text.
func logged(t *testing.T, p *program, text string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(p.tail(tailLines), text) {
		if time.Now().After(deadline) {
			t.Fatalf("%q is not in the log: %s", text, p.tail(tailLines))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// untilTerm waits for SIGTERM and then does more.
func untilTerm(more string) string {
	return fmt.Sprintf("trap '%s' TERM\necho up\nwhile :; do sleep 0.02; done", more)
}

func TestStop(t *testing.T) {
	tests := []struct {
		name, script string
		signal       syscall.Signal
		want         string // in the error; empty: none
	}{
		{"ends on SIGTERM", untilTerm("exit 0"), syscall.SIGTERM, ""},
		{"ends badly on SIGTERM", untilTerm("echo oh dear; exit 3"), syscall.SIGTERM, "oh dear"},
		{"killed", untilTerm(""), syscall.SIGKILL, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := script(t, test.script)
			logged(t, p, "up")
			err := p.end(test.signal)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			if p.running() {
				t.Error("it counts as running")
			}
			if err := p.end(test.signal); !errors.Is(err, ErrNotRunning) {
				t.Errorf("stopping it again: %v", err)
			}
		})
	}
}

func TestStartAgain(t *testing.T) {
	p := script(t, untilTerm("exit 0"))
	logged(t, p, "up")
	if err := p.start(t.Context()); !errors.Is(err, ErrRunning) {
		t.Errorf("starting it twice: %v", err)
	}
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(p.logPath); err != nil {
		t.Fatal(err)
	}
	if err := p.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	logged(t, p, "up")
}

func TestEndedByItself(t *testing.T) {
	p := script(t, "echo bad configuration; exit 1")
	const nobody = "http://127.0.0.1:1/"
	err := p.waitOK(t.Context(), nobody)
	if err == nil || !strings.Contains(err.Error(), "bad configuration") {
		t.Errorf("waiting for it: %v", err)
	}
	if err := p.end(syscall.SIGTERM); err == nil || !strings.Contains(err.Error(), "by itself") {
		t.Errorf("stopping it: %v", err)
	}
}

func TestComplaints(t *testing.T) {
	tests := []struct{ name, log, want string }{
		{"nothing", "all fine\n", ""},
		{"race", "line\n==================\nWARNING: DATA RACE\nRead at\n", "DATA RACE"},
		{"panic", "line\npanic: oh\n\ngoroutine 1\n", "panic: oh"},
		{"a word", "the panic: button\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := &program{name: "hub", logPath: filepath.Join(t.TempDir(), "log")}
			if err := p.complaints(); err != nil {
				t.Errorf("without a log: %v", err)
			}
			if err := os.WriteFile(p.logPath, []byte(test.log), 0o600); err != nil {
				t.Fatal(err)
			}
			err := p.complaints()
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
