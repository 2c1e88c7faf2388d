package translate

import (
	"net/url"
	"strings"
)

// ptr returns a pointer to a copy of v, for the optional fields of the models.
func ptr[T any](v T) *T { return &v }

// refTo is a reference to an Avi object by its name, as the controller
// resolves it in the tenant of the request (l4-infra.md §0, "Avi refs").
func refTo(typ, name string) string {
	return "/api/" + typ + "/?name=" + escapeName(name)
}

// ref is refTo for an optional field.
func ref(typ, name string) *string { return ptr(refTo(typ, name)) }

// refByID is a reference by UUID, for objects whose name is not unique
// (networks of a vCenter).
func refByID(typ, uuid string) *string { return ptr("/api/" + typ + "/" + uuid) }

// escapeName escapes what would not survive in a URL's query. Most names need
// nothing, and then the reference reads as AKO's.
func escapeName(name string) string {
	if strings.IndexFunc(name, needsEscape) < 0 {
		return name
	}
	return url.QueryEscape(name)
}

func needsEscape(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	case strings.ContainsRune("-._~/:,*", r):
		return false
	}
	return true
}
