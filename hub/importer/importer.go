// Package importer turns AKO's configuration into a registration.
//
// In come the bytes of AKO's Helm values or of its ConfigMap avi-k8s-config,
// out come a v1alpha1.Cluster that gives the same Avi objects under the same
// names, and what a person should know: keys it does not understand, and keys
// that a hub has no use for. The source of every rule is l4-infra.md §2.1 and
// what AKO does with a value that is absent or odd.
//
// It does no I/O. Credentials among the values are never looked at, only named.
package importer

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// Options are what the caller decides.
type Options struct {
	// Name is the registration's name; empty: AKO's clusterName, made a valid
	// name. When it is not AKO's clusterName, naming.clusterName keeps that for
	// the Avi objects.
	Name string
	// Mode is the registration's mode; empty: observe.
	Mode v1alpha1.Mode
}

// Result is a registration and what to say about it.
type Result struct {
	Cluster *v1alpha1.Cluster
	// Unknown are keys that mean nothing to AKO as far as we know: perhaps
	// misspelt, perhaps newer than this program. Sorted.
	Unknown []string
	// Notes are sentences about values that were changed, dropped, or have no
	// effect in a hub.
	Notes []string
}

// FromValues imports the values of AKO's Helm chart: the file given to
// "helm install -f", or the output of "helm get values --all". Values that the
// file leaves out have the chart's defaults.
func FromValues(data []byte, o Options) (*Result, error) {
	root, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading AKO's Helm values: %w", err)
	}
	if _, ok := root["apiVersion"]; ok && root["kind"] != nil {
		return nil, fmt.Errorf("reading AKO's Helm values: this is a %v; is it meant for --configmap?", root["kind"])
	}
	im := newImporter(o, "")
	im.helm = true
	known := false
	for _, leaf := range leaves(root, "") {
		k, group := lookupValue(leaf.path)
		switch {
		case k != "":
			known = true
			// Two paths may give one key (defaultDomain); the table's first wins.
			if old, ok := im.in[k]; !ok || old.rank > leaf.rank() {
				im.in[k] = input{path: leaf.path, value: leaf.value, rank: leaf.rank()}
			}
		case group != "":
			known = true
			im.without(group, leaf)
		default:
			im.res.Unknown = append(im.res.Unknown, leaf.path)
		}
	}
	if !known {
		return nil, errors.New("reading AKO's Helm values: none of AKO's keys is in them")
	}
	return im.finish()
}

// configMapName is what AKO calls its ConfigMap.
const configMapName = "avi-k8s-config"

// FromConfigMap imports AKO's ConfigMap, as "kubectl get -o yaml" prints it.
// Keys that it leaves out have the meaning that AKO's program gives to their
// absence, which is not always the chart's default.
func FromConfigMap(data []byte, o Options) (*Result, error) {
	root, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading AKO's ConfigMap: %w", err)
	}
	values, namespace, err := configMapData(root)
	if err != nil {
		return nil, fmt.Errorf("reading AKO's ConfigMap: %w", err)
	}
	im := newImporter(o, namespace)
	known := false
	for key, v := range values {
		if v == nil {
			continue
		}
		if _, ok := actions[key]; ok {
			known = true
			im.in[key] = input{path: key, value: v}
			continue
		}
		if group := unusedKeys[key]; group != "" {
			known = true
			im.without(group, leaf{path: key, value: v})
			continue
		}
		im.res.Unknown = append(im.res.Unknown, key)
	}
	if !known {
		return nil, fmt.Errorf("reading AKO's ConfigMap: none of the keys of %s is in it", configMapName)
	}
	return im.finish()
}

// configMapData finds the data of AKO's ConfigMap in what kubectl may print: a
// ConfigMap, or a List that has it. Bare data is taken too.
func configMapData(root map[string]any) (data map[string]any, namespace string, err error) {
	kind, _ := root["kind"].(string)
	switch {
	case kind == "List" || kind == "ConfigMapList":
		items, _ := root["items"].([]any)
		var found []map[string]any
		for _, it := range items {
			m, _ := it.(map[string]any)
			meta, _ := m["metadata"].(map[string]any)
			if meta["name"] == configMapName {
				found = append(found, m)
			}
		}
		if len(found) != 1 {
			return nil, "", fmt.Errorf("the list has %d ConfigMaps named %s; one is wanted", len(found), configMapName)
		}
		found[0]["kind"] = "ConfigMap"
		return configMapData(found[0])
	case kind == "ConfigMap":
		data, ok := root["data"].(map[string]any)
		if !ok {
			return nil, "", errors.New("it has no data")
		}
		meta, _ := root["metadata"].(map[string]any)
		namespace, _ = meta["namespace"].(string)
		return data, namespace, nil
	case kind != "":
		return nil, "", fmt.Errorf("this is a %s, not a ConfigMap", kind)
	}
	if data, ok := root["data"].(map[string]any); ok {
		return data, "", nil
	}
	return root, "", nil
}

// input is a value and where it stood.
type input struct {
	path  string
	value any
	rank  int
}

type importer struct {
	opts      Options
	namespace string // AKO's; empty: not known
	helm      bool
	in        map[string]input
	res       *Result
	c         *v1alpha1.Cluster
	unused    map[string][]string // group → keys
}

