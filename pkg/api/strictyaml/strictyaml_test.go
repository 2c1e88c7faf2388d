package strictyaml

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type inner struct {
	Word string   `json:"word,omitempty" pattern:"[a-z]+" maxLength:"5"`
	On   bool     `json:"on" default:"true"`
	N    int      `json:"n,omitempty" default:"7"`
	List []string `json:"list,omitempty" pattern:"[a-z]+"`
}

type outer struct {
	Name  string            `json:"name" required:"true" always:"true"`
	Size  string            `json:"size,omitempty" default:"Large" enum:"Large|Small"`
	Inner inner             `json:"inner,omitempty"`
	Many  []inner           `json:"many,omitempty"`
	Map   map[string]string `json:"map,omitempty"`
	Note  string            // no name: no key
}

func TestDecode(t *testing.T) {
	var got outer
	src, err := Decode([]byte(`# a comment
name: "12"
size:
inner:
  on: false
  list: [a, b]
many:
- word: x
-
  n: 0
map: {k: v, "true": "1"}
`), "f.yaml", &got)
	if err != nil {
		t.Fatal(err)
	}
	want := outer{
		Name: "12", Size: "Large", Inner: inner{N: 7, List: []string{"a", "b"}},
		Many: []inner{{Word: "x", On: true, N: 7}, {On: true}},
		Map:  map[string]string{"k": "v", "true": "1"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	for path, line := range map[string]int{
		"name": 2, "size": 3, "inner": 4, "inner.on": 5, "inner.list[1]": 6, "many[0].word": 8, "many[1].n": 10,
		"inner.word": 4, "many[1].word": 10, "map.k": 11, "nothing": 1,
	} {
		if n := src.Line(path); n != line {
			t.Errorf("Line(%q) = %d, want %d", path, n, line)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "line 1: the file is empty"},
		{"comment", "# nothing\n", "line 1: the file is empty"},
		{"null", "~\n", "line 1: the file is empty"},
		{"scalar", "word\n", `line 1: a mapping is wanted, not "word"`},
		{"syntax", "name: x\nsize: [\n", "not YAML"},
		{"tab", "name: x\n\tsize: Large\n", "line 2: not YAML"},
		{"two documents", "name: x\n---\nname: y\n", "line 2: a second document"},
		{"second broken", "name: x\n---\n[\n", "not YAML"},
		{"required", "size: Large\n", "line 1: name: is required"},
		{"required empty", "size: Large\nname: ''\n", "line 2: name: is required"},
		{"unknown", "name: x\nszie: Large\n", `line 2: szie: unknown key (did you mean "size"?)`},
		{"unknown case", "name: x\nSize: Large\n", `line 2: Size: unknown key (did you mean "size"?)`},
		{"unknown far", "name: x\nqqqqqqq: 1\n", "line 2: qqqqqqq: unknown key"},
		{"unknown inner", "name: x\ninner:\n  wrod: x\n", `line 3: inner.wrod: unknown key (did you mean "word"?)`},
		{"twice", "name: x\nsize: Large\nname: y\n", "line 3: name: given twice; first in line 1"},
		{"unnamed field", "name: x\nNote: y\n", `line 2: Note: unknown key`},
		{"enum", "name: x\nsize: large\n", `line 2: size: "large" is not one of Large, Small (did you mean "Large"?)`},
		{"number", "name: 12\n", "line 1: name: a string is wanted, not the number 12; put it in quotes"},
		{"bool as string", "name: true\n", "line 1: name: a string is wanted, not true; put it in quotes"},
		{"list as string", "name: [a]\n", "line 1: name: a string is wanted, not a list"},
		{"yes", "name: x\ninner: {on: yes}\n", `line 2: inner.on: true or false is wanted, not "yes"`},
		{"quoted bool", "name: x\ninner: {on: 'true'}\n", `line 2: inner.on: true or false is wanted, not "true"`},
		{"float", "name: x\ninner: {n: 1.5}\n", "line 2: inner.n: a whole number is wanted, not the number 1.5"},
		{"big", "name: x\ninner: {n: 99999999999}\n", "line 2: inner.n: a whole number is wanted"},
		{"pattern", "name: x\ninner: {word: A}\n", `line 2: inner.word: "A" does not match`},
		{"pattern whole", "name: x\ninner: {word: \"a\\nA\"}\n", "does not match"},
		{"length", "name: x\ninner: {word: abcdef}\n", "line 2: inner.word: 6 characters; at most 5 are allowed"},
		{"list item", "name: x\ninner:\n  list:\n  - a\n  - 3\n", "line 5: inner.list[1]: a string is wanted"},
		{"list item pattern", "name: x\ninner:\n  list: [A]\n", `line 3: inner.list[0]: "A" does not match`},
		{"null item", "name: x\nmany:\n-\n", "line 3: many[0]: an empty entry"},
		{"not a list", "name: x\nmany: {word: x}\n", "line 2: many: a list is wanted, not a mapping"},
		{"not a mapping", "name: x\ninner: [a]\n", "line 2: inner: a mapping is wanted, not a list"},
		{"map value", "name: x\nmap: {k: 1}\n", "line 2: map.k: a string is wanted, not the number 1"},
		{"map twice", "name: x\nmap: {k: a, k: b}\n", "map.k: given twice"},
		{"alias", "name: &n x\nsize: *n\n", "line 1: name: anchors and aliases are not read here"},
		{"odd key", "name: x\n? [a]\n: b\n", "line 2: a key must be a word"},
		{"large", "name: x\n#" + strings.Repeat(".", MaxSize), "at most 1048576 are read"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v outer
			_, err := Decode([]byte(tc.text), "f.yaml", &v)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want one with %q", err, tc.want)
			}
			for _, l := range strings.Split(err.Error(), "\n") {
				if !strings.HasPrefix(l, "f.yaml: line ") {
					t.Errorf("%q does not begin with file and line", l)
				}
			}
		})
	}
}

