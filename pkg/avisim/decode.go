package avisim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A message is an object's body, or a part of one, in canonical form: only
// what a client wrote, every value of the type that the vocabulary says
// (string, bool, [json.Number], message, []any), and every reference either a
// *object or, for types that the simulator doesn't have, the text as written.
// A committed message is never changed; a write makes a new one.
type message = map[string]any

// parseJSON reads one JSON object and nothing after it.
func parseJSON(body []byte) (map[string]any, error) {
	v, err := parseJSONValue(body)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, badRequest("JSON parse error - expected an object")
	}
	return m, nil
}

func parseJSONValue(body []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, badRequest("JSON parse error - " + err.Error())
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, badRequest("JSON parse error - extra data after the first value")
	}
	return v, nil
}

// decoder checks what a client sent against the vocabulary and makes it
// canonical, except for references, which it collects: resolving them needs
// the store.
type decoder struct {
	admission
	refs []pendingRef
}

// admission is by which rules a body is checked.
type admission struct {
	// trusted bodies (the seed's) may leave out required fields and set
	// read-only ones.
	trusted bool
	// edition is "essentials" or "basic" when the licence restricts values.
	edition string
	// version, if set, is the newest release whose fields are taken.
	version int
}

// pendingRef is a reference to be resolved, and where the result goes.
type pendingRef struct {
	in    message
	list  []any // set instead of in for an element of a list
	index int
	owner *definition
	field *field
	text  string
}

// fieldError says which field of a body is wrong. The path grows as the error
// travels up, so that a body without errors costs nothing.
type fieldError struct {
	path []string // innermost first
	text string
}

func (e *fieldError) Error() string {
	var b strings.Builder
	for i := len(e.path) - 1; i >= 0; i-- {
		if b.Len() > 0 && !strings.HasPrefix(e.path[i], "[") {
			b.WriteByte('.')
		}
		b.WriteString(e.path[i])
	}
	return b.String() + ": " + e.text
}

func wrong(format string, args ...any) *fieldError {
	return &fieldError{text: fmt.Sprintf(format, args...)}
}

func (e *fieldError) under(segment string) *fieldError {
	e.path = append(e.path, segment)
	return e
}

// body decodes a whole object. The fields that the controller manages must
// have been taken out before (see splitManaged).
func (d *decoder) body(t *objectType, in map[string]any) (message, error) {
	out, err := d.message(t.def, in)
	if err != nil {
		return nil, badRequest(err.under(t.name).Error())
	}
	return out, nil
}

func (d *decoder) message(def *definition, in map[string]any) (message, *fieldError) {
	out := make(message, len(in))
	for name, v := range in {
		if v == nil {
			continue // null is absent
		}
		f := def.byName[name]
		if f == nil {
			return nil, wrong("%s has no such field", def.name).under(name)
		}
		if d.version != 0 && f.since > d.version {
			return nil, wrong("%s has no such field in the version asked for", def.name).under(name)
		}
		if f.readOnly && !d.trusted {
			if f.fallback != nil && f.fallback == v {
				continue // an echo of what a read filled in
			}
			return nil, wrong("is read-only").under(name)
		}
		value, err := d.value(def, f, v, out)
		if err != nil {
			return nil, err.under(name)
		}
		out[name] = value
	}
	if def.name == "IpAddr" {
		if err := checkIPAddr(out); err != nil {
			return nil, err
		}
	}
	if !d.trusted {
		for _, f := range def.required {
			if _, ok := out[f.name]; !ok {
				return nil, wrong("is required").under(f.name)
			}
		}
	}
	return out, nil
}

func (d *decoder) value(def *definition, f *field, v any, out message) (any, *fieldError) {
	if !f.list {
		p := pendingRef{in: out, owner: def, field: f}
		return d.scalar(f, v, p)
	}
	in, ok := v.([]any)
	if !ok {
		return nil, wrong("expected a list, got %s", jsonType(v))
	}
	if f.minItems != nil && len(in) < *f.minItems {
		return nil, wrong("has %d items, fewer than %d", len(in), *f.minItems)
	}
	if f.maxItems != nil && len(in) > *f.maxItems {
		return nil, wrong("has %d items, more than %d", len(in), *f.maxItems)
	}
	list := make([]any, len(in))
	for i, e := range in {
		value, err := d.scalar(f, e, pendingRef{list: list, index: i, owner: def, field: f})
		if err != nil {
			return nil, err.under("[" + strconv.Itoa(i) + "]")
		}
		list[i] = value
	}
	return list, nil
}

