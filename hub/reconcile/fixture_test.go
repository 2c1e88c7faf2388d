package reconcile

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/feedback"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/pkg/digest"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// fixture is a simulated controller over TLS with a manager that reconciles
// clusters to it. Time passes when a test lets it.
type fixture struct {
	t       testing.TB
	sim     *avisim.Simulator
	ctl     Controller
	manager *Manager
	agents  *agents
	stop    context.CancelFunc

	mu     sync.Mutex
	offset time.Duration
}

func start(t *testing.T, tenants ...string) *fixture {
	t.Helper()
	if len(tenants) == 0 {
		tenants = []string{"team"}
	}
	return startWith(t, avisim.Options{Tenants: tenants})
}

// startWith is start with a controller of other options.
func startWith(t *testing.T, opts avisim.Options) *fixture {
	t.Helper()
	return startAs(t, "admin", opts)
}

// startAs is startWith for a hub that logs in as a certain user.
func startAs(t *testing.T, user string, opts avisim.Options) *fixture {
	t.Helper()
	sim, err := avisim.New(opts)
	if err != nil {
		t.Fatal(err)
	}
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
	client, err := avi.NewClient(avi.Config{
		Name: "sim", URL: server.URL, Username: user, CAFile: ca, Logger: testLog(),
		Password: func() (string, error) { return "sim-password", nil }, MaxRequestsPerSecond: 100_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	f := &fixture{t: t, sim: sim, ctl: NewController(client), agents: &agents{mirrors: map[string]*cluster{}}}
	f.restart()
	t.Cleanup(func() { f.stop(); f.manager.Wait() })
	return f
}

func testLog() hclog.Logger {
	if os.Getenv("RECONCILE_TEST_LOG") == "" {
		return hclog.NewNullLogger()
	}
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Debug})
}

