package strictyaml

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	// Line counts from 1.
	Line int
	// Path is the field's, such as "spec.tenant.name"; empty: the file as a whole.
	Path string
	// Reason is a sentence without a full stop.
	Reason string
}

func (p Problem) String() string {
	if p.Path == "" {
		return fmt.Sprintf("line %d: %s", p.Line, p.Reason)
	}
	return fmt.Sprintf("line %d: %s: %s", p.Line, p.Path, p.Reason)
}

// Error is everything that is wrong with a file, in the order of its lines.
type Error struct {
	File     string
	Problems []Problem
}

// Error gives one line for a single problem, else a line for each.
func (e *Error) Error() string {
	out := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		out = append(out, e.File+": "+p.String())
	}
	return strings.Join(out, "\n")
}

// Add notes a problem.
func (e *Error) Add(line int, path, format string, args ...any) {
	e.Problems = append(e.Problems, Problem{Line: line, Path: path, Reason: fmt.Sprintf(format, args...)})
}

// OrNil returns e, its problems sorted, when there are any, else a nil error.
func (e *Error) OrNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	e.sort()
	return e
}

func (e *Error) has(path string) bool {
	for _, p := range e.Problems {
		if p.Path == path {
			return true
		}
	}
	return false
}

func (e *Error) sort() {
	sort.SliceStable(e.Problems, func(i, j int) bool { return e.Problems[i].Line < e.Problems[j].Line })
}
