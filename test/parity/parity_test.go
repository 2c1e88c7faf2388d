package parity

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/akohub/akohub/pkg/avisim"
	"github.com/akohub/akohub/test/cluster"
	"github.com/akohub/akohub/test/harness"
)

var (
	boot  = flag.Bool("boot", false, "apply the first objects before the programs start")
	draft = flag.Bool("draft", false, "write expected*.json and status.json of scenarios under "+derived+" as they come out, to be checked by hand")
)

// patience is how much longer than until all is quiet a step may take to become
// right: on a busy machine a change can be on its way longer than things seem
// quiet.
const patience = 10 * time.Second

func TestParity(t *testing.T) {
	dirs, err := scenarioDirs()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			if *draft && filepath.Dir(dir) != derived {
				return // recordings are not ours to write
			}
			s, err := load(dir)
			if err != nil {
				t.Fatal(err)
			}
			r := newRunner(t, s)
			if *draft {
				r.draft(t)
				return
			}
			r.run(t)
		})
	}
}

// TestWaiversAreDocumented holds every waiver to its entry for users.
func TestWaiversAreDocumented(t *testing.T) {
	known, err := anchors(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := scenarioDirs()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		waivers, err := readWaivers(dir)
		if err != nil {
			t.Error(err)
		}
		for _, w := range waivers {
			if !known[w.Docs] {
				t.Errorf("%s: waiver for %s: %s has no heading for %s", dir, w.Object, docsFile, w.Docs)
			}
		}
	}
}

// runner runs one scenario.
type runner struct {
	*scenario
	env     *harness.Environment
	cluster *cluster.Cluster
	align   *aligner
	name    string    // the cluster's registration
	steady  bool      // no fault lasts, so everything gets done
	applied time.Time // when the last changes were made; zero: none were
}

// rbac are the rights that scenarios on any cluster need: some ask for
// NodePortLocal, or for routes by network plugin.
var rbac = map[string]any{"pods": true, "customResources": []any{
	map[string]any{"apiGroup": "crd.projectcalico.org", "resources": []any{"blockaffinities"}},
	map[string]any{"apiGroup": "cilium.io", "resources": []any{"ciliumnodes"}},
	map[string]any{"apiGroup": "network.openshift.io", "resources": []any{"hostsubnets"}},
}}

// newRunner starts the programs for a scenario.
func newRunner(t *testing.T, s *scenario) *runner {
	t.Helper()
	r := &runner{scenario: s, cluster: pools[s.cluster].borrow(t), steady: true}
	objects, err := installation(s.configMap)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cluster.Apply(t.Context(), objects...); err != nil {
		t.Fatal(err)
	}
	if *boot {
		r.apply(t, s.steps[0])
	}
	clusterName, _ := s.configMap["clusterName"].(string)
	r.name = strings.ToLower(clusterName)
	dir := t.TempDir()
	r.env = harness.New(t, harness.Options{
		Dir: dir, Clusters: []*cluster.Cluster{r.cluster}, Names: []string{r.name},
		// The class comes with the installation that there was.
		ChartValues: map[string]any{
			"ingressClass": map[string]any{"create": false},
			"rbac":         rbac,
		},
		Simulator:    avisim.Options{Tenants: r.controllerTenants(t)},
		Registration: func(string) ([]byte, error) { return r.registration(t.Context(), dir, s.configMap) },
	})
	for _, f := range s.faults {
		r.env.Simulator.Inject(f)
		r.steady = r.steady && f.Times > 0
	}
	r.align = newAligner(r.clusterUUID(t))
	if !*boot {
		// What is applied now comes as changes, not with the first snapshot.
		r.env.MustSettle(t)
	}
	return r
}

// registration is what "akohub import" makes of AKO's settings.
func (r *runner) registration(ctx context.Context, dir string, settings map[string]any) ([]byte, error) {
	configMap, err := akoConfigMap(settings)
	if err != nil {
		return nil, err
	}
	text, err := yaml.Marshal(configMap.Object)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "avi-k8s-config.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	out, err := harness.CLI(ctx, dir, "import", "--configmap", file, "--name", r.name, "--mode", "enforce")
	if err != nil {
		return nil, err
	}
	return []byte(out.Stdout), out.OK()
}

