package translate

import (
	"slices"
	"strings"
)

// AskedNames returns the DNS names that a Service asks for by the annotation of
// external-dns, if the annotation is among the names of its VIP: Avi gets it as
// it stands, also where it is a list (l4-infra.md §1.6).
func AskedNames(annotations map[string]string, names []string) []string {
	asked := annotations[externalDNSAnnotation]
	if asked == "" || !slices.Contains(names, asked) {
		return nil
	}
	return SplitNames(asked)
}

// GeneratedName returns the DNS name that is generated for a Service, whether or
// not it has it; empty: none is (l4-infra.md §1.6).
func GeneratedName(s *Settings, namespace, service string) string {
	return autoFQDNForService(s, namespace, service)
}

// SplitNames returns the names of a list that is separated by commas.
func SplitNames(list string) []string {
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}
