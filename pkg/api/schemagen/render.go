package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// node keeps the keys of a JSON object in the order they were added.
type node struct {
	keys   []string
	values []any
}

func (n *node) add(key string, value any) *node {
	n.keys, n.values = append(n.keys, key), append(n.values, value)
	return n
}

// MarshalJSON writes the keys in order.
func (n *node) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, k := range n.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		v, err := marshal(n.values[i])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s:%s", strconv.Quote(k), v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// schema renders a JSON Schema (draft 7: the newest that the editors' YAML
// language server knows whole).
func schema(t *typ, id string) ([]byte, error) {
	root := (&node{}).
		add("$schema", "http://json-schema.org/draft-07/schema#").
		add("$id", id).
		add("description", t.doc)
	if err := typeInto(root, t); err != nil {
		return nil, err
	}
	raw, err := marshal(root)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func typeInto(n *node, t *typ) error {
	switch t.kind {
	case "array":
		items := &node{}
		if err := typeInto(items, t.elem); err != nil {
			return err
		}
		n.add("type", "array").add("items", items)
	case "map":
		values := &node{}
		if err := typeInto(values, t.elem); err != nil {
			return err
		}
		n.add("type", "object").add("additionalProperties", values)
	case "object":
		props, required := &node{}, []string{}
		for _, f := range t.fields {
			p, err := fieldSchema(f)
			if err != nil {
				return err
			}
			props.add(f.name, p)
			if f.required || requiredInside(f.typ) {
				required = append(required, f.name)
			}
		}
		n.add("type", "object").add("properties", props)
		if len(required) > 0 {
			n.add("required", required)
		}
		n.add("additionalProperties", false)
	default:
		n.add("type", t.kind)
	}
	return nil
}

// requiredInside says whether an object can't be left out since something in it
// is required.
func requiredInside(t *typ) bool {
	if t.kind != "object" {
		return false
	}
	for _, f := range t.fields {
		if f.required || requiredInside(f.typ) {
			return true
		}
	}
	return false
}

func fieldSchema(f fieldInfo) (*node, error) {
	doc := f.doc
	if f.ako != "" {
		doc += " (AKO: " + f.ako + ")"
	}
	p := (&node{}).add("description", doc)
	if err := typeInto(p, f.typ); err != nil {
		return nil, err
	}
	if f.enum != nil {
		p.add("enum", f.enum)
	}
	if f.pattern != "" {
		p.add("pattern", "^(?:"+f.pattern+")$")
	}
	if f.maxLength > 0 {
		p.add("maxLength", f.maxLength)
	}
	if f.def != "" {
		if f.typ.kind == "string" {
			p.add("default", f.def)
		} else {
			p.add("default", json.RawMessage(f.def))
		}
	}
	return p, nil
}

// reference renders a page of tables, one for each object.
func reference(t *typ, p page) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n<!-- Written by go run ./pkg/api/schemagen from %s; edit the doc comments there. -->\n\n", p.title, p.dir)
	fmt.Fprintf(&b, "%s\n\nJSON Schema for editors: [%s](../schema/%s).\n", p.intro, p.schema[len("docs/schema/"):], p.schema[len("docs/schema/"):])
	section(&b, t, "")
	return []byte(b.String())
}

func section(b *strings.Builder, t *typ, path string) {
	withAKO := false
	for _, f := range t.fields {
		withAKO = withAKO || f.ako != ""
	}
	if path == "" {
		b.WriteString("\n## Top level\n\n")
	} else {
		fmt.Fprintf(b, "\n## %s\n\n%s\n\n", path, t.doc)
	}
	b.WriteString("| field | type | default | meaning |")
	if withAKO {
		b.WriteString(" AKO |")
	}
	b.WriteString("\n|---|---|---|---|")
	if withAKO {
		b.WriteString("---|")
	}
	b.WriteString("\n")
	for _, f := range t.fields {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |", f.name, typeWord(f), defaultWord(f), cell(f.doc))
		if withAKO {
			ako := ""
			if f.ako != "" {
				ako = "`" + strings.ReplaceAll(f.ako, ", ", "`, `") + "`"
			}
			fmt.Fprintf(b, " %s |", ako)
		}
		b.WriteString("\n")
	}
	for _, f := range t.fields {
		at := f.name
		if path != "" {
			at = path + "." + f.name
		}
		switch {
		case f.typ.kind == "object":
			section(b, f.typ, at)
		case f.typ.kind == "array" && f.typ.elem.kind == "object":
			section(b, f.typ.elem, at+"[]")
		}
	}
}

func typeWord(f fieldInfo) string {
	switch {
	case f.enum != nil:
		return "`" + strings.Join(f.enum, "`, `") + "`"
	case f.typ.kind == "array" && f.typ.elem.kind == "object":
		return "list of objects"
	case f.typ.kind == "array":
		return "list of " + f.typ.elem.kind + "s"
	case f.typ.kind == "map":
		return "map of " + f.typ.elem.kind + "s"
	}
	return f.typ.kind
}

func defaultWord(f fieldInfo) string {
	switch {
	case f.required:
		return "**required**"
	case f.def != "":
		return "`" + f.def + "`"
	case f.typ.kind == "boolean":
		return "`false`"
	}
	return ""
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
