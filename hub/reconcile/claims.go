package reconcile

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
)

// claims say which cluster has which host of a controller's DNS domains, where
// several ask for it: the one whose Kubernetes object is the oldest and, of the
// same age, the one whose name sorts first. Both are the same after a restart.
//
// A host that is named goes before one that was generated. Of clusters for which
// the same was generated, the one that has it keeps it, and where several have it
// already, as after several AKOs, all do; else age decides as well.
//
// A host goes from one cluster to another only once it is off the VIPs of the
// first: what a cluster's VIPs carry on the controller it holds, whatever it
// claims, also where nobody is there to speak for it (before its agent has come,
// while it is only observed, after its registration has gone). What is held
// keeps new objects of others away; it takes nothing from others that is there.
//
// It is safe for concurrent use.
type claims struct {
	mu sync.Mutex
	// byHost holds the claims to a host.
	byHost map[domainHost]map[claimant]claim
	// byUnit lists the hosts that a claimant has claims to.
	byUnit map[claimant][]domainHost
	// vips are those by which a cluster holds hosts on a controller.
	vips map[holder]map[plan.Key]struct{}
	// members are the registered clusters.
	members map[string]*claimMember
}

// domainHost is a host name of a controller's DNS.
type domainHost struct{ controller, host string }

// holder is a cluster with what it has on a controller.
type holder struct{ cluster, at string }

// claimant is a unit of a cluster or, without unit, a VIP on a controller.
type claimant struct {
	cluster string
	unit    translate.UnitKey
	at      string
	vip     plan.Key
}

// claim is a claimant's to a host.
type claim struct {
	// created is the age of the oldest object behind it, in seconds; by names
	// that object, for people.
	created int64
	by      string
	// generated says that nobody named the host.
	generated bool
	// given says of a generated one that the claimant has the host, or is just
	// getting it.
	given bool
}

// claimMember is a registered cluster.
type claimMember struct {
	controller string
	// known says that its controller was asked what its VIPs carry.
	known bool
	// news are its units whose standing may have changed by what another cluster
	// did.
	news map[translate.UnitKey]struct{}
	wake func()
}

func newClaims() *claims {
	return &claims{byHost: map[domainHost]map[claimant]claim{}, byUnit: map[claimant][]domainHost{}, vips: map[holder]map[plan.Key]struct{}{}, members: map[string]*claimMember{}}
}

// join lets a cluster take part; wake is called when others change its standing.
func (c *claims) join(cluster, controller string, wake func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[cluster] = &claimMember{controller: controller, news: map[translate.UnitKey]struct{}{}, wake: wake}
}

// leave takes the claims of a cluster away. What it holds stays, as its objects
// do.
func (c *claims) leave(cluster string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.members[cluster]
	delete(c.members, cluster)
	for who := range c.byUnit {
		if who.cluster == cluster && !who.held() {
			c.put(who, nil)
		}
	}
	if old != nil && !old.known {
		c.wakeAll(old.controller)
	}
}

// know notes that a cluster's controller was asked what its VIPs carry. Whatever
// the answer was, others wait for it no longer.
func (c *claims) know(cluster string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.members[cluster]
	if m == nil || m.known {
		return
	}
	m.known = true
	c.wakeAll(m.controller)
}

func (c *claims) wakeAll(controller string) {
	for _, m := range c.members {
		if m.controller == controller {
			m.wake()
		}
	}
}

// unknown returns a cluster on the same controller of which nothing is known
// yet; empty: there is none.
func (c *claims) unknown(cluster string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	me := c.members[cluster]
	first := ""
	for name, m := range c.members {
		if me != nil && name != cluster && m.controller == me.controller && !m.known && (first == "" || name < first) {
			first = name
		}
	}
	return first
}

// set replaces the claims of a unit; no hosts: it has none. What a claim was
// given it keeps.
func (c *claims) set(cluster string, u translate.UnitKey, hosts map[domainHost]claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(claimant{cluster: cluster, unit: u}, hosts)
}

// hold replaces what a cluster holds by one VIP.
func (c *claims) hold(cluster, controller string, vip plan.Key, hosts []domainHost) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(claimant{cluster: cluster, at: controller, vip: vip}, heldHosts(hosts))
}

func heldHosts(hosts []domainHost) map[domainHost]claim {
	out := make(map[domainHost]claim, len(hosts))
	for _, h := range hosts {
		out[h] = claim{}
	}
	return out
}

// holdOnly replaces all that a cluster holds on a controller.
func (c *claims) holdOnly(cluster, controller string, vips map[plan.Key][]domainHost) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, hosts := range vips {
		c.put(claimant{cluster: cluster, at: controller, vip: k}, heldHosts(hosts))
	}
	for k := range c.vips[holder{cluster, controller}] {
		if _, there := vips[k]; !there {
			c.put(claimant{cluster: cluster, at: controller, vip: k}, nil)
		}
	}
}

func (c *claims) put(who claimant, hosts map[domainHost]claim) {
	for _, h := range c.byUnit[who] {
		if _, still := hosts[h]; still {
			continue
		}
		delete(c.byHost[h], who)
		if len(c.byHost[h]) == 0 {
			delete(c.byHost, h)
		}
		c.tell(h, who.cluster)
	}
	if who.held() {
		c.noteVIP(who, len(hosts) > 0)
	}
	if len(hosts) == 0 {
		delete(c.byUnit, who)
		return
	}
	c.byUnit[who] = slices.AppendSeq(make([]domainHost, 0, len(hosts)), maps.Keys(hosts))
	for h, as := range hosts {
		if c.byHost[h] == nil {
			c.byHost[h] = map[claimant]claim{}
		}
		old, ok := c.byHost[h][who]
		if as.given = old.given && as.generated; ok && old == as {
			continue
		}
		c.byHost[h][who] = as
		c.tell(h, who.cluster)
	}
}

func (c *claims) noteVIP(who claimant, there bool) {
	of := holder{who.cluster, who.at}
	if there && c.vips[of] == nil {
		c.vips[of] = map[plan.Key]struct{}{}
	}
	mark(c.vips[of], who.vip, there)
	if len(c.vips[of]) == 0 {
		delete(c.vips, of)
	}
}

// tell has the other clusters look again that claim a host.
func (c *claims) tell(h domainHost, but string) {
	for who := range c.byHost[h] {
		m := c.members[who.cluster]
		if who.cluster == but || who.held() || m == nil {
			continue
		}
		m.news[who.unit] = struct{}{}
		m.wake()
	}
}

// take returns the units of a cluster that others gave another standing since
// the last call.
func (c *claims) take(cluster string) map[translate.UnitKey]struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.members[cluster]
	if m == nil || len(m.news) == 0 {
		return nil
	}
	out := m.news
	m.news = map[translate.UnitKey]struct{}{}
	return out
}

// canonical is a host name as DNS compares it.
func canonical(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// domainOf is the longest of the domains that a host is in; empty: none.
func domainOf(host string, domains []string) string {
	best := ""
	for _, d := range domains {
		d = strings.ToLower(strings.Trim(d, "."))
		if len(d) > len(best) && (host == d || strings.HasSuffix(host, "."+d)) {
			best = d
		}
	}
	return best
}
