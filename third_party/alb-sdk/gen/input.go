package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// field is what the API description says of one field; see pkg/avischema for
// the meaning of each key.
type field struct {
	Type       string        `json:"type"`
	Format     string        `json:"format"`
	Object     string        `json:"object"`
	List       string        `json:"list"`
	Required   bool          `json:"required"`
	ReadOnly   bool          `json:"readOnly"`
	Default    any           `json:"default"`
	Enum       []string      `json:"enum"`
	Min        json.Number   `json:"min"`
	Max        json.Number   `json:"max"`
	Special    []json.Number `json:"special"`
	MinItems   int           `json:"minItems"`
	MaxItems   int           `json:"maxItems"`
	RefersTo   string        `json:"refersTo"`
	Since      string        `json:"since"`
	Deprecated string        `json:"deprecated"`
	Unit       string        `json:"unit"`
}

// child is the definition that the field nests, or "" for a scalar.
func (f field) child(defs map[string]map[string]field) string {
	for _, name := range []string{f.Object, f.List} {
		if _, ok := defs[name]; ok {
			return name
		}
	}
	return ""
}

// sdkModel is the SDK's identifier of a definition, and for each JSON field
// name the Go identifier and the Go type.
type sdkModel struct {
	Go     string               `json:"go"`
	Fields map[string][2]string `json:"fields"`
}

type input struct {
	APIVersion string
	Defs       map[string]map[string]field
	SDK        map[string]sdkModel
}

func readInput(schemaPath, namesPath string) (input, error) {
	var schema struct {
		APIVersion  string                      `json:"apiVersion"`
		Definitions map[string]map[string]field `json:"definitions"`
	}
	if err := readJSON(schemaPath, &schema); err != nil {
		return input{}, fmt.Errorf("reading the vocabulary: %w", err)
	}
	in := input{APIVersion: schema.APIVersion, Defs: schema.Definitions}
	if err := readJSON(namesPath, &in.SDK); err != nil {
		return input{}, fmt.Errorf("reading the SDK's identifiers: %w", err)
	}
	for def, fields := range int64Lists {
		model, ok := in.SDK[def]
		if !ok {
			return input{}, fmt.Errorf("int64Lists names %s, which the SDK lacks", def)
		}
		for name, ident := range fields {
			if in.Defs[def][name].List != "integer" {
				return input{}, fmt.Errorf("int64Lists names %s.%s, which is not a list of integers", def, name)
			}
			model.Fields[name] = [2]string{ident, "[]int64"}
		}
	}
	return in, nil
}

// readJSON keeps numbers as written, so that a default is printed as the API
// description has it.
func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
