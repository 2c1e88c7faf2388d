// Package doctor looks a registration over before the hub writes for it.
//
// In come the registration, a controller to ask, and what is known of the
// agent; out comes a list of checks, each with a result and, where something is
// wrong, a remedy. It only reads: nothing is written anywhere. A check that
// cannot be made says so and why; it is no result.
package doctor

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/akohub/akohub/hub/avi"
	"github.com/akohub/akohub/hub/settings"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/avischema"
)

// Result is the outcome of a check.
type Result string

// The outcomes.
const (
	OK Result = "ok"
	// Warning: it works, but not as one may think.
	Warning Result = "warning"
	// Error: the hub can't write, or not everything.
	Error Result = "error"
	// Unknown: it could not be found out.
	Unknown Result = "unknown"
)

// Check is one thing that was looked at.
type Check struct {
	Name   string
	Result Result
	// Detail says what was found.
	Detail string
	// Remedy says what to do; empty where nothing need be done.
	Remedy string
}

// Controller is what is asked; *avi.Client is one.
type Controller interface {
	Name() string
	Username() string
	Facts(ctx context.Context, r avi.FactsRequest) (avi.Facts, error)
	List(ctx context.Context, tenant, typ string, query url.Values) ([]map[string]any, error)
	Ask(ctx context.Context, tenant, path string, query url.Values) (map[string]any, error)
	Health() avi.Health
}

// Agent is what is known of the cluster's agent.
type Agent struct {
	Connected bool
	// LastError is why it isn't, if that is known.
	LastError string
	Kinds     []Kind
	// Tenants are those that served namespaces ask for.
	Tenants []string
}

// Kind is how one kind stands with the hub.
type Kind struct {
	Name   string
	Synced bool
	// Message says why the kind isn't watched, such as a missing right.
	Message string
}

// Examine makes all checks of a cluster, in an order in which one rests on those
// before it.
func Examine(ctx context.Context, reg *v1alpha1.Cluster, ctl Controller, agent Agent) []Check {
	e := &examination{ctx: ctx, reg: reg, ctl: ctl}
	e.registration()
	if e.reachable() {
		if e.tenant() {
			e.rights(agent.Tenants)
			if e.cloud() {
				e.group()
				e.network()
				e.nodeNetworks()
				e.domains()
			}
		}
		e.rate()
		e.clock()
	}
	e.agent(agent)
	return e.checks
}

type examination struct {
	ctx    context.Context
	reg    *v1alpha1.Cluster
	ctl    Controller
	checks []Check

	facts avi.Facts
	// asked is the tenant to ask in: the cluster's, if it is there.
	asked string
	// provider says that the tenant uses the service engines of admin.
	provider bool
}

func (e *examination) add(name string, r Result, remedy, format string, args ...any) {
	e.checks = append(e.checks, Check{Name: name, Result: r, Detail: fmt.Sprintf(format, args...), Remedy: remedy})
}

// failed adds the check that an error stands for.
func (e *examination) failed(name string, err error, remedy string) {
	if avi.IsForbidden(err) {
		remedy = fmt.Sprintf("give the controller's user %q the right to read it", e.ctl.Username())
	}
	e.add(name, Error, remedy, "%v", err)
}

func (e *examination) registration() {
	if without := settings.WithoutEffect(e.reg); len(without) > 0 {
		e.add("registration", Warning, "take these fields out, or do without what they ask for", "asks for what this hub does not make: %s", strings.Join(without, ", "))
		return
	}
	mode := string(e.reg.Spec.Mode)
	switch e.reg.Spec.Mode {
	case v1alpha1.ModeObserve, v1alpha1.ModeFrozen:
		mode += " (nothing is written)"
	case v1alpha1.ModeOffboard:
		mode += " (all that the cluster has is removed)"
	}
	e.add("registration", OK, "", "mode %s", mode)
}

// known is the release that the hub's vocabulary is taken from.
const known = "30.2"

func (e *examination) reachable() bool {
	runtime, err := e.ctl.Ask(e.ctx, "admin", "cluster/runtime", nil)
	if avi.IsForbidden(err) {
		// A user of one tenant need have no role in admin.
		runtime, err = e.ctl.Ask(e.ctx, e.reg.Spec.Tenant.Name, "cluster/runtime", nil)
	}
	switch avi.ClassOf(err) {
	case "":
	case avi.Unauthorized:
		e.add("controller", OK, "", "%s answers", e.ctl.Name())
		e.add("login", Error, "put the password into the controller's passwordFile, and see that the account is not locked", "%v", err)
		return false
	case avi.Untrusted:
		e.add("controller", Error, "set the controller's caFile to the certificate authority of its certificate", "%v", err)
		return false
	case avi.UpgradeInProgress:
		e.add("controller", Error, "wait for the end of the upgrade; the hub goes on by itself", "%v", err)
		return false
	default:
		if avi.IsForbidden(err) || avi.IsClass(err, avi.NoTenant) {
			break
		}
		e.add("controller", Error, "check the controller's url in hub.yaml, and the way there (firewall, proxy, DNS)", "%v", err)
		return false
	}
	e.version(runtime)
	e.add("login", OK, "", "as %q", e.ctl.Username())
	return true
}

