package avisim

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Assumptions are behaviours of a real controller that could not be
// confirmed. The zero value is the likeliest, strictest reading.
type Assumptions struct {
	// DeleteRefused is the status of a DELETE of an object that others refer
	// to. Zero means 412.
	DeleteRefused int
	// CSRFRefused is the status of a write without a valid CSRF token or
	// Referer. Zero means 401.
	CSRFRefused int
	// SessionEnded is the status of a request whose session has expired or was
	// lost; some clients expect 419. Zero means 401.
	SessionEnded int
	// AccountLocked is the status of a login after too many failed ones. Zero
	// means 401.
	AccountLocked int
	// LimitRefused is the status of a write beyond a system limit. Zero means
	// 400.
	LimitRefused int
	// ForeignChange is the status of a change of admin's object from another
	// tenant. Zero means 400, which was observed for VrfContext.
	ForeignChange int
	// RefuseNewerFields refuses a write with a field that is newer than the
	// request's X-Avi-Version.
	RefuseNewerFields bool
	// SharedApplications shows admin's virtual services, pools and the like in
	// every tenant, as it does its profiles.
	SharedApplications bool
	// FirstCloud takes the first cloud's object for a name that is in several,
	// where the referring object is in none.
	FirstCloud bool
	// NoImpliedRefs leaves absent references (VRF, SE group, profiles) absent
	// in reads.
	NoImpliedRefs bool
	// OmitSensitive leaves private keys and passwords out of reads, instead of
	// showing "<sensitive>".
	OmitSensitive bool
	// NoPatchPaths refuses field names with dots in a PATCH.
	NoPatchPaths bool
	// NoMacroLists takes one object in a macro, no list of them.
	NoMacroLists bool
	// EmptyPages answers a page beyond the last with no results, instead of
	// 404.
	EmptyPages bool
	// ListAllTenants shows a user tenants that they may not enter.
	ListAllTenants bool
	// RangeOnly refuses a preferred address that is in the subnet, but in none
	// of the network's ranges.
	RangeOnly bool
	// AnyCertificate stores PEM text without looking at it.
	AnyCertificate bool
	// AnyPlacement takes VIPs that a cloud of the type may not support, on
	// networks that the IPAM profile doesn't list, or in another VRF.
	AnyPlacement bool
	// AnyDomain takes DNS names outside the cloud's domains.
	AnyDomain bool
	// UniqueNames refuses a DNS name that another VsVip of the cloud has.
	UniqueNames bool
	// NoVIP takes virtual services without a VIP.
	NoVIP bool
	// SharedProvider lets tenants refer to admin's SE groups and VRFs whatever
	// their settings say.
	SharedProvider bool
	// AllowPortConflicts lets virtual services share a port of a VIP.
	AllowPortConflicts bool
}

// ParseAssumptions reads switches as a command line has them: the name of a
// field for one that is on or off, "NAME=STATUS" for one with a status.
func ParseAssumptions(switches []string) (Assumptions, error) {
	var a Assumptions
	v := reflect.ValueOf(&a).Elem()
	for _, s := range switches {
		name, value, given := strings.Cut(s, "=")
		f := v.FieldByName(name)
		switch {
		case !f.IsValid():
			return a, fmt.Errorf("no assumption is called %q", name)
		case f.Kind() == reflect.Bool && !given:
			f.SetBool(true)
		case f.Kind() == reflect.Bool:
			return a, fmt.Errorf("assumption %s is on or off, and takes no value", name)
		default:
			status, err := strconv.Atoi(value)
			if err != nil || status < 400 || status > 599 {
				return a, fmt.Errorf("assumption %s needs a status from 400 to 599, as in %s=403", name, name)
			}
			f.SetInt(int64(status))
		}
	}
	return a, nil
}
