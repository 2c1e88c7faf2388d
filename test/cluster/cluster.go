package cluster

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/akohub/akohub/test/internal/child"
)

// startTimeout bounds how long one program may take to become ready. A quiet
// machine needs 3 s; CI starts several clusters while it compiles.
const startTimeout = 2 * time.Minute

// Options says what to start. The zero value is a cluster with free ports on
// 127.0.0.1, in a temporary folder, without controllers.
type Options struct {
	// Binary is the executable of test/clusterbin. Empty: as Binary finds it.
	Binary string
	// Dir holds keys, logs and etcd's data. What an earlier cluster left there
	// is thrown away. Empty: a temporary folder, removed by Stop.
	Dir string
	// Name distinguishes the cluster in errors and kubeconfigs. Empty: "test".
	Name string
	// Addr is a loopback address that is this cluster's alone; the standard
	// ports 2379, 2380 and 6443 are used on it. On Linux all of 127.0.0.0/8 can
	// be had without setup. Empty: 127.0.0.1 with free ports.
	Addr string
	// APIServerFlags are added after ours, so they win.
	APIServerFlags []string
	// Controllers are the controllers of kube-controller-manager to run, by
	// full name, e.g. "namespace-controller"; see ControllersForUsers. Empty:
	// no controller manager, and no ServiceAccount admission either.
	Controllers []string
}

// ControllersForUsers are the controllers without which a user would notice
// that something is missing: namespaces go away, Services get EndpointSlices
// from Pods, every namespace has its default ServiceAccount.
var ControllersForUsers = []string{
	"serviceaccount-controller",
	"serviceaccount-token-controller",
	"root-ca-certificate-publisher-controller",
	"namespace-controller",
	"garbage-collector-controller",
	"endpointslice-controller",
}

// Cluster is a running control plane. Its methods may be called concurrently,
// but outages of one cluster make sense only one at a time.
type Cluster struct {
	// Name as given in Options.
	Name string
	// Dir holds the logs etcd.log, kube-apiserver.log and, with controllers,
	// kube-controller-manager.log.
	Dir string

	opts       Options
	binary     string
	ownDir     bool
	addr       string
	ports      ports
	ca         *authority
	adminToken string

	mu         sync.Mutex
	etcd       *process
	apiServer  *process
	controller *process

	clientsOnce sync.Once
	clients     *clients
	clientsErr  error
}

type ports struct{ etcd, peer, api int }

// Start starts a cluster and returns when all of its /readyz passes. The error
// has the end of the log of the program that failed. The context bounds the
// start only; Stop ends the cluster.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	if opts.Name == "" {
		opts.Name = "test"
	}
	binary := opts.Binary
	if binary == "" {
		found, err := Binary(ctx)
		if err != nil {
			return nil, fmt.Errorf("cluster %s: %w", opts.Name, err)
		}
		binary = found
	}
	// Another process can take a free port between our look and the program's
	// own bind; with new ports the next try succeeds.
	const tries = 3
	for try := 1; ; try++ {
		c, err := start(ctx, binary, opts)
		if err == nil {
			return c, nil
		}
		if opts.Addr != "" || try == tries || !errors.Is(err, errPortTaken) {
			return nil, fmt.Errorf("cluster %s: %w", opts.Name, err)
		}
	}
}

