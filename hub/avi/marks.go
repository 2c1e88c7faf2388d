package avi

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
)

// marksFor is how long it is known which objects carry whose marks. The clusters
// of a cloud ask one after the other, and the answer holds the routes of all.
const marksFor = 5 * time.Minute

// marks knows which service-engine groups and VRF contexts carry the marks of
// which clusters. Our own edits are noted as they are made.
type marks struct {
	mu     sync.Mutex
	scopes map[marksScope]*marksIndex
}

// marksScope is where marks were looked for.
type marksScope struct{ cloud, tenants string }

type marksIndex struct {
	read      time.Time
	byCluster map[string]map[plan.Key]struct{}
}

func (x *marksIndex) add(cluster string, key plan.Key) {
	if x.byCluster[cluster] == nil {
		x.byCluster[cluster] = map[plan.Key]struct{}{}
	}
	x.byCluster[cluster][key] = struct{}{}
}

// get returns the objects that carry a cluster's marks, sorted, if that is known.
func (m *marks) get(s marksScope, cluster string) ([]plan.Key, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.scopes[s]
	if x == nil || time.Since(x.read) > marksFor {
		return nil, false
	}
	return slices.SortedFunc(maps.Keys(x.byCluster[cluster]), desired.CompareKeys), true
}

func (m *marks) put(s marksScope, x *marksIndex) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.scopes == nil {
		m.scopes = map[marksScope]*marksIndex{}
	}
	m.scopes[s] = x
}

// note takes over what an edit has made.
func (m *marks) note(e translate.Edit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for s, x := range m.scopes {
		if s.cloud != e.Cloud {
			continue
		}
		if cluster := e.Labels["clustername"]; cluster != "" && !e.Remove {
			x.add(cluster, e.Key)
		}
		if e.Routes != nil && len(e.Routes.Routes) > 0 {
			x.add(e.Routes.Cluster, e.Key)
		}
	}
}

// marksOf returns the objects that carry a cluster's marks, as of at most
// marksFor ago. Somebody else's mark that came or went since is overlooked until
// then; who acts on one reads the object again.
func (c *Client) marksOf(ctx context.Context, r MarkedRequest) ([]plan.Key, error) {
	if !r.OwnTenantOnly {
		keys, err := c.marksIn(ctx, r, []string{everyTenant})
		if !forbidden(err) {
			return keys, err
		}
	}
	return c.marksIn(ctx, r, r.tenants())
}

func (c *Client) marksIn(ctx context.Context, r MarkedRequest, tenants []string) ([]plan.Key, error) {
	scope := marksScope{cloud: r.Cloud, tenants: strings.Join(tenants, "\x00")}
	// One asks, the others wait for the answer.
	leave, err := c.lanes.enter(ctx, laneKey{plan.Key{Tenant: scope.tenants, Type: "marks"}, scope.cloud})
	if err != nil {
		return nil, err
	}
	defer leave()
	if keys, ok := c.marks.get(scope, r.Cluster); ok {
		return keys, nil
	}
	x := &marksIndex{read: time.Now(), byCluster: map[string]map[plan.Key]struct{}{}}
	for typ, field := range map[string]string{"serviceenginegroup": "labels", "vrfcontext": "static_routes"} {
		list, err := c.listIn(ctx, tenants, typ, url.Values{"cloud_ref.name": {r.Cloud}, "fields": {identity(typ) + "," + field}})
		if err != nil {
			return nil, err
		}
		for _, body := range list {
			name, _ := body["name"].(string)
			key := plan.Key{Tenant: orAdmin(refName(body["tenant_ref"])), Type: typ, Name: name}
			for _, cluster := range plan.Marks(typ, body) {
				x.add(cluster, key)
			}
		}
	}
	c.marks.put(scope, x)
	keys, _ := c.marks.get(scope, r.Cluster)
	return keys, nil
}
