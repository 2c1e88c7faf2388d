package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFlagErrors(t *testing.T) {
	certs := []string{"--cert=c", "--key=k", "--ca=a"}
	tests := []struct {
		name string
		args []string
		env  map[string]string
		want string
	}{
		{"no hub", certs, nil, "--hub is not set (nor AKOHUB_AGENT_HUB)"},
		{"no port", append(certs, "--hub=example.com"), nil, "want HOST:PORT"},
		{"no key", []string{"--hub=h:1", "--cert=c", "--ca=a"}, nil, "--key is not set"},
		{"hub from the environment", certs[:2], map[string]string{"AKOHUB_AGENT_HUB": "h:1"}, "--ca is not set"},
		{"level", append(certs, "--hub=h:1", "--log-level=loud"), nil, `log level "loud"`},
		{"level from the environment", append(certs, "--hub=h:1"), map[string]string{"AKOHUB_AGENT_LOG_LEVEL": "loud"}, `log level "loud"`},
		{"argument", []string{"x"}, nil, "unknown command"},
		{"kubeconfig", append(certs, "--hub=h:1", "--kubeconfig="+filepath.Join(t.TempDir(), "none")), nil, "read kubeconfig"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			cmd := newCommand()
			cmd.SetArgs(tt.args)
			cmd.SetOut(io.Discard)
			cmd.SetErr(io.Discard)
			err := cmd.ExecuteContext(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestHelpNamesTheContract(t *testing.T) {
	var out bytes.Buffer
	cmd := newCommand()
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--help"})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"--hub", "--kubeconfig", "--cert", "--key", "--ca", "--metrics", "--log-level", "--log-format", "AKOHUB_AGENT_KUBECONFIG"} {
		if !strings.Contains(out.String(), f) {
			t.Errorf("the help does not mention %s", f)
		}
	}
}

func TestServeMetrics(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "test_total", Help: "x"}))
	ready := errors.New("not connected to the hub")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serveMetrics(ctx, ln, reg, func() error { return ready }) }()
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get("http://" + ln.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if code, _ := get("/healthz"); code != http.StatusOK {
		t.Errorf("healthz %d", code)
	}
	if code, body := get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "not connected") {
		t.Errorf("readyz %d %s", code, body)
	}
	ready = nil
	if code, _ := get("/readyz"); code != http.StatusOK {
		t.Errorf("readyz %d", code)
	}
	if _, body := get("/metrics"); !strings.Contains(body, "test_total 0") {
		t.Errorf("metrics %s", body)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
