package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/akohub/akohub/pkg/explain"
)

// CheckAddress refuses an admin address that others than this machine can reach.
func CheckAddress(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("admin address %q: %w", addr, err)
	}
	if host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("admin address %q: only a loopback address such as 127.0.0.1:9443 is allowed, since the admin API has no authentication of its own", addr)
	}
	return nil
}

// Handler serves the API.
func Handler(b Backend) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/clusters", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, b.Clusters())
	})
	mux.HandleFunc("GET /v1/clusters/{cluster}/plan", func(w http.ResponseWriter, r *http.Request) {
		p, err := b.Plan(r.Context(), r.PathValue("cluster"))
		if err != nil {
			refuse(w, statusOf(err), err)
			return
		}
		text, err := json.Marshal(p.Redacted())
		if err != nil {
			refuse(w, http.StatusInternalServerError, fmt.Errorf("printing the plan: %w", err))
			return
		}
		answer(w, http.StatusOK, PlanAnswer{Steps: len(p.Steps) + len(p.Conflicts), Plan: text})
	})
	mux.HandleFunc("POST /v1/clusters/{cluster}/approve", func(w http.ResponseWriter, r *http.Request) {
		if err := b.Approve(r.PathValue("cluster")); err != nil {
			refuse(w, statusOf(err), err)
			return
		}
		answer(w, http.StatusOK, struct{}{})
	})
	mux.HandleFunc("GET /v1/explain/host/{name}", func(w http.ResponseWriter, r *http.Request) {
		explained(w, r, b, explain.Query{Kind: explain.Host, Name: r.PathValue("name")})
	})
	for _, kind := range []explain.Kind{explain.Ingress, explain.Route, explain.Service} {
		mux.HandleFunc("GET /v1/explain/"+string(kind)+"/{cluster}/{namespace}/{name}", func(w http.ResponseWriter, r *http.Request) {
			explained(w, r, b, explain.Query{Kind: kind, Cluster: r.PathValue("cluster"), Namespace: r.PathValue("namespace"), Name: r.PathValue("name")})
		})
	}
	tenancyRoutes(mux, b)
	return onlyLocalNames(mux)
}

func explained(w http.ResponseWriter, r *http.Request, b Backend, q explain.Query) {
	a, err := b.Explain(r.Context(), q)
	if err != nil {
		refuse(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, a)
}

// PlanAnswer is the answer of GET /v1/clusters/CLUSTER/plan.
type PlanAnswer struct {
	// Steps counts steps and conflicts; 0: there is nothing to do.
	Steps int `json:"steps"`
	// Plan is the plan, with secrets redacted.
	Plan json.RawMessage `json:"plan"`
}

// onlyLocalNames refuses requests under another name than this machine's, so
// that a web page cannot reach the API through a name that it points here.
func onlyLocalNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			refuse(w, http.StatusForbidden, fmt.Errorf("the admin API answers to loopback names only, not %q", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// statusOf says whether there is no such cluster or object, or it is not as
// asked for.
func statusOf(err error) int {
	var unknown unknownCluster
	if errors.As(err, &unknown) || errors.Is(err, explain.ErrUnknown) {
		return http.StatusNotFound
	}
	return http.StatusConflict
}

type errorAnswer struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, errorAnswer{Error: err.Error()})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client is gone when this fails; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
