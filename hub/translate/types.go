package translate

import (
	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
)

// Key identifies an Avi object. It is comparable.
type Key struct {
	// Tenant is the name of the Avi tenant that the object lives in.
	Tenant string
	// Type is the lower-case path segment of the API ("virtualservice").
	Type string
	// Name is unique within tenant and type.
	Name string
}

// Object is a whole Avi object as it is wanted.
type Object struct {
	Key Key
	// Body is a pointer to the SDK model of the type (*models.Pool, …).
	Body any
	// From are the Kubernetes objects that it exists for, sorted; an error of
	// Avi about the object is told to them.
	From []mirror.Ref
}

// UnitKind is the kind of a unit of translation.
type UnitKind string

// The units (architecture.md, "Units, fragments, assembly").
const (
	// UnitHost is a virtual host: all Ingress rules, or all Routes, of one host
	// name. Name is the host as written.
	UnitHost UnitKind = "host"
	// UnitIngress is an Ingress that no rule gives a host: it has a virtual
	// service of its own if it has a default backend, else no objects, and the
	// fragment says what is wrong with it.
	UnitIngress UnitKind = "ingress"
	// UnitHostlessRoute is a Route without host: it has no objects, and the
	// fragment says what is wrong with it.
	UnitHostlessRoute UnitKind = "hostless-route"
	// UnitL4 is one Service of type LoadBalancer: Namespace and Name are its.
	UnitL4 UnitKind = "l4"
	// UnitInfra is the cluster's infrastructure but for its static routes;
	// there is one, without name.
	UnitInfra UnitKind = "infra"
)

// UnitKey names a unit of a cluster. It is comparable.
type UnitKey struct {
	Kind      UnitKind
	Namespace string
	Name      string
}

// Fragment is what the translation of one unit gives.
type Fragment struct {
	Unit UnitKey
	// Objects are the Avi objects that belong to the unit alone, sorted by key.
	Objects []Object
	// Contributions are its parts of shared parents.
	Contributions []Contribution
	// Held says that the unit cannot be as it is asked for, and that what it had
	// stays as it is until it can.
	Held bool `json:",omitempty"`
	// Edits are its changes to objects that are not the cluster's own.
	Edits []Edit
	// Marks are annotations that Kubernetes objects are to carry. What becomes of
	// one that nobody asks for any more is the reconciler's to say.
	Marks []Mark
	// Publications say what to tell about the unit in Kubernetes statuses.
	Publications []Publication
	// Problems are told to the owners of Kubernetes objects by Events.
	Problems []Problem
	// Deps are all the objects that were looked at or looked for, present or
	// not: a change of any of them makes the unit dirty. Sorted, no doubles.
	// A Ref with an empty Name stands for every object of the kind.
	Deps []mirror.Ref
}

// ParentKey names a shared parent: a virtual service and what hangs on it. It
// is comparable.
type ParentKey struct {
	Tenant string
	// Name is that of the virtual service.
	Name string
}

// Contribution is a unit's part of a shared parent. Assemble puts together all
// contributions to a parent.
type Contribution struct {
	Parent ParentKey
	Unit   UnitKey
	// FQDNs go into the DNS names of the parent's VsVip.
	FQDNs []string
	// RedirectHosts are redirected from HTTP to HTTPS by the parent.
	RedirectHosts []string
	// KeepsRedirect says that the virtual service beside a passthrough parent
	// that redirects is there, and stays though no host needs it (l7.md §14.2).
	KeepsRedirect bool
	// Members go into the parent's pool group.
	Members []*models.PoolGroupMember
	// PoolGroups are the names of pool groups that a passthrough parent's data
	// script picks from.
	PoolGroups []string
	// CertificateNames are the certificates that an EVH parent shows for the
	// host, by name.
	CertificateNames []string
	// Certificates are shared by hosts (the default certificate and its
	// alternate). They are a parent of their own, named like the first of
	// them, that has nothing else.
	Certificates []*models.SSLKeyAndCertificate
	// From are the Kubernetes objects behind the contribution, sorted.
	From []mirror.Ref
}

// Edit is a change to an object that others may write too (a service-engine
// group): read, merged and written back under the version that was read.
type Edit struct {
	// Key names the object. Tenant is where the object lives ("admin").
	Key Key
	// Cloud is the name of the cloud that the object belongs to.
	Cloud string
	// Labels must be there. A foreign value under the same key is an error,
	// and so are only foreign labels (l4-infra.md §2.9).
	Labels map[string]string
	// Remove takes exactly these Labels away instead.
	Remove bool
	// Routes are to be the cluster's static routes there; nil: the object has
	// none to look after.
	Routes *Routes
}

// Mark is an annotation that a Kubernetes object is to carry, for others in its
// cluster to act on.
type Mark struct {
	Object mirror.Ref
	UID    string
	Name   string
	Value  string
}

// Publication ties a Kubernetes object to what Avi made for it, for its status
// and annotations.
type Publication struct {
	Object mirror.Ref
	UID    string
	// Host is the name that the status carries; it may be empty (a Service
	// without FQDN).
	Host string
	// VirtualService serves the host; its UUID goes into the annotation.
	VirtualService Key
	// VsVip holds the address.
	VsVip Key
	// Annotate is false where AKO writes a status but no annotations
	// (l4-infra.md §1.12).
	Annotate bool
	// Status is false where AKO writes annotations or nothing but no status
	// entry (l7.md §8.1, generated and wildcard hosts).
	Status bool
	// Keep is true where what the object shows stays as it is, since Kubernetes
	// would not take what it should show (l4-infra.md §1.12).
	Keep bool `json:",omitempty"`
	// Refused says, of a Route that is not served, why in one word, which its
	// status shows as the reason for not being admitted (l7.md §22.3). There is
	// no virtual service then.
	Refused string `json:",omitempty"`
}

// Problem is something that its owner should know and mend.
type Problem struct {
	Object mirror.Ref
	UID    string
	// Reason is CamelCase, as for a Kubernetes Event.
	Reason string
	// Message says what is wrong, with what, and what to do.
	Message string
}
