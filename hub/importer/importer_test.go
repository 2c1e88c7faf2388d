package importer

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files")

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// render gives the registration and everything said about it.
func render(t *testing.T, r *Result) string {
	t.Helper()
	out, err := r.Cluster.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(out)
	for _, u := range r.Unknown {
		b.WriteString("# unknown: " + u + "\n")
	}
	for _, n := range r.Notes {
		b.WriteString("# note: " + n + "\n")
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, tc := range []struct {
		name string
		from func([]byte, Options) (*Result, error)
		opts Options
	}{
		{"configmap", FromConfigMap, Options{}},
		{"values", FromValues, Options{Name: "eu", Mode: v1alpha1.ModeCreateOnly}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := tc.from(read(t, tc.name+".yaml"), tc.opts)
			if err != nil {
				t.Fatal(err)
			}
			got := render(t, r)
			golden := filepath.Join("testdata", tc.name+".golden.yaml")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(read(t, tc.name+".golden.yaml")), got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if strings.Contains(got, "top-") {
				t.Error("a credential was printed")
			}
			out, err := r.Cluster.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			again, err := v1alpha1.ParseCluster(out, "golden")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(r.Cluster, again); d != "" {
				t.Errorf("what was written reads back as something else:\n%s", d)
			}
		})
	}
}

