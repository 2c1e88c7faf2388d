package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/grpclog"
	"k8s.io/klog/v2"
)

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		level, format string
		ok            bool
	}{
		{"", "", true},
		{"debug", "json", true},
		{"WARN", "text", true},
		{"loud", "", false},
		{"off", "", false},
		{"", "xml", false},
	} {
		_, err := New(Options{Level: tt.level, Format: tt.format})
		if (err == nil) != tt.ok {
			t.Errorf("level %q format %q: %v", tt.level, tt.format, err)
		}
	}
}

func TestJSONLine(t *testing.T) {
	var out bytes.Buffer
	log, err := New(Options{Name: "agent", Format: FormatJSON, Output: &out})
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("hidden")
	log.Info("connected", "cluster", "east")
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, &out)
	}
	if got["@message"] != "connected" || got["cluster"] != "east" || got["@module"] != "agent" {
		t.Errorf("line %v", got)
	}
}

func TestBridges(t *testing.T) {
	var out bytes.Buffer
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: &out, DisableTime: true})
	BridgeKlog(log)
	t.Cleanup(klog.ClearLogger)
	BridgeGRPC(log)

	klog.InfoS("plain", "kind", "nodes")
	klog.ErrorS(errors.New("broken"), "no luck")
	klog.Background().WithName("reflector").WithValues("a", 1).V(2).Info("details")
	klog.Background().V(6).Info("every request")
	grpclog.Infof("state %d\n", 7)
	grpclog.Warning("slow")

	for _, want := range []string{
		"[INFO]  klog: plain: kind=nodes",
		"[ERROR] klog: no luck: error=broken",
		"[DEBUG] klog.reflector: details: a=1",
		"[DEBUG] grpc: state 7",
		"[WARN]  grpc: slow",
	} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("missing %q in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "every request") {
		t.Errorf("traces are shown at level debug:\n%s", &out)
	}
}
