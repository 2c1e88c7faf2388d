package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/akohub/akohub/hub/admin"
)

func (*fakeHub) Offboard(_ context.Context, cluster string, carryOut bool) (admin.Offboarding, error) {
	o := admin.Offboarding{Cluster: cluster, Tenants: []string{"media", "retail"}, Done: carryOut, Steps: []admin.OffboardStep{
		{Op: "delete", Tenant: "retail", Type: "virtualservice", Name: "shop--Shared-L7-0"},
		{Op: "delete", Tenant: "retail", Type: "vsvip", Name: "shop--Shared-L7-0"},
		{Op: "edit", Tenant: "admin", Type: "serviceenginegroup", Name: "seg-shop"},
	}}
	switch cluster {
	case "shop":
		if carryOut {
			o.Cleared, o.NotCleared = 3, 1
		}
	case "stuck":
		o.Notes = []string{"the controller's user may not ask in all tenants at once, so only the known ones were looked at"}
		if carryOut {
			o.Steps[1].Error = "deleting vsvip: in-use (400):\n Cannot delete, object is referred by: ['VirtualService by-hand']"
			o.Left = o.Steps[1:2]
		}
	case "empty":
		o.Steps = nil
	default:
		return admin.Offboarding{}, errors.New("cluster is in mode enforce")
	}
	return o, nil
}

func (*fakeHub) Doctor(_ context.Context, cluster string) (admin.Checks, error) {
	c := admin.Checks{Cluster: cluster, Checks: []admin.Check{
		{Name: "controller", Result: "ok", Detail: "main runs release 30.2.1, CLUSTER_UP_NO_HA"},
		{Name: "tenant", Result: "ok", Detail: `"retail" is there, se_in_provider_context true`},
	}}
	switch cluster {
	case "shop":
	case "lab":
		c.Checks = append(c.Checks, admin.Check{Name: "clock", Result: "warning", Detail: "the controller's clock and the hub's are 2m0s apart", Remedy: "let both follow a time server"},
			admin.Check{Name: "VIP network", Result: "unknown", Detail: `"vip-net" has no static ranges for VIPs: where its addresses come from is not the controller's to say`})
	case "bad":
		c.Checks = append(c.Checks, admin.Check{Name: "rights in retail", Result: "error",
			Detail: "missing: PERMISSION_POOL (write),\n PERMISSION_VIRTUALSERVICE (write)", Remedy: `give user "hub" a role in tenant "retail" that has them`},
			admin.Check{Name: "clock", Result: "warning", Detail: "2m0s apart", Remedy: "let both follow a time server"})
	default:
		return admin.Checks{}, admin.UnknownCluster(errors.New("no such cluster is registered"))
	}
	return c, nil
}

func TestLeavingClusters(t *testing.T) {
	some, none := 12, 0
	since := time.Now()
	for _, tc := range []struct {
		name string
		in   admin.Cluster
		want []string
		not  string
	}{
		{"not asked", admin.Cluster{Leaving: &admin.Leaving{State: "offboarding"}}, []string{"offboarding: shop: the controller could not be asked yet", "agent is not connected"}, "left on Avi"},
		{"begun", admin.Cluster{ConnectedSince: &since, Leaving: &admin.Leaving{State: "offboarding", Objects: &some, Statuses: 3, Notes: []string{"tenant x\nwas not looked at"}}},
			[]string{"offboarding: shop: 12 objects on Avi and 3 statuses in Kubernetes are left", "note: tenant x was not looked at"}, "agent"},
		{"done", admin.Cluster{ConnectedSince: &since, File: "shop.yaml", Leaving: &admin.Leaving{State: "offboarded", Objects: &none}},
			[]string{"offboarded: shop: nothing is left on Avi; its registration can be removed, shop.yaml"}, "note"},
		{"another mode", admin.Cluster{ConnectedSince: &since}, []string{"shop"}, "offboard"},
	} {
		tc.in.Name = "shop"
		var b strings.Builder
		if err := printClusters(&b, admin.Clusters{Clusters: []admin.Cluster{tc.in}}); err != nil {
			t.Fatal(err)
		}
		for _, part := range tc.want {
			if !strings.Contains(b.String(), part) {
				t.Errorf("%s: %q is not in\n%s", tc.name, part, b.String())
			}
		}
		if strings.Contains(b.String(), tc.not) {
			t.Errorf("%s: %q is in\n%s", tc.name, tc.not, b.String())
		}
	}
}

func TestDoctor(t *testing.T) {
	_, addr := startFakeHub(t)
	for cluster, want := range map[string]error{"shop": nil, "lab": exitWarnings, "bad": exitErrors} {
		out, _, err := execute(t, newRootCommand(), "", "doctor", cluster, "--admin", addr)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", cluster, err, want)
		}
		golden(t, "doctor-"+cluster+".txt", out)
		out, _, err = execute(t, newRootCommand(), "", "doctor", cluster, "--admin", addr, "-o", "json")
		if !errors.Is(err, want) || !json.Valid([]byte(out)) {
			t.Errorf("%s as JSON: %v\n%s", cluster, err, out)
		}
	}
	if _, _, err := execute(t, newRootCommand(), "", "doctor", "nosuch", "--admin", addr); err == nil || !strings.Contains(err.Error(), "registered") {
		t.Errorf("error %v", err)
	}
}

func TestOffboard(t *testing.T) {
	_, addr := startFakeHub(t)
	for _, test := range []struct {
		args []string
		file string
		err  error
	}{
		{[]string{"shop"}, "offboard-shown.txt", exitChanges},
		{[]string{"shop", "--yes"}, "offboard-done.txt", nil},
		{[]string{"stuck", "--yes"}, "offboard-stuck.txt", exitLeft},
		{[]string{"empty"}, "offboard-empty.txt", nil},
	} {
		args := append([]string{"offboard", "--admin", addr}, test.args...)
		out, _, err := execute(t, newRootCommand(), "", args...)
		if !errors.Is(err, test.err) {
			t.Errorf("%v: %v, want %v", test.args, err, test.err)
		}
		golden(t, test.file, out)
		out, _, err = execute(t, newRootCommand(), "", append(args, "-o", "json")...)
		if !errors.Is(err, test.err) || !json.Valid([]byte(out)) {
			t.Errorf("%v as JSON: %v\n%s", test.args, err, out)
		}
	}
	if _, _, err := execute(t, newRootCommand(), "", "offboard", "lab", "--yes", "--admin", addr); err == nil || !strings.Contains(err.Error(), "enforce") {
		t.Errorf("error %v", err)
	}
}
