package avi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
)

// FactsRequest says what a registration names on its controller.
type FactsRequest struct {
	// Tenant is where the questions are asked: the cluster's.
	Tenant string
	Cloud  string
	// SEGroup is the service-engine group; empty: not looked for.
	SEGroup string
	// VRF is the VRF context that the registration names; empty: none.
	VRF string
	// VIPNetworks must exist, in clouds that know networks by name; NodeNetworks
	// in those that place service engines on them.
	VIPNetworks  []NetworkName
	NodeNetworks []NetworkName
	// Tier1 is the path of the NSX-T tier-1 router; empty: none.
	Tier1 string
	// Answers are those that others may have had lately; nil: all is asked for.
	// What the hub edits is asked for in any case.
	Answers *Answers
}

// Facts are what a controller says of itself and of what a registration names.
type Facts struct {
	// Version is the controller's release, such as "30.2.1".
	Version string
	// ClusterUUID is the controller cluster's; empty if the user may not read it.
	ClusterUUID string
	// ClusterState is such as "CLUSTER_UP_NO_HA".
	ClusterState string
	// LicenseTier is default_license_tier.
	LicenseTier string
	// CloudUUID, CloudType (vtype) and CloudTenant are the cloud's.
	CloudUUID   string
	CloudType   string
	CloudTenant string
	// TransportZone is "OVERLAY" or "VLAN" in an NSX-T cloud that says so.
	TransportZone string
	// IPAMProfile and DNSProfile are the names of the cloud's; empty: none.
	IPAMProfile string
	DNSProfile  string
	// IPAMType is the type of the IPAM profile, such as
	// "IPAMDNS_TYPE_INTERNAL"; empty: none, or the user may not read it.
	IPAMType string
	// Domains are the DNS domains of the cloud, sorted.
	Domains []string
	// SEGroup is the service-engine group, to be given to plan.Compute under
	// the edit's key; nil if it wasn't asked for.
	SEGroup *plan.Observed
	// NetworkVRF is the VRF context of the first VIP network; empty if the
	// cloud doesn't know it by name.
	NetworkVRF string
	// NetworkUUIDs are the UUIDs of VIP networks whose names several networks
	// have, by name; NodeNetworkUUIDs those of such node networks.
	NetworkUUIDs     map[string]string
	NodeNetworkUUIDs map[string]string
	// Tier1VRF is the VRF context that has the tier-1 router; empty: none.
	Tier1VRF string
	// IPAMUUID is the UUID of the IPAM profile, ManagementNetwork that of the
	// network of the service engines' management in a vCenter cloud.
	IPAMUUID          string
	ManagementNetwork string
}

// subnetClouds place VIPs by subnet and not by network (l4-infra.md §2.7).
var subnetClouds = map[string]bool{"CLOUD_AWS": true, "CLOUD_AZURE": true, "CLOUD_OPENSTACK": true}

// Facts reads what translation needs to know of a controller (l4-infra.md §2.6
// to §2.11). What the request names and the controller lacks is an error of
// class NotFound that says what is missing.
func (c *Client) Facts(ctx context.Context, r FactsRequest) (Facts, error) {
	var f Facts
	for _, read := range []func(context.Context, FactsRequest, *Facts) error{
		c.readSystem, c.readCloud, c.readIPAM, c.readDomains, c.readSEGroup, c.readNetworks, c.readVRF,
	} {
		if err := read(ctx, r, &f); err != nil {
			return Facts{}, fmt.Errorf("reading the facts of controller %q: %w", c.cfg.Name, err)
		}
	}
	return f, nil
}

// Probe asks whether the controller serves configuration; it is cheap.
func (c *Client) Probe(ctx context.Context) error {
	var f Facts
	if err := c.readRuntime(ctx, FactsRequest{Tenant: "admin"}, &f); !forbidden(err) {
		return err
	}
	return nil // whoever refuses serves
}

