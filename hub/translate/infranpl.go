package translate

import (
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
)

// nplEnabledAnnotation on a Service has Antrea map its Pods to node ports.
const nplEnabledAnnotation = "nodeportlocal.antrea.io/enabled"

// nplMarks has Antrea map the Pods of the Services that a unit leads to
// (l4-infra.md §1.8.3): those behind an Ingress are all that its translation
// looked at, those of layer 4 the ones that something was made for.
func nplMarks(v mirror.View, s *Settings, f *Fragment) []Mark {
	if s.ServiceType != serviceTypeNodePortLocal || !s.AnnotateServices || len(f.Objects)+len(f.Contributions) == 0 {
		return nil
	}
	refs := f.Deps
	if f.Unit.Kind == UnitL4 || f.Unit.Kind == UnitL4Shared {
		refs = nil
		for _, o := range f.Objects {
			refs = append(refs, o.From...)
		}
		refs = sortRefs(refs)
	}
	var out []Mark
	for _, r := range refs {
		if r.Kind != kinds.Service || r.Name == "" {
			continue
		}
		svc, ok := v.Service(r.Namespace, r.Name)
		if !ok || svc.Body.GetType() == "NodePort" || len(svc.Body.GetSelector()) == 0 {
			continue // nodePortLocalServers has no servers for it either
		}
		out = append(out, Mark{Object: r, UID: svc.UID, Name: nplEnabledAnnotation, Value: "true"})
	}
	return out
}
