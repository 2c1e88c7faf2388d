package avisim

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"

	"gopkg.in/yaml.v3"
)

//go:embed seed.yaml
var defaultSeed []byte

// Seed is what a controller holds before a client writes anything. seed.yaml
// in this package is one, with comments.
type Seed struct {
	// Version is the controller's release.
	Version string `yaml:"version"`
	// License is the tier that /api/systemconfiguration shows; empty means
	// ENTERPRISE.
	License string `yaml:"license"`
	// User is the administrator.
	User SeedUser `yaml:"user"`
	// Users are further ones, Roles what they may have besides the roles that
	// every controller has.
	Users   []SeedUser  `yaml:"users"`
	Roles   []SeedRole  `yaml:"roles"`
	Tenants SeedTenants `yaml:"tenants"`
	Clouds  []SeedCloud `yaml:"clouds"`
	// Limits are what /api/systemlimits says, by field of ControllerLimits,
	// ControllerSizingLimits or L7limits (servers_per_pool,
	// num_virtualservices, …); absent ones are none.
	Limits map[string]int `yaml:"limits"`
	// Objects are in tenant admin: by type's path, a list of names, or names
	// grouped by a word that says what kind of the type they are.
	Objects map[string]SeedNames `yaml:"objects"`
}

// SeedUser is someone who may log in.
type SeedUser struct {
	Name     string `yaml:"name"`
	Password string `yaml:"password"`
	// Tenants that the user may work in; empty means all, if there are no
	// Access entries either.
	Tenants []string `yaml:"tenants"`
	// ReadOnly users may not write.
	ReadOnly bool `yaml:"readOnly"`
	// Access gives a role in a tenant, besides Tenants.
	Access []SeedAccess `yaml:"access"`
	// Tokens may be used in place of the password; they don't expire.
	Tokens []string `yaml:"tokens"`
	// Profile is the account profile with the lock-out rules; empty means
	// No-Lockout-User-Account-Profile for the administrator and
	// Default-User-Account-Profile for others.
	Profile string `yaml:"profile"`
}

// SeedAccess is a role in a tenant; the tenant "*" means all.
type SeedAccess struct {
	Tenant string `yaml:"tenant"`
	Role   string `yaml:"role"`
}

// SeedRole is a role: resources as in PERMISSION_POOL, without the prefix and
// in any case; "*" is all.
type SeedRole struct {
	Name  string   `yaml:"name"`
	Write []string `yaml:"write"`
	Read  []string `yaml:"read"`
}

// SeedTenants names the tenants that exist besides admin.
type SeedTenants struct {
	Default []string     `yaml:"default"`
	Others  []SeedTenant `yaml:"others"`
}

// SeedTenant is a tenant with settings of its own.
type SeedTenant struct {
	Name string `yaml:"name"`
	// SEInProviderContext is true unless set: the tenant uses admin's SE
	// groups.
	SEInProviderContext *bool `yaml:"seInProviderContext"`
	// TenantVRF gives the tenant VRFs of its own.
	TenantVRF bool `yaml:"tenantVrf"`
}

// SeedCloud is a cloud with what hangs on it.
type SeedCloud struct {
	Name  string `yaml:"name"`
	Vtype string `yaml:"vtype"`
	// VRFs besides global and management. In an NSX-T cloud each is that of the
	// tier-1 router of its name, or of the one at a path that is its name.
	VRFs     []string      `yaml:"vrfs"`
	Domains  []string      `yaml:"domains"`
	Networks []SeedNetwork `yaml:"networks"`
	// SEGroups besides Default-Group; absent means seg-gold and seg-silver.
	SEGroups []string `yaml:"seGroups"`
	// Management names the network of the service engines' management, in a
	// vCenter cloud.
	Management string `yaml:"management"`
	// TransportZone is OVERLAY or VLAN, in an NSX-T cloud; empty: the cloud
	// doesn't say.
	TransportZone string `yaml:"transportZone"`
	// IPAM is the type of the IPAM profile, without IPAMDNS_TYPE_; empty means
	// INTERNAL, "none" that there is no profile.
	IPAM string `yaml:"ipam"`
}

// SeedNetwork is a network that VIPs may come from: V4 is N in 10.N.0.0/16,
// V6 is N in 2001:db8:N::/64; 0 means none.
type SeedNetwork struct {
	Name string `yaml:"name"`
	VRF  string `yaml:"vrf"`
	V4   int    `yaml:"v4"`
	V6   int    `yaml:"v6"`
	// Hosts are those that the network is on, in a vCenter cloud, where several
	// networks may have one name.
	Hosts []string `yaml:"hosts"`
}

// SeedNames are object names, in the order of the file, with the group that
// they were listed under, if any.
type SeedNames []SeedName

// SeedName is one of [SeedNames].
type SeedName struct{ Name, Group string }

// UnmarshalYAML accepts a list of names, or lists of names by group.
func (s *SeedNames) UnmarshalYAML(node *yaml.Node) error {
	add := func(list *yaml.Node, group string) error {
		var names []string
		if err := list.Decode(&names); err != nil {
			return err
		}
		for _, n := range names {
			*s = append(*s, SeedName{Name: n, Group: group})
		}
		return nil
	}
	if node.Kind != yaml.MappingNode {
		return add(node, "")
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if err := add(node.Content[i+1], node.Content[i].Value); err != nil {
			return err
		}
	}
	return nil
}

// DefaultSeed is the seed that is built in: four clouds (vCenter, none, NSX-T,
// AWS) with networks, VRFs and DNS domains, and the usual profiles.
func DefaultSeed() (*Seed, error) { return ParseSeed(defaultSeed) }

// LoadSeed reads a seed file.
func LoadSeed(path string) (*Seed, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the seed: %w", err)
	}
	seed, err := ParseSeed(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return seed, nil
}

// ParseSeed reads a seed. Unknown keys are errors, with their line.
func ParseSeed(data []byte) (*Seed, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var seed Seed
	if err := dec.Decode(&seed); err != nil {
		return nil, fmt.Errorf("parsing the seed: %w", err)
	}
	var more any
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("parsing the seed: more than one document")
	}
	if seed.Version == "" || seed.User.Name == "" {
		return nil, errors.New("parsing the seed: version and user.name are needed")
	}
	if parseVersion(seed.Version) == 0 {
		return nil, fmt.Errorf("parsing the seed: version %q is not a release such as 30.2.1", seed.Version)
	}
	return &seed, nil
}
