package reconcile

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/pkg/explain"
)

const (
	// runtimeWithin bounds how long a controller is asked how objects fare.
	runtimeWithin = 5 * time.Second
	// runtimeMost is of how many objects of a cluster it is asked, and
	// runtimeAtOnce of how many at the same time: the controller has more to do.
	runtimeMost   = 24
	runtimeAtOnce = 3
)

// addRuntime adds to an explanation how its virtual services and pools fare.
// Where that can't be known, all else is explained.
func addRuntime(ctx context.Context, ctl Controller, c *explain.Cluster) {
	objects := runtimeOf(c)
	if n := len(objects); n > runtimeMost {
		objects = objects[:runtimeMost]
		c.NoRuntime = fmt.Sprintf("asked of %d of %d virtual services and pools only", runtimeMost, n)
	}
	ctx, cancel := context.WithTimeout(ctx, runtimeWithin)
	defer cancel()
	var first sync.Once
	var g errgroup.Group
	g.SetLimit(runtimeAtOnce)
	for _, o := range objects {
		g.Go(func() error {
			r, err := ctl.Runtime(ctx, plan.Key{Tenant: o.Tenant, Type: o.Type, Name: o.Name}, o.UUID)
			if err != nil {
				first.Do(func() { c.NoRuntime = words(err) })
				if away(err) {
					// The others would fare no better.
					cancel()
				}
				return nil
			}
			o.Runtime = &explain.Runtime{State: r.State, Reason: r.Reason, HealthScore: r.HealthScore, Servers: r.Servers, ServersUp: r.ServersUp}
			return nil
		})
	}
	_ = g.Wait() // errors are in the explanation
}

// runtimeOf returns the objects on the controller that fare somehow, virtual
// services first.
func runtimeOf(c *explain.Cluster) []*explain.AviObject {
	var out []*explain.AviObject
	for _, typ := range []string{typeVirtualService, typePool} {
		take := func(os []explain.AviObject) {
			for i := range os {
				if o := &os[i]; o.Type == typ && o.UUID != "" {
					out = append(out, o)
				}
			}
		}
		for _, u := range c.Units {
			take(u.Objects)
		}
		for _, p := range c.Parents {
			take(p.Objects)
		}
	}
	return out
}
