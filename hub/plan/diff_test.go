package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/desired"
)

func TestDiff(t *testing.T) {
	tests := []struct {
		name       string
		typ        string
		want, have string
		// changes are "path: from -> to"; none: equal.
		changes []string
	}{
		{
			name: "spellings of a reference", typ: "virtualservice",
			want: `"vsvip_ref": "/api/vsvip/?name=x", "se_group_ref": "/api/serviceenginegroup?name=g"`,
			have: `"vsvip_ref": "https://h/api/vsvip/vsvip-1#x", "se_group_ref": "/api/serviceenginegroup/u#g"`,
		},
		{
			name: "a reference to another", typ: "virtualservice",
			want:    `"vsvip_ref": "/api/vsvip/?name=x"`,
			have:    `"vsvip_ref": "https://h/api/vsvip/vsvip-1#y"`,
			changes: []string{`vsvip_ref: "vsvip/y" -> "vsvip/x"`},
		},
		{
			name: "an escaped name", typ: "virtualservice",
			want: `"vsvip_ref": "/api/vsvip/?name=a%2Bb%2520"`,
			have: `"vsvip_ref": "https://h/api/vsvip/vsvip-1#a+b%20"`,
		},
		{
			name: "a network by uuid", typ: "vsvip",
			want: `"vip": [{"vip_id": "0", "ipam_network_subnet": {"network_ref": "/api/network/n-1"}}]`,
			have: `"vip": [{"vip_id": "0", "ipam_network_subnet": {"network_ref": "https://h/api/network/n-1#net"}}]`,
		},
		{
			name: "defaults and assigned fields", typ: "pool",
			want: `"cloud_ref": "/api/cloud?name=c", "sni_enabled": false, "graceful_disable_timeout": 1`,
			have: `"cloud_ref": "https://h/api/cloud/u#c", "sni_enabled": false, "graceful_disable_timeout": 1, "default_server_port": 80,
				"lb_algorithm": "LB_ALGORITHM_LEAST_CONNECTIONS", "enabled": true, "configpb_attributes": {"version": 7},
				"cloud_config_cksum": "123", "vrf_ref": "https://h/api/vrfcontext/v#global", "host_check_enabled": false,
				"analytics_policy": {"enable_realtime_metrics": false}`,
		},
		{
			name: "numbers", typ: "pool",
			want: `"graceful_disable_timeout": 5, "servers": [{"ip": {"addr": "10.0.0.1", "type": "V4"}, "port": 80}]`,
			have: `"graceful_disable_timeout": 5.0, "servers": [{"ip": {"addr": "10.0.0.1", "type": "V4"}, "port": 8e1, "ratio": 1}]`,
		},
		{
			name: "an explicit default that the controller doesn't show", typ: "pool",
			want: `"host_check_enabled": false, "sni_enabled": true, "min_servers_up": 0`, have: ``,
		},
		{
			name: "a wanted false against a default of true", typ: "pool",
			want: `"sni_enabled": false`, have: ``,
			changes: []string{`sni_enabled:  -> false`},
		},
		{
			name: "servers in another order, with what the controller adds", typ: "pool",
			want: `"servers": [{"ip": {"addr": "10.0.0.1", "type": "V4"}, "port": 80, "enabled": true},
				{"ip": {"addr": "10.0.0.2", "type": "V4"}, "port": 80, "enabled": true}]`,
			have: `"servers": [{"ip": {"addr": "10.0.0.2", "type": "V4"}, "port": 80, "enabled": true, "ratio": 1, "hostname": "10.0.0.2",
				"discovered_networks": [{"network_ref": "https://h/api/vimgrnwruntime/x"}]},
				{"ip": {"addr": "10.0.0.1", "type": "V4"}, "port": 80, "enabled": true, "verify_network": false}]`,
		},
		{
			name: "a server goes down, one goes, one comes", typ: "pool",
			want: `"servers": [{"ip": {"addr": "10.0.0.1", "type": "V4"}, "port": 80, "enabled": false},
				{"ip": {"addr": "10.0.0.3", "type": "V4"}, "port": 80, "enabled": true}]`,
			have: `"servers": [{"ip": {"addr": "10.0.0.1", "type": "V4"}, "port": 80, "enabled": true},
				{"ip": {"addr": "10.0.0.2", "type": "V4"}, "port": 80, "enabled": true}]`,
			changes: []string{
				`servers[10.0.0.1:80].enabled:  -> false`,
				`servers[10.0.0.2:80]: {"ip":{"addr":"10.0.0.2","type":"V4"},"port":80} -> `,
				`servers[10.0.0.3:80]:  -> {"ip":{"addr":"10.0.0.3","type":"V4"},"port":80}`,
			},
		},
		{
			name: "all servers gone", typ: "pool", want: ``,
			have:    `"servers": [{"ip": {"addr": "10.0.0.1", "type": "V4"}, "port": 80}]`,
			changes: []string{`servers: [{"ip":{"addr":"10.0.0.1","type":"V4"},"port":80}] -> `},
		},
		{
			name: "members emptied", typ: "poolgroup", want: `"implicit_priority_labels": true`,
			have:    `"implicit_priority_labels": true, "members": [{"pool_ref": "https://h/api/pool/u#p", "priority_label": "a/b", "ratio": 100}]`,
			changes: []string{`members: [{"pool_ref":"pool/p","priority_label":"a/b","ratio":100}] -> `},
		},
		{
			name: "one pool under two labels", typ: "poolgroup",
			want: `"members": [{"pool_ref": "/api/pool?name=p", "priority_label": "a/x"}, {"pool_ref": "/api/pool?name=p", "priority_label": "a/y"}]`,
			have: `"members": [{"pool_ref": "/api/pool/u#p", "priority_label": "a/y", "ratio": 1}, {"pool_ref": "/api/pool/u#p", "priority_label": "a/x", "ratio": 1}]`,
		},
		{
			name: "policies no longer wanted", typ: "virtualservice", want: ``,
			have:    `"http_policies": [{"index": 11, "http_policy_set_ref": "/api/httppolicyset/u#p"}], "waf_policy_ref": "/api/wafpolicy/u#custom-waf"`,
			changes: []string{`http_policies: [{"http_policy_set_ref":"httppolicyset/p","index":11}] -> `, `waf_policy_ref: "wafpolicy/custom-waf" -> `},
		},
		{
			name: "what the controller picks by itself", typ: "virtualservice", want: `"services": [{"port": 443, "enable_ssl": true}]`,
			have: `"services": [{"port": 443, "enable_ssl": true, "port_range_end": 0}], "analytics_profile_ref": "/api/analyticsprofile/u#System-Analytics-Profile",
				"ssl_key_and_certificate_refs": ["/api/sslkeyandcertificate/u#System-Default-Cert"], "ssl_profile_ref": "/api/sslprofile/u#System-Standard"`,
		},
		{
			name: "fields that nobody here manages", typ: "virtualservice", want: ``,
			have: `"description": "by hand", "weight": 7, "max_cps_per_client": 3, "a_field_of_tomorrow": {"x": 1}`,
		},
		{
			name: "service_metadata", typ: "pool",
			want: `"service_metadata": "{\"hostnames\":[\"b\",\"a\"],\"namespace\":\"n\",\"pool_ratio\":0,\"crd_status\":{\"type\":\"\"}}"`,
			have: `"service_metadata": "{\"namespace\": \"n\", \"hostnames\": [\"a\", \"b\"]}"`,
		},
		{
			name: "service_metadata differs", typ: "pool",
			want: `"service_metadata": "{\"hostnames\":[\"a\"]}"`, have: `"service_metadata": "{\"hostnames\":[\"b\"]}"`,
			changes: []string{`service_metadata: {"hostnames":["b"]} -> {"hostnames":["a"]}`},
		},
		{
			name: "empty service_metadata and none", typ: "pool", want: `"service_metadata": "{\"hostnames\":null}"`, have: ``,
		},
		{
			name: "a hidden key", typ: "sslkeyandcertificate",
			want: `"key": "-----BEGIN PRIVATE KEY-----\nx", "certificate": {"certificate": "-----BEGIN CERTIFICATE-----\nA\n"}`,
			have: `"key": "<sensitive>", "certificate": {"certificate": "-----BEGIN CERTIFICATE-----\r\nA", "fingerprint": "f", "subject": {"common_name": "a"}},
				"ca_certs": [{"name": "issuer"}], "status": "SSL_CERTIFICATE_FINISHED", "key_params": {"algorithm": "SSL_KEY_ALGORITHM_RSA"}`,
		},
		{
			name: "no key shown", typ: "sslkeyandcertificate",
			want: `"key": "-----BEGIN PRIVATE KEY-----\nx"`, have: ``,
		},
		{
			name: "another key and certificate", typ: "sslkeyandcertificate",
			want: `"key": "-----BEGIN PRIVATE KEY-----\nx", "certificate": {"certificate": "-----BEGIN CERTIFICATE-----\nB"}`,
			have: `"key": "-----BEGIN PRIVATE KEY-----\ny", "certificate": {"certificate": "-----BEGIN CERTIFICATE-----\nA"}`,
			changes: []string{
				"certificate.certificate: PEM sha256:343dc669f5c03823 -> PEM sha256:a2577031b2b14462",
				"key: <redacted> -> <redacted>",
			},
		},
		{
			name: "a CA that is linked", typ: "sslkeyandcertificate",
			want: `"ca_certs": [{"ca_ref": "/api/sslkeyandcertificate/?name=ca"}]`,
			have: `"ca_certs": [{"name": "root"}, {"ca_ref": "/api/sslkeyandcertificate/u#ca", "name": "ca"}]`,
		},
		{
			name: "an allocated address", typ: "vsvip",
			want: `"dns_info": [{"fqdn": "b"}, {"fqdn": "a"}], "vip": [{"vip_id": "0", "auto_allocate_ip": true,
				"ipam_network_subnet": {"network_ref": "/api/network/?name=n", "subnet": {"ip_addr": {"addr": "10.0.0.0", "type": "V4"}, "mask": 8}}}]`,
			have: `"dns_info": [{"fqdn": "a", "type": "DNS_RECORD_A", "ttl": 0, "metadata": "x"}, {"fqdn": "b", "algorithm": "DNS_RECORD_RESPONSE_CONSISTENT_HASH"}],
				"vip": [{"vip_id": "0", "auto_allocate_ip": true, "avi_allocated_vip": true, "ip_address": {"addr": "10.1.1.1", "type": "V4"},
				"enabled": true, "ipam_network_subnet": {"network_ref": "/api/network/u#n"}, "subnet": {"mask": 8}}],
				"vsvip_cloud_config_cksum": "99"`,
		},
		{
			name: "another static address", typ: "vsvip",
			want:    `"vip": [{"vip_id": "0", "auto_allocate_ip": true, "ip_address": {"addr": "10.1.1.9", "type": "V4"}}]`,
			have:    `"vip": [{"vip_id": "0", "auto_allocate_ip": true, "ip_address": {"addr": "10.1.1.1", "type": "V4"}}]`,
			changes: []string{`vip[0].ip_address.addr: "10.1.1.1" -> "10.1.1.9"`},
		},
		{
			name: "a rule turned from a redirect into a switch", typ: "httppolicyset",
			want: `"http_request_policy": {"rules": [{"index": 0, "enable": true, "name": "r", "switching_action": {"action": "HTTP_SWITCHING_SELECT_POOLGROUP", "pool_group_ref": "/api/poolgroup?name=g"}}]}, "http_security_policy": {}`,
			have: `"http_request_policy": {"rules": [{"index": 0, "enable": true, "name": "r", "redirect_action": {"protocol": "HTTPS", "port": 443}}]}, "is_internal_policy": false`,
			changes: []string{
				`http_request_policy.rules[0].redirect_action: {"port":443,"protocol":"HTTPS"} -> `,
				`http_request_policy.rules[0].switching_action:  -> {"action":"HTTP_SWITCHING_SELECT_POOLGROUP","pool_group_ref":"poolgroup/g"}`,
			},
		},
		{
			name: "markers in another order", typ: "pool",
			want: `"markers": [{"key": "clustername", "values": ["c1"]}, {"key": "Host", "values": ["a", "b"]}]`,
			have: `"markers": [{"key": "Host", "values": ["b", "a"]}, {"key": "clustername", "values": ["c1"]}]`,
		},
		{
			name: "the order of scripts counts", typ: "vsdatascriptset",
			want:    `"datascript": [{"evt": "A", "script": "1"}, {"evt": "B", "script": "2"}]`,
			have:    `"datascript": [{"evt": "B", "script": "2"}, {"evt": "A", "script": "1"}]`,
			changes: []string{`datascript[0].evt: "B" -> "A"`, `datascript[0].script: "2" -> "1"`, `datascript[1].evt: "A" -> "B"`, `datascript[1].script: "1" -> "2"`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, h := want(t, test.typ, "c1--o", test.want), have(t, test.typ, "c1--o", test.have)
			if test.typ != "pool" || !strings.Contains(test.want, "markers") {
				delete(w.Body, "markers")
				delete(h.Body, "markers")
			}
			var got []string
			for _, c := range Diff(w, h) {
				got = append(got, c.Path+": "+c.From+" -> "+c.To)
			}
			if diff := cmp.Diff(test.changes, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if h.Applied = w.Hash; len(Diff(w, h)) != 0 {
				t.Error("what the controller made of our own write is a change")
			}
		})
	}
}

func TestBody(t *testing.T) {
	tests := []struct{ name, typ, want, have, body string }{
		{
			name: "what others set stays, what is ours goes, defaults are left out", typ: "pool",
			want: `"cloud_ref": "/api/cloud?name=c", "servers": [{"ip": {"addr": "10.0.0.1", "type": "V4"}, "port": 80}]`,
			have: `"cloud_ref": "https://h/api/cloud/u#c", "description": "by hand", "default_server_port": 80, "enabled": true,
				"lb_algorithm": "LB_ALGORITHM_ROUND_ROBIN", "gslb_sp_enabled": true, "cloud_config_cksum": "5",
				"servers": [], "conn_pool_properties": {"upstream_connpool_server_max_cache": 5}`,
			body: `"cloud_ref": "/api/cloud?name=c", "description": "by hand", "conn_pool_properties": {"upstream_connpool_server_max_cache": 5},
				"servers": [{"ip": {"addr": "10.0.0.1", "type": "V4"}, "port": 80}], "cloud_config_cksum": "0"`,
		},
		{
			name: "a VIP goes without its address and keeps its network", typ: "vsvip",
			want: `"vip": [{"vip_id": "0", "auto_allocate_ip": true, "ipam_network_subnet": {"network_ref": "/api/network/?name=n"}}]`,
			have: `"vip": [{"vip_id": "0", "auto_allocate_ip": true, "ip_address": {"addr": "10.1.1.1", "type": "V4"}, "avi_allocated_vip": true,
				"ipam_network_subnet": {"network_ref": "https://h/api/network/u#n", "subnet": {"ip_addr": {"addr": "10.1.0.0", "type": "V4"}, "mask": 16}}}]`,
			body: `"vip": [{"vip_id": "0", "auto_allocate_ip": true, "ipam_network_subnet": {"network_ref": "https://h/api/network/u#n",
				"subnet": {"ip_addr": {"addr": "10.1.0.0", "type": "V4"}, "mask": 16}}}]`,
		},
		{
			name: "a VIP moves to another network", typ: "vsvip",
			want: `"vip": [{"vip_id": "0", "ipam_network_subnet": {"network_ref": "/api/network/?name=m"}}]`,
			have: `"vip": [{"vip_id": "0", "ipam_network_subnet": {"network_ref": "https://h/api/network/u#n"}}]`,
			body: `"vip": [{"vip_id": "0", "ipam_network_subnet": {"network_ref": "/api/network/?name=m"}}]`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, h := want(t, test.typ, "c1--o", test.want), have(t, test.typ, "c1--o", test.have)
			expected := body(t, "{"+test.body+"}")
			expected["name"], expected["_last_modified"], expected["tenant_ref"] = "c1--o", h.LastModified, h.Body["tenant_ref"]
			mark(expected, test.typ)
			if diff := cmp.Diff(expected, Body(w, h)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// What is fixed once an object is there is no drift, and an update sends it as
// it is (l4-infra.md §1.5: an IPAM that is not Avi's own).
func TestKeptFields(t *testing.T) {
	w := want(t, "vsvip", "c1--o", `"dns_info": [{"fqdn": "new.example"}], "bgp_peer_labels": ["p"],
		"vip": [{"vip_id": "0", "auto_allocate_ip": true, "ipam_network_subnet": {"network_ref": "/api/network/?name=m"}}]`)
	h := have(t, "vsvip", "c1--o", `"dns_info": [{"fqdn": "new.example"}], "vip": [{"vip_id": "0", "auto_allocate_ip": true, "avi_allocated_vip": true,
		"ip_address": {"addr": "10.1.1.1", "type": "V4"}, "ipam_network_subnet": {"network_ref": "https://h/api/network/u#n"}}]`)
	if len(Diff(w, h)) != 2 {
		t.Fatalf("without Keep: %+v", Diff(w, h))
	}
	w.Keep = []string{"vip", "bgp_peer_labels"}
	if d := Diff(w, h); len(d) != 0 {
		t.Errorf("drift: %+v", d)
	}
	h.Body["dns_info"] = []any{map[string]any{"fqdn": "old.example"}}
	for _, d := range Diff(w, h) {
		if !strings.HasPrefix(d.Path, "dns_info[") {
			t.Errorf("another name changes %+v", d)
		}
	}
	sent := Body(w, h)
	vip, _ := sent["vip"].([]any)
	if len(vip) != 1 || sent["bgp_peer_labels"] != nil {
		t.Fatalf("sent: %+v", sent)
	}
	one, _ := vip[0].(map[string]any)
	if one["ip_address"] == nil || cmp.Diff(map[string]any{"network_ref": "https://h/api/network/u#n"}, one["ipam_network_subnet"]) != "" {
		t.Errorf("the VIP is sent as %+v", one)
	}
	names, _ := sent["dns_info"].([]any)
	if name, _ := names[0].(map[string]any); name["fqdn"] != "new.example" {
		t.Errorf("names: %+v", names)
	}
}

// The tables name fields and types that exist: a slip would switch off a
// comparison silently.
func TestTablesMatchTheVocabulary(t *testing.T) {
	for typ, fields := range managed {
		def := desired.Type(typ)
		if def == nil || !desired.Own(typ) {
			t.Errorf("managed: no type %q of a cluster's own", typ)
			continue
		}
		for _, name := range fields {
			if def.Fields[name] == nil {
				t.Errorf("managed: %s has no field %q", typ, name)
			}
		}
		if _, ok := rank[typ]; !ok {
			t.Errorf("rank: %s is missing", typ)
		}
	}
	if len(managed) != len(rank) {
		t.Errorf("%d types are managed, %d ordered", len(managed), len(rank))
	}
}