// StartN starts n clusters at once, named opts.Name-1 to opts.Name-n. If one
// fails, none is left running.
func StartN(ctx context.Context, n int, opts Options) ([]*Cluster, error) {
	if opts.Name == "" {
		opts.Name = "test"
	}
	if n > 1 && (opts.Addr != "" || opts.Dir != "") {
		return nil, errors.New("several clusters can't share Addr or Dir")
	}
	cs := make([]*Cluster, n)
	var group errgroup.Group
	for i := range cs {
		group.Go(func() error {
			one := opts
			one.Name = fmt.Sprintf("%s-%d", opts.Name, i+1)
			var err error
			cs[i], err = Start(ctx, one)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		for _, c := range cs {
			if c != nil {
				err = errors.Join(err, c.Stop())
			}
		}
		return nil, err
	}
	return cs, nil
}

func start(ctx context.Context, binary string, opts Options) (_ *Cluster, err error) {
	c := &Cluster{Name: opts.Name, Dir: opts.Dir, opts: opts, binary: binary, addr: opts.Addr}
	if c.Dir == "" {
		if c.Dir, err = os.MkdirTemp("", "cluster-"+opts.Name+"-"); err != nil {
			return nil, fmt.Errorf("making a folder: %w", err)
		}
		c.ownDir = true
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	if err := c.prepare(); err != nil {
		return nil, err
	}
	if err := c.StartEtcd(ctx); err != nil {
		return nil, err
	}
	if err := c.StartAPIServer(ctx); err != nil {
		return nil, err
	}
	if len(opts.Controllers) > 0 {
		if err := c.startControllers(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// prepare writes keys and tokens and settles the addresses.
func (c *Cluster) prepare() error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	if err := os.RemoveAll(c.path("etcd")); err != nil {
		return fmt.Errorf("clearing the data of an earlier cluster: %w", err)
	}
	for _, log := range []string{"etcd", "kube-apiserver", "kube-controller-manager"} {
		if err := os.RemoveAll(c.path(log + ".log")); err != nil {
			return fmt.Errorf("clearing the logs of an earlier cluster: %w", err)
		}
	}
	c.ports = ports{etcd: 2379, peer: 2380, api: 6443}
	if c.addr == "" {
		c.addr = "127.0.0.1"
		free, err := child.FreePorts(c.addr, 3)
		if err != nil {
			return err
		}
		c.ports = ports{etcd: free[0], peer: free[1], api: free[2]}
	}
	var err error
	if c.ca, err = newAuthority(c.Name); err != nil {
		return err
	}
	if err := c.ca.writeServing(c.path("apiserver.crt"), c.path("apiserver.key"), c.addr); err != nil {
		return err
	}
	if err := os.WriteFile(c.path("ca.crt"), c.ca.certPEM, 0o644); err != nil {
		return fmt.Errorf("writing the CA certificate: %w", err)
	}
	if err := writeKeyPair(c.path("sa.key"), c.path("sa.pub")); err != nil {
		return err
	}
	token := make([]byte, 16)
	rand.Read(token) // never fails, see crypto/rand
	c.adminToken = hex.EncodeToString(token)
	line := c.adminToken + ",admin,admin,\"system:masters\"\n"
	if err := os.WriteFile(c.path("tokens.csv"), []byte(line), 0o600); err != nil {
		return fmt.Errorf("writing the tokens: %w", err)
	}
	return nil
}

// Server is the URL of the API server.
func (c *Cluster) Server() string { return "https://" + c.hostPort(c.ports.api) }

func (c *Cluster) etcdURL() string { return "http://" + c.hostPort(c.ports.etcd) }

func (c *Cluster) hostPort(port int) string { return net.JoinHostPort(c.addr, strconv.Itoa(port)) }

func (c *Cluster) path(name string) string { return filepath.Join(c.Dir, name) }

func (c *Cluster) etcdArgs() []string {
	peer := "http://" + c.hostPort(c.ports.peer)
	return []string{
		"--name=e1",
		"--data-dir=" + c.path("etcd"),
		"--listen-client-urls=" + c.etcdURL(),
		"--advertise-client-urls=" + c.etcdURL(),
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=e1=" + peer,
		// A kill does not lose what the kernel has; a power cut may, and then
		// the test is gone too.
		"--unsafe-no-fsync",
		"--log-level=warn",
	}
}

func (c *Cluster) apiServerArgs() []string {
	args := []string{
		"--etcd-servers=" + c.etcdURL(),
		"--bind-address=" + c.addr,
		"--advertise-address=" + c.addr,
		"--secure-port=" + strconv.Itoa(c.ports.api),
		// Endpoints of the kubernetes Service may not be loopback addresses;
		// without this the reconciler complains for ever.
		"--endpoint-reconciler-type=none",
		"--cert-dir=" + c.path("certs"),
		"--tls-cert-file=" + c.path("apiserver.crt"),
		"--tls-private-key-file=" + c.path("apiserver.key"),
		"--token-auth-file=" + c.path("tokens.csv"),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://" + c.Name + ".test.invalid",
		"--service-account-signing-key-file=" + c.path("sa.key"),
		"--service-account-key-file=" + c.path("sa.pub"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--allow-privileged=true",
		"--profiling=false",
	}
	if len(c.opts.Controllers) == 0 {
		// It refuses Pods of namespaces whose default ServiceAccount no
		// controller makes.
		args = append(args, "--disable-admission-plugins=ServiceAccount")
	}
	return append(args, c.opts.APIServerFlags...)
}

func (c *Cluster) startControllers() error {
	kubeconfig := c.path("controller-manager.kubeconfig")
	if err := c.WriteKubeconfig(kubeconfig, ""); err != nil {
		return err
	}
	p, err := startProcess(nil, c.binary, "kube-controller-manager", c.path("kube-controller-manager.log"),
		"--kubeconfig="+kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--service-account-private-key-file="+c.path("sa.key"),
		"--root-ca-file="+c.path("ca.crt"),
		"--controllers="+strings.Join(c.opts.Controllers, ","),
	)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.controller = p
	return nil
}

// Stop ends the cluster at once and removes its folder if Start made it. It may
// be called more than once.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range []**process{&c.controller, &c.apiServer, &c.etcd} {
		if *p != nil {
			(*p).Kill()
			*p = nil
		}
	}
	if c.ownDir {
		if err := os.RemoveAll(c.Dir); err != nil {
			return fmt.Errorf("cluster %s: removing its folder: %w", c.Name, err)
		}
	}
	return nil
}

// caPool holds the certificate that the API server's own is signed by.
func (c *Cluster) caPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.ca.cert)
	return pool
}
