package avisim

import (
	"encoding/json"
	"net/netip"
	"strconv"
)

var vsVipRules = rules{
	admit:   admitVsVip,
	removed: func(st *store, o *object) { st.allocate(o, nil) },
}

// The words that clients look for in a refusal (l4-infra.md §1.5).
const (
	vipIDChanged       = "Changing an existing VIP's vip_id is not supported"
	preferredIPChanged = "If a new preferred IP is needed, please recreate the VIP"
	noFreeIPs          = "No available free IPs"
)

// admitVsVip gives every VIP its addresses, or keeps those that it has.
func admitVsVip(st *store, w *write) error {
	if err := checkCloud(st, w); err != nil {
		return err
	}
	if err := checkDomains(st, w); err != nil {
		return err
	}
	if err := checkNames(st, w); err != nil {
		return err
	}
	vips := messages(w.body["vip"])
	if err := checkVIPIDs(vips, messages(w.old["vip"])); err != nil {
		return err
	}
	var as []allocation
	for i, vip := range vips {
		a := &allocator{st: st, w: w, vip: vip, as: as}
		if err := a.run(); err != nil {
			return badRequest("VsVip.vip[" + strconv.Itoa(i) + "]: " + err.Error())
		}
		as = a.as
	}
	st.allocate(w.o, as)
	return nil
}

// allocate makes the given addresses all that the object has.
func (st *store) allocate(o *object, as []allocation) {
	was := st.ipam.owned[o]
	st.undoable(func() { st.ipam.set(o, was) })
	st.ipam.set(o, as)
}

func checkVIPIDs(vips, old []message) error {
	ids := map[any]bool{}
	for _, v := range vips {
		if ids[v["vip_id"]] {
			return badRequest("VsVip.vip: vip_id is used twice")
		}
		ids[v["vip_id"]] = true
	}
	gone := 0
	for _, v := range old {
		if ids[v["vip_id"]] {
			delete(ids, v["vip_id"])
		} else {
			gone++
		}
	}
	if gone > 0 && len(ids) > 0 {
		return badRequest(vipIDChanged)
	}
	return nil
}

// allocator finds the addresses of one VIP.
type allocator struct {
	st      *store
	w       *write
	vip     message
	as      []allocation // of this object's VIPs so far
	network *object
	vrf     *object
}

func (a *allocator) run() error {
	auto, _ := a.vip["auto_allocate_ip"].(bool)
	var err error
	if a.network, err = a.findNetwork(auto); err != nil {
		return err
	}
	a.vrf = a.st.vrfOf(a.w.o.t, a.w.o.tenant, a.w.o.cloud, a.w.body)
	if path, ok := a.w.body["tier1_lr"].(string); ok && a.vrf == nil && !a.w.trusted {
		return badRequest("tier1_lr: no VRF of cloud " + quote(a.w.o.cloud.name) + " has the tier-1 router " + quote(path))
	}
	if err := a.checkPlacement(auto); err != nil {
		return err
	}
	if a.network != nil && kindOf(a.w.o.cloud).bySubnet {
		a.vrf = a.st.networkOf(a.network).vrf
	}
	_, v4 := a.vip["ip_address"]
	_, v6 := a.vip["ip6_address"]
	if auto {
		switch a.vip["auto_allocate_ip_type"] {
		case "V6_ONLY":
			v4, v6 = false, true
		case "V4_V6":
			v4, v6 = true, true
		default:
			// A preferred V6 address alone asks for V6.
			v4 = v4 || !v6
			v6 = v6 && !v4
		}
		a.forget(v4, v6)
	} else if !v4 && !v6 {
		return badRequest("an address is needed when auto_allocate_ip is off")
	}
	if v4 {
		if err := a.family(false, auto); err != nil {
			return err
		}
	}
	if v6 {
		if err := a.family(true, auto); err != nil {
			return err
		}
	}
	return a.floating()
}

// forget drops the echo of an address that the VIP had in a family that it is
// no longer to have.
func (a *allocator) forget(v4, v6 bool) {
	vipID, _ := a.vip["vip_id"].(string)
	if !v4 && a.st.ipam.find(a.w.o, vipID, false) != nil {
		delete(a.vip, "ip_address")
	}
	if !v6 && a.st.ipam.find(a.w.o, vipID, true) != nil {
		delete(a.vip, "ip6_address")
	}
}

