// Package mirror keeps the last known state of one Kubernetes cluster.
//
// In come records, snapshot marks and kind states of the cluster's agent, in
// the order of its stream. Out go consistent read-only views (View), and a
// dirty set that says which objects changed since it was last taken. The dirty
// set holds keys, not events: however much happens between two looks, it is
// bounded by the number of objects, and the mirror alone says what is so now.
//
// An object leaves the mirror by its tombstone, or at the end of a snapshot
// whose count and digest match what would remain. Nothing else removes one: not
// a lost stream, not a kind that cannot be listed, not a wrong digest.
//
// The package may do no I/O, starts no goroutine and logs nothing.
package mirror

import (
	"fmt"
	"strings"
	"sync"

	"github.com/akohub/akohub/pkg/digest"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// maxKinds bounds the kinds of one cluster, which are named by its agent.
const maxKinds = 256

// Mirror is the last known state of one cluster. All methods may be called
// concurrently; what one agent says must be applied in the order it was said.
type Mirror struct {
	cluster string
	changes chan struct{}

	mu    sync.RWMutex
	kinds map[string]*kindState
	dirty map[Ref]dirt

	// The typed stores are also reachable through kinds.
	ingresses        *store[*akohubv1.Ingress]
	ingressByHost    *index[*akohubv1.Ingress]
	ingressClasses   *store[*akohubv1.IngressClass]
	routes           *store[*akohubv1.Route]
	routeByHost      *index[*akohubv1.Route]
	routeBySubdomain *index[*akohubv1.Route]
	services         *store[*akohubv1.Service]
	slices           *store[*akohubv1.EndpointSlice]
	slicesOf         *index[*akohubv1.EndpointSlice]
	nodes            *store[*akohubv1.Node]
	namespaces       *store[*akohubv1.Namespace]
	secrets          *store[*akohubv1.Secret]
	pods             *store[*akohubv1.Pod]
	podsIn           *index[*akohubv1.Pod]
}

// kindState is what is known of one kind.
type kindState struct {
	kind    string
	stamps  map[key]stamp
	digest  digest.Set
	objects table
	// synced: a snapshot has ended on the live stream and nothing since has put
	// its completeness in doubt.
	synced       bool
	availability akohubv1.KindState_Availability
	message      string
	snapshot     *snapshot
}

// absent says that the API server is known not to serve the kind. As long as
// there are objects of it, that is unknown: a server that is just starting, or
// one whose extensions are away, does not serve what it will serve again.
func (ks *kindState) absent() bool {
	return ks.availability == akohubv1.KindState_AVAILABILITY_ABSENT && len(ks.stamps) == 0
}

// stamp identifies one state of one object.
type stamp struct {
	uid  string
	hash string
}

func (k key) entry(s stamp) digest.Entry {
	return digest.Entry{Namespace: k.namespace, Name: k.name, UID: s.uid, ContentHash: s.hash}
}

// New returns an empty mirror of a cluster: it knows no kind, and none is synced.
func New(cluster string) *Mirror {
	m := &Mirror{
		cluster: cluster,
		changes: make(chan struct{}, 1),
		kinds:   make(map[string]*kindState),
		dirty:   make(map[Ref]dirt),

		ingressByHost:    newIndex(ingressHosts),
		routeByHost:      newIndex(func(o Object[*akohubv1.Route]) []string { return []string{o.Body.GetHost()} }),
		routeBySubdomain: newIndex(routeSubdomain),
		slicesOf: newIndex(func(o Object[*akohubv1.EndpointSlice]) []string {
			return []string{o.Ref.Namespace + "/" + o.Body.GetServiceName()}
		}),
		podsIn: newIndex(func(o Object[*akohubv1.Pod]) []string { return []string{o.Ref.Namespace} }),
	}
	m.ingresses = addStore(m, kinds.Ingress, m.ingressByHost)
	m.ingressClasses = addStore[*akohubv1.IngressClass](m, kinds.IngressClass)
	m.routes = addStore(m, kinds.Route, m.routeByHost, m.routeBySubdomain)
	m.services = addStore[*akohubv1.Service](m, kinds.Service)
	m.slices = addStore(m, kinds.EndpointSlice, m.slicesOf)
	m.nodes = addStore[*akohubv1.Node](m, kinds.Node)
	m.namespaces = addStore[*akohubv1.Namespace](m, kinds.Namespace)
	m.secrets = addStore[*akohubv1.Secret](m, kinds.Secret)
	m.pods = addStore(m, kinds.Pod, m.podsIn)
	return m
}

// ingressHosts returns the distinct hosts of an Ingress's rules as written.
func ingressHosts(o Object[*akohubv1.Ingress]) []string {
	hosts := make([]string, 0, len(o.Body.GetRules()))
	for _, r := range o.Body.GetRules() {
		hosts = append(hosts, r.GetHost())
	}
	return hosts
}

// routeSubdomain returns the sub-domain that a Route without host asks for.
func routeSubdomain(o Object[*akohubv1.Route]) []string {
	subdomain := strings.TrimSuffix(o.Body.GetSubdomain(), ".")
	if o.Body.GetHost() != "" || subdomain == "" {
		return nil
	}
	return []string{subdomain}
}

// Cluster returns the name of the cluster.
func (m *Mirror) Cluster() string { return m.cluster }

// Read lends a consistent view for the duration of fn. Neither the view nor the
// lists it returns may be kept or changed; bodies may be kept, not changed. fn
// must not call the mirror's own methods.
func (m *Mirror) Read(fn func(v View)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	fn(view{m})
}

// SetKindState notes how the agent stands with a kind. One that is not watched
// is unsynced, its open snapshot is forgotten, and only a new snapshot makes it
// complete again; its objects stay, for unknown is not gone. The state
// unspecified is that of a kind which the watch plan no longer has. The error
// is ErrInvalid, for a kind that cannot be.
func (m *Mirror) SetKindState(kind string, availability akohubv1.KindState_Availability, message string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	ks, err := m.kindState(kind)
	if err != nil {
		return fmt.Errorf("state of a kind: %w", err)
	}
	before := ks.absent()
	ks.availability = availability
	ks.message = clip(message)
	if ks.absent() && !before {
		m.mark(Ref{Kind: kind}, dirt{})
	}
	if availability != akohubv1.KindState_AVAILABILITY_WATCHED {
		ks.synced = false
		ks.snapshot = nil
	}
	return nil
}

// Disconnected says that the stream has ended: every kind is unsynced and open
// snapshots are forgotten. Objects stay.
func (m *Mirror) Disconnected() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ks := range m.kinds {
		ks.synced = false
		ks.availability = akohubv1.KindState_AVAILABILITY_UNSPECIFIED
		ks.message = ""
		ks.snapshot = nil
	}
}

// kindState returns the state of a kind, making it if need be.
func (m *Mirror) kindState(kind string) (*kindState, error) {
	if ks := m.kinds[kind]; ks != nil {
		return ks, nil
	}
	if err := checkKind(kind); err != nil {
		return nil, err
	}
	if len(m.kinds) >= maxKinds {
		return nil, invalidf("kind %q is one more than the %d that a cluster may have", kind, maxKinds)
	}
	addStore[*akohubv1.CustomResource](m, kind)
	return m.kinds[kind], nil
}

func addStore[T message](m *Mirror, kind string, indexes ...*index[T]) *store[T] {
	s := &store[T]{kind: kind, objects: make(map[key]Object[T]), indexes: indexes}
	m.kinds[kind] = &kindState{kind: kind, stamps: make(map[key]stamp), objects: s}
	return s
}

// clip bounds a text of the agent that is kept for people.
func clip(s string) string {
	const limit = 1024
	if len(s) <= limit {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes more)", strings.ToValidUTF8(s[:limit], ""), len(s)-limit)
}
