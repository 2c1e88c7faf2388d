package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func yaml(name, tenant string) string {
	return fmt.Sprintf("apiVersion: akohub.io/v1alpha1\nkind: Cluster\nmetadata: {name: %s}\nspec:\n  tenant: {name: %s}\n", name, tenant)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// open opens a fleet that only Rescan reads.
func open(t *testing.T, dir string, opts ...Option) *Fleet {
	t.Helper()
	f, err := Open(dir, nil, append([]Option{WithTiming(time.Hour, time.Hour)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// tenants gives "cluster=tenant@file", sorted.
func tenants(f *Fleet) []string {
	var out []string
	for _, r := range f.List() {
		out = append(out, r.Cluster.Metadata.Name+"="+r.Cluster.Spec.Tenant.Name+"@"+r.File)
	}
	return out
}

func expect(t *testing.T, f *Fleet, want ...string) {
	t.Helper()
	f.Rescan()
	if d := cmp.Diff(want, tenants(f)); d != "" {
		t.Fatalf("registrations differ (-want +got):\n%s", d)
	}
}

func expectErrors(t *testing.T, f *Fleet, want ...string) {
	t.Helper()
	errs := f.Errors()
	if len(errs) != len(want) {
		t.Fatalf("errors %v, want %d", errs, len(want))
	}
	for i, e := range errs {
		if !strings.Contains(e.Error(), want[i]) {
			t.Errorf("error %q lacks %q", e.Error(), want[i])
		}
	}
}

func TestAddChangeRemove(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", yaml("a", "t1"))
	write(t, dir, "notes.txt", "not a registration")
	write(t, dir, ".hidden.yaml", "nor this")
	f := open(t, dir)
	w := f.Watch()
	defer w.Close()
	expect(t, f, "a=t1@a.yaml")
	<-w.C()
	if d := cmp.Diff([]string{"a"}, w.Take()); d != "" {
		t.Error(d)
	}

	first, _ := f.Get("a")
	expect(t, f, "a=t1@a.yaml")
	if again, _ := f.Get("a"); again != first {
		t.Error("a scan without a change made a new registration")
	}
	select {
	case <-w.C():
		t.Error("a scan without a change was told")
	default:
	}

	write(t, dir, "b.yml", yaml("b", "t2"))
	write(t, dir, "a.yaml", yaml("a", "t9"))
	expect(t, f, "a=t9@a.yaml", "b=t2@b.yml")
	if err := os.Remove(filepath.Join(dir, "b.yml")); err != nil {
		t.Fatal(err)
	}
	expect(t, f, "a=t9@a.yaml")
	<-w.C()
	if d := cmp.Diff([]string{"a", "b"}, w.Take()); d != "" {
		t.Error(d)
	}
	if err := os.Rename(filepath.Join(dir, "a.yaml"), filepath.Join(dir, "z.yaml")); err != nil {
		t.Fatal(err)
	}
	expect(t, f, "a=t9@z.yaml")
	expectErrors(t, f)
}

func TestBadFileKeepsWhatWasGood(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", yaml("a", "t1"))
	write(t, dir, "b.yaml", yaml("b", "t2")+"  shards: 3\n")
	f := open(t, dir)
	expect(t, f, "a=t1@a.yaml")
	expectErrors(t, f, "b.yaml: line 6: spec.shards: unknown key")

	write(t, dir, "a.yaml", "apiVersion: akohub.io/v1alpha1\nkind: Cluster\nmetadata: {name: a}\nspec: {mode: enfroce}\n")
	write(t, dir, "b.yaml", yaml("b", "t2"))
	expect(t, f, "a=t1@a.yaml", "b=t2@b.yaml")
	expectErrors(t, f, `a.yaml: line 4: spec.mode: "enfroce" is not one of observe, create-only, enforce, frozen, offboard (did you mean "enforce"?)`)
	if e := f.Errors()[0]; e.Kept != "a" || e.File != "a.yaml" || v1alpha1.Problems(e.Err)[0].Line != 4 {
		t.Errorf("%+v", e)
	}
	write(t, dir, "a.yaml", "") // as an editor does between truncating and writing
	expect(t, f, "a=t1@a.yaml", "b=t2@b.yaml")
	expectErrors(t, f, "a.yaml: line 1: the file is empty")
	write(t, dir, "a.yaml", yaml("a", "t3"))
	expect(t, f, "a=t3@a.yaml", "b=t2@b.yaml")
	expectErrors(t, f)

	write(t, dir, "a.yaml", "kind: [")
	f.Rescan()
	if err := os.Remove(filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	expect(t, f, "b=t2@b.yaml") // a removed file takes its registration along, bad or not
	expectErrors(t, f)
}

func TestDuplicateName(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "one.yaml", yaml("a", "t1"))
	write(t, dir, "two.yaml", yaml("a", "t2"))
	f := open(t, dir)
	expect(t, f, "a=t1@one.yaml")
	expectErrors(t, f, `two.yaml: cluster "a" is already registered by one.yaml`)

	// Whoever holds the name keeps it, though another file now sorts first.
	write(t, dir, "0.yaml", yaml("a", "t0"))
	expect(t, f, "a=t1@one.yaml")
	expectErrors(t, f, "0.yaml", "two.yaml")

	// The loser is looked at again when the winner goes.
	for _, n := range []string{"one.yaml", "0.yaml"} {
		if err := os.Remove(filepath.Join(dir, n)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, f, "a=t2@two.yaml")
	expectErrors(t, f)
}

func TestNamesSwap(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "one.yaml", yaml("a", "t1"))
	write(t, dir, "two.yaml", yaml("b", "t2"))
	f := open(t, dir)
	write(t, dir, "one.yaml", yaml("b", "t1"))
	expect(t, f, "a=t1@one.yaml", "b=t2@two.yaml")
	expectErrors(t, f, `one.yaml: cluster "b" is already registered by two.yaml (the earlier registration of cluster "a" stays in force)`)
	write(t, dir, "two.yaml", yaml("a", "t2"))
	expect(t, f, "a=t2@two.yaml", "b=t1@one.yaml")
	expectErrors(t, f)
}

func TestSameOwnerOnAvi(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", yaml("a", "t1"))
	write(t, dir, "b.yaml", yaml("b", "t2")+"  naming: {clusterName: a}\n")
	write(t, dir, "c.yaml", yaml("c", "t2")+"  naming: {clusterName: a}\n  controller: other\n")
	write(t, dir, "d.yaml", yaml("d", "t2")+"  controller: third\n")
	f := open(t, dir, WithControllers("main", "other"))
	expect(t, f, "a=t1@a.yaml", "c=t2@c.yaml")
	expectErrors(t, f, `owner on Avi "main/ako-a" is already registered by a.yaml`,
		`d.yaml: line 6: spec.controller: no controller "third" in the hub's configuration; it has main, other`)
}

func TestUnreadableKeepsEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "clusters")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "a.yaml", yaml("a", "t1"))
	write(t, dir, "b.yaml", yaml("b", "t2"))
	f := open(t, dir)
	// A dangling link is a file that can't be read, not one that is gone.
	if err := os.Remove(filepath.Join(dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	expect(t, f, "a=t1@a.yaml", "b=t2@b.yaml")
	expectErrors(t, f, "reading b.yaml: no such file or directory")
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	expect(t, f, "a=t1@a.yaml", "b=t2@b.yaml")
	expectErrors(t, f, "reading the clusters folder")
}

func TestHugeFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", yaml("a", "t1")+strings.Repeat("# comment\n", 200_000))
	f := open(t, dir)
	expect(t, f)
	expectErrors(t, f, "at most 1048576 are read")
}

func TestOpenNeedsAFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", "")
	for _, p := range []string{filepath.Join(dir, "missing"), filepath.Join(dir, "a.yaml")} {
		if _, err := Open(p, nil); err == nil {
			t.Errorf("%s was opened", p)
		}
	}
}

// eventually polls until the fleet is as wanted, without Rescan.
func eventually(t *testing.T, f *Fleet, want ...string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !cmp.Equal(want, tenants(f)) {
		if time.Now().After(deadline) {
			t.Fatalf("registrations %v, want %v", tenants(f), want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestFollowsByEvents(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(dir, nil, WithTiming(5*time.Millisecond, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, dir, "a.yaml", yaml("a", "t1"))
	eventually(t, f, "a=t1@a.yaml")
	write(t, dir, ".tmp", yaml("a", "t2"))
	if err := os.Rename(filepath.Join(dir, ".tmp"), filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	eventually(t, f, "a=t2@a.yaml")
	if err := os.Remove(filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	eventually(t, f)
}

// TestFollowsConfigMapMount swaps files as the kubelet does: links through
// ..data, which is replaced.
func TestFollowsConfigMapMount(t *testing.T) {
	dir := t.TempDir()
	version := func(n, tenant string) {
		real := filepath.Join(dir, "..v"+n)
		if err := os.Mkdir(real, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, real, "a.yaml", yaml("a", tenant))
		tmp := filepath.Join(dir, "..data_tmp")
		if err := os.Symlink("..v"+n, tmp); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("1", "t1")
	if err := os.Symlink(filepath.Join("..data", "a.yaml"), filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir, nil, WithTiming(5*time.Millisecond, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	eventually(t, f, "a=t1@a.yaml")
	version("2", "t2")
	eventually(t, f, "a=t2@a.yaml")
}

func TestFollowsByClock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "clusters")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir, nil, WithTiming(time.Hour, 5*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, dir, "a.yaml", yaml("a", "t1"))
	eventually(t, f, "a=t1@a.yaml")
	// The folder is replaced as a whole: by name, not by inode.
	if err := os.Rename(dir, dir+"-old"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "b.yaml", yaml("b", "t2"))
	eventually(t, f, "b=t2@b.yaml")
}
