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

// hostPathScriptSet builds the script that sends a plain request to the pool of
// its host and path: it asks the pool group for the label "host/path" in lower
// case, and the group, whose labels are implicit, takes the longest of its
// members' labels that the asked one begins with.
func hostPathScriptSet(s *Settings, name, tenant string) *models.VSDataScriptSet {
	set := scriptSet(s, name, tenant, "VS_DATASCRIPT_EVT_HTTP_REQ",
		strings.ReplaceAll(hostPathScript, "$GROUP", strconv.Quote(name)))
	set.PoolGroupRefs = []string{refTo(typePoolGroup, name)}
	return set
}

// hostPathScript is an Avi DataScript (Lua). "MODIFIED" reads the host as
// policies before the script have left it.
const hostPathScript = `-- akohub: pick the pool of the request's host and path.
local host = avi.http.get_host_tokens("MODIFIED", 1) or ""
local port = string.find(host, ":", 1, true)
if port then
  host = string.sub(host, 1, port - 1)
end
local path = avi.http.get_path_tokens(1) or ""
avi.poolgroup.select($GROUP, string.lower(host .. "/" .. path))
`

// serverNameScriptSet builds the script that hands a TLS connection to the pool
// group of the server name that the client asks for (l7.md §14.1).
func serverNameScriptSet(s *Settings, name, tenant string, groups []string) *models.VSDataScriptSet {
	var known strings.Builder
	for _, group := range groups {
		known.WriteString("  [" + strconv.Quote(strings.TrimPrefix(group, s.namePrefix())) + "] = true,\n")
	}
	set := scriptSet(s, name, tenant, "VS_DATASCRIPT_EVT_L4_REQUEST",
		strings.NewReplacer("$PREFIX", strconv.Quote(s.namePrefix()), "$KNOWN", known.String()).Replace(serverNameScript))
	for _, group := range groups {
		set.PoolGroupRefs = append(set.PoolGroupRefs, refTo(typePoolGroup, group))
	}
	set.ProtocolParserRefs = []string{refTo("protocolparser", "Default-TLS")}
	return set
}

// serverNameScript is an Avi DataScript (Lua). A name that no host has goes to
// the wildcard host above it, if there is one. A connection that is not TLS, or
// asks for no name that is served, is closed.
const serverNameScript = `-- akohub: pick the pool group of the server name in the TLS hello.
local hosts = {
$KNOWN}
local tls = require "Default-TLS"
local have = avi.l4.collect(20)
local need = tls.get_req_buffer_size(avi.l4.read())
if have < need then
  avi.l4.collect(need)
end
local hello = avi.l4.read()
local host = nil
if tls.sanity_check(hello) then
  local name = tls.get_sni(tls.parse_record(hello))
  if name ~= nil then
    name = string.lower(name)
    local above = string.gsub(name, "^[^.]+", "*", 1)
    if hosts[name] then
      host = name
    elseif hosts[above] then
      host = above
    end
  end
end
if host ~= nil then
  avi.poolgroup.select($PREFIX .. host)
else
  avi.vs.log("akohub: no host for this connection")
  avi.vs.close_conn()
end
avi.l4.ds_done()
`
