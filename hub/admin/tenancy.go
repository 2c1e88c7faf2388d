package admin

import (
	"context"
	"net/http"
	"net/url"
)

// Offboarding is the answer of GET and POST /v1/clusters/CLUSTER/offboard: what
// is, or was, removed of a cluster's.
type Offboarding struct {
	Cluster string `json:"cluster"`
	// Tenants are those that were looked at.
	Tenants []string `json:"tenants"`
	// Notes say what could not be looked at.
	Notes []string `json:"notes,omitempty"`
	// Steps are the writes, in their order.
	Steps []OffboardStep `json:"steps"`
	// Done says that they were made.
	Done bool `json:"done"`
	// Left are the cluster's objects that are there after all.
	Left []OffboardStep `json:"left,omitempty"`
	// Cleared and NotCleared count Kubernetes objects whose status was, and
	// could not be, taken back.
	Cleared    int `json:"statusesCleared"`
	NotCleared int `json:"statusesNotCleared"`
}

// OffboardStep is the removal of one object, or of what the cluster has in a
// shared one.
type OffboardStep struct {
	Op     string `json:"op"`
	Tenant string `json:"tenant"`
	Type   string `json:"type"`
	Name   string `json:"name"`
	// Error says why it could not be done.
	Error string `json:"error,omitempty"`
}

// Complete says that nothing of the cluster's is left.
func (o Offboarding) Complete() bool {
	for _, s := range o.Steps {
		if s.Error != "" {
			return false
		}
	}
	return o.Done && len(o.Left) == 0
}

// Tenancy is what the API shows and does about a cluster's place on Avi.
type Tenancy interface {
	// Offboard plans the removal of a cluster's objects and, if asked to,
	// carries it out.
	Offboard(ctx context.Context, cluster string, carryOut bool) (Offboarding, error)
	// Doctor looks a registration over. Nothing is written.
	Doctor(ctx context.Context, cluster string) (Checks, error)
}

// Check is one thing that was looked at before the first write.
type Check struct {
	Name string `json:"check"`
	// Result is ok, warning, error or unknown.
	Result string `json:"result"`
	Detail string `json:"detail"`
	// Remedy says what to do; empty where nothing need be done.
	Remedy string `json:"remedy,omitempty"`
}

// Checks is the answer of GET /v1/clusters/CLUSTER/doctor.
type Checks struct {
	Cluster string  `json:"cluster"`
	Checks  []Check `json:"checks"`
}

func tenancyRoutes(mux *http.ServeMux, b Tenancy) {
	offboard := func(carryOut bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			got, err := b.Offboard(r.Context(), r.PathValue("cluster"), carryOut)
			if err != nil {
				refuse(w, statusOf(err), err)
				return
			}
			answer(w, http.StatusOK, got)
		}
	}
	mux.HandleFunc("GET /v1/clusters/{cluster}/doctor", func(w http.ResponseWriter, r *http.Request) {
		got, err := b.Doctor(r.Context(), r.PathValue("cluster"))
		if err != nil {
			refuse(w, statusOf(err), err)
			return
		}
		answer(w, http.StatusOK, got)
	})
	mux.HandleFunc("GET /v1/clusters/{cluster}/offboard", offboard(false))
	mux.HandleFunc("POST /v1/clusters/{cluster}/offboard", offboard(true))
}

// Offboard returns what would be removed of a cluster's or, after carrying it
// out, what was.
func (c Client) Offboard(ctx context.Context, cluster string, carryOut bool) (Offboarding, error) {
	method := http.MethodGet
	if carryOut {
		method = http.MethodPost
	}
	var out Offboarding
	err := c.call(ctx, method, "/v1/clusters/"+url.PathEscape(cluster)+"/offboard", &out)
	return out, err
}

// Doctor has a registration looked over.
func (c Client) Doctor(ctx context.Context, cluster string) (Checks, error) {
	var out Checks
	err := c.call(ctx, http.MethodGet, "/v1/clusters/"+url.PathEscape(cluster)+"/doctor", &out)
	return out, err
}