// get reads a path that answers one JSON object.
func (c *Client) get(ctx context.Context, tenant, path string, query url.Values) (map[string]any, error) {
	var out map[string]any
	err := c.do(ctx, call{op: "reading", method: http.MethodGet, tenant: tenant, typ: path, path: path, query: query}, &out)
	return out, err
}

var upStates = []string{"CLUSTER_UP_NO_HA", "CLUSTER_UP_HA_ACTIVE", "CLUSTER_UP_HA_COMPROMISED"}

// system reads what belongs to no tenant. It is asked for in the cluster's
// tenant, as AKO does, and in admin where the user may not: each of its roles
// may be in one of the two only (l4-infra.md §3.3, §3.6).
func (c *Client) system(ctx context.Context, r FactsRequest, path string, query url.Values) (map[string]any, error) {
	worth := anyAnswer[map[string]any]
	if path == clusterRuntime {
		worth = func(runtime map[string]any) bool { return slices.Contains(upStates, stateOf(runtime)) }
	}
	return shared(ctx, r.Answers, question("", path, query), answersFor, worth, func(ctx context.Context) (map[string]any, error) {
		out, err := c.get(ctx, orAdmin(r.Tenant), path, query)
		if forbidden(err) && orAdmin(r.Tenant) != "admin" {
			if second, err := c.get(ctx, "admin", path, query); err == nil {
				return second, nil
			}
		}
		return out, err
	})
}

// clusterRuntime says whether the controller serves, and which release it is.
const clusterRuntime = "cluster/runtime"

func stateOf(runtime map[string]any) string {
	cluster, _ := runtime["cluster_state"].(map[string]any)
	state, _ := cluster["state"].(string)
	return state
}

func (c *Client) readRuntime(ctx context.Context, r FactsRequest, f *Facts) error {
	runtime, err := c.system(ctx, r, clusterRuntime, nil)
	if err != nil {
		return err
	}
	f.ClusterState = stateOf(runtime)
	node, _ := runtime["node_info"].(map[string]any)
	f.Version, _ = node["version"].(string)
	if !slices.Contains(upStates, f.ClusterState) {
		return &Error{Class: Unavailable, Op: "reading", Type: clusterRuntime, Message: "the controller's state is " + f.ClusterState}
	}
	return nil
}

func (c *Client) readSystem(ctx context.Context, r FactsRequest, f *Facts) error {
	if err := c.readRuntime(ctx, r, f); err != nil {
		return err
	}
	system, err := c.system(ctx, r, "systemconfiguration", nil)
	if err != nil {
		return err
	}
	f.LicenseTier, _ = system["default_license_tier"].(string)
	cluster, err := c.system(ctx, r, "cluster", nil)
	switch {
	case err == nil:
		f.ClusterUUID, _ = cluster["uuid"].(string)
	case forbidden(err): // needs a role of its own (l4-infra.md §3.6)
	default:
		return err
	}
	if f.Version == "" {
		version, err := c.system(ctx, r, "cluster/version", nil)
		if err != nil {
			return err
		}
		f.Version, _ = version["Version"].(string)
	}
	return checkVersion(f.Version)
}

