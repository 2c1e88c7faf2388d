// Package avischema is the Avi object vocabulary as data: which object types
// the Avi Controller has, their fields, what values those accept, what the
// controller fills in, and which field refers to which object.
//
// What comes in: avi-30.2.1.json, embedded; the facts (no prose) of the
// controller's published API description, release 30.2.1. What goes out: a
// [Schema] to look things up in. The package does no I/O and knows nothing of
// agent or hub; the simulator, the drift comparison and the SDK model
// generator (which reads the file by path) all work from these same facts.
package avischema

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"sync"
)

//go:embed avi-30.2.1.json
var embedded []byte

// Schema is the whole vocabulary. The one that [Load] returns is shared:
// treat it as read-only.
type Schema struct {
	// APIVersion is the release that the facts are from, e.g. "30.2.1".
	APIVersion string `json:"apiVersion"`
	// Objects names the definitions that are objects of their own, with an API
	// path, as opposed to parts of one. Sorted.
	Objects []string `json:"objects"`
	// Definitions holds every object and every part, by name.
	Definitions map[string]Definition `json:"definitions"`
	// Endpoints maps an API path below /api, with its placeholders
	// ("/pool/{uuid}"), to the HTTP methods it takes.
	Endpoints map[string][]string `json:"endpoints"`
}

// Definition maps the JSON name of a field to what is known of it.
type Definition map[string]Field

// Field is what the API accepts and returns for one field. Exactly one of
// Type, Object and List is set.
type Field struct {
	// Type is the JSON type of a scalar: "string", "integer", "number" or
	// "boolean".
	Type string `json:"type,omitempty"`
	// Format narrows Type: "int32", "int64", "uint32", "uint64", "float" or
	// "double"; empty for strings and booleans.
	Format string `json:"format,omitempty"`
	// Object is the nested definition, if the field is one object.
	Object string `json:"object,omitempty"`
	// List is the element, if the field is a list: a definition's name, or a
	// scalar type ("string", "integer").
	List string `json:"list,omitempty"`

	// Required fields must be present on a write.
	Required bool `json:"required,omitempty"`
	// ReadOnly fields are set by the controller; a client may not set them.
	ReadOnly bool `json:"readOnly,omitempty"`
	// Default is what the controller fills in for an absent field: a bool, a
	// string or a float64 (also for integers), as [encoding/json] decodes into
	// an any. Nil if there is none.
	Default any `json:"default,omitempty"`

	// Enum lists the values that are accepted, in the API's order. For a list,
	// it and the range below hold for each element.
	Enum []string `json:"enum,omitempty"`
	// Min and Max are the inclusive range, nil where unbounded. Special values
	// are accepted beside it.
	Min     *float64  `json:"min,omitempty"`
	Max     *float64  `json:"max,omitempty"`
	Special []float64 `json:"special,omitempty"`
	// MinItems and MaxItems bound the length of a list, nil where unbounded.
	MinItems *int `json:"minItems,omitempty"`
	MaxItems *int `json:"maxItems,omitempty"`

	// RefersTo is the object type that the field is a reference to. It need
	// not be among [Schema.Objects].
	RefersTo string `json:"refersTo,omitempty"`
	// Since and Deprecated are the releases that introduced the field, and
	// that stopped using it; empty if unknown or not so.
	Since      string `json:"since,omitempty"`
	Deprecated string `json:"deprecated,omitempty"`
	// Unit is the API's name of the unit, e.g. "SEC", "MILLISECONDS", "MIN".
	Unit string `json:"unit,omitempty"`
	// Editions holds, for a licence edition that is restricted ("essentials",
	// "basic"), the values that it allows, as text.
	Editions map[string][]string `json:"editions,omitempty"`
}

// Load returns the vocabulary, parsed once. It fails only if the embedded file
// is broken, which the package's tests rule out for a release.
func Load() (*Schema, error) { return load() }

var load = sync.OnceValues(func() (*Schema, error) { return parse(embedded) })

// parse refuses keys that Field doesn't know: a fact added to the file must
// not be lost silently.
func parse(data []byte) (*Schema, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var s Schema
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("parsing the Avi vocabulary: %w", err)
	}
	sort.Strings(s.Objects)
	return &s, nil
}

// IsRef reports whether the field holds a reference to an object, or a list of
// them.
func (f Field) IsRef() bool { return f.RefersTo != "" }

// IsList reports whether the field is a list.
func (f Field) IsList() bool { return f.List != "" }

// KnownIn reports whether a controller of the given version has the field. A
// field of unknown origin counts as always there.
func (f Field) KnownIn(version string) bool {
	return f.Since == "" || VersionAtLeast(version, f.Since)
}

// Nested returns the definition's name that the field holds, alone or as a
// list's elements, and "" if it holds scalars.
func (s *Schema) Nested(f Field) string {
	name := f.Object
	if name == "" {
		name = f.List
	}
	if _, ok := s.Definitions[name]; !ok {
		return ""
	}
	return name
}

// SortedFields returns the JSON names of the definition's fields, sorted.
func (d Definition) SortedFields() []string {
	names := make([]string, 0, len(d))
	for name := range d {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// oddPaths are the object types whose path isn't their name in lower case.
var oddPaths = map[string]string{"ControllerLicense": "license"}

// PathOf returns the API path segment of an object type: "virtualservice" for
// "VirtualService". It does not check that the type exists.
func PathOf(object string) string {
	if p, ok := oddPaths[object]; ok {
		return p
	}
	return strings.ToLower(object)
}

// ObjectByPath returns the object type of an API path segment:
// "VirtualService" for "virtualservice". The segment is lower case, as the
// controller wants it.
func (s *Schema) ObjectByPath(segment string) (object string, ok bool) {
	for _, o := range s.Objects {
		if PathOf(o) == segment {
			return o, true
		}
	}
	return "", false
}

// ObjectByPath is [Schema.ObjectByPath] of the embedded vocabulary.
func ObjectByPath(segment string) (object string, ok bool) {
	s, err := Load()
	if err != nil {
		return "", false
	}
	return s.ObjectByPath(segment)
}
