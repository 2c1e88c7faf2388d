package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/akohub/akohub/pkg/avisim"
)

const (
	// settleTimeout bounds the wait for the writes of one change.
	settleTimeout = 20 * time.Second
	// quiet is how long no write may come for a change to count as done.
	quiet = 700 * time.Millisecond
)

// settle returns the Avi writes after the first skip ones, when there are at
// least least of them and no more come, and the hub has nothing to do.
func (d *demo) settle(ctx context.Context, skip, least int) ([]avisim.Request, error) {
	var writes []avisim.Request
	seen, since := -1, time.Now()
	err := poll(ctx, settleTimeout, func(ctx context.Context) error {
		all, err := d.simulator.Writes(ctx)
		if err != nil {
			return err
		}
		if len(all) != seen {
			seen, since = len(all), time.Now()
		}
		writes = all[min(skip, len(all)):]
		if len(writes) < least {
			return fmt.Errorf("%d Avi writes came, and %d are expected", len(writes), least)
		}
		standing, err := d.hub.Client().Clusters(ctx)
		if err != nil {
			return err
		}
		for _, c := range standing.Clusters {
			if c.Pending > 0 || c.Error != "" || c.Held != "" || c.ConnectedSince == nil {
				return fmt.Errorf("%s: %d writes pending, connected: %t, error: %s", c.Name, c.Pending, c.ConnectedSince != nil, dash(c.Error+c.Held))
			}
		}
		if time.Since(since) < quiet {
			return errors.New("writes go on")
		}
		return nil
	})
	return writes, err
}

// change is a live change: what a user does, and what Avi must be told for it.
type change struct {
	title string
	// what was done, in words
	did func(ctx context.Context) (string, error)
	// expect checks the writes; the text says what they show.
	expect func(ctx context.Context, writes []avisim.Request) (string, error)
	// least is how many writes to wait for.
	least int
}

func (d *demo) liveChanges(ctx context.Context) error {
	d.out.heading("Live changes, and every write that each caused on Avi")
	for i, c := range d.changes() {
		before, err := d.simulator.Writes(ctx)
		if err != nil {
			return err
		}
		did, err := c.did(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
		if i > 0 {
			d.out.blank()
		}
		d.out.line("%d. %s", i+1, c.title)
		d.out.line("   %s", did)
		writes, err := d.settle(ctx, len(before), c.least)
		if err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
		d.showWrites(writes)
		verdict, err := c.expect(ctx, writes)
		if err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
		d.out.line("   %s", verdict)
	}
	return nil
}

func (d *demo) showWrites(writes []avisim.Request) {
	var rows [][]string
	for _, w := range writes {
		rows = append(rows, []string{w.Method, w.Type, w.Name, "tenant " + w.Tenant, fmt.Sprint(w.Status)})
	}
	d.out.table("        ", rows)
}

func (d *demo) changes() []change {
	a, b := d.members[0], d.members[1]
	return []change{{
		title: "Scale a backend",
		did: func(ctx context.Context) (string, error) {
			return a.scale(ctx, "shop", "orders-db-1", "10.244.2.31", "10.244.3.31")
		},
		least: 1,
		expect: func(_ context.Context, writes []avisim.Request) (string, error) {
			return "= one write of one pool", exactly(writes, http.MethodPut, "pool", a.tenant)
		},
	}, {
		title: "Rotate a certificate",
		did: func(ctx context.Context) (string, error) {
			cert := certificates[b.name]
			return fmt.Sprintf("%s: Secret %s/%s gets a new key and certificate for %s", b.name, cert.namespace, cert.name, cert.host), b.writeCertificate(ctx)
		},
		least: 1,
		expect: func(_ context.Context, writes []avisim.Request) (string, error) {
			return "= one write of one certificate", exactly(writes, http.MethodPut, "sslkeyandcertificate", b.tenant)
		},
	}, {
		title: "Delete an Ingress",
		did:   func(ctx context.Context) (string, error) { return a.deleteIngress(ctx, "shop", "web") },
		least: 2,
		expect: func(ctx context.Context, writes []avisim.Request) (string, error) {
			return "= its pools go, the shared virtual service forgets the host, all else stays", d.checkDeletion(ctx, a, writes)
		},
	}, {
		title: "Kill the hub and start it again",
		did:   d.killHub,
		expect: func(_ context.Context, writes []avisim.Request) (string, error) {
			return "= no write at all", exactlyNone(writes)
		},
	}}
}

// scale makes addresses ready endpoints of a slice besides those it has.
func (m *member) scale(ctx context.Context, namespace, name string, addrs ...string) (string, error) {
	client, err := m.cluster.Client()
	if err != nil {
		return "", err
	}
	slices := client.DiscoveryV1().EndpointSlices(namespace)
	slice, err := slices.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	was, ready := len(slice.Endpoints), true
	for _, addr := range addrs {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{addr}, Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &ready},
		})
	}
	if _, err := slices.Update(ctx, slice, metav1.UpdateOptions{FieldManager: "demo"}); err != nil {
		return "", err
	}
	service := slice.Labels[discoveryv1.LabelServiceName]
	return fmt.Sprintf("%s: Service %s/%s goes from %d to %d endpoints", m.name, namespace, service, was, len(slice.Endpoints)), nil
}

