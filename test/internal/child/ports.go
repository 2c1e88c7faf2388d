package child

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// ports are those handed out in the life of this process, by address.
var ports struct {
	sync.Mutex
	given map[string]bool
}

// FreeAddrs finds n addresses of the loopback interface as FreePorts finds ports.
func FreeAddrs(n int) ([]string, error) {
	const loopback = "127.0.0.1"
	found, err := FreePorts(loopback, n)
	addrs := make([]string, len(found))
	for i, port := range found {
		addrs[i] = net.JoinHostPort(loopback, strconv.Itoa(port))
	}
	return addrs, err
}

// FreePorts finds n ports of addr that nobody listens on now and that were not
// handed out before. They lie below the range that Linux takes ports of outgoing
// connections from (32768 up), so that none is lost to one while its server is
// down. Another process may still be faster to bind one.
func FreePorts(addr string, n int) ([]int, error) {
	const low, high = 10000, 32000
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil {
		ports.given = make(map[string]bool)
	}
	var found []int
	for tries := 0; len(found) < n; tries++ {
		if tries == 1000 {
			return nil, fmt.Errorf("finding %d free ports of %s between %d and %d: all are taken", n, addr, low, high)
		}
		port := low + rand.IntN(high-low)
		place := net.JoinHostPort(addr, strconv.Itoa(port))
		if ports.given[place] {
			continue
		}
		l, err := net.Listen("tcp", place)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return nil, fmt.Errorf("closing the probe of %s: %w", place, err)
		}
		ports.given[place] = true
		found = append(found, port)
	}
	return found, nil
}
