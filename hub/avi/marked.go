package avi

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/plan"
)

// MarkedRequest asks where a cluster's marks are.
type MarkedRequest struct {
	// Tenant is the cluster's, Cloud the cloud to look in.
	Tenant string
	Cloud  string
	// Cluster is the cluster's name as in its marks.
	Cluster string
	// OwnTenantOnly keeps the question to the cluster's tenant.
	OwnTenantOnly bool
	// Except are objects that are not to be returned: those that the cluster's
	// marks belong in.
	Except []plan.Key
}

// Marked is an object of others that carries a cluster's mark.
type Marked struct {
	*plan.Observed
	// Used says that something of the cluster's is there still, by whichever
	// program it was made.
	Used bool
	// Another says of a group that another instance of the cluster's may be what
	// the mark is there for.
	Another bool
}

// UsedBy says whether an object, as it was read, is in the group or VRF context.
func (m Marked) UsedBy(o *plan.Observed) bool { return refersTo(o.Body, m.Observed) }

// Marked returns the service-engine groups of a cloud that carry a cluster's
// label and the VRF contexts that have its static routes, and only where there
// are such, what uses them. They are sorted by key.
func (c *Client) Marked(ctx context.Context, r MarkedRequest) ([]Marked, error) {
	keys, err := c.marksOf(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("looking for what carries the marks of cluster %q: %w", r.Cluster, err)
	}
	var out []Marked
	for _, key := range keys {
		if slices.Contains(r.Except, key) {
			continue
		}
		body, err := c.readMarked(ctx, r, key)
		switch {
		case forbidden(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("looking for what carries the marks of cluster %q: %w", r.Cluster, err)
		case body == nil || !slices.Contains(plan.Marks(key.Type, body), r.Cluster):
			continue
		}
		o, err := observe(key, body, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, Marked{Observed: o})
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, c.noteUses(ctx, r, out)
}

// readMarked reads an object of a tenant as far as the request may; nil: there is
// none any more.
func (c *Client) readMarked(ctx context.Context, r MarkedRequest, key plan.Key) (map[string]any, error) {
	tenant := key.Tenant
	if r.OwnTenantOnly {
		tenant = orAdmin(r.Tenant) // which sees what it shares with admin
	}
	list, err := c.List(ctx, tenant, key.Type, url.Values{"name": {key.Name}, "cloud_ref.name": {r.Cloud}})
	if err != nil {
		return nil, err
	}
	for _, body := range list {
		if name, _ := body["name"].(string); name == key.Name && inTenant(body, key.Tenant) {
			return body, nil
		}
	}
	return nil, nil
}

// listSeen lists what the user sees in all tenants or, where it may not ask in
// all at once, in the cluster's and in admin.
func (c *Client) listSeen(ctx context.Context, r MarkedRequest, typ string, query url.Values) ([]map[string]any, error) {
	if !r.OwnTenantOnly {
		list, err := c.List(ctx, everyTenant, typ, query)
		if !forbidden(err) {
			return list, err
		}
	}
	return c.listIn(ctx, r.tenants(), typ, query)
}

// tenants are the cluster's and, if it may be asked in, admin.
func (r MarkedRequest) tenants() []string {
	if r.OwnTenantOnly {
		return []string{orAdmin(r.Tenant)}
	}
	return slices.Compact([]string{orAdmin(r.Tenant), "admin"})
}

// listIn lists what is seen in tenants, each object once. The user need have no
// right in others than the first.
func (c *Client) listIn(ctx context.Context, tenants []string, typ string, query url.Values) ([]map[string]any, error) {
	var out []map[string]any
	seen := map[any]bool{}
	for i, t := range tenants {
		list, err := c.List(ctx, t, typ, query)
		if i > 0 && forbidden(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, body := range list {
			if !seen[body["uuid"]] {
				seen[body["uuid"]] = true
				out = append(out, body)
			}
		}
	}
	return out, nil
}

// uses are the types whose objects need a mark, with the fields that say so.
var uses = map[string][]string{
	"virtualservice": {"se_group_ref", "vrf_context_ref"},
	"vsvip":          {"vrf_context_ref", "tier1_lr"},
	"pool":           {"vrf_ref", "tier1_lr"},
}

// noteUses finds out which of the marked objects are in use.
func (c *Client) noteUses(ctx context.Context, r MarkedRequest, marked []Marked) error {
	for typ, fields := range uses {
		list, err := c.listSeen(ctx, r, typ, url.Values{
			// Every program has the cluster's name in those of its objects; of a
			// cloud's objects most are others'.
			"name.contains": {r.Cluster}, "cloud_ref.name": {r.Cloud}, "fields": {identity(typ) + "," + strings.Join(fields, ",")},
		})
		if err != nil {
			return fmt.Errorf("looking for what uses the marks of cluster %q: %w", r.Cluster, err)
		}
		for _, body := range list {
			if !perhapsOf(body, r.Cluster) {
				continue
			}
			second := secondary(body, r.Cluster)
			for i := range marked {
				m := &marked[i]
				m.Another = m.Another || second && m.Key.Type == "serviceenginegroup"
				m.Used = m.Used || m.Another || refersTo(body, m.Observed)
			}
		}
	}
	return nil
}

// perhapsOf says that an object may be a cluster's, made by AKO, by one of its
// other programs or by a hub: by the marker, which is exact, or where there is
// none by how created_by begins.
func perhapsOf(body map[string]any, cluster string) bool {
	list, _ := body["markers"].([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		if values, _ := m["values"].([]any); m["key"] == "clustername" && len(values) > 0 {
			return slices.Contains(values, any(cluster))
		}
	}
	owner, _ := body["created_by"].(string)
	rest, ok := strings.CutPrefix(owner, "ako-")
	return ok && strings.HasPrefix(strings.TrimPrefix(rest, "gw-"), cluster)
}

// secondary says that an object is of an AKO beside the cluster's primary one
// (l4-infra.md §2.19), whose service-engine group has the same label, with
// virtual services or without.
func secondary(body map[string]any, cluster string) bool {
	owner, _ := body["created_by"].(string)
	return strings.HasPrefix(owner, "ako-"+cluster+"-")
}

// refersTo says that an object is in a service-engine group or a VRF context;
// the latter also by its tier-1 router.
func refersTo(body map[string]any, o *plan.Observed) bool {
	if path, _ := body["tier1_lr"].(string); path != "" && o.Key.Type == "vrfcontext" && hasTier1(o.Body, path) {
		return true
	}
	for _, field := range []string{"se_group_ref", "vrf_context_ref", "vrf_ref"} {
		if uuid := refUUID(body[field]); uuid != "" && uuid == o.UUID {
			return true
		}
	}
	return false
}
