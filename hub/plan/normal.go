package plan

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/desired"
)

// A normal form holds of a body what counts: no read-only or assigned fields,
// no defaults, no empty values, references as desired.Ref, numbers as number,
// service_metadata parsed. Maps in it are map[string]any, lists []any.

// number is a JSON number in one spelling: "1" for 1, 1.0 and 1e0.
type number string

// normalTop returns the normal form of a whole object.
func normalTop(def *desired.Definition, body map[string]any) map[string]any {
	return normalObject(def, body, true)
}

func normalObject(def *desired.Definition, body map[string]any, top bool) map[string]any {
	out := make(map[string]any, len(body))
	for name, v := range body {
		if top && assigned[name] || ignored[def.Name][name] {
			continue
		}
		f := def.Fields[name]
		if f == nil || f.ReadOnly {
			continue // a field that the vocabulary doesn't know is a newer controller's
		}
		if n := normalField(def, f, v); n != nil {
			out[name] = n
		}
	}
	return out
}

// normalField returns nil for a value that says no more than an absent one.
func normalField(def *desired.Definition, f *desired.Field, v any) any {
	if list, ok := v.([]any); ok {
		if len(list) == 0 {
			return nil
		}
		out := make([]any, 0, len(list))
		for _, e := range list {
			out = append(out, normalElement(f, e))
		}
		return out
	}
	if text, ok := v.(string); ok && !f.IsRef() {
		switch f.Name {
		case "service_metadata":
			v = normalMetadata(text)
		case "certificate":
			v = normalPEM(text)
		}
	}
	n := v
	if _, parsed := v.(metadata); !parsed {
		n = normalElement(f, v)
	}
	if isEmpty(n) && (f.Default == nil || isEmpty(normalDefault(f))) {
		return nil
	}
	if f.Default != nil && n == normalDefault(f) {
		return nil
	}
	return n
}

// normalElement returns the normal form of a value that isn't a list.
func normalElement(f *desired.Field, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if f.Def == nil {
			return v
		}
		return normalObject(f.Def, v, false)
	case string:
		if f.IsRef() {
			if r, ok := desired.ParseRef(v); ok {
				return r
			}
		}
		return v
	case json.Number:
		return normalNumber(v.String())
	case float64:
		text, _ := json.Marshal(v)
		return normalNumber(string(text))
	}
	return v
}

func normalDefault(f *desired.Field) any {
	switch d := f.Default.(type) {
	case float64:
		text, _ := json.Marshal(d)
		return normalNumber(string(text))
	default:
		return d
	}
}

func normalNumber(text string) any {
	if !strings.ContainsAny(text, ".eE") {
		return number(text)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return number(text)
	}
	return number(strings.TrimSuffix(strings.TrimRight(r.FloatString(12), "0"), "."))
}

// isEmpty reports whether a value in normal form is the zero of its type.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case number:
		return v == "0"
	case map[string]any:
		return len(v) == 0
	case metadata:
		return v == ""
	}
	return false
}

// metadata is the parsed text of service_metadata, written out canonically: no
// empty members, sorted members and string lists.
type metadata string

func normalMetadata(text string) any {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return text // not JSON: somebody else's, compared as it is
	}
	v = compact(v)
	if v == nil {
		return metadata("")
	}
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return metadata(out)
}

// compact drops zero values and sorts lists of strings, in place.
func compact(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e = compact(e); e == nil {
				delete(v, k)
			} else {
				v[k] = e
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
		slices.SortFunc(v, func(a, b any) int {
			x, okX := a.(string)
			y, okY := b.(string)
			if !okX || !okY {
				return 0
			}
			return strings.Compare(x, y)
		})
	case string:
		if v == "" {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	case json.Number:
		if v == "0" {
			return nil
		}
	}
	return v
}

// normalPEM makes texts equal that differ in line ends and outer white space.
func normalPEM(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
}

// text is the canonical JSON of a normal form, for sorting and printing.
func text(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(printable(v)); err != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// printable turns the normal form's own types into JSON values.
func printable(v any) any {
	switch v := v.(type) {
	case number:
		return json.Number(v)
	case metadata:
		if v == "" {
			return map[string]any{}
		}
		return json.RawMessage(v)
	case desired.Ref:
		return refText(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = printable(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = printable(e)
		}
		return out
	}
	return v
}

func refText(r desired.Ref) string {
	if r.Name != "" {
		return r.Type + "/" + r.Name
	}
	return r.Type + "/" + r.UUID
}
