package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"sigs.k8s.io/yaml"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/akohub/akohub/test/cluster"
)

// Where the agent's chart is installed.
const (
	AgentNamespace = "akohub-agent"
	AgentRelease   = "akohub-agent"
)

// chartValues are values of charts/akohub-agent without which it can't be
// installed; more are laid over them. There is no node and so no Pod: nobody
// looks at the certificate's Secret.
func chartValues(more map[string]any) map[string]any {
	values := map[string]any{
		"hub":         map[string]any{"address": "hub.invalid:8443"},
		"certificate": map[string]any{"existingSecret": "akohub-agent-certificate"},
	}
	maps.Copy(values, more)
	return values
}

// installs holds a chart's installation for each cluster, so that it is done once.
var installs sync.Map // *cluster.Cluster → *install

type install struct {
	once  sync.Once
	token string
	err   error
}

// AgentToken installs charts/akohub-agent with Helm into a cluster, the first
// time it is asked, and returns a token of the chart's ServiceAccount: the
// rights that an agent has in production, and nothing more. There is no node, so
// the chart's Pods never start. Values are laid over those that the chart must
// have, by top-level key; only the first call for a cluster has a say.
func AgentToken(ctx context.Context, c *cluster.Cluster, values map[string]any) (string, error) {
	entry, _ := installs.LoadOrStore(c, &install{})
	i := entry.(*install)
	i.once.Do(func() {
		i.token, i.err = installAgentChart(ctx, c, values)
		if i.err != nil {
			i.err = fmt.Errorf("cluster %s: installing the agent's chart: %w", c.Name, i.err)
		}
	})
	return i.token, i.err
}

func installAgentChart(ctx context.Context, c *cluster.Cluster, values map[string]any) (_ string, err error) {
	dir, err := os.MkdirTemp("", "helm-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := Helm(ctx, c, dir, "install", AgentRelease, "charts/akohub-agent",
		chartValues(values), "--namespace", AgentNamespace, "--create-namespace"); err != nil {
		return "", err
	}
	client, err := c.Client()
	if err != nil {
		return "", err
	}
	accounts, err := client.CoreV1().ServiceAccounts(AgentNamespace).List(ctx, metav1.ListOptions{
		LabelSelector: "app.kubernetes.io/instance=" + AgentRelease,
	})
	if err != nil {
		return "", fmt.Errorf("looking for the chart's ServiceAccount: %w", err)
	}
	if n := len(accounts.Items); n != 1 {
		return "", fmt.Errorf("the chart has %d ServiceAccounts with the label app.kubernetes.io/instance=%s, not 1", n, AgentRelease)
	}
	return c.ServiceAccountToken(ctx, AgentNamespace, accounts.Items[0].Name)
}

// Helm runs "helm ACTION RELEASE CHART" with values against a cluster as its
// administrator; chart is a folder of this repository. Helm keeps its own files
// in dir.
func Helm(ctx context.Context, c *cluster.Cluster, dir, action, release, chart string, values map[string]any, args ...string) error {
	helm, err := cluster.Tool(ctx, "helm")
	if err != nil {
		return err
	}
	root, err := cluster.Root()
	if err != nil {
		return err
	}
	kubeconfig, valuesFile := filepath.Join(dir, "kubeconfig"), filepath.Join(dir, "values.yaml")
	if err := c.WriteKubeconfig(kubeconfig, ""); err != nil {
		return err
	}
	data, err := yaml.Marshal(values)
	if err != nil {
		return fmt.Errorf("writing the chart's values: %w", err)
	}
	if err := os.WriteFile(valuesFile, data, 0o600); err != nil {
		return fmt.Errorf("writing the chart's values: %w", err)
	}
	cmd := exec.CommandContext(ctx, helm, append([]string{
		action, release, filepath.Join(root, chart), "--values", valuesFile, "--kubeconfig", kubeconfig,
	}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"HELM_CACHE_HOME="+filepath.Join(dir, "cache"), "HELM_CONFIG_HOME="+filepath.Join(dir, "config"), "HELM_DATA_HOME="+filepath.Join(dir, "data"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("helm %s %s: %w\n%s", action, release, err, out)
	}
	return nil
}
