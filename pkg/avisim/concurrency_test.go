package avisim

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestConcurrentClients lets many clients write and read at once and checks
// afterwards that nothing was lost and the indexes agree. The race detector
// makes the most of it.
func TestConcurrentClients(t *testing.T) {
	sim := newSim(t, Options{Tenants: []string{"t0", "t1", "t2", "t3"}})
	tok := openSession(sim)
	const rounds = 30
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			tenant := fmt.Sprintf("t%d", w%4)
			for i := range rounds {
				name := fmt.Sprintf("w%d-%d", w, i)
				steps := []struct {
					method, path, body string
					want               int
				}{
					{"POST", "/api/vsvip", `{"name":"` + name + `","vip":[{"vip_id":"0","auto_allocate_ip":true}]}`, 201},
					{"POST", "/api/pool", `{"name":"` + name + `","health_monitor_refs":["/api/healthmonitor?name=System-TCP"]}`, 201},
					{"POST", "/api/virtualservice", `{"name":"` + name + `","vsvip_ref":"/api/vsvip?name=` + name + `","pool_ref":"/api/pool?name=` + name + `","services":[{"port":80}]}`, 201},
					{"GET", "/api/virtualservice?page_size=5&name.contains=w", "", 200},
				}
				for _, s := range steps {
					if rec := tok.do(sim, s.method, s.path, tenant, s.body); rec.Code != s.want {
						t.Errorf("%s %s: %d %s", s.method, s.path, rec.Code, rec.Body)
						return
					}
				}
				if i%2 == 0 {
					continue
				}
				sim.mu.RLock()
				o := sim.store.names[nameKey{sim.vocab.byName["VirtualService"], sim.store.tenant(tenant), sim.store.defaultCloud, name}]
				sim.mu.RUnlock()
				if rec := tok.do(sim, "DELETE", "/api/virtualservice/"+o.uuid, tenant, ""); rec.Code != 204 {
					t.Errorf("DELETE: %d %s", rec.Code, rec.Body)
				}
			}
		})
	}
	wg.Go(func() {
		for range rounds {
			sim.Dump()
			sim.Requests()
			sim.Counts()
			sim.Inject(Fault{Type: "nothing"})
			sim.Faults()
			sim.ClearFaults()
			sim.Snapshot()
		}
	})
	wg.Wait()
	d := sim.Dump()
	addrs := map[string]bool{}
	for tenant, types := range d.Tenants {
		if got := len(types["vsvip"]); got != 2*rounds {
			t.Errorf("%s: %d vsvips", tenant, got)
		}
		if got := len(types["virtualservice"]); got != rounds {
			t.Errorf("%s: %d virtual services", tenant, got)
		}
		for _, v := range types["vsvip"] {
			addrs[addrOf(v, "ip_address")] = true
		}
	}
	if len(addrs) != 4*2*rounds {
		t.Errorf("%d addresses for %d VIPs", len(addrs), 4*2*rounds)
	}
	checkIndexes(t, sim.store)
}

// token is a session that needs no connection.
type token struct{ ses session }

func openSession(sim *Simulator) token { return token{sim.sessions.open("admin")} }

func (k token) do(sim *Simulator, method, path, tenant, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	k.sign(r)
	r.Header.Set("X-Avi-Tenant", tenant)
	rec := httptest.NewRecorder()
	sim.Handler().ServeHTTP(rec, r)
	return rec
}

// sign makes a request one of the session.
func (k token) sign(r *http.Request) {
	r.AddCookie(&http.Cookie{Name: "sessionid", Value: k.ses.id})
	r.Header.Set("X-CSRFToken", k.ses.csrf)
	r.Header.Set("Referer", "https://example.com/")
}

// checkIndexes compares every index with the objects themselves.
func checkIndexes(t *testing.T, st *store) {
	t.Helper()
	in := map[*object]map[*object]uint32{}
	members := map[*object]int{}
	for k, o := range st.objects {
		if k.uuid != o.uuid || k.t != o.t {
			t.Errorf("%s is stored as %v", o.name, k)
		}
		if o.name != "" && st.names[o.nameKey()] != o {
			t.Errorf("%s %s is not found by name", o.t.name, o.name)
		}
		members[o.tenant]++
		for i, l := range []*objectList{st.lists[listKey{o.t, o.tenant}], st.all[o.t]} {
			if l.objs[o.pos[i]] != o {
				t.Errorf("%s %s is not where list %d has it", o.t.name, o.name, i)
			}
		}
		for _, target := range o.out {
			if st.objects[objectKey{target.t, target.uuid}] != target {
				t.Errorf("%s refers to %s, which is gone", o.name, target.name)
			}
			if in[target] == nil {
				in[target] = map[*object]uint32{}
			}
			in[target][o]++
		}
	}
	n := 0
	for t2, l := range st.all {
		last := uint64(0)
		for _, o := range l.items() {
			n++
			if o.seq <= last {
				t.Errorf("list of %s is out of order", t2.name)
			}
			last = o.seq
		}
	}
	if n != len(st.objects) {
		t.Errorf("lists hold %d objects of %d", n, len(st.objects))
	}
	for _, o := range st.objects {
		if len(o.in) != len(in[o]) {
			t.Errorf("%s has %d referrers, should be %d", o.name, len(o.in), len(in[o]))
		}
		for r, k := range o.in {
			if in[o][r] != k {
				t.Errorf("%s is referred to by %s %d times, should be %d", o.name, r.name, k, in[o][r])
			}
		}
		if o.t.name == "Tenant" && o.members != members[o] {
			t.Errorf("tenant %s has %d members, should be %d", o.name, o.members, members[o])
		}
	}
	taken := 0
	for o, as := range st.ipam.owned {
		if st.objects[objectKey{o.t, o.uuid}] != o {
			t.Errorf("%s has addresses but is gone", o.name)
		}
		for _, a := range as {
			taken++
			if st.ipam.taken[a.key] != o {
				t.Errorf("address %s is not noted as taken", a.key.addr)
			}
		}
	}
	if taken != len(st.ipam.taken) {
		t.Errorf("%d addresses are taken, %d owned", len(st.ipam.taken), taken)
	}
}
