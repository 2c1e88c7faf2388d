package avisim

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// view is how a client wants objects shown.
type view struct {
	st          *store
	base        string // "https://host"
	includeName bool
	skipDefault bool
	exportKey   bool // show sensitive fields
	version     int  // hide fields that are newer; 0 shows all
	fields      map[string]bool
}

// appendObject writes an object as a read shows it: what the client wrote,
// the defaults, and what the controller manages.
func (vw *view) appendObject(b []byte, o *object) []byte {
	b = append(b, '{')
	first := true
	for _, f := range o.t.def.fields {
		if vw.fields != nil && !vw.fields[f.name] && f.name != "url" && f.name != "uuid" && f.name != "name" {
			continue
		}
		if vw.version != 0 && f.since > vw.version {
			continue
		}
		mark := len(b)
		if !first {
			b = append(b, ',')
		}
		b = append(b, f.key...)
		var ok bool
		if b, ok = vw.appendTop(b, o, f); !ok {
			b = b[:mark]
			continue
		}
		first = false
	}
	return append(b, '}')
}

func (vw *view) appendTop(b []byte, o *object, f *field) ([]byte, bool) {
	switch f.name {
	case "uuid":
		return appendString(b, o.uuid), true
	case "url":
		return vw.appendRef(b, o), true
	case "_last_modified":
		b = append(b, '"')
		b = strconv.AppendInt(b, o.modified, 10)
		return append(b, '"'), true
	case "tenant_ref":
		return vw.appendRef(b, o.tenant), true
	case "cloud_ref":
		if o.cloud != nil {
			return vw.appendRef(b, o.cloud), true
		}
	}
	if v, ok := o.body[f.name]; ok && !vw.omits(f) {
		return vw.appendField(b, f, v), true
	}
	if vw.skipDefault {
		return b, false
	}
	if f.isRef && !vw.st.assume.NoImpliedRefs {
		if target := vw.st.implied(o, f.name); target != nil {
			return vw.appendRef(b, target), true
		}
	}
	if f.fallbackJSON != "" {
		return append(b, f.fallbackJSON...), true
	}
	return b, false
}

// omits says whether the field is left out for being a secret.
func (vw *view) omits(f *field) bool {
	return f.sensitive && !vw.exportKey && vw.st.assume.OmitSensitive
}

func (vw *view) appendField(b []byte, f *field, v any) []byte {
	if f.sensitive && !vw.exportKey {
		return appendString(b, sensitiveText)
	}
	if list, ok := v.([]any); ok {
		b = append(b, '[')
		for i, e := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = vw.appendValue(b, f, e)
		}
		return append(b, ']')
	}
	return vw.appendValue(b, f, v)
}

func (vw *view) appendValue(b []byte, f *field, v any) []byte {
	switch v := v.(type) {
	case *object:
		return vw.appendRef(b, v)
	case string:
		return appendString(b, v)
	case json.Number:
		return append(b, v...)
	case bool:
		return strconv.AppendBool(b, v)
	case message:
		return vw.appendMessage(b, f.def, v)
	default:
		return append(b, "null"...)
	}
}

func (vw *view) appendMessage(b []byte, def *definition, m message) []byte {
	b = append(b, '{')
	first := true
	for _, f := range def.fields {
		if vw.version != 0 && f.since > vw.version {
			continue
		}
		v, ok := m[f.name]
		if !ok && (vw.skipDefault || f.fallbackJSON == "") {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, f.key...)
		if ok {
			b = vw.appendField(b, f, v)
		} else {
			b = append(b, f.fallbackJSON...)
		}
	}
	return append(b, '}')
}

func (vw *view) appendRef(b []byte, o *object) []byte {
	b = append(b, '"')
	b = append(b, vw.base...)
	b = append(b, "/api/"...)
	b = append(b, o.t.path...)
	b = append(b, '/')
	b = append(b, o.uuid...)
	if vw.includeName && o.name != "" {
		b = append(b, '#')
		b = appendEscaped(b, o.name)
	}
	return append(b, '"')
}

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	b = appendEscaped(b, s)
	return append(b, '"')
}

const hexDigits = "0123456789abcdef"

// appendEscaped writes the inside of a JSON string.
func appendEscaped(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(b, s[start:]...)
}
