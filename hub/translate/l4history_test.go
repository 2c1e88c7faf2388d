package translate

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// drawL4Settings are settings of any mode.
func drawL4Settings(c choices) *Settings {
	return l4Settings(func(s *Settings) {
		s.ServiceType = oneOf(c, "mode", "ClusterIP", serviceTypeNodePort, serviceTypeNodePortLocal)
		s.AnnotateServices = true
		s.NodePortSelector = oneOf(c, "nodes", Label{}, Label{Key: "role", Value: "edge"})
		s.DefaultLBController = c.pick(4, "not the default") > 0
		s.NamespaceSelector = oneOf(c, "namespaces", Label{}, Label{Key: "team", Value: "shop"})
		s.EVH = c.pick(4, "EVH") == 0
		s.AutoFQDN = oneOf(c, "names", autoFQDNDefault, autoFQDNFlat, "disabled")
	})
}

// drawService is a Service that has, had or will have something to do with Avi.
func drawService(c choices) *akohubv1.Service {
	svc := &akohubv1.Service{
		Meta: &akohubv1.Meta{CreationSeconds: int64(c.pick(3, "age")), Annotations: map[string]string{}},
		Type: oneOf(c, "type", serviceTypeLoadBalancer, serviceTypeLoadBalancer, serviceTypeLoadBalancer, "ClusterIP", serviceTypeNodePort),
	}
	for i := range c.pick(3, "ports") {
		svc.Ports = append(svc.Ports, &akohubv1.ServicePort{
			Name: fmt.Sprint("p", i), Protocol: oneOf(c, "protocol", protocolTCP, protocolUDP, protocolSCTP),
			Port: int32(80 + c.pick(2, "port")), TargetPortNumber: 8080, NodePort: int32(30080 * c.pick(2, "node port")),
		})
	}
	for _, a := range [][]string{
		{sharedVIPAnnotation, "", "", "pair", "a"},
		{loadBalancerIPAnnotation, "", "", "10.10.64.1", "10.10.64.2", "none"},
		{externalDNSAnnotation, "", "", "x.test", "x.test,y.test"},
		{skipNodePortAnnotation, "", "", "true"},
		{l4RuleAnnotation, "", "", "", "rule"},
		{infraSettingAnnotation, "", "", "", "gold"},
	} {
		if v := oneOf(c, a[0], a[1:]...); v != "" {
			svc.Meta.Annotations[a[0]] = v
		}
	}
	if c.pick(4, "selects") > 0 {
		svc.Selector = map[string]string{"app": oneOf(c, "app", "a", "b")}
	}
	if c.pick(5, "class") == 0 {
		svc.LoadBalancerClass = proto.String(oneOf(c, "which", loadBalancerClass, "other"))
	}
	if c.pick(3, "local") == 0 {
		svc.ExternalTrafficPolicy = "Local"
	}
	return svc
}

// l4Step changes one object that Services have to do with.
func (h *history) l4Step(c choices) {
	ns := oneOf(c, "namespace", "red", "blue")
	name := oneOf(c, "name", "a", "b", "c")
	switch c.pick(7, "step") {
	case 0, 1, 2:
		h.put(l4Record(h.tb, ns, name, drawService(c)))
	case 3:
		slice := l4Slice(name, []*akohubv1.ServicePort{l4Port("p0", 80, 8080)}, fmt.Sprint("10.1.0.", 1+c.pick(3, "address")))
		slice.Endpoints[0].NodeName, slice.Endpoints[0].PodName = oneOf(c, "node", "n1", "n2"), "p1"
		h.put(l4Record(h.tb, ns, oneOf(c, "slice", "s1", "s2"), slice))
	case 4:
		meta := &akohubv1.Meta{Labels: map[string]string{"role": oneOf(c, "role", "edge", "core")}}
		h.put(l4Node(h.tb, oneOf(c, "node", "n1", "n2"), fmt.Sprint("192.168.0.", 1+c.pick(3, "address")), meta)[0])
	case 5:
		if c.pick(2, "kind") == 0 {
			h.put(l4Namespace(h.tb, ns, map[string]string{tenantAnnotation: oneOf(c, "tenant", "", "billing")},
				map[string]string{"team": oneOf(c, "team", "shop", "bank")})[0])
			return
		}
		h.put(l4Record(h.tb, ns, oneOf(c, "pod", "p1", "p2"), &akohubv1.Pod{
			Ready: c.pick(3, "ready") > 0,
			Meta: &akohubv1.Meta{
				Labels:      map[string]string{"app": oneOf(c, "app", "a", "b")},
				Annotations: map[string]string{nplAnnotation: `[{"podPort":8080,"nodeIP":"192.168.0.1","nodePort":40001}]`},
			},
		}))
	case 6:
		if refs := sortRefs(slices.Collect(maps.Keys(h.now))); len(refs) > 0 {
			h.remove(oneOf(c, "gone", refs...))
		}
	}
}

// What came of Services, step by step, is what the end alone would give.
func TestL4HistoryEndsRight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := rapidChoices{rt}
		s := drawL4Settings(c)
		h := &history{tb: t, now: map[mirror.Ref]*akohubv1.Record{}, mirror: mirror.New("east")}
		fo := &follower{s: s, fragments: map[UnitKey]Fragment{}}
		for range 1 + c.pick(30, "steps") {
			h.l4Step(c)
			if c.pick(2, "follow") == 1 {
				fo.follow(h.mirror)
			}
		}
		fo.follow(h.mirror)
		if diff := h.endsRight(fo); diff != "" {
			rt.Fatal(diff)
		}
	})
}
