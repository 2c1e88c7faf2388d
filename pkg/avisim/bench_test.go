package avisim

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// benchObjects is how many objects are there already while a benchmark runs:
// an operation must not get slower by them.
const benchObjects = 50_000

func benchSim(b *testing.B) (*Simulator, token) {
	b.Helper()
	sim, err := New(Options{RequestLog: 1000, SessionTTL: 24 * 3600e9})
	if err != nil {
		b.Fatal(err)
	}
	tok := openSession(sim)
	for i := range benchObjects {
		must(b, sim, tok, "POST", "/api/pool", benchPool(fmt.Sprintf("old-%d", i), 1), 201)
	}
	b.ReportAllocs()
	b.ResetTimer()
	return sim, tok
}

func must(b *testing.B, sim *Simulator, tok token, method, path, body string, want int) {
	if rec := tok.do(sim, method, path, "admin", body); rec.Code != want {
		b.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
}

// benchPool is a pool as an ingress controller writes it.
func benchPool(name string, servers int) string {
	var list []string
	for i := range servers {
		list = append(list, fmt.Sprintf(`{"ip":{"addr":"10.1.%d.%d","type":"V4"},"port":8080,"enabled":true,"external_uuid":"10.1.%d.%d:8080"}`, i/250, i%250+1, i/250, i%250+1))
	}
	return `{"name":"` + name + `","created_by":"ako-bench","cloud_ref":"/api/cloud?name=Default-Cloud","tenant_ref":"/api/tenant/?name=admin",` +
		`"vrf_ref":"/api/vrfcontext?name=global","health_monitor_refs":["/api/healthmonitor/?name=System-TCP"],` +
		`"markers":[{"key":"clustername","values":["bench"]},{"key":"Namespace","values":["default"]}],"servers":[` + strings.Join(list, ",") + `]}`
}

func BenchmarkCreate(b *testing.B) {
	sim, tok := benchSim(b)
	for i := range b.N {
		must(b, sim, tok, "POST", "/api/pool", benchPool(fmt.Sprintf("new-%d", i), 4), 201)
	}
}

func BenchmarkUpdate(b *testing.B) {
	sim, tok := benchSim(b)
	path := "/api/pool/" + pickObject(sim, "pool", "admin", 25_000).uuid
	for range b.N {
		must(b, sim, tok, "PUT", path, benchPool("old-25000", 4), 200)
	}
}

func BenchmarkCreateAndDelete(b *testing.B) {
	sim, tok := benchSim(b)
	for range b.N {
		must(b, sim, tok, "POST", "/api/pool", benchPool("x", 4), 201)
		st := sim.store
		o := st.names[nameKey{sim.vocab.byName["Pool"], st.admin, st.defaultCloud, "x"}]
		must(b, sim, tok, "DELETE", "/api/pool/"+o.uuid, "", 204)
	}
}

func BenchmarkGet(b *testing.B) {
	sim, tok := benchSim(b)
	path := "/api/pool/" + pickObject(sim, "pool", "admin", 25_000).uuid + "?include_name"
	for range b.N {
		must(b, sim, tok, "GET", path, "", 200)
	}
}

func BenchmarkFindByName(b *testing.B) {
	sim, tok := benchSim(b)
	for range b.N {
		must(b, sim, tok, "GET", "/api/pool?name="+url.QueryEscape("old-40000"), "", 200)
	}
}

// BenchmarkPage reads a page of 100 out of the middle of all objects.
func BenchmarkPage(b *testing.B) {
	sim, tok := benchSim(b)
	for range b.N {
		must(b, sim, tok, "GET", "/api/pool?created_by=ako-bench&cloud_ref.name=Default-Cloud&include_name=true&page_size=100&page=250", "", 200)
	}
}

// BenchmarkFirstPage does so right after a write, and with pages of the usual
// size: the query of a client that watches.
func BenchmarkFirstPage(b *testing.B) {
	sim, tok := benchSim(b)
	path := "/api/pool/" + pickObject(sim, "pool", "admin", 25_000).uuid
	for i := range b.N {
		b.StopTimer()
		must(b, sim, tok, "PUT", path, benchPool("old-25000", 1+i%2), 200)
		b.StartTimer()
		must(b, sim, tok, "GET", "/api/pool?created_by=ako-bench&cloud_ref.name=Default-Cloud&include_name=true&page_size=25", "", 200)
	}
}

// BenchmarkMacro writes two objects as one, and BenchmarkMacroRefused has them
// undone.
func BenchmarkMacro(b *testing.B) {
	sim, tok := benchSim(b)
	for i := range b.N {
		body := fmt.Sprintf(`[{"model_name":"Pool","data":{"name":"m-%d"}},{"model_name":"PoolGroup","data":{"name":"m-%d","members":[{"pool_ref":"/api/pool/?name=m-%d"}]}}]`, i, i, i)
		must(b, sim, tok, "POST", "/api/macro", body, 200)
	}
}

func BenchmarkMacroRefused(b *testing.B) {
	sim, tok := benchSim(b)
	for range b.N {
		must(b, sim, tok, "POST", "/api/macro", `[{"model_name":"Pool","data":{"name":"m"}},{"model_name":"Pool","data":{"name":"m"}}]`, 409)
	}
}

// BenchmarkVIP allocates and gives back an address while most of the range is
// taken.
func BenchmarkVIP(b *testing.B) {
	sim, err := New(Options{RequestLog: -1, SessionTTL: 24 * 3600e9})
	if err != nil {
		b.Fatal(err)
	}
	tok := openSession(sim)
	body := func(name string) string {
		return `{"name":"` + name + `","vip":[{"vip_id":"0","auto_allocate_ip":true}]}`
	}
	for i := range 3500 {
		must(b, sim, tok, "POST", "/api/vsvip", body(fmt.Sprint("old-", i)), 201)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		name := fmt.Sprint("v", i%1000)
		must(b, sim, tok, "POST", "/api/vsvip", body(name), 201)
		st := sim.store
		o := st.names[nameKey{sim.vocab.byName["VsVip"], st.admin, st.defaultCloud, name}]
		must(b, sim, tok, "DELETE", "/api/vsvip/"+o.uuid, "", 204)
	}
}

// BenchmarkNew is what a test pays for a simulator of its own.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOverTLS is a client's mix over one connection: for every write four
// reads by name. With -cpu 1, client and simulator share one core.
func BenchmarkOverTLS(b *testing.B) {
	sim, tok := benchSim(b)
	srv, err := sim.StartTLS("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(srv.CACertPEM)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	client := &http.Client{Transport: transport}
	send := func(method, path, body string) {
		req, err := http.NewRequest(method, srv.URL+path, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		tok.sign(req)
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode >= 300 {
			b.Fatal(resp.Status, err)
		}
		resp.Body.Close()
	}
	path := "/api/pool/" + pickObject(sim, "pool", "admin", 25_000).uuid
	i := 0
	for b.Loop() {
		if i++; i%5 == 0 {
			send("PUT", path, benchPool("old-25000", i%4+1))
		} else {
			send("GET", "/api/pool?name=old-"+strconv.Itoa(i%benchObjects), "")
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	transport.CloseIdleConnections()
	if err := srv.Close(); err != nil {
		b.Fatal(err)
	}
}
