package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

var (
	portsMu sync.Mutex
	ports   = make(map[int]bool) // handed out in the life of this process
)

// freeAddrs finds n addresses of the loopback interface that nobody listens on
// now and that were not handed out before. They lie below the range that Linux
// takes ports of outgoing connections from (32768 up), so that none is lost to
// one while its server is down, apart from those of test/cluster.
func freeAddrs(n int) ([]string, error) {
	const low, high = 10000, 20000
	portsMu.Lock()
	defer portsMu.Unlock()
	var found []string
	for tries := 0; len(found) < n; tries++ {
		if tries == 1000 {
			return nil, fmt.Errorf("finding %d free ports between %d and %d: all are taken", n, low, high)
		}
		port := low + rand.IntN(high-low)
		if ports[port] {
			continue
		}
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return nil, fmt.Errorf("closing the probe of %s: %w", addr, err)
		}
		ports[port] = true
		found = append(found, addr)
	}
	return found, nil
}
