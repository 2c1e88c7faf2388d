package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestClusterNameFromCert(t *testing.T) {
	long := strings.Repeat("a", 63)
	tests := []struct {
		name string
		uris []string
		want string // empty: an error is wanted
	}{
		{"plain", []string{"akohub://cluster/east-1"}, "east-1"},
		{"AKO's characters", []string{"akohub://cluster/East_1"}, "East_1"},
		{"other schemes beside it", []string{"spiffe://td/x", "akohub://cluster/a"}, "a"},
		{"longest", []string{"akohub://cluster/" + long}, long},
		{"too long", []string{"akohub://cluster/" + long + "a"}, ""},
		{"none", nil, ""},
		{"only another scheme", []string{"spiffe://td/cluster/a"}, ""},
		{"two", []string{"akohub://cluster/a", "akohub://cluster/b"}, ""},
		{"the same twice", []string{"akohub://cluster/a", "akohub://cluster/a"}, ""},
		{"hub and cluster", []string{"akohub://hub", "akohub://cluster/a"}, ""},
		{"hub", []string{"akohub://hub"}, ""},
		{"no name", []string{"akohub://cluster/"}, ""},
		{"no path", []string{"akohub://cluster"}, ""},
		{"two segments", []string{"akohub://cluster/a/b"}, ""},
		{"trailing slash", []string{"akohub://cluster/a/"}, ""},
		{"query", []string{"akohub://cluster/a?x=1"}, ""},
		{"empty query", []string{"akohub://cluster/a?"}, ""},
		{"fragment", []string{"akohub://cluster/a#x"}, ""},
		{"user", []string{"akohub://u@cluster/a"}, ""},
		{"port", []string{"akohub://cluster:1/a"}, ""},
		{"escape", []string{"akohub://cluster/%61"}, ""},
		{"dots", []string{"akohub://cluster/.."}, ""},
		{"leading dash", []string{"akohub://cluster/-a"}, ""},
		{"trailing underscore", []string{"akohub://cluster/a_"}, ""},
		{"not ASCII", []string{"akohub://cluster/é"}, ""},
		{"opaque", []string{"akohub:cluster/a"}, ""},
		{"other host", []string{"akohub://agent/a"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cert := &x509.Certificate{}
			for _, s := range tt.uris {
				u, err := url.Parse(s)
				if err != nil {
					t.Fatal(err)
				}
				cert.URIs = append(cert.URIs, u)
			}
			got, err := ClusterNameFromCert(cert)
			if got != tt.want {
				t.Errorf("name %q, want %q (error %v)", got, tt.want, err)
			}
			if (err == nil) != (tt.want != "") {
				t.Errorf("error %v", err)
			}
			if err != nil && !errors.Is(err, ErrNoIdentity) {
				t.Errorf("error %v does not wrap ErrNoIdentity", err)
			}
		})
	}
	if _, err := ClusterNameFromCert(nil); !errors.Is(err, ErrNoIdentity) {
		t.Errorf("nil certificate: %v", err)
	}
}

