package avisim

import (
	"reflect"
	"sort"
	"strings"
)

// applyPatch carries out Avi's patch operations on a body: "add" appends to a
// list and sets anything else, "replace" sets, "delete" takes elements out of
// a list, or the field away. A field may be named by a path with dots; objects
// are merged one level at a time (the depth that the API guide documents).
func applyPatch(body, patch map[string]any, paths bool) (map[string]any, error) {
	ops := make([]string, 0, len(patch))
	for op := range patch {
		ops = append(ops, op)
	}
	sort.Strings(ops) // add, delete, replace: the order doesn't depend on the map's
	for _, op := range ops {
		if op == "_last_modified" || op == "uuid" || op == "url" {
			body[op] = patch[op]
			continue
		}
		if op != "add" && op != "replace" && op != "delete" {
			return nil, badRequest("PATCH: unknown operation " + quote(op) + ": expected add, replace or delete")
		}
		fields, ok := patch[op].(map[string]any)
		if !ok {
			return nil, badRequest("PATCH: " + op + ": expected an object")
		}
		for name, v := range fields {
			if !paths && strings.Contains(name, ".") {
				return nil, badRequest("PATCH: " + op + "." + name + ": no such field")
			}
			if err := patchField(body, op, name, v); err != nil {
				return nil, err
			}
		}
	}
	return body, nil
}

func patchField(in map[string]any, op, name string, v any) error {
	for {
		head, rest, nested := strings.Cut(name, ".")
		if !nested {
			break
		}
		next, ok := in[head].(map[string]any)
		if !ok {
			if op == "delete" {
				return nil
			}
			next = map[string]any{}
			in[head] = next
		}
		in, name = next, rest
	}
	was := in[name]
	switch op {
	case "replace":
		in[name] = v
	case "add":
		in[name] = patchAdd(was, v)
	case "delete":
		left, gone := patchDelete(was, v)
		if gone {
			delete(in, name)
		} else {
			in[name] = left
		}
	}
	return nil
}

func patchAdd(was, v any) any {
	switch v := v.(type) {
	case []any:
		if old, ok := was.([]any); ok {
			return append(append([]any{}, old...), v...)
		}
	case map[string]any:
		if old, ok := was.(map[string]any); ok {
			for k, e := range v {
				old[k] = patchAdd(old[k], e)
			}
			return old
		}
	}
	return v
}

// patchDelete takes v out of was; gone means that nothing is left.
func patchDelete(was, v any) (left any, gone bool) {
	switch v := v.(type) {
	case []any:
		old, ok := was.([]any)
		if !ok {
			return was, was == nil
		}
		kept := []any{}
		for _, e := range old {
			if !matchesAny(e, v) {
				kept = append(kept, e)
			}
		}
		return kept, len(kept) == 0
	case map[string]any:
		old, ok := was.(map[string]any)
		if !ok {
			return was, was == nil
		}
		for k, e := range v {
			if l, g := patchDelete(old[k], e); g {
				delete(old, k)
			} else {
				old[k] = l
			}
		}
		return old, len(old) == 0
	}
	return nil, true
}

// matchesAny says whether an element is meant by one of the patterns: equal,
// or an object that has all that the pattern has.
func matchesAny(e any, patterns []any) bool {
	for _, p := range patterns {
		if matches(e, p) {
			return true
		}
	}
	return false
}

func matches(e, pattern any) bool {
	p, ok := pattern.(map[string]any)
	if !ok {
		if a, ok := e.(string); ok {
			if b, ok := pattern.(string); ok {
				return a == b || sameReference(a, b)
			}
		}
		return reflect.DeepEqual(e, pattern)
	}
	m, ok := e.(map[string]any)
	if !ok {
		return false
	}
	for k, v := range p {
		if !matches(m[k], v) {
			return false
		}
	}
	return true
}

// sameReference compares two spellings of a reference: stored ones have both
// the uuid and, after "#", the name.
func sameReference(stored, given string) bool {
	a, ok := parseReference(stored)
	b, ok2 := parseReference(given)
	if !ok || !ok2 || a.path != b.path {
		return false
	}
	if b.uuid != "" {
		return a.uuid == b.uuid
	}
	_, name, _ := strings.Cut(stored, "#")
	return name == b.name
}
