package translate

// adminTenant is where the objects live that belong to a cloud.
const adminTenant = "admin"

// cniNCP is the network plugin that routes on NSX-T by itself.
const cniNCP = "ncp"

// infraUnit translates what a cluster needs beside its own objects: its label
// on the service-engine group, by which the group's engines take the cluster's
// static routes (l4-infra.md §2.9).
func infraUnit(_ *deps, s *Settings, k UnitKey) Fragment {
	f := Fragment{Unit: k}
	if routesSynced(s) {
		f.Edits = []Edit{{
			Key:    Key{Tenant: adminTenant, Type: "serviceenginegroup", Name: s.SEGroup},
			Cloud:  s.Cloud,
			Labels: map[string]string{markerCluster: s.ClusterName},
		}}
	}
	return f
}

// routesSynced says whether the cluster's Pod networks are routed by Avi: not
// if switched off, nor where Pods are reached through nodes, nor where NSX-T
// routes to them (l4-infra.md §2.12.1).
func routesSynced(s *Settings) bool {
	return !s.DisableStaticRouteSync &&
		s.ServiceType != serviceTypeNodePort &&
		s.ServiceType != serviceTypeNodePortLocal &&
		!(s.CloudType == cloudNSXT && s.CNI == cniNCP)
}
