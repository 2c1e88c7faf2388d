package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/akohub/akohub/hub/admin"
)

const (
	// quietFor is how long nothing may have moved for things to count as
	// settled: well over the way of a change from the API server through agent
	// and hub to the controller and back, on a busy machine.
	quietFor = 700 * time.Millisecond
	// settleTimeout bounds Settle.
	settleTimeout = 30 * time.Second
	settlePoll    = 70 * time.Millisecond
)

// Settle returns when nothing moves any more: for 700 ms the controller got no
// write and nothing was written in the clusters, and the hub says that it has
// everything of each cluster whose agent runs and that nothing is pending. A plan
// that is held for approval counts as settled. After 30 s it gives up, with what
// it was still waiting for.
func (e *Environment) Settle(ctx context.Context) error {
	return e.settle(ctx, quietFor, func(ctx context.Context) error {
		all, err := e.Hub.Client().Clusters(ctx)
		if err != nil {
			return err
		}
		return e.unsettled(all)
	})
}

// SettleWrites is Settle without the hub's word: when it is not running, or has
// writes pending that it can't make.
func (e *Environment) SettleWrites(ctx context.Context, quiet time.Duration) error {
	return e.settle(ctx, quiet, func(context.Context) error { return nil })
}

func (e *Environment) settle(ctx context.Context, quiet time.Duration, hub func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	var last string
	var since time.Time
	waiting := errors.New("nothing was looked at yet")
	for {
		now, err := e.traces(ctx)
		if err == nil {
			err = hub(ctx)
		}
		switch {
		case err != nil:
			waiting, last = err, ""
		case now != last:
			last, since = now, time.Now()
			waiting = errors.New("writes go on")
		case time.Since(since) >= quiet:
			return nil
		}
		for _, p := range e.programs() {
			if err := p.ended(); err != nil {
				return fmt.Errorf("waiting until nothing moves: %w", err)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until nothing moves: %w; at last: %w", context.Cause(ctx), waiting)
		case <-tick.C:
		}
	}
}

// traces changes with every write, to the controller or to a cluster.
func (e *Environment) traces(ctx context.Context) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", e.Simulator.writes())
	for _, m := range e.Members {
		client, err := m.Cluster.Client()
		if err != nil {
			return "", err
		}
		// The version of any list is that of the whole store.
		list, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{Limit: 1})
		if err != nil {
			return "", fmt.Errorf("asking cluster %s for its version: %w", m.Name, err)
		}
		b.WriteString(" " + list.ResourceVersion)
	}
	return b.String(), nil
}

// unsettled says what the hub still waits for.
func (e *Environment) unsettled(all admin.Clusters) error {
	byName := make(map[string]admin.Cluster)
	for _, c := range all.Clusters {
		byName[c.Name] = c
	}
	for _, m := range e.Members {
		if !m.Agent.Running() {
			continue
		}
		c, ok := byName[m.Name]
		switch {
		case !ok:
			return fmt.Errorf("the hub doesn't know cluster %s; refused files: %v", m.Name, all.Refused)
		case c.ConnectedSince == nil:
			return fmt.Errorf("the agent of cluster %s is not connected (%s)", m.Name, c.Error)
		case len(c.Kinds) == 0:
			return fmt.Errorf("the hub has no kinds of cluster %s yet", m.Name)
		case len(c.Waits) > 0:
			return fmt.Errorf("the hub waits for %v of cluster %s", c.Waits, m.Name)
		case c.Pending > 0 && c.Held == "" && c.Mode != "observe" && c.Mode != "frozen":
			return fmt.Errorf("%d writes for cluster %s are pending (%s)", c.Pending, m.Name, c.Error)
		}
		for _, k := range c.Kinds {
			if !k.Synced && k.Message == "" {
				return fmt.Errorf("kind %s of cluster %s is not synced", k.Kind, m.Name)
			}
		}
	}
	return nil
}
