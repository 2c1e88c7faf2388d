package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/akohub/akohub/hub/feedback"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/test/harness"
)

// The clusters' names: one is a prefix of the other on purpose, and neither may
// be taken for the other (AKO #1108).
const (
	nameA, tenantA = "prod", "team-a"
	nameB, tenantB = "prod-b", "team-b"
)

// registration is that of the examples: a tenant and a service-engine group of
// its own for each cluster.
func registration(name string, mode v1alpha1.Mode) ([]byte, error) {
	c := v1alpha1.NewCluster(name)
	c.Spec.Mode = mode
	c.Spec.Tenant.Create = true
	c.Spec.Tenant.Name, c.Spec.ServiceEngineGroup = tenantA, "seg-gold"
	if name == nameB {
		c.Spec.Tenant.Name, c.Spec.ServiceEngineGroup = tenantB, "seg-silver"
	}
	c.Spec.Network.VIPNetworks = []v1alpha1.VIPNetwork{{Name: "vip-net", CIDR: "10.10.0.0/16"}}
	return c.Marshal()
}

// world is an environment of its own for one test, on the shared clusters.
type world struct {
	*harness.Environment
	t    *testing.T
	a, b *member
}

// member is a cluster in a world, with a namespace for the test's objects.
type member struct {
	*harness.Member
	t      *testing.T
	tenant string
	ns     string
	client kubernetes.Interface
}

// newWorld starts simulator, hub and agents in mode enforce.
func newWorld(t *testing.T) *world { return newWorldIn(t, v1alpha1.ModeEnforce) }

func newWorldIn(t *testing.T, mode v1alpha1.Mode) *world {
	t.Helper()
	w := &world{t: t}
	for i, c := range clusters {
		client, err := c.Client()
		if err != nil {
			t.Fatal(err)
		}
		m := &member{t: t, tenant: []string{tenantA, tenantB}[i], client: client}
		m.wipe()
		m.ns = c.NewNamespace(t)
		if i == 0 {
			w.a = m
		} else {
			w.b = m
		}
	}
	w.Environment = harness.New(t, harness.Options{
		Clusters: clusters, Names: []string{nameA, nameB},
		Registration: func(name string) ([]byte, error) { return registration(name, mode) },
	})
	w.a.Member, w.b.Member = w.Members[0], w.Members[1]
	return w
}

// run is t.Run with a world that fails the subtest.
func (w *world) run(name string, test func(w *world)) {
	w.t.Helper()
	w.t.Run(name, func(t *testing.T) {
		here := *w
		here.t = t
		a, b := *w.a, *w.b
		a.t, b.t = t, t
		here.a, here.b = &a, &b
		test(&here)
	})
}

// wipe removes what earlier tests left to balance. The harness keeps the chart's
// namespace.
func (m *member) wipe() {
	m.t.Helper()
	ctx := m.t.Context()
	namespaces, err := m.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, n := range namespaces.Items {
		if n.Name == harness.AgentNamespace || strings.HasPrefix(n.Name, "kube-") || n.Name == metav1.NamespaceDefault {
			continue
		}
		all, now := metav1.ListOptions{}, metav1.DeleteOptions{}
		err := firstError(
			func() error { return m.client.NetworkingV1().Ingresses(n.Name).DeleteCollection(ctx, now, all) },
			func() error { return m.deleteServices(n.Name) },
			func() error { return m.client.DiscoveryV1().EndpointSlices(n.Name).DeleteCollection(ctx, now, all) },
			func() error { return m.client.CoreV1().Secrets(n.Name).DeleteCollection(ctx, now, all) },
		)
		if err != nil {
			m.t.Fatalf("emptying namespace %s: %v", n.Name, err)
		}
	}
}