func TestDecodeCollectsAll(t *testing.T) {
	var v outer
	_, err := Decode([]byte("inner: {on: 1}\nsize: x\nfoo: 1\n"), "f", &v)
	want := "f: line 1: inner.on: true or false is wanted, not the number 1\n" +
		"f: line 1: name: is required\n" +
		"f: line 2: size: \"x\" is not one of Large, Small\n" +
		"f: line 3: foo: unknown key"
	if d := cmp.Diff(want, fmt.Sprint(err)); d != "" {
		t.Error(d)
	}
}

func TestEncode(t *testing.T) {
	v := outer{}
	SetDefaults(&v)
	v.Name, v.Inner.On, v.Many = "true", false, []inner{{On: true, N: 7, Word: "no"}}
	got, err := Encode(&v)
	if err != nil {
		t.Fatal(err)
	}
	want := "name: \"true\"\ninner:\n  on: false\nmany:\n  - word: \"no\"\n"
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestEncodeDecodeRoundTrip(t *testing.T) {
	word := rapid.SampledFrom([]string{"", "a", "yes", "null", "on", "no"})
	gen := rapid.Custom(func(t *rapid.T) inner {
		return inner{
			Word: word.Draw(t, "word"), On: rapid.Bool().Draw(t, "on"), N: int(rapid.Int32().Draw(t, "n")),
			List: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "null", "true"}), 1, 3).Draw(t, "list"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		want := outer{
			Name: rapid.StringMatching(`[!-~]([ -~]*[!-~])?`).Draw(t, "name"),
			Size: rapid.SampledFrom([]string{"Large", "Small"}).Draw(t, "size"), Inner: gen.Draw(t, "inner"),
			Many: rapid.SliceOfN(gen, 1, 3).Draw(t, "many"),
			Map:  rapid.MapOfN(rapid.StringMatching(`[a-z0-9./]+`), rapid.StringMatching(`[ -~]*`), 1, 3).Draw(t, "map"),
		}
		data, err := Encode(&want)
		if err != nil {
			t.Fatal(err)
		}
		var got outer
		if _, err := Decode(data, "f", &got); err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("(-want +got)\n%s\n%s", d, data)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: x\ninner: {on: true, list: [a]}\nmany: [{n: 1}]\nmap: {a: b}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v outer
		if _, err := Decode(data, "f", &v); err != nil {
			return
		}
		out, err := Encode(&v)
		if err != nil {
			t.Fatal(err)
		}
		var again outer
		if _, err := Decode(out, "f", &again); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
}
