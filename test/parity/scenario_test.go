package parity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	yamlv3 "gopkg.in/yaml.v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/akohub/akohub/pkg/avisim"
)

// scenario is what is done, and what AKO made of it, recorded or derived.
type scenario struct {
	dir       string
	about     string
	configMap map[string]any // AKO's settings, the defaults included
	cluster   string         // one of kinds
	tenants   []string       // on the controller from the start, besides those that come up in expected*.json
	faults    []avisim.Fault
	steps     []step
	waivers   []*waiver
}

// step is what is done at a time when all is quiet.
type step struct {
	changes []change
	// restart stops the programs before the changes and starts them after, with
	// AKO's settings as in configMap.
	restart   bool
	configMap map[string]any
	// live says that AKO's settings change while the programs run: its ConfigMap
	// is among the changes.
	live bool
}

// change is one object to apply or to delete.
type change struct {
	object *unstructured.Unstructured
	remove bool
}

// configFile is config.yaml. A key that is not here is an error: what a scenario
// asks for must not be left out.
type configFile struct {
	About     string         `json:"about"`
	ConfigMap map[string]any `json:"configmap"`
	// Cluster is one of kinds; empty is plain.
	Cluster string `json:"cluster"`
	// What can't be run here, see check.
	Gateway       bool    `json:"gateway"`
	Operator      bool    `json:"operator"`
	WorkloadCerts bool    `json:"workloadCerts"`
	SimArgs       simArgs `json:"simArgs"`
	Faults        []struct {
		Type         string `json:"type"`
		Method       string `json:"method"`
		NameContains string `json:"name_contains"`
		Status       int    `json:"status"`
		Message      string `json:"message"`
		Count        int    `json:"count"`
	} `json:"faults"`
	// Settle is how many seconds of silence ended a step of the recording. AKO
	// needed it; here a step ends when all is quiet.
	Settle int `json:"settle"`
}

// check refuses what the runner has not got, so that a scenario can't pass, or
// fail, for want of it.
func (c *configFile) check() error {
	known := slices.Sorted(maps.Keys(kinds))
	switch {
	case !slices.Contains(known, c.Cluster):
		return fmt.Errorf("it needs a cluster of the kind %q; the runner has %s", c.Cluster, strings.Join(known, " and "))
	case c.Gateway:
		return errors.New("it needs AKO's Gateway API program (gateway: true); the runner knows none")
	case c.Operator:
		return errors.New("it needs AKO's CRD operator (operator: true); the runner knows none")
	case c.WorkloadCerts:
		return errors.New("it needs a service mesh's certificate (workloadCerts: true); the runner makes none")
	}
	return nil
}

// The folders that hold scenarios: what AKO was recorded to do, and what we say
// by hand that it does.
const (
	recorded = "scenarios"
	derived  = "derived"
)

// scenarioDirs are the folders of all scenarios. A name may be there once.
func scenarioDirs() ([]string, error) {
	var out []string
	where := make(map[string]string)
	for _, root := range []string{recorded, derived} {
		found, err := filepath.Glob(filepath.Join(root, "*"))
		if err != nil {
			return nil, err
		}
		for _, dir := range found {
			name := filepath.Base(dir)
			if other, ok := where[name]; ok {
				return nil, fmt.Errorf("%s and %s have the same name", other, dir)
			}
			where[name] = dir
		}
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, errors.New("there are no scenarios")
	}
	return out, nil
}

// load reads a scenario's folder.
func load(dir string) (*scenario, error) {
	var defaults struct {
		ConfigMap map[string]any `json:"configmap"`
	}
	if err := readYAML("defaults.yaml", &defaults); err != nil {
		return nil, err
	}
	var config configFile
	if err := readYAML(filepath.Join(dir, "config.yaml"), &config); err != nil {
		return nil, err
	}
	if config.Cluster == "" {
		config.Cluster = plain
	}
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	s := &scenario{
		dir: dir, about: config.About, configMap: merge(defaults.ConfigMap, config.ConfigMap),
		cluster: config.Cluster, tenants: config.SimArgs.tenants,
	}
	for _, f := range config.Faults {
		s.faults = append(s.faults, avisim.Fault{
			Type: f.Type, Method: f.Method, NameContains: f.NameContains, Status: f.Status, Body: f.Message, Times: f.Count,
		})
	}
	settings := s.configMap
	for n := 1; ; n++ {
		data, err := os.ReadFile(filepath.Join(dir, stepFile("objects", "step", n)+".yaml"))
		if errors.Is(err, fs.ErrNotExist) && n > 1 {
			break
		}
		if err != nil {
			return nil, err
		}
		one, err := parseStep(data, settings)
		if err != nil {
			return nil, fmt.Errorf("%s, step %d: %w", dir, n, err)
		}
		settings = one.configMap
		s.steps = append(s.steps, one)
	}
	var err error
	s.waivers, err = readWaivers(dir)
	return s, err
}

