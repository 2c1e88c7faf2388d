package logging

import (
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/grpclog"
	"k8s.io/klog/v2"
)

// traceVerbosity is the klog verbosity from which lines are traces: client-go
// says from there on what it does for every request.
const traceVerbosity = 4

// BridgeKlog leads klog's global logger, and with it all of client-go, into
// log. Call it once, before any client is made.
func BridgeKlog(log hclog.Logger) {
	// Contextual: reflectors take their logger from the context, past klog's own
	// verbosity flag.
	klog.SetLoggerWithOptions(Logr(log.Named("klog")), klog.ContextualLogger(true))
}

// BridgeGRPC leads grpclog into log. gRPC's info lines tell of every
// connection state and become debug lines. Call it once, before any use of
// gRPC: grpclog's global logger is not guarded.
func BridgeGRPC(log hclog.Logger) {
	grpclog.SetLoggerV2(grpcLogger{log.Named("grpc")})
}

// Logr returns a logr.Logger that writes into log: verbosity 0 becomes info, 1
// to 3 debug, 4 and above trace.
func Logr(log hclog.Logger) logr.Logger {
	return logr.New(sink{log})
}

type sink struct{ log hclog.Logger }

var _ logr.LogSink = sink{}

func (s sink) Init(logr.RuntimeInfo) {}

func (s sink) Enabled(level int) bool {
	switch {
	case level >= traceVerbosity:
		return s.log.IsTrace()
	case level > 0:
		return s.log.IsDebug()
	}
	return s.log.IsInfo()
}

func (s sink) Info(level int, msg string, kv ...any) {
	switch {
	case level >= traceVerbosity:
		s.log.Trace(msg, kv...)
	case level > 0:
		s.log.Debug(msg, kv...)
	default:
		s.log.Info(msg, kv...)
	}
}

func (s sink) Error(err error, msg string, kv ...any) {
	if err != nil {
		kv = append([]any{"error", err}, kv...)
	}
	s.log.Error(msg, kv...)
}

func (s sink) WithValues(kv ...any) logr.LogSink { return sink{s.log.With(kv...)} }

func (s sink) WithName(name string) logr.LogSink { return sink{s.log.Named(name)} }

type grpcLogger struct{ log hclog.Logger }

var _ grpclog.LoggerV2 = grpcLogger{}

func (g grpcLogger) Info(args ...any)   { g.debug(fmt.Sprint(args...)) }
func (g grpcLogger) Infoln(args ...any) { g.debug(fmt.Sprintln(args...)) }
func (g grpcLogger) Infof(format string, args ...any) {
	// Formatting is not free and gRPC asks often.
	if g.log.IsDebug() {
		g.debug(fmt.Sprintf(format, args...))
	}
}
func (g grpcLogger) Warning(args ...any)   { g.log.Warn(line(fmt.Sprint(args...))) }
func (g grpcLogger) Warningln(args ...any) { g.log.Warn(line(fmt.Sprintln(args...))) }
func (g grpcLogger) Warningf(format string, args ...any) {
	g.log.Warn(line(fmt.Sprintf(format, args...)))
}
func (g grpcLogger) Error(args ...any)   { g.log.Error(line(fmt.Sprint(args...))) }
func (g grpcLogger) Errorln(args ...any) { g.log.Error(line(fmt.Sprintln(args...))) }
func (g grpcLogger) Errorf(format string, args ...any) {
	g.log.Error(line(fmt.Sprintf(format, args...)))
}

// The Fatal functions only log: grpclog itself ends the process after them.
func (g grpcLogger) Fatal(args ...any)   { g.log.Error(line(fmt.Sprint(args...))) }
func (g grpcLogger) Fatalln(args ...any) { g.log.Error(line(fmt.Sprintln(args...))) }
func (g grpcLogger) Fatalf(format string, args ...any) {
	g.log.Error(line(fmt.Sprintf(format, args...)))
}

// V says whether lines of a verbosity are wanted.
func (g grpcLogger) V(level int) bool {
	if level > 0 {
		return g.log.IsTrace()
	}
	return g.log.IsDebug()
}

func (g grpcLogger) debug(msg string) { g.log.Debug(line(msg)) }

func line(s string) string { return strings.TrimRight(s, "\n") }
