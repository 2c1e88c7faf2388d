// Package version names the release that a program was built from.
//
// It holds a value that the linker sets, and may do nothing else.
package version

import "runtime/debug"

// Version is the release. The linker sets it:
// -ldflags "-X github.com/akohub/akohub/pkg/version.Version=v1.2.3".
var Version = "v0.0.0-dev"

// String returns the release and, when the build knew it, the commit.
func String() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return Version + "+" + s.Value[:12]
			}
		}
	}
	return Version
}
