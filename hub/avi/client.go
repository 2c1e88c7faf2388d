package avi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/akohub/akohub/pkg/avischema"
)

// Config says how to reach a controller. URL, Username and one of Password and
// PasswordFile are required.
type Config struct {
	// Name is the controller's in logs and metrics.
	Name string
	// URL is such as "https://avi.example.com"; https only.
	URL      string
	Username string
	// PasswordFile is read at each login, so that a new password needs no
	// restart; white space at its end is not part of the password.
	PasswordFile string
	// Password, if set, is asked in place of PasswordFile.
	Password func() (string, error)
	// CAFile holds the certificates, PEM, that vouch for the controller's.
	// Empty: those of the system. There is no way not to verify.
	CAFile string
	// APIVersion is sent as X-Avi-Version; empty: 30.2.1, the version of the
	// vocabulary, above which it never goes. To an older controller that one's
	// own release is sent.
	APIVersion string
	Logger     hclog.Logger
	// Registerer takes the metrics; nil: none are shown.
	Registerer prometheus.Registerer
	// MaxInFlight bounds concurrent requests; 0: 8.
	MaxInFlight int
	// MaxRequestsPerSecond is where the adaptive rate starts and what it never
	// exceeds; 0: 100. A controller's front end allows about 32 a second from
	// one address by default, delays what is above, then answers 429
	// (decisions.md, 5): the rate halves then and recovers by a tenth a second.
	MaxRequestsPerSecond float64
	// Timeout is that of one request; 0: 60 s.
	Timeout time.Duration

	// backoff is the base of the waits between attempts; 0: 250 ms.
	backoff time.Duration
}

const (
	defaultMaxInFlight = 8
	defaultRate        = 100
	defaultTimeout     = 60 * time.Second
	defaultBackoff     = 250 * time.Millisecond
	maxBackoff         = 10 * time.Second
	maxAttempts        = 4
	// maxAnswer is far above a page of the biggest objects.
	maxAnswer = 64 << 20
)

// Client talks to one controller. All methods may be called from any
// goroutine; they take a context first, and the tenant explicitly.
type Client struct {
	cfg     Config
	base    string
	log     hclog.Logger
	http    *http.Client
	limiter *limiter
	gate    *gate
	metrics *metrics
	session session
	lanes   lanes
	marks   marks
	clock   clock
	// release is the controller's own, as it said at the last login.
	release atomic.Pointer[string]
}

// NewClient makes a client. It opens no connection yet. It fails for an
// incomplete configuration and a CA file that can't be used.
func NewClient(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("controller %q: url: %w", cfg.Name, err)
	case u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("controller %q: url %q: must be https://HOST[:PORT]", cfg.Name, cfg.URL)
	case cfg.Username == "":
		return nil, fmt.Errorf("controller %q: no username", cfg.Name)
	}
	if cfg.Password == nil {
		if cfg.PasswordFile == "" {
			return nil, fmt.Errorf("controller %q: no password file", cfg.Name)
		}
		cfg.Password = func() (string, error) {
			b, err := os.ReadFile(cfg.PasswordFile)
			return strings.TrimRight(string(b), " \t\r\n"), err
		}
	}
	setDefaults(&cfg)
	roots, err := readCA(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("controller %q: caFile: %w", cfg.Name, err)
	}
	c := &Client{
		cfg:     cfg,
		base:    "https://" + u.Host,
		log:     cfg.Logger.With("controller", cfg.Name),
		limiter: newLimiter(cfg.MaxRequestsPerSecond, max(int(cfg.MaxRequestsPerSecond), 1)),
		gate:    newGate(cfg.MaxInFlight),
		http: &http.Client{
			Timeout: cfg.Timeout,
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
				MaxIdleConnsPerHost: cfg.MaxInFlight,
				IdleConnTimeout:     90 * time.Second,
				TLSHandshakeTimeout: 10 * time.Second,
				DisableCompression:  true,
			},
			// A redirect would carry the session somewhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if c.metrics, err = newMetrics(cfg.Registerer, cfg.Name, c.limiter.current); err != nil {
		return nil, fmt.Errorf("controller %q: metrics: %w", cfg.Name, err)
	}
	return c, nil
}

func setDefaults(cfg *Config) {
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.APIVersion == "" {
		cfg.APIVersion = latestAPIVersion
	}
	if !avischema.VersionAtLeast(latestAPIVersion, cfg.APIVersion) {
		cfg.Logger.Warn("the configured API version is newer than what the hub knows", "controller", cfg.Name, "configured", cfg.APIVersion, "used", latestAPIVersion)
		cfg.APIVersion = latestAPIVersion
	}
	if cfg.MaxInFlight <= 0 {
		cfg.MaxInFlight = defaultMaxInFlight
	}
	if cfg.MaxRequestsPerSecond <= 0 {
		cfg.MaxRequestsPerSecond = defaultRate
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.backoff <= 0 {
		cfg.backoff = defaultBackoff
	}
}

func readCA(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil // the system's
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New(file + ": no certificate in it")
	}
	return pool, nil
}

// Name returns the controller's name.
func (c *Client) Name() string { return c.cfg.Name }

// Close drops the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one request as asked for: what it does in words, and on the wire.
type call struct {
	op     string // "creating"
	method string
	tenant string
	typ    string // "pool"; for metrics and errors
	name   string // the object's name or UUID, for errors
	path   string // below /api
	query  url.Values
	body   any
}

