package watch

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// hashLen is how many bytes of the SHA-256 identify a content. 128 bits are
// beyond accident and keep the index small.
const hashLen = 16

type hash [hashLen]byte

// key names an object within its kind.
type key struct{ namespace, name string }

func (k key) String() string {
	if k.namespace == "" {
		return k.name
	}
	return k.namespace + "/" + k.name
}

func (k key) less(o key) bool {
	if k.namespace != o.namespace {
		return k.namespace < o.namespace
	}
	return k.name < o.name
}

// object is a Kubernetes object reduced to what may leave the cluster.
type object struct {
	key  key
	uid  string
	hash hash
	rec  *akohubv1.Record
	// secrets are the Secrets that the object refers to.
	secrets []key
}

// converter reduces objects as one watch plan says.
type converter struct {
	// kind on the wire.
	kind string
	// annotations admitted, by prefix (a full name is a prefix of itself).
	annotations []string
	// secretKeys are the keys of a Secret's data that may leave.
	secretKeys []string
}

// lastApplied repeats the whole object, for Secrets with everything in it; no
// plan can ask for it.
const lastApplied = corev1.LastAppliedConfigAnnotation

func (c *converter) admitted(in map[string]string) map[string]string {
	var out map[string]string
	for name, value := range in {
		if name == lastApplied {
			continue
		}
		for _, p := range c.annotations {
			if p != "" && strings.HasPrefix(name, p) {
				if out == nil {
					out = make(map[string]string, 4)
				}
				// The strings of a decoded object may share one allocation with
				// much else; records live briefly, so they are not copied.
				out[name] = value
				break
			}
		}
	}
	return out
}

// meta reduces metadata; labels only for the kinds whose labels are sent.
func (c *converter) meta(o metav1.Object, labels bool) *akohubv1.Meta {
	m := &akohubv1.Meta{
		Annotations: c.admitted(o.GetAnnotations()),
		Deleting:    o.GetDeletionTimestamp() != nil,
	}
	if t := o.GetCreationTimestamp(); !t.IsZero() {
		m.CreationSeconds = t.Unix()
	}
	if labels {
		m.Labels = o.GetLabels()
	}
	return m
}

// record finishes a record whose body is set: key, UID and hash.
func (c *converter) record(o metav1.Object, body proto.Message, rec *akohubv1.Record) (*object, error) {
	// The hash is compared with hashes of this process's life and of its
	// predecessors; deterministic encoding is stable within a release, and a
	// new release only costs one round of records.
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s/%s: %w", c.kind, o.GetNamespace(), o.GetName(), err)
	}
	sum := sha256.Sum256(raw)
	out := &object{
		key: key{o.GetNamespace(), o.GetName()},
		uid: string(o.GetUID()),
		rec: rec,
	}
	copy(out.hash[:], sum[:])
	rec.Kind = c.kind
	rec.Namespace = out.key.namespace
	rec.Name = out.key.name
	rec.Uid = out.uid
	rec.ContentHash = out.hash[:]
	return out, nil
}
