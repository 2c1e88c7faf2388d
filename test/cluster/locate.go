package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Binary is the path of the control plane's executable: $CLUSTERBIN if set, else
// what test/clusterbin/build.sh keeps, built now if it is missing (5 to 11
// minutes, with progress on standard error).
func Binary(ctx context.Context) (string, error) {
	if path := os.Getenv("CLUSTERBIN"); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("the executable named by CLUSTERBIN: %w", err)
		}
		return path, nil
	}
	return script(ctx, "building the control plane", "test/clusterbin/build.sh")
}

// Tool is the path of a developer tool that tools/install.sh knows, for instance
// "helm" or "kubectl", installed now if it is missing.
func Tool(ctx context.Context, name string) (string, error) {
	return script(ctx, "installing "+name, "tools/install.sh", "--print", name)
}

// script runs a script of this repository whose standard output is a path.
func script(ctx context.Context, doing, path string, args ...string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, path), args...)
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s with %s: %w", doing, path, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Root is the top folder of this repository, found upwards from the working
// directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for from := dir; ; {
		_, err := os.Stat(filepath.Join(dir, "test", "clusterbin", "build.sh"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("finding the repository: %w", err)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("%s is not inside the repository; set CLUSTERBIN", from)
		}
		dir = parent
	}
}
