package link

import (
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// logEnd says why a session ended, or did not begin, in words that lead to the
// place where it can be mended.
func (l *Link) logEnd(err error, up, wait time.Duration) {
	log := l.cfg.Log.With("hub", l.cfg.Hub, "retry_in", wait.Round(time.Millisecond).String())
	if up > 0 {
		log = log.With("lasted", up.Round(time.Second).String())
	}
	st, isStatus := status.FromError(err)
	switch {
	case err == nil:
		log.Info("the hub ended the session")
	case errors.Is(err, errProtocol):
		log.Error("the hub and this agent cannot work together", "error", err)
	case !isStatus:
		log.Warn("session with the hub failed", "error", err)
	case refusedUs(st):
		log.Error("the hub refused this agent's certificate: it is expired, not signed by the hub's authority, or belongs to a cluster that is not registered",
			"code", st.Code().String(), "reason", st.Message())
	case distrusted(st):
		log.Error("the hub's certificate is not trusted: check the CA file, and that the hub's certificate names this host",
			"code", st.Code().String(), "reason", st.Message())
	default:
		log.Warn("session with the hub ended", "code", st.Code().String(), "reason", st.Message())
	}
}

// refusedUs tells whether the hub did not accept our identity. With TLS 1.3 the
// alert arrives after the client's handshake is done, as a broken connection.
func refusedUs(st *status.Status) bool {
	switch st.Code() {
	case codes.Unauthenticated, codes.PermissionDenied:
		return true
	}
	return strings.Contains(st.Message(), "remote error: tls: ")
}

func distrusted(st *status.Status) bool {
	return st.Code() == codes.Unavailable &&
		(strings.Contains(st.Message(), "x509: ") || strings.Contains(st.Message(), "no akohub identity"))
}
