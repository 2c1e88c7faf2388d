// Package normal brings Avi objects into the form in which two programs'
// results can be compared: what the controller adds is gone, references are
// by name, secrets are hashed, and lists without a meaningful order are
// sorted.
//
// What comes in: objects as JSON decoded into maps, as a client wrote them or
// as a controller shows them (references by uuid need "#name"). What goes out:
// new maps, with every number a [json.Number]; the input is left alone.
// Normalizing twice changes nothing. It
// does no I/O and knows no vocabulary: everything is told by field names.
package normal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// Dump is a controller's state in normal form.
type Dump struct {
	// SystemChanges holds what clients changed in objects that were there
	// before: by type's path and "cloud/name" (or the name, for a type outside
	// clouds), the fields that differ; null for one that is gone.
	SystemChanges map[string]map[string]map[string]any `json:"system_changes"`
	// Tenants holds what clients made: by tenant and type's path, the objects
	// sorted by name.
	Tenants map[string]map[string][]map[string]any `json:"tenants"`
}

// removed are the fields that say nothing about what a client wanted.
var removed = map[string]bool{
	"uuid": true, "url": true, "_last_modified": true, "tenant_ref": true,
	"cloud_config_cksum": true, "vsvip_cloud_config_cksum": true,
}

// unordered are the lists that mean the same in any order.
var unordered = map[string]bool{
	"servers": true, "members": true, "dns_info": true, "markers": true, "labels": true, "static_routes": true,
	"services": true, "conditions": true, "vh_domain_name": true, "values": true, "hostnames": true, "match_str": true,
	"namespace_ingress_name": true, "namespace_svc_name": true, "pool_group_refs": true, "hosts": true,
	"ssl_key_and_certificate_refs": true, "placement_networks": true, "vh_matches": true, "ingress": true,
}

// Object returns the normal form of an object of a type, given by its path
// ("pool").
func Object(typ string, obj map[string]any) map[string]any {
	out := message(obj, true)
	switch typ {
	case "sslkeyandcertificate":
		if key, ok := out["key"].(string); ok {
			sum := sha256.Sum256([]byte(key))
			out["key_sha256"] = hex.EncodeToString(sum[:])
			delete(out, "key")
		}
	case "vsdatascriptset":
		if scripts, ok := out["datascript"].([]any); ok {
			for _, s := range scripts {
				if m, ok := s.(map[string]any); ok && m["script"] != nil {
					m["script"] = "<text>"
				}
			}
		}
	}
	return out
}

// Objects normalizes a list of objects and sorts it by name.
func Objects(typ string, objs []map[string]any) []map[string]any {
	out := make([]map[string]any, len(objs))
	for i, o := range objs {
		out[i] = Object(typ, o)
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, _ := out[i]["name"].(string)
		b, _ := out[j]["name"].(string)
		return a < b
	})
	return out
}

// Fields normalizes some fields of an object, keeping nulls: the entries of
// [Dump.SystemChanges].
func Fields(typ string, fields map[string]any) map[string]any {
	out := Object(typ, fields)
	for k, v := range fields {
		if v == nil && !removed[k] {
			out[k] = nil
		}
	}
	return out
}

// Normalize returns the normal form of a dump, for instance of one read from
// a file.
func Normalize(d Dump) Dump {
	out := Dump{Tenants: map[string]map[string][]map[string]any{}, SystemChanges: map[string]map[string]map[string]any{}}
	for tenant, types := range d.Tenants {
		for typ, objs := range types {
			if len(objs) == 0 {
				continue
			}
			if out.Tenants[tenant] == nil {
				out.Tenants[tenant] = map[string][]map[string]any{}
			}
			out.Tenants[tenant][typ] = Objects(typ, objs)
		}
	}
	for typ, objs := range d.SystemChanges {
		for name, fields := range objs {
			if len(fields) == 0 {
				continue
			}
			if out.SystemChanges[typ] == nil {
				out.SystemChanges[typ] = map[string]map[string]any{}
			}
			out.SystemChanges[typ][name] = Fields(typ, fields)
		}
	}
	return out
}

// Text returns the dump as indented JSON with sorted keys, the format of the
// recorded scenarios.
func (d Dump) Text() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(d); err != nil {
		return nil, fmt.Errorf("encoding the dump: %w", err)
	}
	return b.Bytes(), nil
}

// Parse reads a dump and normalizes it.
func Parse(data []byte) (Dump, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var d Dump
	if err := dec.Decode(&d); err != nil {
		return Dump{}, err
	}
	return Normalize(d), nil
}

func message(in map[string]any, top bool) map[string]any {
	out := make(map[string]any, len(in))
	for k, v := range in {
		if v == nil || top && removed[k] || strings.HasSuffix(k, "cloud_config_cksum") {
			continue
		}
		out[k] = field(k, v)
	}
	return out
}