func (e *examination) version(runtime map[string]any) {
	node, _ := runtime["node_info"].(map[string]any)
	version, _ := node["version"].(string)
	state, _ := runtime["cluster_state"].(map[string]any)
	up, _ := state["state"].(string)
	switch {
	case version == "":
		e.add("controller", Unknown, "", "%s answers, but does not say its release", e.ctl.Name())
	case !avischema.VersionAtLeast(version, avi.LeastVersion):
		e.add("controller", Error, "upgrade the controller", "%s runs release %s; at least %s is needed", e.ctl.Name(), version, avi.LeastVersion)
	case !avischema.VersionAtLeast(version, known):
		e.add("controller", Warning, "look at the plan with care, or upgrade the controller", "%s runs release %s; the hub knows the objects of %s", e.ctl.Name(), version, known)
	case !strings.HasPrefix(up, "CLUSTER_UP"):
		e.add("controller", Error, "wait until the controller is up", "%s runs release %s, its state is %s", e.ctl.Name(), version, up)
	default:
		e.add("controller", OK, "", "%s runs release %s, %s", e.ctl.Name(), version, up)
	}
}

// tenant says whether there is a tenant to ask further in: the cluster's, or
// admin where that is not there yet.
func (e *examination) tenant() bool {
	t := e.reg.Spec.Tenant
	e.asked, e.provider = "admin", t.SEInProviderContext
	found, err := e.findTenant(t.Name)
	switch {
	case avi.IsForbidden(err):
		e.add("tenant", Error, fmt.Sprintf("give user %q a role in tenant %q that has PERMISSION_TENANT (read)", e.ctl.Username(), t.Name), "%v", err)
		return false
	case err != nil:
		e.failed("tenant", err, "")
		return false
	case found != nil:
		e.asked = t.Name
		config, _ := found["config_settings"].(map[string]any)
		provider, has := config["se_in_provider_context"].(bool)
		e.provider = provider || !has // the published default
		switch {
		case t.Name == "admin":
			e.add("tenant", OK, "", "%q, which every tenant sees into", t.Name)
		case e.provider != t.SEInProviderContext:
			e.add("tenant", Warning, "set spec.tenant.seInProviderContext to what the tenant has, or let an administrator change the tenant: the hub never does",
				"%q is there with se_in_provider_context %t, the registration says %t", t.Name, e.provider, t.SEInProviderContext)
		default:
			e.add("tenant", OK, "", "%q is there, se_in_provider_context %t", t.Name, e.provider)
		}
	case t.Create:
		e.add("tenant", OK, "", "%q is not there; the hub creates it in a mode that writes, with se_in_provider_context %t", t.Name, t.SEInProviderContext)
	default:
		e.add("tenant", Error, fmt.Sprintf("create the tenant or set spec.tenant.create: true; if it is there, give user %q a role in it", e.ctl.Username()),
			"there is no tenant %q, or none that the user sees", t.Name)
	}
	return true
}

// findTenant looks for a tenant as the hub does: in admin, or in itself where
// the user has no right to that; nil without an error: there is none.
func (e *examination) findTenant(name string) (map[string]any, error) {
	query := url.Values{"name": {name}}
	list, err := e.ctl.List(e.ctx, "admin", "tenant", query)
	if avi.IsForbidden(err) && name != "admin" {
		list, err = e.ctl.List(e.ctx, name, "tenant", query)
		if avi.IsClass(err, avi.NoTenant) {
			return nil, nil
		}
	}
	if err != nil {
		return nil, err
	}
	for _, found := range list {
		if found["name"] == name {
			return found, nil
		}
	}
	return nil, nil
}

func (e *examination) rate() {
	h := e.ctl.Health()
	if h.Rate < h.Most {
		e.add("rate limit", Warning, "raise the controller's limit of API requests for the hub's address, or wait: the hub goes slower by itself",
			"the controller refused requests for being too many; %.0f of %.0f a second are sent now", h.Rate, h.Most)
		return
	}
	e.add("rate limit", OK, "", "no request was refused for it so far; at most %.0f a second are sent, and fewer where the controller wants that", h.Most)
}

// Clocks that are inStep are as good as the measurement; up to maxSkew apart,
// neither certificates nor logs confuse.
const (
	inStep  = 3 * time.Second
	maxSkew = 30 * time.Second
)

func (e *examination) clock() {
	h := e.ctl.Health()
	apart := h.Skew.Abs().Round(time.Second)
	switch {
	case !h.Known:
		e.add("clock", Unknown, "", "the controller's answers carry no date")
	case apart <= inStep:
		e.add("clock", OK, "", "the controller's and the hub's are in step")
	case apart > maxSkew:
		e.add("clock", Warning, "let both follow a time server", "the controller's clock and the hub's are %v apart", apart)
	default:
		e.add("clock", OK, "", "%v apart", apart)
	}
}

func (e *examination) agent(a Agent) {
	if !a.Connected {
		detail := "it is not connected"
		if a.LastError != "" {
			detail += ": " + a.LastError
		}
		e.add("agent", Error, "install the agent's chart in the cluster with its certificate and the hub's address, and look at its log", "%s", detail)
		return
	}
	synced := 0
	var waits, refused []string
	for _, k := range a.Kinds {
		switch {
		case k.Synced:
			synced++
		case k.Message != "":
			refused = append(refused, k.Name+" ("+k.Message+")")
		default:
			waits = append(waits, k.Name)
		}
	}
	switch {
	case len(refused) > 0:
		e.add("agent", Error, "give the agent's ServiceAccount the right to list and watch these kinds (the chart's ClusterRole has it)",
			"%d of %d kinds are complete; not read: %s", synced, len(a.Kinds), strings.Join(refused, ", "))
	case len(waits) > 0:
		e.add("agent", Warning, "wait for the end of the first snapshot", "%d of %d kinds are complete; on their way: %s", synced, len(a.Kinds), strings.Join(waits, ", "))
	default:
		e.add("agent", OK, "", "connected, %d kinds complete", synced)
	}
}
