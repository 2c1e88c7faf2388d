//go:build unix

package harness

import (
	"fmt"
	"os"
	"syscall"
)

// lockFile waits until this process alone holds the lock of a file, and returns
// what gives it back.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	// Closing gives the lock back.
	return func() { _ = f.Close() }, nil
}
