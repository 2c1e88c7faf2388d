package avi

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/plan"
)

// Runtime is how an object fares, as the controller knows of its service engines.
type Runtime struct {
	// State is Avi's without the prefix OPER_: UP, DOWN, INITIALIZING, DISABLED, ….
	State string
	// Reason is Avi's for the state; empty: it gives none.
	Reason string
	// HealthScore goes from 0 to 100; nil: there is none.
	HealthScore *int
	// ServersUp of the Servers of a pool take traffic; nil: it is no pool, or the
	// controller doesn't say.
	Servers, ServersUp *int
}

// Runtime asks how a virtual service or a pool fares, by one request.
func (c *Client) Runtime(ctx context.Context, k plan.Key, uuid string) (Runtime, error) {
	answer, err := c.get(ctx, k.Tenant, k.Type+"-inventory/"+url.PathEscape(uuid), nil)
	if err != nil {
		return Runtime{}, err
	}
	runtime, _ := answer["runtime"].(map[string]any)
	status, _ := runtime["oper_status"].(map[string]any)
	state, _ := status["state"].(string)
	if state == "" {
		return Runtime{}, &Error{Class: Invalid, Op: "reading", Tenant: k.Tenant, Type: k.Type, Name: k.Name, Message: "the answer has no oper_status.state"}
	}
	out := Runtime{
		State: strings.TrimPrefix(state, "OPER_"), Reason: reasonOf(status),
		Servers: count(runtime["num_servers"]), ServersUp: count(runtime["num_servers_up"]),
	}
	if score, ok := answer["health_score"].(map[string]any); ok {
		out.HealthScore = count(score["health_score"])
	}
	return out, nil
}

// reasonOf puts the reasons of a state together, without doubles.
func reasonOf(status map[string]any) string {
	var out []string
	add := func(v any) {
		if text, _ := v.(string); strings.TrimSpace(text) != "" && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	list, _ := status["reason"].([]any)
	for _, r := range list {
		add(r)
	}
	if len(out) == 0 {
		add(status["reason_code_string"])
	}
	return strings.Join(out, "; ")
}

// count reads a number that is not negative; nil: there is none. Scores may come
// with a fraction.
func count(v any) *int {
	number, ok := v.(json.Number)
	if !ok {
		return nil
	}
	f, err := number.Float64()
	if err != nil || f < 0 || f > 1e9 {
		return nil
	}
	n := int(f)
	return &n
}
