package avisim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody is the largest request that is read.
const maxBody = 8 << 20

// call is one request on its way through, and its answer until it is sent:
// nothing reaches the client before the outcome is known, so that a fault can
// take the answer away after the write was carried out.
type call struct {
	s    *Simulator
	r    *http.Request
	path string // without doubled slashes
	q    url.Values
	body []byte
	user string
	// rights are the user's, once they were needed.
	rights *rights
	// typ and name are what the request is about, as far as it says.
	typ, name string
	tenant    string
	// collection says that the path is a type's, without an object's uuid.
	collection bool

	header http.Header
	status int
	answer []byte
	// trickle is how long the answer takes to be sent.
	trickle time.Duration
}

// Header lets a call be used where cookies are set.
func (c *call) Header() http.Header { return c.header }

// Write and WriteHeader make a call an http.ResponseWriter.
func (c *call) Write(b []byte) (int, error) { c.answer = append(c.answer, b...); return len(b), nil }

// WriteHeader notes the status; see Write.
func (c *call) WriteHeader(status int) { c.status = status }

// json answers with a JSON value.
func (c *call) json(status int, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	c.raw(status, b.Bytes())
	return nil
}

// raw answers with JSON text.
func (c *call) raw(status int, body []byte) {
	c.header.Set("Content-Type", "application/json")
	c.status, c.answer = status, body
}

// base is the address under which the client knows the controller.
func (c *call) base() string { return "https://" + c.r.Host }

func (s *Simulator) serveHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{s: s, r: r, path: cleanPath(r.URL.Path), q: parseQuery(r.URL.RawQuery), header: w.Header(), tenant: r.Header.Get("X-Avi-Tenant")}
	if c.tenant == "" {
		c.tenant = r.Header.Get("X-Avi-Tenant-UUID")
	}
	start, leaders := s.opts.Now(), s.leaders.Load()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	c.body = body
	if strings.HasPrefix(c.path, "/_sim/") {
		if err == nil {
			err = s.control(r.Context(), c)
		}
		c.finish(w, err)
		return
	}
	if err != nil {
		var tooBig *http.MaxBytesError
		if errors.As(err, &tooBig) {
			err = failure(http.StatusRequestEntityTooLarge, "request body is larger than %d bytes", maxBody)
		} else {
			err = badRequest("reading the request: " + err.Error())
		}
	} else {
		s.identify(c)
		err = s.withFaults(c)
	}
	dropped := errors.Is(err, errDropped) || s.leaders.Load() != leaders
	if dropped {
		c.status, c.answer = 0, nil
	} else {
		c.settle(err)
	}
	s.requests.add(c.record(start))
	if s.log.IsDebug() {
		s.log.Debug("request", "method", r.Method, "path", c.path, "tenant", c.tenant, "status", c.status, "duration", s.opts.Now().Sub(start).String())
	}
	if dropped {
		// The documented way to cut a connection without an answer.
		panic(http.ErrAbortHandler)
	}
	if c.trickle > 0 {
		c.sendSlowly(w)
		return
	}
	c.send(w)
}

func (c *call) finish(w http.ResponseWriter, err error) {
	c.settle(err)
	c.send(w)
}

// settle turns an error into the answer.
func (c *call) settle(err error) {
	if err == nil {
		if c.status == 0 {
			c.status = http.StatusOK
		}
		return
	}
	e := asAPIError(err)
	if e.status == http.StatusInternalServerError {
		c.s.log.Error("request failed inside the simulator", "method", c.r.Method, "path", c.path, "error", err)
	}
	out := map[string]any{"error": e.text}
	if c.name != "" {
		out["obj_name"] = c.name
	}
	if err := c.json(e.status, out); err != nil {
		c.status, c.answer = http.StatusInternalServerError, nil
	}
}

func (c *call) send(w http.ResponseWriter) {
	w.WriteHeader(c.status)
	if c.status != http.StatusNoContent && c.r.Method != http.MethodHead {
		// An error here is the client's going away.
		_, _ = w.Write(c.answer)
	}
}

// pieces is in how many parts a slow answer is sent.
const pieces = 10

// sendSlowly sends the answer in parts, so that the client sees its beginning
// long before its end.
func (c *call) sendSlowly(w http.ResponseWriter) {
	w.WriteHeader(c.status)
	if c.status == http.StatusNoContent || c.r.Method == http.MethodHead {
		return
	}
	flusher := http.NewResponseController(w)
	tick := time.NewTicker(max(1, c.trickle/pieces))
	defer tick.Stop()
	for i := range pieces {
		from, to := i*len(c.answer)/pieces, (i+1)*len(c.answer)/pieces
		// An error here is the client's going away, or a writer that can't flush.
		_, _ = w.Write(c.answer[from:to])
		_ = flusher.Flush()
		select {
		case <-tick.C:
		case <-c.r.Context().Done():
			return
		}
	}
}

