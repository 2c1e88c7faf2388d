package avi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// session is the one login of a controller. However many requests find it
// expired, one of them logs in again and the others wait for it.
type session struct {
	flight singleflight.Group

	mu         sync.Mutex
	cookies    string // as in the header; empty: not logged in
	csrf       string
	generation uint64 // counts logins
	refused    refusal
	useless    int // fresh logins in a row that the next request found refused
	password   [sha256.Size]byte
}

// refusal remembers that a password was refused, so that it isn't sent again
// and again until the account is locked.
type refusal struct {
	password [sha256.Size]byte
	until    time.Time
	wait     time.Duration
	err      *Error
}

const (
	// A refused password is tried again after these waits, doubling, in case
	// the refusal was the controller's mistake. Another password is tried at
	// once.
	firstRefusalWait = 30 * time.Second
	maxRefusalWait   = 15 * time.Minute
	loginTimeout     = 30 * time.Second
)

// credentials are what a request carries.
type credentials struct {
	cookies, csrf string
	generation    uint64
}

// maxUseless is how many fresh sessions may turn out to be refused before the
// client stops logging in: something is wrong that another login won't mend.
const maxUseless = 2

// judge notes whether a session that was just opened is good for anything.
func (s *session) judge(failed *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if failed == nil || failed.Class != Unauthorized {
		s.useless = 0
		return
	}
	if s.useless++; s.useless >= maxUseless {
		s.useless = 0
		s.cookies = ""
		s.refuse(s.password, failed)
	}
}

// refuse notes that logging in is of no use for a while. The lock is held.
func (s *session) refuse(password [sha256.Size]byte, e *Error) time.Duration {
	wait := firstRefusalWait
	if s.refused.err != nil && s.refused.password == password {
		wait = min(s.refused.wait*2, maxRefusalWait)
	}
	s.refused = refusal{password: password, wait: wait, until: time.Now().Add(wait), err: e}
	return wait
}

// login returns credentials newer than a generation, logging in if needed.
func (c *Client) login(ctx context.Context, after uint64) (credentials, error) {
	for {
		cr, err := c.joinLogin(ctx, after)
		if err != nil || cr.generation > after {
			return cr, err
		}
		// It was the login of somebody with older credentials: once more.
	}
}

func (c *Client) joinLogin(ctx context.Context, after uint64) (credentials, error) {
	s := &c.session
	s.mu.Lock()
	if s.cookies != "" && s.generation > after {
		defer s.mu.Unlock()
		return credentials{s.cookies, s.csrf, s.generation}, nil
	}
	s.mu.Unlock()
	done := s.flight.DoChan("login", func() (any, error) {
		s.mu.Lock()
		if s.cookies != "" && s.generation > after {
			defer s.mu.Unlock()
			return credentials{s.cookies, s.csrf, s.generation}, nil
		}
		s.mu.Unlock()
		// The login outlives the request that happened to start it: others
		// wait for it too.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loginTimeout)
		defer cancel()
		return c.doLogin(ctx)
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return credentials{}, r.Err
		}
		cr, _ := r.Val.(credentials)
		return cr, nil
	case <-ctx.Done():
		return credentials{}, &Error{Class: Canceled, Op: "logging in", Err: ctx.Err()}
	}
}

func (c *Client) doLogin(ctx context.Context) (credentials, error) {
	password, err := c.cfg.Password()
	if err != nil {
		return credentials{}, &Error{Class: Unauthorized, Op: "logging in", Err: fmt.Errorf("reading the password: %w", err)}
	}
	s := &c.session
	sum := sha256.Sum256([]byte(password))
	s.mu.Lock()
	refused := s.refused
	s.mu.Unlock()
	if refused.err != nil && refused.password == sum && time.Now().Before(refused.until) {
		return credentials{}, refused.err
	}
	cr, err := c.postLogin(ctx, password)
	c.metrics.login(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Class == Unauthorized {
			s.cookies = ""
			wait := s.refuse(sum, e)
			e.Message += fmt.Sprintf("; not logging in as %q again for %s, or until the password changes", c.cfg.Username, wait)
			c.log.Error("the controller refuses the login", "user", c.cfg.Username, "wait", wait.String())
		}
		return credentials{}, err
	}
	if time.Now().After(s.refused.until) || s.refused.password != sum {
		s.refused = refusal{}
	}
	s.generation++
	s.password = sum
	s.cookies, s.csrf = cr.cookies, cr.csrf
	cr.generation = s.generation
	c.log.Debug("logged in", "user", c.cfg.Username)
	return cr, nil
}

// postLogin sends the password and collects the cookies.
func (c *Client) postLogin(ctx context.Context, password string) (credentials, error) {
	fail := func(class Class, status int, message string, err error) (credentials, error) {
		return credentials{}, &Error{Class: class, Op: "logging in", Status: status, Message: message, Err: err}
	}
	body, err := json.Marshal(map[string]string{"username": c.cfg.Username, "password": password})
	if err != nil {
		return fail(Unauthorized, 0, "", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/login", bytes.NewReader(body))
	if err != nil {
		return fail(Unavailable, 0, "", err)
	}
	c.setHeaders(req.Header, "")
	if err := c.limiter.wait(ctx); err != nil {
		return fail(Canceled, 0, "", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fail(classifyTransport(ctx, err), 0, "", err)
	}
	answer, err := readBody(resp)
	if err != nil {
		return fail(classifyTransport(ctx, err), 0, "reading the answer", err)
	}
	if resp.StatusCode/100 != 2 {
		e := &Error{Op: "logging in", Status: resp.StatusCode, Message: messageOf(resp.StatusCode, answer)}
		e.Class = classify(http.MethodPost, resp.StatusCode, e.Message)
		if e.Class == Invalid {
			// What else a login is refused with (a locked account, say), to send
			// it again and again would keep the account locked.
			e.Class = Unauthorized
		}
		e.RetryAfter = retryAfter(resp.Header)
		if e.Class == RateLimited {
			c.limiter.refused(e.RetryAfter)
		}
		return credentials{}, e
	}
	c.noteRelease(answer)
	var cr credentials
	for _, cookie := range resp.Cookies() {
		if cookie.Value == "" {
			continue
		}
		switch cookie.Name {
		case "csrftoken":
			cr.csrf = cookie.Value
		case "sessionid", "avi-sessionid":
		default:
			continue
		}
		if cr.cookies != "" {
			cr.cookies += "; "
		}
		cr.cookies += cookie.Name + "=" + cookie.Value
	}
	if cr.cookies == "" {
		return fail(Unavailable, resp.StatusCode, "the answer to the login has no session cookie: is this an Avi Controller?", nil)
	}
	return cr, nil
}
