package watch

import "sync"

// refs tracks which Secrets the objects sent refer to, and whether that is
// known completely. It is shared by the kinds that refer to Secrets and the
// source of the Secrets.
type refs struct {
	mu sync.Mutex
	// kinds that refer to Secrets, each with what its objects refer to.
	kinds map[string]*kindRefs
	// count is how many objects refer to a Secret.
	count map[key]int
	// extra are the plan's own Secrets.
	extra map[key]bool
	// changed is called, outside the lock, with the Secrets whose being wanted
	// may have changed; nil when only completeness changed.
	changed func([]key)
}

type kindRefs struct {
	objects map[key][]key
	// settled: every reference of the kind is known.
	settled bool
}

func newRefs(changed func([]key)) *refs {
	return &refs{
		kinds:   map[string]*kindRefs{},
		count:   map[key]int{},
		extra:   map[key]bool{},
		changed: changed,
	}
}

// expect says that a kind is about to be listed. What it referred to before
// stays until its list is there.
func (r *refs) expect(kind string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.kinds[kind]; k != nil {
		k.settled = false
		return
	}
	r.kinds[kind] = &kindRefs{objects: map[key][]key{}}
}

// settle says that a kind's references are known. A kind that does not exist
// in the cluster is settled too: it has none.
func (r *refs) settle(kind string) {
	r.mu.Lock()
	k := r.kinds[kind]
	news := k != nil && !k.settled
	if news {
		k.settled = true
	}
	r.mu.Unlock()
	if news {
		r.changed(nil)
	}
}

// forget drops a kind that the plan no longer has.
func (r *refs) forget(kind string) {
	r.mu.Lock()
	var gone []key
	if k := r.kinds[kind]; k != nil {
		for _, secrets := range k.objects {
			gone = append(gone, r.drop(secrets)...)
		}
		delete(r.kinds, kind)
	}
	r.mu.Unlock()
	r.changed(gone)
}

// set replaces what one object refers to and returns the Secrets that became
// wanted by it.
func (r *refs) set(kind string, obj key, secrets []key) []key {
	r.mu.Lock()
	k := r.kinds[kind]
	if k == nil {
		r.mu.Unlock()
		return nil
	}
	// Add before dropping, so that what stays is never seen as unwanted.
	added := r.add(secrets)
	gone := r.drop(k.objects[obj])
	if len(secrets) > 0 {
		k.objects[obj] = secrets
	} else {
		delete(k.objects, obj)
	}
	r.mu.Unlock()
	if len(added)+len(gone) > 0 {
		r.changed(append(append([]key(nil), added...), gone...))
	}
	return added
}

// retain drops the objects of a kind that are not in keep.
func (r *refs) retain(kind string, keep func(key) bool) {
	r.mu.Lock()
	var gone []key
	if k := r.kinds[kind]; k != nil {
		for obj, secrets := range k.objects {
			if !keep(obj) {
				gone = append(gone, r.drop(secrets)...)
				delete(k.objects, obj)
			}
		}
	}
	r.mu.Unlock()
	if len(gone) > 0 {
		r.changed(gone)
	}
}

// setExtra replaces the plan's own Secrets.
func (r *refs) setExtra(extra []key) {
	r.mu.Lock()
	var diff []key
	next := make(map[key]bool, len(extra))
	for _, k := range extra {
		next[k] = true
		if !r.extra[k] {
			diff = append(diff, k)
		}
	}
	for k := range r.extra {
		if !next[k] {
			diff = append(diff, k)
		}
	}
	r.extra = next
	r.mu.Unlock()
	if len(diff) > 0 {
		r.changed(diff)
	}
}

func (r *refs) wanted(k key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.extra[k] || r.count[k] > 0
}

// all returns every wanted Secret, in no order.
func (r *refs) all() []key {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]key, 0, len(r.count)+len(r.extra))
	for k := range r.count {
		out = append(out, k)
	}
	for k := range r.extra {
		if r.count[k] == 0 {
			out = append(out, k)
		}
	}
	return out
}

// complete tells whether the references of every expected kind are known; if
// not, it names one that is missing.
func (r *refs) complete() (missing string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, k := range r.kinds {
		if !k.settled && (missing == "" || name < missing) {
			missing = name
		}
	}
	return missing, missing == ""
}

func (r *refs) add(secrets []key) (added []key) {
	for _, s := range secrets {
		if r.count[s]++; r.count[s] == 1 && !r.extra[s] {
			added = append(added, s)
		}
	}
	return added
}

func (r *refs) drop(secrets []key) (gone []key) {
	for _, s := range secrets {
		if r.count[s]--; r.count[s] == 0 {
			delete(r.count, s)
			if !r.extra[s] {
				gone = append(gone, s)
			}
		}
	}
	return gone
}
