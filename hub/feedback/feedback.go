// Package feedback says what an agent must write on a Kubernetes object so that
// its status and annotations tell what Avi made of it.
//
// In come the entries that an object should show (host, addresses, UUID of the
// virtual service) and what it shows now; out goes a WriteBack, or nothing when
// the object already says so. The package does no I/O, keeps no state, and may
// import only the wire contract. The rules are those of l7.md §22 (Ingress, Route)
// and l4-infra.md §1.12 (Service).
package feedback

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Annotations that tell the owner of an object, and other tools such as AMKO,
// what serves it.
const (
	// AnnotationHosts holds a JSON object from host to virtual-service UUID.
	AnnotationHosts = "ako.vmware.com/host-fqdn-vs-uuid-map"
	// AnnotationController holds the UUID of the controller cluster.
	AnnotationController = "ako.vmware.com/controller-cluster-uuid"
	// AnnotationTenant holds the name of the Avi tenant.
	AnnotationTenant = "ako.vmware.com/tenant-name"
)

// Entry is one thing that is served for an object.
type Entry struct {
	// Host is the name it is served under; empty for a Service without FQDN.
	Host string
	// Addresses are the VIP's, in the order in which they are to be shown.
	// Empty: nothing serves the host (yet).
	Addresses []string
	// VirtualServiceUUID is empty while there is no virtual service.
	VirtualServiceUUID string
	// Tenant is the name of the virtual service's tenant.
	Tenant string
	// Status says whether the entry goes into status.loadBalancer, or into
	// status.ingress of a Route.
	Status bool
	// Annotate says whether the entry goes into the annotations.
	Annotate bool
	// Refused says, for Routes, in a word why the host is not served; empty: it
	// is.
	Refused string
}

// Current is what an object shows.
type Current struct {
	Status      []*akohubv1.LoadBalancerIngress
	Annotations map[string]string
	// Admissions are the entries of a Route's status, of all routers.
	Admissions []*akohubv1.RouteAdmission
}

// Ours says whether the object carries the mark of an earlier write-back.
func (c Current) Ours() bool {
	_, ok := c.Annotations[AnnotationHosts]
	return ok
}

// VirtualServices returns the UUIDs of the virtual services that the mark names.
func (c Current) VirtualServices() []string {
	hosts := map[string]string{}
	// A mark that cannot be read names none.
	_ = json.Unmarshal([]byte(c.Annotations[AnnotationHosts]), &hosts)
	return slices.Sorted(maps.Values(hosts))
}

// foreign returns the entries of the status that are not known to be of an
// earlier write-back: neither among those that were written, nor under a host
// of the mark. Another controller may have set them, and a status that is
// cleared must not lose them.
func (c Current) foreign(written []*akohubv1.LoadBalancerIngress) []*akohubv1.LoadBalancerIngress {
	hosts := map[string]string{}
	// A mark that cannot be read names no host.
	_ = json.Unmarshal([]byte(c.Annotations[AnnotationHosts]), &hosts)
	var out []*akohubv1.LoadBalancerIngress
	for _, e := range c.Status {
		_, marked := hosts[e.GetHostname()]
		if !marked && !slices.ContainsFunc(written, func(w *akohubv1.LoadBalancerIngress) bool { return sameIngress(e, w) }) {
			out = append(out, e)
		}
	}
	return out
}

