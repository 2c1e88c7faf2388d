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

func TestDoctor(t *testing.T) {
	s := newSite(t)
	s.cluster("c1", "")
	s.cluster("c2", "  cloud: nosuch\n")
	stop := s.run()
	if _, err := s.session("c1"); err != nil {
		t.Fatal(err)
	}
	client := admin.Client{Address: s.cfg.Admin}
	results := func(cluster string) map[string]string {
		got, err := client.Doctor(t.Context(), cluster)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, c := range got.Checks {
			out[c.Name] = c.Result
		}
		return out
	}
	for name, want := range map[string]string{"controller": "ok", "login": "ok", "tenant": "ok", "rights in team": "ok", "cloud": "ok", "VIP network": "ok"} {
		if got := results("c1")[name]; got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := results("c2"); got["cloud"] != "error" || got["agent"] != "error" {
		t.Errorf("%v", got)
	}
	if _, err := client.Doctor(t.Context(), "c3"); err == nil || !strings.Contains(err.Error(), "registered") {
		t.Errorf("of a cluster that is not there: %v", err)
	}
	if _, err := stop(); err != nil {
		t.Error(err)
	}
}
