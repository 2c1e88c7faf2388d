package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/akohub/akohub/pkg/api/strictyaml"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// file is what is known of one file of the folder.
type file struct {
	name string
	hash string // of the bytes last read
	// wanted is what those bytes say; nil when err says why they are no good.
	wanted *v1alpha1.Cluster
	err    error
	// good is what is in force from this file.
	good *Registration
}

// Rescan reads the folder now. Files that did not change are not parsed again.
// It is what the watch and the clock call; a caller needs it only to see its
// own change at once.
func (f *Fleet) Rescan() {
	f.scanning.Lock()
	defer f.scanning.Unlock()

	entries, err := os.ReadDir(f.dir)
	if err != nil {
		// A folder that can't be read (not mounted, no right) says nothing
		// about its clusters: all stay.
		f.publish([]FileError{{Err: fmt.Errorf("reading the clusters folder: %w", err)}})
		return
	}
	present := map[string]bool{}
	for _, e := range entries {
		name := e.Name()
		if ext := filepath.Ext(name); strings.HasPrefix(name, ".") || ext != ".yaml" && ext != ".yml" {
			continue
		}
		path := filepath.Join(f.dir, name)
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			continue
		}
		present[name] = true
		f.read(name, path)
	}
	for name := range f.files {
		if !present[name] {
			delete(f.files, name)
		}
	}
	f.publish(f.settleClaims())
}

// read brings f.files[name] up to date with the bytes on disk.
func (f *Fleet) read(name, path string) {
	known := f.files[name]
	if known == nil {
		known = &file{name: name}
		f.files[name] = known
	}
	data, err := readLimited(path)
	if err != nil {
		known.hash, known.wanted, known.err = "", nil, fmt.Errorf("reading %s: %w", name, err)
		return
	}
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:])
	if hash == known.hash {
		return
	}
	known.hash = hash
	known.wanted, known.err = v1alpha1.ParseCluster(data, name)
	if known.err == nil {
		known.err = f.checkController(known.wanted, data, name)
		if known.err != nil {
			known.wanted = nil
		}
	}
}

