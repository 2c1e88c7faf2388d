package avisim

import (
	"errors"
	"fmt"
	"net/http"
)

// apiError is an answer other than success: a status and Avi-like words.
type apiError struct {
	status int
	text   string
}

func (e *apiError) Error() string { return e.text }

func failure(status int, format string, args ...any) error {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	return &apiError{status: status, text: format}
}

func badRequest(text string) error { return &apiError{status: http.StatusBadRequest, text: text} }

func notFound(t *objectType) error {
	return &apiError{status: http.StatusNotFound, text: t.name + " object not found!"}
}

// asAPIError gives any error a status: those that don't carry one are defects
// of the simulator and show as a 500.
func asAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return &apiError{status: http.StatusInternalServerError, text: err.Error()}
}
