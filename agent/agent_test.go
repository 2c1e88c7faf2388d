package agent

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/client-go/rest"

	"github.com/akohub/akohub/pkg/identity"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func config(t *testing.T) Config {
	t.Helper()
	dir := t.TempDir()
	if err := identity.InitDir(dir, []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	cert, key, err := identity.IssueClusterInDir(dir, "east")
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Hub: "127.0.0.1:1", Rest: &rest.Config{Host: "127.0.0.1:1"}, CertFile: cert, KeyFile: key,
		CAFile: filepath.Join(dir, identity.CACertFile), Version: "v1", Log: hclog.NewNullLogger(), Registry: prometheus.NewRegistry(),
	}
}

func TestNewReadsCertificates(t *testing.T) {
	cfg := config(t)
	cfg.KeyFile = cfg.CAFile
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "load certificate") {
		t.Errorf("error %v", err)
	}
}

// Without an API server and without a hub the agent runs, says that it is not
// ready, and ends in time.
func TestRunAloneAndStop(t *testing.T) {
	a, err := New(config(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	deadline := time.Now().Add(10 * time.Second)
	for testutil.ToFloat64(a.metrics.attempts) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("no attempt to connect")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if a.Ready() == nil {
		t.Error("ready without a hub")
	}
	before := time.Now()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d := time.Since(before); d > stopTimeout {
		t.Errorf("stopping took %s", d)
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := newMetrics(reg, "v1")
	m.Attempt()
	m.Connected(true)
	m.Sent(3, true)
	m.Sent(0, false)
	m.KindState("nodes", akohubv1.KindState_AVAILABILITY_WATCHED)
	m.KindState("nodes", akohubv1.KindState_AVAILABILITY_FORBIDDEN)
	m.Indexed("nodes", 7)
	m.KindState("pods", akohubv1.KindState_AVAILABILITY_WATCHED)
	m.Indexed("pods", 1)
	m.KindState("pods", akohubv1.KindState_AVAILABILITY_UNSPECIFIED)
	m.writtenBack(akohubv1.WriteBackResult_OUTCOME_APPLIED)
	const want = `
# HELP akohub_agent_connected 1 while there is a session with the hub.
# TYPE akohub_agent_connected gauge
akohub_agent_connected 1
# HELP akohub_agent_kind_state 1 for the state in which a kind of the watch plan is.
# TYPE akohub_agent_kind_state gauge
akohub_agent_kind_state{kind="nodes",state="absent"} 0
akohub_agent_kind_state{kind="nodes",state="failing"} 0
akohub_agent_kind_state{kind="nodes",state="forbidden"} 1
akohub_agent_kind_state{kind="nodes",state="watched"} 0
# HELP akohub_agent_objects Objects in the index, by kind.
# TYPE akohub_agent_objects gauge
akohub_agent_objects{kind="nodes"} 7
# HELP akohub_agent_records_sent_total Records sent to the hub.
# TYPE akohub_agent_records_sent_total counter
akohub_agent_records_sent_total 3
# HELP akohub_agent_write_backs_total Write-backs carried out for the hub, by outcome.
# TYPE akohub_agent_write_backs_total counter
akohub_agent_write_backs_total{outcome="applied"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "akohub_agent_connected", "akohub_agent_kind_state",
		"akohub_agent_objects", "akohub_agent_records_sent_total", "akohub_agent_write_backs_total"); err != nil {
		t.Error(err)
	}
}
