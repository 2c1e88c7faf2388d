package plan

import (
	"encoding/json"

	"github.com/akohub/akohub/hub/desired"
)

// redacted stands for a secret in everything that is printed.
const redacted = "<redacted>"

// redactAny returns a copy of a value of the definition without its secrets.
func redactAny(def *desired.Definition, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			f := def.Fields[name]
			switch {
			case isSecret(def.Name, name):
				out[name] = redacted
			case f != nil && f.Def != nil:
				out[name] = redactAny(f.Def, e)
			default:
				out[name] = redactAny(def, e)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = redactAny(def, e)
		}
		return out
	case json.Number: // YAML would print it as text
		if n, err := v.Int64(); err == nil {
			return n
		}
		if n, err := v.Float64(); err == nil {
			return n
		}
	}
	return v
}

// RedactBody returns a copy of an object's body that may be printed.
func RedactBody(typ string, body map[string]any) map[string]any {
	def := desired.Type(typ)
	if def == nil {
		return nil
	}
	out, _ := redactAny(def, body).(map[string]any)
	return out
}
