package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"
)

// StartAPIServer starts the API server again after KillAPIServer and returns
// when it is ready. Address, certificate and tokens are as before.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.apiServer != nil {
		return fmt.Errorf("cluster %s: the API server is running already", c.Name)
	}
	// Half the usual heap headroom: 40 MB less a server at the same speed.
	p, err := startProcess([]string{"GOGC=50"}, c.binary, "kube-apiserver", c.path("kube-apiserver.log"), c.apiServerArgs()...)
	if err != nil {
		return err
	}
	if err := c.waitReady(ctx, p, c.Server()+"/readyz", c.adminToken); err != nil {
		p.Kill()
		return err
	}
	c.apiServer = p
	return nil
}

// KillAPIServer ends the API server without warning (SIGKILL), as a crash of
// its node would.
func (c *Cluster) KillAPIServer() error { return c.end(&c.apiServer, "the API server") }

// StartEtcd starts etcd again after StopEtcd, on the same data, and returns when
// it answers. The API server follows within about two seconds.
func (c *Cluster) StartEtcd(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.etcd != nil {
		return fmt.Errorf("cluster %s: etcd is running already", c.Name)
	}
	p, err := startProcess(nil, c.binary, "etcd", c.path("etcd.log"), c.etcdArgs()...)
	if err != nil {
		return err
	}
	if err := c.waitReady(ctx, p, c.etcdURL()+"/health", ""); err != nil {
		p.Kill()
		return err
	}
	c.etcd = p
	return nil
}

// StopEtcd ends etcd without warning. The API server stays up, answers 500 or
// hangs, and loses nothing.
func (c *Cluster) StopEtcd() error { return c.end(&c.etcd, "etcd") }

// Pause stops the API server's clock (SIGSTOP): connections stay open and
// nothing is answered, as behind a network that drops packets.
func (c *Cluster) Pause() error { return c.signalAPIServer(syscall.SIGSTOP) }

// Resume undoes Pause.
func (c *Cluster) Resume() error { return c.signalAPIServer(syscall.SIGCONT) }

func (c *Cluster) signalAPIServer(sig syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.apiServer == nil {
		return fmt.Errorf("cluster %s: the API server is not running", c.Name)
	}
	if err := c.apiServer.signal(sig); err != nil {
		return fmt.Errorf("cluster %s: sending %v to the API server: %w", c.Name, sig, err)
	}
	return nil
}

func (c *Cluster) end(p **process, what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *p == nil {
		return fmt.Errorf("cluster %s: %s is not running", c.Name, what)
	}
	(*p).Kill()
	*p = nil
	return nil
}

// WaitReady returns when all of the API server's /readyz passes, for instance
// after StartEtcd or Resume.
func (c *Cluster) WaitReady(ctx context.Context) error {
	c.mu.Lock()
	p := c.apiServer
	c.mu.Unlock()
	if p == nil {
		return fmt.Errorf("cluster %s: the API server is not running", c.Name)
	}
	return c.waitReady(ctx, p, c.Server()+"/readyz", c.adminToken)
}

// waitReady polls url until it answers 200, the program ends, the context is
// done or startTimeout has passed. The last two say what the last answer was.
func (c *Cluster) waitReady(ctx context.Context, p *process, url, token string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: c.caPool(), MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true, // a connection to a server that was killed must not be used again
	}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		answer := probe(ctx, client, url, token)
		if answer == nil {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("%s ended while starting: %w", p.name, p.exitError())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; last answer: %w%s", p.name, context.Cause(ctx), answer, p.logTail())
		case <-tick.C:
		}
	}
}

func probe(ctx context.Context, client *http.Client, url, token string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return errors.Join(fmt.Errorf("%s: %s", resp.Status, body), err)
}
