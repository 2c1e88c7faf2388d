package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/akohub/akohub/hub/feedback"
	"github.com/akohub/akohub/test/harness"
)

// certificates are the TLS Secrets that the examples refer to and don't hold.
var certificates = map[string]struct{ namespace, name, host string }{
	"cluster-a": {"shop", "shop-tls", "shop.apps.example.test"},
	"cluster-b": {"media", "media-tls", "media.apps.example.test"},
}

// applyExamples puts examples/ into the clusters and waits until every Ingress
// and every Service of type LoadBalancer shows an address.
func (d *demo) applyExamples(ctx context.Context) error {
	group, gctx := errgroup.WithContext(ctx)
	for _, m := range d.members {
		group.Go(func() error {
			folder := filepath.Join("examples", m.name)
			if err := m.cluster.ApplyFiles(gctx, filepath.Join(folder, "00-namespace.yaml")); err != nil {
				return err
			}
			if err := m.writeCertificate(gctx); err != nil {
				return err
			}
			if err := m.cluster.ApplyFiles(gctx, folder); err != nil {
				return err
			}
			cert := certificates[m.name]
			d.out.step(m.name, fmt.Sprintf("kubectl apply -f %s/, and a new certificate in Secret %s/%s", folder, cert.namespace, cert.name))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := d.waitForVIPs(ctx); err != nil {
		return err
	}
	writes, err := d.settle(ctx, 0, 1)
	if err != nil {
		return err
	}
	d.out.step("avi", fmt.Sprintf("every Ingress and LoadBalancer Service has its address, after %d Avi writes", len(writes)))
	return nil
}

// writeCertificate gives the cluster's TLS Secret a new key and certificate.
func (m *member) writeCertificate(ctx context.Context) error {
	cert := certificates[m.name]
	secret, err := tlsSecret(cert.namespace, cert.name, cert.host)
	if err != nil {
		return err
	}
	client, err := m.cluster.Client()
	if err != nil {
		return err
	}
	secrets := client.CoreV1().Secrets(cert.namespace)
	if _, err := secrets.Get(ctx, cert.name, metav1.GetOptions{}); err == nil {
		_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: "demo"})
		return err
	}
	_, err = secrets.Create(ctx, secret, metav1.CreateOptions{FieldManager: "demo"})
	return err
}

// served is a host or Service that a cluster's objects ask for, as the objects
// themselves show it.
type served struct {
	object string // "Ingress shop/web"
	host   string
	vip    string
	vs     string // uuid of the virtual service
}

// served reads the statuses in a cluster; the order is that of the objects'
// names.
func (m *member) served(ctx context.Context) ([]served, error) {
	client, err := m.cluster.Client()
	if err != nil {
		return nil, err
	}
	ingresses, err := client.NetworkingV1().Ingresses("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("cluster %s: reading the Ingresses: %w", m.name, err)
	}
	services, err := client.CoreV1().Services("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("cluster %s: reading the Services: %w", m.name, err)
	}
	var out []served
	for _, i := range ingresses.Items {
		for _, r := range i.Spec.Rules {
			s := served{object: "Ingress " + i.Namespace + "/" + i.Name, host: r.Host, vs: virtualService(i.Annotations, r.Host)}
			for _, lb := range i.Status.LoadBalancer.Ingress {
				if lb.Hostname == r.Host {
					s.vip = lb.IP
				}
			}
			out = append(out, s)
		}
	}
	for _, svc := range services.Items {
		if svc.Spec.Type != corev1.ServiceTypeLoadBalancer {
			continue
		}
		s := served{object: "Service " + svc.Namespace + "/" + svc.Name}
		for _, lb := range svc.Status.LoadBalancer.Ingress {
			s.vip, s.host = lb.IP, lb.Hostname
		}
		s.vs = virtualService(svc.Annotations, s.host)
		out = append(out, s)
	}
	return out, nil
}

// virtualService is the UUID that the hub has noted on an object for a host.
func virtualService(annotations map[string]string, host string) string {
	var byHost map[string]string
	if err := json.Unmarshal([]byte(annotations[feedback.AnnotationHosts]), &byHost); err != nil {
		return ""
	}
	if uuid := byHost[host]; uuid != "" || len(byHost) != 1 {
		return uuid
	}
	for _, uuid := range byHost {
		return uuid // a Service without a host has one entry
	}
	return ""
}

// vipTimeout bounds the wait for the first addresses.
const vipTimeout = 40 * time.Second

func (d *demo) waitForVIPs(ctx context.Context) error {
	return poll(ctx, vipTimeout, func(ctx context.Context) error {
		for _, m := range d.members {
			all, err := m.served(ctx)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				return fmt.Errorf("%s has no Ingress and no Service of type LoadBalancer", m.name)
			}
			for _, s := range all {
				if s.vip == "" {
					return fmt.Errorf("%s in %s has no address yet", strings.TrimSpace(s.object+" "+s.host), m.name)
				}
			}
		}
		return nil
	})
}

// poll calls check until it is content; else the error is its last one.
func poll(ctx context.Context, limit time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err // else it says nothing but that time is up
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up after %s: %w", limit, last)
		case <-tick.C:
		}
	}
}

// showResult prints what is served, and the hub's own word on its clusters.
func (d *demo) showResult(ctx context.Context) error {
	d.out.heading("What is load-balanced, as the Kubernetes statuses and the Avi Controller say")
	rows := [][]string{{"CLUSTER", "TENANT", "OBJECT", "HOST", "VIP", "AVI VIRTUAL SERVICE"}}
	for _, m := range d.members {
		names, err := d.virtualServices(ctx, m.tenant)
		if err != nil {
			return err
		}
		all, err := m.served(ctx)
		if err != nil {
			return err
		}
		for _, s := range all {
			vs, ok := names[s.vs]
			if !ok {
				return fmt.Errorf("%s in %s names the virtual service %q, which tenant %s doesn't have", s.object, m.name, s.vs, m.tenant)
			}
			rows = append(rows, []string{m.name, m.tenant, s.object, dash(s.host), s.vip, vs})
		}
	}
	d.out.table("  ", rows)
	return d.showClusters(ctx)
}

func (d *demo) showClusters(ctx context.Context) error {
	out, err := harness.CLI(ctx, d.dir, "clusters", "--config", d.hub.ConfigFile())
	if err != nil {
		return err
	}
	if err := out.OK(); err != nil {
		return err
	}
	d.out.blank()
	d.out.line("$ bin/akohub clusters --config %s", relative(d.hub.ConfigFile()))
	d.out.block(out.Stdout)
	return nil
}

// virtualServices are the names of a tenant's virtual services by UUID.
func (d *demo) virtualServices(ctx context.Context, tenant string) (map[string]string, error) {
	objects, err := d.simulator.Objects(ctx, tenant, "virtualservice")
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, o := range objects {
		uuid, _ := o["uuid"].(string)
		names[uuid], _ = o["name"].(string)
	}
	return names, nil
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// hosts are the hosts of an Ingress, for the story.
func hosts(i *networkingv1.Ingress) string {
	var out []string
	for _, r := range i.Spec.Rules {
		if !slices.Contains(out, r.Host) {
			out = append(out, r.Host)
		}
	}
	return strings.Join(out, ", ")
}
