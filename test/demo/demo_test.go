package main

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/akohub/akohub/hub/feedback"
	"github.com/akohub/akohub/pkg/avisim"
)

func TestMode(t *testing.T) {
	for value, want := range map[string]string{"": "false", "once": "true", "twice": "error"} {
		once, err := mode(value)
		got := map[bool]string{true: "true", false: "false"}[once]
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("mode(%q): %s, %v; want %s", value, got, err, want)
		}
	}
}

func TestExactly(t *testing.T) {
	good := avisim.Request{Method: http.MethodPut, Type: "pool", Tenant: "team-a", Status: http.StatusOK}
	if err := exactly([]avisim.Request{good}, http.MethodPut, "pool", "team-a"); err != nil {
		t.Error(err)
	}
	refused, foreign := good, good
	refused.Status, foreign.Tenant = http.StatusBadRequest, "team-b"
	for name, writes := range map[string][]avisim.Request{
		"none": nil, "two": {good, good}, "refused": {refused}, "another tenant's": {foreign},
	} {
		if exactly(writes, http.MethodPut, "pool", "team-a") == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if exactlyNone(nil) != nil || exactlyNone([]avisim.Request{good}) == nil {
		t.Error("exactlyNone doesn't count")
	}
}

func TestVirtualService(t *testing.T) {
	note := func(json string) map[string]string { return map[string]string{feedback.AnnotationHosts: json} }
	for _, tc := range []struct {
		annotations map[string]string
		host, want  string
	}{
		{note(`{"a.test":"vs-1","b.test":"vs-2"}`), "b.test", "vs-2"},
		{note(`{"a.test":"vs-1","b.test":"vs-2"}`), "c.test", ""},
		{note(`{"ns/svc":"vs-3"}`), "", "vs-3"},
		{note(`nonsense`), "a.test", ""},
		{nil, "a.test", ""},
	} {
		if got := virtualService(tc.annotations, tc.host); got != tc.want {
			t.Errorf("virtualService(%v, %q) = %q, want %q", tc.annotations, tc.host, got, tc.want)
		}
	}
}

func TestSecretHoldsAPair(t *testing.T) {
	s, err := tlsSecret("ns", "name", "a.test")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(s.Data[corev1.TLSCertKey], s.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		t.Fatal(err)
	}
	if err := pair.Leaf.VerifyHostname("a.test"); err != nil {
		t.Error(err)
	}
}

func TestTableAlignsWithoutTrailingSpace(t *testing.T) {
	var out strings.Builder
	newPrinter(&out).table("  ", [][]string{{"A", "B", "C"}, {"long", "x", ""}})
	if want := "  A     B  C\n  long  x\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
