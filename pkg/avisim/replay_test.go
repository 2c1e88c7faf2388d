package avisim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/akohub/akohub/pkg/avisim/normal"
	"github.com/google/go-cmp/cmp"
)

// replayOrder is an order in which references exist before they are used.
var replayOrder = []string{
	"healthmonitor", "applicationprofile", "applicationpersistenceprofile", "sslkeyandcertificate", "pkiprofile", "vsvip",
	"pool", "poolgroup", "stringgroup", "httppolicyset", "l4policyset", "vsdatascriptset", "virtualservice",
}

// TestReplay writes what a recorded run of a real client left behind, and
// expects the dump to be the same: every field is taken, every reference
// resolves, nothing is added or lost.
func TestReplay(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "recorded", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".json"), func(t *testing.T) { replay(t, f) })
	}
}

func replay(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := normal.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	var tenants []string
	for name := range want.Tenants {
		tenants = append(tenants, name)
	}
	sim := newSim(t, Options{Tenants: tenants, Assume: Assumptions{AnyCertificate: true}})
	c := newClient(t, sim)
	for typ, objs := range want.SystemChanges {
		for name, fields := range objs {
			cloud, name, _ := strings.Cut(name, "/")
			found := c.must(200, "GET", "/api/"+typ+"?name="+url.QueryEscape(name)+"&cloud_ref.name="+url.QueryEscape(cloud), nil)
			o := found["results"].([]any)[0].(map[string]any)
			for k, v := range fields {
				o[k] = v
			}
			c.must(200, "PUT", "/api/"+typ+"/"+o["uuid"].(string), o)
		}
	}
	for tenant, types := range want.Tenants {
		c.tenant = tenant
		for typ := range types {
			if !contains(replayOrder, typ) {
				t.Errorf("type %s is not replayed", typ)
			}
		}
		for _, typ := range replayOrder {
			objs := types[typ]
			sort.SliceStable(objs, func(i, j int) bool { return rank(objs[i]) < rank(objs[j]) })
			for _, o := range objs {
				c.must(201, "POST", "/api/"+typ, written(t, "", o))
			}
		}
	}
	blankAddresses(want)
	hashKeys(want)
	got := sim.Dump()
	blankAddresses(got)
	if diff := cmp.Diff(normal.Normalize(want), got); diff != "" {
		t.Errorf("dump differs (-want +got):\n%s", diff)
	}
}

// rank puts parents before children, and CA certificates before others.
func rank(o map[string]any) int {
	if o["vh_parent_vs_ref"] != nil || o["ca_certs"] != nil {
		return 1
	}
	return 0
}

// written turns a normalized value back into what a client sends.
func written(t *testing.T, name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			switch {
			case k == "service_metadata":
				text, err := json.Marshal(e)
				if err != nil {
					t.Fatal(err)
				}
				out[k] = string(text)
			case k == "key_sha256":
				out["key"] = e
			case (k == "ip_address" || k == "ip6_address") && v["auto_allocate_ip"] == true:
			default:
				out[k] = written(t, k, e)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = written(t, name, e)
		}
		return out
	case string:
		if strings.HasSuffix(name, "_ref") || strings.HasSuffix(name, "_refs") {
			typ, name, _ := strings.Cut(v, "/")
			return "/api/" + typ + "/?name=" + url.QueryEscape(name)
		}
	}
	return v
}

// hashKeys stands in for private keys, which are not kept with the
// recordings: the key is the recorded hash, so its hash is the hash's.
func hashKeys(d normal.Dump) {
	for _, types := range d.Tenants {
		for _, o := range types["sslkeyandcertificate"] {
			if sum, ok := o["key_sha256"].(string); ok {
				again := sha256.Sum256([]byte(sum))
				o["key_sha256"] = hex.EncodeToString(again[:])
			}
		}
	}
}

func blankAddresses(d normal.Dump) {
	for _, types := range d.Tenants {
		for _, vip := range types["vsvip"] {
			vips, _ := vip["vip"].([]any)
			for _, v := range vips {
				for _, k := range []string{"ip_address", "ip6_address"} {
					if a, ok := v.(map[string]any)[k].(map[string]any); ok {
						a["addr"] = "any"
					}
				}
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
