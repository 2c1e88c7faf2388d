package reconcile

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// otherIPAM has the cloud's addresses registered by an IPAM that is not Avi's.
func (f *fixture) otherIPAM() {
	f.t.Helper()
	ctl, _ := f.ctl.(controller)
	ctx := context.Background()
	list, err := ctl.List(ctx, "admin", "ipamdnsproviderprofile", url.Values{"name": {"Default-Cloud-ipam"}})
	if err != nil || len(list) != 1 {
		f.t.Fatal(len(list), err)
	}
	body := maps.Clone(list[0])
	delete(body, "url")
	delete(body, "internal_profile")
	body["type"] = "IPAMDNS_TYPE_INFOBLOX"
	body["infoblox_profile"] = map[string]any{"username": "u", "password": "p"}
	uuid, _ := body["uuid"].(string)
	if _, err := ctl.Update(ctx, "admin", "ipamdnsproviderprofile", uuid, body); err != nil {
		f.t.Fatal(err)
	}
}

// vip is the VIP of a VsVip in tenant team, as JSON.
func (f *fixture) vip(name string) string {
	f.t.Helper()
	for _, o := range f.sim.Dump().Tenants["team"]["vsvip"] {
		if o["name"] == name {
			text, err := json.Marshal(o["vip"])
			if err != nil {
				f.t.Fatal(err)
			}
			return string(text)
		}
	}
	f.t.Fatalf("no VsVip %s", name)
	return ""
}

// Where another IPAM has registered the addresses, a VsVip's VIPs stay as they
// are when it changes, and what is configured otherwise is no drift
// (l4-infra.md §1.5).
func TestVIPsOfAnotherIPAM(t *testing.T) {
	f := start(t)
	f.otherIPAM()
	w := sites(1, 1)
	c := f.up(registration("c1"), w)
	lb, shared := f.vip("c1--default-lb0"), f.vip(f.names("team", "vsvip")[0])
	if !strings.Contains(lb, "vip-net") || len(f.names("team", "vsvip")) != 2 {
		t.Fatalf("VIP: %s; VsVips: %v", lb, f.names("team", "vsvip"))
	}
	f.writes()
	other := registration("c1", func(r *v1alpha1.Cluster) {
		r.Spec.Network.VIPNetworks = []v1alpha1.VIPNetwork{{Name: "vip-net-2", CIDR: "10.20.0.0/16"}}
	})
	if err := f.manager.Register(other); err != nil {
		t.Fatal(err)
	}
	c.settle()
	f.noWrites("with another network")
	c.refresh()
	f.noWrites("looking again")

	// A name changes: the VsVip is written, its VIP is not touched.
	svc := c.world[serviceRef("lb0")]
	svc.GetService().Meta.Annotations = map[string]string{"external-dns.alpha.kubernetes.io/hostname": "new.avi.internal"}
	svc.GetService().LoadBalancerIp = "10.10.64.99"
	svc.ContentHash = []byte("another name")
	c.send(serviceRef("lb0"))
	c.settle()
	if got := only(f.writes(), "PUT vsvip"); len(got) != 1 {
		t.Errorf("writes of VsVips: %v", got)
	}
	if got := f.vip("c1--default-lb0"); got != lb {
		t.Errorf("the VIP is %s, it was %s", got, lb)
	}
	c.refresh()
	f.noWrites("afterwards")
	if got := f.vip(f.names("team", "vsvip")[0]); got != shared {
		t.Errorf("the VIP is %s, it was %s", got, shared)
	}
}
