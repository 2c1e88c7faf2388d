package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// ServerTLS returns the hub's TLS configuration: TLS 1.3, the certificate of
// certFile and keyFile, and a required client certificate that chains to an
// authority of caFile. The files are read anew for the next connection after
// they change; while they are unreadable or do not fit together, the last
// good state stays in use and onError (if given) is told.
func ServerTLS(caFile, certFile, keyFile string, onError ...func(error)) (*tls.Config, error) {
	r, err := newReloader(caFile, certFile, keyFile, onError)
	if err != nil {
		return nil, fmt.Errorf("server TLS: %w", err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ClientAuth: tls.RequireAndVerifyClientCert,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			m := r.current()
			return &tls.Config{
				MinVersion:   tls.VersionTLS13,
				Certificates: []tls.Certificate{m.cert},
				ClientAuth:   tls.RequireAndVerifyClientCert,
				ClientCAs:    m.pool,
				NextProtos:   []string{"h2"},
				// A resumed session would outlive a change of the authorities.
				SessionTicketsDisabled: true,
			}, nil
		},
	}, nil
}

// ClientTLS returns an agent's TLS configuration: TLS 1.3, the client
// certificate of certFile and keyFile (read anew after it changes), and a
// server that chains to an authority of caFile, is valid for the dialled host
// and carries the hub's URI. The authorities are those of the moment of the
// call; call it again for each new connection.
func ClientTLS(caFile, certFile, keyFile string, onError ...func(error)) (*tls.Config, error) {
	r, err := newReloader(caFile, certFile, keyFile, onError)
	if err != nil {
		return nil, fmt.Errorf("client TLS: %w", err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    r.current().pool,
		NextProtos: []string{"h2"},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert := r.current().cert
			return &cert, nil
		},
		VerifyConnection: func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return errors.New("the hub sent no certificate")
			}
			return verifyHubCert(cs.PeerCertificates[0])
		},
	}, nil
}

// material is one consistent reading of the three files.
type material struct {
	pool  *x509.CertPool
	cert  tls.Certificate
	stamp [3]stamp
}

type stamp struct {
	modified time.Time
	size     int64
}

type reloader struct {
	files   [3]string // authorities, certificate, key
	onError []func(error)

	mu   sync.Mutex
	last *material
	// failed is the state of the files that could not be used, so that a
	// broken file is read and reported once and not for every connection.
	failed [3]stamp
}

func newReloader(caFile, certFile, keyFile string, onError []func(error)) (*reloader, error) {
	r := &reloader{files: [3]string{caFile, certFile, keyFile}, onError: onError}
	stamps, err := r.stat()
	if err != nil {
		return nil, err
	}
	if r.last, err = r.load(stamps); err != nil {
		return nil, err
	}
	return r, nil
}

// current returns the newest usable material.
func (r *reloader) current() *material {
	r.mu.Lock()
	defer r.mu.Unlock()
	stamps, err := r.stat()
	if err == nil && (stamps == r.last.stamp || stamps == r.failed) {
		return r.last
	}
	if err == nil {
		var m *material
		if m, err = r.load(stamps); err == nil {
			r.last = m
			return m
		}
		r.failed = stamps
	}
	for _, f := range r.onError {
		f(fmt.Errorf("reload TLS files, going on with the previous ones: %w", err))
	}
	return r.last
}

func (r *reloader) stat() (out [3]stamp, err error) {
	for i, f := range r.files {
		// Stat follows links: a mounted Secret changes by switching one.
		info, err := os.Stat(f)
		if err != nil {
			return out, fmt.Errorf("look at TLS file: %w", err)
		}
		out[i] = stamp{modified: info.ModTime(), size: info.Size()}
	}
	return out, nil
}

func (r *reloader) load(stamps [3]stamp) (*material, error) {
	ca, err := os.ReadFile(r.files[0])
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("authorities in %s: no PEM certificate", r.files[0])
	}
	cert, err := tls.LoadX509KeyPair(r.files[1], r.files[2])
	if err != nil {
		return nil, fmt.Errorf("load certificate %s: %w", r.files[1], err)
	}
	return &material{pool: pool, cert: cert, stamp: stamps}, nil
}
