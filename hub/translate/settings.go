package translate

// Settings is what translation knows beside the mirror: the registration of the
// cluster and the facts of its controller, resolved. It is a value: equal
// settings and an equal view give equal output.
type Settings struct {
	// ClusterName is the prefix of every object name ("<ClusterName>--") and
	// of created_by ("ako-<ClusterName>").
	ClusterName string
	// SecondaryNamespace is the namespace of an AKO beside the cluster's primary
	// one, in whose place the hub is. It is in created_by and in the names of
	// what hosts share (l7.md §1.2). Empty: the hub is in the primary's.
	SecondaryNamespace string
	// OpenShift says that the cluster has Routes: these are served, and its
	// Ingresses are not looked at (l7.md §1.4). The mirror knows it, see
	// HasRoutes.
	OpenShift bool
	// Tenant is the cluster's Avi tenant.
	Tenant string

	// Cloud is the name of the Avi cloud, CloudType its vtype (CLOUD_VCENTER…).
	Cloud     string
	CloudType string
	// SEGroup is the name of the service-engine group ("Default-Group"),
	// SEGroupTenant the tenant that it lives in; empty: admin.
	SEGroup       string
	SEGroupTenant string
	// VRF is the name of the VRF context ("global"), VRFTenant the tenant that
	// it lives in; empty: admin. Objects don't refer to it when T1LR is set.
	VRF       string
	VRFTenant string
	// T1LR is the path of the NSX-T tier-1 router; empty: none.
	T1LR string
	// VPCMode says that T1LR is the path of an NSX-T VPC
	// (/orgs/ORG/projects/PROJECT/vpcs/VPC), which VIPs are allocated from.
	VPCMode bool
	// LicenseTier is the controller's default_license_tier.
	LicenseTier string
	// FixedVIPs says that the VIPs of a VsVip stay as they are once it is there:
	// an IPAM that is not Avi's own has registered them.
	FixedVIPs bool
	// Domains are the cloud's DNS sub-domains, sorted. Empty: no DNS profile.
	Domains []string

	// DefaultDomain is preferred over the first of Domains when it is one.
	DefaultDomain string
	// AutoFQDN is "default", "flat" or "disabled".
	AutoFQDN string

	// ShardSize is the number of shared virtual services: 8, 4 or 1, or 0 for
	// one a host (DEDICATED).
	ShardSize            int
	PassthroughShardSize int
	EVH                  bool
	NoPGForSNI           bool
	VIPPerNamespace      bool
	// FQDNReusePolicy is "InterNamespaceAllowed" or "Strict".
	FQDNReusePolicy string

	// ServiceType is "ClusterIP", "NodePort" or "NodePortLocal".
	ServiceType string
	// AnnotateServices has Antrea map the Pods of served Services, in the mode
	// NodePortLocal.
	AnnotateServices bool
	// NodePortSelector limits the nodes; an empty key: all.
	NodePortSelector Label
	// IPFamily is "V4", "V6", "V4_V6" or empty for the cloud's default.
	IPFamily string

	VIPNetworks   []VIPNetwork
	NodeNetworks  []NodeNetwork
	EnableRHI     bool
	BGPPeerLabels []string

	Layer7Only               bool
	DefaultIngressController bool
	DefaultLBController      bool
	DisableStaticRouteSync   bool
	CNI                      string

	// NamespaceSelector admits only namespaces with this label; an empty key:
	// all.
	NamespaceSelector Label
	BlockedNamespaces []string
	// DefaultSecretsOnly says that Routes have certificates from no Secret but
	// the default one.
	DefaultSecretsOnly bool
	// SystemNamespace holds the default certificate ("avi-system").
	SystemNamespace string
}

// Label is a label's key and value.
type Label struct {
	Key   string
	Value string
}

// VIPNetwork is a network that VIPs are allocated from.
type VIPNetwork struct {
	Name   string
	UUID   string
	CIDR   string
	V6CIDR string
}

// NodeNetwork is a network that the cluster's nodes are on.
type NodeNetwork struct {
	Name  string
	UUID  string
	CIDRs []string
}

// CreatedBy returns the value of created_by on every object of the cluster
// (l4-infra.md §0).
func (s *Settings) CreatedBy() string {
	if s.SecondaryNamespace != "" {
		return "ako-" + s.ClusterName + "-" + s.SecondaryNamespace
	}
	return "ako-" + s.ClusterName
}