func (k *call) fail(class Class, err error) *Error {
	return &Error{Class: class, Op: k.op, Tenant: k.tenant, Type: k.typ, Name: k.name, Err: err}
}

// do makes a request and decodes the answer's JSON into out (nil: ignored),
// numbers as json.Number. What may be repeated safely is repeated, with
// full-jitter backoff: everything but a POST, which is only repeated if the
// controller said that it didn't take it.
func (c *Client) do(ctx context.Context, k call, out any) error {
	var payload []byte
	if k.body != nil {
		var err error
		if payload, err = json.Marshal(k.body); err != nil {
			return k.fail(Invalid, fmt.Errorf("encoding the body: %w", err))
		}
	}
	var last *Error
	for attempt := range maxAttempts {
		if attempt > 0 {
			if err := sleep(ctx, c.backoff(attempt, last.RetryAfter)); err != nil {
				last.Err = errors.Join(last.Err, err)
				return last
			}
		}
		answer, err := c.attempt(ctx, k, payload)
		if err == nil {
			if err = decode(k, answer, out); err == nil {
				return nil
			}
		}
		last = err
		if !repeatable(k.method, err) {
			break
		}
		c.log.Debug("repeating a request", "method", k.method, "type", k.typ, "tenant", k.tenant, "object", k.name,
			"class", string(err.Class), "attempt", attempt+1)
	}
	return last
}

func decode(k call, answer []byte, out any) *Error {
	if out == nil || len(answer) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(answer))
	dec.UseNumber()
	if err := dec.Decode(out); err != nil {
		return k.fail(Unavailable, fmt.Errorf("the answer is not the JSON expected: %w", err))
	}
	return nil
}

func repeatable(method string, e *Error) bool {
	switch e.Class {
	case RateLimited:
		return true
	case Unavailable, Internal:
		return method != http.MethodPost
	}
	return false
}

// backoff is a random time up to a bound that doubles with each attempt.
func (c *Client) backoff(attempt int, retryAfter time.Duration) time.Duration {
	bound := min(c.cfg.backoff<<attempt, maxBackoff)
	return min(retryAfter, maxPause) + rand.N(bound)
}

// attempt makes a request once, or twice when the session has expired.
func (c *Client) attempt(ctx context.Context, k call, payload []byte) ([]byte, *Error) {
	cr, err := c.login(ctx, 0)
	if err != nil {
		return nil, asError(k, err)
	}
	answer, failed := c.send(ctx, k, payload, cr)
	if failed == nil || failed.Class != Unauthorized {
		return answer, failed
	}
	if cr, err = c.login(ctx, cr.generation); err != nil {
		return nil, asError(k, err)
	}
	answer, failed = c.send(ctx, k, payload, cr)
	c.session.judge(failed)
	return answer, failed
}

// asError adds to a failed login what it was for.
func asError(k call, err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		return k.fail(Unavailable, err)
	}
	return &Error{
		Class: e.Class, Op: k.op, Tenant: k.tenant, Type: k.typ, Name: k.name,
		Status: e.Status, RetryAfter: e.RetryAfter, Err: err,
	}
}

// send puts one request on the wire, within the budget and in turn.
func (c *Client) send(ctx context.Context, k call, payload []byte, cr credentials) ([]byte, *Error) {
	target := c.base + "/api/" + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, bytes.NewReader(payload))
	if err != nil {
		return nil, k.fail(Invalid, err)
	}
	c.setHeaders(req.Header, k.tenant)
	req.Header.Set("Cookie", cr.cookies)
	if cr.csrf != "" {
		req.Header.Set("X-CSRFToken", cr.csrf)
	}
	if err := c.gate.enter(ctx, k.tenant); err != nil {
		return nil, k.fail(Canceled, err)
	}
	defer c.gate.leave()
	if err := c.limiter.wait(ctx); err != nil {
		return nil, k.fail(Canceled, err)
	}
	c.metrics.inFlight.Inc()
	defer c.metrics.inFlight.Dec()
	start := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		c.metrics.request(k.method, k.typ, 0, time.Since(start))
		return nil, k.fail(classifyTransport(ctx, err), err)
	}
	c.clock.note(resp.Header, time.Now())
	answer, err := readBody(resp)
	c.metrics.request(k.method, k.typ, resp.StatusCode, time.Since(start))
	if err != nil {
		return nil, k.fail(classifyTransport(ctx, err), fmt.Errorf("reading the answer: %w", err))
	}
	if resp.StatusCode/100 == 2 {
		c.limiter.served()
		return answer, nil
	}
	e := k.fail("", nil)
	e.Status = resp.StatusCode
	e.Message = messageOf(resp.StatusCode, answer)
	e.Class = classify(k.method, resp.StatusCode, e.Message)
	c.nameRight(e, k.method)
	e.RetryAfter = retryAfter(resp.Header)
	if e.Class == RateLimited {
		c.limiter.refused(e.RetryAfter)
	}
	return nil, e
}

func (c *Client) setHeaders(h http.Header, tenant string) {
	h.Set("Content-Type", "application/json")
	h.Set("Accept", "application/json")
	h.Set("Referer", c.base)
	h.Set("X-Avi-Version", c.apiVersion())
	h.Set("X-Avi-UserAgent", "AKOHUB")
	if tenant != "" {
		h.Set("X-Avi-Tenant", tenant)
	}
}

func readBody(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = fmt.Errorf("longer than %d bytes", maxAnswer)
	}
	return b, err
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return min(time.Duration(n)*time.Second, maxPause)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(time.Until(at), 0), maxPause)
	}
	return 0
}
