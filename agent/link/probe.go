package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// probeTimeout bounds a probe.
const probeTimeout = 3 * time.Second

// clarify looks for the reason of a connection that broke before there was a
// session. With TLS 1.3 a server refuses a client's certificate after the
// client's side of the handshake is done; when the client has written by then,
// the alert is often lost in a broken pipe. A connection on which we write
// nothing gets to read it.
func (l *Link) clarify(ctx context.Context, err error) error {
	st, ok := status.FromError(err)
	if !ok || st.Code() != codes.Unavailable || refusedUs(st) || distrusted(st) || ctx.Err() != nil {
		return err
	}
	conf, terr := l.cfg.TLS()
	if terr != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	d := tls.Dialer{Config: conf, NetDialer: &net.Dialer{}}
	conn, perr := d.DialContext(ctx, "tcp", l.cfg.Hub)
	if perr == nil {
		defer func() { _ = conn.Close() }()
		if t, ok := ctx.Deadline(); ok {
			_ = conn.SetReadDeadline(t)
		}
		// A hub that accepts us speaks first, with its HTTP/2 settings.
		_, perr = conn.Read(make([]byte, 1))
	}
	if perr == nil {
		return err
	}
	if probed := status.New(codes.Unavailable, fmt.Sprintf("%s: %v", st.Message(), perr)); refusedUs(probed) {
		return probed.Err()
	}
	return err
}
