package avisim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

type filter func(*object) bool

// filters reads the query; none means that nothing can match, which is what a
// controller answers to a filter that it doesn't know.
func (st *store) filters(t *objectType, q url.Values) (fs []filter, none bool, err error) {
	for key, values := range q {
		if notFilters[key] {
			continue
		}
		f, err := st.filter(t, key, values[0], q)
		if err != nil {
			return nil, false, err
		}
		if f == nil {
			return nil, true, nil
		}
		fs = append(fs, f)
	}
	return fs, false, nil
}

func (st *store) filter(t *objectType, key, value string, q url.Values) (filter, error) {
	switch key {
	case "name":
		return func(o *object) bool { return o.name == value }, nil
	case "name.in":
		names := map[string]bool{}
		for _, n := range strings.Split(value, ",") {
			names[strings.TrimSpace(n)] = true
		}
		return func(o *object) bool { return names[o.name] }, nil
	case "name.contains":
		return func(o *object) bool { return strings.Contains(o.name, value) }, nil
	case "name.icontains":
		return func(o *object) bool { return strings.Contains(strings.ToLower(o.name), strings.ToLower(value)) }, nil
	case "name.startswith":
		return func(o *object) bool { return strings.HasPrefix(o.name, value) }, nil
	case "uuid":
		return func(o *object) bool { return o.uuid == value }, nil
	case "search":
		// "(name,text)" as the user interface sends it
		field, text, _ := strings.Cut(strings.Trim(value, "()"), ",")
		if field != "name" {
			return nil, nil
		}
		return func(o *object) bool { return strings.Contains(strings.ToLower(o.name), strings.ToLower(text)) }, nil
	case "refers_to":
		target := st.referenceArg(value)
		return func(o *object) bool { return target != nil && target.in[o] > 0 }, nil
	case "referred_by":
		from := st.referenceArg(value)
		return func(o *object) bool { return from != nil && o.in[from] > 0 }, nil
	case "label_key":
		want, only := q["label_value"]
		return func(o *object) bool {
			for _, m := range append(messages(o.body["markers"]), messages(o.body["labels"])...) {
				if m["key"] == value && (!only || hasLabelValue(m, want[0])) {
					return true
				}
			}
			return false
		}, nil
	case "label_value":
		if _, ok := q["label_key"]; !ok {
			return nil, nil
		}
		return func(*object) bool { return true }, nil // looked at with its key
	}
	return st.fieldFilter(t, key, value)
}

func hasLabelValue(m message, want string) bool {
	if m["value"] == want {
		return true
	}
	values, _ := m["values"].([]any)
	for _, v := range values {
		if v == want {
			return true
		}
	}
	return false
}

// referenceArg reads the "type:uuid" of refers_to and referred_by; a bare uuid
// says its type itself.
func (st *store) referenceArg(value string) *object {
	path, uuid, ok := strings.Cut(value, ":")
	if !ok {
		path, _, _ = strings.Cut(value, "-")
		uuid = value
	}
	t := st.vocab.byPath[path]
	if t == nil {
		return nil
	}
	return st.objects[objectKey{t, uuid}]
}

// fieldFilter compares a top-level field of the type, or a reference's name or
// uuid ("cloud_ref.name").
func (st *store) fieldFilter(t *objectType, key, value string) (filter, error) {
	name, sub, nested := strings.Cut(key, ".")
	f := t.def.byName[name]
	if f == nil || f.kind == kindObject {
		return nil, nil
	}
	if f.isRef {
		if nested && sub != "name" && sub != "uuid" {
			return nil, nil
		}
		r, isRef := parseReference(value)
		means := func(target *object) bool {
			switch sub {
			case "name":
				return target.name == value
			case "uuid":
				return target.uuid == value
			}
			return target.uuid == value || isRef && (r.uuid == target.uuid || r.name != "" && r.name == target.name)
		}
		return func(o *object) bool { return st.anyRef(o, f, means) }, nil
	}
	match := func(text string) bool { return text == value }
	switch sub {
	case "":
	case "in":
		wanted := strings.Split(value, ",")
		match = func(text string) bool {
			for _, w := range wanted {
				if w == text {
					return true
				}
			}
			return false
		}
	case "contains":
		match = func(text string) bool { return strings.Contains(text, value) }
	default:
		return nil, nil
	}
	return func(o *object) bool {
		v, ok := o.body[name]
		if !ok {
			if v = f.fallback; v == nil {
				return false
			}
		}
		list, ok := v.([]any)
		if !ok {
			return match(text(v))
		}
		for _, e := range list {
			if match(text(e)) {
				return true
			}
		}
		return false
	}, nil
}

// anyRef says whether one of the objects that a reference field shows is
// meant.
func (st *store) anyRef(o *object, f *field, means func(*object) bool) bool {
	switch f.name {
	case "tenant_ref":
		return means(o.tenant)
	case "cloud_ref":
		if o.cloud != nil {
			return means(o.cloud)
		}
	}
	switch v := o.body[f.name].(type) {
	case *object:
		return means(v)
	case []any:
		for _, e := range v {
			if target, ok := e.(*object); ok && means(target) {
				return true
			}
		}
		return false
	}
	target := st.implied(o, f.name)
	return target != nil && means(target)
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}