// controllerTenants are those that the recording's controller had besides the
// seed's: all that the scenario says, or that something is in.
func (r *runner) controllerTenants(t *testing.T) []string {
	t.Helper()
	found := make(map[string]bool)
	for _, tenant := range r.tenants {
		found[tenant] = true
	}
	if *draft {
		return slices.Sorted(maps.Keys(found)) // nothing is expected yet
	}
	for n := range r.steps {
		results, err := r.expected(n + 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range results {
			for tenant := range result.avi.Tenants {
				found[tenant] = true
			}
		}
	}
	delete(found, "admin")
	return slices.Sorted(maps.Keys(found))
}

func (r *runner) clusterUUID(t *testing.T) string {
	t.Helper()
	uuid, err := r.env.Simulator.ClusterUUID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return uuid
}

func (r *runner) run(t *testing.T) {
	for i, s := range r.steps {
		n := i + 1
		if s.restart {
			r.restart(t, s)
		} else if n > 1 || !*boot {
			r.apply(t, s)
		}
		for _, c := range s.changes {
			r.askFor(c)
		}
		if !r.stepIsRight(t, n) {
			return
		}
	}
	for _, w := range r.waivers {
		if !w.used {
			t.Errorf("a waiver hides nothing: %s, field %s", w.Object, w.Field)
		}
	}
}

func (r *runner) askFor(c change) {
	if !c.remove {
		r.align.ask(c.object.Object)
	}
}

// restart changes things while nothing runs.
func (r *runner) restart(t *testing.T, s step) {
	t.Helper()
	if err := r.env.StopPrograms(); err != nil {
		t.Fatal(err)
	}
	r.apply(t, s)
	if !s.live {
		r.importSettings(t, s)
	}
	if err := r.env.StartPrograms(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// nextSecond waits until what is made now is younger than the last step's
// objects: ages are in whole seconds, and the steps of the recordings were
// several apart. Who is older matters where two ask for the same.
func (r *runner) nextSecond(t *testing.T) {
	t.Helper()
	if r.applied.IsZero() {
		return
	}
	later := time.NewTimer(time.Until(r.applied.Truncate(time.Second).Add(time.Second)))
	defer later.Stop()
	select {
	case <-later.C:
	case <-t.Context().Done():
	}
}

// apply makes the changes of a step, in their order.
func (r *runner) apply(t *testing.T, s step) {
	t.Helper()
	r.nextSecond(t)
	defer func() { r.applied = time.Now() }()
	for _, c := range s.changes {
		if err := r.applyOne(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if s.live {
		r.importSettings(t, s)
	}
}

// importSettings replaces the registration by what AKO's settings are at a step.
func (r *runner) importSettings(t *testing.T, s step) {
	t.Helper()
	text, err := r.registration(t.Context(), r.env.Dir, s.configMap)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.env.Hub.WriteCluster(r.name, text); err != nil {
		t.Fatal(err)
	}
}

func (r *runner) applyOne(ctx context.Context, c change) error {
	isNamespace := c.object.GetKind() == "Namespace"
	switch {
	case c.remove && isNamespace:
		client, err := dynamic.NewForConfig(r.cluster.Config())
		if err != nil {
			return err
		}
		if err := empty(ctx, client, c.object.GetName()); err != nil {
			return err
		}
		return deleteNamespace(ctx, r.cluster, c.object.GetName())
	case c.remove:
		return r.cluster.Delete(ctx, c.object)
	}
	if ns := c.object.GetNamespace(); ns != "" {
		client, err := r.cluster.Client()
		if err != nil {
			return err
		}
		_, err = client.CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
		if err != nil {
			made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}
			if _, err := client.CoreV1().Namespaces().Create(ctx, made, metav1.CreateOptions{}); err != nil {
				return fmt.Errorf("making namespace %s: %w", ns, err)
			}
		}
	}
	return r.cluster.Apply(ctx, c.object)
}

// stepIsRight waits until all is quiet and right. It reports what is not.
func (r *runner) stepIsRight(t *testing.T, n int) bool {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		settled := r.settle(t.Context())
		problem, err := r.check(t.Context(), n)
		if err != nil {
			t.Errorf("step %d: %v", n, err)
			return false
		}
		if problem == "" && settled == nil {
			return true
		}
		if settled == nil && time.Now().Before(deadline) {
			continue
		}
		t.Errorf("step %d (%s):\n%s", n, r.about, problem)
		if settled != nil {
			t.Errorf("step %d: %v", n, settled)
		}
		return false
	}
}

func (r *runner) settle(ctx context.Context) error {
	if r.steady {
		return r.env.Settle(ctx)
	}
	const quiet = 2 * time.Second
	return r.env.SettleWrites(ctx, quiet)
}

// check compares what is there with each of AKO's results; the text is about the
// nearest one, and empty if one is met.
func (r *runner) check(ctx context.Context, n int) (string, error) {
	results, err := r.expected(n)
	if err != nil {
		return "", err
	}
	vsNames, err := r.virtualServices(ctx)
	if err != nil {
		return "", err
	}
	best, text := -1, ""
	for _, want := range results {
		got := result{avi: r.env.Simulator.Dump()}
		if got.kubernetes, err = observed(ctx, r.cluster); err != nil {
			return "", err
		}
		if err := parseReasons(got.kubernetes); err != nil {
			return "", err
		}
		differences, err := r.differences(want, got, vsNames)
		if err != nil {
			return "", err
		}
		left, used := waive(r.waivers, n, differences)
		if len(left) == 0 {
			for _, w := range used {
				w.used = true
			}
			return "", nil
		}
		if best < 0 || len(left) < best {
			best, text = len(left), fmt.Sprintf("%d differences to %s:\n%s", len(left), want.name, report(left))
		}
	}
	if text == "" {
		return "", errors.New("there is no result to compare with")
	}
	return text, nil
}

func (r *runner) differences(want, got result, vsNames map[string]string) ([]difference, error) {
	r.align.dumps(want.avi, got.avi)
	r.align.statuses(want.kubernetes, got.kubernetes, vsNames)
	sortStatuses(want.kubernetes)
	sortStatuses(got.kubernetes)
	left, err := want.flat()
	if err != nil {
		return nil, err
	}
	right, err := got.flat()
	if err != nil {
		return nil, err
	}
	return compare(left, right), nil
}

// virtualServices has the names of our virtual services by uuid.
func (r *runner) virtualServices(ctx context.Context) (map[string]string, error) {
	out := make(map[string]string)
	for tenant := range r.env.Simulator.Dump().Tenants {
		objects, err := r.env.Simulator.Objects(ctx, tenant, "virtualservice")
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			out[fmt.Sprint(o["uuid"])] = fmt.Sprintf("%s/%v", tenant, o["name"])
		}
	}
	return out, nil
}
