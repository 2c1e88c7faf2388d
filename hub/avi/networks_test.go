package avi

import (
	"encoding/json"
	"testing"
)

// Of networks that share a name the one is taken that has the subnets asked for.
func TestPickNetwork(t *testing.T) {
	var list []map[string]any
	err := json.Unmarshal([]byte(`[
		{"uuid": "none"},
		{"uuid": "a", "configured_subnets": [{"prefix": {"ip_addr": {"addr": "10.1.0.0"}, "mask": 16}}]},
		{"uuid": "b", "configured_subnets": [{"prefix": {"ip_addr": {"addr": "10.2.0.0"}, "mask": 16}}, {"prefix": {"ip_addr": {"addr": "2001:db8::"}, "mask": 64}}]}
	]`), &list)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		cidrs []string
		want  string
	}{
		{nil, "a"},
		{[]string{"10.2.0.0/16"}, "b"},
		{[]string{"10.2.0.0/16", "2001:db8::/64"}, "b"},
		{[]string{"10.1.0.0/16", "2001:db8::/64"}, "a"},
		{[]string{"10.9.0.0/16"}, "a"},
	} {
		if got := pickNetwork(list, tt.cidrs)["uuid"]; got != tt.want {
			t.Errorf("with %v: %v, want %s", tt.cidrs, got, tt.want)
		}
	}
	if got := pickNetwork(list[:1], []string{"10.1.0.0/16"})["uuid"]; got != "none" {
		t.Errorf("without subnets: %v", got)
	}
}
