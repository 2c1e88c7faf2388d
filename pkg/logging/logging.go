// Package logging makes the one logger of a process and leads the logs of
// client-go (klog) and gRPC into it.
//
// In come a level, a format and a writer; out comes an hclog logger. The
// package sets the global loggers of klog and grpclog, only when asked to, and
// may do nothing else.
package logging

import (
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// Formats of log lines.
const (
	FormatText = "text"
	FormatJSON = "json"
)

// Options say how to log.
type Options struct {
	// Name of the process, part of each line.
	Name string
	// Level is trace, debug, info, warn or error; empty: info.
	Level string
	// Format is FormatText or FormatJSON; empty: FormatText.
	Format string
	// Output receives whole lines.
	Output io.Writer
}

// New makes a logger. It fails on an unknown level or format.
func New(o Options) (hclog.Logger, error) {
	level := hclog.Info
	if o.Level != "" {
		// Off is left out on purpose: a silent process cannot be helped.
		level = hclog.LevelFromString(o.Level)
		if level < hclog.Trace || level > hclog.Error {
			return nil, fmt.Errorf("log level %q: want trace, debug, info, warn or error", o.Level)
		}
	}
	var json bool
	switch strings.ToLower(o.Format) {
	case "", FormatText:
	case FormatJSON:
		json = true
	default:
		return nil, fmt.Errorf("log format %q: want %s or %s", o.Format, FormatText, FormatJSON)
	}
	return hclog.New(&hclog.LoggerOptions{
		Name:       o.Name,
		Level:      level,
		Output:     o.Output,
		JSONFormat: json,
		TimeFormat: "2006-01-02T15:04:05.000Z07:00",
	}), nil
}
