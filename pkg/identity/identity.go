// Package identity says who is who on the stream between agents and the hub.
//
// In come certificate files and host names; out come certificates, TLS
// configurations and the name of the cluster that a verified certificate
// speaks for. A cluster's name is in the SAN URI "akohub://cluster/NAME" of
// its client certificate and nowhere else; the hub's certificate carries
// "akohub://hub". The package may not talk to the network, and it never logs.
package identity

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"regexp"
)

const (
	uriScheme   = "akohub"
	clusterHost = "cluster"
	hubURI      = "akohub://hub"
	// maxNameLen keeps a name a valid label and file name.
	maxNameLen = 63
)

// ErrNoIdentity is wrapped by every error about a certificate that names no
// cluster, or the hub, in the form this package expects.
var ErrNoIdentity = errors.New("certificate carries no akohub identity")

// clusterName admits what AKO admits in a cluster name (letters, digits, '-'
// and '_'), but begins and ends like a DNS-1123 label so that the name is
// also harmless as a file name and a label value.
var clusterName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$`)

// ValidateClusterName returns an error that says why name cannot name a
// cluster, or nil.
func ValidateClusterName(name string) error {
	switch {
	case name == "":
		return errors.New("cluster name is empty")
	case len(name) > maxNameLen:
		return fmt.Errorf("cluster name has %d characters, at most %d are allowed", len(name), maxNameLen)
	case !clusterName.MatchString(name):
		return fmt.Errorf("cluster name %q: only letters, digits, '-' and '_' are allowed, with a letter or digit at both ends", name)
	}
	return nil
}

func clusterURI(name string) *url.URL {
	return &url.URL{Scheme: uriScheme, Host: clusterHost, Path: "/" + name}
}

// ClusterNameFromCert returns the name of the cluster that a certificate
// speaks for. The certificate must carry exactly one akohub URI, in the exact
// form akohub://cluster/NAME. Whether the certificate is trusted is not
// checked here: the caller passes one that the TLS handshake has verified.
// Errors wrap ErrNoIdentity.
func ClusterNameFromCert(cert *x509.Certificate) (string, error) {
	u, err := onlyURI(cert)
	if err != nil {
		return "", err
	}
	if u.Host != clusterHost || len(u.Path) < 2 {
		return "", fmt.Errorf("%w: URI %q is not of the form akohub://cluster/NAME", ErrNoIdentity, u)
	}
	name := u.Path[1:]
	if err := ValidateClusterName(name); err != nil {
		return "", fmt.Errorf("%w: URI %q: %w", ErrNoIdentity, u, err)
	}
	// Refuses user info, ports, queries, fragments and odd escapes at once.
	if u.String() != clusterURI(name).String() {
		return "", fmt.Errorf("%w: URI %q is not of the form akohub://cluster/NAME", ErrNoIdentity, u)
	}
	return name, nil
}

// verifyHubCert returns an error unless the certificate is a hub's.
func verifyHubCert(cert *x509.Certificate) error {
	u, err := onlyURI(cert)
	if err != nil {
		return err
	}
	if u.String() != hubURI {
		return fmt.Errorf("%w: URI %q is not %s", ErrNoIdentity, u, hubURI)
	}
	return nil
}

// onlyURI returns the akohub URI of a certificate that has exactly one.
func onlyURI(cert *x509.Certificate) (*url.URL, error) {
	if cert == nil {
		return nil, fmt.Errorf("%w: no certificate", ErrNoIdentity)
	}
	var found *url.URL
	for _, u := range cert.URIs {
		if u.Scheme != uriScheme {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%w: more than one akohub URI", ErrNoIdentity)
		}
		found = u
	}
	if found == nil {
		return nil, fmt.Errorf("%w: no akohub URI", ErrNoIdentity)
	}
	return found, nil
}
