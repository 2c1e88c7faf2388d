package avi

import (
	"fmt"
	"net/http"
	"strings"
)

// permissions names the right that a type falls under, where that isn't
// "PERMISSION_" and the type's name.
var permissions = map[string]string{
	"vsvip":                            "PERMISSION_VIRTUALSERVICE",
	"cluster":                          "PERMISSION_CONTROLLER",
	"ipamdnsproviderprofiledomainlist": "PERMISSION_IPAMDNSPROVIDERPROFILE",
}

// Permission names the right, as in a role's privileges, that a type of object
// falls under.
func Permission(typ string) string {
	typ, _, _ = strings.Cut(typ, "/")
	if p, ok := permissions[typ]; ok {
		return p
	}
	return "PERMISSION_" + strings.ToUpper(typ)
}

// nameRight adds to a refusal for want of a right which one it is: Avi's words
// don't say.
func (c *Client) nameRight(e *Error, method string) {
	if !forbidden(e) || !strings.Contains(strings.ToLower(e.Message), "permission") {
		return
	}
	access := "write"
	if method == http.MethodGet {
		access = "read"
	}
	e.Message = fmt.Sprintf("%s (user %q lacks %s, %s, in tenant %q)", e.Message, c.cfg.Username, Permission(e.Type), access, e.Tenant)
}
