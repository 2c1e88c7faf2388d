package avisim

import (
	"crypto/subtle"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// lockouts counts failed logins.
type lockouts struct {
	mu     sync.Mutex
	byUser map[string]*failures
}

type failures struct {
	count       int
	first       time.Time
	lockedUntil time.Time
}

func newLockouts() *lockouts { return &lockouts{byUser: map[string]*failures{}} }

func (l *lockouts) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.byUser)
}

// locked says whether the user is locked out at that time.
func (l *lockouts) locked(user string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.byUser[user]
	return f != nil && now.Before(f.lockedUntil)
}

// failed counts a failure, and locks the user out when it was one too many.
func (l *lockouts) failed(user string, now time.Time, r loginRules) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.maxFailures == 0 {
		return
	}
	f := l.byUser[user]
	if f == nil || r.window > 0 && now.Sub(f.first) > r.window || !f.lockedUntil.IsZero() {
		f = &failures{first: now}
		l.byUser[user] = f
	}
	f.count++
	if f.count >= r.maxFailures {
		f.lockedUntil = now.Add(r.lock)
	}
}

func (l *lockouts) succeeded(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byUser, user)
}

// loginRules are what a user's account profile says about failed logins.
type loginRules struct {
	maxFailures  int // 0: never locked
	window, lock time.Duration
}

// loginRulesOf reads the profile of the user, or the default one. A lock of no
// length lasts until the simulator is reset.
func (st *store) loginRulesOf(user *object) loginRules {
	profile, _ := user.body["user_profile_ref"].(*object)
	if profile == nil {
		profile = st.names[nameKey{st.vocab.byName["UserAccountProfile"], st.admin, nil, defaultUserProfile}]
	}
	if profile == nil {
		return loginRules{}
	}
	value := func(name string) int {
		if v, ok := profile.body[name]; ok {
			return number(v)
		}
		return number(profile.t.def.byName[name].fallback)
	}
	r := loginRules{
		maxFailures: value("max_login_failure_count"),
		window:      time.Duration(value("login_failure_count_expiry_window")) * time.Minute,
		lock:        time.Duration(value("account_lock_timeout")) * time.Minute,
	}
	if r.lock == 0 {
		r.lock = 100 * 365 * 24 * time.Hour
	}
	return r
}

// The account profiles that every controller has: admin's never locks.
const (
	defaultUserProfile  = "Default-User-Account-Profile"
	noLockoutUserAccess = "No-Lockout-User-Account-Profile"
)

const invalidCredentials = "Invalid credentials"

// checkCredentials looks at the User objects: the seed's and those that a
// client made. One of password and token is given.
func (s *Simulator) checkCredentials(user, password, token string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.store.user(user)
	if o == nil || o.body["is_active"] == false {
		return failure(http.StatusUnauthorized, invalidCredentials)
	}
	now := s.opts.Now()
	if s.lockouts.locked(user, now) {
		status := s.opts.Assume.AccountLocked
		if status == 0 {
			status = http.StatusUnauthorized
		}
		return failure(status, "Account %s is locked after too many failed logins", quote(user))
	}
	want, _ := o.body["password"].(string)
	good := password != "" && want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
	if password == "" && token != "" {
		good = s.tokens.valid(user, token, now)
	}
	if !good {
		s.lockouts.failed(user, now, s.store.loginRulesOf(o))
		return failure(http.StatusUnauthorized, invalidCredentials)
	}
	s.lockouts.succeeded(user)
	return nil
}

func (st *store) user(name string) *object {
	return st.names[nameKey{st.vocab.byName["User"], st.admin, nil, name}]
}

// credentials reads a login's body: JSON, or a form, which is what Python
// clients send.
func credentials(c *call) (user, password, token string, err error) {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" && (len(c.body) == 0 || c.body[0] != '{') {
		form, err := url.ParseQuery(string(c.body))
		if err != nil {
			return "", "", "", badRequest("parsing the form: " + err.Error())
		}
		return form.Get("username"), form.Get("password"), form.Get("token"), nil
	}
	in, err := parseJSON(c.body)
	if err != nil {
		return "", "", "", err
	}
	user, _ = in["username"].(string)
	password, _ = in["password"].(string)
	token, _ = in["token"].(string)
	return user, password, token, nil
}

