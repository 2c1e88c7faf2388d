package desired

import (
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
)

// Key identifies an Avi object.
type Key = translate.Key

// Object is a wanted Avi object in canonical form. It is immutable.
type Object struct {
	Key Key
	// Body is the object as it would be sent: JSON values (numbers are
	// json.Number) with references by name ("/api/pool/?name=x"). It must not
	// be changed.
	Body map[string]any
	// Refs are the objects of the cluster's own that Body refers to, sorted.
	// References to others (profiles, clouds) are not among them.
	Refs []Key
	// Hash is that of the canonical JSON of Body.
	Hash string
	// Cloud is the name in cloud_ref; empty for types without one.
	Cloud string
	// From are the Kubernetes objects that it exists for.
	From []mirror.Ref
	// Keep are top-level fields that count when the object is created only: an
	// update leaves them as they are, and another value is no drift.
	Keep []string
}

// CompareKeys orders keys by tenant, type and name, as for slices.SortFunc.
func CompareKeys(a, b Key) int {
	if c := strings.Compare(a.Tenant, b.Tenant); c != 0 {
		return c
	}
	if c := strings.Compare(a.Type, b.Type); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}
