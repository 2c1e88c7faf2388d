package translate

import "testing"

func TestRetainedParent(t *testing.T) {
	s := &Settings{ClusterName: "c", ShardSize: 4}
	for name, want := range map[string]bool{
		"c--Shared-L7-0":       true,
		"c--Shared-L7-3":       true,
		"c--Shared-L7-4":       false, // of a larger sharding than the present one
		"c--Shared-L7-03":      false,
		"c--Shared-L7-x":       false,
		"c--Shared-L7-EVH-0":   false,
		"cc--Shared-L7-0":      false,
		"c--Shared-L7-infra-0": false,
	} {
		p, got := RetainedParent(s, Key{Tenant: "t", Type: typeVirtualService, Name: name})
		if got != want || got && p != (ParentKey{Tenant: "t", Name: name}) {
			t.Errorf("%s: %v %v, want %v", name, p, got, want)
		}
	}
	if _, ok := RetainedParent(s, Key{Tenant: "t", Type: typeVsVip, Name: "c--Shared-L7-0"}); ok {
		t.Error("a VsVip is no virtual service")
	}
}
