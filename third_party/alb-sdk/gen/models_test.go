package main

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/vmware/alb-sdk/go/models"
)

func ptr[T any](v T) *T { return &v }

func TestVirtualServiceJSON(t *testing.T) {
	vs := models.VirtualService{
		Name:     ptr("cluster--web"),
		Enabled:  ptr(false),
		Services: []*models.Service{{Port: ptr(uint32(443)), EnableSsl: ptr(true)}},
		Markers:  []*models.RoleFilterMatchLabel{{Key: ptr("clustername"), Values: []string{"cluster"}}},
	}
	data, err := json.Marshal(vs)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"enabled":false,"markers":[{"key":"clustername","values":["cluster"]}],"name":"cluster--web","services":[{"enable_ssl":true,"port":443}]}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}

	var back models.VirtualService
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, vs) {
		t.Errorf("round trip changed the object: %+v", back)
	}
}

func TestPortMatchHasTheSDKsIntegerList(t *testing.T) {
	data, err := json.Marshal(models.PortMatch{MatchCriteria: ptr("IS_IN"), Ports: []int64{80}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(data), `{"match_criteria":"IS_IN","ports":[80]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
