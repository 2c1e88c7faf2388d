package avi

import (
	"context"
	"maps"
	"net/url"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/akohub/akohub/hub/plan"
)

// ownedType is a type of objects that clusters have.
type ownedType struct {
	typ   string
	query func(cluster, createdBy string) url.Values
}

// namesPrefix ends the part of a name that is the cluster's.
const namesPrefix = "--"

// queryAll asks for those of all clusters, which have names of a form that few
// others have (l7.md §2.1, §2.4).
func (o ownedType) queryAll() url.Values {
	if o.typ == "stringgroup" {
		return url.Values{"name.contains": {"ako-"}}
	}
	return url.Values{"name.contains": {namesPrefix}}
}

// owned says how the objects of a cluster are asked for, type by type. The
// controller's filter only saves transfer: whose an object is, plan.Owned
// decides (l4-infra.md §4.1, §4.4).
var owned = []ownedType{
	{"virtualservice", byCreator},
	{"vsvip", byPrefix},
	{"pool", byCreator},
	{"poolgroup", byCreator},
	{"httppolicyset", byCreator},
	{"l4policyset", byCreator},
	{"vsdatascriptset", byCreator},
	{"sslkeyandcertificate", byCreator},
	{"pkiprofile", byCreator},
	{"stringgroup", byLabel},
	{"applicationpersistenceprofile", byPrefix},
}

func byCreator(_, createdBy string) url.Values { return url.Values{"created_by": {createdBy}} }
func byPrefix(cluster, _ string) url.Values    { return url.Values{"name.contains": {cluster + "--"}} }
func byLabel(_, createdBy string) url.Values {
	return url.Values{"label_key": {"created_by"}, "label_value": {createdBy}}
}

// Inventory reads all objects in a tenant that are the cluster's own, by its
// name in markers and by created_by, exactly. It fails closed: if any part of
// it can't be read whole, there is no result.
func (c *Client) Inventory(ctx context.Context, tenant, cluster, createdBy string) (map[plan.Key]*plan.Observed, error) {
	var mu sync.Mutex
	all := map[plan.Key]*plan.Observed{}
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(c.cfg.MaxInFlight)
	for _, o := range owned {
		group.Go(func() error {
			part, err := c.inventoryOf(reading, tenant, o.typ, o.query(cluster, createdBy), cluster, createdBy)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(all, part)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := c.leaveToOthers(ctx, tenant, cluster, createdBy, all); err != nil {
		return nil, err
	}
	return all, nil
}

func (c *Client) inventoryOf(ctx context.Context, tenant, typ string, query url.Values, cluster, createdBy string) (map[plan.Key]*plan.Observed, error) {
	list, err := c.List(ctx, tenant, typ, query)
	if err != nil {
		return nil, err
	}
	out := make(map[plan.Key]*plan.Observed, len(list))
	for _, body := range list {
		if !inTenant(body, tenant) {
			continue
		}
		name, _ := body["name"].(string)
		o, err := observe(plan.Key{Tenant: tenant, Type: typ, Name: name}, body, nil)
		if err != nil {
			return nil, err
		}
		if plan.Owned(o, cluster, createdBy) {
			out[o.Key] = o
		}
	}
	return out, nil
}

// Read reads the present state of one object by key; nil without an error if
// there is none. Whose it is, is for the caller to look at.
func (c *Client) Read(ctx context.Context, key plan.Key, cloud string) (*plan.Observed, error) {
	body, err := c.FindByName(ctx, key.Tenant, key.Type, key.Name, cloud)
	if err != nil || body == nil {
		return nil, err
	}
	return observe(key, body, nil)
}

// ForeignNames tells which of these names are taken by objects that aren't the
// cluster's, and whose they are. It asks for each name; applying a plan finds
// the same conflicts by itself.
func (c *Client) ForeignNames(ctx context.Context, cluster, createdBy string, keys []plan.Key) (map[plan.Key]string, error) {
	var mu sync.Mutex
	out := map[plan.Key]string{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.cfg.MaxInFlight)
	for _, k := range keys {
		group.Go(func() error {
			o, err := c.Read(ctx, k, "")
			if err != nil || o == nil || plan.Owned(o, cluster, createdBy) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			out[k] = plan.Owner(o)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}
