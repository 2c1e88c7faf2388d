package avisim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Request is one request that was answered (or dropped), as the log keeps it.
type Request struct {
	Time     time.Time     `json:"time"`
	Duration time.Duration `json:"duration_ns"`
	Method   string        `json:"method"`
	// Path has no doubled slashes: "/api/pool/pool-…".
	Path   string `json:"path"`
	Query  string `json:"query,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	// Type is the path of the object's type ("pool"), or what is called
	// ("login").
	Type string `json:"type"`
	// Name is the object's name, if the request says or implies it.
	Name string `json:"name,omitempty"`
	// Status is 0 if the connection was cut instead of answered.
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body,omitempty"`
	User   string          `json:"user,omitempty"`
}

// IsWrite says whether the request asked to change an object.
func (r Request) IsWrite() bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return r.Type != "login" && r.Type != "logout"
	}
	return false
}

// requestLog keeps the latest requests in a ring, and counts all.
type requestLog struct {
	mu     sync.Mutex
	limit  int
	ring   []Request
	next   int
	counts map[CountKey]int
}

// CountKey is what requests are counted by.
type CountKey struct{ Method, Type string }

func newRequestLog(limit int) *requestLog {
	return &requestLog{limit: max(limit, 0), counts: map[CountKey]int{}}
}

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[CountKey{r.Method, r.Type}]++
	switch {
	case l.limit == 0:
	case len(l.ring) < l.limit:
		l.ring = append(l.ring, r)
	default:
		l.ring[l.next] = r
		l.next = (l.next + 1) % l.limit
	}
}

// Requests returns the log, oldest first. Passwords and private keys are
// blanked.
func (s *Simulator) Requests() []Request {
	l := s.requests
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Request, 0, len(l.ring))
	return append(append(out, l.ring[l.next:]...), l.ring[:l.next]...)
}

// Writes returns the log's requests that asked to change an object, whatever
// became of them, oldest first.
func (s *Simulator) Writes() []Request {
	var out []Request
	for _, r := range s.Requests() {
		if r.IsWrite() {
			out = append(out, r)
		}
	}
	return out
}

// Counts returns how many requests there were since the last reset, by method
// and type, also those that the log has let go of.
func (s *Simulator) Counts() map[CountKey]int {
	l := s.requests
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[CountKey]int, len(l.counts))
	for k, n := range l.counts {
		out[k] = n
	}
	return out
}

// ResetRequests empties the log and the counters.
func (s *Simulator) ResetRequests() {
	l := s.requests
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring, l.next = nil, 0
	clear(l.counts)
}

// redact makes a body fit to be kept: valid JSON, without secrets.
func redact(typ string, body []byte) json.RawMessage {
	if len(body) == 0 {
		return nil
	}
	if !secretTypes[typ] {
		if json.Valid(body) {
			return body
		}
		text, err := json.Marshal(string(bytes.ToValidUTF8(body[:min(len(body), 1024)], []byte("?"))))
		if err != nil {
			return nil
		}
		return text
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return nil
	}
	text, err := json.Marshal(blank(v))
	if err != nil {
		return nil
	}
	return text
}

var (
	secretTypes = map[string]bool{"login": true, "sslkeyandcertificate": true, "user": true, "macro": true, "cloud": true}
	secretKeys  = map[string]bool{"password": true, "key": true, "key_passphrase": true, "token": true, "secret_access_key": true}
)

// blank replaces the values of secret fields that hold text.
func blank(v any) any {
	switch v := v.(type) {
	case map[string]any:
		// A marker's "key" is a label, not a secret: it comes with values.
		_, label := v["values"]
		for k, e := range v {
			if _, isText := e.(string); isText && secretKeys[k] && !label {
				v[k] = "<redacted>"
				continue
			}
			v[k] = blank(e)
		}
	case []any:
		for i, e := range v {
			v[i] = blank(e)
		}
	}
	return v
}