// For returns the write that turns what the object shows into what it should
// show, or nil. Written are the entries of earlier write-backs as far as they
// are known. An object that is not served any more loses these entries and those
// that its mark names, and keeps all others.
func For(object *akohubv1.ObjectRef, entries []Entry, controllerUUID string, current Current, written []*akohubv1.LoadBalancerIngress) (*akohubv1.WriteBack, error) {
	wb := &akohubv1.WriteBack{Object: object}
	status := statusOf(entries)
	if len(status) == 0 {
		status = normalize(current.foreign(written))
	}
	if !slices.EqualFunc(status, normalize(current.Status), sameIngress) {
		wb.LoadBalancer = &akohubv1.LoadBalancerStatus{Ingress: status}
	}
	patch, err := annotationsOf(entries, controllerUUID, current.Annotations)
	if err != nil {
		return nil, fmt.Errorf("annotations of %s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
	}
	wb.Annotations = patch
	if wb.LoadBalancer == nil && wb.Annotations == nil {
		return nil, nil
	}
	return wb, nil
}

// Mark adds to a write, which may be nil, the annotations that an object is to
// carry for others and doesn't, and takes away those whose value is empty.
func Mark(wb *akohubv1.WriteBack, object *akohubv1.ObjectRef, marks map[string]string, current Current) *akohubv1.WriteBack {
	for _, name := range slices.Sorted(maps.Keys(marks)) {
		value := marks[name]
		if have := current.Annotations[name]; have == value {
			continue
		}
		if wb == nil {
			wb = &akohubv1.WriteBack{Object: object}
		}
		if wb.Annotations == nil {
			wb.Annotations = &akohubv1.AnnotationPatch{}
		}
		if value == "" {
			wb.Annotations.Remove = append(wb.Annotations.Remove, name)
			continue
		}
		if wb.Annotations.Set == nil {
			wb.Annotations.Set = map[string]string{}
		}
		wb.Annotations.Set[name] = value
	}
	return wb
}

func statusOf(entries []Entry) []*akohubv1.LoadBalancerIngress {
	var out []*akohubv1.LoadBalancerIngress
	for _, e := range entries {
		if !e.Status {
			continue
		}
		for _, a := range e.Addresses {
			out = append(out, &akohubv1.LoadBalancerIngress{Ip: a, Hostname: e.Host})
		}
	}
	return normalize(out)
}

// normalize sorts by host and keeps the order of a host's addresses, so that
// the same set always reads the same.
func normalize(in []*akohubv1.LoadBalancerIngress) []*akohubv1.LoadBalancerIngress {
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b *akohubv1.LoadBalancerIngress) int {
		return cmp.Compare(a.GetHostname(), b.GetHostname())
	})
	return slices.CompactFunc(out, sameIngress)
}

func sameIngress(a, b *akohubv1.LoadBalancerIngress) bool {
	return a.GetIp() == b.GetIp() && a.GetHostname() == b.GetHostname()
}

// annotationsFor returns the annotations that the entries call for; nil: none.
func annotationsFor(entries []Entry, controllerUUID string) (map[string]string, error) {
	hosts := map[string]string{}
	tenant := ""
	for _, e := range entries {
		if e.Annotate && e.Host != "" && e.VirtualServiceUUID != "" {
			hosts[e.Host] = e.VirtualServiceUUID
			tenant = e.Tenant
		}
	}
	if len(hosts) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(hosts)
	if err != nil {
		return nil, err
	}
	out := map[string]string{AnnotationHosts: string(text), AnnotationTenant: tenant}
	if controllerUUID != "" {
		out[AnnotationController] = controllerUUID
	}
	return out, nil
}

func annotationsOf(entries []Entry, controllerUUID string, current map[string]string) (*akohubv1.AnnotationPatch, error) {
	want, err := annotationsFor(entries, controllerUUID)
	if err != nil {
		return nil, err
	}
	patch := &akohubv1.AnnotationPatch{}
	if len(want) == 0 {
		// Only an object with our mark has annotations of ours to take away.
		if _, ours := current[AnnotationHosts]; !ours {
			return nil, nil
		}
		for _, name := range []string{AnnotationController, AnnotationHosts, AnnotationTenant} {
			if _, ok := current[name]; ok {
				patch.Remove = append(patch.Remove, name)
			}
		}
		return patch, nil
	}
	for name, value := range want {
		if have, ok := current[name]; ok && sameAnnotation(name, have, value) {
			continue
		}
		if patch.Set == nil {
			patch.Set = map[string]string{}
		}
		patch.Set[name] = value
	}
	if patch.Set == nil {
		return nil, nil
	}
	return patch, nil
}

// sameAnnotation compares the host map as JSON: AKO and people may have written
// it with other spaces or another order.
func sameAnnotation(name, have, want string) bool {
	if have == want {
		return true
	}
	if name != AnnotationHosts {
		return false
	}
	var a, b map[string]string
	if json.Unmarshal([]byte(have), &a) != nil || json.Unmarshal([]byte(want), &b) != nil || len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}
