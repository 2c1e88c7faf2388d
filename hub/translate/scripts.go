package translate

import (
	"strconv"
	"strings"

	"github.com/vmware/alb-sdk/go/models"
)

// scriptSet builds a set with one data script.
func scriptSet(s *Settings, name, tenant, event, script string) *models.VSDataScriptSet {
	return &models.VSDataScriptSet{
		Name:       &name,
		TenantRef:  ref("tenant", tenant),
		CreatedBy:  ptr(s.CreatedBy()),
		Datascript: []*models.VSDataScript{{Evt: &event, Script: &script}},
		Markers:    markers(s),
	}
}

// wildcards returns, as the fields of Lua tables, the wildcard hosts among hosts,
// and those other hosts that a wildcard would take if it were not for their own
// rules. A wildcard stands for one label, as in Kubernetes. Without wildcard
// hosts both are empty, so that a script need not change with every host.
func wildcards(hosts []string) (wild, own string) {
	above := map[string]bool{}
	for _, host := range hosts {
		if strings.HasPrefix(host, "*.") {
			above[host] = true
		}
	}
	if len(above) == 0 {
		return "", ""
	}
	var w, o strings.Builder
	for _, host := range hosts {
		field := "[" + strconv.Quote(host) + "]=true,"
		if above[host] {
			w.WriteString(field)
		} else if _, domain, ok := strings.Cut(host, "."); ok && above["*."+domain] {
			o.WriteString(field)
		}
	}
	return w.String(), o.String()
}

// hostPathScriptSet builds the script that sends a plain request to the pool of
// its host and path: it asks the pool group for the label "host/path" in lower
// case, and the group, whose labels are implicit, takes the longest of its
// members' labels that the asked one begins with. AKO's script knows no
// wildcards.
func hostPathScriptSet(s *Settings, name, tenant string, members []*models.PoolGroupMember) *models.VSDataScriptSet {
	var hosts []string
	for _, m := range members {
		host, _, _ := strings.Cut(*m.PriorityLabel, "/")
		hosts = append(hosts, host)
	}
	wild, own := wildcards(sortedNames(hosts))
	set := scriptSet(s, name, tenant, "VS_DATASCRIPT_EVT_HTTP_REQ",
		strings.NewReplacer("$GROUP", strconv.Quote(name), "$WILD", wild, "$OWN", own).Replace(hostPathScript))
	set.PoolGroupRefs = []string{refTo(typePoolGroup, name)}
	return set
}

// hostPathScript is an Avi DataScript (Lua). "MODIFIED" reads the host as
// policies before the script have left it.
const hostPathScript = `-- akohub: pick the pool of the request's host and path.
local wild = {$WILD}
local own = {$OWN}
local host = string.lower(avi.http.get_host_tokens("MODIFIED", 1) or "")
local port = string.find(host, ":", 1, true)
if port then
  host = string.sub(host, 1, port - 1)
end
local above = string.gsub(host, "^[^.]+", "*", 1)
if wild[above] and not own[host] then
  host = above
end
local path = avi.http.get_path_tokens(1) or ""
avi.poolgroup.select($GROUP, string.lower(host .. "/" .. path))
`

// serverNameScriptSet builds the script that hands a TLS connection to the pool
// group of the server name that the client asks for (l7.md §14.1).
func serverNameScriptSet(s *Settings, name, tenant string, groups []string) *models.VSDataScriptSet {
	var hosts []string
	for _, group := range groups {
		hosts = append(hosts, strings.TrimPrefix(group, s.namePrefix()))
	}
	wild, own := wildcards(hosts)
	set := scriptSet(s, name, tenant, "VS_DATASCRIPT_EVT_L4_REQUEST",
		strings.NewReplacer("$PREFIX", strconv.Quote(s.namePrefix()), "$WILD", wild, "$OWN", own).Replace(serverNameScript))
	for _, group := range groups {
		set.PoolGroupRefs = append(set.PoolGroupRefs, refTo(typePoolGroup, group))
	}
	set.ProtocolParserRefs = []string{refTo("protocolparser", "Default-TLS")}
	return set
}

// serverNameScript is an Avi DataScript (Lua). A connection that is not TLS, or
// names no server, is closed.
const serverNameScript = `-- akohub: pick the pool group of the server name in the TLS hello.
local wild = {$WILD}
local own = {$OWN}
local tls = require "Default-TLS"
local have = avi.l4.collect(20)
local need = tls.get_req_buffer_size(avi.l4.read())
if have < need then
  avi.l4.collect(need)
end
local hello = avi.l4.read()
local name = nil
if tls.sanity_check(hello) then
  name = tls.get_sni(tls.parse_record(hello))
end
if name ~= nil then
  name = string.lower(name)
  local above = string.gsub(name, "^[^.]+", "*", 1)
  if wild[above] and not own[name] then
    name = above
  end
  avi.poolgroup.select($PREFIX .. name)
else
  avi.vs.log("akohub: the connection names no server")
  avi.vs.close_conn()
end
avi.l4.ds_done()
`
