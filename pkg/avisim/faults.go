package avisim

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault makes requests slow or go wrong. Empty fields of the first group match
// everything.
type Fault struct {
	// Method ("POST"), Type ("pool"; "login" too), Name (exact), NameContains
	// and Tenant (as in X-Avi-Tenant) say which requests.
	Method       string `json:"method,omitempty"`
	Type         string `json:"type,omitempty"`
	Name         string `json:"name,omitempty"`
	NameContains string `json:"name_contains,omitempty"`
	Tenant       string `json:"tenant,omitempty"`
	// Page is that of a collection ("page" of the query, 1 if it has none); 0
	// is any request, -1 any page after the first.
	Page int `json:"page,omitempty"`

	// Latency is waited before the request is carried out, in nanoseconds in
	// JSON.
	Latency time.Duration `json:"latency_ns,omitempty"`
	// Jitter adds a random time, of the Distribution: up to Jitter if "uniform"
	// (or empty), Jitter on average if "exponential", and the size of a normal
	// draw with Jitter as standard deviation if "normal".
	Jitter       time.Duration `json:"jitter_ns,omitempty"`
	Distribution string        `json:"distribution,omitempty"`
	// Trickle sends the answer in parts, spread over this time.
	Trickle time.Duration `json:"trickle_ns,omitempty"`
	// Status answers with it instead of carrying the request out.
	Status int `json:"status,omitempty"`
	// Body is the answer with Status: JSON is sent as it is, other text as
	// {"error": text}.
	Body string `json:"body,omitempty"`
	// RetryAfter is sent as the header of that name with Status, in seconds.
	RetryAfter int `json:"retry_after,omitempty"`
	// DropBeforeCommit cuts the connection and carries nothing out;
	// DropAfterCommit carries the request out and then cuts the connection.
	DropBeforeCommit bool `json:"drop_before_commit,omitempty"`
	DropAfterCommit  bool `json:"drop_after_commit,omitempty"`
	// Truncate carries the request out and sends only half of the answer.
	Truncate bool `json:"truncate,omitempty"`

	// Times is how many requests it hits before it is gone; 0 means no end.
	Times int `json:"times,omitempty"`
	// Share hits only this part of the matching requests, drawn at random;
	// 0 means all.
	Share float64 `json:"share,omitempty"`
}

// check refuses a fault that means nothing.
func (f *Fault) check() error {
	switch f.Distribution {
	case "", "uniform", "exponential", "normal":
		return nil
	}
	return fmt.Errorf("distribution %q is none of uniform, exponential, normal", f.Distribution)
}

type faults struct {
	mu   sync.Mutex
	list []*Fault
}

func newFaults() *faults { return &faults{} }

// Inject adds a fault. Of several that match a request, latencies add up, and
// the first that was added decides what becomes of it.
func (s *Simulator) Inject(f Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, &f)
}

// ClearFaults removes all faults.
func (s *Simulator) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
}

// Faults returns the faults that are in force, with the times that are left.
func (s *Simulator) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	out := make([]Fault, 0, len(s.faults.list))
	for _, f := range s.faults.list {
		out = append(out, *f)
	}
	return out
}

func (f *Fault) matches(c *call) bool {
	return (f.Method == "" || f.Method == c.r.Method) &&
		(f.Type == "" || f.Type == c.typ) &&
		(f.Name == "" || f.Name == c.name) &&
		(f.NameContains == "" || strings.Contains(c.name, f.NameContains)) &&
		(f.Tenant == "" || f.Tenant == c.tenant) &&
		(f.Page == 0 || f.matchesPage(c))
}

func (f *Fault) matchesPage(c *call) bool {
	page := 1
	if text := c.q.Get("page"); text != "" {
		var err error
		if page, err = strconv.Atoi(text); err != nil {
			return false
		}
	}
	return c.r.Method == http.MethodGet && c.collection && (page == f.Page || f.Page < 0 && page > 1)
}

// outcome says whether the fault changes what becomes of a request, rather
// than only when.
func (f *Fault) outcome() bool {
	return f.Status != 0 || f.DropBeforeCommit || f.DropAfterCommit || f.Truncate
}

// pick returns what is to happen to a request, and uses up the faults that
// make it: the first with an outcome, and the latencies of all others.
func (fs *faults) pick(c *call) Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var hit Fault
	kept := fs.list[:0]
	for _, f := range fs.list {
		use := f.matches(c) && (!f.outcome() || !hit.outcome()) && (f.Share <= 0 || rand.Float64() < f.Share)
		if use {
			latency, trickle := hit.Latency+f.Latency+f.jitter(), max(hit.Trickle, f.Trickle)
			if f.outcome() {
				hit = *f
			}
			hit.Latency, hit.Trickle = latency, trickle
		}
		if use && f.Times == 1 {
			continue // used up
		}
		if use && f.Times > 1 {
			f.Times--
		}
		kept = append(kept, f)
	}
	clear(fs.list[len(kept):])
	fs.list = kept
	return hit
}

// errDropped ends a request without an answer.
var errDropped = errors.New("connection dropped")

// withFaults carries the request out, or lets it fail as was injected.
func (s *Simulator) withFaults(c *call) error {
	if err := s.limiter.admit(c); err != nil {
		return err
	}
	f := s.faults.pick(c)
	if wait := s.opts.Latency + f.Latency; wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.r.Context().Done():
			return errDropped
		}
	}
	c.trickle = f.Trickle
	switch {
	case f.DropBeforeCommit:
		return errDropped
	case f.Status != 0:
		return f.answer(c)
	}
	err := s.route(c)
	if f.DropAfterCommit {
		return errDropped
	}
	if f.Truncate && err == nil {
		c.header.Del("Content-Length")
		c.answer = c.answer[:len(c.answer)/2]
	}
	return err
}

// maxJitter bounds a draw that has no bound of its own.
const maxJitter = 20

func (f *Fault) jitter() time.Duration {
	if f.Jitter <= 0 {
		return 0
	}
	draw := 0.0
	switch f.Distribution {
	case "exponential":
		draw = rand.ExpFloat64()
	case "normal":
		draw = math.Abs(rand.NormFloat64())
	default:
		draw = rand.Float64()
	}
	return time.Duration(min(draw, maxJitter) * float64(f.Jitter))
}

func (f *Fault) answer(c *call) error {
	if f.RetryAfter > 0 {
		setRetryAfter(c, time.Duration(f.RetryAfter)*time.Second)
	}
	if f.Body == "" {
		return failure(f.Status, http.StatusText(f.Status))
	}
	if t := strings.TrimSpace(f.Body); strings.HasPrefix(t, "{") || strings.HasPrefix(t, "[") {
		c.raw(f.Status, []byte(t))
		return nil
	}
	return failure(f.Status, "%s", f.Body)
}
