package translate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/vmware/alb-sdk/go/models"
)

// Protocols of Service ports.
const (
	protocolTCP  = "TCP"
	protocolUDP  = "UDP"
	protocolSCTP = "SCTP"
)

// typeL4PolicySet is the type of policy sets of layer 4.
const typeL4PolicySet = "l4policyset"

// l4Protocols says what Avi has for each protocol (l4-infra.md §1.4, §1.7).
var l4Protocols = map[string]struct {
	// match is the value in a rule.
	match string
	// monitor is the default health monitor.
	monitor string
	// profile overrides the network profile of a virtual service that has ports
	// of other protocols too; empty: TCP, which never overrides.
	profile string
}{
	protocolTCP:  {match: "PROTOCOL_TCP", monitor: "System-TCP"},
	protocolUDP:  {match: "PROTOCOL_UDP", monitor: "System-UDP", profile: "System-UDP-Fast-Path"},
	protocolSCTP: {match: "PROTOCOL_SCTP", monitor: "System-SCTP", profile: "System-SCTP-Proxy"},
}

// l4Rule is a port and the pool that serves it.
type l4Rule struct {
	port portMatch
	pool string
}

// l4Name is the name of the virtual service, VsVip and policy set of a Service,
// or of a shared VIP (l4-infra.md §1.2).
func l4Name(s *Settings, namespace, service string) string {
	return encode(s, s.namePrefix()+namespace+"-"+service)
}

// l4PoolName is the name of the pool of a Service's port.
func l4PoolName(s *Settings, namespace, service string, port portMatch) string {
	return encode(s, s.namePrefix()+namespace+"-"+service+"-"+port.Protocol+"-"+itoa(port.Number))
}

// l4RuleName is the name of the rule that leads to a pool. It is AKO's form of
// a reference, letter for letter.
func l4RuleName(pool string) string { return "/api/pool?name=" + pool }

// protocolsOf returns the protocols of the rules, sorted, without doubles.
func protocolsOf(rules []l4Rule) []string {
	out := make([]string, 0, len(rules))
	for _, r := range rules {
		out = append(out, r.port.Protocol)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// networkProfile returns the network profile for a set of protocols (l4-infra.md
// §1.4). An unknown licence counts as a small one.
func networkProfile(s *Settings, protocols []string) string {
	switch {
	case len(protocols) == 0 || slices.Contains(protocols, protocolTCP):
		if s.LicenseTier == "ENTERPRISE" || s.LicenseTier == "ENTERPRISE_WITH_CLOUD_SERVICES" {
			return "System-TCP-Proxy"
		}
		return "System-TCP-Fast-Path"
	case slices.Contains(protocols, protocolUDP):
		return "System-UDP-Fast-Path"
	}
	return "System-SCTP-Proxy"
}

// buildL4VirtualService builds what dedicated and shared virtual services have
// in common; markers, metadata and traffic_enabled are the caller's
// (l4-infra.md §1.3).
func buildL4VirtualService(s *Settings, name, tenant string, rules []l4Rule) *models.VirtualService {
	protocols := protocolsOf(rules)
	vs := &models.VirtualService{
		Name:                        &name,
		TenantRef:                   ref("tenant", tenant),
		CloudRef:                    ref("cloud", s.Cloud),
		CreatedBy:                   ptr(s.CreatedBy()),
		SeGroupRef:                  ref("serviceenginegroup", s.SEGroup),
		ApplicationProfileRef:       ref("applicationprofile", "System-L4-Application"),
		NetworkProfileRef:           ref("networkprofile", networkProfile(s, protocols)),
		VsvipRef:                    ref("vsvip", name),
		Services:                    listeners(rules, len(protocols) > 1),
		L4Policies:                  []*models.L4Policies{{Index: ptr(int32(0)), L4PolicySetRef: ref("l4policyset", name)}},
		RemoveListeningPortOnVsDown: ptr(true),
	}
	if s.T1LR == "" {
		vs.VrfContextRef = ref("vrfcontext", s.VRF)
	}
	if s.EnableRHI {
		vs.EnableRhi = ptr(true)
	}
	return vs
}

// listeners are the ports of a virtual service, in the order of the ports'
// names, as AKO sends them.
func listeners(rules []l4Rule, mixed bool) []*models.Service {
	rules = slices.Clone(rules)
	slices.SortStableFunc(rules, func(a, b l4Rule) int { return strings.Compare(a.port.PortName, b.port.PortName) })
	out := make([]*models.Service, 0, len(rules))
	for _, r := range rules {
		l := &models.Service{
			Port:         ptr(uint32(r.port.Number)),
			PortRangeEnd: ptr(uint32(r.port.Number)),
			EnableSsl:    ptr(false),
			EnableHttp2:  ptr(false),
		}
		if profile := l4Protocols[r.port.Protocol].profile; mixed && profile != "" {
			l.OverrideNetworkProfileRef = ref("networkprofile", profile)
		}
		out = append(out, l)
	}
	return out
}

// l4Pool is what goes into a pool for Services.
type l4Pool struct {
	name     string
	tenant   string
	port     portMatch
	servers  []*models.Server
	markers  []*models.RoleFilterMatchLabel
	metadata serviceMetadata
}

// buildL4Pool builds the pool of a Service's port (l4-infra.md §1.7).
func buildL4Pool(s *Settings, p l4Pool) *models.Pool {
	pool := &models.Pool{
		Name:                   &p.name,
		TenantRef:              ref("tenant", p.tenant),
		CloudRef:               ref("cloud", s.Cloud),
		CreatedBy:              ptr(s.CreatedBy()),
		SniEnabled:             ptr(false),
		GracefulDisableTimeout: ptr(int32(1)),
		HealthMonitorRefs:      []string{refTo("healthmonitor", l4Protocols[p.port.Protocol].monitor)},
		PlacementNetworks:      placementNetworks(s),
		Servers:                p.servers,
		Markers:                p.markers,
		ServiceMetadata:        p.metadata.text(),
	}
	if s.T1LR != "" {
		pool.Tier1Lr = ptr(s.T1LR)
	} else {
		pool.VrfRef = ref("vrfcontext", s.VRF)
	}
	return pool
}

// buildL4PolicySet builds the rules that pick the pool by protocol and port, in
// the order given (l4-infra.md §1.2).
func buildL4PolicySet(s *Settings, name, tenant string, rules []l4Rule, ms []*models.RoleFilterMatchLabel) *models.L4PolicySet {
	out := make([]*models.L4Rule, 0, len(rules))
	for i, r := range rules {
		out = append(out, &models.L4Rule{
			Index: ptr(int32(i)),
			Name:  ptr(l4RuleName(r.pool)),
			Match: &models.L4RuleMatchTarget{
				Protocol: &models.L4RuleProtocolMatch{
					MatchCriteria: ptr("IS_IN"),
					Protocol:      ptr(l4Protocols[r.port.Protocol].match),
				},
				Port: &models.L4RulePortMatch{
					MatchCriteria: ptr("IS_IN"),
					Ports:         []int64{int64(r.port.Number)},
				},
			},
			Action: &models.L4RuleAction{SelectPool: &models.L4RuleActionSelectPool{
				ActionType: ptr("L4_RULE_ACTION_SELECT_POOL"),
				PoolRef:    ref("pool", r.pool),
			}},
		})
	}
	return &models.L4PolicySet{
		Name:               &name,
		TenantRef:          ref("tenant", tenant),
		CreatedBy:          ptr(s.CreatedBy()),
		L4ConnectionPolicy: &models.L4ConnectionPolicy{Rules: out},
		Markers:            ms,
	}
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }
