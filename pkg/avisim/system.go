package avisim

import (
	"net/http"
	"sort"
	"time"
)

// upSince is the time format of the controller's runtime answers.
const upSince = "2006-01-02 15:04:05"

func (s *Simulator) versionInfo() map[string]any {
	return map[string]any{
		"Version": s.seed.Version, "min_version": "18.2.6", "Product": "controller", "ProductName": "Avi Cloud Controller", "Tag": s.seed.Version + "-avisim", "build": 1, "Date": "2025-01-01T00:00:00+00:00", "patch": "",
	}
}

func (s *Simulator) clusterState() map[string]any {
	state := "CLUSTER_UP_NO_HA"
	if set := s.cluster.Load(); set != nil && *set != "" {
		state = *set
	}
	return map[string]any{
		"state": state, "progress": 100, "up_since": s.leader.Load().UTC().Format(upSince),
	}
}

func (s *Simulator) clusterRuntime() map[string]any {
	since := s.leader.Load().UTC().Format(upSince)
	return map[string]any{
		"cluster_state": s.clusterState(),
		"node_info": map[string]any{
			"version": s.seed.Version, "mgmt_ip": "127.0.0.1", "cluster_uuid": s.clusterUUID(), "uuid": "node-1",
		},
		"node_states": []any{map[string]any{
			"name": "node1", "mgmt_ip": "127.0.0.1", "role": "CLUSTER_LEADER", "state": "CLUSTER_ACTIVE", "up_since": since,
		}},
		"service_states": []any{},
	}
}

func (s *Simulator) clusterUUID() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if all := s.store.all[s.vocab.byName["Cluster"]].items(); len(all) > 0 {
		return all[0].uuid
	}
	return ""
}

// initialData is what anyone may know before logging in.
func (s *Simulator) initialData(c *call) error {
	return c.json(http.StatusOK, map[string]any{
		"version":                   s.versionInfo(),
		"user_initialized":          true,
		"welcome_workflow_complete": true,
		"appcues_enabled":           false,
		"controller_time":           s.opts.Now().UTC().Format(time.RFC3339),
		"default_license_tier":      s.tier(),
	})
}

func (s *Simulator) tier() any {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if all := s.store.all[s.vocab.byName["SystemConfiguration"]].items(); len(all) > 0 {
		return all[0].body["default_license_tier"]
	}
	return nil
}

// domainList is the DNS domains of a cloud: those of its DNS profile.
func (s *Simulator) domainList(c *call) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if _, err := s.reader(c, s.vocab.byName["IpamDnsProviderProfile"]); err != nil {
		return err
	}
	domains := []string{}
	for _, cloud := range s.store.clouds() {
		if uuid := c.q.Get("cloud_uuid"); uuid != "" && cloud.uuid != uuid {
			continue
		}
		domains = append(domains, s.store.domainsOf(cloud)...)
	}
	sort.Strings(domains)
	return c.json(http.StatusOK, map[string]any{"domains": domains})
}
