package plan

import "fmt"

// brake holds a plan that deletes too much without tombstones (promise 3).
func (c *computation) brake() {
	b := c.in.Brake
	if b == (Brake{}) {
		b = DefaultBrake
	}
	if b.MaxShare >= 1 {
		return
	}
	services, hosts := c.deletedServices(), c.lostHosts()
	switch {
	case b.holds(services, b.MinCount, c.count(typeVirtualService)):
		c.plan.Held = fmt.Sprintf("it would delete %d of %d virtual services without their Kubernetes objects "+
			"having been seen to go; the limit is %d and %.0f%%", services, c.count(typeVirtualService), b.MinCount, b.MaxShare*100)
	case len(hosts) > 0 && b.holds(len(hosts), hostsPerService*b.MinCount, c.countHosts()):
		c.plan.Held = fmt.Sprintf("it would take away %d of %d hosts without their Kubernetes objects "+
			"having been seen to go; the limit is %d and %.0f%%", len(hosts), c.countHosts(), hostsPerService*b.MinCount, b.MaxShare*100)
	}
}

// hostsPerService is how many hosts weigh as much as a virtual service.
const hostsPerService = 2

func (b Brake) holds(deleted, least, total int) bool {
	return deleted > 0 && deleted >= least && float64(deleted) > b.MaxShare*float64(total)
}

func (c *computation) deletedServices() int {
	n := 0
	for k, s := range c.steps {
		if s.Op == Delete && k.Type == typeVirtualService && !c.tombstoned(k) {
			n++
		}
	}
	return n
}

func (c *computation) count(typ string) int {
	n := 0
	for k := range c.in.Observed {
		if k.Type == typ {
			n++
		}
	}
	return n
}

// Hosts that share a virtual service can all go with none deleted: what is gone
// then are their pools, which say whose they are.

// lostHosts are the hosts of which the plan leaves no pool.
func (c *computation) lostHosts() map[string]bool {
	lost := map[string]bool{}
	for k, s := range c.steps {
		if s.Op == Delete && k.Type == typePool && !c.tombstoned(k) {
			for _, host := range hostsOf(s.Have.Body) {
				lost[host] = true
			}
		}
	}
	if len(lost) == 0 {
		return nil
	}
	for k, h := range c.in.Observed {
		if s := c.steps[k]; k.Type == typePool && (s == nil || s.Op != Delete) {
			for _, host := range hostsOf(h.Body) {
				delete(lost, host)
			}
		}
	}
	for k, s := range c.steps {
		if s.Op == Create && k.Type == typePool {
			for _, host := range hostsOf(s.Want.Body) {
				delete(lost, host)
			}
		}
	}
	return lost
}

func (c *computation) countHosts() int {
	hosts := map[string]bool{}
	for k, h := range c.in.Observed {
		if k.Type == typePool {
			for _, host := range hostsOf(h.Body) {
				hosts[host] = true
			}
		}
	}
	return len(hosts)
}

const typePool = "pool"

// hostsOf are the hosts that a pool is for; none: it is a Service's.
func hostsOf(body map[string]any) []string { return marker(body, "Host") }
