package ansible

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/avisim"
)

// TestAnsible has the modules create an application, change it and remove it.
// What breaks here is the simulator's fault until shown otherwise.
func TestAnsible(t *testing.T) {
	install(t)
	p := newPlayer(t)
	objects := []string{
		"certificate that the controller signs itself", "health monitor", "HTTP policy set", "pool", "pool group", "tenant", "VIP", "virtual service",
	}

	if diff := cmp.Diff(sorted(objects), p.play("application.yml", nil)); diff != "" {
		t.Errorf("the first run should have changed (-want +got):\n%s", diff)
	}
	created := p.sim.Dump().Tenants["shop"]
	for _, typ := range []string{"healthmonitor", "pool", "poolgroup", "sslkeyandcertificate", "httppolicyset", "vsvip", "virtualservice"} {
		if len(created[typ]) != 1 {
			t.Errorf("tenant shop has %d objects of type %s, want 1", len(created[typ]), typ)
		}
	}

	p.sim.ResetRequests()
	if changed := p.play("application.yml", nil); len(changed) > 0 {
		t.Errorf("the second run should have changed nothing, changed %v", changed)
	}
	if diff := cmp.Diff(created, p.sim.Dump().Tenants["shop"]); diff != "" {
		t.Errorf("the second run changed objects (-want +got):\n%s", diff)
	}
	if w := p.sim.Writes(); len(w) > 0 {
		t.Errorf("the second run wrote: %v", w)
	}

	p.sim.ResetRequests()
	if diff := cmp.Diff([]string{"pool"}, p.play("application.yml", map[string]any{"second_server": "192.0.2.99"})); diff != "" {
		t.Errorf("the edit should have changed (-want +got):\n%s", diff)
	}
	if w := p.sim.Writes(); len(w) != 1 || w[0].Method != "PUT" || w[0].Name != "shop-pool" {
		t.Errorf("the edit wrote %v, want one PUT of shop-pool", w)
	}

	p.sim.ResetRequests()
	removed := p.play("application.yml", map[string]any{"state": "absent"})
	want := sorted(append(without(objects, "tenant"), "tenant, when nothing is left in it"))
	if diff := cmp.Diff(want, removed); diff != "" {
		t.Errorf("the removal should have changed (-want +got):\n%s", diff)
	}
	if left := p.sim.Dump().Tenants; len(left) > 0 {
		t.Errorf("the removal left %v", left)
	}
}

// TestAnsibleSession uploads a key, patches, and passes a session from one
// module to the next, also when the controller forgets it in between.
func TestAnsibleSession(t *testing.T) {
	install(t)
	p := newPlayer(t)
	// The session that the modules pass on is expired once: they must log in
	// again.
	p.sim.Inject(avisim.Fault{Type: "sslkeyandcertificate", Method: "POST", Status: 419, Body: "Session expired", Times: 1})
	cert, key := pair(t)
	changed := p.play("upload.yml", map[string]any{"certificate": cert, "key": key})
	if diff := cmp.Diff([]string{"certificate", "one server more", "pool, changed with PATCH"}, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	var statuses []int
	for _, r := range p.sim.Writes() {
		if r.Type == "sslkeyandcertificate" {
			statuses = append(statuses, r.Status)
		}
	}
	if diff := cmp.Diff([]int{419, 201}, statuses); diff != "" {
		t.Errorf("answers to the upload (-want +got):\n%s", diff)
	}
}

// install makes the modules available. Without them the test fails: that they
// are missing must not look like success.
func install(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "./install.sh").CombinedOutput(); err != nil {
		t.Fatalf("Ansible is not there: %v\n%s", err, out)
	}
}

// player runs playbooks against one simulator.
type player struct {
	t   *testing.T
	sim *avisim.Simulator
	dir string
	avi map[string]any
}

func newPlayer(t *testing.T) *player {
	t.Helper()
	sim, err := avisim.New(avisim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := sim.StartTLS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return &player{t: t, sim: sim, dir: t.TempDir(), avi: map[string]any{
		"controller": u.Hostname(), "port": port, "username": "admin", "password": "sim-password", "api_version": "30.2.1",
	}}
}

// play runs a playbook and returns the names of the tasks that changed
// something, sorted. A task that fails, fails the test.
func (p *player) play(playbook string, vars map[string]any) []string {
	p.t.Helper()
	all := map[string]any{"avi": p.avi, "ansible_python_interpreter": "/usr/bin/python3"}
	for k, v := range vars {
		all[k] = v
	}
	text, err := json.Marshal(all)
	if err != nil {
		p.t.Fatal(err)
	}
	file := filepath.Join(p.dir, "vars.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/ansible-playbook", "-i", "localhost,", "-e", "@"+file, filepath.Join("playbooks", playbook))
	cmd.Env = append(os.Environ(),
		"HOME="+p.dir, "ANSIBLE_HOME="+p.dir, "ANSIBLE_LOCAL_TEMP="+p.dir, "ANSIBLE_CONFIG="+filepath.Join("playbooks", "ansible.cfg"), "LC_ALL=C.UTF-8", "PYTHONWARNINGS=ignore")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	var result struct {
		Plays []struct {
			Tasks []struct {
				Task  struct{ Name string }
				Hosts map[string]struct {
					Changed, Failed bool
					Msg             any
				}
			}
		}
	}
	if i := bytes.IndexByte(stdout.Bytes(), '{'); i < 0 || json.Unmarshal(stdout.Bytes()[i:], &result) != nil {
		p.t.Fatalf("%s: %v\n%s%s", playbook, runErr, stdout.String(), stderr.String())
	}
	var changed []string
	for _, play := range result.Plays {
		for _, task := range play.Tasks {
			for _, host := range task.Hosts {
				if host.Failed {
					p.t.Errorf("%s: task %q failed: %v", playbook, task.Task.Name, host.Msg)
				}
				if host.Changed {
					changed = append(changed, task.Task.Name)
				}
			}
		}
	}
	if runErr != nil {
		p.t.Fatalf("%s: %v\n%s", playbook, runErr, stderr.String())
	}
	return sorted(changed)
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// pair makes a certificate and its key, as PEM.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}
