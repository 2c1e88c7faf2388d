package avisim

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strings"
)

// ipam hands out the addresses of VIPs. What is taken is kept by cloud and
// VRF, since two VRFs may use the same prefix.
type ipam struct {
	taken    map[addressKey]*object
	owned    map[*object][]allocation
	networks map[*object]*network
}

type addressKey struct {
	cloud, vrf *object
	addr       netip.Addr
}

// allocation is one address of a VIP.
type allocation struct {
	key       addressKey
	vipID     string
	network   *object // nil for an address that no network holds
	preferred bool    // the client chose it
	floating  bool    // the public address
}

func newIPAM() *ipam {
	return &ipam{taken: map[addressKey]*object{}, owned: map[*object][]allocation{}, networks: map[*object]*network{}}
}

func (m *ipam) find(o *object, vipID string, v6 bool) *allocation {
	for i, a := range m.owned[o] {
		if a.vipID == vipID && a.key.addr.Is6() == v6 && !a.floating {
			return &m.owned[o][i]
		}
	}
	return nil
}

func (m *ipam) findFloating(o *object, vipID string) *allocation {
	for i, a := range m.owned[o] {
		if a.vipID == vipID && a.floating {
			return &m.owned[o][i]
		}
	}
	return nil
}

// set makes the given allocations all that the object has.
func (m *ipam) set(o *object, as []allocation) {
	for _, a := range m.owned[o] {
		delete(m.taken, a.key)
	}
	delete(m.owned, o)
	for _, a := range as {
		m.taken[a.key] = o
	}
	if len(as) > 0 {
		m.owned[o] = as
	}
}

// network is what allocation needs of a Network object.
type network struct {
	modified int64
	vrf      *object
	subnets  []subnet
}

type subnet struct {
	prefix netip.Prefix
	ranges []addressRange
}

type addressRange struct{ begin, end netip.Addr }

// networkOf reads a Network object, once for each time that it is written.
func (st *store) networkOf(o *object) *network {
	if n := st.ipam.networks[o]; n != nil && n.modified == o.modified {
		return n
	}
	n, err := parseNetwork(o.body)
	if err != nil {
		n = &network{} // admitted bodies parse; this is for an impossible one
	}
	n.modified = o.modified
	n.vrf, _ = o.body["vrf_context_ref"].(*object)
	if n.vrf == nil {
		n.vrf = st.implied(o, "vrf_context_ref")
	}
	st.ipam.networks[o] = n
	return n
}

var networkRules = rules{
	admit: func(_ *store, w *write) error {
		_, err := parseNetwork(w.body)
		return err
	},
	removed: func(st *store, o *object) { delete(st.ipam.networks, o) },
}

func parseNetwork(body message) (*network, error) {
	n := &network{}
	for _, s := range messages(body["configured_subnets"]) {
		prefix, err := parsePrefix(s["prefix"])
		if err != nil {
			return nil, badRequest("Network.configured_subnets: " + err.Error())
		}
		sub := subnet{prefix: prefix}
		for _, r := range messages(s["static_ip_ranges"]) {
			if r["type"] == "STATIC_IPS_FOR_SE" {
				continue
			}
			bounds, _ := r["range"].(message)
			begin, err1 := parseAddress(bounds["begin"])
			end, err2 := parseAddress(bounds["end"])
			if err1 != nil || err2 != nil || begin.Is4() != end.Is4() || end.Less(begin) || !prefix.Contains(begin) || !prefix.Contains(end) {
				return nil, badRequest("Network.configured_subnets.static_ip_ranges: not a range within " + prefix.String())
			}
			sub.ranges = append(sub.ranges, addressRange{begin, end})
		}
		n.subnets = append(n.subnets, sub)
	}
	return n, nil
}

// messages returns the objects of a list field.
func messages(v any) []message {
	list, _ := v.([]any)
	out := make([]message, 0, len(list))
	for _, e := range list {
		if m, ok := e.(message); ok {
			out = append(out, m)
		}
	}
	return out
}

