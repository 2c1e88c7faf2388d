package avi

import (
	"strings"
	"testing"
)

func TestErrorsHoldNoKeys(t *testing.T) {
	const pem = "-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEE\\n-----END EC PRIVATE KEY-----"
	for name, body := range map[string]string{
		"whole":     `{"error": "cannot import ` + pem + ` today"}`,
		"cut off":   `{"error": "cannot import -----BEGIN PRIVATE KEY-----\nMHcCAQEE"}`,
		"in a list": `{"error": ["` + pem + `"]}`,
		"no JSON":   "cannot import " + pem,
	} {
		if got := messageOf(400, []byte(body)); strings.Contains(got, "MHcC") || !strings.Contains(got, "<redacted>") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
