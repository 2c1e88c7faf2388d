package intake

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime/debug"
	"time"

	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// NewServer returns the gRPC server for a Service. Every client must have a
// certificate that tlsConfig's authorities verify, also when its ClientAuth asks
// for less (what its GetConfigForClient returns is used as it is).
// Messages are limited to gRPC's default of 4 MiB. A panic while serving a call
// ends that call alone. registerer may be nil.
func NewServer(tlsConfig *tls.Config, logger hclog.Logger, registerer prometheus.Registerer) *grpc.Server {
	if logger == nil {
		logger = hclog.NewNullLogger()
	}
	log := logger.Named("grpc")
	conf := tlsConfig.Clone()
	conf.ClientAuth = tls.RequireAndVerifyClientCert
	if conf.MinVersion < tls.VersionTLS12 {
		conf.MinVersion = tls.VersionTLS13
	}
	calls := register(registerer, grpcprom.NewServerMetrics())
	logged := []logging.Option{
		logging.WithLogOnEvents(logging.FinishCall),
		// The service itself logs why a session ended.
		logging.WithLevels(func(code codes.Code) logging.Level {
			if code == codes.Internal || code == codes.Unknown {
				return logging.LevelWarn
			}
			return logging.LevelDebug
		}),
	}
	recovered := recovery.WithRecoveryHandlerContext(func(_ context.Context, p any) error {
		log.Error("panic while serving a call", "panic", p, "stack", string(debug.Stack()))
		return status.Error(codes.Internal, "internal error of the hub")
	})
	return grpc.NewServer(
		grpc.Creds(loggedCreds{credentials.NewTLS(conf), log}),
		grpc.ConnectionTimeout(20*time.Second),
		// An agent needs one stream, and one or two calls about certificates.
		grpc.MaxConcurrentStreams(8),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.ChainUnaryInterceptor(
			calls.UnaryServerInterceptor(),
			logging.UnaryServerInterceptor(logTo(log), logged...),
			recovery.UnaryServerInterceptor(recovered),
		),
		grpc.ChainStreamInterceptor(
			calls.StreamServerInterceptor(),
			logging.StreamServerInterceptor(logTo(log), logged...),
			recovery.StreamServerInterceptor(recovered),
		),
	)
}

// logTo writes the interceptor's lines to a logger.
func logTo(log hclog.Logger) logging.Logger {
	return logging.LoggerFunc(func(_ context.Context, level logging.Level, msg string, fields ...any) {
		to := hclog.Debug
		switch {
		case level >= logging.LevelError:
			to = hclog.Error
		case level >= logging.LevelWarn:
			to = hclog.Warn
		case level >= logging.LevelInfo:
			to = hclog.Info
		}
		log.Log(to, msg, fields...)
	})
}

// loggedCreds says who was refused in the TLS handshake, which no interceptor
// gets to see.
type loggedCreds struct {
	credentials.TransportCredentials
	log hclog.Logger
}

func (c loggedCreds) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	out, info, err := c.TransportCredentials.ServerHandshake(conn)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		// Someone only looked whether the port is open.
		c.log.Debug("connection closed before its TLS handshake", "remote", conn.RemoteAddr().String())
	default:
		c.log.Warn("client refused in the TLS handshake", "remote", conn.RemoteAddr().String(), "reason", err)
	}
	return out, info, err
}

func (c loggedCreds) Clone() credentials.TransportCredentials {
	return loggedCreds{c.TransportCredentials.Clone(), c.log}
}
