package server

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/akohub/akohub/hub/config"
)

// listeners are the hub's addresses, open.
type listeners struct {
	agents net.Listener
	// admin and metrics are nil where the configuration wants none.
	admin, metrics net.Listener
}

// listen opens all addresses before anything is served, so that a taken one is
// an error of the start.
func listen(ctx context.Context, cfg *config.Config) (*listeners, error) {
	var out listeners
	var opened []net.Listener
	for _, a := range []struct {
		what, addr string
		into       *net.Listener
	}{
		{"agents", cfg.Listen, &out.agents}, {"the admin API", cfg.Admin, &out.admin}, {"metrics", cfg.Metrics, &out.metrics},
	} {
		if a.addr == "" {
			continue
		}
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", a.addr)
		if err != nil {
			errs := []error{fmt.Errorf("listening for %s: %w", a.what, err)}
			for _, o := range opened {
				errs = append(errs, o.Close())
			}
			return nil, errors.Join(errs...)
		}
		opened = append(opened, l)
		*a.into = l
	}
	return &out, nil
}