func TestDefaultsOfAKOAreOurs(t *testing.T) {
	r, err := FromConfigMap(read(t, "configmap.yaml"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := v1alpha1.NewCluster("cluster1")
	want.Spec.Network.VIPNetworks = []v1alpha1.VIPNetwork{{Name: "vip-net", CIDR: "10.10.0.0/16"}}
	if d := cmp.Diff(want, r.Cluster); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	// The same from values that leave everything to the chart.
	v, err := FromValues([]byte("AKOSettings: {clusterName: cluster1}\nNetworkSettings: {vipNetworkList: [{networkName: vip-net, cidr: 10.10.0.0/16}]}\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, v.Cluster); d != "" || len(v.Notes)+len(v.Unknown) > 0 {
		t.Errorf("(-want +got)\n%s\n%v %v", d, v.Notes, v.Unknown)
	}
}

// configMap changes the default ConfigMap: "key=value", or "key" to remove it.
func configMap(t *testing.T, changes ...string) []byte {
	t.Helper()
	text := string(read(t, "configmap.yaml"))
	for _, c := range changes {
		key, value, set := strings.Cut(c, "=")
		var out []string
		for _, line := range strings.Split(text, "\n") {
			if strings.HasPrefix(line, "  "+key+":") {
				if !set {
					continue
				}
				line, set = "  "+key+": '"+value+"'", false
				key = "\x00"
			}
			out = append(out, line)
		}
		if set {
			out = append(out, "  "+key+": '"+value+"'")
		}
		text = strings.Join(out, "\n")
	}
	return []byte(text)
}

func TestConfigMapValues(t *testing.T) {
	for _, tc := range []struct {
		name    string
		changes []string
		opts    Options
		check   func(c *v1alpha1.Cluster) bool
		note    string
	}{
		{"unknown shard size", []string{"shardVSSize=HUGE"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Ingress.ShardSize == "Small" }, `shardVSSize is "HUGE"`},
		{"absent shard size", []string{"shardVSSize"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Ingress.ShardSize == "Small" }, "shardVSSize is absent"},
		{"absent autoFQDN", []string{"autoFQDN"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Services.AutoFQDN == "Disabled" }, "autoFQDN is absent"},
		{"dedicated", []string{"shardVSSize=DEDICATED"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Ingress.ShardSize == "Dedicated" }, ""},
		{"upper case name", []string{"clusterName=Prod_EU"}, Options{}, func(c *v1alpha1.Cluster) bool {
			return c.Metadata.Name == "prod-eu" && c.CreatedBy() == "ako-Prod_EU"
		}, `it is called "prod-eu"`},
		{"other name", nil, Options{Name: "mine"}, func(c *v1alpha1.Cluster) bool {
			return c.Metadata.Name == "mine" && c.ObjectPrefix() == "cluster1"
		}, ""},
		{"mode", nil, Options{Mode: "enforce"}, func(c *v1alpha1.Cluster) bool { return c.Spec.Mode == "enforce" }, ""},
		{"secondary", []string{"primaryInstance=false"}, Options{}, func(c *v1alpha1.Cluster) bool {
			return c.CreatedBy() == "ako-cluster1-avi-system" && c.Metadata.Name == "cluster1-avi-system" && c.ObjectPrefix() == "cluster1"
		}, "beside a primary one"},
		{"secondary with a name", []string{"primaryInstance=false"}, Options{Name: "two"}, func(c *v1alpha1.Cluster) bool {
			return c.CreatedBy() == "ako-cluster1-avi-system" && c.Metadata.Name == "two"
		}, ""},
		{"odd primary", []string{"primaryInstance=maybe"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.CreatedBy() == "ako-cluster1" }, "AKO takes that for true"},
		{"strict without EVH", []string{"fqdnReusePolicy=Strict"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Ingress.FQDNReuse == "InterNamespaceAllowed" }, "fqdnReusePolicy Strict has no effect without EVH"},
		{"strict with EVH", []string{"fqdnReusePolicy=Strict", "enableEVH=true"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Ingress.FQDNReuse == "Strict" }, ""},
		{"no pool groups with EVH", []string{"noPGForSNI=true", "enableEVH=true"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Ingress.PoolGroupsForSNI }, "noPGForSNI has no effect with EVH"},
		{"VIP per namespace", []string{"vipPerNamespace=true"}, Options{}, func(c *v1alpha1.Cluster) bool { return !c.Spec.Ingress.VIPPerNamespace }, "vipPerNamespace has no effect"},
		{"MCI without EVH", []string{"enableMCI=true", "serviceType=NodePort"}, Options{}, func(c *v1alpha1.Cluster) bool { return !c.Spec.Features.MultiClusterIngress }, "enableMCI has no effect"},
		{"node selector", []string{"serviceType=NodePort", "nodeKey=node-role.kubernetes.io/worker", "nodeValue="}, Options{}, func(c *v1alpha1.Cluster) bool {
			return c.Spec.Backends.NodeSelector == v1alpha1.Label{Key: "node-role.kubernetes.io/worker"}
		}, ""},
		{"node selector without NodePort", []string{"nodeKey=a", "nodeValue=b"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Backends.NodeSelector == v1alpha1.Label{} }, "the node selector has no effect"},
		{"half a namespace selector", []string{"nsSyncLabelKey=team"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Namespaces.Selector == v1alpha1.Label{} }, "only a key or only a value"},
		{"no VIP networks", []string{"vipNetworkList=null"}, Options{}, func(c *v1alpha1.Cluster) bool { return len(c.Spec.Network.VIPNetworks) == 0 }, ""},
		{"blocked", []string{`blockedNamespaceList=["a","b"]`}, Options{}, func(c *v1alpha1.Cluster) bool { return slices.Equal(c.Spec.Namespaces.Blocked, []string{"a", "b"}) }, ""},
		{"odd service type", []string{"serviceType=External"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Backends.Type == "ClusterIP" }, `serviceType is "External"`},
		{"delete config", []string{"deleteConfig=true"}, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Mode == "observe" }, "mode offboard does what deleteConfig did"},
		{"delete config, enforced", []string{"deleteConfig=true"}, Options{Mode: "enforce"}, func(c *v1alpha1.Cluster) bool { return c.Spec.Mode == "offboard" }, "spec.mode is offboard"},
		{"delete config, frozen", []string{"deleteConfig=true"}, Options{Mode: "frozen"}, func(c *v1alpha1.Cluster) bool { return c.Spec.Mode == "frozen" }, "mode frozen, which removes nothing"},
		{"delete config in other words", []string{"deleteConfig=True"}, Options{Mode: "enforce"}, func(c *v1alpha1.Cluster) bool { return c.Spec.Mode == "enforce" }, "takes for false"},
		{"no delete config", []string{"deleteConfig=false"}, Options{Mode: "enforce"}, func(c *v1alpha1.Cluster) bool { return c.Spec.Mode == "enforce" }, ""},
		{"controller", nil, Options{}, func(c *v1alpha1.Cluster) bool { return c.Spec.Controller == "" }, "url: https://avi.example.test"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := FromConfigMap(configMap(t, tc.changes...), tc.opts)
			if err != nil {
				t.Fatal(err)
			}
			if !tc.check(r.Cluster) {
				t.Errorf("not as wanted:\n%s", render(t, r))
			}
			if !strings.Contains(strings.Join(r.Notes, "\n"), tc.note) {
				t.Errorf("notes %q lack %q", r.Notes, tc.note)
			}
		})
	}
}

func TestUnknownKeys(t *testing.T) {
	r, err := FromConfigMap(configMap(t, "shardVsSize=LARGE", "aaa=1", `nodeNetworkList=[{"networkName":"n","cidr":"x","mask":3}]`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"aaa", "nodeNetworkList[0].mask", "shardVsSize"}, r.Unknown); d != "" {
		t.Error(d)
	}
}

func TestBareDataAndList(t *testing.T) {
	bare := "clusterName: c1\nshardVSSize: LARGE\nautoFQDN: flat\nvipNetworkList:\n- {networkName: n}\nenableEVH: true\n"
	list := "apiVersion: v1\nkind: List\nitems:\n- {kind: ConfigMap, metadata: {name: other}, data: {a: b}}\n" +
		"- {kind: ConfigMap, metadata: {name: avi-k8s-config, namespace: ns}, data: {clusterName: c1, shardVSSize: LARGE, autoFQDN: flat, enableEVH: 'true', vipNetworkList: '[{\"networkName\": \"n\"}]'}}\n"
	a, err := FromConfigMap([]byte(bare), Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := FromConfigMap([]byte(list), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d)
	}
	if a.Cluster.Spec.Ingress.Mode != v1alpha1.IngressEVH || a.Cluster.Spec.Network.VIPNetworks[0].Name != "n" {
		t.Error(render(t, a))
	}
}

func TestRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, text, want string
		from             func([]byte, Options) (*Result, error)
	}{
		{"empty", "", "it is empty", FromValues},
		{"not yaml", "a: [", "AKO's Helm values", FromValues},
		{"two documents", "AKOSettings: {clusterName: a}\n---\nb: 1\n", "more than one document", FromValues},
		{"a ConfigMap as values", string(configMap(t)), "--configmap", FromValues},
		{"other values", "foo: bar\n", "none of AKO's keys", FromValues},
		{"no name", "AKOSettings: {enableEVH: true}\n", "give --name", FromValues},
		{"a Deployment", "kind: Deployment\n", "this is a Deployment", FromConfigMap},
		{"no data", "kind: ConfigMap\n", "it has no data", FromConfigMap},
		{"other data", "kind: ConfigMap\ndata: {a: b}\n", "none of the keys of avi-k8s-config", FromConfigMap},
		{"empty list", "kind: List\nitems: []\n", "has 0 ConfigMaps", FromConfigMap},
		{"bad list", string(configMap(t, "vipNetworkList={broken")), "importing vipNetworkList", FromConfigMap},
		{"bad cidr", string(configMap(t, `vipNetworkList=[{"networkName":"n","cidr":"10.0.0.0"}]`)), "is not an IPv4 subnet", FromConfigMap},
		{"bad family", string(configMap(t, "ipFamily=V5")), `"V5" is not one of V4, V6, V4_V6`, FromConfigMap},
		{"labels without RHI", string(configMap(t, `bgpPeerLabels=["a"]`)), "need network.rhi", FromConfigMap},
		{"a mapping for a word", "AKOSettings: {clusterName: [a]}\n", "importing AKOSettings.clusterName", FromValues},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := tc.from([]byte(tc.text), Options{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, error %v, want one with %q", r, err, tc.want)
			}
		})
	}
}

