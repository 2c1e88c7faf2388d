package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/akohub/akohub/pkg/explain"
)

// client never goes through a proxy: the address is this machine's own.
var client = &http.Client{Transport: &http.Transport{}}

// Client calls the API of a running hub.
type Client struct {
	// Address is the hub's admin address, HOST:PORT.
	Address string
}

// Clusters returns the standing of all clusters.
func (c Client) Clusters(ctx context.Context) (Clusters, error) {
	var out Clusters
	err := c.call(ctx, http.MethodGet, "/v1/clusters", &out)
	return out, err
}

// Plan returns what would be written for a cluster now.
func (c Client) Plan(ctx context.Context, cluster string) (PlanAnswer, error) {
	var out PlanAnswer
	err := c.call(ctx, http.MethodGet, "/v1/clusters/"+url.PathEscape(cluster)+"/plan", &out)
	return out, err
}

// Approve lets the held plan of a cluster pass, once.
func (c Client) Approve(ctx context.Context, cluster string) error {
	return c.call(ctx, http.MethodPost, "/v1/clusters/"+url.PathEscape(cluster)+"/approve", nil)
}

// Explain says what the hub knows of a host or an object.
func (c Client) Explain(ctx context.Context, q explain.Query) (explain.Answer, error) {
	path := "/v1/explain/" + url.PathEscape(string(q.Kind))
	if q.Kind != explain.Host {
		path += "/" + url.PathEscape(q.Cluster) + "/" + url.PathEscape(q.Namespace)
	}
	var out explain.Answer
	err := c.call(ctx, http.MethodGet, path+"/"+url.PathEscape(q.Name), &out)
	return out, err
}

func (c Client) call(ctx context.Context, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.Address+path, nil)
	if err != nil {
		return fmt.Errorf("asking the hub at %s: %w", c.Address, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("asking the hub at %s (is it running?): %w", c.Address, err)
	}
	defer func() { _ = resp.Body.Close() }()
	dec := json.NewDecoder(resp.Body)
	if resp.StatusCode != http.StatusOK {
		var e errorAnswer
		if err := dec.Decode(&e); err != nil || e.Error == "" {
			return fmt.Errorf("the hub at %s answered %s", c.Address, resp.Status)
		}
		return fmt.Errorf("the hub at %s: %s", c.Address, e.Error)
	}
	if into == nil {
		return nil
	}
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("reading the answer of the hub at %s: %w", c.Address, err)
	}
	return nil
}
