package avisim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestStartTLS(t *testing.T) {
	defer goleak.VerifyNone(t)
	sim := newSim(t, Options{})
	srv, err := sim.StartTLS("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(srv.CACertPEM) {
		t.Fatal("CACertPEM is no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	httpClient := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	u, err := url.Parse(srv.URL)
	if err != nil || u.Hostname() != "localhost" {
		t.Fatalf("URL %q: %v", srv.URL, err)
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		resp, err := httpClient.Get("https://" + net.JoinHostPort(host, u.Port()) + "/api/initial-data")
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("%s: %d", host, resp.StatusCode)
		}
	}
	if _, err := (&http.Client{Timeout: 5 * time.Second}).Get(srv.URL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the CA certificate: %v", err)
	}
	if _, err := sim.StartTLS(u.Host); err == nil {
		t.Error("the address can be used twice")
	}
	if err := srv.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	if err := errors.Join(srv.Close(), srv.Wait(context.Background())); err != nil {
		t.Errorf("closing again: %v", err)
	}
	if _, err := httpClient.Get(srv.URL); err == nil {
		t.Error("there is an answer after Close")
	}
}

func TestListenAndServeTLS(t *testing.T) {
	defer goleak.VerifyNone(t)
	sim := newSim(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	started := make(chan string, 1)
	go func() {
		ended <- sim.ListenAndServeTLS(ctx, "127.0.0.1:0", func(s *Server) { started <- s.URL })
	}()
	if u := <-started; !strings.HasPrefix(u, "https://127.0.0.1:") {
		t.Errorf("URL %q", u)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := sim.ListenAndServeTLS(context.Background(), "256.0.0.1:0", nil); err == nil {
		t.Error("a wrong address is no error")
	}
}

func TestServingCertificateNames(t *testing.T) {
	for _, host := range []string{"", "0.0.0.0", "192.0.2.7", "avi.test.invalid"} {
		cert, _, err := selfSigned(host)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(cert.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		names := []string{"localhost", "127.0.0.1", "::1"}
		if host != "" && host != "0.0.0.0" {
			names = append(names, host)
		}
		for _, n := range names {
			if err := leaf.VerifyHostname(n); err != nil {
				t.Errorf("listening on %q: %v", host, err)
			}
		}
	}
}
