package avisim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// Page sizes of collections (the API guide).
const (
	defaultPageSize = 25
	maxPageSize     = 200
)

// notFilters are query parameters that say how to answer, not which objects.
var notFilters = map[string]bool{
	"page": true, "page_size": true, "fields": true, "skip_default": true, "include_name": true, "sort": true,
	"export_key": true, "format": true, "_": true,
}

// list answers a GET of /api/TYPE. Pages are in order of creation unless the
// client wants another: clients rely on it (avi-rest.md §7).
func (s *Simulator) list(c *call, t *objectType) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	tenant, err := s.tenantOf(c)
	if err != nil {
		return err
	}
	vw := c.view(s.store)
	if t.singleton {
		all := s.store.all[t].items()
		if len(all) == 0 {
			return notFound(t)
		}
		c.raw(http.StatusOK, vw.appendObject(nil, all[0]))
		return nil
	}
	page, size, err := pages(c.q)
	if err != nil {
		return err
	}
	objs, err := s.selectObjects(c, t, tenant)
	if err != nil {
		return err
	}
	from := (page - 1) * size
	if from >= len(objs) && page > 1 {
		return failure(http.StatusNotFound, "Invalid page.")
	}
	to := min(from+size, len(objs))
	b := append(make([]byte, 0, 256+1024*(to-from)), `{"count":`...)
	b = strconv.AppendInt(b, int64(len(objs)), 10)
	b = append(b, `,"results":[`...)
	for i, o := range objs[from:to] {
		if i > 0 {
			b = append(b, ',')
		}
		b = vw.appendObject(b, o)
	}
	b = append(b, ']')
	if to < len(objs) {
		next := url.Values{}
		for k, v := range c.q {
			next[k] = v
		}
		next.Set("page", strconv.Itoa(page+1))
		b = append(b, `,"next":`...)
		b = appendString(b, c.base()+"/api/"+t.path+"?"+next.Encode())
	}
	c.raw(http.StatusOK, append(b, '}'))
	return nil
}

func pages(q url.Values) (page, size int, err error) {
	page, size = 1, defaultPageSize
	for name, p := range map[string]*int{"page": &page, "page_size": &size} {
		text := q.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1_000_000 {
			return 0, 0, badRequest("invalid " + name + " " + quote(text))
		}
		*p = n
	}
	return page, min(size, maxPageSize), nil
}

// selections remembers what a query found, so that reading the next page of a
// long list doesn't look at all objects again.
type selections struct {
	mu   sync.Mutex
	list map[string]selection
}

func (sl *selections) clear() {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	sl.list = nil
}

type selection struct {
	st     *store
	writes uint64 // the store's, when this was found
	objs   []*object
}

// maxSelections is how many lists are remembered.
const maxSelections = 64

// selectObjects returns the objects that the tenant may see and the query
// asks for, in order. The store's lock is held.
func (s *Simulator) selectObjects(c *call, t *objectType, tenant *object) ([]*object, error) {
	q := url.Values{}
	for k, v := range c.q {
		if k == "sort" || !notFilters[k] {
			q[k] = v
		}
	}
	key := strings.Join([]string{c.user, t.path, nameOf(tenant), q.Encode()}, "\x00")
	s.selections.mu.Lock()
	known, ok := s.selections.list[key]
	s.selections.mu.Unlock()
	if ok && known.st == s.store && known.writes == s.store.writes {
		return known.objs, nil
	}
	objs, err := s.search(c, t, tenant)
	if err != nil || len(objs) <= defaultPageSize {
		return objs, err
	}
	s.selections.mu.Lock()
	defer s.selections.mu.Unlock()
	if len(s.selections.list) >= maxSelections || s.selections.list == nil {
		s.selections.list = map[string]selection{}
	}
	s.selections.list[key] = selection{s.store, s.store.writes, objs}
	return objs, nil
}