// deleteServices exists because Services can't be deleted as a collection with
// the typed client.
func (m *member) deleteServices(namespace string) error {
	services, err := m.client.CoreV1().Services(namespace).List(m.t.Context(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, s := range services.Items {
		if err := m.client.CoreV1().Services(namespace).Delete(m.t.Context(), s.Name, metav1.DeleteOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// apply puts manifests into the test's namespace: %NS% stands for its name.
func (m *member) apply(manifests ...string) {
	m.t.Helper()
	text := strings.ReplaceAll(strings.Join(manifests, "\n---\n"), "%NS%", m.ns)
	if err := m.Cluster.ApplyYAML(m.t.Context(), []byte(text)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *member) deleteIngress(name string) {
	m.t.Helper()
	if err := m.client.NetworkingV1().Ingresses(m.ns).Delete(m.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		m.t.Fatal(err)
	}
}

func (m *member) deleteService(name string) {
	m.t.Helper()
	if err := m.client.CoreV1().Services(m.ns).Delete(m.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		m.t.Fatal(err)
	}
}

// patience bounds a wait for something that is to happen by itself.
const patience = 30 * time.Second

// eventually waits until check is content.
func (w *world) eventually(what string, check func() error) {
	w.t.Helper()
	w.within(patience, what, check)
}

func (w *world) within(limit time.Duration, what string, check func() error) {
	w.t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			w.t.Fatalf("%s: not within %s: %v", what, limit, err)
		case <-w.t.Context().Done():
			w.t.Fatalf("%s: %v", what, context.Cause(w.t.Context()))
		case <-tick.C:
		}
	}
}

// settle is MustSettle, and then nothing may stand against a cluster.
func (w *world) settle() {
	w.t.Helper()
	w.MustSettle(w.t)
	standing, err := w.Hub.Client().Clusters(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range standing.Clusters {
		if c.Error != "" {
			w.t.Fatalf("cluster %s: %s", c.Name, c.Error)
		}
	}
}

// mark is a point in the controller's request log.
func (w *world) mark() int { return len(w.Simulator.Writes()) }

// since are the writes after a mark, as lines "PUT pool NAME (TENANT)".
func (w *world) since(mark int) []string {
	var out []string
	for _, r := range w.Simulator.Writes()[mark:] {
		out = append(out, line(r))
	}
	return out
}

func line(r avisim.Request) string {
	text := fmt.Sprintf("%s %s %s (%s)", r.Method, r.Type, r.Name, r.Tenant)
	if r.Status >= 300 || r.Status == 0 {
		text += fmt.Sprintf(": %d", r.Status)
	}
	return text
}

// wrote fails unless the writes since a mark are these, in any order.
func (w *world) wrote(what string, mark int, want ...string) {
	w.t.Helper()
	got := w.since(mark)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: the writes on Avi are\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// wroteNothing settles, and fails if there was a write since a mark.
func (w *world) wroteNothing(what string, mark int) {
	w.t.Helper()
	w.MustSettle(w.t)
	w.wrote(what, mark)
}

// shown is what an object shows of its load balancing, and its version.
type shown struct {
	IPs     []string // status.loadBalancer, "IP" or "IP host"
	Hosts   map[string]string
	Tenant  string
	Version string
}

// shows reads all Ingresses and LoadBalancer Services of the test, by
// "Ingress NAME" and "Service NAME".
func (m *member) shows() map[string]shown {
	m.t.Helper()
	out := map[string]shown{}
	ingresses, err := m.client.NetworkingV1().Ingresses(m.ns).List(m.t.Context(), metav1.ListOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, i := range ingresses.Items {
		s := noted(i.ObjectMeta)
		for _, lb := range i.Status.LoadBalancer.Ingress {
			s.IPs = append(s.IPs, strings.TrimSpace(lb.IP+" "+lb.Hostname))
		}
		out["Ingress "+i.Name] = s
	}
	services, err := m.client.CoreV1().Services(m.ns).List(m.t.Context(), metav1.ListOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, svc := range services.Items {
		if svc.Spec.Type != corev1.ServiceTypeLoadBalancer {
			continue
		}
		s := noted(svc.ObjectMeta)
		for _, lb := range svc.Status.LoadBalancer.Ingress {
			s.IPs = append(s.IPs, strings.TrimSpace(lb.IP+" "+lb.Hostname))
		}
		out["Service "+svc.Name] = s
	}
	return out
}

func noted(o metav1.ObjectMeta) shown {
	s := shown{Tenant: o.Annotations[feedback.AnnotationTenant], Version: o.ResourceVersion}
	// An annotation that can't be read is as good as none; the tests want one.
	_ = json.Unmarshal([]byte(o.Annotations[feedback.AnnotationHosts]), &s.Hosts)
	return s
}

// served waits until each of the objects ("Ingress NAME") has an address.
func (w *world) served(m *member, objects ...string) {
	w.t.Helper()
	w.eventually("addresses in "+m.Name, func() error {
		all := m.shows()
		for _, o := range objects {
			if len(all[o].IPs) == 0 {
				return fmt.Errorf("%s has no address", o)
			}
		}
		return nil
	})
}

// unchanged fails if an object in a cluster was written since the look before.
func (m *member) unchanged(what string, before map[string]shown) {
	m.t.Helper()
	now := m.shows()
	for _, o := range slices.Sorted(maps.Keys(before)) {
		if now[o].Version != before[o].Version {
			m.t.Errorf("%s: %s of %s was written: %+v, before %+v", what, o, m.Name, now[o], before[o])
		}
	}
}

// event waits for an Event on an object of the test: kind, name, reason, and a
// part of the message.
func (w *world) event(m *member, kind, name, reason, part string) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("Event %s on %s %s with %q", reason, kind, name, part), func() error {
		events, err := m.client.CoreV1().Events(m.ns).List(w.t.Context(), metav1.ListOptions{
			FieldSelector: "involvedObject.kind=" + kind + ",involvedObject.name=" + name,
		})
		if err != nil {
			return err
		}
		var seen []string
		for _, e := range events.Items {
			if e.Reason == reason && strings.Contains(e.Message, part) {
				return nil
			}
			seen = append(seen, e.Reason+": "+e.Message)
		}
		return fmt.Errorf("there are %q", seen)
	})
}

// cli runs an akohub command against this world's hub.
func (w *world) cli(args ...string) harness.Output {
	w.t.Helper()
	out, err := w.CLI(w.t.Context(), args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}
