package cluster_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/akohub/akohub/test/cluster"
)

// orphanEnv makes the test program start a cluster and wait to be killed.
const orphanEnv = "CLUSTER_TEST_ORPHAN"

func beOrphaned() int {
	c, err := cluster.Start(context.Background(), cluster.Options{Name: "orphan", Dir: os.Getenv(orphanEnv)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready", c.Server())
	select {} // until killed
}

func TestDiesWithItsParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), orphanEnv+"="+t.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	server, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ok {
		t.Fatalf("the child said %q: %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "signal: killed"
	client := &http.Client{Timeout: time.Second}
	eventually(t, "the child's API server ending", func() error {
		// Even an untrusted certificate is an answer.
		resp, err := client.Get(server)
		switch {
		case err == nil:
			_ = resp.Body.Close()
			return fmt.Errorf("%s answered %s", server, resp.Status)
		case strings.Contains(err.Error(), "connection refused"):
			return nil
		}
		return err
	})
}