// family gives the VIP its address of one family.
func (a *allocator) family(v6, auto bool) error {
	field, subnetField := "ip_address", "subnet"
	if v6 {
		field, subnetField = "ip6_address", "subnet6"
	}
	vipID, _ := a.vip["vip_id"].(string)
	has := a.st.ipam.find(a.w.o, vipID, v6)
	given, wanted := a.vip[field]
	var addr netip.Addr
	if wanted {
		var err error
		if addr, err = parseAddress(given); err != nil {
			return err
		}
		if addr.Is6() != v6 {
			return badRequest(field + ": " + addr.String() + " is of the other family")
		}
		if has != nil && has.key.addr != addr {
			return badRequest(preferredIPChanged)
		}
	}
	if has != nil && has.network == a.network {
		a.take(*has, field)
		return nil
	}
	if has != nil && !has.preferred {
		wanted = false // an echo of what the other network gave
	}
	if !auto {
		if !a.free(addr) {
			return badRequest("IP address " + addr.String() + " is already in use")
		}
		a.take(allocation{key: a.key(addr), vipID: vipID, network: a.network, preferred: true}, field)
		return nil
	}
	if a.network == nil {
		return badRequest("Network object not found: the cloud has no IPAM network to allocate from")
	}
	network := a.st.networkOf(a.network)
	only, err := a.subnet(network, subnetField)
	if err != nil {
		return err
	}
	if wanted {
		prefix, ok := network.prefixOf(addr)
		if !ok || only.IsValid() && prefix != only {
			return badRequest("preferred IP " + addr.String() + " is not in a configured subnet of network " + a.network.name)
		}
		if a.st.assume.RangeOnly && !network.inRange(addr) {
			return badRequest("preferred IP " + addr.String() + " is in no range of network " + a.network.name)
		}
		if !a.free(addr) {
			return badRequest("preferred IP " + addr.String() + " is already in use")
		}
	} else {
		var ok bool
		if addr, ok = network.pick(v6, only, identity(a.w.o), a.free); !ok {
			return badRequest(noFreeIPs + " in network " + a.network.name)
		}
	}
	a.take(allocation{key: a.key(addr), vipID: vipID, network: a.network, preferred: wanted}, field)
	return nil
}

func (a *allocator) key(addr netip.Addr) addressKey {
	return addressKey{cloud: a.w.o.cloud, vrf: a.vrf, addr: addr}
}

func (a *allocator) free(addr netip.Addr) bool { return a.isFree(a.key(addr)) }

func (a *allocator) isFree(key addressKey) bool {
	if a.st.ipam.taken[key] != nil {
		return false
	}
	for _, other := range a.as {
		if other.key == key {
			return false
		}
	}
	return true
}

func (a *allocator) take(al allocation, field string) {
	a.as = append(a.as, al)
	a.vip[field] = ipAddr(al.key.addr)
}

// subnet is the subnet that the client asked for, if it did.
func (a *allocator) subnet(n *network, field string) (netip.Prefix, error) {
	placement, _ := a.vip["ipam_network_subnet"].(message)
	v, ok := placement[field]
	if !ok {
		return netip.Prefix{}, nil
	}
	prefix, err := parsePrefix(v)
	if err != nil {
		return netip.Prefix{}, err
	}
	if !n.hasPrefix(prefix) {
		return netip.Prefix{}, badRequest("ipam_network_subnet: " + prefix.String() + " is not a subnet of network " + a.network.name)
	}
	return prefix, nil
}

// findNetwork finds where the VIP's address comes from: the network named, or
// the subnet named (public clouds), or the cloud's first usable one.
func (a *allocator) findNetwork(auto bool) (*object, error) {
	placement, _ := a.vip["ipam_network_subnet"].(message)
	if n, ok := placement["network_ref"].(*object); ok {
		return n, nil
	}
	if n, ok := a.vip["network_ref"].(*object); ok {
		return n, nil
	}
	for _, v := range []any{a.vip["subnet_uuid"], a.vip["subnet6_uuid"], placement["subnet_uuid"], placement["subnet6_uuid"]} {
		id, ok := v.(string)
		if !ok {
			continue
		}
		t := a.st.vocab.byName["Network"]
		if n, err := a.st.lookup(t, id, a.w.o.tenant, a.w.o.cloud); err == nil && n != nil {
			return n, nil
		}
		if n := a.st.objects[objectKey{t, id}]; n != nil && n.cloud == a.w.o.cloud && n.visibleTo(a.w.o.tenant) {
			return n, nil
		}
		if kindOf(a.w.o.cloud).bySubnet {
			return nil, badRequest("Network object not found: subnet " + quote(id))
		}
	}
	if !auto {
		return nil, nil
	}
	profile, _ := a.w.o.cloud.body["ipam_provider_ref"].(*object)
	if profile == nil {
		return nil, nil
	}
	internal, _ := profile.body["internal_profile"].(message)
	for _, usable := range messages(internal["usable_networks"]) {
		if n, ok := usable["nw_ref"].(*object); ok && n.cloud == a.w.o.cloud {
			return n, nil
		}
	}
	return nil, nil
}

// number reads an integer of a canonical body; 0 if there is none.
func number(v any) int {
	n, _ := v.(json.Number)
	i, err := strconv.Atoi(n.String())
	if err != nil {
		return 0
	}
	return i
}
