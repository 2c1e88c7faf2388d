package avi

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"sync"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
)

// lanes let one writer at a time at each shared object (decisions.md, "What a
// fleet of AKOs got wrong").
type lanes struct {
	mu   sync.Mutex
	lane map[laneKey]chan struct{}
}

type laneKey struct {
	key   plan.Key
	cloud string
}

// enter waits for the object's turn; the returned function ends it. Shared
// objects are few, so lanes are never removed.
func (l *lanes) enter(ctx context.Context, k laneKey) (leave func(), err error) {
	l.mu.Lock()
	lane := l.lane[k]
	if lane == nil {
		if l.lane == nil {
			l.lane = map[laneKey]chan struct{}{}
		}
		lane = make(chan struct{}, 1)
		l.lane[k] = lane
	}
	l.mu.Unlock()
	select {
	case lane <- struct{}{}:
		return func() { <-lane }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// editAttempts bounds how often an edit is merged again because somebody else
// wrote the object in between.
const editAttempts = 5

// edit merges labels or static routes into a shared object: read, merge, write
// with the version that was read, again from the start on a conflict. Labels of
// somebody else's are class Conflict (l4-infra.md §2.9).
func (w *writer) edit(ctx context.Context, e translate.Edit) (*plan.Observed, error) {
	fail := func(class Class, message string, err error) error {
		return &Error{Class: class, Op: "editing", Tenant: e.Key.Tenant, Type: e.Key.Type, Name: e.Key.Name, Message: message, Err: err}
	}
	leave, err := w.client.lanes.enter(ctx, laneKey{e.Key, e.Cloud})
	if err != nil {
		return nil, fail(Canceled, "", err)
	}
	defer leave()
	query := url.Values{"name": {e.Key.Name}}
	if e.Cloud != "" {
		query.Set("cloud_ref.name", e.Cloud)
	}
	var last error
	for attempt := range editAttempts {
		if attempt > 0 {
			if err := sleep(ctx, w.client.backoff(attempt, 0)); err != nil {
				return nil, errors.Join(last, err)
			}
		}
		body, err := w.client.find(ctx, e.Key.Tenant, e.Key.Type, query)
		if err != nil {
			return nil, err
		}
		if body != nil && takesAway(e) && !inTenant(body, e.Key.Tenant) {
			// Another of the name is seen, since this one has gone.
			body = nil
		}
		if body == nil {
			return nil, fail(NotFound, "there is none in cloud "+e.Cloud, nil)
		}
		have, err := observe(e.Key, body, nil)
		if err != nil {
			return nil, err
		}
		merged := plan.Merge(body, e)
		if foreign := merged.Foreign; foreign != "" {
			return nil, &Error{Class: Conflict, Op: "editing", Tenant: e.Key.Tenant, Type: e.Key.Type, Name: e.Key.Name, Owner: foreign,
				Message: "it has " + foreign + " already: a service-engine group can serve one cluster's static routes only"}
		}
		if !merged.Due() {
			return have, nil
		}
		next := writable(desired.Type(e.Key.Type), body)
		maps.Copy(next, merged.Fields)
		// The object's own tenant may write it, whoever else sees it.
		answer, err := w.client.Update(ctx, orAdmin(refName(body["tenant_ref"])), e.Key.Type, have.UUID, next)
		if err == nil {
			w.wrote = true
			w.client.marks.note(e)
			return observe(e.Key, answer, nil)
		}
		if last = err; !IsClass(err, Precondition) {
			return nil, err
		}
	}
	return nil, last
}

// takesAway says that an edit only takes marks from an object.
func takesAway(e translate.Edit) bool { return e.Remove || e.Routes != nil && e.Routes.Former }

// writable returns a copy of a body without what only the controller sets, but
// with its version. Everything else goes back as it was read, also what the
// vocabulary doesn't know.
func writable(def *desired.Definition, body map[string]any) map[string]any {
	out := maps.Clone(body)
	for name, v := range body {
		if name == "_last_modified" {
			continue
		}
		var f *desired.Field
		if def != nil {
			f = def.Fields[name]
		}
		switch {
		case f == nil:
		case f.ReadOnly:
			delete(out, name)
		case f.Def != nil:
			out[name] = writableAny(f.Def, v)
		}
	}
	return out
}

func writableAny(def *desired.Definition, v any) any {
	switch v := v.(type) {
	case map[string]any:
		return writable(def, v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = writableAny(def, e)
		}
		return out
	}
	return v
}
