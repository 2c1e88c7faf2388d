// Package fleet knows the registered clusters.
//
// In comes a folder of YAML files, one Cluster each, read live; out come
// registrations by name, and word of which names changed. A file that can't be
// read or is wrong is refused with its line and reason, and what it said
// before stays in force: a slip of the editor must not take a cluster away.
// Only a file that is gone takes its registration with it.
//
// The package reads files and nothing else; it may import only pkg.
package fleet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/hashicorp/go-hclog"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// Registration is one registered cluster. It is immutable and may be shared.
type Registration struct {
	Cluster *v1alpha1.Cluster
	// File is the base name of the file it was read from.
	File string
	// Hash is that of the file's bytes, in hex: it changes when they do.
	Hash string
}

// FileError says why a file is not in force as it stands.
type FileError struct {
	// File is the base name; empty: the folder as a whole.
	File string
	// Err is a *strictyaml.Error when the content is wrong, else an I/O error.
	Err error
	// Kept is the name of the cluster whose earlier registration from this file
	// stays in force; empty: there is none.
	Kept string
}

// Error gives file, lines and reasons.
func (e FileError) Error() string {
	if e.Kept == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v (the earlier registration of cluster %q stays in force)", e.Err, e.Kept)
}

// Unwrap returns Err.
func (e FileError) Unwrap() error { return e.Err }

// Fleet is the registered clusters of a folder. Its methods may be called from
// any goroutine.
type Fleet struct {
	dir         string
	log         hclog.Logger
	controllers []string
	settle      time.Duration
	interval    time.Duration

	scanning sync.Mutex // one scan at a time; guards files
	files    map[string]*file

	mu      sync.RWMutex
	byName  map[string]*Registration
	errs    []FileError
	watches map[*Watch]struct{}

	cancel context.CancelFunc
	done   chan struct{}
}

// Option changes how a Fleet works.
type Option func(*Fleet)

// WithControllers gives the names of the controllers that a registration may
// name, the default one first. Without it any name goes.
func WithControllers(names ...string) Option {
	return func(f *Fleet) { f.controllers = names }
}

// WithTiming sets how long a folder must be quiet after a change before it is
// read (default 200 ms: editors replace files in several steps), and after how
// long it is read anyway (default 10 s: some file systems, and some ways of
// mounting, tell nothing of changes).
func WithTiming(settle, interval time.Duration) Option {
	return func(f *Fleet) { f.settle, f.interval = settle, interval }
}

// Open reads the folder, which must exist, and follows it until Close. Bad
// files are no error here: they are in Errors and in the log.
func Open(dir string, log hclog.Logger, opts ...Option) (*Fleet, error) {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	f := &Fleet{
		dir: dir, log: log, settle: 200 * time.Millisecond, interval: 10 * time.Second,
		files: map[string]*file{}, byName: map[string]*Registration{}, watches: map[*Watch]struct{}{},
		done: make(chan struct{}),
	}
	for _, o := range opts {
		o(f)
	}
	if st, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("opening the clusters folder: %w", err)
	} else if !st.IsDir() {
		return nil, fmt.Errorf("opening the clusters folder: %s is not a folder", dir)
	}
	// The watcher comes before the first scan, so that no change falls between.
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		if err = watcher.Add(dir); err != nil {
			_ = watcher.Close()
		}
	}
	if err != nil {
		log.Warn("cannot watch the clusters folder; it is only read from time to time", "folder", dir, "interval", f.interval, "error", err)
		watcher = nil
	}
	f.Rescan()
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	go f.follow(ctx, watcher)
	return f, nil
}

// Close stops following the folder. What is known stays known.
func (f *Fleet) Close() {
	f.cancel()
	<-f.done
}

// Get returns the registration of a cluster.
func (f *Fleet) Get(name string) (*Registration, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	r, ok := f.byName[name]
	return r, ok
}

// List returns all registrations, sorted by name.
func (f *Fleet) List() []*Registration {
	f.mu.RLock()
	defer f.mu.RUnlock()
	out := make([]*Registration, 0, len(f.byName))
	for _, r := range f.byName {
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Cluster.Metadata.Name < out[j].Cluster.Metadata.Name })
	return out
}

// Errors returns what is wrong with the folder's files now, sorted by file.
func (f *Fleet) Errors() []FileError {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return append([]FileError(nil), f.errs...)
}

// follow rescans after changes, and from time to time.
func (f *Fleet) follow(ctx context.Context, w *fsnotify.Watcher) {
	defer close(f.done)
	var events <-chan fsnotify.Event
	var errs <-chan error
	if w != nil {
		defer func() { _ = w.Close() }()
		events, errs = w.Events, w.Errors
	}
	tick := time.NewTicker(f.interval)
	defer tick.Stop()
	quiet := time.NewTimer(f.settle)
	quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case ev, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if ev.Has(fsnotify.Remove) && filepath.Clean(ev.Name) == filepath.Clean(f.dir) {
				// The folder itself was replaced: the watch went with it. The
				// ticker still reads it; try to watch the new one there.
				f.log.Warn("the clusters folder was removed; registrations stay as they are", "folder", f.dir)
			}
			quiet.Reset(f.settle)
		case err, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}
			f.log.Warn("watching the clusters folder", "folder", f.dir, "error", err)
			quiet.Reset(f.settle)
		case <-quiet.C:
			f.Rescan()
		case <-tick.C:
			f.Rescan()
			if w != nil && len(w.WatchList()) == 0 {
				if err := w.Add(f.dir); err == nil {
					f.log.Info("watching the clusters folder again", "folder", f.dir)
				}
			}
		}
	}
}
