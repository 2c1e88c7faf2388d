// Package config is the hub's own configuration, hub.yaml.
//
// In comes the file, out comes a Config with defaults and with paths that are
// absolute or relative to the working directory; or all that is wrong with it,
// line by line. The package reads that one file: passwords and certificates
// are read by those who need them, whenever they need them, so that a changed
// one needs no restart.
package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/akohub/akohub/pkg/api/strictyaml"
)

// Config is the content of hub.yaml.
type Config struct {
	// Listen is the address (host:port) that agents connect to, by mutual TLS.
	Listen string `json:"listen,omitempty" default:":8443"`
	// Admin is the address of the admin API behind the commands. It is not
	// protected: keep it on the loopback interface.
	Admin string `json:"admin,omitempty" default:"127.0.0.1:8444"`
	// Metrics is the address of /metrics, /healthz and /readyz, in plain HTTP.
	Metrics string `json:"metrics,omitempty" default:":9090"`
	// PKI is the folder that "akohub pki init" made.
	PKI string `json:"pki" required:"true"`
	// Clusters is the folder of registrations, read live.
	Clusters string `json:"clusters" required:"true"`
	// Controllers are the Avi Controllers. The first one is the default of a
	// Cluster that names none.
	Controllers []Controller `json:"controllers" required:"true"`
	// Log says how the hub logs.
	Log Log `json:"log,omitempty"`
}

// Controller is an Avi Controller.
type Controller struct {
	// Name is what registrations call it by.
	Name string `json:"name" required:"true" pattern:"[a-z0-9]([-a-z0-9.]*[a-z0-9])?" maxLength:"63"`
	// URL is https://HOST[:PORT], without a path.
	URL string `json:"url" required:"true"`
	// Username is the account that the hub logs in with.
	Username string `json:"username" required:"true"`
	// PasswordFile holds the account's password; a line end at its end is
	// ignored. It is read again at every login.
	PasswordFile string `json:"passwordFile" required:"true"`
	// CAFile holds the certificate authorities, in PEM, that the controller's
	// certificate is checked against. Empty: those of the system.
	CAFile string `json:"caFile,omitempty"`
	// APIVersion is sent as X-Avi-Version: the version whose fields the hub and
	// the controller speak.
	APIVersion string `json:"apiVersion,omitempty" default:"30.2.1" pattern:"[0-9]+\\.[0-9]+\\.[0-9]+"`
}

// Log says how the hub logs.
type Log struct {
	// Level is the least severe level that is written.
	Level string `json:"level,omitempty" default:"info" enum:"trace|debug|info|warn|error"`
	// Format is text for people or json for machines.
	Format string `json:"format,omitempty" default:"text" enum:"text|json"`
}

// Load reads a configuration file. What is wrong with its content comes as a
// *strictyaml.Error.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the hub's configuration: %w", err)
	}
	return Parse(data, path)
}

// Parse is Load for content that was already read; relative paths in it are
// relative to the folder of path.
func Parse(data []byte, path string) (*Config, error) {
	c := &Config{}
	src, err := strictyaml.Decode(data, path, c)
	if err != nil {
		return nil, err
	}
	found := &strictyaml.Error{File: path}
	c.check(func(at, format string, args ...any) { found.Add(src.Line(at), at, format, args...) })
	if err := found.OrNil(); err != nil {
		return nil, err
	}
	c.resolve(filepath.Dir(path))
	return c, nil
}

// Controller returns the controller of this name; of the empty name the first.
func (c *Config) Controller(name string) (Controller, bool) {
	for i, k := range c.Controllers {
		if k.Name == name || name == "" && i == 0 {
			return k, true
		}
	}
	return Controller{}, false
}

// ControllerNames returns the names in the order of the file.
func (c *Config) ControllerNames() []string {
	out := make([]string, 0, len(c.Controllers))
	for _, k := range c.Controllers {
		out = append(out, k.Name)
	}
	return out
}

var hostLabel = regexp.MustCompile(`^[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?\.?$`)

func (c *Config) check(bad func(path, format string, args ...any)) {
	seenAddr := map[string]string{}
	for _, a := range []struct{ path, addr string }{{"listen", c.Listen}, {"admin", c.Admin}, {"metrics", c.Metrics}} {
		host, port, err := net.SplitHostPort(a.addr)
		n, perr := strconv.ParseUint(port, 10, 16)
		if err != nil || perr != nil || host != "" && net.ParseIP(host) == nil && !hostLabel.MatchString(host) {
			bad(a.path, "%q is not an address HOST:PORT or :PORT", a.addr)
			continue
		}
		if other := seenAddr[a.addr]; other != "" && n != 0 {
			bad(a.path, "%s is also the address of %s", a.addr, other)
		}
		seenAddr[a.addr] = a.path
	}
	seen := map[string]bool{}
	for i, k := range c.Controllers {
		at := fmt.Sprintf("controllers[%d]", i)
		if seen[k.Name] {
			bad(at+".name", "a second controller %q", k.Name)
		}
		seen[k.Name] = true
		u, err := url.Parse(k.URL)
		switch {
		case err != nil || u.Host == "" || u.Scheme == "":
			bad(at+".url", "%q is not a URL https://HOST[:PORT]", k.URL)
		case u.Scheme != "https":
			bad(at+".url", "a controller is spoken to by https only, not by %s", u.Scheme)
		case u.User != nil:
			bad(at+".url", "no user and password in the URL; use username and passwordFile")
		case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
			bad(at+".url", "a URL without path, query and fragment is wanted")
		}
	}
}

func (c *Config) resolve(dir string) {
	rel := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	rel(&c.PKI)
	rel(&c.Clusters)
	for i := range c.Controllers {
		rel(&c.Controllers[i].PasswordFile)
		rel(&c.Controllers[i].CAFile)
		c.Controllers[i].URL = trimSlash(c.Controllers[i].URL)
	}
}

func trimSlash(u string) string {
	if n := len(u); n > 0 && u[n-1] == '/' {
		return u[:n-1]
	}
	return u
}
