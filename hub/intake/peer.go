package intake

import (
	"context"
	"errors"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/akohub/akohub/pkg/identity"
)

// PeerCluster returns the name of the cluster that the verified client
// certificate of a call speaks for.
func PeerCluster(ctx context.Context) (string, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", errors.New("the call has no peer")
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return "", errors.New("the call is not over TLS")
	}
	// Verified chains only: a certificate that was merely presented proves nothing.
	if len(info.State.VerifiedChains) == 0 || len(info.State.VerifiedChains[0]) == 0 {
		return "", errors.New("the call has no verified client certificate")
	}
	return identity.ClusterNameFromCert(info.State.VerifiedChains[0][0])
}