func (s *Simulator) search(c *call, t *objectType, tenant *object) ([]*object, error) {
	filters, none, err := s.store.filters(t, c.q)
	if err != nil || none {
		return nil, err
	}
	var objs []*object
	keep := func(o *object) {
		if o == nil || tenant == nil && t.tenanted && !s.store.mayUse(c.user, o.tenant) {
			return
		}
		for _, f := range filters {
			if !f(o) {
				return
			}
		}
		objs = append(objs, o)
	}
	switch {
	case tenant == nil || !t.tenanted:
		s.store.candidates(t, nil, c.q, keep)
	case tenant == s.store.admin || !t.shared:
		s.store.candidates(t, tenant, c.q, keep)
	default:
		s.store.candidates(t, s.store.admin, c.q, keep)
		s.store.candidates(t, tenant, c.q, keep)
		sort.SliceStable(objs, func(i, j int) bool { return objs[i].seq < objs[j].seq })
	}
	if by := c.q.Get("sort"); by != "" {
		sortObjects(objs, by)
	}
	return objs, nil
}

// candidates are the objects of a tenant (nil for all) among which to look;
// a name or uuid narrows them without looking at the others.
func (st *store) candidates(t *objectType, tenant *object, q url.Values, keep func(*object)) {
	if uuid := q.Get("uuid"); uuid != "" {
		if o := st.objects[objectKey{t, uuid}]; o != nil && (tenant == nil || o.tenant == tenant) {
			keep(o)
		}
		return
	}
	if name := q.Get("name"); name != "" && tenant != nil {
		if !t.cloudScoped {
			keep(st.names[nameKey{t, tenant, nil, name}])
			return
		}
		for _, cloud := range st.clouds() {
			keep(st.names[nameKey{t, tenant, cloud, name}])
		}
		return
	}
	l := st.all[t]
	if tenant != nil {
		l = st.list(t, tenant)
	}
	if l == nil {
		return
	}
	for _, o := range l.objs {
		keep(o)
	}
}

type filter func(*object) bool

// filters reads the query; none means that nothing can match, which is what a
// controller answers to a filter that it doesn't know.
func (st *store) filters(t *objectType, q url.Values) (fs []filter, none bool, err error) {
	for key, values := range q {
		if notFilters[key] {
			continue
		}
		f, err := st.filter(t, key, values[0], q)
		if err != nil {
			return nil, false, err
		}
		if f == nil {
			return nil, true, nil
		}
		fs = append(fs, f)
	}
	return fs, false, nil
}

func (st *store) filter(t *objectType, key, value string, q url.Values) (filter, error) {
	switch key {
	case "name":
		return func(o *object) bool { return o.name == value }, nil
	case "name.in":
		names := map[string]bool{}
		for _, n := range strings.Split(value, ",") {
			names[strings.TrimSpace(n)] = true
		}
		return func(o *object) bool { return names[o.name] }, nil
	case "name.contains":
		return func(o *object) bool { return strings.Contains(o.name, value) }, nil
	case "name.icontains":
		return func(o *object) bool { return strings.Contains(strings.ToLower(o.name), strings.ToLower(value)) }, nil
	case "name.startswith":
		return func(o *object) bool { return strings.HasPrefix(o.name, value) }, nil
	case "uuid":
		return func(o *object) bool { return o.uuid == value }, nil
	case "search":
		// "(name,text)" as the user interface sends it
		field, text, _ := strings.Cut(strings.Trim(value, "()"), ",")
		if field != "name" {
			return nil, nil
		}
		return func(o *object) bool { return strings.Contains(strings.ToLower(o.name), strings.ToLower(text)) }, nil
	case "refers_to":
		target := st.referenceArg(value)
		return func(o *object) bool { return target != nil && target.in[o] > 0 }, nil
	case "referred_by":
		from := st.referenceArg(value)
		return func(o *object) bool { return from != nil && o.in[from] > 0 }, nil
	case "label_key":
		want, only := q["label_value"]
		return func(o *object) bool {
			for _, m := range append(messages(o.body["markers"]), messages(o.body["labels"])...) {
				if m["key"] == value && (!only || hasLabelValue(m, want[0])) {
					return true
				}
			}
			return false
		}, nil
	case "label_value":
		if _, ok := q["label_key"]; !ok {
			return nil, nil
		}
		return func(*object) bool { return true }, nil // looked at with its key
	}
	return st.fieldFilter(t, key, value)
}

