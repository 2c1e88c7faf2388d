package avi

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// One tenant's storm doesn't keep another waiting, and what nobody waits for
// comes last.
func TestGateTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		ctx := context.Background()
		if err := g.enter(ctx, "holder"); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		come := func(ctx context.Context, tenant string) {
			go func() {
				if err := g.enter(ctx, tenant); err != nil {
					return
				}
				mu.Lock()
				order = append(order, tenant)
				mu.Unlock()
				g.leave()
			}()
			synctest.Wait()
		}
		come(Background(ctx), "refresh")
		for range 3 {
			come(ctx, "storm")
		}
		come(ctx, "quiet")
		gone, cancel := context.WithCancel(ctx)
		come(gone, "gone")
		cancel()
		synctest.Wait()
		g.leave()
		synctest.Wait()
		want := []string{"storm", "quiet", "storm", "storm", "refresh"}
		if diff := cmp.Diff(want, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if g.free != 1 {
			t.Errorf("%d places are free at the end, want 1", g.free)
		}
	})
}

func TestLimiterGivesWayAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(100, 1)
		time.Sleep(time.Second)
		l.refused(0)
		l.refused(0) // of the same burst
		if got := l.current(); got != 50 {
			t.Fatalf("the rate is %v after refusals, want 50", got)
		}
		time.Sleep(time.Second)
		l.refused(3 * time.Second)
		if got := l.current(); got != 25 {
			t.Fatalf("the rate is %v, want 25", got)
		}
		begin := time.Now()
		if err := l.wait(context.Background()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begin); waited < 3*time.Second {
			t.Errorf("waited %s, the controller asked for 3s", waited)
		}
		for range 100 {
			time.Sleep(time.Second)
			l.served()
		}
		if got := l.current(); got != 100 {
			t.Errorf("the rate is %v after a while without refusals, want 100", got)
		}
		for range 100 {
			time.Sleep(time.Second)
			l.refused(0)
		}
		if got := l.current(); got < minRate {
			t.Errorf("the rate fell to %v", got)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		l.refused(time.Hour)
		if err := l.wait(ctx); err == nil {
			t.Error("the wait outlived its context")
		}
	})
}
