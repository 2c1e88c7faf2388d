package reconcile

import (
	"github.com/akohub/akohub/hub/plan"
)

// holdNames notes the hosts that a VIP carries on the controller; nil: it is
// gone.
func (w *worker) holdNames(k plan.Key, o *plan.Observed) {
	if k.Type != typeVsVip || w.model == nil {
		return
	}
	var hosts []domainHost
	if o != nil {
		hosts = w.hostsOn(o, w.model.settings.Domains)
	}
	w.claims.hold(w.cluster, w.at, k, hosts)
}

// holdOnly notes the hosts that the cluster's VIPs carry, and that it has no
// others, where the controller was asked for all.
func (w *worker) holdOnly(observed map[plan.Key]*plan.Observed, domains []string) {
	vips := map[plan.Key][]domainHost{}
	for k, o := range observed {
		if k.Type == typeVsVip {
			vips[k] = w.hostsOn(o, domains)
		}
	}
	w.claims.holdOnly(w.cluster, w.at, vips)
}

// hostsOn returns the hosts in the DNS domains of a cluster's cloud that a VIP
// carries.
func (w *worker) hostsOn(o *plan.Observed, domains []string) []domainHost {
	var out []domainHost
	for _, name := range plan.Names(o.Body) {
		if name = canonical(name); domainOf(name, domains) != "" {
			out = append(out, domainHost{w.at, name})
		}
	}
	return out
}

// carries says whether a VIP on the controller carries a host.
func (w *worker) carries(vip plan.Key, host string) bool {
	o := w.observed[vip]
	if o == nil {
		return false
	}
	for _, name := range plan.Names(o.Body) {
		if canonical(name) == host {
			return true
		}
	}
	return false
}
