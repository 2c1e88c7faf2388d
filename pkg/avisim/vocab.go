package avisim

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/akohub/akohub/pkg/avischema"
)

// vocabulary is the published object vocabulary, compiled for speed: every
// name resolved to a pointer once, every default already encoded.
type vocabulary struct {
	version string
	types   []*objectType // sorted by name
	byPath  map[string]*objectType
	byName  map[string]*objectType
	// permissions are the resources that a role can speak of.
	permissions map[string]struct{}
}

// objectType is one kind of object with an API path.
type objectType struct {
	name string // "VirtualService"
	path string // "virtualservice"
	def  *definition

	// cloudScoped objects live in one cloud: names are unique a cloud, and
	// references between two of them may not cross clouds.
	cloudScoped bool
	// tenanted objects belong to a tenant; the others belong to admin.
	tenanted bool
	// shared objects of tenant admin can be read and referred to by every
	// tenant.
	shared bool
	// singleton types answer a GET of their path with the object itself.
	singleton bool
	// permission is the resource of a role that the type falls under.
	permission string

	rules rules
}

// definition is an object or a part of one.
type definition struct {
	name     string
	fields   []*field // sorted by name
	byName   map[string]*field
	required []*field // those that have no default to fall back on
}

type kind uint8

const (
	kindString kind = iota
	kindInteger
	kindNumber
	kindBoolean
	kindObject
)

// field is what the API accepts and returns for one field.
type field struct {
	name   string
	key    string // `"name":`, as it is written in an answer
	kind   kind
	list   bool
	def    *definition // for kindObject
	format string

	required, readOnly bool
	fallback           any // what is filled in when the field is absent
	fallbackJSON       string

	enum               map[string]struct{}
	enumText           string
	min, max           *float64
	special            []float64
	minItems, maxItems *int
	editions           map[string][]string

	isRef      bool
	target     *objectType // nil for a type that the simulator doesn't have
	targetName string
	since      int // comparable, see parseVersion
	sensitive  bool
}

// private are the types whose objects stay within their tenant, even those of
// admin: what an application is made of, as opposed to what it is made with.
var private = map[string]bool{
	"VirtualService": true, "VsVip": true, "Pool": true, "PoolGroup": true, "L4PolicySet": true,
	"PoolGroupDeploymentPolicy": true, "PriorityLabels": true, "GslbService": true,
}

var singletons = map[string]bool{"Cluster": true, "SystemConfiguration": true}

// sensitive fields are stored but never shown: a read answers "<sensitive>",
// and a write of that text keeps what is there.
var sensitive = map[string]bool{
	"SSLKeyAndCertificate.key": true, "SSLKeyAndCertificate.key_passphrase": true, "User.password": true,
}

const sensitiveText = "<sensitive>"

var compiledVocabulary = sync.OnceValues(func() (*vocabulary, error) {
	schema, err := avischema.Load()
	if err != nil {
		return nil, err
	}
	return compile(schema, private)
})

// compiledShared is the vocabulary without types that stay within a tenant.
var compiledShared = sync.OnceValues(func() (*vocabulary, error) {
	schema, err := avischema.Load()
	if err != nil {
		return nil, err
	}
	return compile(schema, nil)
})

func compile(schema *avischema.Schema, private map[string]bool) (*vocabulary, error) {
	v := &vocabulary{version: schema.APIVersion, byPath: map[string]*objectType{}, byName: map[string]*objectType{}}
	defs := make(map[string]*definition, len(schema.Definitions))
	for name := range schema.Definitions {
		defs[name] = &definition{name: name, byName: map[string]*field{}}
	}
	for _, name := range schema.Objects {
		def, ok := defs[name]
		if !ok {
			return nil, fmt.Errorf("object type %s has no definition", name)
		}
		source := schema.Definitions[name]
		_, cloud := source["cloud_ref"]
		_, tenant := source["tenant_ref"]
		t := &objectType{
			name: name, path: avischema.PathOf(name), def: def,
			cloudScoped: cloud, tenanted: tenant, shared: !private[name], singleton: singletons[name],
			permission: permissionOf(name), rules: typeRules[name],
		}
		v.types = append(v.types, t)
		v.byName[name] = t
		v.byPath[t.path] = t
	}
	for name, source := range schema.Definitions {
		def := defs[name]
		for _, fieldName := range source.SortedFields() {
			f, err := compileField(name, fieldName, source[fieldName], defs, v)
			if err != nil {
				return nil, fmt.Errorf("field %s.%s: %w", name, fieldName, err)
			}
			def.fields = append(def.fields, f)
			def.byName[fieldName] = f
			// A required field with a default counts as given: the API
			// description says what its absence is interpreted as.
			if f.required && f.fallback == nil {
				def.required = append(def.required, f)
			}
		}
	}
	if d := defs["Permission"]; d != nil {
		v.permissions = d.byName["resource"].enum
	}
	return v, nil
}

func compileField(owner, name string, src avischema.Field, defs map[string]*definition, v *vocabulary) (*field, error) {
	f := &field{
		name: name, key: strconv.Quote(name) + ":", format: src.Format,
		required: src.Required, readOnly: src.ReadOnly,
		min: src.Min, max: src.Max, special: src.Special, minItems: src.MinItems, maxItems: src.MaxItems,
		editions: src.Editions, targetName: src.RefersTo, isRef: src.IsRef(),
		since: parseVersion(src.Since), sensitive: sensitive[owner+"."+name],
	}
	scalar := src.Type
	switch {
	case src.Object != "":
		scalar = src.Object
	case src.List != "":
		f.list = true
		scalar = src.List
	}
	switch scalar {
	case "string":
		f.kind = kindString
	case "integer":
		f.kind = kindInteger
	case "number":
		f.kind = kindNumber
	case "boolean":
		f.kind = kindBoolean
	default:
		def, ok := defs[scalar]
		if !ok {
			return nil, fmt.Errorf("unknown type %q", scalar)
		}
		f.kind, f.def = kindObject, def
	}
	if len(src.Enum) > 0 {
		f.enum = make(map[string]struct{}, len(src.Enum))
		for _, e := range src.Enum {
			f.enum[e] = struct{}{}
		}
		f.enumText = strings.Join(src.Enum, ", ")
	}
	if f.isRef {
		f.target = v.byName[src.RefersTo]
	}
	if src.Default != nil {
		text, err := json.Marshal(src.Default)
		if err != nil {
			return nil, err
		}
		f.fallbackJSON = string(text)
		f.fallback = src.Default
		if _, ok := src.Default.(float64); ok {
			f.fallback = json.Number(text)
		}
	}
	return f, nil
}

// parseVersion turns "30.2.1" into a number that compares like the release;
// 0 for none, or for what isn't a release.
func parseVersion(s string) int {
	s, _, _ = strings.Cut(s, "-")
	n := 0
	parts := strings.SplitN(s, ".", 4)
	for i := range 3 {
		p := 0
		if i < len(parts) {
			var err error
			if p, err = strconv.Atoi(parts[i]); err != nil || p < 0 || p > 999 {
				return 0
			}
		}
		n = n*1000 + p
	}
	return n
}
