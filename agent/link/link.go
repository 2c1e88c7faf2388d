package link

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/akohub/akohub/agent/watch"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Version of the protocol that this agent speaks.
const (
	ProtocolMajor = 1
	ProtocolMinor = 0
)

const (
	// firstBackoff and maxBackoff bound the time between sessions.
	firstBackoff = time.Second
	maxBackoff   = time.Minute
	// stableAfter is how long a session must have lasted for the next attempt
	// to come soon.
	stableAfter = time.Minute
	// welcomeTimeout bounds connecting and the hub's first answer.
	welcomeTimeout = 30 * time.Second
	// farewell bounds a clean end.
	farewell = time.Second
	// missedHeartbeats after which a silent hub is given up.
	missedHeartbeats = 3
)

// Bounds used when the hub names none.
const (
	defaultBatchBytes = 128 << 10
	defaultUnacked    = 256
	defaultHeartbeat  = 10 * time.Second
)

// Kinds is what the link needs of package watch.
type Kinds interface {
	Apply(plan *akohubv1.WatchPlan, maxRecord int)
	Attach(ctx context.Context, s watch.Sink)
	Detach()
	Need(n *akohubv1.SnapshotNeed)
}

// Writer carries out write-backs.
type Writer interface {
	// Write takes a write-back and calls done once with what became of it,
	// unless ctx ends first. It blocks while too many wait; an error means that
	// the write-back was not taken because ctx ended.
	Write(ctx context.Context, w *akohubv1.WriteBack, done func(*akohubv1.WriteBackResult)) error
}

// Observer is told what the link does, for metrics. It must be quick.
type Observer interface {
	// Attempt is called before each attempt to connect.
	Attempt()
	// Connected is called with true after a Welcome and with false at the end
	// of that session.
	Connected(bool)
	// Sent is called for each message with how many records it carried.
	Sent(records int, batch bool)
}

// Config is what a Link works with.
type Config struct {
	// Hub is HOST:PORT.
	Hub string
	// TLS returns the configuration for the next connection.
	TLS func() (*tls.Config, error)
	// Hello returns the introduction; protocol and epoch are filled in.
	Hello func(ctx context.Context) *akohubv1.Hello
	// UserAgent names the agent and its release to the hub's logs.
	UserAgent string
	Kinds     Kinds
	Writer    Writer
	Observer  Observer
	Log       hclog.Logger

	// Sleep waits for d or until ctx ends; nil: by the clock. For tests.
	Sleep func(ctx context.Context, d time.Duration)
	// Jitter returns a duration from 0 to d; nil: at random. For tests.
	Jitter func(d time.Duration) time.Duration
}

// Link keeps a session with the hub.
type Link struct {
	cfg       Config
	lastEpoch string
}

// New makes a link; Run does its work.
func New(cfg Config) *Link {
	if cfg.Sleep == nil {
		cfg.Sleep = func(ctx context.Context, d time.Duration) {
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-t.C:
			case <-ctx.Done():
			}
		}
	}
	if cfg.Jitter == nil {
		cfg.Jitter = func(d time.Duration) time.Duration { return rand.N(d + 1) }
	}
	return &Link{cfg: cfg}
}

// Run holds one session after the other until ctx ends. Between them it waits
// for a time drawn evenly from zero to a bound that doubles from one second to
// a minute (full jitter: a fleet must not come back all at once), and starts
// small again after a session that lasted.
func (l *Link) Run(ctx context.Context) {
	bound := firstBackoff
	for ctx.Err() == nil {
		l.cfg.Observer.Attempt()
		up, err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if up >= stableAfter {
			bound = firstBackoff
		}
		wait := l.cfg.Jitter(bound)
		bound = min(2*bound, maxBackoff)
		l.logEnd(err, up, wait)
		l.cfg.Sleep(ctx, wait)
	}
}
