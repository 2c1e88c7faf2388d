package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// printer writes the story: plain text, aligned, nothing that depends on a
// terminal. Steps may be told from several goroutines.
type printer struct {
	mu    sync.Mutex
	w     io.Writer
	start time.Time
}

func newPrinter(w io.Writer) *printer { return &printer{w: w, start: time.Now()} }

// step is one line of progress, with the time since the start.
func (p *printer) step(what, text string) {
	p.printf("%6.1fs  %-12s  %s\n", time.Since(p.start).Seconds(), what, text)
}

// heading starts a chapter.
func (p *printer) heading(text string) {
	p.printf("\n%s\n%s\n\n", text, strings.Repeat("-", len([]rune(text))))
}

// line is text as it is, indented.
func (p *printer) line(format string, args ...any) { p.printf("  "+format+"\n", args...) }

func (p *printer) blank() { p.printf("\n") }

func (p *printer) printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Nobody is left to be told that standard output is gone.
	_, _ = fmt.Fprintf(p.w, format, args...)
}

// table writes rows with columns as wide as their longest cell.
func (p *printer) table(indent string, rows [][]string) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		// A strings.Builder takes everything.
		_, _ = fmt.Fprintln(w, indent+strings.Join(row, "\t"))
	}
	_ = w.Flush()
	for line := range strings.Lines(text.String()) {
		p.printf("%s\n", strings.TrimRight(line, " \n"))
	}
}

// block writes what a command printed, indented.
func (p *printer) block(text string) {
	for line := range strings.Lines(text) {
		p.line("%s", strings.TrimRight(line, " \n"))
	}
}
