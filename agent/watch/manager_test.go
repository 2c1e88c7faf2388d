package watch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	fakediscovery "k8s.io/client-go/discovery/fake"
	fakedynamic "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	fakemetadata "k8s.io/client-go/metadata/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// world is a manager on fake clients. What an API server really does is tested
// with real ones elsewhere; here it is what the manager makes of it.
type world struct {
	t    *testing.T
	kube *fake.Clientset
	dyn  *fakedynamic.FakeDynamicClient
	meta *fakemetadata.FakeMetadataClient
	m    *Manager

	mu   sync.Mutex
	deny map[string]error // by resource, for lists
	// away are errors of discovery, by group and version that is listed.
	away map[string]error
}

var hostRules = schema.GroupVersionResource{Group: "ako.vmware.com", Version: "v1beta1", Resource: "hostrules"}

func newWorld(t *testing.T) *world {
	t.Helper()
	scheme := fakemetadata.NewTestScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	w := &world{
		t:    t,
		kube: fake.NewClientset(),
		dyn: fakedynamic.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
			map[schema.GroupVersionResource]string{hostRules: "HostRuleList"}),
		meta: fakemetadata.NewSimpleMetadataClient(scheme),
		deny: map[string]error{},
		away: map[string]error{},
	}
	refuse := func(a clienttesting.Action) (bool, runtime.Object, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		err := w.deny[a.GetResource().Resource]
		return err != nil, nil, err
	}
	for _, gvr := range []schema.GroupVersionResource{
		{Version: "v1", Resource: "services"}, {Version: "v1", Resource: "secrets"},
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
	} {
		w.serve(gvr)
	}
	w.kube.PrependReactor("list", "*", refuse)
	w.dyn.PrependReactor("list", "*", refuse)
	w.meta.PrependReactor("list", "*", refuse)
	w.m = NewManager(Config{
		Clients:   Clients{Kubernetes: w.kube, Dynamic: w.dyn, Metadata: w.meta},
		Discovery: guarded{w.kube.Discovery(), &w.mu, w.away},
		Log:       hclog.NewNullLogger(),
		Recheck:   20 * time.Millisecond,
	})
	t.Cleanup(w.m.Close)
	return w
}

func (w *world) refuse(resource string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		delete(w.deny, resource)
		return
	}
	w.deny[resource] = err
}

// guarded lets a test change what a fake serves while it is asked.
type guarded struct {
	discovery.DiscoveryInterface
	mu   *sync.Mutex
	away map[string]error
}

func (g guarded) ServerGroups() (*metav1.APIGroupList, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.DiscoveryInterface.ServerGroups()
}

func (g guarded) ServerResourcesForGroupVersion(gv string) (*metav1.APIResourceList, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.away[gv]; err != nil {
		return nil, err
	}
	return g.DiscoveryInterface.ServerResourcesForGroupVersion(gv)
}

func (w *world) serve(gvr schema.GroupVersionResource) {
	d, ok := w.kube.Discovery().(*fakediscovery.FakeDiscovery)
	if !ok {
		w.t.Fatal("not a fake")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, list := range d.Resources {
		if list.GroupVersion == gvr.GroupVersion().String() {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: gvr.Resource})
			return
		}
	}
	d.Resources = append(d.Resources, &metav1.APIResourceList{
		GroupVersion: gvr.GroupVersion().String(), APIResources: []metav1.APIResource{{Name: gvr.Resource}}})
}

func (w *world) attach(h *hub) {
	h.need = w.m.Need
	w.m.Attach(w.t.Context(), h)
}

func watchKind(group, version, resource string) *akohubv1.WatchKind {
	return &akohubv1.WatchKind{Group: group, Version: version, Resource: resource}
}

func plan(ks ...*akohubv1.WatchKind) *akohubv1.WatchPlan {
	return &akohubv1.WatchPlan{Kinds: ks, AnnotationPrefixes: []string{"ako.vmware.com/"}, SecretKeys: []string{"tls.crt", "tls.key"}}
}

var (
	ingresses = watchKind("networking.k8s.io", "v1", "ingresses")
	services  = watchKind("", "v1", "services")
	secretsWK = watchKind("", "v1", "secrets")
	rulesWK   = watchKind(hostRules.Group, hostRules.Version, hostRules.Resource)
)

func (w *world) service(name string) {
	w.t.Helper()
	_, err := w.kube.CoreV1().Services("red").Create(w.t.Context(),
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "red", Name: name, UID: types.UID("u-" + name)}}, metav1.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
}

