package translate

import (
	"strings"
	"testing"
)

func TestAutoFQDNForService(t *testing.T) {
	long := strings.Repeat("y", 63)
	for _, tt := range []struct {
		name       string
		auto       string
		domains    []string
		defaultDom string
		namespace  string
		service    string
		want       string
	}{
		{"default", "default", []string{"a.test", "b.test"}, "", "shop", "web", "web.shop.a.test"},
		{"flat", "flat", []string{"a.test"}, "", "shop", "web", "web-shop.a.test"},
		{"disabled", "disabled", []string{"a.test"}, "", "shop", "web", ""},
		{"unknown word", "Default", []string{"a.test"}, "", "shop", "web", ""},
		{"no DNS profile", "default", nil, "a.test", "shop", "web", ""},
		{"default domain", "default", []string{"a.test", "b.test"}, "b.test", "shop", "web", "web.shop.b.test"},
		{"default domain not served", "default", []string{"a.test"}, "c.test", "shop", "web", "web.shop.a.test"},
		{"leading dot", "default", []string{".a.test"}, "", "shop", "web", "web.shop.a.test"},
		{"digits first", "default", []string{"a.test"}, "", "1shop", "0web", "s0web.n1shop.a.test"},
		{"flat, long Service", "flat", []string{"a.test"}, "", "shop", long, strings.Repeat("y", 58) + "-shop.a.test"},
		{"flat, long namespace", "flat", []string{"a.test"}, "", "n" + strings.Repeat("-x", 31), "web", "web-n" + strings.Repeat("-x", 29) + ".a.test"},
		{"flat, both long", "flat", []string{"a.test"}, "", long, long, strings.Repeat("y", 14) + "-" + strings.Repeat("y", 48) + ".a.test"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Settings{AutoFQDN: tt.auto, Domains: tt.domains, DefaultDomain: tt.defaultDom}
			got := autoFQDNForService(s, tt.namespace, tt.service)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if label, _, _ := strings.Cut(got, "."); len(label) > maxLabel {
				t.Errorf("label %q has %d bytes", label, len(label))
			}
		})
	}
}

func TestAutoFQDNForParent(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Settings)
		tenant string
		want   string
	}{
		{"default", func(*Settings) {}, "admin", "c--Shared-L7-0.admin.a.test"},
		{"flat", func(s *Settings) { s.AutoFQDN = "flat" }, "admin", "c--Shared-L7-0-admin.a.test"},
		{"odd tenant", func(*Settings) {}, "_my tenant--№1_", "c--Shared-L7-0.my-tenant-1.a.test"},
		{"disabled", func(s *Settings) { s.AutoFQDN = "" }, "admin", ""},
		{"dedicated", func(s *Settings) { s.ShardSize = 0 }, "admin", ""},
		{"VIP per namespace", func(s *Settings) { s.VIPPerNamespace = true }, "admin", ""},
		{"no DNS profile", func(s *Settings) { s.Domains = nil }, "admin", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Settings{AutoFQDN: "default", Domains: []string{"a.test"}, ShardSize: 8}
			tt.change(s)
			if got := autoFQDNForParent(s, tt.tenant, "c--Shared-L7-0"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestValidStatusHost(t *testing.T) {
	for name, want := range map[string]bool{
		"web.shop.a.test": true, "web": true, "0.a": true,
		"": false, "a,b": false, "*.a.test": false, "A.test": false, "a..test": false, "-a.test": false, "a_b.test": false, "a.test.": false, "10.1.2.3": false, "10.1.2.3.test": true,
		strings.Repeat("a.", 126) + "aa": false,
	} {
		if got := validStatusHost(name); got != want {
			t.Errorf("validStatusHost(%q) = %v, want %v", name, got, want)
		}
	}
}