// readLimited reads one byte more than a registration may have, so that a
// mistaken huge file is refused and not held in memory.
func readLimited(path string) ([]byte, error) {
	r, err := os.Open(path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(io.LimitReader(r, strictyaml.MaxSize+1))
}

func (f *Fleet) checkController(c *v1alpha1.Cluster, data []byte, name string) error {
	if f.controllers == nil || c.Spec.Controller == "" {
		return nil
	}
	for _, known := range f.controllers {
		if known == c.Spec.Controller {
			return nil
		}
	}
	return problemAt(data, name, "spec.controller", "no controller %q in the hub's configuration; it has %s",
		c.Spec.Controller, strings.Join(f.controllers, ", "))
}

// problemAt gives a problem of a file that parsed, with the field's line.
func problemAt(data []byte, name, path, format string, args ...any) error {
	var again v1alpha1.Cluster
	src, err := strictyaml.Decode(data, name, &again)
	if err != nil {
		return err
	}
	e := &strictyaml.Error{File: name}
	e.Add(src.Line(path), path, format, args...)
	return e
}

// claim is something that only one registration may have.
type claim struct{ what, value string }

// claims are the name, and the owner on Avi: two clusters of a controller with
// the same created_by would take each other's objects for their own.
func (f *Fleet) claims(c *v1alpha1.Cluster) []claim {
	controller := c.Spec.Controller
	if controller == "" && len(f.controllers) > 0 {
		controller = f.controllers[0]
	}
	return []claim{
		{"cluster", c.Metadata.Name},
		{"owner on Avi", controller + "/" + c.CreatedBy()},
	}
}

// settleClaims decides what is in force from each file and returns what is
// wrong. Whoever holds a name keeps it; a file that wants a name of another is
// refused until that one lets it go.
func (f *Fleet) settleClaims() []FileError {
	names := make([]string, 0, len(f.files))
	for n := range f.files {
		names = append(names, n)
	}
	sort.Strings(names)

	taken := map[claim]string{}
	free := func(c *v1alpha1.Cluster) (claim, string, bool) {
		for _, cl := range f.claims(c) {
			if by, ok := taken[cl]; ok {
				return cl, by, false
			}
		}
		return claim{}, "", true
	}
	take := func(x *file, r *Registration) {
		for _, cl := range f.claims(r.Cluster) {
			taken[cl] = x.name
		}
		x.good = r
	}
	// First those that stay who they are, and those whose new content is bad.
	var rest []*file
	for _, n := range names {
		x := f.files[n]
		switch {
		case x.wanted == nil && x.good != nil:
			take(x, x.good)
		case x.wanted != nil && x.good != nil && sameClaims(f.claims(x.wanted), f.claims(x.good.Cluster)):
			take(x, x.registration())
		case x.wanted != nil:
			rest = append(rest, x)
		}
	}
	var errs []FileError
	for _, x := range rest {
		cl, by, ok := free(x.wanted)
		if ok {
			take(x, x.registration())
			continue
		}
		err := fmt.Errorf("%s: %s %q is already registered by %s", x.name, cl.what, cl.value, by)
		kept := ""
		if x.good != nil {
			if _, _, ok := free(x.good.Cluster); ok {
				take(x, x.good)
				kept = x.good.Cluster.Metadata.Name
			} else {
				x.good = nil
			}
		}
		errs = append(errs, FileError{File: x.name, Err: err, Kept: kept})
	}
	for _, n := range names {
		if x := f.files[n]; x.err != nil {
			e := FileError{File: n, Err: x.err}
			if x.good != nil {
				e.Kept = x.good.Cluster.Metadata.Name
			}
			errs = append(errs, e)
		}
	}
	sort.Slice(errs, func(i, j int) bool { return errs[i].File < errs[j].File })
	return errs
}

func sameClaims(a, b []claim) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// registration is that of the bytes last read; the one in force when they are
// the same.
func (x *file) registration() *Registration {
	if x.good != nil && x.good.Hash == x.hash {
		return x.good
	}
	return &Registration{Cluster: x.wanted, File: x.name, Hash: x.hash}
}

// publish makes what the scan found visible, and tells the watches.
func (f *Fleet) publish(errs []FileError) {
	now := map[string]*Registration{}
	for _, x := range f.files {
		if x.good != nil {
			now[x.good.Cluster.Metadata.Name] = x.good
		}
	}
	f.mu.Lock()
	before := f.byName
	told := map[string]bool{}
	for _, e := range f.errs {
		told[e.Error()] = true
	}
	f.byName, f.errs = now, errs
	var changed []string
	for name, r := range now {
		switch old := before[name]; {
		case old == nil:
			f.log.Info("cluster registered", "cluster", name, "file", r.File, "mode", r.Cluster.Spec.Mode, "tenant", r.Cluster.Spec.Tenant.Name)
			changed = append(changed, name)
		case old.Hash != r.Hash || old.File != r.File:
			f.log.Info("cluster registration changed", "cluster", name, "file", r.File, "mode", r.Cluster.Spec.Mode, "tenant", r.Cluster.Spec.Tenant.Name)
			changed = append(changed, name)
		}
	}
	for name, old := range before {
		if now[name] == nil {
			f.log.Info("cluster registration removed; its objects on Avi stay", "cluster", name, "file", old.File)
			changed = append(changed, name)
		}
	}
	if len(changed) > 0 {
		for w := range f.watches {
			w.mark(changed)
		}
	}
	f.mu.Unlock()
	for _, e := range errs {
		if !told[e.Error()] {
			f.log.Error("registration refused", "file", e.File, "reason", e.Err, "kept", e.Kept)
		}
	}
}
