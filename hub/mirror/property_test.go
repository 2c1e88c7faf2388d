package mirror

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/akohub/akohub/pkg/digest"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// modelObject is an Ingress of the model cluster.
type modelObject struct {
	uid, hash, host string
}

// model is a cluster, its agent and a consumer of the dirty set, each as simple
// as can be.
type model struct {
	m        *Mirror
	cluster  map[key]modelObject
	consumer map[key]modelObject
	uids     int
	id       uint64
	open     bool
	need     []uint32
	unsent   []key
	lost     bool // a change did not reach the mirror
	// deleted are the objects ever deleted, by tombstone or while the stream
	// was away: nothing else may leave the mirror.
	deleted map[string]bool
}

func (c *model) record(k key) *akohubv1.Record {
	o := c.cluster[k]
	return ingress(k.namespace, k.name, o.uid, o.hash, o.host)
}

func (c *model) digest() *digest.Set {
	var recs []*akohubv1.Record
	for k := range c.cluster {
		recs = append(recs, c.record(k))
	}
	return digestOf(recs...)
}

func drawKey(t *rapid.T) key {
	return key{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "namespace"), fmt.Sprint("n", rapid.IntRange(0, 40).Draw(t, "name"))}
}

func (c *model) change(t *rapid.T) *akohubv1.Record {
	k := drawKey(t)
	o, here := c.cluster[k]
	if here && rapid.Bool().Draw(t, "delete") {
		rec := tombstone(c.record(k))
		delete(c.cluster, k)
		c.deleted[o.uid] = true
		return rec
	}
	if !here {
		c.uids++
		o.uid = fmt.Sprint("u", c.uids)
	}
	o.host = rapid.SampledFrom([]string{"", "x", "y", "z"}).Draw(t, "host")
	o.hash = "hash of " + o.host
	c.cluster[k] = o
	return c.record(k)
}

func (c *model) apply(t *rapid.T, rec *akohubv1.Record) {
	if err := c.m.Apply(rec); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

func (c *model) begin(t *rapid.T) {
	c.id++
	c.open = true
	d := c.digest()
	need, err := c.m.BeginSnapshot(kinds.Ingress, c.id, d.Count(), d.BucketDigests())
	if err != nil {
		t.Fatalf("BeginSnapshot: %v", err)
	}
	c.need, c.unsent = need, nil
	for k := range c.cluster {
		if slices.Contains(need, uint32(digest.BucketOf(k.namespace, k.name))) {
			c.unsent = append(c.unsent, k)
		}
	}
	slices.SortFunc(c.unsent, compareKeys)
}

func (c *model) send(t *rapid.T, n int) {
	for ; n > 0 && len(c.unsent) > 0; n-- {
		k := c.unsent[0]
		c.unsent = c.unsent[1:]
		if _, here := c.cluster[k]; here {
			c.apply(t, inSnapshot(c.record(k), c.id))
		}
	}
}

func (c *model) end(t *rapid.T) {
	c.send(t, len(c.unsent))
	d := c.digest()
	if _, err := c.m.EndSnapshot(kinds.Ingress, c.id, d.Count(), d.Digest()); err != nil {
		t.Fatalf("EndSnapshot: %v", err)
	}
	c.open = false
	c.lost = false
}

// consume follows the dirty set as a reconciler would.
func (c *model) consume(t *rapid.T) {
	changes := c.m.TakeDirty()
	c.m.Read(func(v View) {
		for _, ch := range changes {
			if ch.Ref.Name == "" {
				continue
			}
			k := key{ch.Ref.Namespace, ch.Ref.Name}
			o, here := v.Ingress(k.namespace, k.name)
			if here == ch.Gone {
				t.Fatalf("%v: gone %v, in the view %v", ch.Ref, ch.Gone, here)
			}
			if here {
				c.consumer[k] = modelObject{o.UID, "hash of " + o.Body.GetRules()[0].GetHost(), o.Body.GetRules()[0].GetHost()}
				continue
			}
			if old := c.consumer[k]; old.uid != "" && !c.deleted[old.uid] {
				t.Fatalf("%v: gone from the mirror, never from the cluster", ch.Ref)
			}
			delete(c.consumer, k)
		}
	})
}

func TestAnyHistoryEndsInTheFinalState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &model{m: New("a"), cluster: map[key]modelObject{}, consumer: map[key]modelObject{}, deleted: map[string]bool{}}
		t.Repeat(map[string]func(*rapid.T){
			"change": func(t *rapid.T) { c.apply(t, c.change(t)) },
			"repeated": func(t *rapid.T) {
				rec := c.change(t)
				c.apply(t, rec)
				c.apply(t, rec)
			},
			"lost with the stream": func(t *rapid.T) {
				for range rapid.IntRange(0, 5).Draw(t, "changes") {
					c.change(t)
				}
				c.m.Disconnected()
				c.open, c.unsent, c.lost = false, nil, true
			},
			"begin": func(t *rapid.T) {
				if !c.open {
					c.begin(t)
				}
			},
			"records": func(t *rapid.T) { c.send(t, rapid.IntRange(1, 10).Draw(t, "records")) },
			"abort": func(t *rapid.T) {
				if c.open {
					c.m.AbortSnapshot(kinds.Ingress, c.id)
					c.open = false
				}
				c.unsent = nil
			},
			"end": func(t *rapid.T) {
				if c.open {
					c.end(t)
				}
			},
			"wrong end": func(t *rapid.T) {
				if !c.open {
					return
				}
				before := c.m.Summary().Objects
				d := c.digest()
				if _, err := c.m.EndSnapshot(kinds.Ingress, c.id, d.Count(), d.Digest()+1); err == nil {
					t.Fatal("a wrong digest is accepted")
				}
				if got := c.m.Summary().Objects; got != before {
					t.Fatalf("%d objects after a wrong digest, %d before", got, before)
				}
				c.open, c.unsent = false, nil
			},
			"consume": c.consume,
			"": func(t *rapid.T) {
				if c.lost && synced(c.m, kinds.Ingress) {
					t.Fatal("synced though changes were lost")
				}
			},
		})
		if !c.open {
			c.begin(t)
		}
		c.end(t)
		c.consume(t)

		if !synced(c.m, kinds.Ingress) {
			t.Fatal("not synced")
		}
		want := c.digest()
		if got := &c.m.kinds[kinds.Ingress].digest; *got != *want {
			t.Fatalf("digest %x of %d, want %x of %d", got.Digest(), got.Count(), want.Digest(), want.Count())
		}
		if !maps.Equal(c.consumer, c.cluster) {
			t.Fatalf("the consumer has %v, the cluster %v", c.consumer, c.cluster)
		}
		c.m.Read(func(v View) {
			all := v.Ingresses()
			if len(all) != len(c.cluster) || !slices.IsSortedFunc(all, compareObjects) {
				t.Fatalf("%d Ingresses, want %d, sorted", len(all), len(c.cluster))
			}
			for _, host := range []string{"", "x", "y", "z"} {
				want := slices.DeleteFunc(slices.Clone(all), func(o Object[*akohubv1.Ingress]) bool { return o.Body.GetRules()[0].GetHost() != host })
				if got := v.IngressesOfHost(host); names(got) != names(want) {
					t.Fatalf("host %q: %s, want %s", host, names(got), names(want))
				}
			}
		})
	})
}
