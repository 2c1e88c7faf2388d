package avisim

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestAnyHistoryKeepsTheIndexes makes writes at random, good and bad, and
// checks the whole store after each history; then that a snapshot is a true
// copy, and that deleting in any order that the controller allows leaves
// nothing.
func TestAnyHistoryKeepsTheIndexes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sim, err := New(Options{Tenants: []string{"blue"}, RequestLog: -1})
		if err != nil {
			rt.Fatal(err)
		}
		tok := openSession(sim)
		name := rapid.SampledFrom([]string{"a", "b", "c"})
		tenant := rapid.SampledFrom([]string{"admin", "blue"})
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			typ := rapid.SampledFrom([]string{"pool", "poolgroup", "vsvip", "virtualservice"}).Draw(rt, "type")
			body := map[string]any{"name": name.Draw(rt, "name")}
			switch typ {
			case "poolgroup":
				body["members"] = []any{map[string]any{"pool_ref": "/api/pool?name=" + name.Draw(rt, "pool")}}
			case "vsvip":
				body["vip"] = []any{map[string]any{"vip_id": "0", "auto_allocate_ip": true, "auto_allocate_ip_type": rapid.SampledFrom([]string{"V4_ONLY", "V4_V6"}).Draw(rt, "family")}}
			case "virtualservice":
				body["vsvip_ref"] = "/api/vsvip?name=" + name.Draw(rt, "vip")
				body["pool_group_ref"] = "/api/poolgroup?name=" + name.Draw(rt, "group")
				body["services"] = []any{map[string]any{"port": rapid.IntRange(80, 82).Draw(rt, "port")}}
			}
			text, err := json.Marshal(body)
			if err != nil {
				rt.Fatal(err)
			}
			in := tenant.Draw(rt, "tenant")
			method := rapid.SampledFrom([]string{"POST", "POST", "PUT", "DELETE"}).Draw(rt, "method")
			path := "/api/" + typ
			if method != "POST" {
				o := pickObject(sim, typ, in, rapid.IntRange(0, 5).Draw(rt, "which"))
				if o == nil {
					continue
				}
				path += "/" + o.uuid
			}
			rec := tok.do(sim, method, path, in, string(text))
			if rec.Code >= 500 {
				rt.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
			}
		}
		checkIndexes(t, sim.store)
		sn := sim.Snapshot()
		checkIndexes(t, sn.store)
		a, err := sim.Dump().Text()
		if err != nil {
			rt.Fatal(err)
		}
		for left := true; left; {
			left = false
			for _, typ := range []string{"pool", "vsvip", "poolgroup", "virtualservice"} {
				for _, in := range []string{"admin", "blue"} {
					for o := pickObject(sim, typ, in, 0); o != nil; o = pickObject(sim, typ, in, 0) {
						if rec := tok.do(sim, "DELETE", fmt.Sprintf("/api/%s/%s", typ, o.uuid), in, ""); rec.Code != 204 {
							break
						}
						left = true
					}
				}
			}
		}
		if d := sim.Dump(); len(d.Tenants) != 0 {
			rt.Fatalf("after deleting all: %v", d.Tenants)
		}
		if len(sim.store.ipam.taken) != 0 {
			rt.Fatalf("addresses are still taken: %v", sim.store.ipam.taken)
		}
		checkIndexes(t, sim.store)
		sim.Restore(sn)
		b, err := sim.Dump().Text()
		if err != nil {
			rt.Fatal(err)
		}
		if string(a) != string(b) {
			rt.Fatalf("restored state differs:\n%s\n%s", a, b)
		}
	})
}

func pickObject(sim *Simulator, typ, tenant string, i int) *object {
	objs := sim.store.list(sim.vocab.byPath[typ], sim.store.tenant(tenant)).items()
	if len(objs) == 0 {
		return nil
	}
	return objs[i%len(objs)]
}