// cleanPath removes doubled slashes, which at least one SDK sends
// (avi-rest.md §2), and the slash at the end.
func cleanPath(p string) string {
	if !strings.Contains(p, "//") && !strings.HasSuffix(p, "/") {
		return p
	}
	parts := strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
	out := "/" + strings.Join(parts, "/")
	if strings.HasPrefix(out, "/_sim") {
		out += "/"
	}
	return out
}

// parseQuery keeps what can be read of a query.
func parseQuery(raw string) url.Values {
	values, err := url.ParseQuery(raw)
	if err != nil && values == nil {
		return url.Values{}
	}
	return values
}

// identify finds out what the request is about, for the log and for faults.
func (s *Simulator) identify(c *call) {
	rest, ok := strings.CutPrefix(c.path, "/api/")
	if !ok {
		c.typ = strings.TrimPrefix(c.path, "/")
		return
	}
	path, rest, _ := strings.Cut(rest, "/")
	c.typ = path
	uuid, _, _ := strings.Cut(rest, "/")
	c.collection = uuid == ""
	switch {
	case c.r.Method == http.MethodPost && uuid == "":
		c.name = peekName(c.body)
	case uuid == "":
		c.name = c.q.Get("name")
	default:
		if t := s.vocab.byPath[path]; t != nil {
			s.mu.RLock()
			if o := s.store.objects[objectKey{t, uuid}]; o != nil {
				c.name = o.name
			}
			s.mu.RUnlock()
		}
	}
}

// peekName reads the name out of a body without decoding the rest twice.
func peekName(body []byte) string {
	var v struct {
		Name any `json:"name"`
	}
	if json.Unmarshal(body, &v) != nil {
		return ""
	}
	s, _ := v.Name.(string)
	return s
}

// route carries the request out.
func (s *Simulator) route(c *call) error {
	switch c.path {
	case "/login":
		return s.login(c)
	case "/logout":
		return s.logout(c)
	case "/api/initial-data":
		return c.get(func() error { return s.initialData(c) })
	}
	rest, ok := strings.CutPrefix(c.path, "/api/")
	if !ok {
		return failure(http.StatusNotFound, "Not found.")
	}
	ses, err := s.authenticate(c.r)
	if err != nil {
		return err
	}
	c.user = ses.user
	if s.upgrading.Load() && c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return failure(http.StatusForbidden, "Configuration is disallowed during upgrade")
	}
	switch rest {
	case "cluster/runtime":
		return c.get(func() error { return c.json(http.StatusOK, s.clusterRuntime()) })
	case "cluster/version":
		return c.get(func() error { return c.json(http.StatusOK, s.versionInfo()) })
	case "ipamdnsproviderprofiledomainlist":
		return c.get(func() error { return s.domainList(c) })
	case "macro":
		return s.macro(c)
	}
	path, rest, _ := strings.Cut(rest, "/")
	if path == "user-token" {
		return s.userTokenCall(c, rest)
	}
	if path == "vimgrnwruntime" {
		return s.networkRuntimes(c, rest)
	}
	if base, ok := strings.CutSuffix(path, "-inventory"); ok {
		return s.inventory(c, base, rest)
	}
	t := s.vocab.byPath[path]
	if t == nil {
		return failure(http.StatusNotFound, "Not found.")
	}
	if rest == "" {
		return s.collectionCall(c, t)
	}
	uuid, sub, _ := strings.Cut(rest, "/")
	if sub != "" {
		return s.subresource(c, t, uuid, sub)
	}
	return s.objectCall(c, t, uuid)
}

// get refuses methods other than GET.
func (c *call) get(do func() error) error {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return methodNotAllowed(c)
	}
	return do()
}

func methodNotAllowed(c *call) error {
	return failure(http.StatusMethodNotAllowed, "Method %q not allowed.", c.r.Method)
}

func (c *call) view(st *store) *view {
	v := &view{st: st, base: c.base(), version: min(c.version(), parseVersion(st.version))}
	_, v.includeName = c.q["include_name"]
	if v.includeName && c.q.Get("include_name") == "false" {
		v.includeName = false
	}
	v.skipDefault = isTrue(c.q, "skip_default")
	v.exportKey = isTrue(c.q, "export_key")
	if fields := c.q.Get("fields"); fields != "" {
		v.fields = map[string]bool{}
		for _, f := range strings.Split(fields, ",") {
			v.fields[strings.TrimSpace(f)] = true
		}
	}
	return v
}

// version is the release whose view the client asks for; 0 for all.
func (c *call) version() int { return parseVersion(c.r.Header.Get("X-Avi-Version")) }

// isTrue reads a switch of the query: there without a value means on.
func isTrue(q url.Values, name string) bool {
	v, ok := q[name]
	return ok && (v[0] == "" || strings.EqualFold(v[0], "true") || v[0] == "1")
}

// record is the request log's entry.
func (c *call) record(at time.Time) Request {
	return Request{
		Time: at, Method: c.r.Method, Path: c.path, Query: c.r.URL.RawQuery, Tenant: c.tenant,
		Type: c.typ, Name: c.name, Status: c.status, Body: redact(c.typ, c.body), User: c.user,
		Duration: c.s.opts.Now().Sub(at),
	}
}
