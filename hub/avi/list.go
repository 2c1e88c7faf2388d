package avi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
)

// pageSize is the biggest page that controllers answer.
const pageSize = 200

// listAttempts is how often a collection is read again that changed while its
// pages were read.
const listAttempts = 3

// page is one page of a collection. Results is nil when the answer has none.
type page struct {
	Count   *json.Number     `json:"count"`
	Results []map[string]any `json:"results"`
	Next    string           `json:"next"`
}

// List reads a whole collection, references with names. It fails closed (class
// Incomplete): as many objects as the controller counts must arrive, each once,
// or there is no result; what a lost page would hide must not look deleted
// (decisions.md, "What a fleet of AKOs got wrong").
func (c *Client) List(ctx context.Context, tenant, typ string, query url.Values) ([]map[string]any, error) {
	return c.listUpTo(ctx, math.MaxInt, tenant, typ, query)
}

// errTooMany is the answer about a collection that is larger than asked for.
var errTooMany = errors.New("there are too many")

// listUpTo is List for a collection of so many objects at most; errTooMany: there
// are more, which the first page tells.
func (c *Client) listUpTo(ctx context.Context, most int, tenant, typ string, query url.Values) ([]map[string]any, error) {
	var err error
	for range listAttempts {
		var list []map[string]any
		var incomplete *Error
		list, err = c.listOnce(ctx, most, tenant, typ, query)
		if err == nil || !errors.As(err, &incomplete) || incomplete.Class != Incomplete {
			return list, err
		}
		c.log.Debug("reading a collection again", "tenant", tenant, "type", typ, "error", err)
	}
	return nil, err
}

func (c *Client) listOnce(ctx context.Context, most int, tenant, typ string, query url.Values) ([]map[string]any, error) {
	k := call{op: "listing", method: http.MethodGet, tenant: tenant, typ: typ, path: typ, name: query.Get("name"), query: names(query)}
	k.query.Set("page_size", strconv.Itoa(pageSize))
	incomplete := func(format string, args ...any) error {
		return k.fail(Incomplete, fmt.Errorf(format, args...))
	}
	var all []map[string]any
	seen := map[string]bool{}
	total := -1
	for number := 1; ; number++ {
		var p page
		if number > 1 {
			k.query.Set("page", strconv.Itoa(number))
		}
		if err := c.do(ctx, k, &p); err != nil {
			var e *Error
			if number > 1 && errors.As(err, &e) && e.Class == NotFound {
				return nil, incomplete("page %d is gone", number) // the collection shrank
			}
			return nil, err
		}
		if p.Count == nil || p.Results == nil {
			return nil, incomplete("page %d has no count or no results", number)
		}
		count, err := strconv.Atoi(p.Count.String())
		if err != nil || count < 0 {
			return nil, incomplete("page %d counts %q objects", number, p.Count.String())
		}
		if total >= 0 && count != total {
			return nil, incomplete("page %d counts %d objects, the pages before counted %d", number, count, total)
		}
		if total = count; total > most {
			return nil, errTooMany
		}
		for _, body := range p.Results {
			uuid, _ := body["uuid"].(string)
			if uuid == "" || seen[uuid] {
				return nil, incomplete("page %d has an object without a uuid, or one that was on a page before (%q)", number, uuid)
			}
			seen[uuid] = true
		}
		all = append(all, p.Results...)
		if p.Next == "" || len(all) > total || len(p.Results) == 0 {
			break
		}
	}
	if len(all) != total {
		return nil, incomplete("%d objects arrived, the controller counts %d", len(all), total)
	}
	return all, nil
}
