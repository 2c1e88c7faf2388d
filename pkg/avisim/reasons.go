package avisim

import "fmt"

// reasons say why an object is not up, in words of our own.
func (st *store) reasons(o *object) []string {
	if st.state(o) != StateDown {
		return []string{}
	}
	switch o.t.name {
	case "Pool":
		servers := messages(o.body["servers"])
		if len(servers) == 0 {
			return []string{"the pool has no servers"}
		}
		up := 0
		for _, s := range servers {
			if st.serverState(o, s) == StateUp {
				up++
			}
		}
		return []string{fmt.Sprintf("%d of %d servers are up", up, len(servers))}
	case "VirtualService":
		return []string{"no pool is up"}
	}
	return []string{}
}

// score is an object's health: all or nothing, since there are no statistics.
func (st *store) score(o *object) int {
	if st.state(o) == StateUp {
		return 100
	}
	return 0
}
