package translate

import (
	"crypto/sha1" //nolint:gosec // AKO's names; nothing is protected by it
	"encoding/hex"
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

// encode is a name as it is on the controller: as it stands, or with enhanced
// virtual hosting (EVH) hashed, as AKO does with all names but those of what
// hosts share (l7.md §2.1, l4-infra.md §0 "Name encoding").
func encode(s *Settings, name string) string {
	if !s.EVH {
		return name
	}
	sum := sha1.Sum([]byte(name)) //nolint:gosec // see the import
	return s.namePrefix() + hex.EncodeToString(sum[:])
}

// dedicated says whether each host has a virtual service to itself (l7.md §7):
// one a namespace is not one a host.
func dedicated(s *Settings) bool { return s.ShardSize == 0 && !s.VIPPerNamespace }

// instancePrefix is what goes before the names of what hosts share, where
// several instances serve one cluster: the namespace of a secondary one.
func (s *Settings) instancePrefix() string {
	if s.SecondaryNamespace == "" {
		return s.namePrefix()
	}
	return s.namePrefix() + s.SecondaryNamespace + "-"
}

// sharedPrefix starts the names of shared virtual services.
func sharedPrefix(s *Settings) string {
	if s.EVH {
		return s.instancePrefix() + "Shared-L7-EVH-"
	}
	return s.instancePrefix() + "Shared-L7-"
}

// namespacePrefix goes before a namespace's name in that of its shared virtual
// service, where each namespace has one.
const namespacePrefix = "NS-"

// sharedParentName names the shared virtual service of a host, and with it the
// VsVip, pool group, data script and redirect policy that carry its name
// (l7.md §2.4).
func sharedParentName(s *Settings, host, namespace string) string {
	if s.VIPPerNamespace {
		return sharedPrefix(s) + namespacePrefix + namespace
	}
	return sharedPrefix(s) + strconv.FormatUint(uint64(shardNumber(host, s.ShardSize)), 10)
}

// dedicatedSuffix ends the names of a virtual service that a host has to
// itself, and of its pools.
const dedicatedSuffix = "-L7-dedicated"

// dedicatedName names the virtual service that a host has to itself, and its
// VsVip and redirect policy.
func dedicatedName(s *Settings, host string) string {
	name := encode(s, s.namePrefix()+host+dedicatedSuffix)
	if s.EVH {
		name += "-EVH"
	}
	return name
}

// insecureSuffix ends the name of the virtual service beside a passthrough one
// that redirects plain requests.
const insecureSuffix = "-insecure"

// passthroughPrefix starts the names of shared passthrough virtual services.
// They are never hashed.
func passthroughPrefix(s *Settings) string { return s.instancePrefix() + "Shared-Passthrough-" }

// passthroughParentName names the shared virtual service of a passthrough host.
// A size of 0 takes the whole hash as number (l7.md §7).
func passthroughParentName(s *Settings, host string) string {
	return passthroughPrefix(s) + strconv.FormatUint(uint64(shardNumber(host, s.PassthroughShardSize)), 10)
}

// passthroughGroupName names the pool group of a passthrough host; the data
// script makes it of the server name that a client asks for.
func passthroughGroupName(s *Settings, host string) string { return s.namePrefix() + host }

// passthroughPoolName names the pool of a Service behind a passthrough host.
func passthroughPoolName(s *Settings, host, service string) string {
	return s.namePrefix() + host + "-" + service
}

// defaultBackendName names all objects of an Ingress that has nothing but a
// default backend. AKO has no such objects; no name of its own reads like this
// one, since "D" stands in no host and no namespace, and "." in no namespace.
func defaultBackendName(s *Settings, namespace, ingress string) string {
	return s.namePrefix() + "Default-Backend-" + namespace + "." + ingress
}

// flatPath is a path as it stands in object names.
func flatPath(path string) string { return strings.ReplaceAll(path, "/", "_") }

// insecurePoolName names the pool of a path of a plain host on the shared
// virtual service. A Route's has the Service in it, which is empty for an
// Ingress.
func insecurePoolName(s *Settings, host, path, namespace, name, service string) string {
	return withService(s.namePrefix()+host+flatPath(path)+"-"+namespace+"-"+name, service)
}

func withService(name, service string) string {
	if service == "" {
		return name
	}
	return name + "-" + service
}

// childName names the child virtual service of a host and its certificate.
func childName(s *Settings, host string) string { return encode(s, s.namePrefix()+host) }

// altCertName names the alternate certificate of a TLS host.
func altCertName(s *Settings, host string) string { return encode(s, s.namePrefix()+host+altSuffix) }

// caCertName names the certificate of the authority above a TLS host's.
func caCertName(s *Settings, host string) string { return encode(s, s.namePrefix()+host+"-cacert") }

// pkiProfileName names the profile by which a pool checks its servers. It is
// made of the pool's name as it is on the controller.
func pkiProfileName(s *Settings, pool string) string { return encode(s, pool+"-pkiprofile") }

// defaultCertName names the certificate that is shared by all hosts without
// one of their own; alt is its alternate.
func defaultCertName(s *Settings, alt bool) string {
	name := s.namePrefix() + defaultSecretName
	if alt {
		name += altSuffix
	}
	return encode(s, name)
}

// pathName is the name of a path of an Ingress or Route on a virtual service that its
// host has to itself, child or dedicated, before it is encoded.
func pathName(s *Settings, namespace, host, path, ingress string) string {
	return s.namePrefix() + namespace + "-" + host + flatPath(path) + "-" + ingress
}

// pathGroupName names the pool group of a path.
func pathGroupName(s *Settings, namespace, host, path, ingress string) string {
	name := pathName(s, namespace, host, path, ingress)
	if dedicated(s) {
		name += dedicatedSuffix
	}
	return encode(s, name)
}

// pathPoolName names the pool behind it. The Service is in the name with EVH and
// for a Route; else it is empty.
func pathPoolName(s *Settings, namespace, host, path, ingress, service string) string {
	name := withService(pathName(s, namespace, host, path, ingress), service)
	if dedicated(s) {
		name += dedicatedSuffix
	}
	return encode(s, name)
}

// directSuffix ends the name of a pool without a pool group in front of it
// (noPGForSNI).
const directSuffix = "--policy-to-pool"

// routingPolicyName names the policy set that holds the path rules of a host's
// Ingresses of one namespace.
func routingPolicyName(s *Settings, namespace, host string) string {
	return encode(s, s.namePrefix()+namespace+"-"+host)
}

// ruleName names a rule of a policy set.
func ruleName(policySet string, index int) string {
	return policySet + "-" + strconv.Itoa(index)
}
