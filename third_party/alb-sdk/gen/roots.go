package main

// roots are the definitions that akohub uses directly. What is generated is
// these and everything that they contain; trim the list to trim the package.
var roots = []string{
	"ApplicationPersistenceProfile",
	"Cloud",
	"HTTPPolicySet",
	"HealthMonitor",
	"IpamDnsProviderProfile",
	"L4PolicySet",
	"Network",
	"PKIProfile",
	"Pool",
	"PoolGroup",
	"SSLKeyAndCertificate",
	"ServiceEngineGroup",
	"StringGroup",
	"SystemConfiguration",
	"Tenant",
	"VSDataScriptSet",
	"VirtualService",
	"VrfContext",
	"VsVip",
}

// int64Lists are fields that the SDK has and sdk-names.json misses: the SDK
// tags its lists of integers `json:"x,omitempty,omitempty"` and types them
// []int64, whatever the width in the API description. Keyed by definition and
// JSON name; the value is the SDK's Go identifier.
var int64Lists = map[string]map[string]string{
	"DockerConfiguration":   {"http_container_ports": "HTTPContainerPorts"},
	"HTTPReselectRespCode":  {"codes": "Codes"},
	"HTTPStatusMatch":       {"status_codes": "StatusCodes"},
	"HealthMonitorHttp":     {"maintenance_code": "MaintenanceCode"},
	"L4RulePortMatch":       {"ports": "Ports"},
	"MetricsEventThreshold": {"watermark_thresholds": "WatermarkThresholds"},
	"PortMatch":             {"ports": "Ports"},
	"PortMatchGeneric":      {"ports": "Ports"},
	"RancherConfiguration":  {"http_container_ports": "HTTPContainerPorts"},
	"ServiceEngineGroup":    {"auto_rebalance_capacity_per_se": "AutoRebalanceCapacityPerSe"},
}
