package v1alpha1

// What every registration carries as apiVersion and kind.
const (
	APIVersion  = "akohub.io/v1alpha1"
	KindCluster = "Cluster"
)

// Cluster is the registration of one Kubernetes or OpenShift cluster.
type Cluster struct {
	// APIVersion is the version of this format.
	APIVersion string `json:"apiVersion" required:"true" always:"true" enum:"akohub.io/v1alpha1"`
	// Kind is always Cluster.
	Kind string `json:"kind" required:"true" always:"true" enum:"Cluster"`
	// Metadata names the cluster.
	Metadata Metadata `json:"metadata" always:"true"`
	// Spec says where the cluster's Avi objects go and how they are made.
	Spec Spec `json:"spec,omitempty" always:"true"`
}

// Metadata names a registration.
type Metadata struct {
	// Name is the cluster's name: the one in its agent's certificate
	// (akohub://cluster/NAME). Lower-case letters, digits and dashes, at most
	// 63. Unless spec.naming.clusterName says otherwise it is also the prefix
	// of the Avi objects' names.
	Name string `json:"name" required:"true" always:"true" pattern:"[a-z0-9]([-a-z0-9]*[a-z0-9])?" maxLength:"63" ako:"AKOSettings.clusterName"`
	// Labels are for people and for selecting clusters; the hub gives them no
	// meaning of its own.
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations are free notes; the hub gives them no meaning.
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Mode says what the hub may write on Avi for a cluster.
type Mode string

// The modes.
const (
	// ModeObserve makes plans and shows them, and writes nothing.
	ModeObserve Mode = "observe"
	// ModeCreateOnly creates what is missing and changes and deletes nothing.
	ModeCreateOnly Mode = "create-only"
	// ModeEnforce makes Avi as the cluster wants it.
	ModeEnforce Mode = "enforce"
	// ModeFrozen leaves everything as it is, on Avi and in statuses.
	ModeFrozen Mode = "frozen"
	// ModeOffboard removes all that the cluster has on Avi, takes its addresses
	// out of statuses, and writes nothing else.
	ModeOffboard Mode = "offboard"
)

// Spec says where a cluster's Avi objects go and how they are made.
type Spec struct {
	// Mode is what the hub may write on Avi: observe shows what it would do and
	// writes nothing; create-only creates what is missing; enforce creates,
	// changes and deletes the cluster's own objects; frozen leaves Avi as it is;
	// offboard removes all of the cluster's objects, whatever the cluster asks
	// for and without waiting for approval, and takes their addresses out of
	// statuses, as long as the mode lasts.
	Mode Mode `json:"mode,omitempty" default:"observe" always:"true" enum:"observe|create-only|enforce|frozen|offboard" ako:"AKOSettings.deleteConfig"`
	// Controller is the name of the Avi Controller, as in the hub's
	// configuration. Empty: the first one there.
	Controller string `json:"controller,omitempty" ako:"ControllerSettings.controllerHost"`
	// Tenant is the Avi tenant that the cluster's objects live in.
	Tenant Tenant `json:"tenant,omitempty"`
	// Cloud is the name of the Avi cloud. It must exist.
	Cloud string `json:"cloud,omitempty" default:"Default-Cloud" ako:"ControllerSettings.cloudName"`
	// ServiceEngineGroup is the name of the service-engine group. It must exist
	// in the cloud; with static routes it belongs to this cluster alone.
	ServiceEngineGroup string `json:"serviceEngineGroup,omitempty" default:"Default-Group" ako:"ControllerSettings.serviceEngineGroupName"`
	// VRF is the name of the VRF context. Used on vCenter and no-orchestrator
	// clouds, and with NodePort backends; elsewhere the VRF follows from the
	// cloud and the first VIP network. Empty: it follows from these everywhere.
	VRF string `json:"vrf,omitempty" ako:"ControllerSettings.vrfName"`

	// Naming is for clusters that another program's names must be kept for.
	Naming Naming `json:"naming,omitempty"`
	// Ingress holds the settings for Ingresses and Routes.
	Ingress Ingress `json:"ingress,omitempty"`
	// Services holds the settings for Services of type LoadBalancer.
	Services Services `json:"services,omitempty"`
	// Backends says how Avi reaches the Pods.
	Backends Backends `json:"backends,omitempty"`
	// Network holds networks, routes and address families.
	Network Network `json:"network,omitempty"`
	// Namespaces says which namespaces take part.
	Namespaces Namespaces `json:"namespaces,omitempty"`
	// Features turns on what not every cluster wants. This hub serves none of these;
	// akohub doctor says so of one that is on.
	Features Features `json:"features,omitempty"`
	// Events says which Events are written on the cluster's objects.
	Events Events `json:"events,omitempty"`
	// Limits say how much of Avi the cluster may have.
	Limits Limits `json:"limits,omitempty"`
}

// Limits say how much of Avi a cluster may have. What exceeds one, in the order
// of age, is not created, and its owner is told; what is there stays.
type Limits struct {
	// VirtualServices is how many virtual services the cluster may have. 0: any
	// number.
	VirtualServices int `json:"virtualServices,omitempty"`
	// VIPs is how many VIPs (VsVips) the cluster may have. 0: any number.
	VIPs int `json:"vips,omitempty"`
	// Pools is how many pools the cluster may have. 0: any number.
	Pools int `json:"pools,omitempty"`
	// FQDNSuffixes are the DNS names below which the cluster may claim hosts,
	// such as shop.example.com. Empty: any host.
	FQDNSuffixes []string `json:"fqdnSuffixes,omitempty"`
	// VIPNetworks are the names or UUIDs of the networks that the cluster may
	// have VIPs in. Empty: any network.
	VIPNetworks []string `json:"vipNetworks,omitempty"`
}

// Tenant is the Avi tenant of a cluster.
type Tenant struct {
	// Name of the tenant. Several clusters may share one.
	Name string `json:"name,omitempty" default:"admin" always:"true" ako:"ControllerSettings.tenantName"`
	// Create makes the hub create the tenant when it is missing. A tenant that
	// exists is never changed.
	Create bool `json:"create,omitempty"`
	// SEInProviderContext is for a tenant that the hub creates: true shares the
	// service engines of the admin tenant, false gives the tenant its own.
	SEInProviderContext bool `json:"seInProviderContext" default:"true"`
	// Dedicated makes the hub read only this tenant, never all of them at once:
	// for a controller user whose rights end at the tenant.
	Dedicated bool `json:"dedicated,omitempty" ako:"ControllerSettings.dedicatedTenantMode"`
}

// Naming keeps the names that AKO gave, where metadata.name can't.
type Naming struct {
	// ClusterName is the prefix of the Avi objects' names (NAME--…) and the
	// owner in created_by (ako-NAME). Set it when AKO's clusterName has upper
	// case letters or underscores. Empty: metadata.name. Changing it renames
	// every object, and VIPs are lost.
	ClusterName string `json:"clusterName,omitempty" pattern:"[a-zA-Z0-9_-]+" maxLength:"63" ako:"AKOSettings.clusterName"`
	// SecondaryNamespace is the namespace of an AKO that ran beside a primary
	// one (primaryInstance false): it is part of created_by and of the names of
	// shared virtual services, and static routes are the primary's to write.
	// Empty: the cluster had one AKO, or this was the primary.
	SecondaryNamespace string `json:"secondaryNamespace,omitempty" pattern:"[a-z0-9]([-a-z0-9]*[a-z0-9])?" maxLength:"63" ako:"AKOSettings.primaryInstance"`
}

// IngressMode is how hosts with TLS share an address.
type IngressMode string

// The ingress modes.
const (
	IngressSNI IngressMode = "SNI"
	IngressEVH IngressMode = "EVH"
)

// ShardSize is the number of virtual services that hosts are spread over.
type ShardSize string

// The shard sizes: 8, 4, 1, and one virtual service a host.
const (
	ShardLarge     ShardSize = "Large"
	ShardMedium    ShardSize = "Medium"
	ShardSmall     ShardSize = "Small"
	ShardDedicated ShardSize = "Dedicated"
)

// FQDNReuse says whether a host name may be used in several namespaces.
type FQDNReuse string

// The policies.
const (
	FQDNReuseAllowed FQDNReuse = "InterNamespaceAllowed"
	FQDNReuseStrict  FQDNReuse = "Strict"
)

// Ingress holds the settings for Ingresses and Routes.
type Ingress struct {
	// DefaultController takes Ingresses that name no class, when no
	// IngressClass of the cluster is marked as default. AKO's chart expresses
	// it by marking its own IngressClass.
	DefaultController bool `json:"defaultController" default:"true" ako:"L7Settings.defaultIngController"`
	// Mode is how hosts with TLS share the address of a virtual service: SNI
	// (a child virtual service a TLS host) or EVH (enhanced virtual hosting: a
	// child for every host). Changing it renames every object, L4 too, and VIPs
	// are lost.
	Mode IngressMode `json:"mode,omitempty" default:"SNI" enum:"SNI|EVH" ako:"AKOSettings.enableEVH"`
	// ShardSize is how many shared virtual services hosts are spread over:
	// Large 8, Medium 4, Small 1; Dedicated gives each host its own. Changing
	// it moves hosts to other addresses.
	ShardSize ShardSize `json:"shardSize,omitempty" default:"Large" enum:"Large|Medium|Small|Dedicated" ako:"L7Settings.shardVSSize"`
	// PassthroughShardSize is the same for hosts whose TLS ends in the Pod:
	// Large 8, Medium 4, Small 1.
	PassthroughShardSize ShardSize `json:"passthroughShardSize,omitempty" default:"Small" enum:"Large|Medium|Small" ako:"L7Settings.passthroughShardSize"`
	// PoolGroupsForSNI gives each path of an SNI child a pool group; false
	// refers to the pool directly. Mode SNI only.
	PoolGroupsForSNI bool `json:"poolGroupsForSNI" default:"true" ako:"L7Settings.noPGForSNI"`
	// VIPPerNamespace gives each namespace one virtual service, and so one
	// address, instead of shards. Mode EVH only.
	VIPPerNamespace bool `json:"vipPerNamespace,omitempty" ako:"AKOSettings.vipPerNamespace"`
	// FQDNReuse says whether Ingresses of several namespaces may share a host
	// name; Strict gives it to the namespace of the oldest. Strict needs mode
	// EVH.
	FQDNReuse FQDNReuse `json:"fqdnReuse,omitempty" default:"InterNamespaceAllowed" enum:"InterNamespaceAllowed|Strict" ako:"L7Settings.fqdnReusePolicy"`
	// DefaultSecretsOnly takes Secrets named router-certs-default only from the
	// system namespace, and ignores those of other namespaces.
	DefaultSecretsOnly bool `json:"defaultSecretsOnly,omitempty" ako:"AKOSettings.useDefaultSecretsOnly"`
}

// AutoFQDN is the form of generated host names.
type AutoFQDN string

// The forms.
const (
	AutoFQDNDefault  AutoFQDN = "Default"
	AutoFQDNFlat     AutoFQDN = "Flat"
	AutoFQDNDisabled AutoFQDN = "Disabled"
)

// Services holds the settings for Services of type LoadBalancer.
type Services struct {
	// DefaultController takes Services without loadBalancerClass; false takes
	// only those of class ako.vmware.com/avi-lb.
	DefaultController bool `json:"defaultController" default:"true" ako:"L4Settings.defaultLBController"`
	// Layer7Only leaves all Services of type LoadBalancer alone.
	Layer7Only bool `json:"layer7Only,omitempty" ako:"AKOSettings.layer7Only"`
	// AutoFQDN is the form of the host name that a Service gets in the cloud's
	// DNS domain: Default SERVICE.NAMESPACE.DOMAIN, Flat SERVICE-NAMESPACE.DOMAIN,
	// Disabled none.
	AutoFQDN AutoFQDN `json:"autoFQDN,omitempty" default:"Default" enum:"Default|Flat|Disabled" ako:"L4Settings.autoFQDN"`
	// DefaultDomain is the DNS domain of generated names, when the cloud has
	// it. Empty: the first of the cloud's domains.
	DefaultDomain string `json:"defaultDomain,omitempty" pattern:"\\.?[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?" maxLength:"253" ako:"NetworkSettings.defaultDomain, L4Settings.defaultDomain"`
}

// BackendType is how Avi reaches Pods.
type BackendType string

// The backend types.
const (
	BackendClusterIP     BackendType = "ClusterIP"
	BackendNodePort      BackendType = "NodePort"
	BackendNodePortLocal BackendType = "NodePortLocal"
)

// Backends says how Avi reaches the Pods.
type Backends struct {
	// Type is what the pool servers are: ClusterIP the Pods themselves,
	// NodePort the nodes, NodePortLocal the nodes with a port for each Pod
	// (Antrea only).
	Type BackendType `json:"type,omitempty" default:"ClusterIP" enum:"ClusterIP|NodePort|NodePortLocal" ako:"L7Settings.serviceType"`
	// AnnotateServices sets nodeportlocal.antrea.io/enabled on the Services that
	// are served with NodePortLocal backends, for Antrea to map their Pods.
	// False: somebody else does.
	AnnotateServices bool `json:"annotateServices" default:"true"`
	// NodeSelector limits the nodes of NodePort backends to those with this
	// label. The value may be empty, as that of a label may. Empty: all nodes.
	NodeSelector Label `json:"nodeSelector,omitempty" ako:"nodePortSelector"`
}

// Label is a label's key and value.
type Label struct {
	// Key of the label.
	Key string `json:"key,omitempty"`
	// Value of the label, exactly.
	Value string `json:"value,omitempty"`
}

// IPFamily is the address family of pool servers.
type IPFamily string

// The families.
const (
	IPv4      IPFamily = "V4"
	IPv6      IPFamily = "V6"
	DualStack IPFamily = "V4_V6"
)

// Network holds networks, routes and address families.
type Network struct {
	// VIPNetworks are the networks that addresses are allocated from. Only AWS
	// takes more than one. Empty: Avi's IPAM chooses.
	VIPNetworks []VIPNetwork `json:"vipNetworks,omitempty" ako:"NetworkSettings.vipNetworkList"`
	// NodeNetworks are the networks of the cluster's nodes, at most 5: service
	// engines reach the nodes through them. vCenter and NSX-T VLAN only.
	NodeNetworks []NodeNetwork `json:"nodeNetworks,omitempty" ako:"NetworkSettings.nodeNetworkList"`
	// IPFamily is the family of pool servers (not of VIPs: these follow from
	// the VIP networks). Empty: V4_V6 on vCenter, no-orchestrator and NSX-T
	// clouds; other clouds are always V4.
	IPFamily IPFamily `json:"ipFamily,omitempty" enum:"V4|V6|V4_V6" ako:"AKOSettings.ipFamily"`
	// RHI announces VIPs by BGP (route health injection).
	RHI bool `json:"rhi,omitempty" ako:"NetworkSettings.enableRHI"`
	// BGPPeerLabels choose the BGP peers that VIPs are announced to. They need
	// rhi: true.
	BGPPeerLabels []string `json:"bgpPeerLabels,omitempty" ako:"NetworkSettings.bgpPeerLabels"`
	// NSXTTier1 is the path of the NSX-T tier-1 router, such as
	// /infra/tier-1s/t1, or of the VPC with vpcMode. NSX-T overlay only.
	NSXTTier1 string `json:"nsxtTier1,omitempty" ako:"NetworkSettings.nsxtT1LR"`
	// VPCMode is for NSX-T VPCs: nsxtTier1 is then
	// /orgs/ORG/projects/PROJECT/vpcs/VPC.
	VPCMode bool `json:"vpcMode,omitempty" ako:"AKOSettings.vpcMode"`
	// StaticRoutes are the routes to the Pods in the VRF context.
	StaticRoutes StaticRoutes `json:"staticRoutes,omitempty"`
}

// VIPNetwork is a network that addresses are allocated from.
type VIPNetwork struct {
	// Name of the network in Avi; on AWS, Azure and OpenStack the subnet's.
	// Name or uuid is needed.
	Name string `json:"name,omitempty" ako:"networkName"`
	// UUID of the network in Avi, for networks that share a name.
	UUID string `json:"uuid,omitempty" ako:"networkUUID"`
	// CIDR is the IPv4 subnet to allocate from, such as 10.10.0.0/16. Empty:
	// Avi chooses one of the network's.
	CIDR string `json:"cidr,omitempty" ako:"cidr"`
	// V6CIDR is the IPv6 subnet to allocate from. With cidr, VIPs have an
	// address of each family; alone, an IPv6 address only.
	V6CIDR string `json:"v6cidr,omitempty" ako:"v6cidr"`
}

// NodeNetwork is a network of the cluster's nodes.
type NodeNetwork struct {
	// Name of the network in Avi. Name or uuid is needed.
	Name string `json:"name,omitempty" ako:"networkName"`
	// UUID of the network in Avi.
	UUID string `json:"uuid,omitempty" ako:"networkUUID"`
	// CIDRs are the subnets of the nodes in this network.
	CIDRs []string `json:"cidrs,omitempty" ako:"cidrs"`
}

// StaticRoutes are the routes to the Pods in the VRF context.
type StaticRoutes struct {
	// Sync keeps a route to each node's Pod network in the VRF context, and the
	// cluster's label on the service-engine group. Only with ClusterIP
	// backends; false where the Pod network is routable.
	Sync bool `json:"sync" default:"true" ako:"AKOSettings.disableStaticRouteSync"`
	// CNI is the network plugin, in lower case: it decides where the Pod
	// networks are read. calico, cilium, openshift, ovn-kubernetes, antrea and
	// ncp have rules of their own; any other name, or none, reads the Nodes.
	CNI string `json:"cni,omitempty" pattern:"[a-z0-9][-_a-z0-9]*" ako:"AKOSettings.cniPlugin"`
}

// Namespaces says which namespaces take part.
type Namespaces struct {
	// Selector admits only namespaces with this label. Empty: all.
	Selector Label `json:"selector,omitempty" ako:"AKOSettings.namespaceSelector"`
	// Blocked are the names of namespaces that are left alone.
	Blocked []string `json:"blocked,omitempty" ako:"AKOSettings.blockedNamespaceList"`
	// System is the namespace that holds the default certificate.
	System string `json:"system,omitempty" default:"avi-system" pattern:"[a-z0-9]([-a-z0-9]*[a-z0-9])?" maxLength:"63"`
}

// Features turns on what not every cluster wants. This hub serves none of these;
// akohub doctor says so of one that is on.
type Features struct {
	// GatewayAPI serves Gateways and HTTPRoutes of gateway.networking.k8s.io.
	GatewayAPI bool `json:"gatewayAPI,omitempty" ako:"featureGates.GatewayAPI"`
	// ServicesAPI serves the older Gateways of networking.x-k8s.io.
	ServicesAPI bool `json:"servicesAPI,omitempty" ako:"AKOSettings.servicesAPI"`
	// MultiClusterIngress serves MultiClusterIngresses. It needs NodePort
	// backends and ingress mode EVH.
	MultiClusterIngress bool `json:"multiClusterIngress,omitempty" ako:"L7Settings.enableMCI"`
	// Istio speaks mutual TLS to Pods of a service mesh.
	Istio bool `json:"istio,omitempty" ako:"AKOSettings.istioEnabled"`
	// CRDOperator serves the kinds HealthMonitor, ApplicationProfile,
	// PKIProfile and RouteBackendExtension.
	CRDOperator bool `json:"crdOperator" default:"true" ako:"ako-crd-operator.enabled"`
}

// Events says which Events are written on the cluster's objects.
type Events struct {
	// Normal writes Events about what went well. Warnings are always written.
	Normal bool `json:"normal" default:"true" ako:"AKOSettings.enableEvents"`
}
