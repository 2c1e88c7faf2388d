package reconcile

import (
	"context"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/settings"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// Controller is what a worker needs of an Avi Controller. Its methods may be
// called concurrently by the workers of several clusters.
type Controller interface {
	// Name is the controller's in the hub's configuration.
	Name() string
	// Probe asks whether the controller serves configuration; it is cheap.
	Probe(ctx context.Context) error
	// Facts reads what the settings of a cluster depend on, as far as others
	// have not had the answers lately (nil: all of it).
	Facts(ctx context.Context, reg *v1alpha1.Cluster, a *avi.Answers) (Facts, error)
	// EnsureTenant says whether a tenant exists, after creating it where the
	// registration asks for that and its mode allows it.
	EnsureTenant(ctx context.Context, reg *v1alpha1.Cluster, tenant string) (bool, error)
	// Inventory returns all objects of a tenant that are the cluster's, or an
	// error: never a part of them.
	Inventory(ctx context.Context, tenant, cluster, createdBy string) (map[plan.Key]*plan.Observed, error)
	// TenantsOf returns the tenants that hold objects of the cluster's, of those
	// that the controller's user sees. TenantsOfMany does so for one of so many
	// clusters of the controller, with what others have asked lately.
	TenantsOf(ctx context.Context, cluster, createdBy string) ([]string, error)
	TenantsOfMany(ctx context.Context, a *avi.Answers, clusters int, cluster, createdBy string) ([]string, error)
	// VRFContext reads a VRF context of a cloud; nil: the user may not.
	VRFContext(ctx context.Context, tenant, cloud, name string) (*plan.Observed, error)
	// Marked returns the objects of others in the cluster's cloud that carry its
	// marks, but for those that are named.
	Marked(ctx context.Context, reg *v1alpha1.Cluster, except ...plan.Key) ([]avi.Marked, error)
	// Runtime asks how a virtual service or a pool fares.
	Runtime(ctx context.Context, k plan.Key, uuid string) (avi.Runtime, error)
	// Apply carries out a plan and returns a result for each step.
	Apply(ctx context.Context, p plan.Plan, onResult func(int, avi.Result)) []avi.Result
}

// Facts are a controller's facts about one cluster.
type Facts struct {
	Settings settings.Facts
	// ClusterUUID is that of the controller cluster, for annotations.
	ClusterUUID string
	// Shared are the objects that the hub edits but that are not the cluster's:
	// its service-engine group and, where it has static routes, its VRF context.
	Shared map[plan.Key]*plan.Observed
	// TenantFound says that the cluster's tenant was there.
	TenantFound bool
	// Former are such objects that the cluster's marks are in but don't belong
	// in; they are among Shared, too.
	Former []avi.Marked
}

// share takes over a shared object as it is now.
func (f *Facts) share(o *plan.Observed) {
	if o == nil {
		return
	}
	if f.Shared == nil {
		f.Shared = map[plan.Key]*plan.Observed{}
	}
	f.Shared[o.Key] = o
}

// NewController returns the Controller that a client leads to.
func NewController(client *avi.Client) Controller { return controller{client} }

type controller struct{ *avi.Client }

// writes says whether a mode lets the hub write.
func writes(m v1alpha1.Mode) bool {
	return m == v1alpha1.ModeEnforce || m == v1alpha1.ModeCreateOnly
}

func (c controller) Facts(ctx context.Context, reg *v1alpha1.Cluster, a *avi.Answers) (Facts, error) {
	sp := reg.Spec
	exists, err := c.EnsureTenant(ctx, reg, sp.Tenant.Name)
	if err != nil {
		return Facts{}, err
	}
	req := avi.FactsRequest{Tenant: sp.Tenant.Name, Cloud: sp.Cloud, SEGroup: sp.ServiceEngineGroup, VRF: sp.VRF, Tier1: sp.Network.NSXTTier1, Answers: a}
	if sp.Network.NSXTTier1 != "" && sp.Backends.Type != v1alpha1.BackendNodePort {
		req.VRF = "" // the router's counts
	}
	if !exists {
		// A tenant that is not there yet cannot be asked in.
		req.Tenant = "admin"
	}
	for _, n := range sp.Network.NodeNetworks {
		req.NodeNetworks = append(req.NodeNetworks, avi.NetworkName{Name: n.Name, UUID: n.UUID, CIDRs: n.CIDRs})
	}
	for _, n := range sp.Network.VIPNetworks {
		name := avi.NetworkName{Name: n.Name, UUID: n.UUID}
		for _, cidr := range []string{n.CIDR, n.V6CIDR} {
			if cidr != "" {
				name.CIDRs = append(name.CIDRs, cidr)
			}
		}
		req.VIPNetworks = append(req.VIPNetworks, name)
	}
	f, err := c.Client.Facts(ctx, req)
	if err != nil {
		return Facts{}, err
	}
	out := Facts{
		Settings: settings.Facts{
			CloudType: f.CloudType, Domains: f.Domains, LicenseTier: f.LicenseTier, NetworkVRF: f.NetworkVRF, Tier1VRF: f.Tier1VRF,
			NetworkUUIDs: f.NetworkUUIDs, NodeNetworkUUIDs: f.NodeNetworkUUIDs, TransportZone: f.TransportZone,
			IPAMType: f.IPAMType, WithoutIPAM: f.IPAMProfile == "",
		},
		ClusterUUID: f.ClusterUUID,
		TenantFound: exists,
	}
	if f.SEGroup != nil {
		out.share(f.SEGroup)
		out.Settings.SEGroupTenant = f.SEGroup.Key.Tenant
	}
	if settings.StaticRoutes(reg, out.Settings) && reg.Primary() {
		vrf, err := c.VRFContext(ctx, req.Tenant, sp.Cloud, settings.VRF(reg, out.Settings))
		if err != nil {
			return Facts{}, err
		}
		if vrf != nil {
			out.share(vrf)
			out.Settings.VRFTenant = vrf.Key.Tenant
			if err := c.lookForFormer(ctx, reg, &out); err != nil {
				return Facts{}, err
			}
		}
	}
	return out, nil
}

func (c controller) EnsureTenant(ctx context.Context, reg *v1alpha1.Cluster, tenant string) (bool, error) {
	t := reg.Spec.Tenant
	create := t.Create && tenant == t.Name && writes(reg.Spec.Mode)
	err := c.Client.EnsureTenant(ctx, tenant, create, avi.TenantFlags{
		SEInProviderContext: t.SEInProviderContext,
		AccessToProviderSE:  true,
		VRF:                 !t.SEInProviderContext,
	})
	if avi.IsClass(err, avi.NoTenant) && !writes(reg.Spec.Mode) {
		return false, nil
	}
	return err == nil, err
}