func (s *Simulator) login(c *call) error {
	if c.r.Method != http.MethodPost {
		return methodNotAllowed(c)
	}
	user, password, token, err := credentials(c)
	if err != nil {
		return err
	}
	if err := s.checkCredentials(user, password, token); err != nil {
		return err
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
	o, rights := s.store.user(user), s.store.rightsOf(user)
	if o == nil {
		return failure(http.StatusUnauthorized, invalidCredentials) // gone since it was looked at
	}
	tenants := []map[string]any{}
	for _, t := range s.store.list(s.vocab.byName["Tenant"], s.store.admin).items() {
		if rights.mayEnter(t) {
			tenants = append(tenants, map[string]any{"name": t.name, "uuid": t.uuid, "url": c.base() + ref(t), "local": true})
		}
	}
	return c.json(http.StatusOK, map[string]any{
		"user_initialized": true, "session_cookie_name": "avi-sessionid",
		"user":              map[string]any{"username": user, "name": user, "uuid": o.uuid, "is_superuser": rights.superuser, "local": true},
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

// tokens are what a user may log in with in place of the password.
type tokens struct {
	mu   sync.Mutex
	list []userToken
}

type userToken struct {
	uuid, user, token string
	expires           time.Time
}

// maxTokens bounds the list; the oldest go first.
const maxTokens = 10_000

func (ts *tokens) valid(user, token string, now time.Time) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.list {
		if t.user == user && now.Before(t.expires) && subtle.ConstantTimeCompare([]byte(t.token), []byte(token)) == 1 {
			return true
		}
	}
	return false
}

func (ts *tokens) add(t userToken) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if len(ts.list) >= maxTokens {
		ts.list = append([]userToken(nil), ts.list[1:]...)
	}
	ts.list = append(ts.list, t)
}

func (ts *tokens) of(user string, now time.Time) []userToken {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	var out []userToken
	for _, t := range ts.list {
		if t.user == user && now.Before(t.expires) {
			out = append(out, t)
		}
	}
	return out
}

func (ts *tokens) remove(user, uuid string) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for i, t := range ts.list {
		if t.user == user && (t.uuid == uuid || t.token == uuid) {
			ts.list = append(ts.list[:i:i], ts.list[i+1:]...)
			return true
		}
	}
	return false
}

// tokenTime is how a token's end is written.
const tokenTime = "2006-01-02T15:04:05.000000-07:00"

// userTokenCall answers /api/user-token: a user makes, lists and removes their
// own tokens. A token is shown once, when it is made.
func (s *Simulator) userTokenCall(c *call, uuid string) error {
	now := s.opts.Now()
	shown := func(t userToken) map[string]any {
		return map[string]any{
			"uuid": t.uuid, "username": t.user, "expires_at": t.expires.UTC().Format(tokenTime),
			"hours": strconv.Itoa(int(t.expires.Sub(now).Round(time.Hour).Hours())),
		}
	}
	switch {
	case c.r.Method == http.MethodPost && uuid == "":
		hours := 1
		if len(c.body) > 0 {
			in, err := parseJSON(c.body)
			if err != nil {
				return err
			}
			if v, ok := in["hours"]; ok {
				if hours, err = strconv.Atoi(text(v)); err != nil || hours < 1 || hours > 87_600 {
					return badRequest("hours: a number of hours is needed, at most 87600")
				}
			}
		}
		t := userToken{uuid: "usertoken-" + randomToken()[:12], user: c.user, token: randomToken() + randomToken()[:8], expires: now.Add(time.Duration(hours) * time.Hour)}
		s.tokens.add(t)
		out := shown(t)
		out["token"] = t.token
		return c.json(http.StatusCreated, out)
	case c.r.Method == http.MethodGet && uuid == "":
		results := []any{}
		for _, t := range s.tokens.of(c.user, now) {
			results = append(results, shown(t))
		}
		return c.json(http.StatusOK, map[string]any{"count": len(results), "results": results})
	case c.r.Method == http.MethodDelete && uuid != "":
		if !s.tokens.remove(c.user, uuid) {
			return failure(http.StatusNotFound, "Token not found!")
		}
		c.raw(http.StatusNoContent, nil)
		return nil
	}
	return methodNotAllowed(c)
}
