package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"

	"gopkg.in/yaml.v3"
)

// yamlText is a value as YAML with its fields in the order of its JSON, so that
// what something is comes before what is in it.
func yamlText(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node // JSON is YAML
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("printing as YAML: %w", err)
	}
	unquote(&doc)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return nil, fmt.Errorf("printing as YAML: %w", err)
	}
	return b.Bytes(), enc.Close()
}

// ambiguous is text that YAML 1.1 takes for something else than text, where
// YAML 1.2 does not.
var ambiguous = regexp.MustCompile(`^(?i:y|n|yes|no|on|off)$|^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)

// unquote takes JSON's braces and quotes away where YAML needs none.
func unquote(n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode, yaml.SequenceNode:
		if len(n.Content) > 0 {
			n.Style = 0
		}
	case yaml.ScalarNode:
		if !ambiguous.MatchString(n.Value) {
			n.Style = 0
		}
	}
	for _, c := range n.Content {
		unquote(c)
	}
}
