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
	"strconv"

	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/pkg/avisim"
)

// The account that the built-in seed of avisim has.
const (
	SimulatorUser     = "admin"
	SimulatorPassword = "sim-password"
)

// Simulator is a simulated Avi Controller in this process, reached over real
// TLS. Dump, Requests, Writes, Inject and all else of avisim.Simulator are at
// hand.
type Simulator struct {
	*avisim.Simulator
	// URL is where it listens.
	URL string
	// CAFile and PasswordFile are what a hub's configuration refers to.
	CAFile, PasswordFile string

	server *avisim.Server
	client *http.Client
}

// StartSimulator starts a simulator on a free port; its CA certificate and
// password go to files in dir. Reads with basic authentication are allowed
// besides sessions, for Objects.
func StartSimulator(dir string, opts avisim.Options) (*Simulator, error) {
	opts.BasicAuth = true
	sim, err := avisim.New(opts)
	if err != nil {
		return nil, fmt.Errorf("making the simulator: %w", err)
	}
	server, err := sim.StartTLS("127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the simulator: %w", err)
	}
	s := &Simulator{
		Simulator: sim, URL: server.URL, server: server,
		CAFile: filepath.Join(dir, "avisim-ca.crt"), PasswordFile: filepath.Join(dir, "avisim-password"),
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(server.CACertPEM)
	s.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}}
	for file, data := range map[string][]byte{s.CAFile: server.CACertPEM, s.PasswordFile: []byte(SimulatorPassword + "\n")} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			_ = s.Close()
			return nil, fmt.Errorf("writing what the hub needs of the simulator: %w", err)
		}
	}
	return s, nil
}

// Controller is the entry for this simulator in a hub's configuration.
func (s *Simulator) Controller(name string) config.Controller {
	return config.Controller{
		Name: name, URL: s.URL, Username: SimulatorUser, PasswordFile: s.PasswordFile, CAFile: s.CAFile, APIVersion: "30.2.1",
	}
}

// Close stops listening. Its state can still be read.
func (s *Simulator) Close() error {
	s.client.CloseIdleConnections()
	return s.server.Close()
}

// pageSize is the largest page that a controller gives.
const pageSize = 200

// Objects reads all objects of a type (its path, "virtualservice") of a tenant
// as a client sees them, with uuid. The requests are in the simulator's log;
// they are no writes.
func (s *Simulator) Objects(ctx context.Context, tenant, typ string) ([]map[string]any, error) {
	var out []map[string]any
	for page := 1; ; page++ {
		var answer struct {
			Count   int
			Results []map[string]any
		}
		if err := s.get(ctx, tenant, fmt.Sprintf("/api/%s?page_size=%d&page=%d", typ, pageSize, page), &answer); err != nil {
			return nil, fmt.Errorf("reading the %ss of tenant %s: %w", typ, tenant, err)
		}
		out = append(out, answer.Results...)
		if len(answer.Results) == 0 || len(out) >= answer.Count {
			return out, nil
		}
	}
}

func (s *Simulator) get(ctx context.Context, tenant, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth(SimulatorUser, SimulatorPassword)
	req.Header.Set("X-Avi-Tenant", tenant)
	req.Header.Set("X-Avi-Version", "30.2.1")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", strconv.Itoa(resp.StatusCode))
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// writes counts the requests since the start that asked to change something.
func (s *Simulator) writes() int {
	n := 0
	for key, count := range s.Counts() {
		if (avisim.Request{Method: key.Method, Type: key.Type}).IsWrite() {
			n += count
		}
	}
	return n
}

// ClusterUUID is the uuid of the controller cluster.
func (s *Simulator) ClusterUUID(ctx context.Context) (string, error) {
	var answer struct{ UUID string }
	if err := s.get(ctx, "admin", "/api/cluster", &answer); err != nil {
		return "", fmt.Errorf("reading the controller cluster: %w", err)
	}
	return answer.UUID, nil
}
