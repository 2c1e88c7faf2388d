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

	mu    sync.Mutex
	byID  map[string]*session
	ended map[string]bool // ids that were good once, for the words of the refusal
}

type session struct {
	id, csrf, user string
	used           time.Time
}

func newSessions(now func() time.Time, ttl time.Duration) *sessions {
	return &sessions{now: now, ttl: ttl, byID: map[string]*session{}, ended: map[string]bool{}}
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
			ss.endAll()
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
		ss.end(id)
		return session{}, false
	}
	s.used = now
	return *s, true
}

func (ss *sessions) close(id string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.end(id)
}

func (ss *sessions) expire() {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.endAll()
}

// wasGood says whether a session of that id has ended.
func (ss *sessions) wasGood(id string) bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.ended[id]
}

func (ss *sessions) end(id string) {
	if ss.byID[id] == nil {
		return
	}
	delete(ss.byID, id)
	if len(ss.ended) >= maxSessions {
		clear(ss.ended)
	}
	ss.ended[id] = true
}

func (ss *sessions) endAll() {
	for id := range ss.byID {
		ss.end(id)
	}
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
		return session{user: user}, s.checkCredentials(user, password, "")
	}
	id := sessionID(r)
	ses, ok := s.sessions.find(id)
	if !ok {
		if status := s.opts.Assume.SessionEnded; status != 0 && s.sessions.wasGood(id) {
			return session{}, failure(status, "Session has expired")
		}
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
