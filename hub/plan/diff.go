package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/akohub/akohub/hub/desired"
)

// Diff says what has to change in an observed object to be as it is wanted,
// sorted by path; nothing if it is. Only what the cluster's objects are made of
// is compared (see managed), defaults are no drift, references are equal by
// type and name however they are spelled.
func Diff(want *desired.Object, have *Observed) []Change {
	if have.Applied != "" && have.Applied == want.Hash {
		return nil
	}
	def := desired.Type(want.Key.Type)
	if def == nil {
		return nil // desired.FromTranslate doesn't make such objects
	}
	d := differ{keep: want.Keep}
	d.top(def, want.Key.Type, normalTop(def, want.Body), normalTop(def, have.Body))
	slices.SortStableFunc(d.changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return d.changes
}

type differ struct {
	keep    []string
	changes []Change
}

func (d *differ) top(def *desired.Definition, typ string, want, have map[string]any) {
	for name, w := range want {
		if slices.Contains(d.keep, name) {
			continue
		}
		f := def.Fields[name]
		switch {
		case !isSecret(def.Name, name):
			d.value(def, f, name, w, have[name])
		case !sameSecret(w, have[name]):
			d.add(def, f, name, have[name], w)
		}
	}
	for _, name := range managed[typ] {
		h, there := have[name]
		if _, wanted := want[name]; wanted || !there || isSystemDefault(h) || slices.Contains(d.keep, name) {
			continue
		}
		d.value(def, def.Fields[name], name, nil, h)
	}
}

// sameSecret compares a private key with what the controller shows of it:
// nothing, a placeholder, or the key. A certificate of another key is another
// certificate, so the hidden key of an equal certificate is equal.
func sameSecret(want, have any) bool {
	h, ok := have.(string)
	if !ok || !strings.Contains(h, "PRIVATE KEY") {
		return true
	}
	w, ok := want.(string)
	return ok && normalPEM(w) == normalPEM(h)
}

// isSystemDefault reports whether a value refers only to objects that a
// controller is shipped with: it sets such references itself where none is
// given.
func isSystemDefault(v any) bool {
	switch v := v.(type) {
	case desired.Ref:
		return strings.HasPrefix(v.Name, "System-")
	case []any:
		for _, e := range v {
			if r, ok := e.(desired.Ref); !ok || !strings.HasPrefix(r.Name, "System-") {
				return false
			}
		}
		return true
	}
	return false
}

func (d *differ) add(def *desired.Definition, f *desired.Field, path string, from, to any) {
	d.changes = append(d.changes, Change{Path: path, From: short(def, f, from), To: short(def, f, to)})
}

// value compares the values of one field; nil stands for absent.
func (d *differ) value(def *desired.Definition, f *desired.Field, path string, want, have any) {
	if equal(def, f, want, have) {
		return
	}
	switch w := want.(type) {
	case map[string]any:
		if h, ok := have.(map[string]any); ok && f.Def != nil {
			d.object(f.Def, path, w, h)
			return
		}
	case []any:
		if h, ok := have.([]any); ok {
			d.list(def, f, path, w, h)
			return
		}
	}
	d.add(def, f, path, have, want)
}

func (d *differ) object(def *desired.Definition, path string, want, have map[string]any) {
	for _, name := range fieldsOf(def, want, have) {
		d.value(def, def.Fields[name], path+"."+name, want[name], have[name])
	}
}

// fieldsOf returns the fields of a part of an object that are compared.
func fieldsOf(def *desired.Definition, want, have map[string]any) []string {
	names := make([]string, 0, len(want)+len(have))
	for name := range want {
		names = append(names, name)
	}
	if !lenient[def.Name] {
		for name := range have {
			if _, ok := want[name]; !ok {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func (d *differ) list(def *desired.Definition, f *desired.Field, path string, want, have []any) {
	if !isSet(f, want, have) {
		for i := range max(len(want), len(have)) {
			var w, h any
			if i < len(want) {
				w = want[i]
			}
			if i < len(have) {
				h = have[i]
			}
			d.element(def, f, path+"["+strconv.Itoa(i)+"]", w, h)
		}
		return
	}
	pairs, missing, extra := match(def, f, want, have)
	for _, p := range pairs {
		d.element(def, f, path+"["+identity(f, p.want)+"]", p.want, p.have)
	}
	for _, w := range missing {
		d.add(def, f, path+"["+identity(f, w)+"]", nil, w)
	}
	if !subset[def.Name][f.Name] {
		for _, h := range extra {
			d.add(def, f, path+"["+identity(f, h)+"]", h, nil)
		}
	}
}

func (d *differ) element(def *desired.Definition, f *desired.Field, path string, want, have any) {
	if equalElement(f, want, have) {
		return
	}
	w, okW := want.(map[string]any)
	h, okH := have.(map[string]any)
	if okW && okH && f.Def != nil {
		d.object(f.Def, path, w, h)
		return
	}
	d.add(def, f, path, have, want)
}

// isSet reports whether a list's order has no meaning: known by its field, or
// because the elements say their place themselves.
func isSet(f *desired.Field, want, have []any) bool {
	if sets[f.Name] {
		return true
	}
	return f.Def != nil && f.Def.Fields["index"] != nil && distinctIndexes(want) && distinctIndexes(have)
}

func distinctIndexes(list []any) bool {
	seen := make(map[any]bool, len(list))
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok || seen[m["index"]] {
			return false
		}
		seen[m["index"]] = true
	}
	return true
}

type pair struct{ want, have any }

// match pairs the elements of two lists without order: equal ones first, then
// those of one identity. All results are sorted by identity.
func match(def *desired.Definition, f *desired.Field, want, have []any) (pairs []pair, missing, extra []any) {
	byID := make(map[string][]any, len(have))
	for _, h := range sortedByText(f, have) {
		id := identity(f, h)
		byID[id] = append(byID[id], h)
	}
	var rest []any
	take := func(id string, i int) any {
		h := byID[id][i]
		byID[id] = slices.Delete(byID[id], i, i+1)
		return h
	}
	for _, w := range sortedByText(f, want) {
		id := identity(f, w)
		if i := slices.IndexFunc(byID[id], func(h any) bool { return equalElement(f, w, h) }); i >= 0 {
			pairs = append(pairs, pair{w, take(id, i)})
		} else {
			rest = append(rest, w)
		}
	}
	for _, w := range rest {
		if id := identity(f, w); len(byID[id]) > 0 {
			pairs = append(pairs, pair{w, take(id, 0)})
		} else {
			missing = append(missing, w)
		}
	}
	for _, left := range byID {
		extra = append(extra, left...)
	}
	extra = sortedByText(f, extra)
	// References may be known by UUID on one side and by name on the other.
	missing = slices.DeleteFunc(missing, func(w any) bool {
		i := slices.IndexFunc(extra, func(h any) bool { return equalElement(f, w, h) })
		if i >= 0 {
			extra = slices.Delete(extra, i, i+1)
		}
		return i >= 0
	})
	return pairs, missing, extra
}

func sortedByText(f *desired.Field, list []any) []any {
	if len(list) < 2 {
		return list
	}
	type entry struct {
		text string
		v    any
	}
	entries := make([]entry, len(list))
	for i, v := range list {
		entries[i] = entry{identity(f, v) + "\x00" + text(v), v}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.text, b.text) })
	out := make([]any, len(list))
	for i, e := range entries {
		out[i] = e.v
	}
	return out
}

// identity names an element of a list by what stays the same when the rest of
// it changes.
func identity(f *desired.Field, v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		switch v := v.(type) {
		case string:
			return v
		case desired.Ref:
			return refText(v)
		}
		return text(v)
	}
	if ip, ok := m["ip"].(map[string]any); ok { // Server
		port, _ := m["port"].(number)
		addr, _ := ip["addr"].(string)
		return addr + ":" + string(port)
	}
	if r, ok := m["pool_ref"].(desired.Ref); ok { // PoolGroupMember
		label, _ := m["priority_label"].(string)
		return strings.TrimSuffix(refText(r)+" "+label, " ")
	}
	for _, name := range []string{"fqdn", "key", "host", "vip_id"} {
		if s, ok := m[name].(string); ok {
			return s
		}
	}
	for _, name := range []string{"index", "port"} {
		if n, ok := m[name].(number); ok {
			return string(n)
		}
		if f.Def != nil && f.Def.Fields[name] != nil {
			return "0" // a normal form has no zeros
		}
	}
	for _, name := range []string{"network_ref", "ca_ref"} {
		if r, ok := m[name].(desired.Ref); ok {
			return refText(r)
		}
	}
	return ""
}

// equal compares two values of a field in normal form; nil stands for absent.
func equal(def *desired.Definition, f *desired.Field, want, have any) bool {
	w, okW := want.([]any)
	h, okH := have.([]any)
	if !okW || !okH {
		return equalElement(f, want, have)
	}
	if !isSet(f, w, h) {
		return slices.EqualFunc(w, h, func(a, b any) bool { return equalElement(f, a, b) })
	}
	if len(w) == len(h) && slices.EqualFunc(w, h, func(a, b any) bool { return equalElement(f, a, b) }) {
		return true // the usual case, without sorting
	}
	pairs, missing, extra := match(def, f, w, h)
	if len(missing) > 0 || len(extra) > 0 && !subset[def.Name][f.Name] {
		return false
	}
	for _, p := range pairs {
		if !equalElement(f, p.want, p.have) {
			return false
		}
	}
	return true
}

func equalElement(f *desired.Field, want, have any) bool {
	switch w := want.(type) {
	case nil:
		// A lenient part that isn't wanted at all is still an extra.
		return have == nil
	case map[string]any:
		h, ok := have.(map[string]any)
		if have == nil && len(w) == 0 {
			return true
		}
		if !ok || f.Def == nil {
			return false
		}
		for name, v := range w {
			if !equal(f.Def, f.Def.Fields[name], v, h[name]) {
				return false
			}
		}
		if !lenient[f.Def.Name] {
			for name := range h {
				if _, ok := w[name]; !ok {
					return false
				}
			}
		}
		return true
	case []any:
		return false // a list against something else
	case desired.Ref:
		h, ok := have.(desired.Ref)
		return ok && equalRef(w, h)
	}
	return want == have
}

// equalRef compares references: by name where both have one, else by UUID.
func equalRef(a, b desired.Ref) bool {
	if a.Type != b.Type {
		return false
	}
	if a.Name != "" && b.Name != "" {
		return a.Name == b.Name
	}
	return a.UUID != "" && a.UUID == b.UUID
}

// maxShort is how long a value in a Change may be.
const maxShort = 160

// short prints a value for a Change.
func short(def *desired.Definition, f *desired.Field, v any) string {
	if v == nil {
		return ""
	}
	if f != nil && isSecret(def.Name, f.Name) {
		return redacted
	}
	if s, ok := v.(string); ok && strings.Contains(s, "-----BEGIN") {
		sum := sha256.Sum256([]byte(s))
		return "PEM sha256:" + hex.EncodeToString(sum[:8])
	}
	if f != nil && f.Def != nil {
		v = redactAny(f.Def, v)
	}
	s := text(v)
	if len(s) > maxShort {
		s = strings.ToValidUTF8(s[:maxShort], "") + "…"
	}
	return s
}
