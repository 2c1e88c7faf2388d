package avischema

import (
	"strconv"
	"strings"
)

// VersionAtLeast reports whether release a is b or newer. Releases are dotted
// numbers ("22.1.3", "30.2.1"); a missing part counts as 0, and what follows a
// part's digits (a patch or build suffix, "22.1.3-2p4") is not compared.
func VersionAtLeast(a, b string) bool {
	as, bs := versionParts(a), versionParts(b)
	for i := 0; i < len(as) || i < len(bs); i++ {
		x, y := part(as, i), part(bs, i)
		if x != y {
			return x > y
		}
	}
	return true
}

func part(ps []int, i int) int {
	if i < len(ps) {
		return ps[i]
	}
	return 0
}

func versionParts(v string) []int {
	v, _, _ = strings.Cut(v, "-")
	var out []int
	for _, p := range strings.Split(v, ".") {
		end := 0
		for end < len(p) && p[end] >= '0' && p[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(p[:end])
		if err != nil {
			break // not a number: nothing after it can be compared
		}
		out = append(out, n)
	}
	return out
}
