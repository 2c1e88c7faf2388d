package identity

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Files of a folder made by InitDir, relative to it.
const (
	CACertFile  = "ca.crt"
	CAKeyFile   = "ca.key"
	HubCertFile = "hub.crt"
	HubKeyFile  = "hub.key"
	ClustersDir = "clusters"
)

// ErrExists is wrapped when a file that must not be replaced is there already.
var ErrExists = errors.New("already exists")

// InitDir makes DIR/ca.crt and ca.key, and DIR/hub.crt and hub.key for the
// given hosts. A folder that already has a certificate authority is refused
// with ErrExists: replacing it would shut out every agent. The hub's
// certificate alone is renewed by IssueHubInDir.
func InitDir(dir string, hosts []string) error {
	for _, name := range []string{CACertFile, CAKeyFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("make certificate authority in %s: %s %w", dir, name, ErrExists)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make certificate authority in %s: %w", dir, err)
		}
	}
	ca, err := NewCA("akohub")
	if err != nil {
		return err
	}
	hub, err := IssueHub(ca, hosts...)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, ClustersDir), 0o750); err != nil {
		return fmt.Errorf("make folder for certificates: %w", err)
	}
	if err := writePair(filepath.Join(dir, CACertFile), filepath.Join(dir, CAKeyFile), ca.KeyPair); err != nil {
		return err
	}
	return writePair(filepath.Join(dir, HubCertFile), filepath.Join(dir, HubKeyFile), hub)
}

// IssueHubInDir makes DIR/hub.crt and hub.key anew, signed by the authority
// in DIR.
func IssueHubInDir(dir string, hosts []string) error {
	ca, err := LoadCA(dir)
	if err != nil {
		return err
	}
	pair, err := IssueHub(ca, hosts...)
	if err != nil {
		return err
	}
	return writePair(filepath.Join(dir, HubCertFile), filepath.Join(dir, HubKeyFile), pair)
}

// IssueClusterInDir makes DIR/clusters/NAME.crt and NAME.key, signed by the
// authority in DIR; an earlier pair of the cluster is replaced. It returns
// the paths of the two files.
func IssueClusterInDir(dir, name string) (certFile, keyFile string, err error) {
	// Before the name becomes part of a path.
	if err := ValidateClusterName(name); err != nil {
		return "", "", fmt.Errorf("issue cluster certificate: %w", err)
	}
	ca, err := LoadCA(dir)
	if err != nil {
		return "", "", err
	}
	pair, err := IssueCluster(ca, name)
	if err != nil {
		return "", "", err
	}
	folder := filepath.Join(dir, ClustersDir)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", "", fmt.Errorf("make folder for certificates: %w", err)
	}
	certFile, keyFile = filepath.Join(folder, name+".crt"), filepath.Join(folder, name+".key")
	return certFile, keyFile, writePair(certFile, keyFile, pair)
}

// LoadCA reads DIR/ca.crt and ca.key.
func LoadCA(dir string) (*CA, error) {
	certPEM, err := os.ReadFile(filepath.Join(dir, CACertFile))
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, CAKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read certificate authority's key: %w", err)
	}
	ca, err := ParseCA(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w", dir, err)
	}
	return ca, nil
}

// writePair writes the key before the certificate, each in one step, so that
// a reader that reloads on change sees whole files.
func writePair(certFile, keyFile string, pair KeyPair) error {
	if err := writeFile(keyFile, pair.KeyPEM, 0o600); err != nil {
		return err
	}
	return writeFile(certFile, pair.CertPEM, 0o644)
}

func writeFile(path string, data []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(tmp.Name()))
	}
	return nil
}
