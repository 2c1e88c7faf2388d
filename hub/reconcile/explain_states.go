package reconcile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/explain"
)

// states says what became of Avi objects. It rests on a plan over these objects
// alone, which is made to be looked at.
type states struct {
	w       *worker
	mode    v1alpha1.Mode
	held    string
	due     map[plan.Key]plan.Op
	skipped map[plan.Key]plan.Skip
}

// load finds the objects that an explanation shows and works out their states.
func (e *explainer) load(units []translate.UnitKey, q explain.Query) {
	if e.m == nil {
		return
	}
	var keys []plan.Key
	parents := map[translate.ParentKey]struct{}{}
	for _, u := range units {
		keys = append(keys, e.m.owned[unitOwner(u)]...)
		if e.m.hasYielded(u) {
			continue
		}
		for _, c := range e.m.fragments[u].Contributions {
			parents[c.Parent] = struct{}{}
		}
	}
	for p := range parents {
		e.parents = append(e.parents, p)
		keys = append(keys, e.m.owned[parentOwner(p)]...)
	}
	slices.SortFunc(e.parents, compareParents)
	e.unwanted = e.findUnwanted(q)
	e.states = e.w.statesOf(append(keys, e.unwanted...), e.held)
}

// findUnwanted returns the objects on the controller that carry the markers of
// what was asked for (l4-infra.md §4.2), and what these refer to, as far as
// nobody wants them, sorted.
func (e *explainer) findUnwanted(q explain.Query) []plan.Key {
	want := map[string]string{}
	switch q.Kind {
	case explain.Host:
		want["Host"] = q.Name
	case explain.Ingress:
		want["Namespace"], want["IngressName"] = q.Namespace, q.Name
	case explain.Service:
		want["Namespace"], want["ServiceName"] = q.Namespace, q.Name
	}
	found := map[plan.Key]struct{}{}
	var take func(k plan.Key)
	take = func(k plan.Key) {
		o := e.w.observed[k]
		_, taken := found[k]
		if _, wanted := e.m.graph.Get(k); o == nil || taken || wanted || !desired.Own(k.Type) {
			return
		}
		found[k] = struct{}{}
		for _, r := range o.Refs {
			take(r)
		}
	}
	for k, o := range e.w.observed {
		if marked(o.Body, want) {
			take(k)
		}
	}
	return slices.SortedFunc(maps.Keys(found), desired.CompareKeys)
}

// marked says whether a body carries all these markers.
func marked(body map[string]any, want map[string]string) bool {
	list, _ := body["markers"].([]any)
	found := 0
	for _, item := range list {
		m, _ := item.(map[string]any)
		key, _ := m["key"].(string)
		value, wanted := want[key]
		values, _ := m["values"].([]any)
		if wanted && slices.Contains(values, any(value)) {
			found++
		}
	}
	return found == len(want)
}

// statesOf works out what is due for objects.
func (w *worker) statesOf(keys []plan.Key, held string) states {
	s := states{w: w, mode: w.registration().Spec.Mode, held: held, due: map[plan.Key]plan.Op{}, skipped: map[plan.Key]plan.Skip{}}
	in := w.planInput(w.registration(), w.keepsUnknown())
	in.Mode = plan.ModeEnforce
	in.Brake = plan.Brake{MaxShare: 1}
	in.Scope = make(map[plan.Key]bool, len(keys))
	taken := map[plan.Key]struct{}{}
	var down func(k plan.Key)
	down = func(k plan.Key) {
		if _, ok := taken[k]; ok {
			return
		}
		taken[k] = struct{}{}
		if obj, ok := w.model.graph.Get(k); ok {
			in.Desired = append(in.Desired, obj)
			for _, r := range obj.Refs {
				down(r)
			}
		}
	}
	for _, k := range keys {
		in.Scope[k] = true
		down(k)
	}
	sortObjects(in.Desired)
	w.addRefusals(&in)
	p := plan.Compute(in)
	for _, step := range p.Steps {
		s.due[step.Key] = step.Op
	}
	for _, skip := range p.Skipped {
		s.skipped[skip.Key] = skip
	}
	return s
}

// of says what became of one object.
func (s *states) of(k plan.Key) explain.AviObject {
	out := explain.AviObject{Tenant: k.Tenant, Type: k.Type, Name: k.Name}
	have := s.w.observed[k]
	if have != nil {
		out.UUID, out.LastModified = have.UUID, modified(have.LastModified)
		if k.Type == "vsvip" {
			out.Addresses = addresses(have.Body)
		}
	}
	want, wanted := s.w.model.graph.Get(k)
	if wanted && k.Type == "pool" {
		servers, _ := want.Body["servers"].([]any)
		n := len(servers)
		out.Servers = &n
	}
	op, due := s.due[k]
	skip, skipped := s.skipped[k]
	if skipped {
		op = skip.Op
	}
	out.Op = string(op)
	f := s.w.failed[k]
	switch {
	case f != nil:
		out.State, out.Error, out.Attempts = explain.Failed, words(f.err), f.attempts
		next := f.next
		out.NextTry = &next
		if out.Op == "" {
			out.Op = opOn(wanted, have != nil)
		}
	case !s.w.loaded[k.Tenant] && s.w.absent[k.Tenant] == nil:
		out.State, out.Op, out.Reason = explain.Unknown, "", "the controller was not read yet"
	case skipped && skip.Op == plan.Delete:
		out.State, out.Reason = explain.Kept, skip.Reason
	case skipped:
		out.State, out.Reason = explain.Skipped, skip.Reason
	case !due && have == nil && wanted:
		// A conflict is no step, and is noted as a failure once it was met.
		out.State, out.Op, out.Reason = explain.Skipped, opOn(true, false), "the name is taken"
	case !due:
		out.State = explain.Applied
	case !writes(s.mode) || s.mode == v1alpha1.ModeCreateOnly && op != plan.Create:
		out.State, out.Reason = explain.Wanted, fmt.Sprintf("the mode is %s", s.mode)
	case s.held != "":
		out.State, out.Reason = explain.Held, "the plan of the cluster waits for approval"
	default:
		out.State = explain.Pending
	}
	return out
}

func opOn(wanted, there bool) string {
	switch {
	case !wanted:
		return string(plan.Delete)
	case there:
		return string(plan.Update)
	}
	return string(plan.Create)
}

// words are those of Avi if it said any.
func words(err error) string {
	text := err.Error()
	var e *avi.Error
	if errors.As(err, &e) && e.Message != "" {
		text = e.Message
	}
	return text
}

// modified is the time in _last_modified, microseconds since 1970.
func modified(text string) *time.Time {
	us, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil
	}
	t := time.UnixMicro(us).UTC()
	return &t
}

func sortedKeysOf(keys []plan.Key) []plan.Key {
	return slices.SortedFunc(slices.Values(keys), desired.CompareKeys)
}
