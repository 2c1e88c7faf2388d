package avisim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestRememberedSelections reads lists after each write of a random history:
// what was remembered must be what a fresh search finds.
func TestRememberedSelections(t *testing.T) {
	queries := []string{
		"/api/pool", "/api/pool?created_by=a", "/api/pool?created_by=a&cloud_ref.name=Default-Cloud", "/api/pool?label_key=app&label_value=x",
		"/api/pool?name.contains=p", "/api/pool?sort=-name", "/api/poolgroup?refers_to=pool:none", "/api/pool?enabled=true", "/api/tenant", "/api/role",
	}
	rapid.Check(t, func(rt *rapid.T) {
		sim, err := New(Options{Tenants: []string{"blue"}, RequestLog: -1})
		if err != nil {
			rt.Fatal(err)
		}
		tok := openSession(sim)
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			randomPoolWrite(rt, sim, tok)
			for _, q := range queries {
				for _, tenant := range []string{"admin", "blue", "*"} {
					remembered := tok.do(sim, "GET", q, tenant, "").Body.String()
					if !rapid.Bool().Draw(rt, "check") {
						continue
					}
					kept := sim.store.selections
					sim.store.selections = newSelections()
					fresh := tok.do(sim, "GET", q, tenant, "").Body.String()
					sim.store.selections = kept
					if remembered != fresh {
						rt.Fatalf("%s in %s: remembered\n%s\nfresh\n%s", q, tenant, remembered, fresh)
					}
				}
			}
		}
	})
}

func randomPoolWrite(rt *rapid.T, sim *Simulator, tok token) {
	name := rapid.SampledFrom([]string{"p1", "p2", "q3"}).Draw(rt, "name")
	by := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "by")
	label := rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "label")
	tenant := rapid.SampledFrom([]string{"admin", "blue"}).Draw(rt, "tenant")
	body := fmt.Sprintf(`{"name":%q,"created_by":%q,"enabled":%t,"markers":[{"key":"app","values":[%q]}]}`, name, by, by == "a", label)
	method := rapid.SampledFrom([]string{"POST", "PUT", "DELETE"}).Draw(rt, "method")
	path := "/api/pool"
	if method != "POST" {
		o := pickObject(sim, "pool", tenant, rapid.IntRange(0, 3).Draw(rt, "which"))
		if o == nil {
			return
		}
		path += "/" + o.uuid
	}
	tok.do(sim, method, path, tenant, body)
}

// TestRefusedMacroLeavesNothing: a macro whose last step is refused undoes all
// that came before, whatever that was.
func TestRefusedMacroLeavesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sim, err := New(Options{RequestLog: -1})
		if err != nil {
			rt.Fatal(err)
		}
		tok := openSession(sim)
		step := func() map[string]any {
			model := rapid.SampledFrom([]string{"Pool", "PoolGroup", "VsVip", "Tenant"}).Draw(rt, "model")
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name")
			data := map[string]any{"name": name}
			switch model {
			case "VsVip":
				data["vip"] = []any{map[string]any{"vip_id": "0", "auto_allocate_ip": true, "auto_allocate_ip_type": rapid.SampledFrom([]string{"V4_ONLY", "V4_V6"}).Draw(rt, "family")}}
			case "PoolGroup":
				data["members"] = []any{map[string]any{"pool_ref": "/api/pool?name=" + rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "pool")}}
			case "Tenant":
				data["config_settings"] = map[string]any{"tenant_vrf": true, "se_in_provider_context": false}
			}
			return map[string]any{"model_name": model, "data": data, "method": rapid.SampledFrom([]string{"POST", "POST", "PUT", "DELETE"}).Draw(rt, "method")}
		}
		send := func(steps ...map[string]any) int {
			text, err := json.Marshal(steps)
			if err != nil {
				rt.Fatal(err)
			}
			return tok.do(sim, "POST", "/api/macro", "admin", string(text)).Code
		}
		for range rapid.IntRange(0, 15).Draw(rt, "before") {
			if code := send(step()); code >= 500 {
				rt.Fatalf("macro: %d", code)
			}
		}
		before := everything(sim)
		for range 3 {
			var steps []map[string]any
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				steps = append(steps, step())
			}
			steps = append(steps, map[string]any{"model_name": "Pool", "data": map[string]any{"nonsense": 1}})
			if code := send(steps...); code < 400 || code >= 500 {
				rt.Fatalf("macro: %d", code)
			}
			checkIndexes(t, sim.store)
			if after := everything(sim); after != before {
				rt.Fatalf("before\n%s\nafter\n%s", before, after)
			}
		}
	})
}

// everything is all that a client can read, in order, and the addresses that
// are taken.
func everything(sim *Simulator) string {
	var b strings.Builder
	vw := view{st: sim.store, includeName: true}
	for _, t := range sim.vocab.types {
		for _, o := range sim.store.all[t].items() {
			b.Write(vw.appendObject(nil, o))
			b.WriteByte('\n')
		}
	}
	fmt.Fprint(&b, len(sim.store.ipam.taken), len(sim.store.defaults), sim.store.defaultCloud.name)
	return b.String()
}
