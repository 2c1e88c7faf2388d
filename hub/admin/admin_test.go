package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/explain"
)

// backend is a hub with one cluster, c1, and a plan that fails for c2.
type backend struct {
	approved []string
}

func (b *backend) Clusters() Clusters {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return Clusters{
		Clusters: []Cluster{{Name: "c1", Tenant: "t", Mode: "enforce", ConnectedSince: &now, Kinds: []Kind{{Kind: "services", Count: 2, Synced: true}}, Objects: 3}},
		Refused:  []RefusedFile{{File: "bad.yaml", Reason: "bad.yaml: line 3: nonsense"}},
	}
}

func (b *backend) Plan(_ context.Context, cluster string) (plan.Plan, error) {
	switch cluster {
	case "c1":
		return plan.Plan{Cluster: "c1", Mode: plan.ModeEnforce, Steps: []plan.Step{{Op: plan.Delete, Key: plan.Key{Tenant: "t", Type: "pool", Name: "p"}}},
			Conflicts: []plan.Conflict{{Key: plan.Key{Tenant: "t", Type: "pool", Name: "q"}, Owner: "x"}}}, nil
	case "c2":
		return plan.Plan{}, errors.New("the controller is away")
	}
	return plan.Plan{}, UnknownCluster(errors.New(`no cluster "` + cluster + `"`))
}

func (b *backend) Approve(cluster string) error {
	if cluster != "c1" {
		return errors.New("no plan is held")
	}
	b.approved = append(b.approved, cluster)
	return nil
}

func (b *backend) Explain(_ context.Context, q explain.Query) (explain.Answer, error) {
	switch {
	case q.Kind != explain.Host && q.Cluster != "c1":
		return explain.Answer{}, UnknownCluster(errors.New(`no cluster "` + q.Cluster + `"`))
	case strings.HasPrefix(q.Name, "no"):
		return explain.Answer{}, fmt.Errorf("%w: %s", explain.ErrUnknown, q.Name)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return explain.Answer{Query: q, At: at, Clusters: []explain.Cluster{{Name: "c1", Tenant: "t", Units: []explain.Unit{{Kind: "host", Name: q.Name,
		Objects: []explain.AviObject{{Type: "pool", Name: "p", State: explain.Failed, Error: "no", NextTry: &at}}}}}}}, nil
}

func serve(t *testing.T) (*backend, Client) {
	t.Helper()
	b := &backend{}
	s := httptest.NewServer(Handler(b))
	t.Cleanup(s.Close)
	return b, Client{Address: s.Listener.Addr().String()}
}

func TestClientAndHandler(t *testing.T) {
	b, c := serve(t)
	got, err := c.Clusters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.Clusters(), got); diff != "" {
		t.Error(diff)
	}
	p, err := c.Plan(t.Context(), "c1")
	if err != nil || p.Steps != 2 {
		t.Errorf("%d steps, error %v", p.Steps, err)
	}
	var printed struct {
		Cluster string
		Steps   []struct{ Op, Name string }
	}
	if err := json.Unmarshal(p.Plan, &printed); err != nil || printed.Cluster != "c1" || len(printed.Steps) != 1 || printed.Steps[0].Op != "delete" {
		t.Errorf("%+v, error %v", printed, err)
	}
	if err := c.Approve(t.Context(), "c1"); err != nil || len(b.approved) != 1 {
		t.Errorf("approved %v, error %v", b.approved, err)
	}
	for name, err := range map[string]error{
		"the controller is away": second(c.Plan(t.Context(), "c2")),
		`no cluster "c/3"`:       second(c.Plan(t.Context(), "c/3")),
		"no plan is held":        c.Approve(t.Context(), "c2"),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %q", err, name)
		}
	}
}

func TestExplain(t *testing.T) {
	b, c := serve(t)
	for _, q := range []explain.Query{
		{Kind: explain.Host, Name: "*.a.example"},
		{Kind: explain.Host, Name: "odd/name?x=1"},
		{Kind: explain.Ingress, Cluster: "c1", Namespace: "ns", Name: "web"},
		{Kind: explain.Service, Cluster: "c1", Namespace: "ns", Name: "lb"},
	} {
		got, err := c.Explain(t.Context(), q)
		want, _ := b.Explain(t.Context(), q)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v: error %v\n%s", q, err, diff)
		}
	}
	for want, q := range map[string]explain.Query{
		"nothing is known of it: nosuch": {Kind: explain.Host, Name: "nosuch"},
		`no cluster "c9"`:                {Kind: explain.Ingress, Cluster: "c9", Namespace: "ns", Name: "web"},
	} {
		if _, err := c.Explain(t.Context(), q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestStatusCodes(t *testing.T) {
	_, c := serve(t)
	for path, want := range map[string]int{
		"GET /v1/clusters":            http.StatusOK,
		"GET /v1/clusters/c1/plan":    http.StatusOK,
		"GET /v1/clusters/c2/plan":    http.StatusConflict,
		"GET /v1/clusters/c3/plan":    http.StatusNotFound,
		"POST /v1/clusters/c1/plan":   http.StatusMethodNotAllowed,
		"GET /v1/clusters/c1/approve": http.StatusMethodNotAllowed,
		"GET /v1/explain/host/a":      http.StatusOK,
		"GET /v1/explain/host/no":     http.StatusNotFound,
		"POST /v1/explain/host/a":     http.StatusMethodNotAllowed,
		"GET /v1/explain/pool/c1/a/b": http.StatusNotFound,
		"GET /":                       http.StatusNotFound,
	} {
		method, p, _ := strings.Cut(path, " ")
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+c.Address+p, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

// A page that a browser got elsewhere must not reach the API by a name that its
// owner lets point to this machine.
func TestOnlyLocalNames(t *testing.T) {
	_, c := serve(t)
	_, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"localhost:" + port: http.StatusOK, "127.0.0.1": http.StatusOK, "127.9.9.9:" + port: http.StatusOK, "[::1]:" + port: http.StatusOK,
		"evil.example:" + port: http.StatusForbidden, "10.0.0.1": http.StatusForbidden, "localhost.evil.example": http.StatusForbidden,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.Address+"/v1/clusters", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %s: %s", host, resp.Status)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:8444": true, "localhost:1": true, "[::1]:8444": true,
		":8444": false, "0.0.0.0:8444": false, "10.0.0.1:8444": false, "hub.example:8444": false, "[::]:1": false, "127.0.0.1": false,
	} {
		if err := CheckAddress(addr); (err == nil) != ok {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := (Client{Address: addr}).Clusters(t.Context()); err == nil || !strings.Contains(err.Error(), "is it running?") {
		t.Errorf("error %v", err)
	}
}