// parseAddress reads an IpAddr message.
func parseAddress(v any) (netip.Addr, error) {
	m, _ := v.(message)
	text, _ := m["addr"].(string)
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" || addr.Is4In6() {
		return netip.Addr{}, badRequest("invalid IP address " + quote(text))
	}
	if t, ok := m["type"].(string); ok && (t == "V4") != addr.Is4() && t != "DNS" {
		return netip.Addr{}, badRequest("IP address " + quote(text) + " is not of type " + t)
	}
	return addr, nil
}

// parsePrefix reads an IpAddrPrefix message.
func parsePrefix(v any) (netip.Prefix, error) {
	m, _ := v.(message)
	addr, err := parseAddress(m["ip_addr"])
	if err != nil {
		return netip.Prefix{}, err
	}
	prefix, err := addr.Prefix(number(m["mask"]))
	if err != nil {
		return netip.Prefix{}, badRequest("invalid mask of " + addr.String())
	}
	return prefix, nil
}

func ipAddr(addr netip.Addr) message {
	family := "V4"
	if addr.Is6() {
		family = "V6"
	}
	return message{"addr": addr.String(), "type": family}
}

// pick chooses a free address of the network: where a hash of the VIP's
// identity falls in the ranges, or the next one free. only, if valid, is the
// subnet to choose from.
func (n *network) pick(v6 bool, only netip.Prefix, identity string, free func(netip.Addr) bool) (netip.Addr, bool) {
	var ranges []addressRange
	var total uint64
	for _, s := range n.subnets {
		if s.prefix.Addr().Is6() != v6 || only.IsValid() && s.prefix != only {
			continue
		}
		for _, r := range s.ranges {
			size := r.size()
			if total+size < total {
				continue // more than 2^64 addresses: enough already
			}
			ranges = append(ranges, r)
			total += size
		}
	}
	if total == 0 {
		return netip.Addr{}, false
	}
	sum := sha256.Sum256([]byte(identity))
	start := binary.BigEndian.Uint64(sum[:8]) % total
	for i := range total {
		offset := start + i
		if offset >= total || offset < start {
			offset -= total
		}
		for _, r := range ranges {
			if size := r.size(); offset >= size {
				offset -= size
				continue
			}
			if addr := plus(r.begin, offset); free(addr) {
				return addr, true
			}
			break
		}
	}
	return netip.Addr{}, false
}

// size is the number of addresses in the range, at most 2^63.
func (r addressRange) size() uint64 {
	b, e := r.begin.As16(), r.end.As16()
	lo, borrow := bits.Sub64(binary.BigEndian.Uint64(e[8:]), binary.BigEndian.Uint64(b[8:]), 0)
	hi, _ := bits.Sub64(binary.BigEndian.Uint64(e[:8]), binary.BigEndian.Uint64(b[:8]), borrow)
	if hi > 0 || lo >= 1<<63 {
		return 1 << 63
	}
	return lo + 1
}

func plus(addr netip.Addr, n uint64) netip.Addr {
	b := addr.As16()
	lo, carry := bits.Add64(binary.BigEndian.Uint64(b[8:]), n, 0)
	binary.BigEndian.PutUint64(b[8:], lo)
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+carry)
	out := netip.AddrFrom16(b)
	if addr.Is4() {
		return out.Unmap()
	}
	return out
}

func (n *network) prefixOf(addr netip.Addr) (netip.Prefix, bool) {
	for _, s := range n.subnets {
		if s.prefix.Contains(addr) {
			return s.prefix, true
		}
	}
	return netip.Prefix{}, false
}

func (n *network) inRange(addr netip.Addr) bool {
	for _, s := range n.subnets {
		for _, r := range s.ranges {
			if r.begin.Compare(addr) <= 0 && addr.Compare(r.end) <= 0 {
				return true
			}
		}
	}
	return false
}

func (n *network) hasPrefix(p netip.Prefix) bool {
	for _, s := range n.subnets {
		if s.prefix == p {
			return true
		}
	}
	return false
}

// identity is what a VIP's address follows from.
func identity(o *object) string {
	return strings.Join([]string{o.tenant.name, nameOf(o.cloud), o.name}, "/")
}
