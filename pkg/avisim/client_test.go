package avisim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// client is a test's client, logged in as admin unless it says otherwise.
type client struct {
	t       *testing.T
	srv     *httptest.Server
	tenant  string
	cookies []*http.Cookie
	csrf    string
	header  http.Header
}

func newSim(t *testing.T, opts Options) *Simulator {
	t.Helper()
	sim, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

func newClient(t *testing.T, sim *Simulator) *client {
	t.Helper()
	return newClientAs(t, sim, "admin", "sim-password")
}

func newClientAs(t *testing.T, sim *Simulator, user, password string) *client {
	t.Helper()
	srv := httptest.NewServer(sim.Handler())
	t.Cleanup(srv.Close)
	c := &client{t: t, srv: srv, tenant: "admin", header: http.Header{}}
	c.login(user, password, http.StatusOK)
	return c
}

func (c *client) login(user, password string, want int) {
	c.t.Helper()
	body, err := json.Marshal(map[string]string{"username": user, "password": password})
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := c.srv.Client().Post(c.srv.URL+"/login", "application/json", bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != want {
		c.t.Fatalf("login as %s: status %d, want %d", user, resp.StatusCode, want)
	}
	c.cookies = resp.Cookies()
	for _, k := range c.cookies {
		if k.Name == "csrftoken" {
			c.csrf = k.Value
		}
	}
}

// do sends a request; body is a JSON text, or a value, or nil.
func (c *client) do(method, path string, body any) (int, map[string]any) {
	c.t.Helper()
	resp, text, err := c.try(method, path, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	var out map[string]any
	if len(text) > 0 {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&out); err != nil {
			c.t.Fatalf("%s %s: answer %q: %v", method, path, text, err)
		}
	}
	return resp.StatusCode, out
}

func (c *client) try(method, path string, body any) (*http.Response, []byte, error) {
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, c.srv.URL+path, r)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, k := range c.cookies {
		req.AddCookie(k)
	}
	req.Header.Set("X-CSRFToken", c.csrf)
	req.Header.Set("Referer", c.srv.URL)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Avi-Version", "30.2.1")
	if c.tenant != "" {
		req.Header.Set("X-Avi-Tenant", c.tenant)
	}
	for k, v := range c.header {
		req.Header[k] = v
	}
	resp, err := c.srv.Client().Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, text, err
}

// must is do with a status that is expected.
func (c *client) must(want int, method, path string, body any) map[string]any {
	c.t.Helper()
	status, out := c.do(method, path, body)
	if status != want {
		c.t.Fatalf("%s %s: status %d, want %d: %v", method, path, status, want, out)
	}
	return out
}

// refused is must for a refusal whose words are checked.
func (c *client) refused(want int, words, method, path string, body any) {
	c.t.Helper()
	out := c.must(want, method, path, body)
	if text, _ := out["error"].(string); !strings.Contains(text, words) {
		c.t.Errorf("%s %s: error %q, want it to contain %q", method, path, text, words)
	}
}
