package translate

import "testing"

// The names of what hosts share carry the namespace of a secondary instance; all
// others are as the primary one's (l7.md §2.4).
func TestSecondaryNames(t *testing.T) {
	sni := Settings{ClusterName: "c", ShardSize: 8, PassthroughShardSize: 1}
	evh, perNamespace, own := sni, sni, sni
	evh.EVH = true
	perNamespace.EVH, perNamespace.VIPPerNamespace = true, true
	own.ShardSize = 0
	for _, tt := range []struct {
		name    string
		s       Settings
		of      func(*Settings) string
		primary string
		// second is the name with a secondary instance in namespace avi-two.
		second string
	}{
		{"owner", sni, (*Settings).CreatedBy, "ako-c", "ako-c-avi-two"},
		{"shared", sni, func(s *Settings) string { return sharedParentName(s, "foo.avi.internal", "red") }, "c--Shared-L7-6", "c--avi-two-Shared-L7-6"},
		{"EVH", evh, func(s *Settings) string { return sharedParentName(s, "foo.avi.internal", "red") }, "c--Shared-L7-EVH-6", "c--avi-two-Shared-L7-EVH-6"},
		{"EVH, one a namespace", perNamespace, func(s *Settings) string { return sharedParentName(s, "foo.avi.internal", "red") }, "c--Shared-L7-EVH-NS-red", "c--avi-two-Shared-L7-EVH-NS-red"},
		{"passthrough", sni, func(s *Settings) string { return passthroughParentName(s, "foo.avi.internal") }, "c--Shared-Passthrough-0", "c--avi-two-Shared-Passthrough-0"},
		{"passthrough group", sni, func(s *Settings) string { return passthroughGroupName(s, "foo.com") }, "c--foo.com", "c--foo.com"},
		{"dedicated", own, func(s *Settings) string { return dedicatedName(s, "foo.com") }, "c--foo.com-L7-dedicated", "c--foo.com-L7-dedicated"},
		{"child", sni, func(s *Settings) string { return childName(s, "foo.com") }, "c--foo.com", "c--foo.com"},
		{"path", sni, func(s *Settings) string { return pathGroupName(s, "red", "foo.com", "/a", "ing") }, "c--red-foo.com_a-ing", "c--red-foo.com_a-ing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.of(&tt.s); got != tt.primary {
				t.Errorf("primary: %s, want %s", got, tt.primary)
			}
			tt.s.SecondaryNamespace = "avi-two"
			if got := tt.of(&tt.s); got != tt.second {
				t.Errorf("secondary: %s, want %s", got, tt.second)
			}
		})
	}
}

// Each instance keeps its own shared parents.
func TestSecondaryRetains(t *testing.T) {
	s := &Settings{ClusterName: "c", ShardSize: 8, PassthroughShardSize: 1, SecondaryNamespace: "avi-two"}
	for name, want := range map[string]bool{
		"c--avi-two-Shared-L7-6": true, "c--avi-two-Shared-Passthrough-0": true,
		"c--Shared-L7-6": false, "c--Shared-Passthrough-0": false, "c--avi-three-Shared-L7-6": false,
	} {
		if _, got := RetainedParent(s, Key{Type: typeVirtualService, Name: name}); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// Routes are the primary instance's to write; engines of every instance carry
// the label by which they take them, which only the primary takes away.
func TestSecondaryLeavesRoutes(t *testing.T) {
	s := &Settings{ClusterName: "c", SEGroup: "seg", VRF: "global", CloudType: cloudVCenter, SecondaryNamespace: "avi-two"}
	if !s.RoutesSynced() || s.RoutesWritten() {
		t.Errorf("synced %t, written %t", s.RoutesSynced(), s.RoutesWritten())
	}
	f := infraUnit(nil, s, infraKey)
	if len(f.Edits) != 1 || f.Edits[0].Labels["clustername"] != "c" {
		t.Errorf("%+v", f.Edits)
	}
	if got := Withdrawal(s); len(got) > 0 {
		t.Errorf("takes away %+v", got)
	}
}
