package avisim

import (
	"encoding/json"
	"net/http"
	"strings"
)

type rawJSON = json.RawMessage

// control answers /_sim/: the control API of the simulator itself, for tests
// in other languages and processes. It asks for no login.
func (s *Simulator) control(c *call) error {
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
		s.ChangeLeader()
		return c.json(http.StatusOK, map[string]any{})
	case "POST upgrade", "DELETE upgrade":
		s.SetUpgrading(c.r.Method == http.MethodPost)
		return c.json(http.StatusOK, map[string]any{})
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
		var in struct{ Type, Tenant, Name, State string }
		if err := json.Unmarshal(c.body, &in); err != nil {
			return badRequest(err.Error())
		}
		if err := s.SetState(in.Type, in.Tenant, in.Name, in.State); err != nil {
			return failure(http.StatusNotFound, "%s", err.Error())
		}
		return c.json(http.StatusOK, map[string]any{})
	}
	return failure(http.StatusNotFound, "no such control call: %s", what)
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
	return list, nil
}
