package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

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