// find looks for an object by name in the tenant and in admin, whose clouds,
// networks and groups serve other tenants. The tenant's own comes first, as it
// does for references.
func (c *Client) find(ctx context.Context, tenant, typ string, query url.Values) (map[string]any, error) {
	list, err := c.findAll(ctx, tenant, typ, query)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// findAll is find where several may have the name: those that are the tenant's
// own, else all that it sees, else those of admin.
func (c *Client) findAll(ctx context.Context, tenant, typ string, query url.Values) ([]map[string]any, error) {
	tenants := []string{tenant, "admin"}
	if tenant == "" || tenant == "admin" {
		tenants = []string{"admin"}
	}
	var refused error
	for i, t := range tenants {
		list, err := c.List(ctx, t, typ, query)
		if err != nil {
			if i+1 < len(tenants) && forbidden(err) {
				refused = err
				continue // l4-infra.md §3.3: read it as admin
			}
			if i > 0 && forbidden(err) {
				// The tenant's own word counts: there is none, or what the user
				// lacks is the right to read it there.
				return nil, refused
			}
			return nil, err
		}
		own := slices.DeleteFunc(slices.Clone(list), func(o map[string]any) bool { return !inTenant(o, t) })
		if len(own) > 0 {
			return own, nil
		}
		if len(list) > 0 {
			return list, nil
		}
	}
	return nil, nil
}

// findShared is findAll where others may have found the same lately. as is the
// tenant of those who find the same.
func (c *Client) findShared(ctx context.Context, r FactsRequest, as, typ string, query url.Values) ([]map[string]any, error) {
	found := func(list []map[string]any) bool { return len(list) > 0 }
	return shared(ctx, r.Answers, question(orAdmin(as), typ, query), answersFor, found, func(ctx context.Context) ([]map[string]any, error) {
		return c.findAll(ctx, r.Tenant, typ, query)
	})
}

func forbidden(err error) bool {
	var e *Error
	return asAvi(err, &e) && e.Status == http.StatusForbidden && e.Class == Invalid
}

func missing(typ, name, where string) error {
	return &Error{Class: NotFound, Op: "looking for", Type: typ, Name: name, Message: "there is none" + where}
}

func (c *Client) readCloud(ctx context.Context, r FactsRequest, f *Facts) error {
	list, err := c.findShared(ctx, r, r.Tenant, "cloud", url.Values{"name": {r.Cloud}})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return missing("cloud", r.Cloud, " on the controller")
	}
	cloud := list[0]
	f.CloudUUID, _ = cloud["uuid"].(string)
	f.CloudType, _ = cloud["vtype"].(string)
	f.CloudTenant = refName(cloud["tenant_ref"])
	f.IPAMProfile = refName(cloud["ipam_provider_ref"])
	f.DNSProfile = refName(cloud["dns_provider_ref"])
	nsxt, _ := cloud["nsxt_configuration"].(map[string]any)
	data, _ := nsxt["data_network_config"].(map[string]any)
	f.TransportZone, _ = data["tz_type"].(string)
	vcenter, _ := cloud["vcenter_configuration"].(map[string]any)
	f.ManagementNetwork = refUUID(vcenter["management_network"])
	f.IPAMUUID = refUUID(cloud["ipam_provider_ref"])
	return nil
}

// refUUID is the UUID in a reference; empty: there is none.
func refUUID(v any) string {
	text, _ := v.(string)
	r, _ := desired.ParseRef(text)
	return r.UUID
}

// readIPAM reads what kind of IPAM the cloud has (l4-infra.md §2.10). Where the
// user may not, AKO takes it for one of the usual kinds, too.
func (c *Client) readIPAM(ctx context.Context, r FactsRequest, f *Facts) error {
	if f.IPAMUUID == "" {
		return nil
	}
	const typ = "ipamdnsproviderprofile"
	profile, err := shared(ctx, r.Answers, question("", typ, url.Values{"uuid": {f.IPAMUUID}}), answersFor, anyAnswer, func(ctx context.Context) (profile map[string]any, err error) {
		for _, tenant := range slices.Compact([]string{orAdmin(r.Tenant), orAdmin(f.CloudTenant)}) {
			profile, err = c.Get(ctx, tenant, typ, f.IPAMUUID)
			if !forbidden(err) && ClassOf(err) != NoTenant && ClassOf(err) != NotFound {
				break
			}
		}
		return profile, err
	})
	if err != nil && !forbidden(err) && ClassOf(err) != NoTenant && ClassOf(err) != NotFound {
		return err
	}
	f.IPAMType, _ = profile["type"].(string)
	return nil
}

// refName is the name in a reference, or its UUID.
func refName(v any) string {
	text, _ := v.(string)
	r, ok := desired.ParseRef(text)
	if !ok {
		return ""
	}
	if r.Name != "" {
		return r.Name
	}
	return r.UUID
}

