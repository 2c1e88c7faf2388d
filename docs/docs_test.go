// Package docs checks what a reader of the documentation would try: links,
// examples, and the list of dependencies.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/akohub/akohub/hub/config"
	"github.com/akohub/akohub/hub/settings"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// pages returns the text of each page, by its path from here.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"*.md", "reference/*.md", "../README.md", "../CONTRIBUTING.md", "../examples/README.md", "../charts/*/README.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out[f] = string(data)
		}
	}
	if len(out) < 12 {
		t.Fatalf("only %d pages found", len(out))
	}
	return out
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	notSlug = regexp.MustCompile(`[^a-z0-9 _-]`)
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
)

func TestLinks(t *testing.T) {
	all := pages(t)
	for page, text := range all {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			path := page
			if target != "" {
				path = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
				continue
			}
			if other, ok := all[path]; ok && anchor != "" && !hasAnchor(other, anchor) {
				t.Errorf("%s links to %s, which has no such heading", page, m[1])
			}
		}
	}
}

func hasAnchor(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		if strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-") == anchor {
			return true
		}
	}
	return strings.Contains(text, `id="`+anchor+`"`)
}

// TestYAML reads every example of a registration and of hub.yaml.
func TestYAML(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")
	clusters, hubs := 0, 0
	for page, text := range pages(t) {
		for _, m := range block.FindAllStringSubmatch(text, -1) {
			switch {
			case strings.Contains(m[1], "kind: Cluster\n"):
				clusters++
				c, err := v1alpha1.ParseCluster([]byte(m[1]), page)
				if err != nil {
					t.Error(err)
					continue
				}
				if _, err := settings.For(c, settings.Facts{}); err != nil {
					t.Errorf("%s: %v", page, err)
				}
			case strings.Contains(m[1], "\ncontrollers:"):
				hubs++
				if _, err := config.Parse([]byte(m[1]), page); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if clusters == 0 || hubs == 0 {
		t.Errorf("%d registrations and %d configurations found", clusters, hubs)
	}
}

// TestDependencies holds dependencies.md against go.mod.
func TestDependencies(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	require := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`) // no "// indirect" behind it
	found := require.FindAllStringSubmatch(string(mod), -1)
	if len(found) < 10 {
		t.Fatalf("only %d requirements read from go.mod", len(found))
	}
	for _, m := range found {
		name := m[1]
		if i := strings.LastIndex(name, "/providers/"); i > 0 {
			name = "…" + name[i:]
		}
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("dependencies.md does not say why %s is there", m[1])
		}
	}
}

// TestIndex has the overview lead to every page.
func TestIndex(t *testing.T) {
	all := pages(t)
	for page := range all {
		if strings.HasPrefix(page, "..") || page == "index.md" {
			continue
		}
		if !strings.Contains(all["index.md"], "]("+page+")") {
			t.Errorf("index.md does not link to %s", page)
		}
	}
}

// TestEvents holds events.md against the reasons in the code.
func TestEvents(t *testing.T) {
	page, err := os.ReadFile("events.md")
	if err != nil {
		t.Fatal(err)
	}
	reason := regexp.MustCompile(`(?m)^\s*(?:const )?reason[A-Z]\w*\s+= "(\w+)"|\bReason:\s+"(\w+)"`)
	n := 0
	for _, pattern := range []string{"../hub/translate/*.go", "../hub/reconcile/*.go", "../agent/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range reason.FindAllStringSubmatch(string(data), -1) {
				n++
				if !strings.Contains(string(page), "`"+m[1]+m[2]+"`") {
					t.Errorf("events.md does not have %s of %s", m[1]+m[2], f)
				}
			}
		}
	}
	if n < 35 {
		t.Errorf("only %d reasons found in the code", n)
	}
}
