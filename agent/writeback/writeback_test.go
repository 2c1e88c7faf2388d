package writeback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	fakedynamic "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// world is a Writer on fake clients.
type world struct {
	t   *testing.T
	dyn *fakedynamic.FakeDynamicClient
	k8s *fake.Clientset
	w   *Writer

	mu       sync.Mutex
	outcomes []akohubv1.WriteBackResult_Outcome
}

func newWorld(t *testing.T, objs ...runtime.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, networkingv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	rules := schema.GroupVersion{Group: "ako.vmware.com", Version: "v1beta1"}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{rules})
	mapper.Add(rules.WithKind("HostRule"), meta.RESTScopeNamespace)
	x := &world{t: t, dyn: fakedynamic.NewSimpleDynamicClient(scheme, objs...), k8s: fake.NewClientset()}
	events := NewEvents(x.k8s, mapper, hclog.NewNullLogger())
	x.w = New(Config{
		Dynamic: x.dyn, Mapper: mapper, Events: events, Log: hclog.NewNullLogger(),
		Now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
		Observe: func(o akohubv1.WriteBackResult_Outcome) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.outcomes = append(x.outcomes, o)
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); x.w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; events.Close() })
	return x
}

func (x *world) do(b *akohubv1.WriteBack) *akohubv1.WriteBackResult {
	x.t.Helper()
	got := make(chan *akohubv1.WriteBackResult, 1)
	if err := x.w.Write(x.t.Context(), b, func(r *akohubv1.WriteBackResult) { got <- r }); err != nil {
		x.t.Fatal(err)
	}
	select {
	case r := <-got:
		return r
	case <-time.After(patience):
		x.t.Fatal("no result")
	}
	return nil
}

// patches returns what was patched, by subresource, and forgets it.
func (x *world) patches() []string {
	x.t.Helper()
	var out []string
	for _, a := range x.dyn.Actions() {
		p, ok := a.(clienttesting.PatchAction)
		if !ok {
			continue
		}
		var body map[string]any
		if err := json.Unmarshal(p.GetPatch(), &body); err != nil {
			x.t.Fatal(err)
		}
		md, _ := body["metadata"].(map[string]any)
		if md["resourceVersion"] == nil {
			x.t.Errorf("patch %s does not name the version that it is for", p.GetPatch())
		}
		delete(md, "resourceVersion")
		if len(md) == 0 {
			delete(body, "metadata")
		}
		raw, err := json.Marshal(body)
		if err != nil {
			x.t.Fatal(err)
		}
		out = append(out, strings.TrimSpace(p.GetSubresource()+" "+string(raw)))
	}
	x.dyn.ClearActions()
	return out
}

func service(lb ...corev1.LoadBalancerIngress) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "red", Name: "web", UID: "u-1", ResourceVersion: "5",
			Annotations: map[string]string{"keep": "1", "old": "2", "same": "3"}},
		Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: lb}},
	}
}

func ref(kind string) *akohubv1.ObjectRef {
	return &akohubv1.ObjectRef{Kind: kind, Namespace: "red", Name: "web", Uid: "u-1"}
}

func status(addrs ...string) *akohubv1.LoadBalancerStatus {
	s := &akohubv1.LoadBalancerStatus{}
	for _, a := range addrs {
		ip, name, _ := strings.Cut(a, " ")
		s.Ingress = append(s.Ingress, &akohubv1.LoadBalancerIngress{Ip: ip, Hostname: name})
	}
	return s
}

const (
	resApplied   = akohubv1.WriteBackResult_OUTCOME_APPLIED
	resUnchanged = akohubv1.WriteBackResult_OUTCOME_UNCHANGED
)

