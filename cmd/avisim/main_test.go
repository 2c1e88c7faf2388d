package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// buffer is written by the command and read by the test at the same time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestServes(t *testing.T) {
	certFile := filepath.Join(t.TempDir(), "ca.crt")
	t.Setenv("AVISIM_LISTEN", "127.0.0.1:0")
	t.Setenv("AVISIM_TENANTS", "red,blue")
	var out, logs buffer
	cmd := newCommand()
	cmd.SetArgs([]string{"--cert-out", certFile, "--log-format=json", "--log-level=debug"})
	cmd.SetOut(&out)
	cmd.SetErr(&logs)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- cmd.ExecuteContext(ctx) }()

	url := waitFor(t, &out, regexp.MustCompile(`(?m)^url: +(https://\S+)$`), ended)
	waitFor(t, &out, regexp.MustCompile(`(?m)^(ca cert): +`+regexp.QuoteMeta(certFile)+`$`), ended)
	pem, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	resp, err := client.Post(url+"/login", "application/json", strings.NewReader(`{"username":"admin","password":"sim-password"}`))
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || !strings.Contains(body.String(), `"red"`) || !strings.Contains(body.String(), `"blue"`) {
		t.Errorf("login: %d %s", resp.StatusCode, &body)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if text := logs.String(); !strings.Contains(text, `"path":"/login"`) || strings.Contains(text, "sim-password") {
		t.Errorf("log: %s", text)
	}
}

// waitFor returns what the pattern's group matches as soon as it is there.
func waitFor(t *testing.T, out *buffer, pattern *regexp.Regexp, ended <-chan error) string {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if m := pattern.FindStringSubmatch(out.String()); m != nil {
			return m[1]
		}
		select {
		case err := <-ended:
			t.Fatalf("ended early: %v", err)
		case <-deadline:
			t.Fatalf("no %s in %q", pattern, out.String())
		case <-tick.C:
		}
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--listen", "nowhere"},
		{"--log-level", "loud"},
		{"--log-format", "xml"},
		{"--seed", "/does/not/exist.yaml"},
		{"--listen", "127.0.0.1:0", "--cert-out", "/does/not/exist/ca.crt"},
		{"--latency", "soon"},
		{"--assume", "Nonsense"},
		{"extra"},
	} {
		cmd := newCommand()
		cmd.SetArgs(args)
		cmd.SetOut(&bytes.Buffer{})
		cmd.SetErr(&bytes.Buffer{})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := cmd.ExecuteContext(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("%v: error %v", args, err)
		}
		cancel()
	}
}
