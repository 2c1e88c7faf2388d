package desired

import "github.com/akohub/akohub/pkg/avischema"

// Definition is an Avi object type, or a part of one, with its fields resolved
// to pointers: walking a body costs one map lookup a field.
type Definition struct {
	// Name is the API's ("HTTPPolicySet").
	Name   string
	Fields map[string]*Field
}

// Field is what is known of one field.
type Field struct {
	avischema.Field
	Name string
	// Def is the nested definition; nil for scalars.
	Def *Definition
}

// Type returns the definition of an object type by its API path segment
// ("httppolicyset"), or nil if the vocabulary has no such type.
func Type(path string) *Definition {
	return types[path]
}

// types are the object types by path. They are empty if the embedded
// vocabulary doesn't load, which its tests and this package's rule out.
var types = compile()

func compile() map[string]*Definition {
	schema, err := avischema.Load()
	if err != nil {
		return nil
	}
	defs := make(map[string]*Definition, len(schema.Definitions))
	for name := range schema.Definitions {
		defs[name] = &Definition{Name: name}
	}
	for name, source := range schema.Definitions {
		fields := make(map[string]*Field, len(source))
		for fieldName, f := range source {
			fields[fieldName] = &Field{Field: f, Name: fieldName, Def: defs[schema.Nested(f)]}
		}
		defs[name].Fields = fields
	}
	byPath := make(map[string]*Definition, len(schema.Objects))
	for _, name := range schema.Objects {
		byPath[avischema.PathOf(name)] = defs[name]
	}
	return byPath
}

// own are the types of which a cluster has objects of its own.
var own = map[string]bool{
	"applicationpersistenceprofile": true,
	"httppolicyset":                 true,
	"l4policyset":                   true,
	"pkiprofile":                    true,
	"pool":                          true,
	"poolgroup":                     true,
	"sslkeyandcertificate":          true,
	"stringgroup":                   true,
	"virtualservice":                true,
	"vsdatascriptset":               true,
	"vsvip":                         true,
}

// Own reports whether clusters have objects of the type, given by its API path
// segment, of their own. Only such objects are ever deleted.
func Own(typ string) bool { return own[typ] }
