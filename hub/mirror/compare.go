package mirror

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/akohub/akohub/pkg/kinds"
)

// outputAnnotations are written by the hub itself (l4-infra.md §1.12). On
// Namespaces the last is an input, so there it counts as any other.
var outputAnnotations = map[string]bool{
	"ako.vmware.com/host-fqdn-vs-uuid-map":   true,
	"ako.vmware.com/controller-cluster-uuid": true,
	"ako.vmware.com/tenant-name":             true,
}

// hasOutput are the kinds on which the hub writes status or annotations.
var hasOutput = map[string]bool{
	kinds.Ingress: true,
	kinds.Service: true,
	kinds.Route:   true,
}

// compare says what changed between two bodies of the same object. What the
// hub has itself written is told apart from what users write, so that its own
// write-back does not set off a translation.
func compare(kind string, old, cur message) dirt {
	if !hasOutput[kind] || old == nil || cur == nil {
		return dirt{body: true}
	}
	a, b := old.ProtoReflect(), cur.ProtoReflect()
	fields := a.Descriptor().Fields()
	status, meta := fields.ByName("status"), fields.ByName("meta")
	var d dirt
	if !proto.Equal(without(a, status, meta), without(b, status, meta)) {
		d.body = true
	}
	if status != nil && !a.Get(status).Equal(b.Get(status)) {
		d.status = true
	}
	ma, mb := a.Get(meta).Message(), b.Get(meta).Message()
	annotations := ma.Descriptor().Fields().ByName("annotations")
	if !proto.Equal(without(ma, annotations), without(mb, annotations)) {
		d.body = true
	}
	input, output := compareAnnotations(ma.Get(annotations).Map(), mb.Get(annotations).Map())
	d.body = d.body || input
	d.status = d.status || output
	return d
}

// without returns a shallow copy of a message without some fields. It shares
// its parts with the original and must not be changed.
func without(m protoreflect.Message, fields ...protoreflect.FieldDescriptor) message {
	out := m.New()
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		for _, skip := range fields {
			if fd == skip {
				return true
			}
		}
		out.Set(fd, v)
		return true
	})
	out.SetUnknown(m.GetUnknown())
	return out.Interface()
}

// compareAnnotations says whether any annotation differs that users write, and
// whether any differs that the hub writes.
func compareAnnotations(a, b protoreflect.Map) (input, output bool) {
	note := func(name protoreflect.MapKey) {
		if outputAnnotations[name.String()] {
			output = true
		} else {
			input = true
		}
	}
	a.Range(func(name protoreflect.MapKey, v protoreflect.Value) bool {
		if !b.Has(name) || b.Get(name).String() != v.String() {
			note(name)
		}
		return true
	})
	b.Range(func(name protoreflect.MapKey, _ protoreflect.Value) bool {
		if !a.Has(name) {
			note(name)
		}
		return true
	})
	return input, output
}
