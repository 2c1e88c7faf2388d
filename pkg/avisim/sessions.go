package avisim

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// sessions are the logins.
type sessions struct {
	now func() time.Time
	ttl time.Duration

	mu   sync.Mutex
	byID map[string]*session
}

type session struct {
	id, csrf, user string
	used           time.Time
}

func newSessions(now func() time.Time, ttl time.Duration) *sessions {
	return &sessions{now: now, ttl: ttl, byID: map[string]*session{}}
}

// maxSessions bounds what a client that never logs out can make us keep.
const maxSessions = 10_000

func (ss *sessions) open(user string) session {
	s := session{id: randomToken(), csrf: randomToken(), user: user, used: ss.now()}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if len(ss.byID) >= maxSessions {
		for id, old := range ss.byID {
			if s.used.Sub(old.used) > ss.ttl {
				delete(ss.byID, id)
			}
		}
		if len(ss.byID) >= maxSessions {
			clear(ss.byID)
		}
	}
	ss.byID[s.id] = &s
	return s
}

// find returns the live session of that id, and notes that it was used.
func (ss *sessions) find(id string) (session, bool) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.byID[id]
	if s == nil {
		return session{}, false
	}
	now := ss.now()
	if now.Sub(s.used) > ss.ttl {
		delete(ss.byID, id)
		return session{}, false
	}
	s.used = now
	return *s, true
}

func (ss *sessions) close(id string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	delete(ss.byID, id)
}

func (ss *sessions) expire() {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	clear(ss.byID)
}

func randomToken() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, by its documentation
	return hex.EncodeToString(b[:])
}

const notAuthenticated = "Authentication credentials were not provided."

// authenticate finds who sends the request, and refuses writes that another
// site could have forged.
func (s *Simulator) authenticate(r *http.Request) (session, error) {
	if user, password, ok := r.BasicAuth(); ok && s.opts.BasicAuth {
		if s.checkPassword(user, password) {
			return session{user: user}, nil
		}
		return session{}, failure(http.StatusUnauthorized, "Invalid credentials")
	}
	ses, ok := s.sessions.find(sessionID(r))
	if !ok {
		return session{}, failure(http.StatusUnauthorized, notAuthenticated)
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		return ses, nil
	}
	if r.Header.Get("Referer") == "" {
		return session{}, failure(s.csrfStatus(), "CSRF Failed: Referer checking failed - no Referer.")
	}
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-CSRFToken")), []byte(ses.csrf)) != 1 {
		return session{}, failure(s.csrfStatus(), "CSRF Failed: CSRF token missing or incorrect.")
	}
	return ses, nil
}

func (s *Simulator) csrfStatus() int {
	if s.opts.Assume.CSRFRefused != 0 {
		return s.opts.Assume.CSRFRefused
	}
	return http.StatusUnauthorized
}

// sessionID is the session that the request's cookies name, under either of
// the names that a controller gives out.
func sessionID(r *http.Request) string {
	for _, name := range []string{"sessionid", "avi-sessionid"} {
		if c, err := r.Cookie(name); err == nil && c.Value != "" {
			return c.Value
		}
	}
	return ""
}

// checkPassword looks at the User objects: the seed's and those that a client
// made.
func (s *Simulator) checkPassword(user, password string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.store.user(user)
	if o == nil || o.body["is_active"] == false {
		return false
	}
	want, _ := o.body["password"].(string)
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
}

func (st *store) user(name string) *object {
	return st.names[nameKey{st.vocab.byName["User"], st.admin, nil, name}]
}

// mayUse says whether a user may work in a tenant.
func (st *store) mayUse(user string, tenant *object) bool {
	o := st.user(user)
	if o == nil {
		return false
	}
	if o.body["is_superuser"] == true {
		return true
	}
	for _, a := range messages(o.body["access"]) {
		if a["all_tenants"] == true || a["tenant_ref"] == tenant {
			return true
		}
	}
	return false
}

func (s *Simulator) login(c *call) error {
	if c.r.Method != http.MethodPost {
		return failure(http.StatusMethodNotAllowed, "Method %q not allowed.", c.r.Method)
	}
	in, err := parseJSON(c.body)
	if err != nil {
		return err
	}
	user, _ := in["username"].(string)
	password, _ := in["password"].(string)
	if !s.checkPassword(user, password) {
		return failure(http.StatusUnauthorized, "Invalid credentials")
	}
	ses := s.sessions.open(user)
	c.user = user
	for _, cookie := range []struct{ name, value string }{{"csrftoken", ses.csrf}, {"sessionid", ses.id}, {"avi-sessionid", ses.id}} {
		http.SetCookie(c, &http.Cookie{
			Name: cookie.name, Value: cookie.value, Path: "/", Secure: true, HttpOnly: cookie.name != "csrftoken", SameSite: http.SameSiteLaxMode,
		})
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.store.user(user)
	tenants := []map[string]any{}
	for _, t := range s.store.list(s.vocab.byName["Tenant"], s.store.admin).items() {
		if s.store.mayUse(user, t) {
			tenants = append(tenants, map[string]any{"name": t.name, "uuid": t.uuid, "url": c.base() + ref(t), "local": true})
		}
	}
	return c.json(http.StatusOK, map[string]any{
		"user_initialized": true, "session_cookie_name": "avi-sessionid",
		"user":              map[string]any{"username": user, "name": user, "uuid": o.uuid, "is_superuser": o.body["is_superuser"] == true, "local": true},
		"tenants":           tenants,
		"version":           s.versionInfo(),
		"controller":        map[string]any{"name": "avisim", "cluster_state": s.clusterState()},
		"system_config":     map[string]any{"welcome_workflow_complete": true, "docker_mode": false},
		"saml_logout":       false,
		"is_admin_password": true,
	})
}

func (s *Simulator) logout(c *call) error {
	s.sessions.close(sessionID(c.r))
	for _, name := range []string{"csrftoken", "sessionid", "avi-sessionid"} {
		http.SetCookie(c, &http.Cookie{Name: name, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true})
	}
	return c.json(http.StatusOK, map[string]any{})
}
