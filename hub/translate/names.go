package translate

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// maxNameLength is what Avi takes as an object's name or label, in bytes. A
// longer one is never cut: the object is left out (l7.md §2.2).
const maxNameLength = 255

// defaultSecretName is the Secret in the system namespace that holds the
// default certificate.
const defaultSecretName = "router-certs-default"

// nameTooLong says whether Avi would refuse the name.
func nameTooLong(name string) bool { return len(name) > maxNameLength }

// namePrefix starts the name of every object of the cluster.
func (s *Settings) namePrefix() string { return s.ClusterName + "--" }

// shardNumber picks the shared virtual service of a host: the FNV-1a hash of
// the host as written, masked by the size, which is a power of two (l7.md §7).
func shardNumber(host string, size int) uint32 {
	h := fnv.New32a()
	h.Write([]byte(host)) // never fails
	return h.Sum32() & uint32(size-1)
}

// sharedParentName names the shared virtual service of a host, and with it the
// VsVip, pool group, data script and redirect policy that carry its name
// (l7.md §2.4).
func sharedParentName(s *Settings, host string) string {
	return s.namePrefix() + "Shared-L7-" + strconv.FormatUint(uint64(shardNumber(host, s.ShardSize)), 10)
}

// flatPath is a path as it stands in object names.
func flatPath(path string) string { return strings.ReplaceAll(path, "/", "_") }

// insecurePoolName names the pool of a path of a plain host on the shared
// virtual service.
func insecurePoolName(s *Settings, host, path, namespace, ingress string) string {
	return s.namePrefix() + host + flatPath(path) + "-" + namespace + "-" + ingress
}

// childName names the child virtual service of a TLS host and its certificate.
func childName(s *Settings, host string) string { return s.namePrefix() + host }

// altCertName names the alternate certificate of a TLS host.
func altCertName(s *Settings, host string) string { return s.namePrefix() + host + "-alt" }

// defaultCertName names the certificate that is shared by all hosts without
// one of their own; alt is its alternate.
func defaultCertName(s *Settings, alt bool) string {
	if alt {
		return s.namePrefix() + defaultSecretName + "-alt"
	}
	return s.namePrefix() + defaultSecretName
}

// childPoolName names the pool of a path of a TLS host, and the pool group in
// front of it.
func childPoolName(s *Settings, namespace, host, path, ingress string) string {
	return s.namePrefix() + namespace + "-" + host + flatPath(path) + "-" + ingress
}

// directPoolName names that pool where no pool group stands in front of it
// (noPGForSNI).
func directPoolName(s *Settings, namespace, host, path, ingress string) string {
	return childPoolName(s, namespace, host, path, ingress) + "--policy-to-pool"
}

// routingPolicyName names the policy set that holds the path rules of a host's
// Ingresses of one namespace.
func routingPolicyName(s *Settings, namespace, host string) string {
	return s.namePrefix() + namespace + "-" + host
}

// ruleName names a rule of a policy set.
func ruleName(policySet string, index int) string {
	return policySet + "-" + strconv.Itoa(index)
}