func TestIssuedCertificates(t *testing.T) {
	ca, err := NewCA("test")
	if err != nil {
		t.Fatal(err)
	}
	hub := parsed(t)(IssueHub(ca, "hub.example", "10.0.0.1", "::1"))
	cluster := parsed(t)(IssueCluster(ca, "east"))
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	for _, tt := range []struct {
		cert  *x509.Certificate
		usage x509.ExtKeyUsage
		ok    bool
	}{
		{hub, x509.ExtKeyUsageServerAuth, true},
		{hub, x509.ExtKeyUsageClientAuth, false},
		{cluster, x509.ExtKeyUsageClientAuth, true},
		{cluster, x509.ExtKeyUsageServerAuth, false},
	} {
		_, err := tt.cert.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{tt.usage}})
		if (err == nil) != tt.ok {
			t.Errorf("%s for usage %d: %v", tt.cert.Subject.CommonName, tt.usage, err)
		}
		if life := time.Until(tt.cert.NotAfter); life > 366*24*time.Hour || life < 364*24*time.Hour {
			t.Errorf("%s is valid for %s", tt.cert.Subject.CommonName, life)
		}
		if tt.cert.IsCA {
			t.Errorf("%s may sign", tt.cert.Subject.CommonName)
		}
	}
	for _, h := range []string{"hub.example", "10.0.0.1", "::1"} {
		if err := hub.VerifyHostname(h); err != nil {
			t.Error(err)
		}
	}
	if pub, ok := ca.cert.PublicKey.(*ecdsa.PublicKey); !ok || pub.Curve != elliptic.P256() {
		t.Errorf("key is %T", ca.cert.PublicKey)
	}
	if life := time.Until(ca.cert.NotAfter); life < 9*365*24*time.Hour {
		t.Errorf("authority is valid for %s", life)
	}
	if _, err := IssueHub(ca); err == nil {
		t.Error("a hub certificate for no host was issued")
	}
	if _, err := IssueCluster(ca, "../x"); err == nil {
		t.Error("a bad name was accepted")
	}
	other, err := NewCA("other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseCA(ca.CertPEM, other.KeyPEM); err == nil {
		t.Error("a foreign key was accepted")
	}
	leafPair, err := IssueCluster(ca, "east")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseCA(leafPair.CertPEM, leafPair.KeyPEM); err == nil {
		t.Error("a leaf was accepted as an authority")
	}
}

func TestDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	if err := InitDir(dir, []string{"localhost"}); err != nil {
		t.Fatal(err)
	}
	before := read(t, filepath.Join(dir, CACertFile))
	if err := InitDir(dir, []string{"localhost"}); !errors.Is(err, ErrExists) {
		t.Errorf("second init: %v", err)
	}
	if string(read(t, filepath.Join(dir, CACertFile))) != string(before) {
		t.Error("the authority was replaced")
	}
	certFile, keyFile, err := IssueClusterInDir(dir, "east")
	if err != nil {
		t.Fatal(err)
	}
	first := read(t, certFile)
	if _, _, err := IssueClusterInDir(dir, "east"); err != nil {
		t.Fatalf("issue again: %v", err)
	}
	if string(read(t, certFile)) == string(first) {
		t.Error("the certificate was not renewed")
	}
	for _, f := range []string{keyFile, filepath.Join(dir, CAKeyFile), filepath.Join(dir, HubKeyFile)} {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", f, info.Mode().Perm())
		}
	}
	if _, _, err := IssueClusterInDir(dir, "../../x"); err == nil {
		t.Error("a name with a path was accepted")
	}
	if err := IssueHubInDir(dir, []string{"other"}); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestTLS(t *testing.T) {
	dir, strange := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, strange} {
		if err := InitDir(d, []string{"localhost"}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := IssueClusterInDir(d, "east"); err != nil {
			t.Fatal(err)
		}
	}
	file := func(d, name string) string { return filepath.Join(d, name) }
	server, err := ServerTLS(file(dir, CACertFile), file(dir, HubCertFile), file(dir, HubKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	client := func(ca, cert string) *tls.Config {
		t.Helper()
		c, err := ClientTLS(file(ca, CACertFile), file(cert, "clusters/east.crt"), file(cert, "clusters/east.key"))
		if err != nil {
			t.Fatal(err)
		}
		c.ServerName = "localhost"
		return c
	}

	name, err := handshake(t, server, client(dir, dir))
	if err != nil || name != "east" {
		t.Errorf("good client: %q, %v", name, err)
	}
	if _, err := handshake(t, server, client(dir, strange)); err == nil {
		t.Error("a client of another authority was accepted")
	}
	if _, err := handshake(t, server, client(strange, dir)); err == nil {
		t.Error("a server of another authority was accepted")
	}
	bare := client(dir, dir)
	bare.GetClientCertificate = nil
	if _, err := handshake(t, server, bare); err == nil {
		t.Error("a client without a certificate was accepted")
	}
	old := client(dir, dir)
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if _, err := handshake(t, server, old); err == nil {
		t.Error("TLS 1.2 was accepted")
	}
}

func TestClientRefusesServerThatIsNotTheHub(t *testing.T) {
	dir := t.TempDir()
	if err := InitDir(dir, []string{"localhost"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := IssueClusterInDir(dir, "east"); err != nil {
		t.Fatal(err)
	}
	ca, err := LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	// A server certificate of the right authority and host, without the URI.
	tmpl := leaf("x", x509.ExtKeyUsageServerAuth, &url.URL{Scheme: "spiffe", Host: "td", Path: "/x"})
	tmpl.DNSNames = []string{"localhost"}
	pair, err := issue(tmpl, ca)
	if err != nil {
		t.Fatal(err)
	}
	if err := writePair(filepath.Join(dir, HubCertFile), filepath.Join(dir, HubKeyFile), pair); err != nil {
		t.Fatal(err)
	}
	server, err := ServerTLS(filepath.Join(dir, CACertFile), filepath.Join(dir, HubCertFile), filepath.Join(dir, HubKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	client, err := ClientTLS(filepath.Join(dir, CACertFile), filepath.Join(dir, "clusters/east.crt"), filepath.Join(dir, "clusters/east.key"))
	if err != nil {
		t.Fatal(err)
	}
	client.ServerName = "localhost"
	if _, err := handshake(t, server, client); !errors.Is(err, ErrNoIdentity) {
		t.Errorf("error %v", err)
	}
}

func TestReload(t *testing.T) {
	dir := t.TempDir()
	if err := InitDir(dir, []string{"localhost"}); err != nil {
		t.Fatal(err)
	}
	var reported []error
	r, err := newReloader(filepath.Join(dir, CACertFile), filepath.Join(dir, HubCertFile), filepath.Join(dir, HubKeyFile),
		[]func(error){func(err error) { reported = append(reported, err) }})
	if err != nil {
		t.Fatal(err)
	}
	first := r.current()
	if r.current() != first {
		t.Error("unchanged files were read again")
	}

	// Half of a pair: the old one stays, and that is said once.
	good := read(t, filepath.Join(dir, HubKeyFile))
	if err := os.WriteFile(filepath.Join(dir, HubKeyFile), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if r.current() != first {
			t.Error("a broken key was taken")
		}
	}
	if len(reported) != 1 {
		t.Errorf("reported %v", reported)
	}
	for _, err := range reported {
		if strings.Contains(err.Error(), "broken") {
			t.Errorf("file content in error: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, HubKeyFile), good, 0o600); err != nil {
		t.Fatal(err)
	}

	if err := IssueHubInDir(dir, []string{"other"}); err != nil {
		t.Fatal(err)
	}
	// File systems with coarse times must not hide the change.
	later := time.Now().Add(3 * time.Second)
	if err := os.Chtimes(filepath.Join(dir, HubCertFile), later, later); err != nil {
		t.Fatal(err)
	}
	m := r.current()
	cert, err := x509.ParseCertificate(m.cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := cert.VerifyHostname("other"); err != nil {
		t.Errorf("the new certificate is not in use: %v", err)
	}
}

// handshake runs both sides over loopback and returns the cluster's name as
// the server reads it from the verified certificate.
func handshake(t *testing.T, server, client *tls.Config) (string, error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	type result struct {
		name string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			done <- result{err: err}
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		s := tls.Server(conn, server)
		if err := s.Handshake(); err != nil {
			done <- result{err: err}
			return
		}
		name, err := ClusterNameFromCert(s.ConnectionState().VerifiedChains[0][0])
		done <- result{name, err}
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	clientErr := tls.Client(conn, client).Handshake()
	if clientErr != nil {
		_ = conn.Close()
	}
	r := <-done
	if clientErr != nil {
		return "", clientErr
	}
	return r.name, r.err
}

func parsed(t *testing.T) func(KeyPair, error) *x509.Certificate {
	return func(p KeyPair, err error) *x509.Certificate {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		cert, err := parseCert(p.CertPEM)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
