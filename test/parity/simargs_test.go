package parity

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// simArgs configure the simulated controller of a scenario: flags of the
// recordings' simulator (-tenants red,blue), as a list or in one text, or the
// same as fields.
type simArgs struct {
	// tenants are there besides the seed's.
	tenants []string
}

func (a *simArgs) UnmarshalJSON(data []byte) error {
	var written any
	if err := json.Unmarshal(data, &written); err != nil {
		return err
	}
	switch w := written.(type) {
	case nil:
		return nil
	case string:
		return a.flags(strings.Fields(w))
	case []any:
		var words []string
		for _, word := range w {
			words = append(words, fmt.Sprint(word))
		}
		return a.flags(words)
	case map[string]any:
		for name, value := range w {
			if err := a.set(name, value); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("simArgs: %s is neither flags nor fields", data)
}

func (a *simArgs) flags(words []string) error {
	for i := 0; i < len(words); i++ {
		name, value, inOne := strings.Cut(strings.TrimLeft(words[i], "-"), "=")
		if !inOne {
			if i++; i == len(words) {
				return fmt.Errorf("simArgs: %s has no value", words[i-1])
			}
			value = words[i]
		}
		if err := a.set(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (a *simArgs) set(name string, value any) error {
	switch strings.ToLower(strings.ReplaceAll(name, "-", "")) {
	case "tenants":
		list, isList := value.([]any)
		if !isList {
			a.tenants = append(a.tenants, strings.Split(fmt.Sprint(value), ",")...)
			return nil
		}
		for _, tenant := range list {
			a.tenants = append(a.tenants, fmt.Sprint(tenant))
		}
	case "order", "listorder":
		// What AKO made of it is the same in any order that the hub reads lists
		// in: it sorts them. The simulator's is that of creation.
	default:
		return fmt.Errorf("simArgs: %s is not known to the runner", name)
	}
	return nil
}

func TestSimArgs(t *testing.T) {
	for in, want := range map[string][]string{
		`null`:                               nil,
		`{}`:                                 nil,
		`{"tenants": ["red", "blue"]}`:       {"red", "blue"},
		`{"tenants": "red,blue"}`:            {"red", "blue"},
		`["-tenants", "red,blue"]`:           {"red", "blue"},
		`["--tenants=red", "-list-order=x"]`: {"red"},
		`"-tenants red,blue -order newest"`:  {"red", "blue"},
	} {
		var got simArgs
		if err := json.Unmarshal([]byte(in), &got); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if diff := cmp.Diff(want, got.tenants); diff != "" {
			t.Errorf("%s: -want +got\n%s", in, diff)
		}
	}
	for _, in := range []string{`["-tenants"]`, `["-latency", "5ms"]`, `{"latency": 5}`, `7`} {
		if err := json.Unmarshal([]byte(in), new(simArgs)); err == nil {
			t.Errorf("%s was accepted", in)
		}
	}
}
