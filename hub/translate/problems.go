package translate

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/akohub/akohub/hub/mirror"
)

// Reasons of problems with Ingresses and Routes.
const (
	reasonClassMissing       = "IngressClassMissing"
	reasonUnsupportedMode    = "UnsupportedMode"
	reasonUnsupportedBackend = "UnsupportedBackend"
	reasonNoRules            = "NoRules"
	reasonNoPaths            = "NoPaths"
	reasonHostNotServed      = "HostNotServed"
	reasonServiceMissing     = "ServiceMissing"
	reasonPortMissing        = "ServicePortMissing"
	reasonSecretMissing      = "SecretMissing"
	reasonCertificateInvalid = "CertificateInvalid"
	reasonCertificateClash   = "CertificateConflict"
	reasonTLSWithoutHosts    = "TLSWithoutHosts"
	reasonTLSHostWithoutRule = "TLSHostWithoutRule"
	reasonHostConflict       = "HostConflict"
	// reasonDuplicateHostPath is AKO's word (l7.md §8.4).
	reasonDuplicateHostPath = "DuplicateHostPath"
	// reasonDuplicateHost is AKO's word for a host of several namespaces where
	// each has its own address (l7.md §8.4).
	reasonDuplicateHost = "DuplicateHost"
	// reasonIngressClaimed is AKO's word for an Ingress that a strict reuse policy
	// refuses (l7.md §5.3), reasonRouteClaimed ours for such a Route, whose status
	// has the words of statusRouteClaimed.
	reasonIngressClaimed = "IngressUpdateEvent"
	reasonRouteClaimed   = "HostAlreadyClaimed"
	statusRouteClaimed   = "Host already Claimed"
	// reasonSameService is AKO's word for a Route that names a Service twice, in
	// its status too (l7.md §15.1).
	reasonSameService            = "MultipleBackendsWithSameServiceError"
	reasonUnsupportedTermination = "UnsupportedTermination"
	reasonNoHost                 = "NoHost"
	reasonNameTooLong            = "NameTooLong"
)

func newProblem(obj mirror.Ref, uid, reason, message string) *Problem {
	return &Problem{Object: obj, UID: uid, Reason: reason, Message: message}
}

// problem adds to what the owner of an object should know.
func (f *Fragment) problem(obj mirror.Ref, uid, reason, format string, args ...any) {
	f.Problems = append(f.Problems, *newProblem(obj, uid, reason, fmt.Sprintf(format, args...)))
}

func compareProblems(a, b Problem) int {
	return cmp.Or(
		compareRefs(a.Object, b.Object),
		cmp.Compare(a.UID, b.UID),
		cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(a.Message, b.Message),
	)
}

// sortProblems sorts in place and drops doubles.
func sortProblems(ps []Problem) []Problem {
	slices.SortFunc(ps, compareProblems)
	return slices.Compact(ps)
}
