package avi

import (
	"context"
	"slices"
	"strings"
	"sync"

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
	var mu sync.Mutex
	var out []string
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.cfg.MaxInFlight)
	for _, o := range owned {
		group.Go(func() error {
			query := o.query(cluster, createdBy)
			query.Set("fields", identity(o.typ))
			list, err := c.List(ctx, everyTenant, o.typ, query)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, body := range list {
				tenant := orAdmin(refName(body["tenant_ref"]))
				name, _ := body["name"].(string)
				held, err := observe(plan.Key{Tenant: tenant, Type: o.typ, Name: name}, body, nil)
				if err != nil {
					return err
				}
				if plan.Owned(held, cluster, createdBy) && !slices.Contains(out, tenant) {
					out = append(out, tenant)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.Sort(out)
	return out, nil
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