// ingress makes or changes an Ingress that refers to Secrets.
func (w *world) ingress(name string, secrets ...string) {
	w.t.Helper()
	in := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "red", Name: name, UID: types.UID("u-" + name)}}
	for _, s := range secrets {
		in.Spec.TLS = append(in.Spec.TLS, networkingv1.IngressTLS{SecretName: s})
	}
	c := w.kube.NetworkingV1().Ingresses("red")
	_, err := c.Create(w.t.Context(), in, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = c.Update(w.t.Context(), in, metav1.UpdateOptions{})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

var secretsGVR = corev1.SchemeGroupVersion.WithResource("secrets")

// secret makes or changes a Secret, which two fakes must know.
func (w *world) secret(name, cert string) {
	w.t.Helper()
	m := metav1.ObjectMeta{Namespace: "red", Name: name, UID: types.UID("u-" + name)}
	s := &corev1.Secret{ObjectMeta: m, Data: map[string][]byte{"tls.crt": []byte(cert), "other": []byte("stays")}}
	p := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: m}
	errs := []error{w.kube.Tracker().Add(s), w.meta.Tracker().Add(p)}
	if w.kube.Tracker().Update(secretsGVR, s, "red") == nil && w.meta.Tracker().Update(secretsGVR, p, "red") == nil {
		return
	}
	if err := errors.Join(errs...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deleteSecret(name string) {
	w.t.Helper()
	err := errors.Join(w.kube.Tracker().Delete(secretsGVR, "red", name), w.meta.Tracker().Delete(secretsGVR, "red", name))
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deleteIngress(name string) {
	w.t.Helper()
	if err := w.kube.NetworkingV1().Ingresses("red").Delete(w.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// has waits until the hub has exactly the given objects of a kind.
func has(t *testing.T, h *hub, kind string, names ...string) {
	t.Helper()
	want := ""
	if len(names) > 0 {
		want = "red/" + strings.Join(names, " red/")
	}
	deadline := time.Now().Add(waitFor)
	for h.names(kind) != want {
		if time.Now().After(deadline) {
			t.Fatalf("the hub has %s %q, want %q", kind, h.names(kind), want)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestManagerMirrorsAndResumes(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.service(fmt.Sprint("s", i))
	}
	w.m.Apply(plan(services), 0)
	h := newHubDouble(t)
	w.attach(h)
	has(t, h, kinds.Service, "s0", "s1", "s2", "s3", "s4")
	eventually(t, "synced", func() bool { return h.synced(kinds.Service) })
	w.service("s5")
	has(t, h, kinds.Service, "s0", "s1", "s2", "s3", "s4", "s5")

	// The same plan again: nothing is listed, and nothing travels.
	w.kube.ClearActions()
	h = h.reconnect()
	w.m.Apply(plan(services), 0)
	w.attach(h)
	eventually(t, "resumed", func() bool { return h.synced(kinds.Service) })
	if got := sortedJoin(h.take()); got != "state services watched\nbegin services\nend services" {
		t.Errorf("a resume said:\n%s", got)
	}
	if n := len(w.kube.Actions()); n != 0 {
		t.Errorf("a resume asked the API server: %v", w.kube.Actions())
	}

	// A hub that lost everything costs one list.
	close(h.done)
	h = newHubDouble(t)
	w.attach(h)
	has(t, h, kinds.Service, "s0", "s1", "s2", "s3", "s4", "s5")
	eventually(t, "synced", func() bool { return h.synced(kinds.Service) })
	lists := 0
	for _, a := range w.kube.Actions() {
		if a.Matches("list", "services") {
			lists++
		}
	}
	if lists != 1 {
		t.Errorf("%d lists", lists)
	}
	w.service("s6")
	has(t, h, kinds.Service, "s0", "s1", "s2", "s3", "s4", "s5", "s6")
}

func TestManagerChangesThePlan(t *testing.T) {
	w := newWorld(t)
	w.service("s")
	w.ingress("i")
	w.m.Apply(plan(services), 0)
	h := newHubDouble(t)
	w.attach(h)
	has(t, h, kinds.Service, "s")
	w.m.Apply(plan(services, ingresses, ingresses), 0)
	has(t, h, kinds.Ingress, "i")
	if n := h.mentions("begin services"); n != 1 {
		t.Errorf("an unchanged kind began %d snapshots", n)
	}
	w.m.Apply(plan(ingresses), 0)
	w.service("later")
	w.ingress("j")
	has(t, h, kinds.Ingress, "i", "j")
	has(t, h, kinds.Service, "s") // as it was: the hub knows its own plan

	// Other annotations: everything may read differently.
	p := plan(ingresses)
	p.AnnotationPrefixes = []string{"x/"}
	w.m.Apply(p, 0)
	eventually(t, "a new snapshot", func() bool { return h.mentions("begin "+kinds.Ingress) == 2 })
}

func TestManagerForbiddenFailingAbsent(t *testing.T) {
	w := newWorld(t)
	w.service("s")
	w.refuse("services", apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "", errors.New("not for you")))
	w.refuse("hostrules", apierrors.NewNotFound(schema.GroupResource{Resource: "hostrules"}, ""))
	w.refuse("ingresses", errors.New("broken pipe"))
	w.m.Apply(plan(services, rulesWK, ingresses), 0)
	h := newHubDouble(t)
	w.attach(h)
	const rules = "hostrules.ako.vmware.com"
	eventually(t, "forbidden", func() bool { return h.state(kinds.Service) == forbidden })
	eventually(t, "absent", func() bool { return h.state(rules) == absent })
	// Without rights the API server does not say that there is no such resource.
	w.refuse("hostrules", apierrors.NewForbidden(hostRules.GroupResource(), "", errors.New("not for you")))
	w.m.Apply(plan(services, ingresses), 0)
	w.m.Apply(plan(services, rulesWK, ingresses), 0)
	eventually(t, "absent again", func() bool { return h.mentions("state "+rules+" absent") == 2 })
	eventually(t, "failing", func() bool { return h.state(kinds.Ingress) == failing })
	for _, k := range []string{kinds.Service, rules, kinds.Ingress} {
		if h.mentions("begin "+k) != 0 {
			t.Errorf("%s was called complete", k)
		}
	}
	w.refuse("services", nil)
	w.refuse("ingresses", nil)
	has(t, h, kinds.Service, "s")
	eventually(t, "ingresses are watched", func() bool { return h.synced(kinds.Ingress) })

	// The CRD is installed.
	_, err := w.dyn.Resource(hostRules).Namespace("red").Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "ako.vmware.com/v1beta1", "kind": "HostRule",
		"metadata": map[string]any{"name": "h", "namespace": "red", "uid": "u-h"}, "spec": map[string]any{"a": "b"}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.refuse("hostrules", nil)
	w.serve(hostRules)
	has(t, h, rules, "h")
	if got := string(h.body(rules, key{"red", "h"}).GetCustomResource().GetSpecJson()); got != `{"a":"b"}` {
		t.Errorf("spec %s", got)
	}
}

func TestManagerSecrets(t *testing.T) {
	w := newWorld(t)
	for _, s := range []string{"used", "unused", "extra", "later"} {
		w.secret(s, "1")
	}
	w.ingress("i", "used", "missing")
	p := plan(ingresses, secretsWK)
	p.ExtraSecrets = []*akohubv1.NamespacedName{{Namespace: "red", Name: "extra"}}
	w.m.Apply(p, 0)
	h := newHubDouble(t)
	w.attach(h)
	has(t, h, kinds.Secret, "extra", "used")
	eventually(t, "synced", func() bool { return h.synced(kinds.Secret) })
	body := h.body(kinds.Secret, key{"red", "used"}).GetSecret()
	if len(body.GetData()) != 1 || string(body.GetData()["tls.crt"]) != "1" {
		t.Errorf("body %v", body)
	}

	w.secret("used", "2")
	eventually(t, "the new certificate", func() bool {
		return string(h.body(kinds.Secret, key{"red", "used"}).GetSecret().GetData()["tls.crt"]) == "2"
	})
	w.secret("unused", "2")
	w.secret("missing", "1")
	has(t, h, kinds.Secret, "extra", "missing", "used")

	// The Secret goes before the Ingress that needs it.
	h.take()
	w.ingress("j", "later")
	has(t, h, kinds.Ingress, "i", "j")
	if got := sortedJoin(h.take()); got != "change secrets red/later\nchange ingresses.networking.k8s.io red/j" {
		t.Errorf("said\n%s", got)
	}

	w.ingress("i", "missing") // lets go of "used"
	has(t, h, kinds.Secret, "extra", "later", "missing")
	w.ingress("k", "later")
	has(t, h, kinds.Ingress, "i", "j", "k")
	w.deleteIngress("j") // "later" has another user
	has(t, h, kinds.Ingress, "i", "k")
	w.deleteSecret("missing")
	has(t, h, kinds.Secret, "extra", "later")

	// A hub that lost everything gets them again.
	close(h.done)
	h = newHubDouble(t)
	w.attach(h)
	has(t, h, kinds.Secret, "extra", "later")
	eventually(t, "synced", func() bool { return h.synced(kinds.Secret) })

	p.ExtraSecrets = nil
	w.m.Apply(p, 0)
	has(t, h, kinds.Secret, "later")
	for _, a := range w.kube.Actions() {
		if g, ok := a.(clienttesting.GetAction); ok && a.Matches("get", "secrets") && g.GetName() == "unused" {
			t.Error("a Secret that nothing refers to was read")
		}
	}
}

// TestManagerAggregatedAPIAway: another server answers for a kind, as OpenShift's
// does for Routes. While that is away the kind is unknown, not absent.
func TestManagerAggregatedAPIAway(t *testing.T) {
	const rules = "hostrules.ako.vmware.com"
	notFound := apierrors.NewNotFound(schema.GroupResource{Resource: "hostrules"}, "")
	for name, test := range map[string]struct {
		list, discovery error
		want            akohubv1.KindState_Availability
	}{
		"unavailable":            {apierrors.NewServiceUnavailable("no endpoints"), apierrors.NewServiceUnavailable("no endpoints"), failing},
		"not found, unavailable": {notFound, apierrors.NewServiceUnavailable("no endpoints"), failing},
		"not found, but listed":  {notFound, notFound, failing},
		"forbidden, but listed":  {apierrors.NewForbidden(hostRules.GroupResource(), "", errors.New("no")), notFound, forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.serve(hostRules)
			w.refuse("hostrules", test.list)
			w.mu.Lock()
			w.away[hostRules.GroupVersion().String()] = test.discovery
			w.mu.Unlock()
			h := newHubDouble(t)
			w.attach(h)
			w.m.Apply(plan(rulesWK), 0)
			eventually(t, name, func() bool { return h.mentions("state "+rules+" ") > 0 })
			if got := h.state(rules); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			w.mu.Lock()
			clear(w.away)
			w.mu.Unlock()
			w.refuse("hostrules", nil)
			eventually(t, "watched", func() bool { return h.synced(rules) })
		})
	}
}

func TestManagerSecretsWaitForWhatRefersToThem(t *testing.T) {
	w := newWorld(t)
	w.secret("used", "1")
	w.ingress("i", "used")
	w.refuse("ingresses", apierrors.NewForbidden(schema.GroupResource{Resource: "ingresses"}, "", errors.New("starting")))
	w.m.Apply(plan(ingresses, secretsWK), 0)
	h := newHubDouble(t)
	// The hub has the Secret from before; it must not lose it now.
	w.attach(h)
	eventually(t, "forbidden", func() bool { return h.state(kinds.Ingress) == forbidden })
	if h.mentions("begin secrets") != 0 {
		t.Error("secrets were called complete without the ingresses")
	}
	w.refuse("ingresses", nil)
	has(t, h, kinds.Secret, "used")
	eventually(t, "synced", func() bool { return h.synced(kinds.Secret) })
}

func TestManagerSecretsThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.secret("used", "1")
	w.ingress("i", "used")
	var mu sync.Mutex
	broken := true
	w.kube.PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		mu.Lock()
		defer mu.Unlock()
		return broken, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "used", errors.New("no"))
	})
	w.m.Apply(plan(ingresses, secretsWK), 0)
	h := newHubDouble(t)
	w.attach(h)
	eventually(t, "forbidden", func() bool { return h.state(kinds.Secret) == forbidden })
	if h.mentions("begin secrets") != 0 {
		t.Error("secrets were called complete")
	}
	mu.Lock()
	broken = false
	mu.Unlock()
	has(t, h, kinds.Secret, "used")
	eventually(t, "synced", func() bool { return h.synced(kinds.Secret) })
}

func TestManagerClose(t *testing.T) {
	w := newWorld(t)
	w.service("s")
	w.m.Apply(plan(services, ingresses, secretsWK, rulesWK), 0)
	// A session that takes nothing must not hold anything up.
	w.m.Attach(context.Background(), &deaf{done: make(chan struct{})})
	before := time.Now()
	w.m.Close()
	if d := time.Since(before); d > 3*time.Second {
		t.Errorf("closing took %s", d)
	}
	w.m.Apply(plan(services), 0) // too late
	if len(w.m.running) != 0 {
		t.Error("a closed manager started something")
	}
}

// deaf is a session that is never over and never takes anything.
type deaf struct{ done chan struct{} }

func (d *deaf) Done() <-chan struct{} { return d.done }
func (d *deaf) Put(ctx context.Context, _ string, _ Item) error {
	<-ctx.Done()
	return ctx.Err()
}