// scalar decodes one value: a field's, or one element of a list.
func (d *decoder) scalar(f *field, v any, p pendingRef) (any, *fieldError) {
	switch f.kind {
	case kindObject:
		in, ok := v.(map[string]any)
		if !ok {
			return nil, wrong("expected an object, got %s", jsonType(v))
		}
		return d.nested(f, in)
	case kindString:
		s, ok := v.(string)
		if !ok {
			return nil, wrong("expected a string, got %s", jsonType(v))
		}
		if f.isRef {
			if f.target != nil {
				p.text = s
				d.refs = append(d.refs, p)
			}
			return s, nil
		}
		if f.enum != nil {
			if _, ok := f.enum[s]; !ok {
				return nil, wrong("%q is not one of %s", s, f.enumText)
			}
		}
	case kindBoolean:
		if _, ok := v.(bool); !ok {
			return nil, wrong("expected a boolean, got %s", jsonType(v))
		}
	case kindInteger, kindNumber:
		n, ok := v.(json.Number)
		if !ok {
			return nil, wrong("expected %s, got %s", kindText(f.kind), jsonType(v))
		}
		if err := f.checkNumber(n); err != nil {
			return nil, err
		}
	}
	if d.edition != "" {
		if err := f.checkEdition(d.edition, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// checkIPAddr refuses an address that isn't one, or not of its family; a type
// may also be DNS, and then the address is a name.
func checkIPAddr(m message) *fieldError {
	text, ok := m["addr"].(string)
	family := m["type"]
	if !ok || family != "V4" && family != "V6" {
		return nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return wrong("%q is not an IP address", text).under("addr")
	}
	if addr.Is4() != (family == "V4") {
		return wrong("%s is not of type %s", text, family).under("addr")
	}
	return nil
}

// nested exists so that a nil *fieldError isn't turned into a non-nil any.
func (d *decoder) nested(f *field, in map[string]any) (any, *fieldError) {
	m, err := d.message(f.def, in)
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (f *field) checkNumber(n json.Number) *fieldError {
	text := n.String()
	var value float64
	if f.kind == kindInteger {
		switch f.format {
		case "uint32", "uint64":
			u, err := strconv.ParseUint(text, 10, bitSize(f.format))
			if err != nil {
				return wrong("%s is not a %s", text, f.format)
			}
			value = float64(u)
		default:
			i, err := strconv.ParseInt(text, 10, bitSize(f.format))
			if err != nil {
				return wrong("%s is not an integer of the size allowed", text)
			}
			value = float64(i)
		}
	} else {
		var err error
		if value, err = n.Float64(); err != nil || math.IsInf(value, 0) {
			return wrong("%s is not a number of the size allowed", text)
		}
	}
	if (f.min == nil || value >= *f.min) && (f.max == nil || value <= *f.max) || slices.Contains(f.special, value) {
		return nil
	}
	return wrong("%s is out of range %s", text, f.rangeText())
}

func (f *field) rangeText() string {
	bound := func(p *float64) string {
		if p == nil {
			return "*"
		}
		return strconv.FormatFloat(*p, 'f', -1, 64)
	}
	s := bound(f.min) + "-" + bound(f.max)
	for _, x := range f.special {
		s += ", " + strconv.FormatFloat(x, 'f', -1, 64)
	}
	return s
}

func (f *field) checkEdition(edition string, v any) *fieldError {
	allowed, ok := f.editions[edition]
	if !ok {
		return nil
	}
	text := fmt.Sprint(v)
	if slices.Contains(allowed, text) {
		return nil
	}
	return wrong("%s is not allowed with the %s licence (allowed: %s)", text, edition, strings.Join(allowed, ", "))
}

func bitSize(format string) int {
	if strings.HasSuffix(format, "32") {
		return 32
	}
	return 64
}

func kindText(k kind) string {
	if k == kindInteger {
		return "an integer"
	}
	return "a number"
}

func jsonType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}
