package translate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/hub/mirror"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenSettings are what cases have beside the usual settings, by file name
// and variant; a file without an entry has one variant, without name.
var goldenSettings = map[string]map[string]func(*Settings){
	"nopg":         {"": func(s *Settings) { s.NoPGForSNI = true }},
	"hosts":        {"": func(s *Settings) { s.AutoFQDN = "disabled" }},
	"default-cert": {"": func(s *Settings) { s.T1LR = "/infra/tier-1s/east"; s.VRF = "east"; s.EnableRHI = true }},
	"tenants": {"": func(s *Settings) {
		s.NamespaceSelector = Label{Key: "avi", Value: "yes"}
		s.BlockedNamespaces = []string{"blocked"}
		s.ShardSize = 1
	}},
	"modes": {
		"sni":       func(s *Settings) { s.ShardSize = 1 },
		"dedicated": func(s *Settings) { s.ShardSize = 0; s.PassthroughShardSize = 0; s.NoPGForSNI = true },
		"evh": func(s *Settings) {
			s.ShardSize = 1
			s.EVH = true
			s.EnableRHI = true
			s.BGPPeerLabels = []string{"peer"}
		},
		"evh-dedicated": func(s *Settings) { s.ShardSize = 0; s.EVH = true; s.T1LR = "/infra/tier-1s/east"; s.VRF = "east" },
		"evh-namespace": func(s *Settings) { s.EVH = true; s.VIPPerNamespace = true },
		"evh-strict":    func(s *Settings) { s.ShardSize = 1; s.EVH = true; s.FQDNReusePolicy = "Strict" },
	},
	"routes": {
		"sni":           func(s *Settings) { s.OpenShift = true; s.ShardSize = 1; s.DefaultDomain = "shop.example.test" },
		"dedicated":     func(s *Settings) { s.OpenShift = true; s.ShardSize = 0; s.NoPGForSNI = true },
		"evh":           func(s *Settings) { s.OpenShift = true; s.ShardSize = 1; s.EVH = true },
		"evh-dedicated": func(s *Settings) { s.OpenShift = true; s.ShardSize = 0; s.EVH = true },
		"evh-strict":    func(s *Settings) { s.OpenShift = true; s.ShardSize = 1; s.EVH = true; s.FQDNReusePolicy = "Strict" },
	},
	"default-backend": {
		"sni":    func(s *Settings) { s.ShardSize = 1 },
		"evh":    func(s *Settings) { s.ShardSize = 1; s.EVH = true },
		"no-dns": func(s *Settings) { s.ShardSize = 1; s.Domains = nil },
	},
}

// golden is what a golden file holds.
type golden struct {
	Objects      []goldenObject
	Publications []Publication
	Problems     []goldenProblem
}

type goldenObject struct {
	Object string
	From   []string
	Body   map[string]any
}

type goldenProblem struct{ Object, Reason, Message string }

// goldenOf translates a whole view.
func goldenOf(tb testing.TB, v mirror.View, s *Settings) golden {
	var g golden
	objects, fragments := translateAll(v, s)
	for _, o := range objects {
		var body map[string]any
		must(tb, json.Unmarshal(indented(tb, o.Body), &body))
		if key, ok := body["key"].(string); ok {
			sum := sha256.Sum256([]byte(key))
			body["key"] = "sha256:" + hex.EncodeToString(sum[:])
		}
		var from []string
		for _, r := range o.From {
			from = append(from, r.String())
		}
		g.Objects = append(g.Objects, goldenObject{
			Object: o.Key.Tenant + " " + o.Key.Type + " " + o.Key.Name, From: from, Body: body,
		})
	}
	for _, f := range fragments {
		g.Publications = append(g.Publications, f.Publications...)
		for _, p := range f.Problems {
			g.Problems = append(g.Problems, goldenProblem{p.Object.String(), p.Reason, p.Message})
		}
	}
	return g
}

func TestIngressGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.yaml")
	must(t, err)
	if len(files) < 9 {
		t.Fatalf("found %d cases, want at least 9", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		variants := goldenSettings[name]
		if variants == nil {
			variants = map[string]func(*Settings){"": func(*Settings) {}}
		}
		for variant, change := range variants {
			full := strings.TrimSuffix(name+"."+variant, ".")
			t.Run(full, func(t *testing.T) {
				s := settings(change)
				recs := append(manifests(t, "testdata/certs", readFile(t, file)), aviClass(t, true))
				var got []byte
				readView(t, recs, func(v mirror.View) { got = indented(t, goldenOf(t, v, s)) })
				path := filepath.Join("testdata/golden", full+".golden.json")
				if *update {
					must(t, os.WriteFile(path, got, 0o644))
				}
				if want := readFile(t, path); !bytes.Equal(got, want) {
					t.Errorf("%s differs (run with -update to accept): -want +got\n%s", path,
						cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")))
				}
			})
		}
	}
}