func TestPatches(t *testing.T) {
	mode := corev1.LoadBalancerIPModeProxy
	tests := []struct {
		name string
		in   runtime.Object
		wb   *akohubv1.WriteBack
		want []string
		out  akohubv1.WriteBackResult_Outcome
	}{
		{
			"an address", service(),
			&akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status("10.0.0.1 a.com")},
			[]string{`status {"status":{"loadBalancer":{"ingress":[{"hostname":"a.com","ip":"10.0.0.1"}]}}}`}, resApplied,
		},
		{
			"it is so already, in another order and with more fields",
			service(corev1.LoadBalancerIngress{IP: "10.0.0.2"}, corev1.LoadBalancerIngress{IP: "10.0.0.1", IPMode: &mode}),
			&akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status("10.0.0.1", "10.0.0.2")},
			nil, resUnchanged,
		},
		{
			"another address beside one that keeps its mode",
			service(corev1.LoadBalancerIngress{IP: "10.0.0.1", IPMode: &mode}, corev1.LoadBalancerIngress{IP: "10.0.0.9"}),
			&akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status("10.0.0.1", "10.0.0.2")},
			[]string{`status {"status":{"loadBalancer":{"ingress":[{"ip":"10.0.0.1","ipMode":"Proxy"},{"ip":"10.0.0.2"}]}}}`}, resApplied,
		},
		{
			"an address less", service(corev1.LoadBalancerIngress{IP: "10.0.0.1"}, corev1.LoadBalancerIngress{IP: "10.0.0.9"}),
			&akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status("10.0.0.9")},
			[]string{`status {"status":{"loadBalancer":{"ingress":[{"ip":"10.0.0.9"}]}}}`}, resApplied,
		},
		{
			"no address any more", service(corev1.LoadBalancerIngress{IP: "10.0.0.1"}),
			&akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status()},
			[]string{`status {"status":{"loadBalancer":{"ingress":null}}}`}, resApplied,
		},
		{
			"no address, as before", service(),
			&akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status()},
			nil, resUnchanged,
		},
		{
			"annotations", service(),
			&akohubv1.WriteBack{Object: ref(kinds.Service), Annotations: &akohubv1.AnnotationPatch{
				Set: map[string]string{"new": "4", "same": "3"}, Remove: []string{"old", "unknown", "same"}}},
			[]string{`{"metadata":{"annotations":{"new":"4","old":null}}}`}, resApplied,
		},
		{
			"annotations as they are", service(),
			&akohubv1.WriteBack{Object: ref(kinds.Service), Annotations: &akohubv1.AnnotationPatch{
				Set: map[string]string{"same": "3"}, Remove: []string{"unknown"}}},
			nil, resUnchanged,
		},
		{
			"both", service(),
			&akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status("10.0.0.1"),
				Annotations: &akohubv1.AnnotationPatch{Set: map[string]string{"new": "4"}}},
			[]string{`status {"status":{"loadBalancer":{"ingress":[{"ip":"10.0.0.1"}]}}}`, `{"metadata":{"annotations":{"new":"4"}}}`}, resApplied,
		},
		{
			"an Ingress", &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "red", Name: "web", UID: "u-1", ResourceVersion: "5"}},
			&akohubv1.WriteBack{Object: ref(kinds.Ingress), LoadBalancer: status("10.0.0.1 a.com", "10.0.0.1 b.com", "10.0.0.1 b.com")},
			[]string{`status {"status":{"loadBalancer":{"ingress":[{"hostname":"a.com","ip":"10.0.0.1"},{"hostname":"b.com","ip":"10.0.0.1"}]}}}`}, resApplied,
		},
		{
			"nothing asked", service(), &akohubv1.WriteBack{Object: ref(kinds.Service)}, nil, resUnchanged,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newWorld(t, tt.in)
			r := x.do(tt.wb)
			if r.GetOutcome() != tt.out {
				t.Errorf("outcome %s %q, want %s", r.GetOutcome(), r.GetMessage(), tt.out)
			}
			if d := cmp.Diff(tt.want, x.patches()); d != "" {
				t.Errorf("patches (-want +got):\n%s", d)
			}
			// What is so is not written again.
			if r := x.do(tt.wb); r.GetOutcome() != resUnchanged || x.patches() != nil {
				t.Errorf("a second time: %v", r)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	services := schema.GroupResource{Resource: "services"}
	tests := []struct {
		name    string
		wb      *akohubv1.WriteBack
		verb    string
		errs    []error // answered in turn, then the fake's own answer
		want    akohubv1.WriteBackResult_Outcome
		message string
	}{
		{
			name: "another UID",
			wb:   &akohubv1.WriteBack{Object: &akohubv1.ObjectRef{Kind: kinds.Service, Namespace: "red", Name: "web", Uid: "u-2"}, LoadBalancer: status("1.1.1.1")},
			want: gone, message: "another one",
		},
		{
			name: "no object",
			wb:   &akohubv1.WriteBack{Object: &akohubv1.ObjectRef{Kind: kinds.Service, Namespace: "red", Name: "x", Uid: "u-1"}, LoadBalancer: status("1.1.1.1")},
			want: gone, message: "not found",
		},
		{
			name: "a kind without such a status",
			wb:   &akohubv1.WriteBack{Object: ref(kinds.Secret), LoadBalancer: status("1.1.1.1")},
			want: failed, message: "no load-balancer status",
		},
		{
			name: "an unknown kind",
			wb:   &akohubv1.WriteBack{Object: ref("things.example.com")},
			want: gone, message: "things.example.com",
		},
		{
			name: "no kind", wb: &akohubv1.WriteBack{Object: &akohubv1.ObjectRef{}}, want: failed, message: "no kind",
		},
		{
			name: "a conflict passes", verb: "patch",
			wb:   &akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status("1.1.1.1")},
			errs: []error{apierrors.NewConflict(services, "web", errors.New("changed"))},
			want: resApplied,
		},
		{
			name: "a refusal just after a start passes", verb: "get",
			wb:   &akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status("1.1.1.1")},
			errs: []error{apierrors.NewForbidden(services, "web", errors.New("not yet")), apierrors.NewServiceUnavailable("starting")},
			want: resApplied,
		},
		{
			name: "a refusal that stays", verb: "patch",
			wb:   &akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status("1.1.1.1")},
			errs: always(apierrors.NewForbidden(services, "web", errors.New("never"))),
			want: forbidden, message: "never",
		},
		{
			name: "an invalid status is not tried again", verb: "patch",
			wb:   &akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status("1.1.1.1")},
			errs: []error{apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "web", nil)},
			want: failed, message: "invalid",
		},
		{
			name: "gone while we write", verb: "patch",
			wb:   &akohubv1.WriteBack{Object: ref(kinds.Service), LoadBalancer: status("1.1.1.1")},
			errs: []error{apierrors.NewNotFound(services, "web")},
			want: gone, message: "not found",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := newWorld(t, service(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "red", Name: "web", UID: "u-1"}})
			var mu sync.Mutex
			left := tt.errs
			x.dyn.PrependReactor(tt.verb, "*", func(clienttesting.Action) (bool, runtime.Object, error) {
				mu.Lock()
				defer mu.Unlock()
				if len(left) == 0 {
					return false, nil, nil
				}
				err := left[0]
				left = left[1:]
				return true, nil, err
			})
			r := x.do(tt.wb)
			if r.GetOutcome() != tt.want || !strings.Contains(r.GetMessage(), tt.message) {
				t.Errorf("outcome %s %q, want %s %q", r.GetOutcome(), r.GetMessage(), tt.want, tt.message)
			}
			x.mu.Lock()
			defer x.mu.Unlock()
			if fmt.Sprint(x.outcomes) != fmt.Sprint([]akohubv1.WriteBackResult_Outcome{tt.want}) {
				t.Errorf("counted %v", x.outcomes)
			}
		})
	}
}

