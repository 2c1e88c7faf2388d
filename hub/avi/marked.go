package avi

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/desired"
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
}

// Marked returns the service-engine groups of a cloud that carry a cluster's
// label and the VRF contexts that have its static routes: one list of each, and
// only where there are such, what uses them. They are sorted by key.
func (c *Client) Marked(ctx context.Context, r MarkedRequest) ([]Marked, error) {
	var out []Marked
	for _, typ := range []string{"serviceenginegroup", "vrfcontext"} {
		list, err := c.listSeen(ctx, r, typ, url.Values{"cloud_ref.name": {r.Cloud}})
		if err != nil {
			return nil, fmt.Errorf("looking for what carries the marks of cluster %q: %w", r.Cluster, err)
		}
		for _, body := range list {
			if !plan.HasMark(typ, body, r.Cluster) {
				continue
			}
			name, _ := body["name"].(string)
			key := plan.Key{Tenant: orAdmin(refName(body["tenant_ref"])), Type: typ, Name: name}
			if slices.Contains(r.Except, key) {
				continue
			}
			o, err := observe(key, body, nil)
			if err != nil {
				return nil, err
			}
			out = append(out, Marked{Observed: o})
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	slices.SortFunc(out, func(a, b Marked) int { return desired.CompareKeys(a.Key, b.Key) })
	return out, c.noteUses(ctx, r, out)
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
	tenants := []string{orAdmin(r.Tenant), "admin"}
	if r.OwnTenantOnly {
		tenants = tenants[:1]
	}
	var out []map[string]any
	seen := map[any]bool{}
	for i, t := range slices.Compact(tenants) {
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
			"cloud_ref.name": {r.Cloud}, "fields": {identity(typ) + "," + strings.Join(fields, ",")},
		})
		if err != nil {
			return fmt.Errorf("looking for what uses the marks of cluster %q: %w", r.Cluster, err)
		}
		for _, body := range list {
			if !perhapsOf(body, r.Cluster) {
				continue
			}
			for i := range marked {
				marked[i].Used = marked[i].Used || refersTo(body, marked[i].Observed)
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
