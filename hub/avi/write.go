package avi

import (
	"context"
	"errors"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
)

// writer carries out the steps of one cluster's plan.
type writer struct {
	client             *Client
	cluster, createdBy string
	wrote              bool
}

const (
	createAttempts = 3
	updateAttempts = 4
)

// create makes an object. If the name is taken, or no answer came, it looks who
// is there: the cluster's own object is brought to what is wanted, somebody
// else's is a conflict and stays as it is (promise 5).
func (w *writer) create(ctx context.Context, want *desired.Object) (*plan.Observed, error) {
	k := want.Key
	var last error
	for attempt := range createAttempts {
		if attempt > 0 {
			if err := sleep(ctx, w.client.backoff(attempt, 0)); err != nil {
				return nil, errors.Join(last, err)
			}
		}
		body, err := w.client.Create(ctx, k.Tenant, k.Type, want.Body)
		switch ClassOf(err) {
		case "":
			if err != nil {
				return nil, err
			}
			w.wrote = true
			return observe(k, body, want)
		case Exists:
			have, readErr := w.client.Read(ctx, k, want.Cloud)
			if readErr != nil {
				return nil, readErr
			}
			if have == nil { // taken in a way that a read by name doesn't show
				var e *Error
				asAvi(err, &e)
				return nil, &Error{Class: Conflict, Op: "creating", Tenant: k.Tenant, Type: k.Type, Name: k.Name, Status: e.Status, Message: e.Message}
			}
			return w.settle(ctx, want, have)
		case Unavailable, Internal:
			// It may have been made all the same.
			last = err
			have, readErr := w.client.Read(ctx, k, want.Cloud)
			if readErr != nil {
				return nil, err
			}
			if have != nil {
				w.wrote = true
				return w.settle(ctx, want, have)
			}
		default:
			return nil, err
		}
	}
	return nil, last
}

// settle brings an object that was found under the wanted name to what is
// wanted.
func (w *writer) settle(ctx context.Context, want *desired.Object, have *plan.Observed) (*plan.Observed, error) {
	if !plan.Owned(have, w.cluster, w.createdBy) {
		return nil, w.conflict(have)
	}
	if others, err := w.client.usedByOthers(ctx, have, w.cluster, w.createdBy); err != nil {
		return nil, err
	} else if others {
		return nil, w.conflict(have)
	}
	if len(plan.Diff(want, have)) == 0 {
		return have, nil
	}
	return w.update(ctx, want, have)
}

func (w *writer) conflict(have *plan.Observed) error {
	owner := plan.Owner(have)
	message := "the name is taken by an object of " + owner
	if owner == "" {
		message = "the name is taken by an object that is nobody's"
	}
	return &Error{Class: Conflict, Op: "writing", Tenant: have.Key.Tenant, Type: have.Key.Type, Name: have.Key.Name, Owner: owner, Message: message}
}

// update brings an object to what is wanted. A change in between (412) is read
// and merged with again: what others set stays. If the object is gone, it is
// made again.
func (w *writer) update(ctx context.Context, want *desired.Object, have *plan.Observed) (*plan.Observed, error) {
	k := want.Key
	var last error
	for range updateAttempts {
		body, err := w.client.Update(ctx, k.Tenant, k.Type, have.UUID, plan.Body(want, have))
		switch ClassOf(err) {
		case "":
			if err != nil {
				return nil, err
			}
			w.wrote = true
			return observe(k, body, want)
		case Precondition, NotFound:
			last = err
		default:
			return nil, err
		}
		now, err := w.client.Read(ctx, k, want.Cloud)
		switch {
		case err != nil:
			return nil, err
		case now == nil:
			return w.create(ctx, want)
		case !plan.Owned(now, w.cluster, w.createdBy):
			return nil, w.conflict(now)
		case len(plan.Diff(want, now)) == 0:
			return now, nil
		case ClassOf(last) == NotFound && now.UUID == have.UUID:
			return nil, last // something that it refers to is missing
		}
		have = now
	}
	return nil, last
}

// remove deletes an object; that it is gone already is what was wanted.
func (w *writer) remove(ctx context.Context, have *plan.Observed) error {
	if !plan.Owned(have, w.cluster, w.createdBy) {
		return w.conflict(have)
	}
	err := w.client.Delete(ctx, have.Key.Tenant, have.Key.Type, have.UUID)
	if IsClass(err, NotFound) {
		return nil
	}
	w.wrote = err == nil
	var e *Error
	if asAvi(err, &e) {
		e.Name = have.Key.Name
	}
	return err
}