func newImporter(o Options, namespace string) *importer {
	c := v1alpha1.NewCluster("")
	return &importer{
		opts: o, namespace: namespace, in: map[string]input{},
		res: &Result{Cluster: c}, c: c, unused: map[string][]string{},
	}
}

func (im *importer) note(format string, args ...any) {
	im.res.Notes = append(im.res.Notes, fmt.Sprintf(format, args...))
}

// without notes a key that has no effect in a hub, unless it is empty.
func (im *importer) without(group string, l leaf) {
	if s, ok := l.value.(string); l.value == nil || ok && s == "" {
		return
	}
	im.unused[group] = append(im.unused[group], l.path)
}

// finish applies the values in a fixed order and checks the outcome.
func (im *importer) finish() (*Result, error) {
	if im.opts.Mode != "" {
		im.c.Spec.Mode = im.opts.Mode
	}
	if !im.helm {
		im.absentInConfigMap()
	}
	for _, key := range order {
		if in, ok := im.in[key]; ok {
			if err := actions[key](im, in); err != nil {
				return nil, fmt.Errorf("importing %s: %w", in.path, err)
			}
		}
	}
	if err := im.name(); err != nil {
		return nil, err
	}
	im.contradictions()
	groups := make([]string, 0, len(im.unused))
	for g := range im.unused {
		groups = append(groups, g)
	}
	sort.Strings(groups)
	for _, g := range groups {
		keys := im.unused[g]
		sort.Strings(keys)
		im.note("%s: %s", strings.Join(keys, ", "), g)
	}
	sort.Strings(im.res.Unknown)
	data, err := im.c.Marshal()
	if err != nil {
		return nil, err
	}
	if im.res.Cluster, err = v1alpha1.ParseCluster(data, "registration "+im.c.Metadata.Name); err != nil {
		return nil, fmt.Errorf("AKO's configuration makes no valid registration:\n%w", err)
	}
	return im.res, nil
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// name sets metadata.name, and keeps AKO's clusterName for the Avi objects
// when that is another.
func (im *importer) name() error {
	ako := im.c.Spec.Naming.ClusterName
	name := im.opts.Name
	if name == "" {
		name = strings.Trim(notInName.ReplaceAllString(strings.ToLower(ako), "-"), "-")
		if name == "" {
			return errors.New("there is no clusterName to name the registration by; give --name")
		}
		switch ns := im.c.Spec.Naming.SecondaryNamespace; {
		case ns != "":
			// The cluster's own name is its primary AKO's.
			name += "-" + ns
			im.note("the registration of an AKO beside a primary one is called %q, and spec.naming keeps its names on Avi; its agent needs that name in its certificate", name)
		case name != ako:
			im.note("clusterName %q can't name a registration; it is called %q, and spec.naming.clusterName keeps the names on Avi", ako, name)
		}
	}
	im.c.Metadata.Name = name
	if ako == name {
		im.c.Spec.Naming.ClusterName = ""
	}
	return nil
}

// absentInConfigMap gives absent keys the meaning that AKO's program gives
// them where that differs from the chart's default: its chart always renders
// them, so a ConfigMap without them was edited (l7.md §7, l4-infra.md §1.6).
func (im *importer) absentInConfigMap() {
	if _, ok := im.in["shardVSSize"]; !ok {
		im.c.Spec.Ingress.ShardSize = v1alpha1.ShardSmall
		im.note("shardVSSize is absent: AKO then uses one shard, and so does ingress.shardSize Small")
	}
	if _, ok := im.in["autoFQDN"]; !ok {
		im.c.Spec.Services.AutoFQDN = v1alpha1.AutoFQDNDisabled
		im.note("autoFQDN is absent: AKO then makes no host names, and neither does services.autoFQDN Disabled")
	}
}

// contradictions drops what AKO ignores and a registration refuses.
func (im *importer) contradictions() {
	in := &im.c.Spec.Ingress
	if in.Mode == v1alpha1.IngressEVH && !in.PoolGroupsForSNI {
		in.PoolGroupsForSNI = true
		im.note("noPGForSNI has no effect with EVH; left out")
	}
	if in.Mode != v1alpha1.IngressEVH && in.VIPPerNamespace {
		in.VIPPerNamespace = false
		im.note("vipPerNamespace has no effect without EVH; left out")
	}
	if in.Mode != v1alpha1.IngressEVH && in.FQDNReuse == v1alpha1.FQDNReuseStrict {
		in.FQDNReuse = v1alpha1.FQDNReuseAllowed
		im.note("fqdnReusePolicy Strict has no effect without EVH; left out")
	}
	if f := &im.c.Spec.Features; f.MultiClusterIngress &&
		(in.Mode != v1alpha1.IngressEVH || im.c.Spec.Backends.Type != v1alpha1.BackendNodePort) {
		f.MultiClusterIngress = false
		im.note("enableMCI has no effect without EVH and serviceType NodePort; left out")
	}
	if b := &im.c.Spec.Backends; b.Type != v1alpha1.BackendNodePort && b.NodeSelector != (v1alpha1.Label{}) {
		b.NodeSelector = v1alpha1.Label{}
		im.note("the node selector has no effect without serviceType NodePort; left out")
	}
	if s := &im.c.Spec.Namespaces.Selector; (s.Key == "") != (s.Value == "") {
		*s = v1alpha1.Label{}
		im.note("the namespace selector has only a key or only a value, which AKO takes for none; left out")
	}
}
