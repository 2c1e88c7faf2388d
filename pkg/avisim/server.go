package avisim

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Server is a simulator that listens.
type Server struct {
	// URL is where, e.g. "https://127.0.0.1:8443".
	URL string
	// CACertPEM is the certificate that a client must trust.
	CACertPEM []byte

	http *http.Server
	done chan struct{} // closed when serving has ended
	err  error         // why, if not by Close; valid once done is closed
}

// closeTimeout is how long open requests get when the server closes.
const closeTimeout = 3 * time.Second

// StartTLS listens on addr ("127.0.0.1:0" picks a port) with a self-signed
// certificate for localhost, the loopback addresses and addr's host, and
// serves until Close.
func (s *Simulator) StartTLS(addr string) (*Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = ""
	}
	cert, caPEM, err := selfSigned(host)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a certificate for %s: %w", addr, err), listener.Close())
	}
	srv := &Server{
		CACertPEM: caPEM,
		http: &http.Server{
			Handler:           s.Handler(),
			TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
			ReadHeaderTimeout: 10 * time.Second,
			ConnState:         s.connections.track,
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				return context.WithValue(ctx, connKey{}, c)
			},
			// Handshakes that a client breaks off are not worth a line.
			ErrorLog: s.log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Trace}),
		},
		done: make(chan struct{}),
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	srv.URL = fmt.Sprintf("https://%s", net.JoinHostPort(host, fmt.Sprint(port)))
	go func() {
		defer close(srv.done)
		if err := srv.http.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			srv.err = fmt.Errorf("serving on %s: %w", srv.URL, err)
		}
	}()
	return srv, nil
}

// Close stops listening, lets open requests end for a short while, then cuts
// them. It may be called more than once.
func (srv *Server) Close() error { return srv.shutdown(context.Background()) }

func (srv *Server) shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	if err := srv.http.Shutdown(ctx); err != nil {
		if err := srv.http.Close(); err != nil {
			return fmt.Errorf("closing the server: %w", err)
		}
	}
	<-srv.done
	return srv.err
}

// ListenAndServeTLS serves until ctx ends, then closes. ready, if not nil, is
// called when requests can be made.
func (s *Simulator) ListenAndServeTLS(ctx context.Context, addr string, ready func(*Server)) error {
	srv, err := s.StartTLS(addr)
	if err != nil {
		return err
	}
	if ready != nil {
		ready(srv)
	}
	return srv.Wait(ctx)
}

// Wait serves until ctx ends, and then closes; or until serving fails.
func (srv *Server) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return srv.shutdown(context.WithoutCancel(ctx))
	case <-srv.done:
		return srv.err
	}
}

// selfSigned makes a serving certificate that is its own CA.
func selfSigned(host string) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "avisim"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if ip := net.ParseIP(host); ip != nil {
		if !ip.IsUnspecified() {
			template.IPAddresses = append(template.IPAddresses, ip)
		}
	} else if host != "" && host != "localhost" {
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, certPEM, nil
}
