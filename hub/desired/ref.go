package desired

import (
	"net/url"
	"strings"
)

// Ref is what the text of a reference says.
type Ref struct {
	// Type is the path segment of the API ("pool").
	Type string
	// UUID and Name: at least one is set. A controller's answer has both when
	// it was asked with include_name.
	UUID string
	Name string
}

// ParseRef understands every spelling of a reference that clients and
// controllers use: "/api/pool/?name=x", "/api/pool?name=x", "/api/pool/UUID",
// "https://host/api/pool/UUID#x" (avi-rest.md §3, §6). It reports false for a
// text that is none, among them the empty one, which the API takes for absent.
func ParseRef(text string) (Ref, bool) {
	if !strings.HasPrefix(text, "/") {
		_, rest, ok := strings.Cut(text, "://")
		if !ok {
			return Ref{}, false
		}
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return Ref{}, false
		}
		text = rest[slash:]
	}
	text, ok := strings.CutPrefix(strings.TrimLeft(text, "/"), "api/")
	if !ok {
		return Ref{}, false
	}
	text, name, _ := strings.Cut(text, "#")
	path, query, hasQuery := strings.Cut(text, "?")
	typ, uuid, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	r := Ref{Type: typ, UUID: strings.Trim(uuid, "/"), Name: name}
	if r.Type == "" || strings.Contains(r.UUID, "/") {
		return Ref{}, false
	}
	if hasQuery {
		if n := nameParam(query); n != "" {
			r.Name = n
		}
	}
	if r.UUID == "" && r.Name == "" {
		return Ref{}, false
	}
	return r, true
}

// nameParam returns the parameter "name" of a query, unescaped. A name that
// isn't escaped and can't be unescaped is meant as it is (avi-rest.md §8, 26).
func nameParam(query string) string {
	for query != "" {
		var param string
		param, query, _ = strings.Cut(query, "&")
		if raw, ok := strings.CutPrefix(param, "name="); ok {
			if name, err := url.QueryUnescape(raw); err == nil {
				return name
			}
			return raw
		}
	}
	return ""
}
