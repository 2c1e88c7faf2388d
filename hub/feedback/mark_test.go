package feedback

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// A mark is set where it is missing or says something else, beside whatever
// else is written, and costs nothing where it is there. An empty one goes.
func TestMark(t *testing.T) {
	object := &akohubv1.ObjectRef{Kind: "services", Namespace: "default", Name: "web"}
	const name = "nodeportlocal.antrea.io/enabled"
	marks := map[string]string{name: "true"}
	set := func(kv ...string) *akohubv1.AnnotationPatch {
		p := &akohubv1.AnnotationPatch{Set: map[string]string{}}
		for i := 0; i < len(kv); i += 2 {
			p.Set[kv[i]] = kv[i+1]
		}
		return p
	}
	for what, tt := range map[string]struct {
		wb      *akohubv1.WriteBack
		current map[string]string
		want    *akohubv1.WriteBack
	}{
		"missing":        {nil, nil, &akohubv1.WriteBack{Object: object, Annotations: set(name, "true")}},
		"something else": {nil, map[string]string{name: "false"}, &akohubv1.WriteBack{Object: object, Annotations: set(name, "true")}},
		"there":          {nil, map[string]string{name: "true"}, nil},
		"beside": {&akohubv1.WriteBack{Object: object, Annotations: set("a", "b")}, nil,
			&akohubv1.WriteBack{Object: object, Annotations: set("a", "b", name, "true")}},
	} {
		if d := cmp.Diff(tt.want, Mark(tt.wb, object, marks, Current{Annotations: tt.current}), protocmp.Transform()); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	gone := map[string]string{name: ""}
	if wb := Mark(nil, object, gone, Current{}); wb != nil {
		t.Errorf("gone already: %v", wb)
	}
	want := &akohubv1.WriteBack{Object: object, Annotations: &akohubv1.AnnotationPatch{Set: map[string]string{"a": "b"}, Remove: []string{name}}}
	wb := Mark(&akohubv1.WriteBack{Object: object, Annotations: set("a", "b")}, object, gone, Current{Annotations: map[string]string{name: "true"}})
	if d := cmp.Diff(want, wb, protocmp.Transform()); d != "" {
		t.Errorf("to go (-want +got):\n%s", d)
	}
}
