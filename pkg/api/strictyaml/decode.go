// Package strictyaml reads the YAML that people write by hand, and says
// exactly what is wrong with it.
//
// In comes one YAML document and a pointer to a struct whose fields carry
// `json` names; out come the filled struct, with defaults, and the line of
// every field. Unknown keys, keys given twice, values of the wrong type and
// values that a tag forbids are all collected, each with its line. It never
// guesses: a number where a string belongs is refused, not converted.
//
// The tags of a field:
//
//	json:"name"        its key; fields without a name are ignored
//	default:"value"    the value of an absent key (strings, booleans, integers)
//	enum:"A|B"         the values allowed; an absent key is always allowed
//	pattern:"regexp"   what a string must match, as a whole
//	maxLength:"n"      how many bytes a string may have
//	required:"true"    an absent or empty value is refused
//
// It may import only the YAML library.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// MaxSize is how many bytes a document may have. Registrations and
// configurations are a few hundred; a bigger file is a mistake.
const MaxSize = 1 << 20

// Source remembers where each value of a document stood.
type Source struct {
	File  string
	lines map[string]int
}

// Line returns the line of the field at a path such as "spec.vipNetworks[0].cidr";
// of its nearest ancestor that is there when it is absent; or 1.
func (s *Source) Line(path string) int {
	for p := path; p != ""; {
		if n, ok := s.lines[p]; ok {
			return n
		}
		i := strings.LastIndexAny(p, ".[")
		if i < 0 {
			break
		}
		p = p[:i]
	}
	return 1
}

// Decode fills v, a pointer to a struct, from the one document in data. The
// file name is only for messages. On failure the error is an *Error, and v
// holds what could be read.
func Decode(data []byte, file string, v any) (*Source, error) {
	d := &decoder{src: &Source{File: file, lines: map[string]int{}}, err: &Error{File: file}, visited: map[string]bool{}}
	rv := reflect.ValueOf(v).Elem()
	setDefaults(rv)
	root, ok := d.document(data)
	if ok {
		d.structure(root, rv, "")
	}
	d.err.sort()
	if len(d.err.Problems) > 0 {
		return d.src, d.err
	}
	return d.src, nil
}

// SetDefaults fills every field of the struct that v points to with the
// default of its tag, as Decode does before it reads.
func SetDefaults(v any) { setDefaults(reflect.ValueOf(v).Elem()) }

type decoder struct {
	src *Source
	err *Error
	// visited are the paths of the structs that have a node.
	visited map[string]bool
}

func (d *decoder) problem(n *yaml.Node, path, format string, args ...any) {
	line := 1
	if n != nil && n.Line > 0 {
		line = n.Line
	}
	d.err.Add(line, path, format, args...)
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// document returns the root node of the only document.
func (d *decoder) document(data []byte) (*yaml.Node, bool) {
	if len(data) > MaxSize {
		d.err.Add(1, "", "the file has %d bytes; at most %d are read", len(data), MaxSize)
		return nil, false
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		d.err.Add(1, "", "the file is empty")
		return nil, false
	} else if err != nil {
		d.syntax(err)
		return nil, false
	}
	var more yaml.Node
	switch err := dec.Decode(&more); {
	case err == nil && !isNull(&more):
		d.problem(&more, "", "a second document; one file holds one")
		return nil, false
	case err != nil && !errors.Is(err, io.EOF):
		d.syntax(err)
		return nil, false
	}
	if isNull(&doc) {
		d.err.Add(1, "", "the file is empty")
		return nil, false
	}
	return doc.Content[0], true
}

func (d *decoder) syntax(err error) {
	msg, line := err.Error(), 1
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		msg = strings.TrimPrefix(msg, m[0])
		if n, aerr := strconv.Atoi(m[1]); aerr == nil {
			line = n
		}
	}
	d.err.Add(line, "", "not YAML: %s", msg)
}