func (c *Client) readDomains(ctx context.Context, r FactsRequest, f *Facts) error {
	answer, err := c.system(ctx, r, "ipamdnsproviderprofiledomainlist", url.Values{"cloud_uuid": {f.CloudUUID}})
	if err != nil {
		if f.DNSProfile == "" && ClassOf(err) != Unavailable && ClassOf(err) != Canceled && ClassOf(err) != Unauthorized {
			return nil // a cloud without a DNS profile has no domains
		}
		return err
	}
	list, _ := answer["domains"].([]any)
	f.Domains = []string{}
	for _, e := range list {
		if d, ok := e.(string); ok {
			f.Domains = append(f.Domains, d)
		}
	}
	slices.Sort(f.Domains)
	return nil
}

func orAdmin(tenant string) string {
	if tenant == "" {
		return "admin"
	}
	return tenant
}

func (c *Client) readSEGroup(ctx context.Context, r FactsRequest, f *Facts) error {
	if r.SEGroup == "" {
		return nil
	}
	group, err := c.find(ctx, r.Tenant, "serviceenginegroup", url.Values{"name": {r.SEGroup}, "cloud_ref.name": {r.Cloud}})
	if err != nil {
		return err
	}
	if group == nil {
		return missing("serviceenginegroup", r.SEGroup, fmt.Sprintf(" in cloud %q", r.Cloud))
	}
	tenant := refName(group["tenant_ref"])
	f.SEGroup, err = observe(plan.Key{Tenant: orAdmin(tenant), Type: "serviceenginegroup", Name: r.SEGroup}, group, nil)
	return err
}

func (c *Client) readVRF(ctx context.Context, r FactsRequest, f *Facts) error {
	if r.VRF != "" && !subnetClouds[f.CloudType] && f.CloudType != "CLOUD_GCP" { // public clouds have one of their own
		vrf, err := c.find(ctx, r.Tenant, "vrfcontext", url.Values{"name": {r.VRF}, "cloud_ref.name": {r.Cloud}})
		if err != nil {
			return err
		}
		if vrf == nil {
			return missing("vrfcontext", r.VRF, fmt.Sprintf(" in cloud %q", r.Cloud))
		}
	}
	if r.Tier1 == "" {
		return nil
	}
	tenants := []string{orAdmin(r.Tenant), "admin"}
	for i, t := range slices.Compact(tenants) {
		query := url.Values{"cloud_ref.name": {r.Cloud}, "fields": {"uuid,name,attrs"}} // and not the routes of all clusters
		list, err := shared(ctx, r.Answers, question(t, "vrfcontext", query), answersFor, anyAnswer, func(ctx context.Context) ([]map[string]any, error) {
			return c.List(ctx, t, "vrfcontext", query)
		})
		if err != nil && i == 0 && t != "admin" && forbidden(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, vrf := range list {
			if hasTier1(vrf, r.Tier1) {
				f.Tier1VRF, _ = vrf["name"].(string)
				return nil
			}
		}
	}
	return nil
}

// hasTier1 says whether a VRF context is that of a tier-1 router.
func hasTier1(vrf map[string]any, path string) bool {
	attrs, _ := vrf["attrs"].([]any)
	return slices.ContainsFunc(attrs, func(a any) bool {
		kv, _ := a.(map[string]any)
		return kv["key"] == "tier1path" && kv["value"] == path
	})
}

// VRFContext reads a VRF context of a cloud, to be given to plan.Compute under
// the edit's key; the key says which tenant it lives in. It is nil, without an
// error, where the user may not read it.
func (c *Client) VRFContext(ctx context.Context, tenant, cloud, name string) (*plan.Observed, error) {
	vrf, err := c.find(ctx, tenant, "vrfcontext", url.Values{"name": {name}, "cloud_ref.name": {cloud}})
	switch {
	case forbidden(err):
		return nil, nil
	case err == nil && vrf == nil:
		err = missing("vrfcontext", name, fmt.Sprintf(" in cloud %q", cloud))
		fallthrough
	case err != nil:
		return nil, fmt.Errorf("reading the VRF context of the static routes: %w", err)
	}
	return observe(plan.Key{Tenant: orAdmin(refName(vrf["tenant_ref"])), Type: "vrfcontext", Name: name}, vrf, nil)
}
