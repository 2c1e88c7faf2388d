package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/akohub/akohub/pkg/api/strictyaml"
)

// parse reads one YAML (or JSON) mapping.
func parse(data []byte) (map[string]any, error) {
	if len(data) > strictyaml.MaxSize {
		return nil, fmt.Errorf("%d bytes; at most %d are read", len(data), strictyaml.MaxSize)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var root map[string]any
	if err := dec.Decode(&root); errors.Is(err, io.EOF) || err == nil && root == nil {
		return nil, errors.New("it is empty")
	} else if err != nil {
		return nil, err
	}
	var more any
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document; one is wanted")
	}
	return root, nil
}

// leaf is a value that is not a mapping, or an empty mapping.
type leaf struct {
	path  string
	value any
}

// rank puts the value that wins first, where two paths give one key: the chart
// prefers NetworkSettings.defaultDomain, and an empty one is none.
func (l leaf) rank() int {
	r := 0
	if strings.HasPrefix(l.path, "L4Settings.") {
		r = 1
	}
	if s, ok := l.value.(string); ok && s == "" {
		r += 2
	}
	return r
}

// leaves lists the leaves of a tree of mappings, sorted by path.
func leaves(m map[string]any, prefix string) []leaf {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var out []leaf
	for _, k := range keys {
		path := prefix + k
		switch v := m[k].(type) {
		case map[string]any:
			out = append(out, leaves(v, path+".")...)
		case nil: // an empty value is an absent one
		default:
			out = append(out, leaf{path, v})
		}
	}
	return out
}

// text gives a scalar as the chart would print it into the ConfigMap, without
// spaces around it.
func (in input) text() (string, error) {
	v, err := in.word()
	return strings.TrimSpace(v), err
}

// word is text with the spaces that are around it.
func (in input) word() (string, error) {
	switch v := in.value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int, int64, uint64, float64:
		return fmt.Sprint(v), nil
	}
	return "", fmt.Errorf("a word is wanted, not a %T", in.value)
}

// boolean reads a scalar as AKO does; what it can't read has the value that
// the caller says.
func (im *importer) boolean(in input, unreadable bool) (bool, error) {
	s, err := in.text()
	if err != nil {
		return false, err
	}
	if s == "" {
		return unreadable, nil
	}
	b, err := strconv.ParseBool(s)
	if err != nil {
		im.note("%s is %q, neither true nor false; AKO takes that for %t", in.path, s, unreadable)
		return unreadable, nil
	}
	return b, nil
}

// list reads a list, which a ConfigMap carries as JSON text, into out, a
// pointer to a slice; fields of structs by their yaml tags. Keys of entries
// that out has no field for are unknown.
func (im *importer) list(in input, out any) error {
	var data []byte
	switch v := in.value.(type) {
	case string:
		if s := strings.TrimSpace(v); s == "" || s == "null" {
			return nil
		}
		data = []byte(v)
	default:
		var err error
		if data, err = yaml.Marshal(v); err != nil {
			return err
		}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err := dec.Decode(out)
	if err == nil {
		return nil
	}
	// Read again without complaint about unknown keys, and name those.
	var plain []map[string]any
	if yaml.Unmarshal(data, &plain) != nil {
		return fmt.Errorf("not a list as AKO wants it: %w", err)
	}
	if lerr := yaml.Unmarshal(data, out); lerr != nil {
		return fmt.Errorf("not a list as AKO wants it: %w", lerr)
	}
	for i, m := range plain {
		for k := range m {
			if !networkKeys[k] {
				im.res.Unknown = append(im.res.Unknown, fmt.Sprintf("%s[%d].%s", in.path, i, k))
			}
		}
	}
	return nil
}
