package harness

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/test/internal/child"
)

// SimulatorProgram is the simulated Avi Controller as a process, for the demo;
// tests have more of it in their own process, see Simulator.
type SimulatorProgram struct {
	// URL is where it listens.
	URL string
	// CAFile and PasswordFile are what a hub's configuration refers to.
	CAFile, PasswordFile string

	program program
	client  *http.Client
}

// NewSimulatorProgram configures avisim to listen on an address, HOST:PORT, and
// to keep its files in dir; empty: a free port of the loopback interface. It
// doesn't start it.
func NewSimulatorProgram(dir, listen string) (*SimulatorProgram, error) {
	if listen == "" {
		addrs, err := child.FreeAddrs(1)
		if err != nil {
			return nil, fmt.Errorf("configuring the simulator: %w", err)
		}
		listen = addrs[0]
	}
	s := &SimulatorProgram{
		URL:    "https://" + listen,
		CAFile: filepath.Join(dir, "avisim-ca.crt"), PasswordFile: filepath.Join(dir, "avisim-password"),
	}
	if err := os.WriteFile(s.PasswordFile, []byte(SimulatorPassword+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("configuring the simulator: %w", err)
	}
	s.program = program{
		name: "simulator", binary: "avisim", logPath: filepath.Join(dir, "avisim.log"),
		args: []string{"--listen", listen, "--cert-out", s.CAFile, "--basic-auth"},
	}
	return s, nil
}

// Log is the path of its log.
func (s *SimulatorProgram) Log() string { return s.program.logPath }

// LogTail is the end of its log, for an error.
func (s *SimulatorProgram) LogTail(lines int) string { return s.program.tail(lines) }

// Controller is the entry for this simulator in a hub's configuration.
func (s *SimulatorProgram) Controller(name string) config.Controller {
	return config.Controller{
		Name: name, URL: s.URL, Username: SimulatorUser, PasswordFile: s.PasswordFile, CAFile: s.CAFile, APIVersion: "30.2.1",
	}
}

// Start starts it and returns when it answers. The context bounds the start only.
func (s *SimulatorProgram) Start(ctx context.Context) error {
	if err := s.program.start(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var answer error
	for {
		_, err := s.Writes(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			answer = err // else it says nothing but that time is up
		}
		if err := s.program.ended(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the simulator is not ready: %w; last answer: %w%s", context.Cause(ctx), answer, s.program.tail(tailLines))
		case <-tick.C:
		}
	}
}

// Stop asks it to end (SIGTERM) and returns when it is gone.
func (s *SimulatorProgram) Stop() error { return s.program.end(syscall.SIGTERM) }

// Running says whether it was started and not stopped.
func (s *SimulatorProgram) Running() bool { return s.program.running() }

// Writes returns the requests so far that asked to change an object, oldest
// first.
func (s *SimulatorProgram) Writes(ctx context.Context) ([]avisim.Request, error) {
	var out []avisim.Request
	if err := s.get(ctx, "/_sim/writes", "", &out); err != nil {
		return nil, fmt.Errorf("reading the simulator's writes: %w", err)
	}
	return out, nil
}

// Objects reads all objects of a type ("virtualservice") of a tenant.
func (s *SimulatorProgram) Objects(ctx context.Context, tenant, typ string) ([]map[string]any, error) {
	var out []map[string]any
	for page := 1; ; page++ {
		var answer struct {
			Count   int
			Results []map[string]any
		}
		if err := s.get(ctx, fmt.Sprintf("/api/%s?page_size=%d&page=%d", typ, pageSize, page), tenant, &answer); err != nil {
			return nil, fmt.Errorf("reading the %ss of tenant %s: %w", typ, tenant, err)
		}
		out = append(out, answer.Results...)
		if len(answer.Results) == 0 || len(out) >= answer.Count {
			return out, nil
		}
	}
}

func (s *SimulatorProgram) get(ctx context.Context, path, tenant string, into any) error {
	if s.client == nil {
		// The certificate is there once the program listens.
		ca, err := os.ReadFile(s.CAFile)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(ca)
		s.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		}}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth(SimulatorUser, SimulatorPassword)
	req.Header.Set("X-Avi-Version", "30.2.1")
	if tenant != "" {
		req.Header.Set("X-Avi-Tenant", tenant)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