// restart ends the manager, if there is one, and starts another.
func (f *fixture) restart() {
	if f.stop != nil {
		f.stop()
		f.manager.Wait()
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.manager = New(ctx, Config{
		Logger: testLog(), Agents: f.agents,
		Controllers: func(string) (Controller, error) { return f.ctl, nil },
		Clock: func() time.Time {
			f.mu.Lock()
			defer f.mu.Unlock()
			return time.Now().Add(f.offset)
		},
	})
}

// pass lets time pass for the workers.
func (f *fixture) pass(d time.Duration) {
	f.mu.Lock()
	f.offset += d
	f.mu.Unlock()
}

// registration is that of a cluster in the tenant team, enforced.
func registration(name string, change ...func(*v1alpha1.Cluster)) *v1alpha1.Cluster {
	reg := v1alpha1.NewCluster(name)
	reg.Spec.Mode = v1alpha1.ModeEnforce
	reg.Spec.Tenant.Name = "team"
	reg.Spec.Network.VIPNetworks = []v1alpha1.VIPNetwork{{Name: "vip-net"}}
	reg.Spec.Network.StaticRoutes.Sync = false
	for _, c := range change {
		c(reg)
	}
	return reg
}

// cluster is a registered cluster with its objects.
type cluster struct {
	world
	f    *fixture
	name string
	m    *mirror.Mirror
	mu   sync.Mutex // serializes what agents and tests put into world and mirror
	rev  int
	// openshift says that the API server serves Routes.
	openshift bool
}

// register registers a cluster and takes its agent for connected, with nothing
// sent yet.
func (f *fixture) register(reg *v1alpha1.Cluster, w world) *cluster {
	f.t.Helper()
	if err := f.manager.Register(reg); err != nil {
		f.t.Fatal(err)
	}
	m, ok := f.manager.Mirror(reg.Metadata.Name)
	if !ok {
		f.t.Fatal("no mirror")
	}
	c := &cluster{world: w, f: f, name: reg.Metadata.Name, m: m}
	f.agents.mu.Lock()
	f.agents.mirrors[c.name] = c
	f.agents.mu.Unlock()
	return c
}

// up registers a cluster, has its agent send all, and settles.
func (f *fixture) up(reg *v1alpha1.Cluster, w world) *cluster {
	f.t.Helper()
	c := f.register(reg, w)
	c.sync()
	_ = c.try()
	return c
}

var allKinds = []string{kinds.IngressClass, kinds.Namespace, kinds.Service, kinds.EndpointSlice, kinds.Ingress, kinds.Secret, kinds.Node}

// sync sends snapshots of kinds, of all if none is named, as an agent does.
func (c *cluster) sync(only ...string) {
	c.f.t.Helper()
	if len(only) == 0 {
		only = allKinds
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.openshift {
		if err := c.m.SetKindState(kinds.Route, akohubv1.KindState_AVAILABILITY_ABSENT, "not served"); err != nil {
			c.f.t.Fatal(err)
		}
	} else if len(only) == len(allKinds) {
		only = append(slices.Clone(only), kinds.Route)
	}
	for _, kind := range only {
		c.rev++
		id := uint64(c.rev)
		var recs []*akohubv1.Record
		var set digest.Set
		for ref, r := range c.world {
			if ref.Kind != kind {
				continue
			}
			r := proto.CloneOf(r)
			r.Snapshot = id
			recs = append(recs, r)
			set.Add(digest.Entry{Namespace: r.GetNamespace(), Name: r.GetName(), UID: r.GetUid(), ContentHash: string(r.GetContentHash())})
		}
		if _, err := c.m.BeginSnapshot(kind, id, set.Count(), set.BucketDigests()); err != nil {
			c.f.t.Fatal(err)
		}
		if err := c.m.ApplyAll(recs); err != nil {
			c.f.t.Fatal(err)
		}
		if _, err := c.m.EndSnapshot(kind, id, set.Count(), set.Digest()); err != nil {
			c.f.t.Fatal(err)
		}
	}
}

// send sends what is new of objects, as deltas.
func (c *cluster) send(refs ...mirror.Ref) {
	c.f.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ref := range refs {
		if err := c.m.Apply(proto.CloneOf(c.world[ref])); err != nil {
			c.f.t.Fatal(err)
		}
	}
}

// tombstone deletes objects, and says so.
func (c *cluster) tombstone(refs ...mirror.Ref) {
	c.f.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ref := range refs {
		r := c.world[ref]
		delete(c.world, ref)
		if err := c.m.Apply(&akohubv1.Record{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Uid: r.GetUid(), Deleted: true}); err != nil {
			c.f.t.Fatal(err)
		}
	}
}

func (c *cluster) worker() *worker {
	c.f.t.Helper()
	w, err := c.f.manager.worker(c.name)
	if err != nil {
		c.f.t.Fatal(err)
	}
	return w
}

// inside runs f in the worker's loop, to which its fields belong.
func (c *cluster) inside(f func(w *worker)) {
	c.f.t.Helper()
	w := c.worker()
	if err := w.do(context.Background(), func(context.Context) { f(w) }); err != nil {
		c.f.t.Fatal(err)
	}
}

// held returns what the worker takes an object on Avi for.
func (c *cluster) held(key plan.Key) (o *plan.Observed) {
	c.f.t.Helper()
	c.inside(func(w *worker) { o = w.observed[key] })
	return o
}

// settle runs cycles until there is nothing more to do for now. Nothing may
// stand against the cluster then.
func (c *cluster) settle() {
	c.f.t.Helper()
	if err := c.try(); err != nil {
		c.f.t.Fatal(err)
	}
}

// try is settle where something may stand against the cluster.
func (c *cluster) try() error {
	c.f.t.Helper()
	w := c.worker()
	for spins := 0; spins < 100; spins++ {
		var err error
		var rests bool
		var more bool
		doErr := w.do(context.Background(), func(ctx context.Context) {
			err = w.cycle(ctx)
			w.noteError(err)
			w.mu.Lock()
			more = w.more || len(w.answers) > 0
			w.mu.Unlock()
			rests = w.sleep() > leastSleep
		})
		if doErr != nil {
			c.f.t.Fatal(doErr)
		}
		// A worker that has nothing to do for now must not spin.
		if !more && rests && len(c.m.Changes()) == 0 {
			return err
		}
		if !rests {
			// What is due in a moment comes; who is due all the time goes on.
			c.f.pass(leastSleep)
		}
	}
	c.f.t.Fatal("the worker does not settle")
	return nil
}

// status is the cluster's standing.
func (c *cluster) status() Status { return c.worker().snapshot() }

// writes returns what was written since the last call, without logins.
func (f *fixture) writes() []string {
	f.t.Helper()
	var out []string
	for _, r := range f.sim.Writes() {
		out = append(out, strings.TrimSpace(fmt.Sprint(r.Method, " ", r.Type, " ", r.Name)))
	}
	f.sim.ResetRequests()
	slices.Sort(out)
	return out
}

// noWrites fails the test if anything was written since the last look.
func (f *fixture) noWrites(when string) {
	f.t.Helper()
	if got := f.writes(); len(got) > 0 {
		f.t.Errorf("%s: %v", when, got)
	}
}

// names returns the names of the objects of a type in a tenant that clients made.
func (f *fixture) names(tenant, typ string) []string {
	f.t.Helper()
	var out []string
	for _, o := range f.sim.Dump().Tenants[tenant][typ] {
		name, _ := o["name"].(string)
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// seen is what a cluster's agent was asked to write.
type seen struct {
	cluster string
	wb      *akohubv1.WriteBack
}

// agents stands for the agents of all clusters: it notes what they are asked
// for, does it, and tells the mirror, as the watch of an API server would.
type agents struct {
	mu      sync.Mutex
	mirrors map[string]*cluster
	log     []seen
	away    bool
	// outcome is what is answered; unspecified: applied.
	outcome akohubv1.WriteBackResult_Outcome
	// deaf leaves the mirror as it is.
	deaf bool
}

var errAway = errors.New("no agent of the cluster is connected")

func (a *agents) Send(name string, wb *akohubv1.WriteBack, done func(*akohubv1.WriteBackResult, error)) {
	a.mu.Lock()
	c, away, outcome, deaf := a.mirrors[name], a.away, a.outcome, a.deaf
	if !away {
		a.log = append(a.log, seen{name, proto.CloneOf(wb)})
	}
	a.mu.Unlock()
	if away || c == nil {
		done(nil, errAway)
		return
	}
	if outcome == akohubv1.WriteBackResult_OUTCOME_UNSPECIFIED {
		outcome = akohubv1.WriteBackResult_OUTCOME_APPLIED
	}
	if outcome == akohubv1.WriteBackResult_OUTCOME_APPLIED && !deaf {
		c.show(wb)
	}
	done(&akohubv1.WriteBackResult{Outcome: outcome, Message: "as asked for"}, nil)
}

func (a *agents) set(change func(*agents)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

// take returns what was asked for since the last call, sorted: "Ingress/a
// status", "Ingress/a Warning AviRefused".
func (a *agents) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for _, s := range a.log {
		o := s.wb.GetObject()
		name := title(o.GetKind()) + "/" + o.GetName()
		if s.wb.GetLoadBalancer() != nil {
			var ips []string
			for _, i := range s.wb.GetLoadBalancer().GetIngress() {
				ips = append(ips, i.GetHostname()+"="+i.GetIp())
			}
			out = append(out, name+" status "+strings.Join(ips, ","))
		}
		if s.wb.GetRoute() != nil {
			var entries []string
			for _, i := range s.wb.GetRoute().GetIngress() {
				entries = append(entries, fmt.Sprintf("%s=%v,%s", i.GetHost(), i.GetAdmitted(), i.GetMessage()))
			}
			out = append(out, name+" admissions "+strings.Join(entries, ","))
		}
		if p := s.wb.GetAnnotations(); p != nil {
			out = append(out, fmt.Sprintf("%s annotations +%d -%d", name, len(p.GetSet()), len(p.GetRemove())))
		}
		if e := s.wb.GetEvent(); e != nil {
			sev := "Normal"
			if e.GetSeverity() == akohubv1.ObjectEvent_SEVERITY_WARNING {
				sev = "Warning"
			}
			out = append(out, name+" "+sev+" "+e.GetReason())
		}
	}
	a.log = nil
	slices.Sort(out)
	return out
}

// message returns the text of the last Event with a reason.
func (a *agents) message(reason string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range slices.Backward(a.log) {
		if s.wb.GetEvent().GetReason() == reason {
			return s.wb.GetEvent().GetMessage()
		}
	}
	return ""
}

// show does what a write-back asks for, on the object and in the mirror.
func (c *cluster) show(wb *akohubv1.WriteBack) {
	ref := mirror.Ref{Kind: wb.GetObject().GetKind(), Namespace: wb.GetObject().GetNamespace(), Name: wb.GetObject().GetName()}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.world[ref]
	if old == nil || wb.GetLoadBalancer() == nil && wb.GetAnnotations() == nil && wb.GetRoute() == nil {
		return
	}
	r := proto.CloneOf(old)
	var meta *akohubv1.Meta
	switch {
	case r.GetIngress() != nil:
		if r.GetIngress().Meta == nil {
			r.GetIngress().Meta = &akohubv1.Meta{}
		}
		meta = r.GetIngress().Meta
		if s := wb.GetLoadBalancer(); s != nil {
			r.GetIngress().Status = s.GetIngress()
		}
	case r.GetService() != nil:
		if r.GetService().Meta == nil {
			r.GetService().Meta = &akohubv1.Meta{}
		}
		meta = r.GetService().Meta
		if s := wb.GetLoadBalancer(); s != nil {
			r.GetService().Status = s.GetIngress()
		}
	case r.GetRoute() != nil:
		meta = r.GetRoute().Meta
		if s := wb.GetRoute(); s != nil {
			r.GetRoute().Status = slices.DeleteFunc(r.GetRoute().Status, func(a *akohubv1.RouteAdmission) bool { return a.GetRouterName() == s.GetRouterName() })
			r.GetRoute().Status = append(r.GetRoute().Status, s.GetIngress()...)
		}
	default:
		return
	}
	if meta.Annotations == nil {
		meta.Annotations = map[string]string{}
	}
	maps.Copy(meta.Annotations, wb.GetAnnotations().GetSet())
	for _, name := range wb.GetAnnotations().GetRemove() {
		delete(meta.Annotations, name)
	}
	c.rev++
	r.ContentHash = fmt.Append(nil, "shown-", c.name, "-", c.rev)
	c.world[ref] = r
	// An agent may be late with an object that is gone; the mirror knows.
	_ = c.m.Apply(proto.CloneOf(r))
}

// shown returns the addresses and the mark of an object.
func (c *cluster) shown(ref mirror.Ref) (status []string, mark map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.world[ref]
	entries, meta := r.GetIngress().GetStatus(), r.GetIngress().GetMeta()
	if r.GetService() != nil {
		entries, meta = r.GetService().GetStatus(), r.GetService().GetMeta()
	}
	if r.GetRoute() != nil {
		meta = r.GetRoute().GetMeta()
	}
	for _, e := range entries {
		status = append(status, e.GetHostname()+"="+e.GetIp())
	}
	_ = json.Unmarshal([]byte(meta.GetAnnotations()[feedback.AnnotationHosts]), &mark)
	return status, mark
}

func ingressRef(name string) mirror.Ref {
	return mirror.Ref{Kind: kinds.Ingress, Namespace: "default", Name: name}
}

func serviceRef(name string) mirror.Ref {
	return mirror.Ref{Kind: kinds.Service, Namespace: "default", Name: name}
}

func sliceRef(name string) mirror.Ref {
	return mirror.Ref{Kind: kinds.EndpointSlice, Namespace: "default", Name: name}
}

// sites is a world of so many Ingresses, a0…, with hosts that the simulated
// cloud serves, and as many Services of type LoadBalancer, lb0….
func sites(ingresses, services int) world {
	w := world{}
	w.base()
	for i := range ingresses {
		name := fmt.Sprint("a", i)
		w.service("web-"+name, "ClusterIP")
		w.slice("web-"+name, "web-"+name+"-1", 0, fmt.Sprintf("10.0.%d.%d", i/250, i%250+1))
		w.ingress(name, 0, fmt.Sprintf("h%d.avi.internal", i))
	}
	for i := range services {
		name := fmt.Sprint("lb", i)
		w.service(name, "LoadBalancer")
		w.slice(name, name+"-1", 0, fmt.Sprintf("10.0.8.%d", i+1))
	}
	return w
}

// createTenant makes a tenant as an administrator of Avi would.
func (f *fixture) createTenant(name string) {
	f.t.Helper()
	reg := registration("admin-of-avi", func(r *v1alpha1.Cluster) { r.Spec.Tenant.Name, r.Spec.Tenant.Create = name, true })
	if ok, err := f.ctl.EnsureTenant(f.t.Context(), reg, name); err != nil || !ok {
		f.t.Fatal(err)
	}
}

// wanted returns the names of the objects of a type that belong to cluster c1.
func (f *fixture) wanted(typ string) []string {
	f.t.Helper()
	var out []string
	for _, o := range f.sim.Dump().Tenants["team"][typ] {
		if o["created_by"] == "ako-c1" {
			name, _ := o["name"].(string)
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// testCertificate is the data of a TLS Secret.
func testCertificate(t testing.TB) map[string][]byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}
}
