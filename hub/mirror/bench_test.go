package mirror

import (
	"fmt"
	"testing"

	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

const benchObjects = 10_000

func filled(b *testing.B) *Mirror {
	b.Helper()
	m := New("a")
	recs := make([]*akohubv1.Record, benchObjects)
	for i := range recs {
		recs[i] = ingress(fmt.Sprint("ns", i%50), fmt.Sprint("x", i), fmt.Sprint("u", i), "h", fmt.Sprintf("h%d.example", i/2))
	}
	if err := m.ApplyAll(recs); err != nil {
		b.Fatal(err)
	}
	return m
}

func BenchmarkApplyChange(b *testing.B) {
	m := filled(b)
	m.Read(func(v View) { v.Ingresses() })
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		n := i % benchObjects
		rec := ingress(fmt.Sprint("ns", n%50), fmt.Sprint("x", n), fmt.Sprint("u", n), fmt.Sprint("h", i), fmt.Sprintf("h%d.example", n/2))
		if err := m.Apply(rec); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		filled(b)
	}
}

func BenchmarkIngressesOfHost(b *testing.B) {
	m := filled(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Read(func(v View) {
			if len(v.IngressesOfHost(fmt.Sprintf("h%d.example", i%(benchObjects/2)))) != 2 {
				b.Fatal("not found")
			}
		})
	}
}
