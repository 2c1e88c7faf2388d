package reconcile

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/translate"
)

// claims say which cluster has which host, where several clusters have the same
// DNS domain on the same controller: the one whose Kubernetes object is the
// oldest and, of the same age, the one whose name sorts first.
//
// A cluster whose objects were not all seen yet, such as after a start of the
// hub, holds the hosts that its VIPs carry on the controller, so that no other
// cluster takes them over in the meantime. Such a claim keeps new objects of
// others away; it takes nothing from others that is there.
//
// It is safe for concurrent use.
type claims struct {
	mu sync.Mutex
	// byHost holds the claims to a host.
	byHost map[domainHost]map[claimant]claim
	// byUnit lists the hosts that a unit claims.
	byUnit map[claimant][]domainHost
	// news are the units of a cluster whose standing may have changed by what
	// another cluster did, and how to wake its worker.
	news map[string]*claimNews
}

// domainHost is a host name in a DNS domain of a controller.
type domainHost struct{ controller, domain, host string }

type claimant struct {
	cluster string
	unit    translate.UnitKey
}

// claim is a unit's to a host.
type claim struct {
	// created is the age of the oldest object behind it, in seconds.
	created int64
	// by names the Kubernetes objects, for people.
	by string
	// held says that it rests on what the controller holds, not on an object.
	held bool
}

type claimNews struct {
	units map[translate.UnitKey]struct{}
	wake  func()
}

func newClaims() *claims {
	return &claims{byHost: map[domainHost]map[claimant]claim{}, byUnit: map[claimant][]domainHost{}, news: map[string]*claimNews{}}
}

// join lets a cluster take part; wake is called when others change its standing.
func (c *claims) join(cluster string, wake func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.news[cluster] = &claimNews{units: map[translate.UnitKey]struct{}{}, wake: wake}
}

// leave takes all claims of a cluster away.
func (c *claims) leave(cluster string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.news, cluster)
	for who := range c.byUnit {
		if who.cluster == cluster {
			c.put(who, nil, claim{})
		}
	}
}

// set replaces the claims of a unit; no hosts: it has none.
func (c *claims) set(who claimant, hosts []domainHost, as claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(who, hosts, as)
}

func (c *claims) put(who claimant, hosts []domainHost, as claim) {
	for _, h := range c.byUnit[who] {
		if slices.Contains(hosts, h) {
			continue
		}
		delete(c.byHost[h], who)
		if len(c.byHost[h]) == 0 {
			delete(c.byHost, h)
		}
		c.tell(h, who.cluster)
	}
	if len(hosts) == 0 {
		delete(c.byUnit, who)
		return
	}
	c.byUnit[who] = hosts
	for _, h := range hosts {
		if c.byHost[h] == nil {
			c.byHost[h] = map[claimant]claim{}
		}
		if old, ok := c.byHost[h][who]; ok && old == as {
			continue
		}
		c.byHost[h][who] = as
		c.tell(h, who.cluster)
	}
}

// tell has the other clusters look again that claim a host.
func (c *claims) tell(h domainHost, but string) {
	for who := range c.byHost[h] {
		n := c.news[who.cluster]
		if who.cluster == but || n == nil {
			continue
		}
		n.units[who.unit] = struct{}{}
		n.wake()
	}
}

// take returns the units of a cluster that others gave another standing since
// the last call.
func (c *claims) take(cluster string) map[translate.UnitKey]struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.news[cluster]
	if n == nil || len(n.units) == 0 {
		return nil
	}
	out := n.units
	n.units = map[translate.UnitKey]struct{}{}
	return out
}

// ahead returns a claim of another cluster that comes before one, if there is
// one; the first of several.
func (c *claims) ahead(h domainHost, who claimant, as claim) (claimant, claim, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	best, of := as, who
	for other, o := range c.byHost[h] {
		if other.cluster != who.cluster && compareClaims(other, o, of, best) < 0 {
			of, best = other, o
		}
	}
	return of, best, of != who
}

func compareClaims(a claimant, x claim, b claimant, y claim) int {
	return cmp.Or(cmp.Compare(x.created, y.created), cmp.Compare(a.cluster, b.cluster),
		cmp.Compare(a.unit.Kind, b.unit.Kind), cmp.Compare(a.unit.Namespace, b.unit.Namespace), cmp.Compare(a.unit.Name, b.unit.Name))
}

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

// unitHeld stands for what the controller holds of a cluster that was not seen
// as a whole yet.
const unitHeld translate.UnitKind = "held"

// holdHosts claims what the cluster's VIPs carry, until everything of the cluster was
// seen.
func (w *worker) holdHosts() {
	who := claimant{w.cluster, translate.UnitKey{Kind: unitHeld}}
	if w.complete || w.offboarded {
		w.claims.set(who, nil, claim{})
		return
	}
	w.claims.set(who, w.hostsHeld(w.observed, w.model.settings.Domains), claim{created: math.MinInt64, held: true})
}

// hostsHeld returns the hosts that VIPs on the controller carry, sorted.
func (w *worker) hostsHeld(observed map[plan.Key]*plan.Observed, domains []string) []domainHost {
	hosts := map[domainHost]struct{}{}
	for k, o := range observed {
		if k.Type != "vsvip" {
			continue
		}
		list, _ := o.Body["dns_info"].([]any)
		for _, e := range list {
			info, _ := e.(map[string]any)
			fqdn, _ := info["fqdn"].(string)
			if h, ok := w.hostIn(fqdn, domains); ok {
				hosts[h] = struct{}{}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(hosts), func(a, b domainHost) int {
		return cmp.Or(cmp.Compare(a.domain, b.domain), cmp.Compare(a.host, b.host))
	})
}

func (w *worker) domainHost(host string) (domainHost, bool) {
	return w.hostIn(host, w.model.settings.Domains)
}

func (w *worker) hostIn(host string, domains []string) (domainHost, bool) {
	host = strings.ToLower(host)
	d := domainOf(host, domains)
	return domainHost{w.ctl.Name(), d, host}, d != ""
}
