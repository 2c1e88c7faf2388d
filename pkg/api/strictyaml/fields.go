package strictyaml

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// field is what the tags of a struct field say.
type field struct {
	index     int
	def       string
	enum      []string
	pattern   *regexp.Regexp
	maxLength int
	required  bool
	always    bool
}

type fieldSet struct {
	names  []string // in the order of the struct
	byName map[string]field
}

var fieldCache sync.Map // reflect.Type → *fieldSet

func fieldsOf(t reflect.Type) *fieldSet {
	if fs, ok := fieldCache.Load(t); ok {
		return fs.(*fieldSet)
	}
	fs := &fieldSet{byName: map[string]field{}}
	for i := range t.NumField() {
		sf := t.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "" || name == "-" || !sf.IsExported() {
			continue
		}
		f := field{
			index:    i,
			def:      sf.Tag.Get("default"),
			required: sf.Tag.Get("required") == "true",
			always:   sf.Tag.Get("always") == "true",
		}
		if e := sf.Tag.Get("enum"); e != "" {
			f.enum = strings.Split(e, "|")
		}
		if p := sf.Tag.Get("pattern"); p != "" {
			// The tags are constants of this program; a test reads them all.
			f.pattern = regexp.MustCompile(`^(?:` + p + `)$`)
		}
		f.maxLength, _ = strconv.Atoi(sf.Tag.Get("maxLength"))
		fs.names = append(fs.names, name)
		fs.byName[name] = f
	}
	got, _ := fieldCache.LoadOrStore(t, fs)
	return got.(*fieldSet)
}

// checkString returns why a string may not be the value of the field.
func (f field) checkString(s string) string {
	if f.maxLength > 0 && len(s) > f.maxLength {
		return fmt.Sprintf("%d characters; at most %d are allowed", len(s), f.maxLength)
	}
	if s == "" {
		return "" // whether it may be empty is a matter of "required"
	}
	if f.enum != nil {
		for _, e := range f.enum {
			if e == s {
				return ""
			}
		}
		return fmt.Sprintf("%q is not one of %s%s", s, strings.Join(f.enum, ", "), suggest(s, f.enum))
	}
	if f.pattern != nil && !f.pattern.MatchString(s) {
		return fmt.Sprintf("%q does not match %s", s, f.pattern)
	}
	return ""
}

func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	fs := fieldsOf(v.Type())
	for _, name := range fs.names {
		f := fs.byName[name]
		fv := v.Field(f.index)
		if fv.Kind() == reflect.Struct {
			setDefaults(fv)
			continue
		}
		if f.def == "" || !fv.IsZero() {
			continue
		}
		switch fv.Kind() {
		case reflect.String:
			fv.SetString(f.def)
		case reflect.Bool:
			fv.SetBool(f.def == "true")
		case reflect.Int, reflect.Int32, reflect.Int64:
			if n, err := strconv.ParseInt(f.def, 10, 64); err == nil {
				fv.SetInt(n)
			}
		}
	}
}

// suggest returns a hint at the known word that was probably meant, or "".
func suggest(word string, known []string) string {
	best, dist := "", len(word)/3+1
	for _, k := range known {
		if strings.EqualFold(k, word) {
			return fmt.Sprintf(" (did you mean %q?)", k)
		}
		if n := distance(word, k); n <= dist && n < len(k) {
			if n < dist || best == "" {
				best, dist = k, n
			}
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance is the number of single-character edits between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		prev := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := prev
			if a[i-1] != b[j-1] {
				cost++
			}
			prev = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
