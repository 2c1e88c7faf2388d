package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/akohub/akohub/hub/admin"
	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/identity"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// patience bounds every wait.
const patience = 15 * time.Second

// buffer is a log that can be read while it is written.
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

// site is what a hub needs to run: certificates, registrations, a simulated
// controller (configured twice, under two names), addresses.
type site struct {
	t   *testing.T
	cfg *config.Config
	log *buffer
	sim *avisim.Simulator
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	if err := identity.InitDir(filepath.Join(dir, "pki"), []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	sim, err := avisim.New(avisim.Options{Tenants: []string{"team"}})
	if err != nil {
		t.Fatal(err)
	}
	server, err := sim.StartTLS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &site{t: t, log: &buffer{}, sim: sim, cfg: &config.Config{
		Listen: freeAddress(t), Admin: freeAddress(t), Metrics: freeAddress(t),
		PKI: filepath.Join(dir, "pki"), Clusters: filepath.Join(dir, "clusters"),
	}}
	if err := os.Mkdir(s.cfg.Clusters, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "password"), "sim-password\n")
	write(t, filepath.Join(dir, "avi-ca.crt"), string(server.CACertPEM))
	for _, name := range []string{"main", "second"} {
		s.cfg.Controllers = append(s.cfg.Controllers, config.Controller{
			Name: name, URL: server.URL, Username: "admin", PasswordFile: filepath.Join(dir, "password"), CAFile: filepath.Join(dir, "avi-ca.crt"),
		})
	}
	return s
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// cluster writes a registration.
func (s *site) cluster(name, spec string) {
	s.t.Helper()
	text := fmt.Sprintf("apiVersion: akohub.io/v1alpha1\nkind: Cluster\nmetadata: {name: %s}\nspec:\n  tenant: {name: team}\n  network: {vipNetworks: [{name: vip-net}]}\n%s", name, spec)
	// Another ending first, so that half of it is never read.
	path := filepath.Join(s.cfg.Clusters, name+".yaml")
	write(s.t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		s.t.Fatal(err)
	}
}

// run runs the hub until the returned function is called, which returns how
// long it took to stop, and the hub's error.
func (s *site) run() (stop func() (time.Duration, error)) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, s.cfg, hclog.New(&hclog.LoggerOptions{Output: s.log, Level: hclog.Debug}))
	}()
	s.t.Cleanup(func() {
		cancel()
		if s.t.Failed() {
			s.t.Logf("log of the hub:\n%s", s.log)
		}
	})
	s.eventually("the hub is ready", func() bool {
		resp, err := http.Get("http://" + s.cfg.Metrics + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return func() (time.Duration, error) {
		start := time.Now()
		cancel()
		select {
		case err := <-ended:
			return time.Since(start), err
		case <-time.After(patience):
			s.t.Fatal("the hub does not stop")
			return 0, nil
		}
	}
}

func (s *site) eventually(what string, so func() bool) {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !so() {
		select {
		case <-tick.C:
		case <-end:
			s.t.Fatalf("waiting until %s\n%s", what, s.log)
		}
	}
}

// shown returns what the admin API says of a cluster.
func (s *site) shown(name string) (admin.Cluster, bool) {
	s.t.Helper()
	got, err := admin.Client{Address: s.cfg.Admin}.Clusters(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range got.Clusters {
		if c.Name == name {
			return c, true
		}
	}
	return admin.Cluster{}, false
}

// session opens the stream of a cluster's agent and says hello.
func (s *site) session(name string) (grpc.BidiStreamingClient[akohubv1.SessionRequest, akohubv1.SessionResponse], error) {
	s.t.Helper()
	cert, key, err := identity.IssueClusterInDir(s.cfg.PKI, name)
	if err != nil {
		s.t.Fatal(err)
	}
	tlsConfig, err := identity.ClientTLS(filepath.Join(s.cfg.PKI, "ca.crt"), cert, key)
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := grpc.NewClient(s.cfg.Listen, grpc.WithTransportCredentials(credentials.NewTLS(tlsConfig)))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	stream, err := akohubv1.NewAgentServiceClient(conn).Session(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := stream.Send(&akohubv1.SessionRequest{Seq: 1, Message: &akohubv1.SessionRequest_Hello{Hello: &akohubv1.Hello{
		Protocol: &akohubv1.ProtocolVersion{Major: 1}, AgentVersion: "test", ClusterUid: "uid"}}}); err != nil && !errors.Is(err, io.EOF) {
		s.t.Fatal(err)
	}
	m, err := stream.Recv()
	if err == nil && m.GetWelcome().GetClusterName() != name {
		s.t.Errorf("welcomed with %v", m)
	}
	return stream, err
}

func TestRunAndStop(t *testing.T) {
	s := newSite(t)
	s.cluster("c1", "")
	stop := s.run()
	if _, err := s.session("c1"); err != nil {
		t.Fatal(err)
	}
	s.eventually("the agent is shown", func() bool {
		c, ok := s.shown("c1")
		return ok && c.ConnectedSince != nil && c.Agent == "test"
	})
	t.Run("metrics of both controllers", func(t *testing.T) {
		text := func() string {
			resp, err := http.Get("http://" + s.cfg.Metrics + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		for _, want := range []string{
			`akohub_avi_request_rate_limit{controller="main"}`, `akohub_avi_request_rate_limit{controller="second"}`,
			"go_goroutines", "akohub_reconcile_seconds_count", "akohub_intake",
		} {
			s.eventually("there is a metric "+want, func() bool { return strings.Contains(text(), want) })
		}
	})
	t.Run("health", func(t *testing.T) {
		for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/v1/clusters": 404} {
			resp, err := http.Get("http://" + s.cfg.Metrics + path)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s: %s", path, resp.Status)
			}
		}
	})
	took, err := stop()
	if err != nil || took > 5*time.Second {
		t.Errorf("stopped after %v with %v", took, err)
	}
	if _, err := net.DialTimeout("tcp", s.cfg.Listen, time.Second); err == nil {
		t.Error("the address of agents is still open")
	}
	t.Run("and again on the same addresses", func(t *testing.T) {
		if _, err := s.run()(); err != nil {
			t.Error(err)
		}
	})
}

// A request that is under way must not keep the hub from stopping.
func TestStopsWithARequestUnderWay(t *testing.T) {
	s := newSite(t)
	s.cluster("c1", "")
	s.sim.Inject(avisim.Fault{Latency: time.Minute})
	stop := s.run()
	asked := make(chan error, 1)
	go func() {
		_, err := admin.Client{Address: s.cfg.Admin}.Plan(context.Background(), "c1")
		asked <- err
	}()
	s.eventually("the request is under way", func() bool { return strings.Contains(s.log.String(), "registration in force") })
	took, err := stop()
	if err != nil || took > 5*time.Second {
		t.Errorf("stopped after %v with %v", took, err)
	}
	select {
	case err := <-asked:
		if err == nil {
			t.Error("a plan of a hub that has stopped")
		}
	case <-time.After(patience):
		t.Error("the request hangs")
	}
}

func TestRefusesToStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for name, tc := range map[string]struct {
		change func(*config.Config)
		want   string
	}{
		"admin for everybody":  {func(c *config.Config) { c.Admin = "0.0.0.0:0" }, "only a loopback address"},
		"address of agents":    {func(c *config.Config) { c.Listen = taken.Addr().String() }, "listening for agents"},
		"address of the admin": {func(c *config.Config) { c.Admin = taken.Addr().String() }, "listening for the admin API"},
		"address of metrics":   {func(c *config.Config) { c.Metrics = taken.Addr().String() }, "listening for metrics"},
		"no certificates":      {func(c *config.Config) { c.PKI += "-nosuch" }, "the hub's certificate"},
		"no folder":            {func(c *config.Config) { c.Clusters += "-nosuch" }, "clusters folder"},
		"no controller's CA":   {func(c *config.Config) { c.Controllers[1].CAFile += "-nosuch" }, `controller "second"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			tc.change(s.cfg)
			ended := make(chan error, 1)
			go func() { ended <- Run(t.Context(), s.cfg, hclog.NewNullLogger()) }()
			select {
			case err := <-ended:
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("error %v, want one with %q", err, tc.want)
				}
			case <-time.After(patience):
				t.Fatal("it runs")
			}
			for _, addr := range []string{s.cfg.Listen, s.cfg.Admin, s.cfg.Metrics} {
				if addr == taken.Addr().String() || strings.HasPrefix(addr, "0.0.0.0") {
					continue
				}
				if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
					_ = c.Close()
					t.Errorf("%s is left open", addr)
				}
			}
		})
	}
}

func TestRegistrationsAreFollowed(t *testing.T) {
	s := newSite(t)
	stop := s.run()
	if _, err := s.session("c1"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("without a registration: %v", err)
	}
	s.cluster("c1", "")
	s.eventually("c1 is registered", func() bool { _, ok := s.shown("c1"); return ok })
	stream, err := s.session("c1")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("changed", func(t *testing.T) {
		s.cluster("c1", "  mode: enforce\n")
		s.eventually("the mode is the new one", func() bool { c, _ := s.shown("c1"); return c.Mode == "enforce" })
		if c, _ := s.shown("c1"); c.ConnectedSince == nil {
			t.Error("the stream was closed over a change")
		}
	})
	t.Run("a bad file", func(t *testing.T) {
		s.cluster("c2", "  mode: reckless\n")
		s.eventually("it is refused", func() bool {
			got, err := admin.Client{Address: s.cfg.Admin}.Clusters(t.Context())
			return err == nil && len(got.Refused) == 1 && strings.Contains(got.Refused[0].Reason, "reckless")
		})
		if _, ok := s.shown("c1"); !ok {
			t.Error("the other cluster is gone")
		}
	})
	t.Run("removed", func(t *testing.T) {
		if err := os.Remove(filepath.Join(s.cfg.Clusters, "c1.yaml")); err != nil {
			t.Fatal(err)
		}
		var err error
		for err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != codes.PermissionDenied || !strings.Contains(err.Error(), "registration") {
			t.Errorf("the stream ended with %v", err)
		}
		s.eventually("c1 is gone", func() bool { _, ok := s.shown("c1"); return !ok })
		if _, err := s.session("c1"); status.Code(err) != codes.PermissionDenied {
			t.Errorf("after the removal: %v", err)
		}
		if !strings.Contains(s.log.String(), "registration removed") {
			t.Error("the log says nothing of it")
		}
	})
	t.Run("and back", func(t *testing.T) {
		s.cluster("c1", "")
		s.eventually("c1 is registered", func() bool { _, ok := s.shown("c1"); return ok })
		if _, err := s.session("c1"); err != nil {
			t.Error(err)
		}
	})
	if _, err := stop(); err != nil {
		t.Error(err)
	}
}

func TestStanding(t *testing.T) {
	s := newSite(t)
	s.cluster("c1", "  cloud: nosuch\n")
	stop := s.run()
	s.eventually("it is said what is wrong", func() bool {
		c, ok := s.shown("c1")
		return ok && strings.Contains(c.Error, `cloud "nosuch"`) && c.File == "c1.yaml"
	})
	if _, err := (admin.Client{Address: s.cfg.Admin}).Plan(t.Context(), "c1"); err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("plan: %v", err)
	}
	if err := (admin.Client{Address: s.cfg.Admin}).Approve(t.Context(), "c9"); err == nil || !strings.Contains(err.Error(), "registered") {
		t.Errorf("approve: %v", err)
	}
	s.cluster("c1", "")
	s.eventually("it is right again", func() bool { c, _ := s.shown("c1"); return c.Error == "" })
	if _, err := stop(); err != nil {
		t.Error(err)
	}
}

// A cluster without Routes is complete without them; one that may not list them
// is not.
func TestRelevantKinds(t *testing.T) {
	services := mirror.KindSummary{Kind: kinds.Service, Synced: true}
	routes := func(state akohubv1.KindState_Availability, objects int) mirror.KindSummary {
		return mirror.KindSummary{Kind: kinds.Route, Availability: state, Objects: objects}
	}
	for name, tc := range map[string]struct {
		routes mirror.KindSummary
		shown  int
	}{
		"no OpenShift":     {routes(akohubv1.KindState_AVAILABILITY_ABSENT, 0), 1},
		"the CRD has gone": {routes(akohubv1.KindState_AVAILABILITY_ABSENT, 3), 2},
		"forbidden":        {routes(akohubv1.KindState_AVAILABILITY_FORBIDDEN, 0), 2},
		"not said yet":     {routes(akohubv1.KindState_AVAILABILITY_UNSPECIFIED, 0), 2},
	} {
		if got := relevant(mirror.Summary{Kinds: []mirror.KindSummary{tc.routes, services}}); len(got) != tc.shown {
			t.Errorf("%s: %v", name, got)
		}
	}
}
