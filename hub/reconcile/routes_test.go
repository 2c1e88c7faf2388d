package reconcile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func nodeRef(name string) mirror.Ref { return mirror.Ref{Kind: kinds.Node, Name: name} }

// node puts node N with the Pod network 10.244.N.0/24 into a world.
func (w world) node(n int, ip string) mirror.Ref {
	name := fmt.Sprint("node-", n)
	w.put(kinds.Node, "", name, len(ip), func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_Node{Node: &akohubv1.Node{
			PodCidrs:  []string{fmt.Sprintf("10.244.%d.0/24", n)},
			Addresses: []*akohubv1.NodeAddress{{Type: "InternalIP", Address: ip}},
		}}
	})
	return nodeRef(name)
}

// withRoutes is a registration with static routes.
func withRoutes(name, group string, change ...func(*v1alpha1.Cluster)) *v1alpha1.Cluster {
	return registration(name, append(change, func(c *v1alpha1.Cluster) {
		c.Spec.Network.StaticRoutes.Sync = true
		c.Spec.ServiceEngineGroup = group
	})...)
}

// routes returns the static routes of the cloud's VRF context, as "cluster:
// prefix via hop".
func (f *fixture) routes() []string {
	f.t.Helper()
	raw, err := json.Marshal(f.sim.Dump().SystemChanges["vrfcontext"])
	if err != nil {
		f.t.Fatal(err)
	}
	type ip struct{ Addr string }
	var vrfs map[string]struct {
		Routes []struct {
			Labels []struct{ Value string }
			Prefix struct {
				IP ip `json:"ip_addr"`
			}
			NextHop ip `json:"next_hop"`
		} `json:"static_routes"`
	}
	if err := json.Unmarshal(raw, &vrfs); err != nil {
		f.t.Fatal(err)
	}
	var out []string
	for _, vrf := range vrfs {
		for _, r := range vrf.Routes {
			out = append(out, fmt.Sprintf("%s: %s via %s", r.Labels[0].Value, r.Prefix.IP.Addr, r.NextHop.Addr))
		}
	}
	slices.Sort(out)
	return out
}

func (f *fixture) wantRoutes(when string, want ...string) {
	f.t.Helper()
	if d := cmp.Diff(want, f.routes()); d != "" {
		f.t.Errorf("%s: routes (-want +got):\n%s", when, d)
	}
}

func TestRoutesFollowNodes(t *testing.T) {
	f := start(t)
	w := sites(1, 1)
	w.node(1, "192.168.10.11")
	two := w.node(2, "192.168.10.12")
	c := f.up(withRoutes("prod", "Default-Group"), w)
	f.wantRoutes("at first", "prod: 10.244.1.0 via 192.168.10.11", "prod: 10.244.2.0 via 192.168.10.12")
	other := sites(0, 0)
	other.node(1, "192.168.20.11")
	d := f.up(withRoutes("prod-2", "seg-gold"), other)
	f.wantRoutes("beside another cluster",
		"prod-2: 10.244.1.0 via 192.168.20.11", "prod: 10.244.1.0 via 192.168.10.11", "prod: 10.244.2.0 via 192.168.10.12")

	f.writes()
	c.tombstone(two)
	c.settle()
	f.wantRoutes("a node has left", "prod-2: 10.244.1.0 via 192.168.20.11", "prod: 10.244.1.0 via 192.168.10.11")
	if got := f.writes(); len(got) != 1 {
		t.Errorf("writes of a node that leaves: %v", got)
	}

	// A cluster that is away keeps its routes, also with other settings; of the
	// other nothing is lost by that.
	c.m.Disconnected()
	if err := f.manager.Register(withRoutes("prod", "Default-Group", func(c *v1alpha1.Cluster) { c.Spec.Services.DefaultDomain = "avi.internal" })); err != nil {
		t.Fatal(err)
	}
	_ = c.try()
	d.node(3, "192.168.20.13")
	d.send(nodeRef("node-3"))
	d.settle()
	f.wantRoutes("one is away", "prod-2: 10.244.1.0 via 192.168.20.11", "prod-2: 10.244.3.0 via 192.168.20.13", "prod: 10.244.1.0 via 192.168.10.11")

	f.restart()
	f.writes()
	f.up(withRoutes("prod", "Default-Group"), w)
	f.up(withRoutes("prod-2", "seg-gold"), other)
	f.noWrites("after a restart")
}

// Nodes that the agent may not list, or a plugin's kind that isn't there, hold
// up the routes and nothing else.
func TestRoutesWaitAlone(t *testing.T) {
	f := start(t)
	w := sites(1, 2)
	w.node(1, "192.168.10.11")
	c := f.register(withRoutes("c1", "Default-Group", func(c *v1alpha1.Cluster) { c.Spec.Network.StaticRoutes.CNI = "cilium" }), w)
	c.sync(allKinds...)
	if err := c.m.SetKindState(kinds.CiliumNode, akohubv1.KindState_AVAILABILITY_ABSENT, "no such kind"); err != nil {
		t.Fatal(err)
	}
	c.settle()
	f.wantRoutes("without the plugin's kind")
	if got := c.status().Waits; !slices.Equal(got, []string{kinds.CiliumNode}) {
		t.Errorf("waits: %v", got)
	}
	if n := len(only(f.names("team", "virtualservice"), "-lb")); n != 2 {
		t.Errorf("%d virtual services", n)
	}
	c.tombstone(serviceRef("lb1"))
	c.settle()
	if n := len(only(f.names("team", "virtualservice"), "-lb")); n != 1 {
		t.Errorf("%d virtual services after one is gone", n)
	}
	c.put(kinds.CiliumNode, "", "node-1", 0, func(r *akohubv1.Record) {
		r.Body = &akohubv1.Record_CustomResource{CustomResource: &akohubv1.CustomResource{SpecJson: []byte(`{"ipam":{"podCIDRs":["10.60.0.0/24"]}}`)}}
	})
	if err := c.m.SetKindState(kinds.CiliumNode, akohubv1.KindState_AVAILABILITY_WATCHED, ""); err != nil {
		t.Fatal(err)
	}
	c.sync(kinds.CiliumNode)
	c.settle()
	f.wantRoutes("with it", "c1: 10.60.0.0 via 192.168.10.11")
}

// A VRF context that can't be written doesn't stop the cluster, and is tried
// again later, not at each change.
func TestRoutesRefusedAreTriedLater(t *testing.T) {
	f := start(t)
	f.sim.Inject(avisim.Fault{Method: "PUT", Type: "vrfcontext", Times: 1, Status: 403, Body: "no permission to write VrfContext"})
	w := sites(1, 1)
	w.node(1, "192.168.10.11")
	c := f.up(withRoutes("c1", "Default-Group"), w)
	if err := c.status().Error; !strings.Contains(err, "VrfContext") {
		t.Errorf("error %q", err)
	}
	if n := len(f.names("team", "virtualservice")); n != 2 {
		t.Errorf("%d virtual services", n)
	}
	f.writes()
	c.slice("lb0", "lb0-1", 7, "10.0.7.7")
	c.send(sliceRef("lb0-1"))
	_ = c.try()
	if got := only(f.writes(), "vrfcontext"); len(got) > 0 {
		t.Errorf("tried again at once: %v", got)
	}
	f.pass(time.Hour)
	c.settle()
	f.wantRoutes("later", "c1: 10.244.1.0 via 192.168.10.11")
}
