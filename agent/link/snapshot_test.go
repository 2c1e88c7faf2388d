package link

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/akohub/akohub/agent/watch"
	"github.com/akohub/akohub/pkg/digest"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// These tests run the real kinds over the wire, on a fake API server.

type reports struct {
	mu  sync.Mutex
	all []string
}

func (r *reports) Report(o *akohubv1.ObjectRef, e *akohubv1.ObjectEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, o.GetName()+" "+e.GetReason())
}

func (r *reports) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.all)
}

func service(name, selector string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "red", Name: name, UID: types.UID("u-" + name)},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"v": selector}},
	}
}

func manager(t *testing.T, client *fake.Clientset, r *reports) *watch.Manager {
	t.Helper()
	m := watch.NewManager(watch.Config{
		Clients: watch.Clients{Kubernetes: client}, Discovery: client.Discovery(), Log: hclog.NewNullLogger(), Reporter: r,
	})
	t.Cleanup(m.Close)
	return m
}

// snapshot plays one snapshot: it asks for what wanted says, checks count and
// digest at the end, and returns the names that arrived.
func (s *hubSession) snapshot(known map[string]digest.Entry, wanted ...uint32) []string {
	s.t.Helper()
	begin := s.until(func(m *akohubv1.SessionRequest) bool { return m.GetSnapshotBegin() != nil }, nil).GetSnapshotBegin()
	if len(begin.GetBucketDigests()) != digest.Buckets {
		s.t.Fatalf("%d bucket digests", len(begin.GetBucketDigests()))
	}
	s.need(begin, wanted...)
	var names []string
	end := s.until(func(m *akohubv1.SessionRequest) bool { return m.GetSnapshotEnd() != nil }, func(m *akohubv1.SessionRequest) {
		for _, r := range m.GetBatch().GetRecords() {
			names = append(names, r.GetName())
			known[r.GetName()] = digest.Entry{Namespace: r.GetNamespace(), Name: r.GetName(), UID: r.GetUid(), ContentHash: string(r.GetContentHash())}
			if r.GetSnapshot() != begin.GetSnapshot() || !slices.Contains(wanted, uint32(digest.BucketOf(r.GetNamespace(), r.GetName()))) {
				s.t.Errorf("record %s was not asked for", r.GetName())
			}
		}
	}).GetSnapshotEnd()
	sum := &digest.Set{}
	for _, e := range known {
		sum.Add(e)
	}
	if end.GetSnapshot() != begin.GetSnapshot() || end.GetCount() != sum.Count() || end.GetDigest() != sum.Digest() {
		s.t.Errorf("end %v does not fit %d records", end, sum.Count())
	}
	slices.Sort(names)
	return names
}

func TestSnapshotsOverTheWire(t *testing.T) {
	client, said := fake.NewClientset(), &reports{}
	for i := range 20 {
		if err := client.Tracker().Add(service(fmt.Sprintf("s%02d", i), "")); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Tracker().Add(service("large", strings.Repeat("x", 2000))); err != nil {
		t.Fatal(err)
	}
	h := newHub(t)
	run(t, h, Config{Kinds: manager(t, client, said)})
	limits := &akohubv1.Limits{MaxBatchBytes: 1000, MaxRecordBytes: 500}
	plan := &akohubv1.WatchKind{Version: "v1", Resource: "services"}
	known := map[string]digest.Entry{}

	s := h.session()
	s.welcome(limits, plan)
	if got := s.snapshot(known, allBuckets()...); len(got) != 20 {
		t.Errorf("the first snapshot has %d records: %v", len(got), got)
	}
	if said.String() != "[large RecordTooLarge]" {
		t.Errorf("reported %s", said)
	}
	// A change follows, outside of any snapshot.
	if _, err := client.CoreV1().Services("red").Update(t.Context(), service("s07", "2"), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	news := s.until(func(m *akohubv1.SessionRequest) bool { return m.GetBatch() != nil }, nil).GetBatch().GetRecords()
	if len(news) != 1 || news[0].GetName() != "s07" || news[0].GetSnapshot() != 0 || news[0].GetService().GetSelector()["v"] != "2" {
		t.Fatalf("news %v", news)
	}
	known["s07"] = digest.Entry{Namespace: "red", Name: "s07", UID: news[0].GetUid(), ContentHash: string(news[0].GetContentHash())}

	// Resume: nothing is missing, nothing travels.
	s.stop <- nil
	s = h.session()
	s.welcome(limits, plan)
	if got := s.snapshot(known); len(got) != 0 {
		t.Errorf("a resume sent %v", got)
	}
	// The hub lost some buckets: these travel, and only these.
	s.stop <- nil
	s = h.session()
	s.welcome(limits, plan)
	lost := uint32(digest.BucketOf("red", "s03"))
	if got := s.snapshot(known, lost); !slices.Contains(got, "s03") || len(got) > 5 {
		t.Errorf("one bucket was asked for, and came %v", got)
	}
	if said.String() != "[large RecordTooLarge]" {
		t.Errorf("reported again: %s", said)
	}
}
