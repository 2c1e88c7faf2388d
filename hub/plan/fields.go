package plan

// managed are the top-level fields of each type whose absence in the wanted
// object means something: if the observed object has such a field, and not just
// with its default, that is drift and an update takes it away. They are the
// fields that AKO writes for the type in some configuration (l7.md §17,
// l4-infra.md §1.3, §1.5, §1.7), except those that the controller assigns when
// they are absent (cloud, tenant, VRF, SE group).
//
// Any other field that isn't wanted belongs to somebody else (or to the
// controller): it isn't compared, and an update carries it along as it is.
var managed = map[string][]string{
	"applicationpersistenceprofile": {"markers"},
	"httppolicyset": {
		"http_request_policy", "http_response_policy", "http_security_policy", "markers",
	},
	"l4policyset": {"l4_connection_policy", "markers"},
	"pkiprofile":  {"ca_certs", "crl_check", "markers"},
	"pool": {
		"analytics_policy", "application_persistence_profile_ref", "domain_name", "enable_http2", "enabled",
		"graceful_disable_timeout", "health_monitor_refs", "host_check_enabled", "lb_algorithm",
		"lb_algorithm_consistent_hash_hdr", "lb_algorithm_hash", "markers", "min_servers_up", "pki_profile_ref",
		"placement_networks", "servers", "service_metadata", "sni_enabled", "ssl_key_and_certificate_ref",
		"ssl_profile_ref", "tier1_lr",
	},
	"poolgroup":            {"implicit_priority_labels", "markers", "members"},
	"sslkeyandcertificate": {"markers"},
	"stringgroup":          {"kv", "longest_match", "markers"},
	"virtualservice": {
		"allow_invalid_client_cert", "analytics_policy", "analytics_profile_ref", "application_profile_ref",
		"bot_policy_ref", "close_client_conn_on_config_update", "east_west_placement", "enable_rhi", "enabled",
		"error_page_profile_ref", "host_name_xlate", "http_policies", "icap_request_profile_refs",
		"ign_pool_net_reach", "l4_policies", "markers", "min_pools_up", "network_profile_ref",
		"network_security_policy_ref", "oauth_vs_config", "performance_limits", "pool_group_ref", "pool_ref",
		"remove_listening_port_on_vs_down", "revoke_vip_route", "saml_sp_config", "security_policy_ref",
		"service_metadata", "services", "ssl_key_and_certificate_refs", "ssl_profile_ref",
		"ssl_sess_cache_avg_size", "sso_policy_ref", "traffic_clone_profile_ref", "traffic_enabled",
		"vh_domain_name", "vh_matches", "vh_parent_vs_ref", "vs_datascripts", "waf_policy_ref",
	},
	"vsdatascriptset": {
		"datascript", "markers", "pool_group_refs", "pool_refs", "protocol_parser_refs", "string_group_refs",
	},
	"vsvip": {"bgp_peer_labels", "dns_info", "markers", "tier1_lr", "vip"},
}

// assigned are the top-level fields that a controller or AKO itself sets and
// that no comparison looks at, even when they are in the wanted object.
var assigned = map[string]bool{
	"_last_modified":           true,
	"cloud_config_cksum":       true, // AKO's
	"configpb_attributes":      true,
	"tenant_ref":               true,
	"url":                      true,
	"uuid":                     true,
	"vsvip_cloud_config_cksum": true, // AKO's
}

// lenient are the parts of objects in which only the fields that are wanted
// are compared: the controller fills in others.
var lenient = map[string]bool{
	"CertificateAuthority": true, // name of the issuer
	"SSLCertificate":       true, // what it parsed from the PEM text
	"Vip":                  true, // the allocated address, subnets, allocation flags
	// On an update AKO sends the network without its subnet, so adopted VIPs
	// may lack it (avi-rest.md §8, 9); the network is what counts (l7.md §17.5).
	"IPNetworkSubnet": true,
}

// ignored are fields of parts of objects that aren't compared at all.
var ignored = map[string]map[string]bool{
	"IPNetworkSubnet": {"subnet": true, "subnet6": true},
	"Server": {
		"autoscaling_group_name": true, "availability_zone": true, "discovered_networks": true,
		"external_orchestration_id": true, "hostname": true, "location": true, "mac_address": true,
		"nw_ref": true, "static": true, "verify_network": true, "vm_ref": true,
	},
	"DnsInfo": {"metadata": true},
}

// subset are lists of which only the wanted elements must be there: a
// controller adds the issuers that it knows by name only.
var subset = map[string]map[string]bool{
	"SSLKeyAndCertificate": {"ca_certs": true},
}

// sets are the lists whose order has no meaning, by field name (parity/README,
// "Normal form"). Lists with an explicit index count as sets of their indexed
// elements; everything else keeps its order.
var sets = map[string]bool{
	"bgp_peer_labels": true, "ca_certs": true, "dns_info": true, "domain_name": true,
	"health_monitor_refs": true, "hosts": true, "http_policies": true, "icap_request_profile_refs": true,
	"kv": true, "l4_policies": true, "labels": true, "markers": true, "match_str": true, "members": true,
	"placement_networks": true, "pool_group_refs": true, "pool_refs": true, "ports": true,
	"protocol_parser_refs": true, "servers": true, "services": true, "ssl_key_and_certificate_refs": true,
	"string_group_refs": true, "value": true, "values": true, "vh_domain_name": true, "vh_matches": true,
	"vip": true, "vs_datascripts": true,
}

// secret are the fields whose values are never printed.
var secret = map[string]map[string]bool{
	"SSLKeyAndCertificate": {"key": true, "key_passphrase": true, "key_base64": true, "enckey_base64": true},
}

// secretNames are fields that are secret in whatever part they are.
var secretNames = map[string]bool{
	"client_secret": true, "key_passphrase": true, "passphrase": true, "password": true, "shared_secret": true,
	"secret": true, "secret_key": true, "access_token": true,
}

func isSecret(def, field string) bool { return secretNames[field] || secret[def][field] }
