package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/akohub/akohub/agent/link"
	"github.com/akohub/akohub/agent/watch"
	"github.com/akohub/akohub/agent/writeback"
	"github.com/akohub/akohub/pkg/identity"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

const (
	// clientQPS and clientBurst bound requests to the API server. Most are
	// reads of Secrets after a start, and write-backs.
	clientQPS   = 100
	clientBurst = 200
	// helloTimeout bounds asking the API server who it is; the hub can do
	// without the answer.
	helloTimeout = 5 * time.Second
	// stopTimeout bounds waiting for the parts to end: some calls of client-go
	// cannot be interrupted.
	stopTimeout = 3 * time.Second
)

// Config is what an agent works with.
type Config struct {
	// Hub is HOST:PORT of the hub.
	Hub string
	// Rest leads to the cluster's API server. It is copied.
	Rest *rest.Config
	// CertFile, KeyFile and CAFile are this cluster's client certificate, its
	// key, and the authority of the hub's certificate.
	CertFile, KeyFile, CAFile string
	// Version is the agent's release.
	Version string
	Log     hclog.Logger
	// Registry takes the metrics; may be nil.
	Registry prometheus.Registerer
}

// Agent is one cluster's agent.
type Agent struct {
	cfg     Config
	metrics *metrics
	kube    kubernetes.Interface
	watch   *watch.Manager
	writer  *writeback.Writer
	events  *writeback.Events
	link    *link.Link

	mu    sync.Mutex
	hello *akohubv1.Hello // once the API server has said who it is
}

// New makes an agent. It reads the certificates, to fail early, but connects to
// nothing.
func New(cfg Config) (*Agent, error) {
	a := &Agent{cfg: cfg, metrics: newMetrics(cfg.Registry, cfg.Version)}
	if _, err := a.tls(); err != nil {
		return nil, err
	}
	rc := rest.CopyConfig(cfg.Rest)
	rc.UserAgent = userAgent(cfg.Version)
	rc.QPS, rc.Burst = clientQPS, clientBurst
	binary := rest.CopyConfig(rc)
	binary.ContentType = "application/vnd.kubernetes.protobuf"
	binary.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"

	kube, err := kubernetes.NewForConfig(binary)
	if err != nil {
		return nil, fmt.Errorf("make Kubernetes client: %w", err)
	}
	dyn, err := dynamic.NewForConfig(rc)
	if err != nil {
		return nil, fmt.Errorf("make dynamic client: %w", err)
	}
	meta, err := metadata.NewForConfig(metadata.ConfigFor(rc))
	if err != nil {
		return nil, fmt.Errorf("make metadata client: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(rc)
	if err != nil {
		return nil, fmt.Errorf("make discovery client: %w", err)
	}
	a.kube = kube
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))
	a.events = writeback.NewEvents(kube, mapper, cfg.Log.Named("events"))
	a.writer = writeback.New(writeback.Config{
		Dynamic: dyn, Mapper: mapper, Events: a.events, Log: cfg.Log.Named("writeback"), Observe: a.metrics.writtenBack,
	})
	a.watch = watch.NewManager(watch.Config{
		Clients: watch.Clients{Kubernetes: kube, Dynamic: dyn, Metadata: meta},
		// The newer form of discovery leaves out what is listed but away.
		Discovery: disco.WithLegacy(),
		Log:       cfg.Log.Named("watch"),
		Reporter:  a.events,
		Observer:  a.metrics,
	})
	a.link = link.New(link.Config{
		Hub:       cfg.Hub,
		TLS:       a.tls,
		Hello:     a.introduce,
		UserAgent: userAgent(cfg.Version),
		Kinds:     a.watch,
		Writer:    a.writer,
		Observer:  a.metrics,
		Log:       cfg.Log.Named("link"),
	})
	return a, nil
}

func userAgent(version string) string { return "akohub-agent/" + version }

func (a *Agent) tls() (*tls.Config, error) {
	return identity.ClientTLS(a.cfg.CAFile, a.cfg.CertFile, a.cfg.KeyFile, func(err error) {
		a.cfg.Log.Error("cannot use changed certificate files", "error", err)
	})
}

// Run works until ctx ends, and returns within a few seconds of that.
func (a *Agent) Run(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		var wg sync.WaitGroup
		wg.Go(func() { a.writer.Run(ctx) })
		wg.Go(func() {
			a.link.Run(ctx)
			a.watch.Close()
		})
		wg.Wait()
		a.events.Close()
	}()
	<-ctx.Done()
	t := time.NewTimer(stopTimeout)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-t.C:
		return errors.New("some parts of the agent did not end in time")
	}
}

// Ready tells whether the agent has a session with the hub, or why not.
func (a *Agent) Ready() error {
	if !a.metrics.isConnected() {
		return fmt.Errorf("not connected to the hub at %s", a.cfg.Hub)
	}
	return nil
}

// introduce says who we are. What the API server does not tell in time is left
// out, and asked again for the next session.
func (a *Agent) introduce(ctx context.Context) *akohubv1.Hello {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := &akohubv1.Hello{AgentVersion: a.cfg.Version}
	if a.hello != nil {
		h.KubernetesVersion, h.ClusterUid = a.hello.GetKubernetesVersion(), a.hello.GetClusterUid()
		return h
	}
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	ns, err := a.kube.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		a.cfg.Log.Warn("cannot read the cluster's identity", "error", err)
		return h
	}
	h.ClusterUid = string(ns.GetUID())
	// Not bounded by ctx, but by the discovery client's own timeout; the API
	// server has just answered.
	v, err := a.kube.Discovery().ServerVersion()
	if err != nil {
		a.cfg.Log.Warn("cannot read the API server's version", "error", err)
		return h
	}
	h.KubernetesVersion = v.GitVersion
	a.hello = &akohubv1.Hello{KubernetesVersion: h.KubernetesVersion, ClusterUid: h.ClusterUid}
	return h
}
