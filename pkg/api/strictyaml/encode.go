package strictyaml

import (
	"bytes"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Encode writes a struct that Decode can read, fields in the order of the
// struct, leaving out those that have their default. A field tagged
// always:"true" is written even then. Decoding the result gives an equal value.
func Encode(v any) ([]byte, error) {
	rv := reflect.Indirect(reflect.ValueOf(v))
	n, err := encodeStruct(rv)
	if err != nil {
		return nil, fmt.Errorf("encoding %s as YAML: %w", rv.Type(), err)
	}
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return nil, fmt.Errorf("encoding %s as YAML: %w", rv.Type(), err)
	}
	return buf.Bytes(), nil
}

func encodeStruct(v reflect.Value) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	fs := fieldsOf(v.Type())
	for _, name := range fs.names {
		f := fs.byName[name]
		fv := v.Field(f.index)
		if !f.always && isDefault(fv, f) {
			continue
		}
		val, err := encodeValue(fv)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if val.Kind == yaml.MappingNode && len(val.Content) == 0 && !f.always {
			continue
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, val)
	}
	return n, nil
}

func isDefault(v reflect.Value, f field) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Bool:
		return v.Bool() == (f.def == "true")
	case reflect.String:
		// An empty string where the default is not empty can't be told from an
		// absent key; it means the default.
		return v.String() == f.def || v.Len() == 0
	case reflect.Int, reflect.Int32, reflect.Int64:
		return v.IsZero() && f.def == "" || strconv.FormatInt(v.Int(), 10) == f.def
	}
	return false
}

func encodeValue(v reflect.Value) (*yaml.Node, error) {
	switch v.Kind() {
	case reflect.Struct:
		return encodeStruct(v)
	case reflect.String:
		return scalar("!!str", v.String()), nil
	case reflect.Bool:
		return scalar("!!bool", strconv.FormatBool(v.Bool())), nil
	case reflect.Int, reflect.Int32, reflect.Int64:
		return scalar("!!int", strconv.FormatInt(v.Int(), 10)), nil
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			e, err := encodeValue(v.Index(i))
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, e)
		}
		return n, nil
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		keys := make([]string, 0, v.Len())
		for _, k := range v.MapKeys() {
			keys = append(keys, k.String())
		}
		sort.Strings(keys)
		for _, k := range keys {
			e, err := encodeValue(v.MapIndex(reflect.ValueOf(k)))
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, scalar("!!str", k), e)
		}
		return n, nil
	}
	return nil, fmt.Errorf("values of Go type %s have no YAML form here", v.Type())
}

// scalar leaves the quoting to the library, which quotes a string that would
// read as something else; except that it does not know the words that older
// YAML takes for true and false.
func scalar(tag, value string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
	if tag == "!!str" {
		switch strings.ToLower(value) {
		case "yes", "no", "on", "off", "y", "n":
			n.Style = yaml.DoubleQuotedStyle
		}
	}
	return n
}
