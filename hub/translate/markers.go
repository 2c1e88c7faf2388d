package translate

import (
	"slices"
	"strings"

	"github.com/vmware/alb-sdk/go/models"
)

// Keys of markers, as AKO writes them (l4-infra.md §4.2).
const (
	markerCluster     = "clustername"
	markerNamespace   = "Namespace"
	markerServiceName = "ServiceName"
	markerPort        = "Port"
	markerProtocol    = "Protocol"
	markerHost        = "Host"
	markerPath        = "Path"
	markerIngressName = "IngressName"
	markerGatewayName = "GatewayName"
)

// marker is a key of the markers of an object and its values.
type marker struct {
	key    string
	values []string
}

// mark is a marker with a key and its values.
func mark(key string, values ...string) marker { return marker{key: key, values: values} }

// markers returns the markers of an object: the cluster's name and ms without
// those that have no value, sorted by key; values are sorted, without doubles.
func markers(s *Settings, ms ...marker) []*models.RoleFilterMatchLabel {
	out := make([]*models.RoleFilterMatchLabel, 0, len(ms)+1)
	out = append(out, &models.RoleFilterMatchLabel{Key: ptr(markerCluster), Values: []string{s.ClusterName}})
	for _, m := range ms {
		values := slices.DeleteFunc(slices.Clone(m.values), func(v string) bool { return v == "" })
		if len(values) == 0 {
			continue
		}
		slices.Sort(values)
		out = append(out, &models.RoleFilterMatchLabel{Key: ptr(m.key), Values: slices.Compact(values)})
	}
	slices.SortFunc(out, func(a, b *models.RoleFilterMatchLabel) int { return strings.Compare(*a.Key, *b.Key) })
	return out
}
