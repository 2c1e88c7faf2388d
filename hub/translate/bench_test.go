package translate

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// benchRecords are n hosts, an Ingress, a Service and four endpoints each;
// every other host has a certificate.
func benchRecords(tb testing.TB, n int) []*akohubv1.Record {
	recs := []*akohubv1.Record{aviClass(tb, true), secret(tb, "site", "a")}
	for i := range n {
		name := fmt.Sprintf("app-%05d", i)
		host := name + ".shop.example.test"
		in := &akohubv1.Ingress{
			Meta: &akohubv1.Meta{CreationSeconds: int64(i)},
			Rules: []*akohubv1.IngressRule{{Host: host, HasHttp: true, Paths: []*akohubv1.IngressPath{{
				Path: "/", PathType: "Prefix", Backend: &akohubv1.IngressBackend{ServiceName: name, PortNumber: 80},
			}}}},
		}
		if i%2 == 0 {
			in.Tls = []*akohubv1.IngressTls{{Hosts: []string{host}, SecretName: "site"}}
		}
		slice := &akohubv1.EndpointSlice{ServiceName: name, Ports: []*akohubv1.EndpointPort{{Name: "http", Port: 8080}}}
		for e := range 4 {
			slice.Endpoints = append(slice.Endpoints, &akohubv1.Endpoint{
				Addresses: []string{fmt.Sprintf("10.%d.%d.%d", e, i/250, i%250+1)}, Ready: proto.Bool(true),
			})
		}
		recs = append(recs, record(tb, "red", name, in), record(tb, "red", name+"-1", slice),
			record(tb, "red", name, &akohubv1.Service{Type: "ClusterIP", IpFamilies: []string{"IPv4"}, Ports: []*akohubv1.ServicePort{
				{Name: "http", Protocol: "TCP", Port: 80, TargetPortNumber: 8080},
			}}))
	}
	return recs
}

// benchModes are the ways to serve hosts. One shard makes one parent of all.
var benchModes = []struct {
	name   string
	change func(*Settings)
}{
	{"sni", func(s *Settings) { s.ShardSize = 1 }},
	{"sni-dedicated", func(s *Settings) { s.ShardSize = 0 }},
	{"evh", func(s *Settings) { s.ShardSize = 1; s.EVH = true }},
	{"evh-strict", func(s *Settings) { s.ShardSize = 1; s.EVH = true; s.FQDNReusePolicy = "Strict" }},
	{"evh-dedicated", func(s *Settings) { s.ShardSize = 0; s.EVH = true }},
}

var benchSizes = []int{100, 1000, 10000}

// BenchmarkUnit is what a change of one host costs beside the assembly of its
// parent: it must not grow with the cluster.
func BenchmarkUnit(b *testing.B) {
	for _, n := range benchSizes {
		recs := benchRecords(b, n)
		for _, mode := range benchModes {
			s := settings(mode.change)
			readView(b, recs, func(v mirror.View) {
				for i, name := range []string{"tls", "plain"} {
					k := UnitKey{Kind: UnitHost, Name: fmt.Sprintf("app-%05d.shop.example.test", i)}
					b.Run(fmt.Sprintf("mode=%s/hosts=%d/%s", mode.name, n, name), func(b *testing.B) {
						b.ReportAllocs()
						for b.Loop() {
							Unit(v, s, k)
						}
					})
				}
			})
		}
	}
}

// BenchmarkUnitsOf is what it costs to find out whom a change concerns.
func BenchmarkUnitsOf(b *testing.B) {
	ref := mirror.Ref{Kind: kinds.Ingress, Namespace: "red", Name: "app-00000"}
	for _, n := range benchSizes {
		recs := benchRecords(b, n)
		for _, mode := range benchModes {
			s := settings(mode.change)
			readView(b, recs, func(v mirror.View) {
				b.Run(fmt.Sprintf("mode=%s/hosts=%d", mode.name, n), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						UnitsOf(v, s, ref)
					}
				})
			})
		}
	}
}

// BenchmarkAssemble is the one cost that grows with the hosts of a parent.
func BenchmarkAssemble(b *testing.B) {
	for _, n := range benchSizes {
		recs := benchRecords(b, n)
		for _, mode := range benchModes {
			s := settings(mode.change)
			if dedicated(s) {
				continue // there is no parent
			}
			readView(b, recs, func(v mirror.View) {
				var cs []Contribution
				for _, k := range AllUnits(v, s) {
					cs = append(cs, Unit(v, s, k).Contributions...)
				}
				b.Run(fmt.Sprintf("mode=%s/hosts=%d", mode.name, n), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						Assemble(s, cs[0].Parent, cs)
					}
				})
			})
		}
	}
}

func BenchmarkAllUnits(b *testing.B) {
	recs := benchRecords(b, 10000)
	s := settings()
	readView(b, recs, func(v mirror.View) {
		b.ReportAllocs()
		for b.Loop() {
			AllUnits(v, s)
		}
	})
}
