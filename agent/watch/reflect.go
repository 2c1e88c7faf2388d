package watch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/hashicorp/go-hclog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/cache"
)

const (
	// listTimeout bounds one page of a list, so that an API server that keeps
	// connections open without answering is noticed.
	listTimeout = 2 * time.Minute
	// firstRetry and maxRetry bound the pause between attempts to list.
	firstRetry = 500 * time.Millisecond
	maxRetry   = 30 * time.Second
	// calm is how long an attempt must have lasted for the pause to start small.
	calm = 2 * time.Minute
)

// target receives what a reflector sees.
type target interface {
	// transform reduces an object; it is called before the object is kept.
	transform(runtime.Object) (*object, error)
	replace(ctx context.Context, objs []*object) error
	upsert(ctx context.Context, o *object) error
	remove(ctx context.Context, k key) error
	state(ctx context.Context, s state) error
}

// reflector lists and watches one resource until its context ends, over all
// errors, and tells its target what it sees and how it fares.
type reflector struct {
	gvr     schema.GroupVersionResource
	example runtime.Object
	list    func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch   func(context.Context, metav1.ListOptions) (apiwatch.Interface, error)
	client  any // what list and watch use; a fake one disables WatchList
	disco   discovery.DiscoveryInterface
	target  target
	relist  <-chan struct{}
	recheck time.Duration
	log     hclog.Logger
	// troubled and absent are touched by run and, only while run waits for
	// it, by the client-go reflector's goroutine.
	troubled bool
	absent   bool
}

func (r *reflector) run(ctx context.Context) {
	pause := firstRetry
	for ctx.Err() == nil {
		started := time.Now()
		again := r.once(ctx)
		if again {
			pause = firstRetry
			continue
		}
		if time.Since(started) > calm {
			pause = firstRetry
		}
		wait := pause/2 + rand.N(pause)
		pause = min(2*pause, maxRetry)
		if r.absent {
			// Not an error: look for the kind now and then.
			wait = r.recheck/2 + rand.N(r.recheck)
		}
		select {
		case <-r.relist:
		default:
			if !sleep(ctx, wait) {
				return
			}
		}
	}
}

// once runs one reflector until it ends with an error, or until a new list is
// asked for; then it returns true.
func (r *reflector) once(parent context.Context) (again bool) {
	if r.absent {
		if served, err := r.served(); err != nil || !served {
			return false
		}
	}
	// The list that follows answers what was asked for until now.
	select {
	case <-r.relist:
	default:
	}
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	ref := cache.NewReflectorWithOptions(
		cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
			ListWithContextFunc:  r.listPage,
			WatchFuncWithContext: r.watchOnce,
		}, r.client),
		r.example, &store{ctx: ctx, r: r},
		cache.ReflectorOptions{Name: "agent", TypeDescription: r.gvr.GroupResource().String()})

	done := make(chan error, 1)
	go func() {
		// A watch that ends is followed by another list, from where it ended.
		pause := firstRetry
		for {
			started := time.Now()
			err := ref.ListAndWatchWithContext(ctx)
			if err != nil || ctx.Err() != nil {
				done <- err
				return
			}
			if time.Since(started) > calm {
				pause = firstRetry
			}
			if !sleep(ctx, pause/2+rand.N(pause)) {
				done <- nil
				return
			}
			pause = min(2*pause, maxRetry)
		}
	}()
	select {
	case <-r.relist:
		cancel()
		if err := <-done; err != nil {
			r.log.Trace("list or watch ended for a new list", "error", err)
		}
		return parent.Err() == nil
	case err := <-done:
		if err != nil && parent.Err() == nil {
			r.report(parent, err)
		}
		return false
	}
}

// listPage lists one page, always from the newest state: an older one, as
// resource version 0 may give, could bring back objects that the hub knows to
// be gone.
func (r *reflector) listPage(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	if o.ResourceVersion == "0" {
		o.ResourceVersion = ""
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return r.list(ctx, o)
}

func (r *reflector) watchOnce(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
	initial := o.SendInitialEvents != nil && *o.SendInitialEvents
	w, err := r.watch(ctx, o)
	switch {
	case err == nil && !initial && r.troubled:
		// The watch goes on from where it was cut: nothing was missed.
		r.troubled = false
		_ = r.target.state(ctx, state{availability: watched})
	case err != nil && initial && !isAPIStatus(err):
		// The reflector would sleep on a refused connection without heeding its
		// context; an error it does not know makes it list, which fails in turn
		// and ends here.
		return nil, errors.New(describe(err))
	case err != nil && !initial && ctx.Err() == nil:
		r.report(ctx, err)
	}
	return w, err
}

func isAPIStatus(err error) bool {
	var s apierrors.APIStatus
	return errors.As(err, &s) && !apierrors.IsTooManyRequests(err)
}

// report tells the target why the kind cannot be read.
func (r *reflector) report(ctx context.Context, err error) {
	s := state{availability: failing, message: describe(err)}
	switch {
	case apierrors.IsNotFound(err) || meta.IsNoMatchError(err):
		// Only discovery says that the whole resource is missing.
		served, derr := r.served()
		switch {
		case derr != nil:
			s.message = fmt.Sprintf("%v; discovery: %v", err, derr)
		case !served:
			s = state{availability: absent, message: r.notServed()}
		}
	case apierrors.IsForbidden(err):
		// Rights are looked at before it is looked whether there is such a
		// resource, and discovery is open to everybody.
		if served, derr := r.served(); derr == nil && !served {
			s = state{availability: absent, message: r.notServed()}
			break
		}
		// Perhaps for a moment only: just after its start an API server refuses
		// what it will allow. The reflector goes on trying.
		s.availability = forbidden
	case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
		// The ordinary end of an old watch.
		return
	}
	r.troubled = true
	r.log.Debug("list or watch failed", "error", err)
	r.absent = s.availability == absent
	_ = r.target.state(ctx, s)
}

// describe leaves out the address of the request, which says little and is
// different each time.
func describe(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

func (r *reflector) notServed() string {
	return "the API server does not serve " + r.gvr.Resource + " of " + r.gvr.GroupVersion().String()
}

// served asks discovery whether the resource exists.
func (r *reflector) served() (bool, error) {
	list, err := r.disco.ServerResourcesForGroupVersion(r.gvr.GroupVersion().String())
	if apierrors.IsNotFound(err) {
		return false, r.notListed()
	}
	if err != nil {
		return false, fmt.Errorf("discover %s: %w", r.gvr.GroupVersion(), err)
	}
	for i := range list.APIResources {
		if list.APIResources[i].Name == r.gvr.Resource {
			return true, nil
		}
	}
	return false, nil
}

// notListed makes sure that the API server does not list the resource's group
// and version either. One that another server answers for, as OpenShift's Routes
// are, stays in the list while that server is away, and may not be found then;
// what cannot be looked up is not missing.
func (r *reflector) notListed() error {
	groups, err := r.disco.ServerGroups()
	if err != nil {
		return fmt.Errorf("discover API groups: %w", err)
	}
	gv := r.gvr.GroupVersion().String()
	for _, g := range groups.Groups {
		for _, v := range g.Versions {
			if v.GroupVersion == gv {
				return fmt.Errorf("discover %s: it is listed, but not found", gv)
			}
		}
	}
	return nil
}

// sleep waits and tells whether the context is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