func field(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if name == "service_metadata" {
			return metadata(v)
		}
		return message(v, false)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = field(element(name), e)
		}
		if unordered[name] {
			sortList(out, identity[name])
		}
		return out
	case string:
		switch {
		case name == "service_metadata":
			var m map[string]any
			dec := json.NewDecoder(strings.NewReader(v))
			dec.UseNumber()
			if dec.Decode(&m) == nil {
				return metadata(m)
			}
		case name == "route_id":
			return uuidPattern.ReplaceAllString(v, "<id>")
		case strings.HasSuffix(name, "_ref"):
			return Reference(v)
		}
		return v
	default:
		if n, ok := number(v); ok {
			return n
		}
		return v
	}
}

// element is the name under which an element of a list is looked at.
func element(list string) string {
	if strings.HasSuffix(list, "_refs") {
		return strings.TrimSuffix(list, "s")
	}
	return ""
}

var uuidPattern = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

// Reference returns "type/name" for any spelling of a reference that has the
// name in it; other text comes back as it is.
func Reference(text string) string {
	i := strings.Index(text, "/api/")
	if i < 0 {
		return text
	}
	rest := strings.TrimLeft(text[i+len("/api/"):], "/")
	rest, fragment, named := strings.Cut(rest, "#")
	path, query, asked := strings.Cut(rest, "?")
	typ, uuid, _ := strings.Cut(strings.Trim(path, "/"), "/")
	switch {
	case named && fragment != "":
		return typ + "/" + fragment
	case asked:
		if values, err := url.ParseQuery(query); err == nil && values.Get("name") != "" {
			return typ + "/" + values.Get("name")
		}
		return typ + "/" + strings.TrimPrefix(query, "name=")
	default:
		return typ + "/" + uuid
	}
}

// metadata drops the empty members of a service_metadata and sorts its lists.
func metadata(in map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range in {
		if v, ok := metadataValue(v); ok {
			out[k] = v
		}
	}
	return out
}

// metadataValue returns the normal form of a value, and whether it says
// anything.
func metadataValue(v any) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		m := metadata(v)
		return m, len(m) > 0
	case []any:
		out := make([]any, 0, len(v))
		strs := true
		for _, e := range v {
			if m, ok := e.(map[string]any); ok {
				e = metadata(m)
			}
			_, isString := e.(string)
			strs = strs && isString
			out = append(out, e)
		}
		if strs {
			sortList(out, nil)
		}
		return out, len(out) > 0
	case string:
		return v, v != ""
	case bool:
		return v, v
	default:
		if n, ok := number(v); ok {
			return n, n != "0"
		}
		return v, v != nil
	}
}

// number spells a number one way, however it was decoded: 1, 1.0 and 1e0 are
// the same.
func number(v any) (json.Number, bool) {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return json.Number(strconv.FormatInt(i, 10)), true
		}
		f, err := v.Float64()
		if err != nil {
			return v, true
		}
		return json.Number(strconv.FormatFloat(f, 'f', -1, 64)), true
	case float64:
		return json.Number(strconv.FormatFloat(v, 'f', -1, 64)), true
	case int:
		return json.Number(strconv.Itoa(v)), true
	case int64:
		return json.Number(strconv.FormatInt(v, 10)), true
	}
	return "", false
}

// identity says, for some lists, what tells their elements apart: they are
// sorted by that before all else, as a reader would.
var identity = map[string][]string{
	"servers":       {"ip.addr", "port"},
	"services":      {"port", "override_network_profile_ref"},
	"static_routes": {"prefix.ip_addr.addr", "prefix.mask"},
}

// sortList orders values by the fields given, then by their JSON text.
func sortList(list []any, fields []string) {
	if len(list) < 2 {
		return
	}
	keys := make([]string, len(list))
	for i, v := range list {
		var b strings.Builder
		for _, path := range fields {
			b.WriteString(at(v, path))
			b.WriteByte(0)
		}
		if text, err := json.Marshal(v); err == nil {
			b.Write(text)
		}
		keys[i] = b.String()
	}
	sort.Stable(&byKey{list, keys})
}

// at returns a value inside v as text that sorts well: numbers by value.
func at(v any, path string) string {
	for _, name := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[name]
	}
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return fmt.Sprintf("%20s", v)
	}
	return ""
}

type byKey struct {
	list []any
	keys []string
}

func (s *byKey) Len() int           { return len(s.list) }
func (s *byKey) Less(i, j int) bool { return s.keys[i] < s.keys[j] }
func (s *byKey) Swap(i, j int) {
	s.list[i], s.list[j] = s.list[j], s.list[i]
	s.keys[i], s.keys[j] = s.keys[j], s.keys[i]
}