func isNull(n *yaml.Node) bool {
	if n.Kind == yaml.DocumentNode {
		return len(n.Content) == 0 || isNull(n.Content[0])
	}
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	d.visited[path] = true
	if n.Kind != yaml.MappingNode {
		d.problem(n, path, "a mapping is wanted, not %s", describe(n))
		return
	}
	fields := fieldsOf(v.Type())
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		f, ok := fields.byName[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.problem(key, path, "a key must be a word, not %s", describe(key))
			continue
		case !ok:
			d.problem(key, at, "unknown key%s", suggest(key.Value, fields.names))
			continue
		case seen[key.Value] > 0:
			d.problem(key, at, "given twice; first in line %d", seen[key.Value])
			continue
		}
		seen[key.Value] = key.Line
		d.src.lines[at] = key.Line
		if isNull(val) {
			continue // an empty value is an absent one
		}
		d.value(val, v.Field(f.index), f, at)
	}
	d.required(v, path, n.Line, seen)
}

// required reports the fields that must be there and are not. seen gives the
// lines of the keys that are; without it, those of a struct that is absent
// itself are meant.
func (d *decoder) required(v reflect.Value, path string, line int, seen map[string]int) {
	fields := fieldsOf(v.Type())
	for _, name := range fields.names {
		f, at := fields.byName[name], join(path, name)
		fv := v.Field(f.index)
		at0 := line
		if seen[name] > 0 {
			at0 = seen[name]
		}
		switch {
		case f.required && fv.IsZero() && !d.err.has(at):
			d.err.Add(at0, at, "is required")
		case fv.Kind() == reflect.Struct && !d.visited[at]:
			d.required(fv, at, at0, nil)
		}
	}
}

func (d *decoder) value(n *yaml.Node, v reflect.Value, f field, path string) {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.problem(n, path, "anchors and aliases are not read here; write the value out")
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Slice:
		d.list(n, v, f, path)
	case reflect.Map:
		d.stringMap(n, v, path)
	case reflect.String:
		if s, ok := d.text(n, path); ok {
			if why := f.checkString(s); why != "" {
				d.problem(n, path, "%s", why)
				return
			}
			if s != "" || f.def == "" { // "" means the default, as an absent key
				v.SetString(s)
			}
		}
	case reflect.Bool:
		b, err := strconv.ParseBool(n.Value)
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || err != nil {
			d.problem(n, path, "true or false is wanted, not %s", describe(n))
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(n.Value, 10, 32)
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
			d.problem(n, path, "a whole number is wanted, not %s", describe(n))
			return
		}
		v.SetInt(i)
	default:
		// Only our own struct types come here; their tests would show it.
		d.problem(n, path, "this field cannot be read from YAML (Go type %s)", v.Type())
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, f field, path string) {
	if n.Kind != yaml.SequenceNode {
		d.problem(n, path, "a list is wanted, not %s", describe(n))
		return
	}
	if len(n.Content) == 0 {
		v.SetZero() // an empty list is an absent one
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.src.lines[at] = item.Line
		if isNull(item) {
			d.problem(item, at, "an empty entry")
			continue
		}
		e := out.Index(i)
		setDefaults(e)
		d.value(item, e, field{pattern: f.pattern, enum: f.enum, maxLength: f.maxLength}, at)
	}
	v.Set(out)
}

func (d *decoder) stringMap(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, path, "a mapping is wanted, not %s", describe(n))
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		d.src.lines[at] = key.Line
		k := reflect.ValueOf(key.Value)
		if out.MapIndex(k).IsValid() {
			d.problem(key, at, "given twice")
			continue
		}
		if s, ok := d.text(val, at); ok {
			out.SetMapIndex(k, reflect.ValueOf(s))
		}
	}
	v.Set(out)
}

func (d *decoder) text(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		hint := ""
		if n.Kind == yaml.ScalarNode {
			hint = "; put it in quotes"
		}
		d.problem(n, path, "a string is wanted, not %s%s", describe(n), hint)
		return "", false
	}
	return n.Value, true
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.Tag {
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return n.Value
	case "!!null":
		return "nothing"
	}
	return strconv.Quote(n.Value)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
