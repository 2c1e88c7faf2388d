package avisim

import (
	"encoding/json"
	"net/http"
	"strings"
)

// macro carries out several writes as one: all, or, when one is refused, none.
// It takes {"model_name", "data"} or a list of such with "method" (POST, the
// default, PUT or DELETE; the latter two find the object by data.uuid or
// data.name).
func (s *Simulator) macro(c *call) error {
	if c.r.Method != http.MethodPost {
		return methodNotAllowed(c)
	}
	v, err := parseJSONValue(c.body)
	if err != nil {
		return err
	}
	list, many := v.([]any)
	if many && s.opts.Assume.NoMacroLists {
		return badRequest("macro: expected an object, got a list")
	}
	if !many {
		list = []any{v}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tenant, err := s.tenantOf(c)
	if err != nil {
		return err
	}
	s.store.begin()
	answers := make([]json.RawMessage, 0, len(list))
	for _, e := range list {
		answer, err := s.macroStep(c, tenant, e)
		if err != nil {
			s.store.rollback()
			return err
		}
		answers = append(answers, answer)
	}
	s.store.commit()
	if many {
		return c.json(http.StatusOK, answers)
	}
	return c.json(http.StatusCreated, answers[0])
}

func (s *Simulator) macroStep(c *call, tenant *object, step any) (json.RawMessage, error) {
	in, _ := step.(map[string]any)
	model, _ := in["model_name"].(string)
	t := s.vocab.byName[model]
	if t == nil {
		t = s.vocab.byPath[strings.ToLower(model)]
	}
	data, ok := in["data"].(map[string]any)
	if t == nil || !ok {
		return nil, badRequest("macro: model_name and data are needed, got model_name " + quote(model))
	}
	if _, err := s.writer(c, t); err != nil {
		return nil, err
	}
	method, _ := in["method"].(string)
	if method = strings.ToUpper(method); method == "" {
		method = http.MethodPost
	}
	if method == http.MethodPost {
		p, err := prepare(t, data, c.admission(s.store))
		if err != nil {
			return nil, err
		}
		o, err := s.store.create(p, tenant)
		if err != nil {
			return nil, err
		}
		return c.view(s.store).appendObject(nil, o), nil
	}
	o, err := s.macroTarget(t, tenant, data)
	if err != nil {
		return nil, err
	}
	if o.tenant == tenant && !s.mayWrite(c, o) {
		return nil, forbidden()
	}
	switch method {
	case http.MethodPut:
		p, err := prepare(t, data, c.admission(s.store))
		if err != nil {
			return nil, err
		}
		if err := s.store.update(o, p, tenant); err != nil {
			return nil, err
		}
		return c.view(s.store).appendObject(nil, o), nil
	case http.MethodDelete:
		return json.RawMessage("null"), s.store.delete(o, tenant)
	}
	return nil, badRequest("macro: unknown method " + quote(method))
}

func (s *Simulator) macroTarget(t *objectType, tenant *object, data map[string]any) (*object, error) {
	if uuid, ok := data["uuid"].(string); ok {
		if o := s.store.objects[objectKey{t, uuid}]; o != nil && o.visibleTo(tenant) {
			return o, nil
		}
		return nil, notFound(t)
	}
	name, _ := data["name"].(string)
	o, err := s.store.lookup(t, name, tenant, nil)
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, notFound(t)
	}
	return o, nil
}