func always(err error) []error {
	out := make([]error, attempts+5)
	for i := range out {
		out[i] = err
	}
	return out
}

func TestEvents(t *testing.T) {
	rule := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "ako.vmware.com/v1beta1", "kind": "HostRule",
		"metadata": map[string]any{"namespace": "red", "name": "web", "uid": "u-1"}}}
	x := newWorld(t, service(), rule)
	event := func(reason string) *akohubv1.ObjectEvent {
		return &akohubv1.ObjectEvent{Severity: akohubv1.ObjectEvent_SEVERITY_WARNING, Reason: reason, Message: "No Secret."}
	}
	for _, kind := range []string{kinds.Service, kinds.Service, "hostrules.ako.vmware.com"} {
		if r := x.do(&akohubv1.WriteBack{Object: ref(kind), Event: event("SecretMissing")}); r.GetOutcome() != resApplied {
			t.Errorf("%s: %v", kind, r)
		}
	}
	// Not on an object that is not meant.
	x.do(&akohubv1.WriteBack{Object: &akohubv1.ObjectRef{Kind: kinds.Service, Namespace: "red", Name: "web", Uid: "u-9"}, Event: event("Other")})
	x.w.cfg.Events.Report(ref(kinds.Service), event("Reported"))

	want := map[string]int32{"Service SecretMissing": 2, "HostRule SecretMissing": 1, "Service Reported": 1}
	deadline := time.Now().Add(patience)
	for {
		list, err := x.k8s.CoreV1().Events("red").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int32{}
		for _, e := range list.Items {
			got[e.InvolvedObject.Kind+" "+e.Reason] += e.Count
			if e.Source.Component != "akohub-agent" || e.Type != corev1.EventTypeWarning || e.Message != "No Secret." ||
				e.InvolvedObject.UID != "u-1" || e.InvolvedObject.Name != "web" {
				t.Errorf("event %+v", e)
			}
		}
		if cmp.Equal(got, want) {
			if len(list.Items) != 3 {
				t.Errorf("%d events instead of a raised count", len(list.Items))
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("events %v, want %v", got, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestOneObjectInOrder(t *testing.T) {
	x := newWorld(t, service())
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Add(1)
		err := x.w.Write(t.Context(), &akohubv1.WriteBack{Id: uint64(i), Object: ref(kinds.Service), LoadBalancer: status(fmt.Sprint("10.0.0.", i))},
			func(*akohubv1.WriteBackResult) { wg.Done() })
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	got := x.patches()
	if len(got) != 20 {
		t.Fatalf("%d patches", len(got))
	}
	for i, p := range got {
		if !strings.Contains(p, fmt.Sprintf(`"10.0.0.%d"`, i)) {
			t.Errorf("patch %d is %s", i, p)
		}
	}
}

func TestWriteBackpressureAndEnd(t *testing.T) {
	w := New(Config{Log: hclog.NewNullLogger()}) // not running
	ctx, cancel := context.WithCancel(t.Context())
	for range queueLen {
		if err := w.Write(ctx, &akohubv1.WriteBack{Object: ref(kinds.Service)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	over := make(chan error, 1)
	go func() { over <- w.Write(ctx, &akohubv1.WriteBack{Object: ref(kinds.Service)}, nil) }()
	cancel()
	if err := <-over; !errors.Is(err, context.Canceled) {
		t.Errorf("a full queue took one more: %v", err)
	}
	// The session that asked is over: nobody is told, and nothing is written.
	ctx, cancel = context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	deadline := time.Now().Add(patience)
	for {
		n := 0
		for _, q := range w.queues {
			n += len(q)
		}
		if n == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the queue was not emptied")
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
}

func TestCut(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"short", "short"}, {"exactly 10", "exactly 10"}, {"more than ten", "more th…"}, {"öööööö", "ööö…"},
	} {
		got := cut(tt.in, 10)
		if got != tt.want || len(got) > 10 || !utf8.ValidString(got) {
			t.Errorf("cut(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
