package writeback

import (
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

const (
	// component is the source of our Events.
	component = "akohub-agent"
	// Per object: a burst of Events, then one in five minutes.
	eventBurst = 25
	eventRate  = 1.0 / 300
	// The API's bounds.
	maxMessage = 1024
	maxReason  = 128
)

// Events records Kubernetes Events. An Event that repeats within some minutes
// raises the count of the earlier one, and an object that has too many gets no
// more for a while.
type Events struct {
	broadcaster record.EventBroadcaster
	recorder    record.EventRecorder
	mapper      meta.RESTMapper
	log         hclog.Logger
}

// NewEvents makes a recorder; Close ends it.
func NewEvents(client kubernetes.Interface, mapper meta.RESTMapper, log hclog.Logger) *Events {
	b := record.NewBroadcaster(record.WithCorrelatorOptions(record.CorrelatorOptions{
		BurstSize: eventBurst, QPS: eventRate,
	}))
	b.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return &Events{
		broadcaster: b,
		recorder:    b.NewRecorder(runtime.NewScheme(), corev1.EventSource{Component: component}),
		mapper:      mapper,
		log:         log,
	}
}

// Close stops the recorder. What was recorded a moment ago may be lost.
func (e *Events) Close() { e.broadcaster.Shutdown() }

// Report records an Event on an object of the wire. It does not wait for the
// API server.
func (e *Events) Report(object *akohubv1.ObjectRef, event *akohubv1.ObjectEvent) {
	m, err := resolve(e.mapper, object.GetKind())
	if err != nil {
		e.log.Warn("cannot record an event", "kind", object.GetKind(), "namespace", object.GetNamespace(),
			"name", object.GetName(), "reason", event.GetReason(), "error", err)
		return
	}
	e.record(m, object, event)
}

func (e *Events) record(m mapping, o *akohubv1.ObjectRef, ev *akohubv1.ObjectEvent) {
	severity := corev1.EventTypeNormal
	if ev.GetSeverity() == akohubv1.ObjectEvent_SEVERITY_WARNING {
		severity = corev1.EventTypeWarning
	}
	e.recorder.Event(&corev1.ObjectReference{
		APIVersion: m.kind.GroupVersion().String(),
		Kind:       m.kind.Kind,
		Namespace:  o.GetNamespace(),
		Name:       o.GetName(),
		UID:        types.UID(o.GetUid()),
	}, severity, cut(ev.GetReason(), maxReason), cut(ev.GetMessage(), maxMessage))
}

// cut shortens a text to at most n bytes, without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const more = "…"
	n -= len(more)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + more
}
