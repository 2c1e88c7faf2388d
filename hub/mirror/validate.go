package mirror

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Bounds on what names an object, in bytes. Kubernetes allows 253 for names of
// objects and of groups, and 63 for namespaces; a UID is a UUID of 36.
const (
	maxName      = 253
	maxNamespace = 63
	maxKind      = 2*maxName + 1
	maxUID       = 128
	maxHash      = 128
)

// Errors of a message that the mirror refuses. Whatever it refuses leaves it as
// it was.
var (
	// ErrInvalid: a record or mark that no correct agent sends.
	ErrInvalid = errors.New("invalid")
	// ErrSnapshot: a record or mark of a snapshot that is not open, or a begin
	// while another is.
	ErrSnapshot = errors.New("no such snapshot is open")
	// ErrDigest: count or digest at the end of a snapshot are not those of what
	// would remain. Nothing was pruned.
	ErrDigest = errors.New("count or digest differ")
)

func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// String returns KIND NAMESPACE/NAME, for people.
func (r Ref) String() string {
	switch {
	case r.Name == "":
		return r.Kind
	case r.Namespace == "":
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// namespaced says of the kinds with a typed message whether they live in
// namespaces.
var namespaced = map[string]bool{
	kinds.Ingress:       true,
	kinds.Route:         true,
	kinds.Service:       true,
	kinds.EndpointSlice: true,
	kinds.Secret:        true,
	kinds.Pod:           true,
	kinds.IngressClass:  false,
	kinds.Node:          false,
	kinds.Namespace:     false,
}

// checkRecord checks everything about a record that does not depend on the
// mirror, and returns its body, nil if it has none that this hub knows.
func checkRecord(rec *akohubv1.Record) (message, error) {
	if err := checkKind(rec.GetKind()); err != nil {
		return nil, err
	}
	if err := checkText("name", rec.GetName(), maxName); err != nil {
		return nil, invalidf("record of kind %s: %v", rec.GetKind(), err)
	}
	if rec.GetName() == "" {
		return nil, invalidf("record of kind %s in namespace %q: the name is empty", rec.GetKind(), rec.GetNamespace())
	}
	if err := checkText("namespace", rec.GetNamespace(), maxNamespace); err != nil {
		return nil, invalidf("record %s %q: %v", rec.GetKind(), rec.GetName(), err)
	}
	if within, typed := namespaced[rec.GetKind()]; typed && within != (rec.GetNamespace() != "") {
		if within {
			return nil, invalidf("%s: the namespace is empty", refOf(rec))
		}
		return nil, invalidf("%s: the kind has no namespaces", refOf(rec))
	}
	if err := checkText("UID", rec.GetUid(), maxUID); err != nil {
		return nil, invalidf("%s: %v", refOf(rec), err)
	}
	if n := len(rec.GetContentHash()); n > maxHash {
		return nil, invalidf("%s: the content hash has %d bytes, more than %d", refOf(rec), n, maxHash)
	}
	body := bodyOf(rec)
	if rec.GetDeleted() {
		if body != nil {
			return nil, invalidf("%s: a tombstone with a body", refOf(rec))
		}
		return nil, nil
	}
	if len(rec.GetContentHash()) == 0 {
		return nil, invalidf("%s: the content hash is empty", refOf(rec))
	}
	return body, nil
}

// checkBody checks that a record carries the body of its kind. Without a body
// that this hub knows, a kind without typed message is kept by its key alone.
func (ks *kindState) checkBody(rec *akohubv1.Record, body message) error {
	if rec.GetDeleted() {
		return nil
	}
	if body == nil {
		if _, typed := namespaced[ks.kind]; typed {
			return invalidf("%s: the body is missing", refOf(rec))
		}
		return nil
	}
	if !ks.objects.accepts(body) {
		return invalidf("%s: the body is of type %s", refOf(rec), body.ProtoReflect().Descriptor().Name())
	}
	return nil
}

func bodyOf(rec *akohubv1.Record) message {
	r := rec.ProtoReflect()
	field := r.WhichOneof(r.Descriptor().Oneofs().ByName("body"))
	if field == nil {
		return nil
	}
	body := r.Get(field).Message()
	if !body.IsValid() {
		return nil
	}
	return body.Interface()
}

func checkKind(kind string) error {
	if kind == "" {
		return invalidf("the kind is empty")
	}
	if err := checkText("kind", kind, maxKind); err != nil {
		return invalidf("%v", err)
	}
	return nil
}

// checkText checks the length and characters of a part of an object's identity.
// It may be empty. A bad text is quoted and cut short in the error.
func checkText(what, s string, limit int) error {
	switch {
	case len(s) > limit:
		return fmt.Errorf("the %s %.32q… has %d bytes, more than %d", what, s, len(s), limit)
	case !utf8.ValidString(s):
		return fmt.Errorf("the %s %q is not valid UTF-8", what, s)
	case strings.ContainsFunc(s, func(r rune) bool { return r == '/' || unicode.IsControl(r) || unicode.IsSpace(r) }):
		return fmt.Errorf("the %s %q has a slash, space or control character", what, s)
	}
	return nil
}
