package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

const lineWidth = 100

// comment says the facts of a field in a few sentences, wrapped. It begins
// with the Go identifier, as a Go comment should.
func comment(ident string, f field) []string {
	return wrap(ident + ": " + strings.Join(facts(f), " "))
}

func facts(f field) []string {
	var s []string
	add := func(format string, args ...any) { s = append(s, fmt.Sprintf(format, args...)) }

	add("%s.", kind(f))
	switch {
	case f.Required && f.ReadOnly:
		add("Required, set by the controller.")
	case f.Required:
		add("Required.")
	case f.ReadOnly:
		add("Set by the controller.")
	}
	if len(f.Enum) > 0 {
		add("One of %s.", strings.Join(f.Enum, ", "))
	}
	if r := bounds(f.Min.String(), f.Max.String()); r != "" {
		if len(f.Special) > 0 {
			r += ", or " + joinNumbers(f.Special)
		}
		add("Range %s.", r)
	}
	if f.MinItems > 0 {
		add("Items: at least %d.", f.MinItems)
	}
	if f.MaxItems > 0 {
		add("Items: at most %d.", f.MaxItems)
	}
	if f.Default != nil {
		add("Default %v.", f.Default)
	}
	if f.Unit != "" {
		add("Unit %s.", f.Unit)
	}
	if f.Since != "" {
		add("Since %s.", f.Since)
	}
	if f.Deprecated != "" {
		add("No longer used since %s.", f.Deprecated)
	}
	return s
}

// kind names what the field holds in the API's own terms.
func kind(f field) string {
	many := ""
	if f.List != "" {
		many = "list of "
	}
	switch {
	case f.RefersTo != "" && f.List != "":
		return "references to " + f.RefersTo
	case f.RefersTo != "":
		return "reference to " + f.RefersTo
	case f.Object != "":
		return f.Object
	case f.List != "":
		return many + f.List
	case f.Format != "":
		return f.Format
	default:
		return f.Type
	}
}

func bounds(low, high string) string {
	switch {
	case low == "" && high == "":
		return ""
	case low == "":
		return "up to " + high
	case high == "":
		return "from " + low
	default:
		return low + "-" + high
	}
}

func joinNumbers(ns []json.Number) string {
	out := make([]string, len(ns))
	for i, n := range ns {
		out[i] = n.String()
	}
	return strings.Join(out, ", ")
}

func wrap(text string) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > lineWidth {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
