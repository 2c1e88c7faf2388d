package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/akohub/akohub/pkg/explain"
)

// tree prints lines, each as deep as what it belongs to says.
type tree struct {
	bytes.Buffer
	at time.Time
}

func (t *tree) line(depth int, format string, args ...any) {
	fmt.Fprintf(t, "%s%s\n", strings.Repeat("  ", depth), fmt.Sprintf(format, args...))
}

// table prints rows of cells in columns.
func (t *tree) table(depth int, rows [][]string) {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	for _, r := range rows {
		_, _ = fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	_ = w.Flush() // a buffer takes everything
	for l := range strings.Lines(b.String()) {
		t.line(depth, "%s", strings.TrimRight(l, " \n"))
	}
}

// explainText is an explanation for people.
func explainText(a explain.Answer) []byte {
	t := &tree{at: a.At}
	if a.Kind == explain.Host {
		t.line(0, "host %s", a.Name)
	} else {
		t.line(0, "%s %s/%s", a.Kind, a.Namespace, a.Name)
	}
	for _, c := range a.Clusters {
		t.cluster(a.Query, c)
	}
	for _, u := range a.Unanswered {
		t.line(1, "cluster %s could not be asked: %s", u.Cluster, oneLine(u.Error))
	}
	return t.Bytes()
}

func (t *tree) cluster(q explain.Query, c explain.Cluster) {
	agent := "its agent is not connected"
	if c.ConnectedSince != nil {
		agent = "connected since " + moment(c.ConnectedSince)
	}
	t.line(1, "cluster %s  (tenant %s, mode %s, %s)", c.Name, c.Tenant, c.Mode, agent)
	if len(c.Waits) > 0 {
		t.line(2, "waits for %s of the cluster's agent", strings.Join(c.Waits, ", "))
	}
	if c.Held != "" {
		t.line(2, "held: %s; \"akohub approve %s\" lets it pass", oneLine(c.Held), c.Name)
	}
	if c.Error != "" {
		t.line(2, "error: %s", oneSentence(c.Error))
	}
	if c.Object != nil {
		t.object(*c.Object, c.Units)
	} else if q.Kind != explain.Host {
		t.line(2, "the %s is not there (any more)", q.Kind)
	}
	for _, u := range c.Units {
		t.unit(u)
	}
	for _, p := range c.Parents {
		t.parent(p)
	}
	if c.NoRuntime != "" {
		t.line(2, "how it fares: %s", oneLine(c.NoRuntime))
	}
	if len(c.Leftovers) > 0 {
		t.line(2, "on Avi, wanted by nobody any more")
		t.objects(3, c.Leftovers)
	}
}

// object prints the object that was asked for; what its claims show is not
// repeated.
func (t *tree) object(o explain.Object, units []explain.Unit) {
	t.line(2, "%s", headline(o))
	told := map[explain.Problem]bool{}
	for _, u := range units {
		for _, c := range u.Claims {
			if c.Kind == o.Kind && c.Namespace == o.Namespace && c.Name == o.Name {
				for _, p := range c.Problems {
					told[p] = true
				}
			}
		}
	}
	t.problems(3, slices.DeleteFunc(slices.Clone(o.Problems), func(p explain.Problem) bool { return told[p] }))
	if len(units) == 0 {
		t.line(3, "nothing that this hub serves comes of it")
	}
}

func headline(o explain.Object) string {
	text := fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)
	if o.Created != nil {
		text += "  created " + moment(o.Created)
	}
	if len(o.Status) > 0 {
		text += "  status " + strings.Join(o.Status, ", ")
	}
	return text
}

func (t *tree) problems(depth int, ps []explain.Problem) {
	for _, p := range ps {
		t.line(depth, "! %s: %s", p.Reason, oneLine(p.Message))
	}
}