// stepFile is the name of a step's file: the first one's is special.
func stepFile(first, prefix string, n int) string {
	if n == 1 {
		return first
	}
	return fmt.Sprintf("%s%d", prefix, n)
}

// merge lays changes over settings; null takes one away.
func merge(settings, changes map[string]any) map[string]any {
	out := maps.Clone(settings)
	for key, value := range changes {
		if value == nil {
			delete(out, key)
			continue
		}
		out[key] = value
	}
	return out
}

// parseStep reads the objects of a step and writes the shorthands out.
func parseStep(data []byte, settings map[string]any) (step, error) {
	s := step{configMap: settings}
	for n, doc := range strings.Split("\n"+string(data), "\n---") {
		fields, err := parseObject(doc)
		if err != nil {
			return step{}, fmt.Errorf("document %d: %w", n+1, err)
		}
		if len(fields) == 0 {
			continue
		}
		remove, _ := fields["$delete"].(bool)
		delete(fields, "$delete")
		if fields["kind"] == "Restart" {
			s.restart = true
			changes, _ := fields["configmap"].(map[string]any)
			s.configMap = merge(settings, changes)
			continue
		}
		objects, err := expand(fields)
		if err != nil {
			return step{}, fmt.Errorf("document %d: %w", n+1, err)
		}
		for _, o := range objects {
			s.changes = append(s.changes, change{object: o, remove: remove})
			if o.GetKind() == "ConfigMap" && o.GetName() == "avi-k8s-config" && !remove {
				data, _ := o.Object["data"].(map[string]any)
				s.configMap, s.live = merge(s.configMap, data), true
			}
		}
	}
	return s, nil
}

// parseObject reads one document. A name such as n is a text, as it was to the
// program that recorded; the parser of Kubernetes takes it for false.
func parseObject(doc string) (map[string]any, error) {
	var read, fields map[string]any
	if err := yamlv3.Unmarshal([]byte(doc), &read); err != nil {
		return nil, err
	}
	// As Kubernetes' objects have it: no other numbers than JSON's.
	text, err := json.Marshal(read)
	if err != nil {
		return nil, err
	}
	return fields, utiljson.Unmarshal(text, &fields)
}

// expected reads what AKO left after a step: any of the results is right.
func (s *scenario) expected(n int) ([]result, error) {
	base := filepath.Join(s.dir, stepFile("expected", "expected.step", n))
	files, err := filepath.Glob(base + ".alt*.json")
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	statuses, err := filepath.Glob(filepath.Join(s.dir, "status.alt*.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(statuses)
	var out []result
	for _, file := range append([]string{base + ".json"}, files...) {
		dump, err := readDump(file)
		if err != nil {
			return nil, err
		}
		for _, status := range append([]string{filepath.Join(s.dir, "status.json")}, statuses...) {
			objects, err := readStatus(status, n)
			if err != nil {
				return nil, err
			}
			out = append(out, result{name: filepath.Base(file) + " with " + filepath.Base(status), avi: dump, kubernetes: objects})
		}
	}
	return out, nil
}

// akoConfigMap is the ConfigMap avi-k8s-config with settings. Values are text;
// lists are JSON.
func akoConfigMap(settings map[string]any) (*unstructured.Unstructured, error) {
	data := make(map[string]any, len(settings))
	for key, value := range settings {
		if text, ok := value.(string); ok {
			data[key] = text
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("setting %s: %w", key, err)
		}
		data[key] = string(text)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": data,
		"metadata": map[string]any{"name": "avi-k8s-config", "namespace": "avi-system"},
	}}, nil
}

// installation is what an AKO installation puts into a cluster.
func installation(settings map[string]any) ([]*unstructured.Unstructured, error) {
	configMap, err := akoConfigMap(settings)
	if err != nil {
		return nil, err
	}
	class := map[string]any{"name": "avi-lb"}
	if settings["defaultIngController"] == "true" {
		class["annotations"] = map[string]any{"ingressclass.kubernetes.io/is-default-class": "true"}
	}
	return []*unstructured.Unstructured{
		{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "avi-system"}}},
		{Object: map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "avi-secret", "namespace": "avi-system"},
			"stringData": map[string]any{"username": "admin", "password": "sim-password"},
		}},
		{Object: map[string]any{
			"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": class,
			"spec": map[string]any{"controller": "ako.vmware.com/avi-lb"},
		}},
		configMap,
	}, nil
}

func readYAML(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
