// Package charts renders the hub's Helm chart and checks that what it gives is
// what the programs read.
package charts

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

const root = "../.."

// helm runs Helm: the pinned one of the repository, else the one in the path.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	bin, err := filepath.Abs(filepath.Join(root, ".tools", "bin", "helm"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		if bin, err = exec.LookPath("helm"); err != nil {
			t.Fatal("no helm: run tools/install.sh helm")
		}
	}
	var errs bytes.Buffer
	cmd := exec.Command(bin, args...)
	cmd.Env = append(os.Environ(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_CACHE_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir())
	cmd.Stderr = &errs
	out, err := cmd.Output()
	return string(out) + errs.String(), err
}

func hubChart(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return helm(t, append([]string{"template", "r", filepath.Join(root, "charts", "akohub-hub"), "--namespace", "hub"}, args...)...)
}

const hubValues = "../../charts/akohub-hub/ci/full-values.yaml"

// objects decodes each rendered object of a kind.
func objects[T any](t *testing.T, text, kind string) []T {
	t.Helper()
	var out []T
	for _, doc := range strings.Split(text, "\n---\n") {
		var k struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal([]byte(doc), &k); err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		if k.Kind != kind {
			continue
		}
		var o T
		if err := yaml.UnmarshalStrict([]byte(doc), &o); err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		out = append(out, o)
	}
	return out
}

func TestHubChartGivesWhatTheHubReads(t *testing.T) {
	text, err := hubChart(t, "-f", hubValues)
	if err != nil {
		t.Fatal(err, text)
	}
	var cfg *config.Config
	clusters := map[string]*v1alpha1.Cluster{}
	for _, cm := range objects[corev1.ConfigMap](t, text, "ConfigMap") {
		for key, data := range cm.Data {
			switch {
			case key == "hub.yaml":
				if cfg, err = config.Parse([]byte(data), "/etc/akohub/config/hub.yaml"); err != nil {
					t.Fatal(err)
				}
			case strings.HasSuffix(key, ".yaml"):
				c, err := v1alpha1.ParseCluster([]byte(data), key)
				if err != nil {
					t.Fatal(err)
				}
				clusters[c.Metadata.Name] = c
			}
		}
	}
	if cfg == nil {
		t.Fatal("no hub.yaml")
	}
	if len(clusters) != 2 || clusters["prod"].Spec.Mode != v1alpha1.ModeEnforce || clusters["empty"].Spec.Mode != v1alpha1.ModeObserve {
		t.Errorf("clusters %v", clusters)
	}

	deployments := objects[appsv1.Deployment](t, text, "Deployment")
	if len(deployments) != 1 {
		t.Fatalf("%d Deployments", len(deployments))
	}
	d := deployments[0].Spec
	if *d.Replicas != 1 || d.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
		t.Error("two hubs might run at once")
	}
	pod := d.Template.Spec
	sc := pod.Containers[0].SecurityContext
	if *pod.AutomountServiceAccountToken || !*pod.SecurityContext.RunAsNonRoot || !*sc.ReadOnlyRootFilesystem || *sc.AllowPrivilegeEscalation ||
		len(sc.Capabilities.Drop) != 1 || pod.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Error("the Pod is not hardened")
	}

	// Every file that hub.yaml names is in a volume.
	var want, got []string
	for _, k := range cfg.Controllers {
		want = append(want, k.PasswordFile, k.CAFile)
	}
	want = append(want, cfg.PKI+"/ca.crt", cfg.PKI+"/hub.crt", cfg.PKI+"/hub.key")
	mounts := map[string]string{}
	for _, m := range pod.Containers[0].VolumeMounts {
		mounts[m.Name] = m.MountPath
		if !m.ReadOnly {
			t.Errorf("%s is mounted writable", m.Name)
		}
	}
	secrets := map[string]bool{"avi-main": true} // there already
	for _, s := range objects[corev1.Secret](t, text, "Secret") {
		secrets[s.Name] = true
	}
	for _, v := range pod.Volumes {
		var items []corev1.KeyToPath
		if v.Secret != nil {
			items = v.Secret.Items
			if !secrets[v.Secret.SecretName] || *v.Secret.DefaultMode != 0o440 {
				t.Errorf("volume %s: secret %s, mode %o", v.Name, v.Secret.SecretName, *v.Secret.DefaultMode)
			}
		}
		if v.Projected != nil {
			for _, s := range v.Projected.Sources {
				if s.Secret != nil {
					items = append(items, s.Secret.Items...)
					if !secrets[s.Secret.Name] {
						t.Errorf("volume %s: no secret %s", v.Name, s.Secret.Name)
					}
				}
				if s.ConfigMap != nil {
					items = append(items, s.ConfigMap.Items...)
				}
			}
		}
		for _, i := range items {
			got = append(got, filepath.Join(mounts[v.Name], i.Path))
		}
	}
	sort.Strings(want)
	sort.Strings(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files that hub.yaml names, and files in volumes (-want +got):\n%s", diff)
	}
	if mounts["clusters"] != cfg.Clusters {
		t.Errorf("clusters are read from %s and mounted at %s", cfg.Clusters, mounts["clusters"])
	}
	if n := strings.Count(text, "kind: Role") + strings.Count(text, "kind: ClusterRole"); n > 0 {
		t.Error("the hub needs no rights in its cluster")
	}
}

func TestHubChartRefuses(t *testing.T) {
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"needs passwordSecret", []string{"--set-json", `controllers=[{"name":"a","url":"https://a","username":"u"}]`}},
		{"url", []string{"--set-json", `controllers=[{"name":"a","url":"http://a","username":"u","password":"p"}]`}},
		{"has both password", []string{"--set-json", `controllers=[{"name":"a","url":"https://a","username":"u","password":"p","passwordSecret":{"name":"s"}}]`}},
		{"belong together", []string{"--set", "pki.ca=x"}},
		{"give existingSecret", []string{"--set", "pki.existingSecret="}},
		{"exclude each other", []string{"--set", "existingClustersConfigMap=x"}},
		{"colour", []string{"--set", "colour=red"}},
	} {
		out, err := hubChart(t, append([]string{"-f", hubValues, "--set", "pki.ca=,pki.cert=,pki.key="}, tc.args...)...)
		if err == nil || !strings.Contains(out, tc.want) {
			t.Errorf("%v: error %v, output lacks %q:\n%.500s", tc.args, err, tc.want, out)
		}
	}
}
