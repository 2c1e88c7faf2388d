// Package digest summarises the objects of one kind, so that two sides of a
// stream can find out cheaply whether, and roughly where, they differ.
//
// In come the key, UID and content hash of objects; out come 64-bit sums, one
// for each of 64 buckets. The sums do not depend on order and can be kept up to
// date by adding and removing entries. The package knows nothing of object
// bodies, and may do no I/O.
package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
)

// Buckets is how many parts a kind is cut into by the hash of its objects' keys.
const Buckets = 64

// Entry identifies one state of one object.
type Entry struct {
	// Namespace is empty for cluster-scoped kinds.
	Namespace string
	Name      string
	UID       string
	// ContentHash is opaque here; equal hashes mean equal content.
	ContentHash string
}

// BucketOf returns the bucket, 0 to Buckets-1, of an object's key.
func BucketOf(namespace, name string) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(namespace))
	_, _ = h.Write([]byte{'/'})
	_, _ = h.Write([]byte(name))
	return int(h.Sum64() % Buckets)
}

func (e Entry) sum() uint64 {
	h := sha256.New()
	var n [4]byte
	for _, s := range [...]string{e.Namespace, e.Name, e.UID, e.ContentHash} {
		// Lengths keep ("ab","c") and ("a","bc") apart.
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	var out [sha256.Size]byte
	return binary.BigEndian.Uint64(h.Sum(out[:0]))
}

// Set is the digest of a set of entries. The zero value is the empty set. It is
// not safe for concurrent use.
type Set struct {
	buckets [Buckets]uint64
	count   uint64
}

// Add puts an entry into the set. The caller sees to it that an object is in
// the set at most once.
func (s *Set) Add(e Entry) {
	s.buckets[BucketOf(e.Namespace, e.Name)] += e.sum()
	s.count++
}

// Remove takes an entry out that was added before.
func (s *Set) Remove(e Entry) {
	s.buckets[BucketOf(e.Namespace, e.Name)] -= e.sum()
	s.count--
}

// Count returns how many entries the set has.
func (s *Set) Count() uint64 { return s.count }

// BucketDigests returns the digest of each bucket.
func (s *Set) BucketDigests() []uint64 {
	out := make([]uint64, Buckets)
	copy(out, s.buckets[:])
	return out
}

// Digest returns one sum over all buckets.
func (s *Set) Digest() uint64 {
	h := sha256.New()
	var n [8]byte
	for _, b := range s.buckets {
		binary.BigEndian.PutUint64(n[:], b)
		h.Write(n[:])
	}
	var out [sha256.Size]byte
	return binary.BigEndian.Uint64(h.Sum(out[:0]))
}
