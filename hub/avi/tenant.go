package avi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// TenantFlags are the config_settings of a tenant that is created.
type TenantFlags struct {
	// SEInProviderContext keeps service engines (and their groups and VRFs) in
	// tenant admin, shared (l4-infra.md §3.5).
	SEInProviderContext bool
	// AccessToProviderSE lets the tenant use service engines of tenant admin.
	AccessToProviderSE bool
	// VRF gives the tenant VRF contexts of its own.
	VRF bool
}

// EnsureTenant makes sure that a tenant is there: it is found, or created with
// the flags if that is allowed. A tenant that exists is never changed. It fails
// with class NoTenant if there is none and create is false.
func (c *Client) EnsureTenant(ctx context.Context, name string, create bool, flags TenantFlags) error {
	found, err := c.findTenant(ctx, name)
	if err != nil || found {
		return err
	}
	if !create {
		return &Error{Class: NoTenant, Op: "looking for", Type: "tenant", Name: name,
			Message: fmt.Sprintf("there is no such tenant, or user %q has no role in it; the registration doesn't ask to create it", c.cfg.Username)}
	}
	err = c.do(ctx, call{
		op: "creating", method: http.MethodPost, tenant: "admin", typ: "tenant", name: name, path: "tenant",
		body: map[string]any{"name": name, "config_settings": map[string]any{
			"se_in_provider_context":       flags.SEInProviderContext,
			"tenant_access_to_provider_se": flags.AccessToProviderSE,
			"tenant_vrf":                   flags.VRF,
		}},
	}, nil)
	switch ClassOf(err) {
	case "":
		if err == nil {
			c.log.Info("created a tenant", "tenant", name)
		}
		return err
	case Exists, Unavailable, Internal:
		// Somebody else was quicker, or the answer got lost.
		if found, readErr := c.findTenant(ctx, name); readErr == nil && found {
			return nil
		}
	}
	return err
}

// findTenant looks in tenant admin and, where the user has no right to that, in
// the tenant itself: a user of one tenant need have no role in admin.
func (c *Client) findTenant(ctx context.Context, name string) (bool, error) {
	query := url.Values{"name": {name}}
	list, err := c.List(ctx, "admin", "tenant", query)
	if forbidden(err) && name != "admin" {
		list, err = c.List(ctx, name, "tenant", query)
		if IsClass(err, NoTenant) {
			return false, nil
		}
	}
	if ClassOf(err) == Invalid {
		return false, fmt.Errorf("looking for tenant %q: %w", name, err)
	}
	if err != nil {
		return false, err
	}
	for _, t := range list {
		if n, _ := t["name"].(string); n == name {
			return true, nil
		}
	}
	return false, nil
}