// TestTablesAgree holds the tables against each other and against the `ako`
// tags that the reference page shows.
func TestTablesAgree(t *testing.T) {
	for key := range actions {
		if !slices.Contains(order, key) {
			t.Errorf("%s has an action and no place in the order", key)
		}
	}
	for _, key := range order {
		if actions[key] == nil {
			t.Errorf("%s has a place in the order and no action", key)
		}
	}
	for path, key := range valuePaths {
		if actions[key] == nil && unusedKeys[key] == "" {
			t.Errorf("%s leads to %s, which nothing knows", path, key)
		}
	}
	reached := map[string]bool{}
	for _, key := range valuePaths {
		reached[key] = true
	}
	for key := range actions {
		if !reached[key] {
			t.Errorf("no Helm value leads to %s", key)
		}
	}
	reference, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "cluster.md"))
	if err != nil {
		t.Fatal(err)
	}
	for path, key := range valuePaths {
		shown := path
		if strings.HasPrefix(path, "nodePortSelector.") || strings.HasPrefix(path, "AKOSettings.namespaceSelector.") {
			shown = path[:strings.LastIndex(path, ".")]
		}
		if actions[key] != nil && !strings.Contains(string(reference), "`"+shown+"`") {
			t.Errorf("%s is imported, but no field's ako tag names it", path)
		}
	}
}

func FuzzImport(f *testing.F) {
	for _, name := range []string{"configmap.yaml", "values.yaml"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, from := range []func([]byte, Options) (*Result, error){FromValues, FromConfigMap} {
			r, err := from(data, Options{Name: "x"})
			if err != nil {
				continue
			}
			if err := r.Cluster.Validate(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
