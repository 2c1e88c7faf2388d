package translate

import "testing"

func TestRetainedParent(t *testing.T) {
	sni := &Settings{ClusterName: "c", ShardSize: 4, PassthroughShardSize: 1}
	evh := &Settings{ClusterName: "c", ShardSize: 4, PassthroughShardSize: 4, EVH: true}
	perNamespace := &Settings{ClusterName: "c", ShardSize: 4, EVH: true, VIPPerNamespace: true}
	own := &Settings{ClusterName: "c"}
	tests := []struct {
		name     string
		settings *Settings
		object   string
		want     bool
	}{
		{"first", sni, "c--Shared-L7-0", true},
		{"last", sni, "c--Shared-L7-3", true},
		{"of a larger sharding than the present one", sni, "c--Shared-L7-4", false},
		{"not as names have numbers", sni, "c--Shared-L7-03", false},
		{"no number", sni, "c--Shared-L7-x", false},
		{"of the other mode", sni, "c--Shared-L7-EVH-0", false},
		{"of another cluster", sni, "cc--Shared-L7-0", false},
		{"of an AviInfraSetting", sni, "c--Shared-L7-infra-0", false},
		{"passthrough", sni, "c--Shared-Passthrough-0", true},
		{"passthrough of a larger sharding", sni, "c--Shared-Passthrough-1", false},
		{"goes with its passthrough sibling", sni, "c--Shared-Passthrough-0-insecure", false},
		{"EVH", evh, "c--Shared-L7-EVH-3", true},
		{"EVH, of the other mode", evh, "c--Shared-L7-3", false},
		{"EVH, of a namespace", evh, "c--Shared-L7-EVH-NS-red", false},
		{"one a namespace", perNamespace, "c--Shared-L7-EVH-NS-red", true},
		{"one a namespace, of a shard", perNamespace, "c--Shared-L7-EVH-0", false},
		{"one a host", own, "c--Shared-L7-0", false},
		{"one a host goes with it", own, "c--foo.com-L7-dedicated", false},
		{"passthrough, one a host", own, "c--Shared-Passthrough-1101858200", true},
		{"passthrough, more than a hash", own, "c--Shared-Passthrough-4294967296", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, got := RetainedParent(tt.settings, Key{Tenant: "t", Type: typeVirtualService, Name: tt.object})
			if got != tt.want || got != (p == ParentKey{Tenant: "t", Name: tt.object}) {
				t.Errorf("%s: %v %v, want %v", tt.object, p, got, tt.want)
			}
		})
	}
	for name, want := range map[string]bool{
		"c--Shared-Passthrough-0-insecure": true,
		"c--Shared-Passthrough-1-insecure": false,
		"c--Shared-Passthrough-0":          false,
		"c--Shared-L7-0-insecure":          false,
	} {
		p, got := RetainedRedirect(sni, Key{Tenant: "t", Type: typeVirtualService, Name: name})
		if got != want || got != (p == ParentKey{Tenant: "t", Name: "c--Shared-Passthrough-0"}) {
			t.Errorf("%s: redirect of %v %v, want %v", name, p, got, want)
		}
	}
	if _, ok := RetainedParent(sni, Key{Tenant: "t", Type: typeVsVip, Name: "c--Shared-L7-0"}); ok {
		t.Error("a VsVip is no virtual service")
	}
}
