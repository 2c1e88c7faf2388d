package avisim

import (
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// Page sizes of collections (the API guide).
const (
	defaultPageSize = 25
	maxPageSize     = 200
)

// notFilters are query parameters that say how to answer, not which objects.
var notFilters = map[string]bool{
	"page": true, "page_size": true, "fields": true, "skip_default": true, "include_name": true, "sort": true,
	"export_key": true, "include_refs": true, "join_subresources": true, "format": true, "_": true,
}

// list answers a GET of /api/TYPE. Pages are in order of creation unless the
// client wants another: clients rely on it (avi-rest.md §7).
func (s *Simulator) list(c *call, t *objectType) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	tenant, err := s.reader(c, t)
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
		if !s.opts.Assume.EmptyPages {
			return failure(http.StatusNotFound, "Invalid page.")
		}
		from = len(objs)
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
		b = append(b, `,"next":`...)
		b = appendString(b, c.nextPage(t.path, page))
	}
	c.raw(http.StatusOK, append(b, '}'))
	return nil
}

// nextPage is the absolute address of the page after this one.
func (c *call) nextPage(path string, page int) string {
	next := url.Values{}
	for k, v := range c.q {
		next[k] = v
	}
	next.Set("page", strconv.Itoa(page+1))
	return c.base() + "/api/" + path + "?" + next.Encode()
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

// selectObjects returns the objects that the tenant may see and the query
// asks for, in order. The store's lock is held.
func (s *Simulator) selectObjects(c *call, t *objectType, tenant *object) ([]*object, error) {
	st := s.store
	q := url.Values{}
	for k, v := range c.q {
		if k == "sort" || !notFilters[k] {
			q[k] = v
		}
	}
	if q.Get("uuid") != "" || q.Get("name") != "" {
		found, err := s.search(c, t, tenant) // by an index, at once
		if err != nil {
			return nil, err
		}
		return found.objs, nil
	}
	key := strings.Join([]string{c.user, nameOf(tenant), q.Encode()}, "\x00")
	if known := st.selections.get(t, key, st.writes); known != nil {
		return known.objs, nil
	}
	found, err := s.search(c, t, tenant)
	if err != nil {
		return nil, err
	}
	st.selections.put(t, key, found)
	return found.objs, nil
}

func (s *Simulator) search(c *call, t *objectType, tenant *object) (*selection, error) {
	st := s.store
	filters, none, err := st.filters(t, c.q)
	if err != nil {
		return nil, err
	}
	if none {
		return &selection{match: func(*object) bool { return false }}, nil
	}
	mayRead := s.readFilter(c, tenant)
	found := &selection{volatile: volatile(t, c.q), writes: st.writes, match: func(o *object) bool {
		if tenant != nil && !st.shows(tenant, o) || !mayRead(o) {
			return false
		}
		for _, f := range filters {
			if !f(o) {
				return false
			}
		}
		return true
	}}
	keep := func(o *object) {
		if o != nil && found.match(o) {
			found.objs = append(found.objs, o)
		}
	}
	switch {
	case tenant == nil || !t.tenanted:
		st.candidates(t, nil, c.q, keep)
	case tenant == st.admin || !t.shared:
		st.candidates(t, tenant, c.q, keep)
	default:
		st.candidates(t, st.admin, c.q, keep)
		st.candidates(t, tenant, c.q, keep)
	}
	sort.SliceStable(found.objs, func(i, j int) bool { return found.objs[i].seq < found.objs[j].seq })
	if by := c.q.Get("sort"); by != "" {
		sortObjects(found.objs, by)
	}
	return found, nil
}

// volatile says whether a query's answer depends on more than each object by
// itself.
func volatile(t *objectType, q url.Values) bool {
	for key := range q {
		switch key {
		case "sort", "refers_to", "referred_by":
			return true
		}
		name, _, _ := strings.Cut(key, ".")
		if f := t.def.byName[name]; f != nil && f.isRef && name != "cloud_ref" && name != "tenant_ref" {
			return true
		}
	}
	return false
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
	if name := q.Get("name"); name != "" {
		tenants := []*object{tenant}
		if tenant == nil && t.tenanted {
			tenants = st.list(st.vocab.byName["Tenant"], st.admin).items()
		} else if tenant == nil {
			tenants[0] = st.admin
		}
		clouds := []*object{nil}
		if t.cloudScoped {
			clouds = st.clouds()
		}
		for _, tenant := range tenants {
			for _, cloud := range clouds {
				for _, o := range st.named(nameKey{t, tenant, cloud, name}) {
					keep(o)
				}
			}
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
