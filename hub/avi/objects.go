package avi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
)

// names asks for references as "…/UUID#name".
func names(q url.Values) url.Values {
	out := url.Values{"include_name": {"true"}}
	for k, v := range q {
		out[k] = v
	}
	return out
}

// Get reads an object by UUID. Its references carry names.
func (c *Client) Get(ctx context.Context, tenant, typ, uuid string) (map[string]any, error) {
	var body map[string]any
	err := c.do(ctx, call{
		op: "reading", method: http.MethodGet, tenant: tenant, typ: typ, name: uuid,
		path: typ + "/" + url.PathEscape(uuid), query: names(nil),
	}, &body)
	return body, err
}

// Create makes an object and returns it as the controller answers it. When no
// answer came (class Unavailable or Internal), the object may exist or not.
func (c *Client) Create(ctx context.Context, tenant, typ string, body map[string]any) (map[string]any, error) {
	var out map[string]any
	name, _ := body["name"].(string)
	err := c.do(ctx, call{
		op: "creating", method: http.MethodPost, tenant: tenant, typ: typ, name: name,
		path: typ, query: names(nil), body: body,
	}, &out)
	return out, err
}

// Update replaces the body of an object and returns the object as the
// controller answers it. With _last_modified in the body, a change in between
// fails with class Precondition.
func (c *Client) Update(ctx context.Context, tenant, typ, uuid string, body map[string]any) (map[string]any, error) {
	var out map[string]any
	name, _ := body["name"].(string)
	err := c.do(ctx, call{
		op: "updating", method: http.MethodPut, tenant: tenant, typ: typ, name: name,
		path: typ + "/" + url.PathEscape(uuid), query: names(nil), body: body,
	}, &out)
	return out, err
}

// Delete removes an object. That it is gone already is class NotFound.
func (c *Client) Delete(ctx context.Context, tenant, typ, uuid string) error {
	return c.do(ctx, call{
		op: "deleting", method: http.MethodDelete, tenant: tenant, typ: typ, name: uuid,
		path: typ + "/" + url.PathEscape(uuid),
	}, nil)
}

// FindByName reads an object of a tenant by name; a cloud narrows it where the
// type belongs to clouds, empty: any. Objects of tenant admin, which others see
// too, are only found in admin. It returns nil without an error if there is
// none.
func (c *Client) FindByName(ctx context.Context, tenant, typ, name, cloud string) (map[string]any, error) {
	q := url.Values{"name": {name}}
	if cloud != "" {
		q.Set("cloud_ref.name", cloud)
	}
	list, err := c.List(ctx, tenant, typ, q)
	if err != nil {
		return nil, err
	}
	for _, body := range list {
		if n, _ := body["name"].(string); n == name && inTenant(body, tenant) {
			return body, nil
		}
	}
	return nil, nil
}

// inTenant reports whether an object belongs to a tenant, as far as its
// tenant_ref says.
func inTenant(body map[string]any, tenant string) bool {
	text, ok := body["tenant_ref"].(string)
	if !ok {
		return true
	}
	r, ok := desired.ParseRef(text)
	if !ok {
		return true
	}
	if r.Name != "" {
		return r.Name == tenant
	}
	return r.UUID != "admin" || tenant == "admin"
}

// observe makes an observed object of an answer. An answer to a write may come
// without names in its references: what was sent says what they are.
func observe(key plan.Key, body map[string]any, want *desired.Object) (*plan.Observed, error) {
	o, err := plan.NewObserved(key.Tenant, key.Type, body)
	if err != nil {
		return nil, &Error{Class: Unavailable, Op: "reading the answer about", Tenant: key.Tenant, Type: key.Type, Name: key.Name, Err: err}
	}
	if want != nil {
		o.Applied = want.Hash
		o.Refs = want.Refs
	}
	return o, nil
}
