package plan

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/desired"
)

const (
	cluster   = "c1"
	createdBy = "ako-c1"
	tenant    = "t"
)

func key(typ, name string) Key { return Key{Tenant: tenant, Type: typ, Name: name} }

// body parses JSON as hub/avi does: numbers stay text.
func body(t testing.TB, text string) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out
}

func mark(b map[string]any, typ string) {
	if desired.Type(typ).Fields["created_by"] != nil {
		if b["created_by"] == nil {
			b["created_by"] = createdBy
		}
		return
	}
	if b["markers"] == nil {
		b["markers"] = []any{map[string]any{"key": "clustername", "values": []any{cluster}}}
	}
}

// want makes a wanted object of the members of a JSON object.
func want(t testing.TB, typ, name, members string) *desired.Object {
	t.Helper()
	b := body(t, "{"+members+"}")
	b["name"] = name
	mark(b, typ)
	o, err := desired.FromBody(key(typ, name), b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// have makes an observed object of the members of a JSON object.
func have(t testing.TB, typ, name, members string) *Observed {
	t.Helper()
	b := body(t, "{"+members+"}")
	b["name"], b["uuid"], b["_last_modified"] = name, typ+"-"+name, "1700000000000000"
	b["url"] = "https://h/api/" + typ + "/" + typ + "-" + name
	b["tenant_ref"] = "https://h/api/tenant/tenant-1#" + tenant
	mark(b, typ)
	o, err := NewObserved(tenant, typ, b)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// asRead is what a controller answers about an object that was written:
// references with UUIDs and names, the given defaults filled in.
func asRead(t testing.TB, o *desired.Object) *Observed {
	t.Helper()
	text, err := json.Marshal(answered(o.Body))
	if err != nil {
		t.Fatal(err)
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(string(text), "{"), "}")
	return have(t, o.Key.Type, o.Key.Name, inner)
}

func answered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if s, ok := e.(string); ok && k == "name" {
				out[k] = s // an L4 rule's name looks like a reference
				continue
			}
			out[k] = answered(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = answered(e)
		}
		return out
	case string:
		if r, ok := desired.ParseRef(v); ok && r.UUID == "" {
			return fmt.Sprintf("https://h/api/%s/%s-%s#%s", r.Type, r.Type, r.Name, r.Name)
		}
	}
	return v
}

func observedOf(objects ...*Observed) map[Key]*Observed {
	out := map[Key]*Observed{}
	for _, o := range objects {
		out[o.Key] = o
	}
	return out
}

func input(desired []*desired.Object, observed map[Key]*Observed) Input {
	return Input{Cluster: cluster, CreatedBy: createdBy, Desired: desired, Observed: observed, Mode: ModeEnforce, Brake: Brake{MaxShare: 1}}
}

// ops lists the steps, one a line.
func ops(p Plan) []string {
	out := []string{}
	for _, s := range p.Steps {
		out = append(out, string(s.Op)+" "+s.Key.Type+"/"+s.Key.Name)
	}
	return out
}
