package avi

import (
	"context"
	"net/url"
	"strings"

	"github.com/akohub/akohub/hub/plan"
)

// A cluster may be served by several AKOs: a primary one and others, each with
// namespaces of its own (l4-infra.md §2.19). Their objects have the same prefix
// and, where a type has it, another created_by. VsVips have none; of most their
// name does not say whose they are either.

// typeVsVip is the API's name of the type.
const typeVsVip = "vsvip"

// leaveToOthers takes VsVips out of an inventory that are not known to be of this
// instance: no virtual service of its own refers to them, and one of another
// instance does, or may be about to.
func (c *Client) leaveToOthers(ctx context.Context, tenant, cluster, createdBy string, all map[plan.Key]*plan.Observed) error {
	used := map[plan.Key]bool{}
	for k, o := range all {
		if k.Type == "virtualservice" {
			for _, to := range o.Refs {
				used[to] = true
			}
		}
	}
	var loose []plan.Key
	for k := range all {
		if k.Type == typeVsVip && !used[k] {
			loose = append(loose, k)
		}
	}
	if len(loose) == 0 {
		return nil
	}
	others, err := c.otherInstances(ctx, tenant, cluster, createdBy)
	if err != nil {
		return err
	}
	for _, k := range loose {
		if others.uses[k.Name] || others.there && !plan.Tells(k.Name, cluster) {
			delete(all, k)
		}
	}
	return nil
}

// instances is what is known of others than this instance in a tenant.
type instances struct {
	// there says that the cluster has other instances.
	there bool
	// uses are the names of VsVips that virtual services of others use.
	uses map[string]bool
}

// otherInstances looks at the virtual services in a tenant that have the
// cluster's prefix and are not this instance's own.
func (c *Client) otherInstances(ctx context.Context, tenant, cluster, createdBy string) (instances, error) {
	primary := "ako-" + cluster
	out := instances{there: createdBy != primary, uses: map[string]bool{}}
	query := url.Values{"name.contains": {cluster + "--"}, "fields": {identity("virtualservice") + ",vsvip_ref"}}
	list, err := c.List(ctx, tenant, "virtualservice", query)
	if err != nil {
		return instances{}, err
	}
	for _, body := range list {
		name, _ := body["name"].(string)
		if !inTenant(body, tenant) || !strings.HasPrefix(name, cluster+"--") {
			continue
		}
		o, err := observe(plan.Key{Tenant: tenant, Type: "virtualservice", Name: name}, body, nil)
		if err != nil {
			return instances{}, err
		}
		if plan.Owned(o, cluster, createdBy) {
			continue
		}
		if vip := refName(body["vsvip_ref"]); vip != "" {
			out.uses[vip] = true
		}
		owner, _ := body["created_by"].(string)
		out.there = out.there || strings.HasPrefix(owner, primary+"-") && plan.Owned(o, cluster, owner)
	}
	return out, nil
}

// usedByOthers says that a VsVip is that of a virtual service which is not this
// instance's own.
func (c *Client) usedByOthers(ctx context.Context, o *plan.Observed, cluster, createdBy string) (bool, error) {
	if o.Key.Type != typeVsVip {
		return false, nil
	}
	others, err := c.otherInstances(ctx, o.Key.Tenant, cluster, createdBy)
	return others.uses[o.Key.Name], err
}
