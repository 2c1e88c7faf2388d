// Package examples checks that the examples are what the programs read.
package examples

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/hub/feedback"
	"github.com/akohub/akohub/hub/settings"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

func TestHubConfiguration(t *testing.T) {
	c, err := config.Load("hub.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.Clusters); err != nil {
		t.Error(err)
	}
}

func TestRegistrations(t *testing.T) {
	groups := map[string]string{}
	for _, file := range append(glob(t, "clusters/*.yaml", 2), registrations(t, "more/*.yaml", 4)...) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := v1alpha1.ParseCluster(data, file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := settings.For(c, settings.Facts{}); err != nil {
			t.Error(err)
		}
		if c.Metadata.Name+".yaml" != filepath.Base(file) {
			t.Errorf("%s registers %s", file, c.Metadata.Name)
		}
		if other := groups[c.Spec.ServiceEngineGroup]; other != "" {
			t.Errorf("%s and %s share a service-engine group", other, file)
		}
		groups[c.Spec.ServiceEngineGroup] = file
	}
}

// registrations are those of the files that hold a Cluster.
func registrations(t *testing.T, pattern string, atLeast int) []string {
	t.Helper()
	var out []string
	for _, file := range glob(t, pattern, atLeast) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("\nkind: Cluster\n")) {
			out = append(out, file)
		}
	}
	if len(out) < atLeast {
		t.Fatalf("%s: registrations are %v; at least %d are wanted", pattern, out, atLeast)
	}
	return out
}

// TestTenantOfNamespace: the annotation is the one that the hub reads.
func TestTenantOfNamespace(t *testing.T) {
	data, err := os.ReadFile("more/tenant-namespace.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var n corev1.Namespace
	if err := sigsyaml.UnmarshalStrict(data, &n); err != nil {
		t.Fatal(err)
	}
	if n.Annotations[feedback.AnnotationTenant] == "" {
		t.Errorf("%s asks for no tenant: %v", n.Name, n.Annotations)
	}
}

// TestManifests decodes every object strictly, and checks that what an object
// names in its namespace is there.
func TestManifests(t *testing.T) {
	for _, dir := range []string{"cluster-a", "cluster-b"} {
		services := map[string]corev1.Service{}
		var ingresses []networkingv1.Ingress
		var slices []discoveryv1.EndpointSlice
		namespaces := map[string]bool{}
		for _, file := range glob(t, dir+"/*.yaml", 5) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			docs := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
			for {
				doc, err := docs.Read()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				var kind struct {
					Kind string `json:"kind"`
				}
				if err := sigsyaml.Unmarshal(doc, &kind); err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				into := func(obj any) {
					if err := sigsyaml.UnmarshalStrict(doc, obj); err != nil {
						t.Errorf("%s: %v", file, err)
					}
				}
				switch kind.Kind {
				case "Namespace":
					var n corev1.Namespace
					into(&n)
					namespaces[n.Name] = true
				case "Service":
					var s corev1.Service
					into(&s)
					services[s.Namespace+"/"+s.Name] = s
				case "EndpointSlice":
					var s discoveryv1.EndpointSlice
					into(&s)
					slices = append(slices, s)
				case "Ingress":
					var i networkingv1.Ingress
					into(&i)
					ingresses = append(ingresses, i)
				default:
					t.Errorf("%s: kind %q", file, kind.Kind)
				}
			}
		}
		served := map[string]bool{}
		for _, s := range slices {
			served[s.Namespace+"/"+s.Labels[discoveryv1.LabelServiceName]] = true
		}
		for key, s := range services {
			if !namespaces[s.Namespace] || !served[key] {
				t.Errorf("%s: Service %s lacks its namespace or its EndpointSlice", dir, key)
			}
		}
		for _, i := range ingresses {
			for _, r := range i.Spec.Rules {
				for _, p := range r.HTTP.Paths {
					if _, ok := services[i.Namespace+"/"+p.Backend.Service.Name]; !ok {
						t.Errorf("%s: Ingress %s leads to a missing Service %s", dir, i.Name, p.Backend.Service.Name)
					}
				}
			}
		}
		if len(ingresses) < 2 {
			t.Errorf("%s has %d Ingresses", dir, len(ingresses))
		}
	}
}

func glob(t *testing.T, pattern string, atLeast int) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) < atLeast {
		t.Fatalf("%s: %v, %v; at least %d files are wanted", pattern, files, err, atLeast)
	}
	return files
}
