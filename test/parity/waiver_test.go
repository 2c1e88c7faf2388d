package parity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// docsFile is what users read about differences to AKO.
const docsFile = "../../docs/ako-differences.md"

// waiver names one difference that is deliberate.
type waiver struct {
	// Step is the step where it shows; 0: any.
	Step int `json:"step,omitempty"`
	// Object and Field are as a failure reports them.
	Object string `json:"object"`
	Field  string `json:"field"`
	// Ours and AKO are the values; null: there is none.
	Ours any `json:"ours"`
	AKO  any `json:"ako"`
	// Added stands for ours and ako where AKO has nothing at all, so that
	// nothing can be lost: an object (no field) or a status.
	Added bool `json:"added,omitempty"`
	// Reason says why ours is better.
	Reason string `json:"reason"`
	// Docs is the anchor of the entry in docs/ako-differences.md: "#NAME" of an
	// <a id="NAME"></a> or of a heading.
	Docs string `json:"docs"`

	used bool
}

func readWaivers(dir string) ([]*waiver, error) {
	path := filepath.Join(dir, "waiver.yaml")
	var file struct {
		Waivers []*waiver `json:"waivers"`
	}
	err := readYAML(path, &file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for i, w := range file.Waivers {
		if err := w.check(); err != nil {
			return nil, fmt.Errorf("%s: waiver %d: %w", path, i+1, err)
		}
	}
	return file.Waivers, nil
}

// protected are fields that hold addresses, hosts or names, and a Kubernetes
// object's status, which is made of these: a waiver may not touch them.
var protected = regexp.MustCompile(`(^|\.)(name|vip|status|dns_info|vh_domain_name|vh_matches|host_hdr|hosts|hostnames|ip|hostname|vsvip_ref|vh_parent_vs_ref)(\[|\.|$)`)

// check refuses waivers that say too little, or that would hide what moves
// traffic: an address, a host, an object's name or being.
func (w *waiver) check() error {
	switch {
	case w.Object == "" || w.Reason == "" || w.Docs == "":
		return errors.New("object, reason and docs are needed")
	case w.Added && (w.AKO != nil || w.Ours != nil):
		return errors.New("what is added has no value of AKO's, and ours is not looked at")
	case w.Added:
	case w.Field == "":
		return fmt.Errorf("it would hide that object %s is missing or has another name", w.Object)
	case protected.MatchString(w.Field) && !w.gains():
		return fmt.Errorf("it would hide another address, host or name: field %s of %s", w.Field, w.Object)
	}
	return nil
}

// gains says whether the waiver is about a list of which ours has all that AKO's
// has, and more.
func (w *waiver) gains() bool {
	akos, ok := w.AKO.([]any)
	if !ok {
		return false
	}
	ours, _ := w.Ours.([]any)
	for _, one := range akos {
		if !slices.ContainsFunc(ours, func(other any) bool { return same(one, other) }) {
			return false
		}
	}
	return true
}

// waive takes away the differences of a step that a waiver names.
func waive(waivers []*waiver, step int, differences []difference) (left []difference, used []*waiver) {
	for _, d := range differences {
		w := find(waivers, step, d)
		if w == nil {
			left = append(left, d)
			continue
		}
		used = append(used, w)
	}
	return left, used
}

func find(waivers []*waiver, step int, d difference) *waiver {
	for _, w := range waivers {
		if w.Step != 0 && w.Step != step || w.Object != d.object || w.Field != d.field {
			continue
		}
		if w.Added && d.want == nil || !w.Added && same(w.Ours, d.got) && same(w.AKO, d.want) {
			return w
		}
	}
	return nil
}

// same compares values as JSON has them.
func same(a, b any) bool {
	var left, right any
	for value, into := range map[*any]*any{&a: &left, &b: &right} {
		text, err := json.Marshal(*value)
		if err != nil || json.Unmarshal(text, into) != nil {
			return false
		}
	}
	return reflect.DeepEqual(left, right)
}

var explicit = regexp.MustCompile(`<a id="([^"]+)">`)

// anchors are those of a Markdown file: explicit ones, and those of the headings
// as GitHub makes them.
func anchors(file string) (map[string]bool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	drop := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	out := make(map[string]bool)
	for _, found := range explicit.FindAllSubmatch(data, -1) {
		out["#"+string(found[1])] = true
	}
	for line := range strings.Lines(string(data)) {
		title := strings.TrimLeft(line, "#")
		if title == line || !strings.HasPrefix(title, " ") {
			continue
		}
		anchor := drop.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
		out["#"+strings.ReplaceAll(anchor, " ", "-")] = true
	}
	return out, nil
}
