package translate

import (
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// nplEnabledAnnotation on a Service has Antrea map its Pods to node ports.
const nplEnabledAnnotation = "nodeportlocal.antrea.io/enabled"

// nplMarks has Antrea map the Pods of the Services that a unit leads to
// (l4-infra.md §1.8.3): those behind an Ingress are all that its translation
// looked at. Units of layer 4 say themselves whom they serve.
func nplMarks(v mirror.View, s *Settings, f *Fragment) []Mark {
	if f.Unit.Kind == UnitL4 || f.Unit.Kind == UnitL4Shared || len(f.Objects)+len(f.Contributions) == 0 {
		return f.Marks
	}
	var out []Mark
	for _, r := range f.Deps {
		if r.Kind != kinds.Service || r.Name == "" {
			continue
		}
		if svc, ok := v.Service(r.Namespace, r.Name); ok {
			out = append(out, nplMark(s, svc)...)
		}
	}
	return out
}

// nplMark is the mark of one Service; none where Antrea is not asked, and on
// Services of type NodePort, which have no servers in this mode. Whether the
// Service has a selector does not matter to AKO, nor does it here.
func nplMark(s *Settings, svc mirror.Object[*akohubv1.Service]) []Mark {
	if s.ServiceType != serviceTypeNodePortLocal || !s.AnnotateServices || svc.Body.GetType() == serviceTypeNodePort {
		return nil
	}
	return []Mark{{Object: svc.Ref, UID: svc.UID, Name: nplEnabledAnnotation, Value: "true"}}
}
