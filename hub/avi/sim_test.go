package avi

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/avisim"
)

const (
	testCluster   = "cluster1"
	testCreatedBy = "ako-cluster1"
	testTenant    = "team-a"
)

// fixture is a simulated controller with a client for it.
type fixture struct {
	sim    *avisim.Simulator
	server *avisim.Server
	client *Client
	ca     string
}

func start(t *testing.T, change func(*Config)) *fixture {
	t.Helper()
	sim, err := avisim.New(avisim.Options{Tenants: []string{testTenant, "team-b"}})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, sim, change)
}

func serve(t *testing.T, sim *avisim.Simulator, change func(*Config)) *fixture {
	t.Helper()
	server, err := sim.StartTLS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, server.CACertPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	f := &fixture{sim: sim, server: server, ca: ca}
	f.client = f.newClient(t, change)
	return f
}

func (f *fixture) newClient(t *testing.T, change func(*Config)) *Client {
	t.Helper()
	cfg := Config{
		Name: "sim", URL: f.server.URL, Username: "admin", CAFile: f.ca,
		Password:             func() (string, error) { return "sim-password", nil },
		MaxRequestsPerSecond: 100000,
		Timeout:              10 * time.Second,
		backoff:              time.Millisecond,
	}
	if os.Getenv("AVI_TEST_LOG") != "" {
		cfg.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Debug})
	}
	if change != nil {
		change(&cfg)
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func ptr[T any](v T) *T { return &v }

func markers(kv ...string) []*models.RoleFilterMatchLabel {
	out := []*models.RoleFilterMatchLabel{{Key: ptr("clustername"), Values: []string{testCluster}}}
	for i := 0; i+1 < len(kv); i += 2 {
		out = append(out, &models.RoleFilterMatchLabel{Key: ptr(kv[i]), Values: []string{kv[i+1]}})
	}
	return out
}

func object(t *testing.T, typ, name string, body any) *desired.Object {
	t.Helper()
	o, err := desired.FromTranslate(translate.Object{Key: translate.Key{Tenant: testTenant, Type: typ, Name: name}, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const cloudRef = "/api/cloud?name=Default-Cloud"

func l4Pool(t *testing.T, svc string, addrs ...string) *desired.Object {
	t.Helper()
	name := testCluster + "--default-" + svc + "-TCP-80"
	p := &models.Pool{
		Name: ptr(name), CreatedBy: ptr(testCreatedBy), CloudRef: ptr(cloudRef), TenantRef: ptr("/api/tenant/?name=" + testTenant),
		VrfRef: ptr("/api/vrfcontext?name=global"), SniEnabled: ptr(false),
		HealthMonitorRefs: []string{"/api/healthmonitor/?name=System-TCP"},
		ServiceMetadata:   ptr(`{"namespace_svc_name":null,"pool_ratio":0,"hostnames":["` + svc + `.x"]}`),
		Markers:           markers("Namespace", "default", "ServiceName", svc),
	}
	for _, a := range addrs {
		p.Servers = append(p.Servers, &models.Server{
			IP: &models.IPAddr{Addr: ptr(a), Type: ptr("V4")}, Port: ptr(int32(8080)), Enabled: ptr(true), ExternalUUID: ptr(a + ":8080"),
		})
	}
	return object(t, "pool", name, p)
}

// l4 is a Service of type LoadBalancer as translation makes it.
func l4(t *testing.T, svc string, addrs ...string) []*desired.Object {
	t.Helper()
	name := testCluster + "--default-" + svc
	pool := l4Pool(t, svc, addrs...)
	return []*desired.Object{
		object(t, "vsvip", name, &models.VsVip{
			Name: ptr(name), TenantRef: ptr("/api/tenant/?name=" + testTenant), CloudRef: ptr(cloudRef), EastWestPlacement: ptr(false),
			VrfContextRef: ptr("/api/vrfcontext?name=global"), Markers: markers(),
			DNSInfo: []*models.DNSInfo{{Fqdn: ptr(svc + ".default.avi.internal")}},
			Vip: []*models.Vip{{
				VipID: ptr("0"), AutoAllocateIP: ptr(true),
				IPAMNetworkSubnet: &models.IPNetworkSubnet{NetworkRef: ptr("/api/network/?name=vip-net")},
			}},
		}),
		pool,
		object(t, "l4policyset", name, &models.L4PolicySet{
			Name: ptr(name), CreatedBy: ptr(testCreatedBy), TenantRef: ptr("/api/tenant/?name=" + testTenant), Markers: markers("ServiceName", svc),
			L4ConnectionPolicy: &models.L4ConnectionPolicy{Rules: []*models.L4Rule{{
				Name: ptr("/api/pool?name=" + pool.Key.Name), Index: ptr(int32(0)),
				Action: &models.L4RuleAction{SelectPool: &models.L4RuleActionSelectPool{
					ActionType: ptr("L4_RULE_ACTION_SELECT_POOL"), PoolRef: ptr("/api/pool?name=" + pool.Key.Name),
				}},
				Match: &models.L4RuleMatchTarget{
					Port:     &models.L4RulePortMatch{MatchCriteria: ptr("IS_IN"), Ports: []int64{80}},
					Protocol: &models.L4RuleProtocolMatch{MatchCriteria: ptr("IS_IN"), Protocol: ptr("PROTOCOL_TCP")},
				},
			}}},
		}),
		object(t, "virtualservice", name, &models.VirtualService{
			Name: ptr(name), CreatedBy: ptr(testCreatedBy), TenantRef: ptr("/api/tenant/?name=" + testTenant), CloudRef: ptr(cloudRef),
			SeGroupRef:            ptr("/api/serviceenginegroup?name=Default-Group"),
			ApplicationProfileRef: ptr("/api/applicationprofile/?name=System-L4-Application"),
			NetworkProfileRef:     ptr("/api/networkprofile/?name=System-TCP-Proxy"),
			VrfContextRef:         ptr("/api/vrfcontext?name=global"),
			VsvipRef:              ptr("/api/vsvip/?name=" + name), ErrorPageProfileRef: ptr(""),
			TrafficEnabled: ptr(true), RemoveListeningPortOnVsDown: ptr(true),
			Services:        []*models.Service{{Port: ptr(uint32(80)), PortRangeEnd: ptr(uint32(80)), EnableSsl: ptr(false), EnableHttp2: ptr(false)}},
			L4Policies:      []*models.L4Policies{{Index: ptr(int32(0)), L4PolicySetRef: ptr("/api/l4policyset/?name=" + name)}},
			Markers:         markers("Namespace", "default", "ServiceName", svc),
			ServiceMetadata: ptr(`{"namespace_svc_name":["default/` + svc + `"],"hostnames":["` + svc + `.default.avi.internal"]}`),
		}),
	}
}

func seGroupEdit() translate.Edit {
	return translate.Edit{
		Key:   translate.Key{Tenant: "admin", Type: "serviceenginegroup", Name: "Default-Group"},
		Cloud: "Default-Cloud", Labels: map[string]string{"clustername": testCluster},
	}
}

func (f *fixture) inventory(t *testing.T, c *Client) map[plan.Key]*plan.Observed {
	t.Helper()
	inv, err := c.Inventory(testContext(t), testTenant, testCluster, testCreatedBy)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func input(observed map[plan.Key]*plan.Observed, objects []*desired.Object) plan.Input {
	return plan.Input{
		Cluster: testCluster, CreatedBy: testCreatedBy, Desired: objects, Observed: observed, Mode: plan.ModeEnforce,
		Brake: plan.Brake{MaxShare: 1},
	}
}

// apply applies a plan of which every step must succeed.
func (f *fixture) apply(t *testing.T, p plan.Plan) []Result {
	t.Helper()
	results := f.client.Apply(testContext(t), p, nil)
	for _, r := range results {
		if r.Err != nil {
			t.Fatalf("step %d %s %v: %v", r.Step, r.Op, r.Key, r.Err)
		}
	}
	return results
}

func writes(sim *avisim.Simulator) []string {
	var out []string
	for _, r := range sim.Writes() {
		if r.Type != "login" {
			out = append(out, r.Method+" "+r.Type+" "+r.Name)
		}
	}
	slices.Sort(out)
	return out
}
