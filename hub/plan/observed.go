package plan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/akohub/akohub/hub/desired"
)

// NewObserved makes an observed object of a body as the controller answered
// it. The body becomes the object's. It fails if the body lacks what every
// stored object has: name, uuid.
func NewObserved(tenant, typ string, body map[string]any) (*Observed, error) {
	name, _ := body["name"].(string)
	uuid, _ := body["uuid"].(string)
	if uuid == "" {
		return nil, fmt.Errorf("%s %q: the answer has no uuid", typ, name)
	}
	if name == "" {
		return nil, errors.New(typ + " " + uuid + ": the answer has no name")
	}
	modified, _ := body["_last_modified"].(string)
	o := &Observed{
		Key:          Key{Tenant: tenant, Type: typ, Name: name},
		UUID:         uuid,
		LastModified: modified,
		Body:         body,
	}
	o.Refs = desired.RefsOf(o.Key, body, nil)
	return o, nil
}

// Owned reports whether an object of the controller is the cluster's: by
// created_by where the type has it, else by markers, in each case exactly and
// never by a prefix or a part of a name (architecture.md, promise 5).
func Owned(o *Observed, cluster, createdBy string) bool {
	def := desired.Type(o.Key.Type)
	if def == nil || !desired.Own(o.Key.Type) || cluster == "" || createdBy == "" {
		return false
	}
	if def.Fields["created_by"] != nil {
		owner, _ := o.Body["created_by"].(string)
		return owner == createdBy && !othersNamesake(o, cluster, createdBy)
	}
	if !onlyMarker(o.Body, "clustername", cluster) {
		return false
	}
	if o.Key.Type == "stringgroup" { // l7.md §3: the marker created_by
		return onlyMarker(o.Body, "created_by", createdBy)
	}
	if o.Key.Type == "applicationpersistenceprofile" && createdBy != "ako-"+cluster {
		return false // nothing says that one is another's than the primary instance's
	}
	// AKO's other programs mark their objects with the same cluster, but give
	// them another prefix ("ako-gw-…", l4-infra.md §0).
	rest, ok := strings.CutPrefix(o.Key.Name, cluster+"--")
	if !ok {
		return false
	}
	// Another instance of AKO for the same cluster gives the same one.
	instance, shared := instanceOf(rest)
	return !shared || instance == strings.TrimPrefix(strings.TrimPrefix(createdBy, "ako-"+cluster), "-")
}

// othersNamesake says that an object has the cluster's created_by but is that of
// another cluster: "ako-a-b" is the owner of cluster "a-b", and of the instance in
// namespace "b" of cluster "a".
func othersNamesake(o *Observed, cluster, createdBy string) bool {
	if values := marker(o.Body, "clustername"); len(values) > 0 {
		return !onlyMarker(o.Body, "clustername", cluster)
	}
	return createdBy != "ako-"+cluster && !strings.HasPrefix(o.Key.Name, cluster+"--")
}

// instanceOf says which instance of AKO for a cluster has given a name to what
// hosts share: the namespace of a secondary one, empty for the primary one. The
// name is without the cluster's prefix. Others than those of shared objects don't
// tell (l7.md §2.4); what stands there has no capital letters.
func instanceOf(name string) (namespace string, shared bool) {
	for _, kind := range []string{"Shared-L7-", "Shared-Passthrough-"} {
		before, _, found := strings.Cut(name, kind)
		if found && (before == "" || strings.HasSuffix(before, "-")) {
			return strings.TrimSuffix(before, "-"), true
		}
	}
	return "", false
}

// Tells says whether the name of a VsVip tells which instance of AKO for a
// cluster it belongs to. Only those of shared virtual services do.
func Tells(name, cluster string) bool {
	rest, ok := strings.CutPrefix(name, cluster+"--")
	_, shared := instanceOf(rest)
	return ok && shared
}

// Owners are the markers that Owned judges an object by.
func Owners(o *Observed) [][]string {
	return [][]string{marker(o.Body, "clustername"), marker(o.Body, "created_by")}
}

// Owner says whose an object is, for a message.
func Owner(o *Observed) string {
	if owner, _ := o.Body["created_by"].(string); owner != "" {
		return owner
	}
	for _, key := range []string{"created_by", "clustername"} {
		if values := marker(o.Body, key); len(values) > 0 {
			return key + " " + strings.Join(values, ",")
		}
	}
	return ""
}

func onlyMarker(body map[string]any, key, value string) bool {
	values := marker(body, key)
	return len(values) == 1 && values[0] == value
}

func marker(body map[string]any, key string) []string {
	list, _ := body["markers"].([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		if k, _ := m["key"].(string); k != key {
			continue
		}
		var out []string
		values, _ := m["values"].([]any)
		for _, v := range values {
			s, _ := v.(string)
			out = append(out, s)
		}
		return out
	}
	return nil
}

// Carry keeps of an earlier observation what a fresh reading of the same
// version can't know: that an object is the answer to our own write. It changes
// fresh in place.
func Carry(earlier, fresh map[Key]*Observed) {
	for k, f := range fresh {
		e := earlier[k]
		if e != nil && e.Applied != "" && e.UUID == f.UUID && e.LastModified == f.LastModified && e.LastModified != "" {
			fresh[k] = e
		}
	}
}

// refsOf returns the references of an observed object to the cluster's own.
func (o *Observed) refsOf(byUUID func(typ, uuid string) (Key, bool)) []Key {
	if o.Refs != nil {
		return o.Refs
	}
	return desired.RefsOf(o.Key, o.Body, byUUID)
}
