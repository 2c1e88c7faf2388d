package avi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
)

// everyTenant is the tenant header that asks in all tenants of the user.
const everyTenant = "*"

// TenantsOf returns the tenants in which the controller's user sees objects that
// are the cluster's own, sorted. It fails closed, as Inventory does. Of the
// objects only what says whose they are is asked for.
func (c *Client) TenantsOf(ctx context.Context, cluster, createdBy string) ([]string, error) {
	x, err := c.survey(ctx, math.MaxInt, func(o ownedType) url.Values { return o.query(cluster, createdBy) })
	if err != nil {
		return nil, err
	}
	return x.tenantsOf(cluster, createdBy), nil
}

// censusFor is how long it is known who has objects where. The clusters of a
// controller look one after the other, and the answer is about all.
const censusFor = 5 * time.Minute

// TenantsOfMany is TenantsOf for one of so many clusters that ask the same of a
// controller: they are answered together, as of at most censusFor ago, where
// that takes fewer requests than to answer each.
func (c *Client) TenantsOfMany(ctx context.Context, a *Answers, clusters int, cluster, createdBy string) ([]string, error) {
	if a == nil || clusters < 2 {
		return c.TenantsOf(ctx, cluster, createdBy)
	}
	x, err := shared(ctx, a, "who has what where", censusFor, anyAnswer, func(ctx context.Context) (*census, error) {
		// A page a cluster is what they would ask for one by one.
		x, err := c.survey(ctx, clusters*pageSize, ownedType.queryAll)
		if err != nil && (forbidden(err) || errors.Is(err, errTooMany) || ClassOf(err) == Incomplete) {
			return &census{failed: err}, nil
		}
		return x, err
	})
	switch {
	case err != nil:
		return nil, err
	case forbidden(x.failed):
		return nil, x.failed
	case x.failed != nil:
		return c.TenantsOf(ctx, cluster, createdBy)
	}
	return x.tenantsOf(cluster, createdBy), nil
}

// census says who has objects in which tenants.
type census struct {
	// of holds one object for all that have the same owner: those of a cluster may
	// be many.
	of map[ownership]*plan.Observed
	// failed says why there is no census.
	failed error
}

// ownership is what plan.Owned judges an object by. Objects of the same have one
// owner.
type ownership struct{ tenant, typ, createdBy, markers, name string }

func ownershipOf(o *plan.Observed) ownership {
	createdBy, _ := o.Body["created_by"].(string)
	name, rest, _ := strings.Cut(o.Key.Name, namesPrefix)
	if o.Key.Type == "stringgroup" {
		name = "" // its markers say all
	}
	if o.Key.Type == typeVsVip && strings.Contains(rest, "Shared-") {
		name = o.Key.Name // it says which instance's it is
	}
	return ownership{o.Key.Tenant, o.Key.Type, createdBy, fmt.Sprintf("%q", plan.Owners(o)), name}
}

// survey reads of all tenants' objects whose they are. It fails closed, and for
// more than so many objects of a type with errTooMany.
func (c *Client) survey(ctx context.Context, most int, query func(ownedType) url.Values) (*census, error) {
	var mu sync.Mutex
	out := &census{of: map[ownership]*plan.Observed{}}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.cfg.MaxInFlight)
	for _, o := range owned {
		group.Go(func() error {
			q := query(o)
			q.Set("fields", identity(o.typ))
			list, err := c.listUpTo(ctx, most, everyTenant, o.typ, q)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, body := range list {
				name, _ := body["name"].(string)
				held, err := observe(plan.Key{Tenant: orAdmin(refName(body["tenant_ref"])), Type: o.typ, Name: name}, body, nil)
				if err != nil {
					return err
				}
				out.of[ownershipOf(held)] = held
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

// tenantsOf returns the tenants that hold objects of a cluster's, sorted.
func (x *census) tenantsOf(cluster, createdBy string) []string {
	out := map[string]struct{}{}
	for s, o := range x.of {
		if plan.Owned(o, cluster, createdBy) {
			out[s.tenant] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(out))
}

// identity lists the fields of a type that say which object it is and whose.
func identity(typ string) string {
	fields := []string{"uuid", "name", "tenant_ref"}
	for _, f := range []string{"created_by", "markers"} {
		if def := desired.Type(typ); def != nil && def.Fields[f] != nil {
			fields = append(fields, f)
		}
	}
	return strings.Join(fields, ",")
}

// IsForbidden says that the controller's user lacks the right to what was asked
// for. (That a tenant does not exist is another matter: class NoTenant.)
func IsForbidden(err error) bool { return forbidden(err) }
