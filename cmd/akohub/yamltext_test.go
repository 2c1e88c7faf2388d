package main

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	sigsyaml "sigs.k8s.io/yaml"
)

// Fields keep their order, and every reader of YAML finds what was in the JSON.
func TestYAMLText(t *testing.T) {
	in := `{"op":"create","name":"x","body":{"b":[],"a":[{"z":1,"y":"1"},{}],"texts":["yes","off","1:20","10.0.0.1:80","true","null","","~","a: b","- x","<b> & \"c\"","line\nline\n"," x","0x1f","1e3","ü"],"n":12345678901234,"f":0.5,"t":true,"nil":null}}`
	got, err := yamlText(json.RawMessage(in))
	if err != nil {
		t.Fatal(err)
	}
	const begins = "op: create\nname: x\nbody:\n  b: []\n  a:\n    - z: 1\n      \"y\": \"1\"\n    - {}\n"
	if text := string(got); len(text) < len(begins) || text[:len(begins)] != begins {
		t.Errorf("%s", text)
	}
	back, err := sigsyaml.YAMLToJSON(got)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal([]byte(in), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(back, &b); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a, b); d != "" {
		t.Errorf("-in +read again:\n%s\n%s", d, got)
	}
}
