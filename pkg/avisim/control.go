package avisim

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

type rawJSON = json.RawMessage

// control answers /_sim/: the control API of the simulator itself, for tests
// in other languages and processes. It asks for no login.
func (s *Simulator) control(ctx context.Context, c *call) error {
	what := c.r.Method + " " + strings.Trim(strings.TrimPrefix(c.path, "/_sim"), "/")
	switch what {
	case "GET requests":
		return c.json(http.StatusOK, emptyList(s.Requests()))
	case "GET writes":
		return c.json(http.StatusOK, emptyList(s.Writes()))
	case "DELETE requests":
		s.ResetRequests()
		return c.json(http.StatusOK, map[string]any{})
	case "GET counts":
		out := map[string]map[string]int{}
		for k, n := range s.Counts() {
			if out[k.Type] == nil {
				out[k.Type] = map[string]int{}
			}
			out[k.Type][k.Method] = n
		}
		return c.json(http.StatusOK, out)
	case "GET dump":
		text, err := s.Dump().Text()
		if err != nil {
			return err
		}
		c.raw(http.StatusOK, text)
		return nil
	case "POST reset":
		if err := s.Reset(); err != nil {
			return err
		}
		return c.json(http.StatusOK, map[string]any{})
	case "POST expire-sessions":
		s.ExpireSessions()
		return c.json(http.StatusOK, map[string]any{})
	case "POST change-leader":
		s.changeLeader(ctx)
		return c.json(http.StatusOK, map[string]any{})
	case "POST upgrade", "DELETE upgrade":
		s.SetUpgrading(c.r.Method == http.MethodPost)
		return c.json(http.StatusOK, map[string]any{})
	case "POST cluster":
		var in struct{ State string }
		if err := decodeControl(c.body, &in); err != nil {
			return err
		}
		s.SetClusterState(in.State)
		return c.json(http.StatusOK, map[string]any{})
	case "GET snapshots":
		return c.json(http.StatusOK, s.snapshots.names())
	case "POST snapshots", "POST restore", "DELETE snapshots":
		return s.controlSnapshot(c)
	case "GET faults":
		return c.json(http.StatusOK, s.Faults())
	case "POST faults":
		f, err := decodeFaults(c.body)
		if err != nil {
			return err
		}
		for _, f := range f {
			s.Inject(f)
		}
		return c.json(http.StatusCreated, s.Faults())
	case "DELETE faults":
		s.ClearFaults()
		return c.json(http.StatusOK, map[string]any{})
	case "POST state":
		var in struct{ Type, Tenant, Name, Server, State string }
		if err := decodeControl(c.body, &in); err != nil {
			return err
		}
		set := func() error { return s.SetState(in.Type, in.Tenant, in.Name, in.State) }
		if in.Server != "" {
			set = func() error { return s.SetServerState(in.Tenant, in.Name, in.Server, in.State) }
		}
		if err := set(); err != nil {
			return failure(http.StatusNotFound, "%s", err.Error())
		}
		return c.json(http.StatusOK, map[string]any{})
	}
	return failure(http.StatusNotFound, "no such control call: %s", what)
}

// decodeControl reads the body of a control call; a misspelt field is refused.
func decodeControl(body []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return badRequest(err.Error())
	}
	return nil
}

// snapshots are those that were made over the control API, by name.
type snapshots struct {
	mu     sync.Mutex
	byName map[string]*Snapshot
}

// maxSnapshots bounds them: each is a copy of all objects.
const maxSnapshots = 100

func (sn *snapshots) names() []string {
	sn.mu.Lock()
	defer sn.mu.Unlock()
	names := slices.Sorted(maps.Keys(sn.byName))
	if names == nil {
		names = []string{}
	}
	return names
}

func (s *Simulator) controlSnapshot(c *call) error {
	var in struct{ Name string }
	if err := decodeControl(c.body, &in); err != nil {
		return err
	}
	sn := &s.snapshots
	sn.mu.Lock()
	defer sn.mu.Unlock()
	known := sn.byName[in.Name]
	switch {
	case strings.Contains(c.path, "restore"):
		if known == nil {
			return failure(http.StatusNotFound, "there is no snapshot %s", quote(in.Name))
		}
		s.Restore(known)
	case c.r.Method == http.MethodDelete:
		delete(sn.byName, in.Name)
	default:
		if known == nil && len(sn.byName) >= maxSnapshots {
			return badRequest("there are already " + strconv.Itoa(maxSnapshots) + " snapshots")
		}
		if sn.byName == nil {
			sn.byName = map[string]*Snapshot{}
		}
		sn.byName[in.Name] = s.Snapshot()
	}
	return c.json(http.StatusOK, map[string]any{})
}

func emptyList(rs []Request) []Request {
	if rs == nil {
		return []Request{}
	}
	return rs
}

// decodeFaults reads one fault or a list of them; a misspelt field is refused.
func decodeFaults(body []byte) ([]Fault, error) {
	var list []Fault
	text := strings.TrimSpace(string(body))
	if !strings.HasPrefix(text, "[") {
		text = "[" + text + "]"
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&list); err != nil {
		return nil, badRequest("reading the fault: " + err.Error())
	}
	for i := range list {
		if err := list[i].check(); err != nil {
			return nil, badRequest("reading the fault: " + err.Error())
		}
	}
	return list, nil
}
