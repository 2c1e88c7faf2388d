package server

import (
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/admin"
)

func TestOffboard(t *testing.T) {
	s := newSite(t)
	s.cluster("c1", "  mode: frozen\n")
	s.cluster("c2", "  mode: enforce\n")
	stop := s.run()
	client := admin.Client{Address: s.cfg.Admin}
	got, err := client.Offboard(t.Context(), "c1", true)
	if err != nil || !got.Complete() || len(got.Steps) != 0 || strings.Join(got.Tenants, " ") != "team" {
		t.Errorf("%+v, %v", got, err)
	}
	s.eventually("it is said that the registration is left", func() bool {
		c, _ := s.shown("c1")
		return strings.Contains(c.Error, "offboarded")
	})
	if _, err := client.Offboard(t.Context(), "c2", true); err == nil || !strings.Contains(err.Error(), "frozen") {
		t.Errorf("in mode enforce: %v", err)
	}
	if _, err := client.Offboard(t.Context(), "c3", true); err == nil || !strings.Contains(err.Error(), "registered") {
		t.Errorf("of a cluster that is not there: %v", err)
	}
	if _, err := stop(); err != nil {
		t.Error(err)
	}
}
