package link

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/akohub/akohub/agent/watch"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

func rec(kind, name string, fresh bool) watch.Item {
	r := &akohubv1.Record{Kind: kind, Name: name}
	if !fresh {
		r.Snapshot = 1
	}
	return watch.Item{Record: r, Fresh: fresh}
}

func put(t *testing.T, o *outbox, kind string, it watch.Item) {
	t.Helper()
	if err := o.Put(t.Context(), kind, it); err != nil {
		t.Fatal(err)
	}
}

func drain(o *outbox, maxBatch int) []string {
	var out []string
	for {
		m := o.take(maxBatch)
		if m == nil {
			return out
		}
		out = append(out, describe(m))
	}
}

func TestOutboxOrder(t *testing.T) {
	tests := []struct {
		name string
		put  func(o *outbox)
		want []string
	}{
		{
			"changes of one kind overtake the snapshot of another",
			func(o *outbox) {
				put(t, o, "a", watch.Item{Begin: &akohubv1.SnapshotBegin{Kind: "a"}})
				put(t, o, "a", rec("a", "1", false))
				put(t, o, "a", watch.Item{End: &akohubv1.SnapshotEnd{Kind: "a"}})
				put(t, o, "b", rec("b", "1", true))
			},
			[]string{"batch b/1", "begin a", "batch a/1*", "end a"},
		},
		{
			"but not the snapshot of the same kind",
			func(o *outbox) {
				put(t, o, "a", rec("a", "1", false))
				put(t, o, "a", rec("a", "1", true))
				put(t, o, "a", watch.Item{End: &akohubv1.SnapshotEnd{Kind: "a"}})
			},
			[]string{"batch a/1* a/1", "end a"},
		},
		{
			"changes of all kinds keep the order in which they came",
			func(o *outbox) {
				put(t, o, "b", rec("b", "1", true))
				put(t, o, "a", rec("a", "1", true))
				put(t, o, "b", rec("b", "2", true))
			},
			[]string{"batch b/1 a/1 b/2"},
		},
		{
			"snapshots follow the plan",
			func(o *outbox) {
				put(t, o, "b", rec("b", "1", false))
				put(t, o, "a", rec("a", "1", false))
				put(t, o, "c", rec("c", "1", false))
			},
			[]string{"batch a/1* b/1* c/1*"},
		},
		{
			"marks go before records of snapshots",
			func(o *outbox) {
				put(t, o, "a", rec("a", "1", false))
				put(t, o, "b", watch.Item{Begin: &akohubv1.SnapshotBegin{Kind: "b"}})
			},
			[]string{"begin b", "batch a/1*"},
		},
		{
			"results go first",
			func(o *outbox) {
				put(t, o, "a", rec("a", "1", true))
				o.putResult(&akohubv1.WriteBackResult{Id: 7})
			},
			[]string{"result 7", "batch a/1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOutbox([]string{"a", "b"})
			tt.put(o)
			got := drain(o, 1<<20)
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestOutboxBatchSize(t *testing.T) {
	o := newOutbox(nil)
	for i := range 100 {
		it := rec("a", fmt.Sprintf("%03d", i), true)
		it.Record.Uid = strings.Repeat("x", 100)
		put(t, o, "a", it)
	}
	total := 0
	for {
		m := o.take(1000)
		if m == nil {
			break
		}
		if n := len(m.GetBatch().GetRecords()); n == 0 || n > 9 {
			t.Errorf("%d records in a batch of at most 1000 bytes", n)
		}
		total += len(m.GetBatch().GetRecords())
	}
	if total != 100 {
		t.Errorf("%d records", total)
	}
}

func TestOutboxBlocksAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(nil)
		big := watch.Item{Record: &akohubv1.Record{Kind: "a", Uid: strings.Repeat("x", laneBytes)}}
		put(t, o, "a", big) // one is always taken
		blocked := make(chan error, 2)
		go func() { blocked <- o.Put(t.Context(), "a", big) }()
		synctest.Wait()
		select {
		case err := <-blocked:
			t.Fatalf("a full lane took a record: %v", err)
		default:
		}
		// Another kind is not held up.
		put(t, o, "b", rec("b", "1", true))
		for range 2 {
			if o.take(1<<20) == nil {
				t.Fatal("nothing to take")
			}
		}
		if err := <-blocked; err != nil {
			t.Fatal(err)
		}

		go func() { blocked <- o.Put(t.Context(), "a", big) }()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := o.Put(ctx, "a", big); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
		o.close()
		if err := <-blocked; !errors.Is(err, errOver) {
			t.Errorf("closed while waiting: %v", err)
		}
		if err := o.Put(t.Context(), "b", rec("b", "1", true)); !errors.Is(err, errOver) {
			t.Errorf("closed before: %v", err)
		}
	})
}

func TestOutboxBounds(t *testing.T) {
	o := newOutbox(nil)
	for i := range maxResults {
		if !o.putResult(&akohubv1.WriteBackResult{Id: uint64(i)}) {
			t.Fatalf("result %d refused", i)
		}
	}
	if o.putResult(&akohubv1.WriteBackResult{}) {
		t.Error("no bound on results")
	}
	o.putHeartbeat(1)
	o.putHeartbeat(2)
	if id := o.takeHeartbeat().GetHeartbeat().GetId(); id != 2 {
		t.Errorf("heartbeat %d", id)
	}
	if o.takeHeartbeat() != nil {
		t.Error("an old heartbeat was kept")
	}
}
