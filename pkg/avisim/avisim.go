// Package avisim simulates an Avi Controller: the REST API as a client sees
// it, with state, and strict about what it takes.
//
// What comes in: HTTP requests, and a seed (clouds, networks, tenants, users,
// profiles) that says what is there at the start. What goes out: answers, a
// log of the requests, and a normalized dump of what clients wrote. Objects
// are checked against the published vocabulary (pkg/avischema). It keeps
// everything in memory, opens no connection of its own, and knows nothing of
// akohub: any Avi client can be tested with it.
//
// What is published, what was observed and what is assumed about a real
// controller is told apart in docs/avisim.md; the assumptions that matter are
// switches (see [Assumptions]).
package avisim

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Options configure a Simulator. The zero value is the default seed, no log,
// and the real clock.
type Options struct {
	// Seed is what the controller holds at the start; nil means the one that
	// is embedded ([DefaultSeed]).
	Seed *Seed
	// Tenants are created in addition to the seed's.
	Tenants []string
	// Logger gets a line for each request at debug level, and for what goes
	// wrong inside. Nil means no log.
	Logger hclog.Logger
	// Now is the clock of _last_modified, sessions and the request log. Nil
	// means time.Now.
	Now func() time.Time
	// SessionTTL ends a session that was not used for so long. Zero means 15
	// minutes.
	SessionTTL time.Duration
	// RequestLog is how many requests are kept, the oldest going first. Zero
	// means 100,000; negative none.
	RequestLog int
	// BasicAuth accepts an Authorization header in place of a session.
	BasicAuth bool
	// Latency is how long every answer is held back.
	Latency time.Duration
	// RateLimit, if set, delays and then refuses requests as the controller's
	// front end does. Nil means no limit.
	RateLimit *RateLimit
	// Assume changes what is only assumed about a real controller.
	Assume Assumptions
}

// Simulator is one simulated controller. All methods may be called at any
// time, from any goroutine.
type Simulator struct {
	opts  Options
	log   hclog.Logger
	seed  *Seed
	vocab *vocabulary

	mu    sync.RWMutex // guards store
	store *store

	sessions *sessions
	tokens   *tokens
	lockouts *lockouts
	requests *requestLog
	faults   *faults
	limiter  *limiter

	leader      atomic.Pointer[time.Time] // since when the leader is up
	leaders     atomic.Uint64             // how many there were
	cluster     atomic.Pointer[string]    // the cluster's state, if not the usual one
	upgrading   atomic.Bool
	connections *connections

	snapshots snapshots
}

// New makes a simulator. It fails if the seed doesn't make sense; the error
// names the object.
func New(opts Options) (*Simulator, error) {
	if opts.Logger == nil {
		opts.Logger = hclog.NewNullLogger()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.SessionTTL == 0 {
		opts.SessionTTL = 15 * time.Minute
	}
	if opts.RequestLog == 0 {
		opts.RequestLog = 100_000
	}
	seed := opts.Seed
	if seed == nil {
		var err error
		if seed, err = DefaultSeed(); err != nil {
			return nil, err
		}
	}
	compiled := compiledVocabulary
	if opts.Assume.SharedApplications {
		compiled = compiledShared
	}
	vocab, err := compiled()
	if err != nil {
		return nil, fmt.Errorf("compiling the object vocabulary: %w", err)
	}
	s := &Simulator{
		opts: opts, log: opts.Logger, seed: seed, vocab: vocab,
		sessions: newSessions(opts.Now, opts.SessionTTL),
		tokens:   &tokens{}, lockouts: newLockouts(),
		requests: newRequestLog(opts.RequestLog),
		faults:   newFaults(),
		limiter:  newLimiter(opts.RateLimit, opts.Now),

		connections: newConnections(),
	}
	for _, u := range append([]SeedUser{seed.User}, seed.Users...) {
		for i, t := range u.Tokens {
			s.tokens.add(userToken{uuid: fmt.Sprintf("usertoken-%s-%d", u.Name, i), user: u.Name, token: t, expires: opts.Now().AddDate(100, 0, 0)})
		}
	}
	s.ChangeLeader()
	if s.store, err = s.seededStore(); err != nil {
		return nil, err
	}
	return s, nil
}

// Handler serves the API. Requests may come over HTTP or HTTPS, the handler
// doesn't mind; addresses in answers are https.
func (s *Simulator) Handler() http.Handler { return http.HandlerFunc(s.serveHTTP) }

// Reset puts the simulator back to its seed: objects, faults and the request
// log. Sessions and snapshots stay.
func (s *Simulator) Reset() error {
	st, err := s.seededStore()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.store = st
	s.mu.Unlock()
	s.lockouts.clear()
	s.ClearFaults()
	s.ResetRequests()
	return nil
}

// ExpireSessions makes the controller forget every login: the next request of
// each client is answered 401.
func (s *Simulator) ExpireSessions() { s.sessions.expire() }

// SetUpgrading refuses (or again accepts) writes with 403 as during an
// upgrade of the controller.
func (s *Simulator) SetUpgrading(on bool) { s.upgrading.Store(on) }
