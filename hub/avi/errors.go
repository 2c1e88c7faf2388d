package avi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Class is what kind of failure an error is, and so what to do about it
// (decisions.md, 6).
type Class string

// The classes.
const (
	// Unauthorized: the login is refused. The client stops logging in until
	// the password changes or its back-off ends.
	Unauthorized Class = "unauthorized"
	// UpgradeInProgress: the controller takes no configuration for now. No
	// object's fault: pause, probe, go on.
	UpgradeInProgress Class = "upgrade-in-progress"
	// NotFound: there is no such object.
	NotFound Class = "not-found"
	// NoTenant: the tenant of the request doesn't exist.
	NoTenant Class = "no-tenant"
	// Exists: an object of that name is there already.
	Exists Class = "exists"
	// Conflict: an object of that name is there and it is somebody else's.
	Conflict Class = "conflict"
	// Precondition: the object was changed since it was read.
	Precondition Class = "precondition"
	// InUse: the object can't be deleted, others refer to it.
	InUse Class = "in-use"
	// RateLimited: too many requests. No object's fault.
	RateLimited Class = "rate-limited"
	// Invalid: Avi refuses this object, in its words. Its siblings go on.
	Invalid Class = "invalid"
	// Internal: the controller failed over this request. It may pass.
	Internal Class = "internal"
	// Unavailable: the controller can't be reached or isn't serving.
	Unavailable Class = "unavailable"
	// Untrusted: the controller's certificate isn't vouched for by the CA file
	// of its configuration.
	Untrusted Class = "untrusted"
	// Incomplete: a collection didn't arrive whole.
	Incomplete Class = "incomplete"
	// Canceled: the caller's context ended.
	Canceled Class = "canceled"
	// Skipped: a step of a plan was not tried, since another failed that it
	// depends on, or the controller can't be used. Err is the cause.
	Skipped Class = "skipped"
)

// Error is any failure of a request.
type Error struct {
	Class Class
	// Op is what was being done: "creating", "reading"…
	Op string
	// Tenant, Type and Name (or UUID) say to what.
	Tenant string
	Type   string
	Name   string
	// Status is the HTTP status; 0 without an answer.
	Status int
	// Message is in Avi's words where there was an answer.
	Message string
	// RetryAfter is how long the controller asked to wait; 0: it didn't.
	RetryAfter time.Duration
	// Owner is whose the object in the way is (Conflict).
	Owner string
	Err   error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Type != "" {
		b.WriteString(" " + e.Type)
	}
	if e.Name != "" {
		fmt.Fprintf(&b, " %q", e.Name)
	}
	if e.Tenant != "" {
		fmt.Fprintf(&b, " in tenant %q", e.Tenant)
	}
	b.WriteString(": " + string(e.Class))
	if e.Status != 0 {
		fmt.Fprintf(&b, " (%d)", e.Status)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of an error of this package; the empty class for
// others, and Canceled for a context's end.
func ClassOf(err error) Class {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Class
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Canceled
	}
	return ""
}

// IsClass reports whether an error is of the class.
func IsClass(err error, c Class) bool { return ClassOf(err) == c }

// answers is the table of error classes for answers; the first row that fits
// counts. Fixtures are in testdata/errors.json.
var answers = []struct {
	method string // empty: any
	status int    // 0: any of 400 and above
	words  string // lower case, in the body; empty: any
	class  Class
}{
	{status: 401, class: Unauthorized},
	{status: 419, class: Unauthorized},
	{status: 403, words: "disallowed during upgrade", class: UpgradeInProgress},
	{status: 503, words: "upgrade", class: UpgradeInProgress},
	{status: 403, words: "csrf", class: Unauthorized},
	{status: 403, words: "' does not exist", class: NoTenant}, // "Tenant 'x' does not exist!"
	{method: http.MethodDelete, words: "referred by", class: InUse},
	{method: http.MethodDelete, words: "is in use", class: InUse},
	{status: 404, class: NotFound},
	{status: 408, class: Unavailable},
	{status: 409, class: Exists},
	{status: 412, class: Precondition},
	{status: 429, class: RateLimited},
	{status: 500, words: "bad pb", class: Invalid},
	{status: 500, words: "import error", class: Invalid}, // a certificate (l4-infra.md §5.4)
	{status: 500, class: Internal},
	{status: 501, class: Invalid},
	{status: 502, class: Unavailable},
	{status: 503, class: Unavailable},
	{status: 504, class: Unavailable},
}

// classify returns the class of an answer that isn't a success.
func classify(method string, status int, message string) Class {
	low := strings.ToLower(message)
	for _, a := range answers {
		if a.method != "" && a.method != method || a.status != 0 && a.status != status ||
			!strings.Contains(low, a.words) {
			continue
		}
		return a.class
	}
	if status >= 500 {
		return Unavailable
	}
	return Invalid
}

// classifyTransport returns the class of a request without an answer. The
// caller's context is told apart from the time limit of a request.
func classifyTransport(ctx context.Context, err error) Class {
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return Canceled
	case errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid), errors.As(err, &verify):
		return Untrusted
	}
	return Unavailable
}

// maxMessage bounds Avi's words in an error.
const maxMessage = 1000

// privateKey finds a private key in PEM, also one that was cut off.
var privateKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)`)

// messageOf takes Avi's words out of the body of a failed request: {"error":
// …}, {"detail": …}, or plain text.
func messageOf(status int, body []byte) string {
	var v map[string]any
	message := ""
	if err := json.Unmarshal(body, &v); err == nil {
		for _, key := range []string{"error", "detail", "message", "reason"} {
			switch e := v[key].(type) {
			case string:
				message = e
			case []any, map[string]any:
				text, _ := json.Marshal(e)
				message = string(text)
			}
			if message != "" {
				break
			}
		}
	} else if !strings.Contains(strings.ToLower(string(body[:min(len(body), 200)])), "<html") {
		message = strings.TrimSpace(string(body))
	}
	if message == "" {
		message = http.StatusText(status)
	}
	// A controller may repeat what it was sent; a key must get no further.
	message = privateKey.ReplaceAllString(message, "<redacted>")
	if len(message) > maxMessage {
		message = message[:maxMessage] + "…"
	}
	return strings.ToValidUTF8(message, "?")
}

// asAvi is errors.As for *Error.
func asAvi(err error, e **Error) bool { return errors.As(err, e) }
