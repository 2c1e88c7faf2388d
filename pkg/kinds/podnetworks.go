package kinds

// Kinds of network plugins that say which Pod networks a node has.
const (
	BlockAffinity = "blockaffinities.crd.projectcalico.org"
	CiliumNode    = "ciliumnodes.cilium.io"
	HostSubnet    = "hostsubnets.network.openshift.io"
)

// PodNetworks returns the kind by which a network plugin says which Pod
// networks each node has, and the version of its API (l4-infra.md §2.12.2).
// Empty: the Nodes themselves say it.
func PodNetworks(cni string) (kind, version string) {
	switch cni {
	case "calico":
		return BlockAffinity, "v1"
	case "cilium":
		return CiliumNode, "v2"
	case "openshift":
		return HostSubnet, "v1"
	}
	return "", ""
}
