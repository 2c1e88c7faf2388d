package avischema

import (
	"fmt"
	"sort"
	"strings"
	"testing"
)

func mustLoad(t *testing.T) *Schema {
	t.Helper()
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLoadIsWholeAndShared(t *testing.T) {
	s := mustLoad(t)
	if s.APIVersion != "30.2.1" || len(s.Objects) != 55 || len(s.Definitions) != 478 {
		t.Errorf("got version %s, %d objects, %d definitions", s.APIVersion, len(s.Objects), len(s.Definitions))
	}
	if again := mustLoad(t); again != s {
		t.Error("Load parsed twice")
	}
	if !sort.StringsAreSorted(s.Objects) {
		t.Error("Objects are not sorted")
	}
}

// TestFactsAreConsistent checks what users of the vocabulary rely on for every
// field, so that a new release's file can't break them unnoticed.
func TestFactsAreConsistent(t *testing.T) {
	s := mustLoad(t)
	for defName, def := range s.Definitions {
		for name, f := range def {
			if problem := inconsistency(s, f); problem != "" {
				t.Errorf("%s.%s: %s", defName, name, problem)
			}
		}
	}
	for _, o := range s.Objects {
		if _, ok := s.Definitions[o]; !ok {
			t.Errorf("object %s has no definition", o)
		}
		if len(s.Endpoints["/"+PathOf(o)]) == 0 {
			t.Errorf("object %s has no endpoint /%s", o, PathOf(o))
		}
	}
}

func inconsistency(s *Schema, f Field) string {
	set := 0
	for _, v := range []string{f.Type, f.Object, f.List} {
		if v != "" {
			set++
		}
	}
	if set != 1 {
		return "wants exactly one of type, object, list"
	}
	if f.Object != "" && s.Nested(f) == "" {
		return "nests the unknown definition " + f.Object
	}
	if f.IsList() && s.Nested(f) == "" && f.List != "string" && f.List != "integer" {
		return "is a list of the unknown " + f.List
	}
	if f.Min != nil && f.Max != nil && *f.Min > *f.Max {
		return "has an empty range"
	}
	return badDefault(f)
}

func badDefault(f Field) string {
	want := map[string]string{"string": "string", "boolean": "bool", "integer": "float64", "number": "float64"}
	if f.Default == nil {
		return ""
	}
	if got := fmt.Sprintf("%T", f.Default); got != want[f.Type] {
		return fmt.Sprintf("is a %s with a default of Go type %s", f.Type, got)
	}
	if len(f.Enum) > 0 && !strings.Contains(" "+strings.Join(f.Enum, " ")+" ", " "+f.Default.(string)+" ") {
		return "has a default outside its enum"
	}
	return ""
}

func TestFieldFacts(t *testing.T) {
	s := mustLoad(t)

	ratio := s.Definitions["PoolGroupMember"]["ratio"]
	if ratio.Type != "integer" || ratio.Format != "uint32" || ratio.Default != float64(1) {
		t.Errorf("PoolGroupMember.ratio: %+v", ratio)
	}
	if *ratio.Min != 1 || *ratio.Max != 1000 || len(ratio.Special) != 1 || ratio.Special[0] != 0 {
		t.Errorf("PoolGroupMember.ratio range: %v-%v special %v", *ratio.Min, *ratio.Max, ratio.Special)
	}
	pool := s.Definitions["PoolGroupMember"]["pool_ref"]
	if !pool.IsRef() || pool.RefersTo != "Pool" || !pool.Required || pool.IsList() {
		t.Errorf("PoolGroupMember.pool_ref: %+v", pool)
	}
	ports := s.Definitions["PortMatch"]["ports"]
	if !ports.IsList() || s.Nested(ports) != "" || ports.MinItems == nil || *ports.MinItems != 1 {
		t.Errorf("PortMatch.ports: %+v", ports)
	}
	if got := s.Nested(s.Definitions["Pool"]["servers"]); got != "Server" {
		t.Errorf("Pool.servers nests %q", got)
	}
	if !s.Definitions["Pool"]["_last_modified"].ReadOnly {
		t.Error("Pool._last_modified is not read-only")
	}
	if got := s.Definitions["VsVip"]["east_west_placement"].Editions["basic"]; len(got) != 1 || got[0] != "false" {
		t.Errorf("VsVip.east_west_placement basic edition: %v", got)
	}
}

func TestKnownIn(t *testing.T) {
	f := Field{Since: "20.1.3"}
	if f.KnownIn("18.2.9") || !f.KnownIn("20.1.3") || !f.KnownIn("30.2.1") {
		t.Error("a field since 20.1.3 must be absent before it and present from it on")
	}
	if !(Field{}).KnownIn("17.1.1") {
		t.Error("a field of unknown origin must count as present")
	}
}

func TestPaths(t *testing.T) {
	s := mustLoad(t)
	for _, o := range s.Objects {
		if got, ok := ObjectByPath(PathOf(o)); !ok || got != o {
			t.Errorf("ObjectByPath(PathOf(%s)) = %s, %v", o, got, ok)
		}
	}
	if got := PathOf("VirtualService"); got != "virtualservice" {
		t.Errorf("PathOf(VirtualService) = %s", got)
	}
	for _, bad := range []string{"", "VirtualService", "server", "virtualservices"} {
		if got, ok := ObjectByPath(bad); ok {
			t.Errorf("ObjectByPath(%q) = %s, want none", bad, got)
		}
	}
}

func TestSortedFields(t *testing.T) {
	got := Definition{"b": {}, "_a": {}, "c": {}}.SortedFields()
	if fmt.Sprint(got) != "[_a b c]" {
		t.Errorf("got %v", got)
	}
}

func TestParseRefusesUnknownKeysAndGarbage(t *testing.T) {
	for _, data := range []string{``, `[]`, `{"definitions":{"A":{"b":{"type":"string","pattern":"x"}}}}`} {
		if _, err := parse([]byte(data)); err == nil {
			t.Errorf("parse(%q) succeeded", data)
		}
	}
}

func TestVersionAtLeast(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"30.2.1", "30.2.1", true},
		{"30.2.1", "22.1.3", true},
		{"22.1.3", "30.2.1", false},
		{"22.1.10", "22.1.9", true},
		{"9.9.9", "10.0.0", false},
		{"22.1", "22.1.0", true},
		{"22.1", "22.1.1", false},
		{"22.1.3-2p4", "22.1.3", true},
		{"22.1.3", "22.1.3-2p4", true},
		{"30.2.1.9", "30.2.1", true},
		{"", "17.1.1", false},
		{"17.1.1", "", true},
	} {
		if got := VersionAtLeast(c.a, c.b); got != c.want {
			t.Errorf("VersionAtLeast(%q, %q) = %v", c.a, c.b, got)
		}
	}
}
