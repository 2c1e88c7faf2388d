package translate

// adminTenant is where the objects live that belong to a cloud, where nothing
// else is known.
const adminTenant = "admin"

// cniNCP is the network plugin that routes on NSX-T by itself.
const cniNCP = "ncp"

// infraUnit translates what a cluster needs beside its own objects: its label
// on the service-engine group, by which the group's engines take the cluster's
// static routes (l4-infra.md §2.9).
func infraUnit(_ *deps, s *Settings, k UnitKey) Fragment {
	f := Fragment{Unit: k}
	if s.RoutesSynced() {
		f.Edits = []Edit{{
			Key:    Key{Tenant: tenantOr(s.SEGroupTenant), Type: "serviceenginegroup", Name: s.SEGroup},
			Cloud:  s.Cloud,
			Labels: map[string]string{markerCluster: s.ClusterName},
		}}
	}
	return f
}

// Withdrawal returns the edits that take away what a cluster has in objects
// that are not its own: its label on the service-engine group and its static
// routes (l4-infra.md §2.20). They touch nothing else there, whatever the
// settings say of routes now. Both are the primary instance's to take away.
func Withdrawal(s *Settings) []Edit {
	if s.SecondaryNamespace != "" {
		return nil
	}
	return []Edit{
		{
			Key:    Key{Tenant: tenantOr(s.SEGroupTenant), Type: "serviceenginegroup", Name: s.SEGroup},
			Cloud:  s.Cloud,
			Labels: map[string]string{markerCluster: s.ClusterName},
			Remove: true,
		},
		{Key: vrfKey(s), Cloud: s.Cloud, Routes: &Routes{Cluster: s.ClusterName}},
	}
}

// Leaving returns the edit that takes a cluster's mark from an object that it was
// in earlier: the label from a service-engine group, the static routes from a VRF
// context. It touches nothing else there.
func Leaving(s *Settings, k Key) Edit {
	e := Edit{Key: k, Cloud: s.Cloud}
	if k.Type == "vrfcontext" {
		e.Routes = &Routes{Cluster: s.ClusterName, Former: true}
		return e
	}
	e.Labels, e.Remove = map[string]string{markerCluster: s.ClusterName}, true
	return e
}

// RoutesWritten says whether static routes are this instance's to write: a
// cluster's primary one does so for all (l4-infra.md §2.12.1, §2.19).
func (s *Settings) RoutesWritten() bool { return s.RoutesSynced() && s.SecondaryNamespace == "" }

// RoutesSynced says whether the cluster's Pod networks are routed by Avi: not
// if switched off, nor where Pods are reached through nodes, nor where NSX-T
// routes to them (l4-infra.md §2.12.1). The service engines of every instance
// need its label then.
func (s *Settings) RoutesSynced() bool {
	return !s.DisableStaticRouteSync &&
		s.ServiceType != serviceTypeNodePort &&
		s.ServiceType != serviceTypeNodePortLocal &&
		(s.CloudType != cloudNSXT || s.CNI != cniNCP)
}

func tenantOr(tenant string) string {
	if tenant == "" {
		return adminTenant
	}
	return tenant
}