func (m *member) deleteIngress(ctx context.Context, namespace, name string) (string, error) {
	client, err := m.cluster.Client()
	if err != nil {
		return "", err
	}
	ingresses := client.NetworkingV1().Ingresses(namespace)
	ingress, err := ingresses.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if err := ingresses.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: kubectl -n %s delete ingress %s (host %s)", m.name, namespace, name, hosts(ingress)), nil
}

// checkDeletion checks that a deletion deleted, in its tenant only, and that the
// other hosts still have their addresses.
func (d *demo) checkDeletion(ctx context.Context, m *member, writes []avisim.Request) error {
	for _, w := range writes {
		if w.Tenant != m.tenant || w.Status >= http.StatusBadRequest {
			return fmt.Errorf("not expected: %s %s %s in tenant %s, status %d", w.Method, w.Type, w.Name, w.Tenant, w.Status)
		}
		if w.Method == http.MethodPost {
			return fmt.Errorf("not expected: a deletion created %s %s", w.Type, w.Name)
		}
	}
	if !slices.ContainsFunc(writes, func(w avisim.Request) bool { return w.Method == http.MethodDelete && w.Type == "pool" }) {
		return errors.New("no pool was deleted")
	}
	return d.waitForVIPs(ctx)
}

// killHub ends the hub as a crash would, starts it again and returns when the
// agents are back.
func (d *demo) killHub(ctx context.Context) (string, error) {
	if err := d.hub.Kill(); err != nil {
		return "", err
	}
	if err := d.hub.Start(ctx); err != nil {
		return "", err
	}
	began := time.Now()
	err := poll(ctx, settleTimeout, func(ctx context.Context) error {
		standing, err := d.hub.Client().Clusters(ctx)
		if err != nil {
			return err
		}
		for _, c := range standing.Clusters {
			if c.ConnectedSince == nil || len(c.Kinds) == 0 {
				return fmt.Errorf("the agent of %s is not back", c.Name)
			}
			for _, k := range c.Kinds {
				if !k.Synced && k.Message == "" {
					return fmt.Errorf("kind %s of %s is not complete", k.Kind, c.Name)
				}
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("kill -9; %.1f s after the start both agents are back and their snapshots agree", time.Since(began).Seconds()), nil
}

// exactly is an error unless there is one write, and it is this one and went well.
func exactly(writes []avisim.Request, method, typ, tenant string) error {
	if len(writes) != 1 {
		return fmt.Errorf("%d Avi writes, and one %s of a %s is expected:%s", len(writes), method, typ, list(writes))
	}
	if w := writes[0]; w.Method != method || w.Type != typ || w.Tenant != tenant || w.Status != http.StatusOK {
		return fmt.Errorf("not the expected %s of a %s in tenant %s:%s", method, typ, tenant, list(writes))
	}
	return nil
}

func exactlyNone(writes []avisim.Request) error {
	if len(writes) > 0 {
		return fmt.Errorf("%d Avi writes, and none is expected:%s", len(writes), list(writes))
	}
	return nil
}

func list(writes []avisim.Request) string {
	var b strings.Builder
	for _, w := range writes {
		fmt.Fprintf(&b, "\n    %s %s %s, tenant %s, status %d", w.Method, w.Type, w.Name, w.Tenant, w.Status)
	}
	return b.String()
}
