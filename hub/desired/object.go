package desired

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
)

// FromTranslate turns an object of translation into canonical form. Members
// that the API takes for absent are left out: null, an empty list, a reference
// that is the empty string. Explicit false, zero and empty objects stay. It
// fails for a type outside the vocabulary, a body that is no JSON object, and a
// name in the body that isn't the key's: defects of translation, all of them.
func FromTranslate(o translate.Object) (*Object, error) {
	def := Type(o.Key.Type)
	if def == nil {
		return nil, fmt.Errorf("%s %q: no such Avi object type", o.Key.Type, o.Key.Name)
	}
	text, err := json.Marshal(o.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %q: encoding the body: %w", o.Key.Type, o.Key.Name, err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var body map[string]any
	if err := dec.Decode(&body); err != nil || body == nil {
		return nil, fmt.Errorf("%s %q: the body is not a JSON object", o.Key.Type, o.Key.Name)
	}
	if name, _ := body["name"].(string); name != o.Key.Name {
		return nil, fmt.Errorf("%s %q: the body's name is %q", o.Key.Type, o.Key.Name, name)
	}
	clean(def, body)
	return FromBody(o.Key, body, o.From)
}

// FromBody makes an object of a body that is in canonical form already. The
// body becomes the object's: the caller must not change it any more.
func FromBody(key Key, body map[string]any, from []mirror.Ref) (*Object, error) {
	text, err := json.Marshal(body) // sorts the members of objects
	if err != nil {
		return nil, fmt.Errorf("%s %q: encoding the canonical body: %w", key.Type, key.Name, err)
	}
	sum := sha256.Sum256(text)
	obj := &Object{
		Key:  key,
		Body: body,
		Refs: RefsOf(key, body, nil),
		Hash: hex.EncodeToString(sum[:]),
		From: slices.Clone(from),
	}
	if text, ok := body["cloud_ref"].(string); ok {
		if r, ok := ParseRef(text); ok {
			obj.Cloud = r.Name
		}
	}
	return obj, nil
}

// clean removes what the API takes for absent, in place.
func clean(def *Definition, body map[string]any) {
	for name, v := range body {
		var f *Field
		if def != nil {
			f = def.Fields[name]
		}
		switch v := v.(type) {
		case nil:
			delete(body, name)
		case string:
			if v == "" && f != nil && f.IsRef() {
				delete(body, name)
			}
		case map[string]any:
			clean(nested(f), v)
		case []any:
			if len(v) == 0 {
				delete(body, name)
				continue
			}
			for _, e := range v {
				if m, ok := e.(map[string]any); ok {
					clean(nested(f), m)
				}
			}
		}
	}
}

func nested(f *Field) *Definition {
	if f == nil {
		return nil
	}
	return f.Def
}

// RefsOf returns the objects of a cluster's own types that the body of an
// object refers to, sorted and without doubles. byUUID resolves references
// without a name; nil resolves none. A reference to the object's own name and
// type is left out.
func RefsOf(key Key, body map[string]any, byUUID func(typ, uuid string) (Key, bool)) []Key {
	def := Type(key.Type)
	if def == nil {
		return nil
	}
	var refs []Key
	WalkRefs(def, body, func(r Ref) {
		if !own[r.Type] {
			return
		}
		k := Key{Tenant: key.Tenant, Type: r.Type, Name: r.Name}
		if r.Name == "" {
			if byUUID == nil {
				return
			}
			var ok bool
			if k, ok = byUUID(r.Type, r.UUID); !ok {
				return
			}
		}
		if k != key {
			refs = append(refs, k)
		}
	})
	slices.SortFunc(refs, CompareKeys)
	return slices.Compact(refs)
}

// WalkRefs calls fn for every reference in a body: in the fields that the
// vocabulary says are references, so that a user's text which looks like one
// (a path, the name of an L4 rule) isn't taken for one. The name of an L4 rule
// is the reference of the pool that the rule selects anyway (l4-infra.md §1.2).
func WalkRefs(def *Definition, body map[string]any, fn func(Ref)) {
	for name, v := range body {
		f := def.Fields[name]
		if f == nil {
			continue
		}
		switch v := v.(type) {
		case string:
			walkRef(f, v, fn)
		case map[string]any:
			if f.Def != nil {
				WalkRefs(f.Def, v, fn)
			}
		case []any:
			for _, e := range v {
				switch e := e.(type) {
				case string:
					walkRef(f, e, fn)
				case map[string]any:
					if f.Def != nil {
						WalkRefs(f.Def, e, fn)
					}
				}
			}
		}
	}
}

func walkRef(f *Field, text string, fn func(Ref)) {
	if !f.IsRef() {
		return
	}
	if r, ok := ParseRef(text); ok {
		fn(r)
	}
}