func (t *tree) unit(u explain.Unit) {
	name := u.Name
	if u.Namespace != "" {
		name = u.Namespace + "/" + name
	}
	t.line(2, "unit %s %s", u.Kind, name)
	contested := map[string]bool{}
	for _, c := range u.Claims {
		for _, p := range c.Paths {
			contested[p.LostTo+" "+strings.ToLower(p.Path)] = p.LostTo != ""
		}
	}
	for _, c := range u.Claims {
		head := headline(c.Object)
		if c.Note != "" {
			head += "  not served: " + c.Note
		}
		t.line(3, "%s", head)
		var rows [][]string
		for _, p := range c.Paths {
			me := fmt.Sprintf("%s %s/%s %s", c.Kind, c.Namespace, c.Name, strings.ToLower(p.Path))
			rows = append(rows, pathRow(p, contested[me]))
		}
		t.table(4, rows)
		t.problems(4, c.Problems)
	}
	if u.Error != "" {
		t.line(3, "error: %s", oneLine(u.Error))
	}
	switch {
	case len(u.Objects) > 0:
		t.objects(3, u.Objects)
	case len(u.Parents) == 0:
		t.line(3, "no Avi objects")
	}
}

// pathRow is a path, where it leads and what became of it; contested: others
// claim it too.
func pathRow(p explain.Path, contested bool) []string {
	where := "default backend"
	if p.Rule > 0 {
		where = fmt.Sprintf("rule %d  %s", p.Rule, cmp.Or(p.Path, "(no path)"))
		if p.Type != "" {
			where += " " + p.Type
		}
	}
	standing := string(p.Standing)
	switch {
	case p.Standing == explain.Owner && contested:
		standing = "owner, the oldest claim"
	case p.Standing == explain.Shared:
		standing = "shared: with TLS passthrough paths are not told apart"
	case p.LostTo != "":
		standing = "lost to " + p.LostTo
	}
	return []string{where, "→ " + p.Backend, standing}
}

func (t *tree) parent(p explain.Parent) {
	text := "parent " + p.Name
	if len(p.VIP) > 0 {
		text += "  VIP " + strings.Join(p.VIP, ", ")
	}
	t.line(2, "%s  (for %s)", text, count(p.Units, "unit"))
	t.objects(3, p.Objects)
}

func (t *tree) objects(depth int, os []explain.AviObject) {
	rows := make([][]string, 0, len(os))
	for _, o := range os {
		rows = append(rows, []string{o.Type, o.Name, stateText(o), t.details(o)})
	}
	t.table(depth, rows)
}

func stateText(o explain.AviObject) string {
	if o.Op == "" || o.State == explain.Applied {
		return string(o.State)
	}
	return fmt.Sprintf("%s (%s)", o.State, o.Op)
}

func (t *tree) details(o explain.AviObject) string {
	var parts []string
	if o.Error != "" {
		parts = append(parts, fmt.Sprintf("%q, %s, %s", oneLine(o.Error), count(o.Attempts, "attempt"), t.nextTry(o)))
	}
	if o.Reason != "" {
		parts = append(parts, o.Reason)
	}
	if o.Servers != nil {
		parts = append(parts, count(*o.Servers, "server"))
	}
	if o.Runtime != nil {
		parts = append(parts, fares(*o.Runtime))
	}
	parts = append(parts, o.Addresses...)
	if o.UUID != "" {
		parts = append(parts, "uuid "+o.UUID)
	}
	if o.LastModified != nil {
		parts = append(parts, "modified "+moment(o.LastModified))
	}
	return strings.Join(parts, ", ")
}

// fares is a runtime state, with what is behind it.
func fares(r explain.Runtime) string {
	text := strings.ToLower(r.State)
	if r.ServersUp != nil && r.Servers != nil {
		text += fmt.Sprintf(" (%d of %d up)", *r.ServersUp, *r.Servers)
	}
	if r.HealthScore != nil {
		text += fmt.Sprintf(", health %d", *r.HealthScore)
	}
	if r.Reason != "" && r.State != "UP" {
		text += fmt.Sprintf(": %q", oneLine(r.Reason))
	}
	return text
}

// nextTry says when a failed write is tried again.
func (t *tree) nextTry(o explain.AviObject) string {
	if o.NextTry == nil {
		return "not tried again by itself"
	}
	wait := o.NextTry.Sub(t.at).Round(time.Second)
	if wait <= 0 {
		return "next try now"
	}
	return "next try in " + wait.String()
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
