package avisim

// journal says how to undo what was done to the store since it was begun. It
// costs as much as what is done, not as much as what is there.
type journal struct {
	undo         []func()
	defaults     []*object
	defaultCloud *object
	undoing      bool
}

// begin starts to keep a journal; the store's lock is held until commit or
// rollback.
func (st *store) begin() {
	st.journal = &journal{defaults: append([]*object(nil), st.defaults...), defaultCloud: st.defaultCloud}
}

func (st *store) commit() { st.journal = nil }

// rollback undoes everything since begin. Versions go on: an object that was
// read in between must not look unchanged by accident.
func (st *store) rollback() {
	j := st.journal
	j.undoing = true // and still a journal: no list may close its holes yet
	for i := len(j.undo) - 1; i >= 0; i-- {
		j.undo[i]()
	}
	st.journal = nil
	st.defaults, st.defaultCloud = j.defaults, j.defaultCloud
	st.selections.clear()
}

// undoable notes how to undo what is about to happen, if a journal is kept.
func (st *store) undoable(undo func()) {
	if st.journal != nil && !st.journal.undoing {
		st.journal.undo = append(st.journal.undo, undo)
	}
}

// undoReplace puts an object back to what it is now.
func (st *store) undoReplace(o *object) func() {
	name, body, modified, refs := o.name, o.body, o.modified, o.refs()
	return func() {
		st.unindex(o)
		o.name, o.body, o.modified = name, body, modified
		st.index(o)
		st.unlink(o)
		st.link(o, refs)
	}
}

// undoRemove puts an object back where it was.
func (st *store) undoRemove(o *object) func() {
	refs := o.refs()
	state, fixed := st.states[o]
	servers, hosts := st.servers[o], st.hosts[o]
	return func() {
		st.objects[objectKey{o.t, o.uuid}] = o
		st.index(o)
		st.lists[listKey{o.t, o.tenant}].putBack(o)
		st.all[o.t].putBack(o)
		st.link(o, refs)
		o.tenant.members++
		if fixed {
			st.states[o] = state
		}
		if servers != nil {
			st.servers[o] = servers
		}
		if hosts != nil {
			st.hosts[o] = hosts
		}
	}
}

// refs is what the body refers to; link adds the cloud itself.
func (o *object) refs() []*object {
	if o.cloud != nil && len(o.out) > 0 {
		return append([]*object(nil), o.out[:len(o.out)-1]...)
	}
	return append([]*object(nil), o.out...)
}