func hasLabelValue(m message, want string) bool {
	if m["value"] == want {
		return true
	}
	values, _ := m["values"].([]any)
	for _, v := range values {
		if v == want {
			return true
		}
	}
	return false
}

// referenceArg reads the "type:uuid" of refers_to and referred_by; a bare uuid
// says its type itself.
func (st *store) referenceArg(value string) *object {
	path, uuid, ok := strings.Cut(value, ":")
	if !ok {
		path, _, _ = strings.Cut(value, "-")
		uuid = value
	}
	t := st.vocab.byPath[path]
	if t == nil {
		return nil
	}
	return st.objects[objectKey{t, uuid}]
}

// fieldFilter compares a top-level field of the type, or a reference's name or
// uuid ("cloud_ref.name").
func (st *store) fieldFilter(t *objectType, key, value string) (filter, error) {
	name, sub, nested := strings.Cut(key, ".")
	f := t.def.byName[name]
	if f == nil || f.kind == kindObject {
		return nil, nil
	}
	if f.isRef {
		if nested && sub != "name" && sub != "uuid" {
			return nil, nil
		}
		r, isRef := parseReference(value)
		means := func(target *object) bool {
			switch sub {
			case "name":
				return target.name == value
			case "uuid":
				return target.uuid == value
			}
			return target.uuid == value || isRef && (r.uuid == target.uuid || r.name != "" && r.name == target.name)
		}
		return func(o *object) bool { return st.anyRef(o, f, means) }, nil
	}
	match := func(text string) bool { return text == value }
	switch sub {
	case "":
	case "in":
		wanted := strings.Split(value, ",")
		match = func(text string) bool {
			for _, w := range wanted {
				if w == text {
					return true
				}
			}
			return false
		}
	case "contains":
		match = func(text string) bool { return strings.Contains(text, value) }
	default:
		return nil, nil
	}
	return func(o *object) bool {
		v, ok := o.body[name]
		if !ok {
			if v = f.fallback; v == nil {
				return false
			}
		}
		list, ok := v.([]any)
		if !ok {
			return match(text(v))
		}
		for _, e := range list {
			if match(text(e)) {
				return true
			}
		}
		return false
	}, nil
}

// anyRef says whether one of the objects that a reference field shows is
// meant.
func (st *store) anyRef(o *object, f *field, means func(*object) bool) bool {
	switch f.name {
	case "tenant_ref":
		return means(o.tenant)
	case "cloud_ref":
		if o.cloud != nil {
			return means(o.cloud)
		}
	}
	switch v := o.body[f.name].(type) {
	case *object:
		return means(v)
	case []any:
		for _, e := range v {
			if target, ok := e.(*object); ok && means(target) {
				return true
			}
		}
		return false
	}
	target := st.implied(o, f.name)
	return target != nil && means(target)
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}

func sortObjects(objs []*object, by string) {
	by, down := strings.CutPrefix(by, "-")
	key := func(o *object) string {
		switch by {
		case "name":
			return o.name
		case "uuid":
			return o.uuid
		case "_last_modified":
			return fmt.Sprintf("%020d", o.modified)
		}
		if v, ok := o.body[by]; ok {
			return text(v)
		}
		return ""
	}
	sort.SliceStable(objs, func(i, j int) bool {
		if down {
			i, j = j, i
		}
		return key(objs[i]) < key(objs[j])
	})
}
