package avi

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/akohub/akohub/pkg/avischema"
)

// LeastVersion is the oldest release of a controller that is served, as with
// AKO (l4-infra.md §2.4).
const LeastVersion = "22.1.3"

// latestAPIVersion is the newest X-Avi-Version that is ever sent: that of the
// vocabulary. A newer controller serves it (l4-infra.md §2.4).
const latestAPIVersion = "30.2.1"

// checkVersion refuses a controller that is too old. One that doesn't say its
// release is given the benefit of the doubt.
func checkVersion(version string) error {
	if version == "" || avischema.VersionAtLeast(version, LeastVersion) {
		return nil
	}
	return &Error{Class: Invalid, Op: "reading", Type: "cluster/version",
		Message: fmt.Sprintf("the controller runs release %s; at least %s is needed", version, LeastVersion)}
}

// apiVersion is the X-Avi-Version to send: as configured, but not above what the
// vocabulary knows, nor above the controller's own release, which would refuse
// it.
func (c *Client) apiVersion() string {
	v := c.cfg.APIVersion
	if own := c.release.Load(); own != nil && !avischema.VersionAtLeast(*own, v) {
		return *own
	}
	return v
}

// noteRelease takes the controller's release out of the answer to a login.
func (c *Client) noteRelease(answer []byte) {
	var login struct {
		Version struct {
			Version string `json:"Version"`
		} `json:"version"`
	}
	if json.Unmarshal(answer, &login) != nil || login.Version.Version == "" {
		return
	}
	release, _, _ := strings.Cut(login.Version.Version, "-") // without the patch
	if was := c.release.Swap(&release); was != nil && *was == release {
		return
	}
	if v := c.apiVersion(); v != c.cfg.APIVersion {
		c.log.Info("the controller is older than the configured API version", "release", release, "configured", c.cfg.APIVersion, "used", v)
	}
}
