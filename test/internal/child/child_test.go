package child

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestFreeAddrs(t *testing.T) {
	seen := make(map[string]bool)
	for range 3 {
		found, err := FreeAddrs(20)
		if err != nil {
			t.Fatal(err)
		}
		for _, addr := range found {
			if seen[addr] {
				t.Errorf("%s was handed out twice", addr)
			}
			seen[addr] = true
		}
	}
}

func TestStart(t *testing.T) {
	for _, test := range []struct {
		name, script string
		signal       syscall.Signal
		want         string // in the error
		output       string
	}{
		{"ends well", "echo one; echo two", 0, "", "two"},
		{"ends badly", "echo bye; exit 3", 0, "exit status 3", "bye"},
		{"is killed with what it started", "sleep 60 & echo up; wait", syscall.SIGKILL, "signal: killed", "up"},
		{"gets its environment", "echo $CHILD_TEST", 0, "", "from the test"},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			p, err := Start(log, []string{"CHILD_TEST=from the test"}, "/bin/sh", "-c", test.script)
			if err != nil {
				t.Fatal(err)
			}
			if test.signal != 0 {
				for !strings.Contains(LogTail(log, 5), test.output) {
					if p.Ended() {
						t.Fatalf("it ended: %v", p.Err())
					}
				}
				p.Kill()
			}
			<-p.Done()
			switch err := p.Err(); {
			case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("ended with %v, want %q", err, test.want)
			}
			if got := LogTail(log, 1); !strings.HasSuffix(got, test.output) {
				t.Errorf("the log ends in %q, want %q", got, test.output)
			}
			// What a killed program started is a zombie until the system's first
			// process reaps it.
			if test.signal == 0 && p.Signal(syscall.SIGTERM) == nil {
				t.Error("there is still somebody to get a signal")
			}
		})
	}
}

func TestStartOfNothing(t *testing.T) {
	if _, err := Start(filepath.Join(t.TempDir(), "log"), nil, "/no/such/program"); err == nil {
		t.Error("a program that is not there was started")
	}
	if got := LogTail(filepath.Join(t.TempDir(), "none"), 1); !strings.Contains(got, "can't be read") {
		t.Errorf("got %q of a log that is not there", got)
	}
}

func TestLogTailIsBounded(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte(strings.Repeat("x", 1<<20)+"\nlast"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := LogTail(log, 2); len(got) > 20<<10 || !strings.HasSuffix(got, "last") {
		t.Errorf("got %d bytes", len(got))
	}
}
